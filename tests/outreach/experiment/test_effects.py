from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from ltvml.errors import DataContractError
from ltvml.outreach.experiment.effects import (
    USUAL_SPREAD,
    Effects,
    Shift,
    learn,
    level_of,
    measured_shift,
    pooled,
    shrunk,
    spread_of,
)

EXACT = 1e-9
CAMPAIGNS = 400
# .95 less three binomial standard errors of 400 campaigns
LEAST_COVERED = 0.95 - 3 * np.sqrt(0.95 * 0.05 / CAMPAIGNS)


def arms(treat: tuple[int, int], holdout: tuple[int, int], action: str = "win_back") -> pd.DataFrame:
    """Rows of an action from (buyers, customers) of each arm."""
    bought = [i < treat[0] for i in range(treat[1])] + [i < holdout[0] for i in range(holdout[1])]
    return pd.DataFrame({"action": action, "group": ["treat"] * treat[1] + ["holdout"] * holdout[1], "bought": bought})


def simulated(draw: np.random.Generator, effect: float, n: int = 4000, bias: float = 0.0) -> pd.DataFrame:
    """An action that shifts the logit, with predictions that are off by a constant."""
    odds = draw.normal(-2, 1.2, n)
    treated = draw.random(n) < 0.8
    bought = draw.random(n) < expit(odds + effect * treated)
    return pd.DataFrame(
        {"action": "x", "group": np.where(treated, "treat", "holdout"), "bought": bought, "p_buy": expit(odds + bias)}
    )


def test_without_predictions_the_shift_is_the_log_odds_ratio_with_woolfs_error():
    rows = arms((199, 999), (99, 999))
    found = learn(rows).effects[0]
    # half an event on each side: 199.5 of 1000 and 99.5 of 1000
    assert found.raw_shift == pytest.approx(math.log(199.5 / 800.5) - math.log(99.5 / 900.5), abs=EXACT)
    woolf = math.sqrt(1 / 199.5 + 1 / 800.5 + 1 / 99.5 + 1 / 900.5)
    assert found.raw_standard_error == pytest.approx(woolf, rel=2e-3)


def test_shrinking_is_the_normal_posterior():
    raw = Shift(0.3, 0.1, 1000, 1000)
    effects = shrunk({"a": raw})
    kept = effects.spread**2 / (effects.spread**2 + 0.1**2)
    assert effects.effects[0].shift == pytest.approx(0.3 * kept, abs=EXACT)
    assert effects.effects[0].standard_error == pytest.approx(1 / math.sqrt(1 / effects.spread**2 + 100), abs=EXACT)


def test_the_spread_of_many_effects_is_the_true_one_and_that_of_few_the_usual():
    draw = np.random.default_rng(0)
    errors = np.full(3000, 0.1)
    shifts = draw.normal(0, 0.35, 3000) + draw.normal(0, 0.1, 3000)
    assert spread_of(shifts, errors) == pytest.approx(0.35, abs=0.02)
    assert spread_of([0.2], [0.05]) == pytest.approx(USUAL_SPREAD, abs=0.02)
    assert spread_of(draw.normal(0, 0.1, 3000), errors) < 0.05


@pytest.mark.parametrize("bias", [0.0, -1.0])
def test_intervals_cover_the_shift_whatever_the_level_of_the_predictions(bias):
    draw = np.random.default_rng(1)
    found = [learn(simulated(draw, 0.4, bias=bias)).effects[0] for _ in range(CAMPAIGNS)]
    inside = [abs(effect.raw_shift - 0.4) <= 1.96 * effect.raw_standard_error for effect in found]
    assert np.mean(inside) >= LEAST_COVERED
    assert np.mean([effect.raw_shift for effect in found]) == pytest.approx(0.4, abs=0.02)


def test_shrunk_effects_are_nearer_to_the_truth_than_raw_ones():
    draw = np.random.default_rng(2)
    truth = draw.normal(0, 0.15, 200)
    errors = draw.uniform(0.05, 0.4, 200)
    raw = truth + errors * draw.normal(0, 1, 200)
    names = [f"{i:03}" for i in range(200)]
    found = shrunk({name: Shift(d, s, 1, 1) for name, d, s in zip(names, raw, errors, strict=True)})
    better = np.array([found.shift_of(name) for name in names])
    assert np.mean((better - truth) ** 2) < 0.6 * np.mean((raw - truth) ** 2)


def test_predictions_that_say_who_buys_leave_less_unknown():
    rows = simulated(np.random.default_rng(3), 0.4)
    assert learn(rows).effects[0].raw_shift == pytest.approx(0.4, abs=3 * 0.12)
    # the marginal log odds ratio lies nearer to none than the shift that the plan applies to each customer
    draw = np.random.default_rng(4)
    many = simulated(draw, 1.0, n=200_000)
    marginal = learn(many.drop(columns="p_buy")).effects[0].raw_shift
    assert learn(many).effects[0].raw_shift == pytest.approx(1.0, abs=0.05)
    assert marginal < 0.9


def test_an_action_with_an_empty_arm_or_few_purchases_stays_assumed():
    rows = pd.concat([arms((5, 50), (0, 0), "a"), arms((1, 30), (0, 5), "b"), arms((300, 3000), (200, 3000), "c")])
    effects = learn(rows)
    assert effects.unmeasured == ("a", "b")
    assert effects.shift_of("a") is None
    assert effects.shift_of("c") > 0
    unmeasured = "a, b: too few customers or purchases to measure the effect; the assumed effect is used."
    assert effects.words[1:] == (unmeasured,)


def test_nobody_or_everybody_bought_gives_a_finite_level_with_a_large_error():
    for bought in (np.zeros(100), np.ones(100)):
        level, variance = level_of(bought, np.zeros(100))
        assert abs(level) == pytest.approx(logit(100.5 / 101), abs=EXACT)
        assert variance > 1


def test_the_words_of_an_effect_give_its_interval_and_no_second_verdict():
    words = learn(arms((600, 3000), (300, 3000))).words[0]
    assert re.fullmatch(r"win-back: odds of buying \+[\d.]+ % \(95 % interval .* to .*, after shrinkage\)\.", words)
    assert "significant" not in words


def test_effects_are_read_back_from_json_as_they_were():
    effects = learn(pd.concat([arms((300, 3000), (200, 3000)), arms((1, 9), (0, 3), "b")]))
    assert Effects.from_dict(json.loads(json.dumps(effects.to_dict()))) == effects
    with pytest.raises(DataContractError, match="format 2"):
        Effects.from_dict(effects.to_dict() | {"format_version": 2})


def test_two_campaigns_pooled_are_near_one_of_both():
    draw = np.random.default_rng(5)
    first, second = simulated(draw, 0.3), simulated(draw, 0.3)
    both = learn(pd.concat([first, second])).effects[0]
    together = pooled([learn(first), learn(second)]).effects[0]
    assert together.raw_shift == pytest.approx(both.raw_shift, abs=0.02)
    assert together.raw_standard_error == pytest.approx(both.raw_standard_error, rel=0.02)
    assert (together.treat, together.holdout) == (both.treat, both.holdout)


def test_row_order_is_irrelevant():
    rows = simulated(np.random.default_rng(6), 0.3)
    again = learn(rows.sample(frac=1, random_state=0)).effects[0]
    assert again.raw_shift == pytest.approx(learn(rows).effects[0].raw_shift, abs=EXACT)


def test_an_empty_arm_measures_nothing():
    nobody, all_of_them = np.zeros(3, dtype=bool), np.ones(3, dtype=bool)
    found = measured_shift(np.ones(3), np.zeros(3), treated=all_of_them, held_out=nobody)
    assert not found.measured
    assert (found.treat, found.holdout) == (3, 0)

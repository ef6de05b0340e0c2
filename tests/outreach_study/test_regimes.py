"""The simulated regimes are what their words say."""

from __future__ import annotations

import numpy as np
import pytest
from outreach_study.regimes import LOYAL, REGIMES, RegimeName, simulate_regime, simulate_trial

CUSTOMERS = 50_000
FOUR_ERRORS = 4


def test_equal_is_the_same_effect_for_everybody() -> None:
    assert len(set(simulate_regime("equal", 1000, random_state=0).effect.tolist())) == 1


def test_the_undecided_are_moved_and_the_others_are_not() -> None:
    shop = simulate_regime("undecided", CUSTOMERS, random_state=0)
    distance = np.abs(shop.customers["p_buy"].to_numpy() - 0.5)
    assert shop.effect[distance < 0.05].min() > 10 * shop.effect[distance > 0.45].max()


def test_the_loyal_are_put_off_and_only_they() -> None:
    shop = simulate_regime("negative_loyal", CUSTOMERS, random_state=0)
    assert ((shop.effect < 0) == (shop.customers["p_buy"] >= LOYAL)).all()
    assert ((shop.gain() < 0) == (shop.effect < 0)).all()


@pytest.mark.parametrize("name", REGIMES)
def test_a_trial_shows_the_true_effect(name: RegimeName) -> None:
    shop = simulate_regime(name, CUSTOMERS, random_state=1)
    trial = simulate_trial(shop, share=0.5, random_state=2)
    seen = trial.bought[trial.treated].mean() - trial.bought[~trial.treated].mean()
    true = (shop.treated_chance - shop.customers["p_buy"].to_numpy()).mean()
    assert abs(seen - true) < FOUR_ERRORS * 2 * 0.5 / np.sqrt(CUSTOMERS)


def test_the_same_seed_gives_the_same_shop() -> None:
    one, two = (simulate_regime("equal", 100, random_state=3) for _ in range(2))
    assert one.customers.equals(two.customers)

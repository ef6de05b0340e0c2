"""Intervals carried to another horizon, against intervals that were learned there."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.bundle.levels import Levels
from ltvml.evaluation.intervals import ValueIntervals
from ltvml.evaluation.selection import Fold

# four cutoffs of 4,000 customers; the amounts are carried by one factor, where those of a longer window differ in shape
COVERAGE = 0.05
RATE, MEAN = 1 / 60, 20.0


def folds(horizon: int, random_state: int) -> list[Fold]:
    """Poisson buyers of gamma rates, predicted by their own rate."""
    draw = np.random.default_rng(random_state)
    found = []
    for cutoff in range(4):
        rate = draw.gamma(0.7, RATE / 0.7, 4_000)
        bought = draw.poisson(rate * horizon)
        spend = np.where(bought > 0, draw.gamma(np.maximum(bought, 1) * 3.0, MEAN / 3.0), 0.0)
        everybody = {"decides": np.ones(len(rate), dtype=bool)}
        predicted = {"rate": rate * horizon * MEAN}
        found.append(
            Fold(100 * cutoff, horizon, np.arange(len(rate)), (bought > 0).astype(float), spend, everybody, predicted)
        )
    return found


def level(days: int) -> tuple[float, float]:
    """Mean value and share of buyers: 1 - E[exp(-rate t)] of a gamma rate."""
    return RATE * days * MEAN, 1 - (1 + RATE / 0.7 * days) ** -0.7


def share_inside(learned: int, asked: int) -> float:
    days = (30, 90, 365)
    levels = Levels(days, *zip(*map(level, days), strict=True))
    here = ValueIntervals.fit(folds(learned, 1), "rate", scale=level(learned)[0])
    there = levels.carry(here, learned=learned, asked=asked)
    inside = [there.inside(fold.predictions["rate"], fold.spend).mean() for fold in folds(asked, 2)]
    return float(np.mean(inside))


@pytest.mark.parametrize(("learned", "asked"), [(90, 30), (365, 90)])
def test_the_share_inside_holds_at_a_shorter_horizon(learned: int, asked: int) -> None:
    assert share_inside(learned, asked) == pytest.approx(0.8, abs=COVERAGE)


def test_at_a_horizon_four_times_as_long_intervals_are_wide_and_not_narrow() -> None:
    # amounts over several purchases even out, which one factor cannot know: the error is on the side of caution
    assert 0.8 - COVERAGE <= share_inside(90, 365) <= 0.92


def test_between_two_horizons_the_level_is_read_on_a_logarithmic_axis() -> None:
    levels = Levels((10, 1000), (1.0, 3.0), (0.2, 0.4))
    assert levels.at(100) == pytest.approx((2.0, 0.3))
    assert Levels.from_dict(levels.to_dict()) == levels

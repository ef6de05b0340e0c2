"""Every link against its own finite differences, and against what it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from ltvml.reasons.shapley import Linear, LogChanceTimesSpend, LogOfSum, LogRatioOfChances, NoEvent

STEP = 1e-6
DIFFERENCE = 1e-7
"""A central difference with this step is off by about its square, plus rounding over the step."""
ROUNDING = 1e-12

RAW = np.random.default_rng(5).normal(0, 2, (50, 2))
LINKS = (
    Linear((-0.5, 2.0), 1.0),
    NoEvent(),
    LogChanceTimesSpend(0.3),
    LogRatioOfChances(),
    LogOfSum((0.2, 4.0)),
    LogOfSum((0.0, 1.0)),
)


@pytest.mark.parametrize("link", LINKS, ids=repr)
def test_the_gradient_is_that_of_the_value(link):
    differences = [
        (link.value(RAW + STEP * unit) - link.value(RAW - STEP * unit)) / (2 * STEP) for unit in np.eye(RAW.shape[1])
    ]
    assert link.gradient(RAW) == pytest.approx(np.column_stack(differences), abs=DIFFERENCE)


def test_no_event_is_the_product_of_what_is_left():
    survival = np.prod(1 - expit(RAW), axis=1)
    assert NoEvent().value(RAW) == pytest.approx(logit(survival), abs=1e-9)


def test_a_chance_times_a_spend():
    value = np.exp(LogChanceTimesSpend(np.log(7.0)).value(RAW))
    assert value == pytest.approx(7 * expit(RAW[:, 0]) * np.exp(RAW[:, 1]), rel=ROUNDING)


def test_a_weighted_sum():
    assert np.exp(LogOfSum((0.2, 4.0)).value(RAW)) == pytest.approx(np.exp(RAW) @ [0.2, 4.0], rel=ROUNDING)

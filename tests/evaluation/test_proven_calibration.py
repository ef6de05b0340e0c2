"""A correction has to prove itself at every past cutoff."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from ltvml.evaluation.calibration import proven_calibration

CUSTOMERS = 8_000


def window(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a model said of customers whose log-odds it misses by `shift`."""
    rng = np.random.default_rng(seed)
    predicted = rng.beta(2, 3, CUSTOMERS)
    bought = (rng.random(CUSTOMERS) < expit(logit(predicted) + shift)).astype(float)
    return predicted, bought, rng.integers(0, 2**32, CUSTOMERS)


def test_an_error_that_carries_over_is_corrected() -> None:
    newest = window(1, 0.6)
    found = proven_calibration([newest, window(2, 0.6), window(3, 0.6)])
    assert found.method != "none"
    assert abs(found.apply(newest[0]).mean() - newest[1].mean()) < abs(newest[0].mean() - newest[1].mean())


def test_an_error_of_one_window_alone_as_a_season_makes_it_is_left() -> None:
    assert proven_calibration([window(1, 0.6), window(2, 0.6), window(3, -0.6)]).method == "none"


def test_two_windows_prove_nothing() -> None:
    assert proven_calibration([window(1, 0.6), window(2, 0.6)]).method == "none"


def test_a_calibrated_model_is_left_as_it_is() -> None:
    assert proven_calibration([window(3, 0.0), window(4, 0.0), window(5, 0.0)]).method == "none"

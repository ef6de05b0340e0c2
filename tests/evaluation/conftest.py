"""Past cutoffs of a simulated shop whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import expit

from ltvml.evaluation.election import Round

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Noise = dict[str, float]


def shop_rounds(
    noise: Noise,
    *,
    role: str = "repurchase",
    customers: int = 2_000,
    cutoffs: int = 3,
    random_state: int = 0,
    level: NDArray[np.float64] | None = None,
) -> list[Round]:
    """Every candidate knows the truth but for normal noise of its own on the log-odds.

    `level` multiplies what is truly spent at each cutoff, unknown to every candidate.
    """
    rng = np.random.default_rng(random_state)
    shop_level = np.ones(cutoffs) if level is None else level
    habit = rng.normal(-1.2, 1.5, customers)
    worth = np.exp(3 + 0.5 * habit + rng.normal(0, 0.5, customers))
    rounds = []
    for cutoff in range(cutoffs):
        odds = habit + rng.normal(0, 0.3, customers)
        bought = (rng.random(customers) < expit(odds)).astype(float)
        spend = shop_level[cutoff] * bought * worth * rng.gamma(2.0, 0.5, customers)
        chances = {name: expit(odds + rng.normal(0, sd, customers)) for name, sd in noise.items()}
        predictions = chances if role == "repurchase" else {name: p * worth for name, p in chances.items()}
        everybody = np.ones(customers, dtype=bool)
        segments = {"decides": habit > -4, "everybody": everybody, "few": np.arange(customers) < 20}
        rounds.append(Round(100 + 90 * cutoff, 90, np.arange(customers), bought, spend, segments, predictions))
    return rounds


@pytest.fixture(scope="session")
def simulated() -> Callable[..., list[Round]]:
    """`shop_rounds`, for tests that draw many shops."""
    return shop_rounds

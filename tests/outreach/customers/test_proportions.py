"""Wilson's interval against an implementation of its own kind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from ltvml.outreach.customers.ladder import wilson

# the same closed form in the same precision
EXACT = 1e-12


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 40), (3, 40), (40, 40), (8827, 23570)])
def test_the_interval_is_that_of_scipy(successes: int, trials: int) -> None:
    found = wilson([successes], [trials])
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert found.lo[0] == pytest.approx(expected.low, abs=EXACT)
    assert found.hi[0] == pytest.approx(expected.high, abs=EXACT)


def test_without_a_trial_nothing_is_known() -> None:
    found = wilson([0], [0])
    assert np.isnan(found.share[0])
    assert (found.lo[0], found.hi[0]) == (0, 1)

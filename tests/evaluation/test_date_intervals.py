from __future__ import annotations

import json

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation.date_intervals import DateFold, DateWindow, choose_window, date_coverage

HORIZON = 90
LEVELS = np.linspace(0.01, 0.99, 99)
# dates are whole days, both ends included: at most a day of ninety on either side, and three standard errors of 4,000
ROUGHLY = 0.04


def dates(*, narrow: float = 1.0, customers: int = 4_000, random_state: int = 0) -> DateFold:
    """Waits spread evenly over the horizon; quantiles drawn to the median by `narrow`."""
    rng = np.random.default_rng(random_state)
    wait = np.ceil(rng.uniform(0, 2 * HORIZON, customers))
    wait[wait > HORIZON] = np.inf
    days = HORIZON * (0.5 + narrow * (LEVELS - 0.5))
    return DateFold(HORIZON, wait, LEVELS, np.tile(days, (customers, 1)))


def test_true_quantiles_cover_80_percent_of_those_who_came_back():
    assert date_coverage([dates()]) == pytest.approx(0.80, abs=ROUGHLY)


def test_coverage_by_hand():
    days = np.array([[2.5, 8.0, 20.2]] * 5)
    fold = DateFold(30, np.array([2.0, 3.0, 21.0, 22.0, np.inf]), np.array([0.1, 0.5, 0.9]), days)
    # the window reads from day 3 to day 21; the fifth never came back
    assert fold.inside(1.0).tolist() == [False, True, True, False]
    assert date_coverage([fold]) == 0.5


def test_windows_that_cover_stay_as_they_are():
    window = choose_window([dates(), dates(random_state=1)])
    assert window.stretch == 1.0
    assert window.levels == pytest.approx((0.1, 0.9))
    assert window.words.endswith("(target 80 %), so it is kept.")


@pytest.mark.parametrize(("narrow", "side"), [(0.85, 1), (1.15, -1)])
def test_windows_that_are_off_are_stretched_until_later_dates_are_covered(narrow, side):
    window = choose_window([dates(narrow=narrow), dates(narrow=narrow, random_state=1)])
    assert np.sign(window.stretch - 1) == side
    later = dates(narrow=narrow, random_state=2)
    assert date_coverage([later], window.stretch) == pytest.approx(0.80, abs=ROUGHLY)
    assert " quantiles are used." in window.words


def test_few_returns_change_nothing():
    window = choose_window([dates(narrow=0.5, customers=100)])
    assert window.stretch == 1.0
    assert window.covered is None
    assert "too few" in window.words


def test_nobody_who_came_back_is_an_error_that_says_so():
    fold = DateFold(30, np.full(3, np.inf), LEVELS, np.ones((3, 99)))
    with pytest.raises(DataContractError, match="no customer bought within the horizon"):
        date_coverage([fold])


def test_window_survives_json_exactly():
    window = choose_window([dates(narrow=0.85)])
    assert DateWindow.from_dict(json.loads(json.dumps(window.to_dict()))) == window

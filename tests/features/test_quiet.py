"""A long stretch without orders is found, and chance is not called one."""

from __future__ import annotations

import numpy as np
import pytest

from ltvml.features.quiet import quiet_stretch, quiet_words

DRAWS = 200


def test_half_a_year_without_orders_is_named_by_its_ends():
    words = quiet_words(np.r_[np.arange(18_000, 18_150), np.arange(18_332, 18_400)])
    assert words.startswith("No order between 2019-09-10 and 2020-03-11 (182 days)")


@pytest.mark.parametrize("every", [1, 3, 30, 90])
def test_orders_every_so_many_days_are_no_stretch(every):
    assert quiet_stretch(np.arange(0, 2000, every)) is None


def test_a_fortnight_of_holidays_in_a_shop_of_every_day_is_none():
    assert quiet_stretch(np.r_[np.arange(200), np.arange(214, 400)]) is None


@pytest.mark.parametrize("share", [0.03, 0.2, 0.7])
def test_days_at_random_hardly_ever_have_one(share):
    rng = np.random.default_rng(0)
    found = [quiet_stretch(np.flatnonzero(rng.random(800) < share)) for _ in range(DRAWS)]
    # three times the expected longest gap: a chance of about 1 in n^2
    assert sum(one is not None for one in found) <= DRAWS // 100


@pytest.mark.parametrize("days", [[], [5], [5, 6]])
def test_hardly_any_days_are_none(days):
    assert quiet_stretch(np.array(days, dtype=np.int64)) is None

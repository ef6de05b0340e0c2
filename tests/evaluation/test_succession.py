"""Whether a challenger is worse: against simulated shops in which it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from ltvml.evaluation.same_shop import first_orders, shared_customers
from ltvml.evaluation.succession import SIGNIFICANT, chance_of_so_low, succession
from tests.conftest import shop_folds

SHOPS = 150
# of so many tests at 5 %, a number beyond these comes by chance in one of 1,000 rounds
FEWEST, MOST = binom.ppf([0.0005, 0.9995], SHOPS, SIGNIFICANT)


def compared(champion: float, challenger: float, *, role: str = "repurchase", shops: int = SHOPS, **shop):
    """Two models with noise of their own on the log-odds, in many shops."""
    noise = {"champion": champion, "challenger": challenger}
    return [
        succession(shop_folds(noise, role=role, random_state=seed, **{"cutoffs": 2, **shop}), role)
        for seed in range(shops)
    ]


@pytest.mark.parametrize("role", ["repurchase", "value"])
def test_equal_models_are_refused_as_often_as_the_test_says(role):
    refused = sum(one.p < SIGNIFICANT for one in compared(0.5, 0.5, role=role))
    assert FEWEST <= refused <= MOST


def test_a_worse_challenger_is_refused_and_a_better_one_is_not():
    assert sum(one.worse for one in compared(0.3, 0.8, shops=40)) >= 36
    assert sum(one.worse for one in compared(0.8, 0.3, shops=40)) == 0


def test_a_large_loss_is_no_weaker_a_reason_where_customers_are_few():
    weak = [one for one in compared(0.1, 1.5, shops=40, customers=60) if one.p >= SIGNIFICANT and one.advantage < -0.02]
    assert weak
    assert all(one.worse and "too few" in one.words for one in weak)


def test_a_customer_in_two_windows_is_one():
    fold = shop_folds({"champion": 0.5, "challenger": 0.6}, cutoffs=1)[0]
    one, twice = (
        succession([fold], "repurchase"),
        succession([fold, replace(fold, origin=fold.origin + 1)], "repurchase"),
    )
    assert twice.customers == one.customers
    assert twice.standard_error == pytest.approx(one.standard_error, rel=1e-12)


def test_a_total_that_is_far_off_is_worse_however_good_the_ranking():
    folds = shop_folds({"champion": 0.3}, role="value", cutoffs=2)
    doubled = [
        replace(fold, predictions={**fold.predictions, "challenger": 2 * fold.predictions["champion"]})
        for fold in folds
    ]
    found = succession(doubled, "value")
    assert found.advantage == pytest.approx(0, abs=1e-12)
    assert found.worse
    assert "off by" in found.words


def test_the_same_model_is_not_worse_and_nothing_to_compare_is_none():
    folds = shop_folds({"champion": 0.5}, cutoffs=1)
    same = [
        replace(fold, predictions=dict.fromkeys(("champion", "challenger"), fold.predictions["champion"]))
        for fold in folds
    ]
    assert not succession(same, "repurchase").worse
    nobody = [replace(fold, bought=np.zeros(len(fold.bought))) for fold in same]
    assert succession(nobody, "repurchase") is None
    assert np.isnan(chance_of_so_low(float("nan"), 1.0))


def test_a_shop_is_recognised_by_the_months_that_both_fits_have_seen():
    known = {"2024-01": 100, "2024-02": 80, "2024-03": 40}
    later = {"2024-01": 101, "2024-02": 80, "2024-03": 95, "2024-04": 60}
    assert shared_customers(known, later) == pytest.approx(180 / 181)
    assert shared_customers(known, {"2024-01": 5, "2024-02": 900, "2024-03": 1}) < 0.1
    assert np.isnan(shared_customers({}, later))
    assert np.isnan(shared_customers({"2024-03": 7}, {"2024-04": 7}))


def test_first_orders_are_counted_by_month(orders):
    first = orders.groupby("customer_id")["order_date"].min()
    expected = first.dt.strftime("%Y-%m").value_counts().sort_index().to_dict()
    days = (orders["order_date"].max() - first).dt.days
    patterns = days.rename("T").to_frame().assign(count=1)
    last = (orders["order_date"].max() - np.datetime64("1970-01-01")).days
    assert first_orders(patterns, last) == expected

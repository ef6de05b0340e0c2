from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import BundleError
from ltvml.models.base import Diagnosis
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.spend.mean_order import MeanOrder
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.window import DAYS_PER_MONTH, daily_discount_rate

with warnings.catch_warnings():
    # archived: its invalid escapes and its use of pandas warn at import
    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter

# the same formula in another order of operations
SAME = 1e-9
# four standard errors of a mean of simulated customers; a test with a fixed seed
STANDARD_ERRORS = 4
WEEK = 7

IN_DAYS = {"r": 0.243, "alpha": 4.414 * WEEK, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.44}


@pytest.fixture
def customers():
    """New, regular, busy, silent and long-gone customers, in days."""
    return pd.DataFrame(
        {
            "frequency": [0, 0, 2, 2, 26, 26, 200],
            "recency": [0, 0, 213, 20, 216, 30, 100],
            "T": [0, 272, 272, 272, 217, 270, 2000],
            "monetary_value": [0.0, 0.0, 22.35, 0.0, 73.74, 20.0, 10.0],
            "historic_value": [12.0, 30.0, 60.0, -5.0, 1900.0, 500.0, 2000.0],
        }
    )


@pytest.fixture(params=[BGNBD, MBGNBD], ids=["bg_nbd", "mbg_nbd"])
def model(request):
    purchase = request.param.from_params(**IN_DAYS)
    return PurchaseTimesSpend(purchase, GammaGamma.from_params(**SPEND), discount_rate=daily_discount_rate(0.10))


def test_value_is_the_sum_over_months_of_discounted_purchases_times_spend(model, customers):
    by_hand = 0.0
    for month in range(1, 13):
        end = model.purchase.expected_purchases(customers, month * DAYS_PER_MONTH)
        start = model.purchase.expected_purchases(customers, (month - 1) * DAYS_PER_MONTH)
        by_hand = by_hand + (end - start) / 1.1 ** (month / 12)
    by_hand = by_hand * model.spend.expected_spend(customers)
    np.testing.assert_allclose(model.expected_value(customers, 365), by_hand, rtol=SAME)


def test_without_discount_value_is_purchases_times_spend(model, customers):
    plain = PurchaseTimesSpend(model.purchase, model.spend)
    expected = model.purchase.expected_purchases(customers, 273) * model.spend.expected_spend(customers)
    np.testing.assert_array_equal(plain.expected_value(customers, 273), expected)


@pytest.mark.parametrize(("horizon", "rate"), [(0, 0.0), (0, 0.001)])
def test_a_zero_horizon_is_worth_nothing(model, customers, horizon, rate):
    found = PurchaseTimesSpend(model.purchase, model.spend, discount_rate=rate).expected_value(customers, horizon)
    np.testing.assert_array_equal(found, 0)


def test_days_or_weeks_give_the_same_value(model, customers):
    weekly = type(model.purchase).from_params(**IN_DAYS | {"alpha": IN_DAYS["alpha"] / WEEK})
    in_weeks = PurchaseTimesSpend(weekly, model.spend, model.discount_rate * WEEK, model.period / WEEK)
    rows = customers.assign(recency=customers.recency / WEEK, T=customers["T"] / WEEK)
    found = in_weeks.expected_value(rows, horizon=365 / WEEK)
    np.testing.assert_allclose(found, model.expected_value(customers, horizon=365), rtol=SAME)


def test_equal_customers_are_scored_once_and_each_gets_the_own_value(model, customers):
    rows = customers.sample(50, replace=True, random_state=0)
    one_by_one = [model.expected_value(rows.iloc[[k]], 365)[0] for k in range(len(rows))]
    np.testing.assert_array_equal(model.expected_value(rows, 365), one_by_one)


@pytest.mark.parametrize("within", [7, 90, 364, 365, 500])
def test_buyers_and_silent_customers_average_to_the_value(model, customers, within):
    survival = model.purchase.churn_risk(customers, within)
    buyers = model.value_if_buys(customers, 365, within=within)
    silent = model.expected_value_if_silent(customers, 365, silence=within)
    known = 1 - survival > 1e-6
    whole = (1 - survival) * buyers + survival * silent
    np.testing.assert_allclose(whole[known], model.expected_value(customers, 365)[known], rtol=SAME)
    assert known.sum() >= 5


def test_a_customer_silent_for_the_whole_horizon_is_worth_nothing(model, customers):
    np.testing.assert_array_equal(model.expected_value_if_silent(customers, 90, silence=90), 0)
    np.testing.assert_array_equal(model.expected_value_if_silent(customers, 90, silence=120), 0)


@pytest.mark.parametrize("within", [0, 30, 90])
def test_a_buyer_is_worth_at_least_one_purchase(model, customers, within):
    discount = np.exp(-model.discount_rate * max(np.ceil(within / DAYS_PER_MONTH), 1) * DAYS_PER_MONTH)
    found = model.value_if_buys(customers, 365, within=within)
    assert np.isfinite(found).all()
    assert (found >= model.spend.expected_spend(customers) * discount * (1 - SAME)).all()


def test_buyers_and_silent_customers_of_a_simulation_are_worth_what_is_predicted():
    rng = np.random.default_rng(0)
    size, horizon, within, T = 400_000, 180.0, 60.0, 100.0
    # customers whose only purchase is the first, seen T days later
    rate = rng.gamma(0.8, 1 / 60.0, size)
    leaves = rng.beta(1.2, 3.0, size)
    first = rng.exponential(1 / rate)
    rate, leaves = rate[first > T], leaves[first > T]
    purchases, early = np.zeros(len(rate)), np.zeros(len(rate), dtype=bool)
    clock, alive = rng.exponential(1 / rate), np.ones(len(rate), dtype=bool)
    while (alive & (clock < horizon)).any():
        bought = alive & (clock < horizon)
        purchases += bought
        early |= bought & (clock < within)
        alive &= ~bought | (rng.random(len(rate)) > leaves)
        clock = clock + np.where(bought, rng.exponential(1 / rate), 0)
        alive &= clock < horizon
    row = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [T], "n": [0.0], "total": [0.0]})
    purchase = BGNBD.from_params(r=0.8, alpha=60.0, a=1.2, b=3.0)
    model = PurchaseTimesSpend(purchase, GammaGamma.from_params(p=1.0, q=2.0, gamma=1.0))
    for found, sample in (
        (model.value_if_buys(row, horizon, within=within), purchases[early]),
        (model.expected_value_if_silent(row, horizon, silence=within), purchases[~early]),
    ):
        assert abs(found[0] - sample.mean()) < STANDARD_ERRORS * sample.std() / np.sqrt(len(sample))


def test_twelve_months_of_lifetimes_quickstart(cdnow_csv, published):
    entry = published["cdnow.clv.lifetimes_quickstart"]
    # its page feeds weeks as if they were days, and pays every 30 of them at 1 % a month
    model = PurchaseTimesSpend(BGNBD(), GammaGamma(orders="repeat"), discount_rate=np.log(1.01) / 30, period=30)
    found = model.fit(cdnow_csv).expected_value(cdnow_csv.head(10), horizon=360)
    np.testing.assert_allclose(found, entry["values"], rtol=entry["tolerance"]["rel"])


def test_value_is_that_of_lifetimes_given_its_parameters(cdnow_csv):
    theirs, spend = BetaGeoFitter(), GammaGammaFitter()
    theirs.params_ = pd.Series(IN_DAYS | {"alpha": 4.414})
    theirs.predict = theirs.conditional_expected_number_of_purchases_up_to_time
    spend.params_ = pd.Series({"p": SPEND["p"], "q": SPEND["q"], "v": SPEND["gamma"]})
    rows = cdnow_csv.head(200)
    columns = [rows[name] for name in ("frequency", "recency", "T", "monetary_value")]
    with warnings.catch_warnings():
        # it writes floats into a column of integers
        warnings.simplefilter("ignore")
        expected = spend.customer_lifetime_value(theirs, *columns, time=12, discount_rate=0.01, freq="D")
    purchase = BGNBD.from_params(**IN_DAYS | {"alpha": 4.414})
    model = PurchaseTimesSpend(
        purchase, GammaGamma.from_params(**SPEND, orders="repeat"), discount_rate=np.log(1.01) / 30, period=30
    )
    np.testing.assert_allclose(model.expected_value(rows, horizon=360), expected, rtol=SAME)


@pytest.mark.parametrize(("entry", "purchase"), [("bg", BGNBD), ("mbg", MBGNBD)])
def test_revenue_of_the_next_39_weeks_on_cdnow(cdnow_weeks, published, entry, purchase):
    entry = published[f"cdnow.holdout.revenue.{entry}"]
    model = PurchaseTimesSpend(purchase(), GammaGamma(orders="repeat")).fit(cdnow_weeks)
    found = model.expected_value(cdnow_weeks, horizon=39)
    error = found - cdnow_weeks.future_value
    np.testing.assert_allclose(
        [found.sum(), np.abs(error).mean(), np.sqrt(np.mean(error**2))], entry["values"], rtol=entry["tolerance"]["rel"]
    )


def test_saved_and_loaded_it_scores_the_same_to_the_last_bit(model, customers):
    again = PurchaseTimesSpend.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    assert type(again.purchase) is type(model.purchase)
    np.testing.assert_array_equal(again.expected_value(customers, 365), model.expected_value(customers, 365))


def test_another_models_text_is_refused():
    with pytest.raises(BundleError, match="expected 'purchase_times_spend'"):
        PurchaseTimesSpend.from_dict({"name": "past_spend", "format_version": 1})


def test_it_reads_what_its_parts_read_once_each():
    model = PurchaseTimesSpend(BGNBD(), MeanOrder(orders="repeat"))
    assert model.requires == ("frequency", "recency", "T", "monetary_value")


def test_what_its_parts_found_odd_is_found_in_it():
    purchase, spend = BGNBD.from_params(**IN_DAYS), GammaGamma.from_params(**SPEND)
    purchase.diagnosis_ = Diagnosis(
        converged=False, messages=("nobody leaves",), withheld={"p_alive": "not identified"}
    )
    found = PurchaseTimesSpend(purchase, spend).diagnosis_
    assert found == Diagnosis(False, ("nobody leaves",), {"p_alive": "not identified"})


def test_the_callers_frame_is_left_as_it_was(model, customers):
    before = customers.copy()
    model.value_if_buys(customers, 365, within=90)
    pd.testing.assert_frame_equal(customers, before)

"""The customer table against hand calculation: models whose curves are known in closed form stand behind it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.customer_scores import Roles, churn_band, customer_scores, data_status
from ltvml.bundle.rfm import RFM
from ltvml.bundle.track_record import TrackRecord
from ltvml.contracts import CUSTOMER_SCORES, SUMMARY
from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.models.base import Diagnosis, RepurchaseModel
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.past_spend import PastSpend
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.window import Window

# the identity E[V] = (1 - S) E[V | buys] + S E[V | silent] is exact; a sum by parts loses a few digits of a double
IDENTITY = 1e-9
WINDOW = Window("2020-12-31", churn_horizon=60, ltv_horizon=365)
EDGES = RFM(silence=(10.0, 50.0, 100.0, 200.0), orders=(2.0, 3.0, 5.0), money=(10.0, 50.0, 100.0, 500.0))
KINDS = {"string": "O", "int64": "i", "float64": "f", "date": "M"}


class Poisson(RepurchaseModel):
    """Purchases of a constant rate: S(t) = exp(-rate t), whose quantiles are known."""

    name = "poisson"
    requires = ("rate",)

    def __init__(self, **withheld):
        self.diagnosis_ = Diagnosis(withheld=withheld)

    def survival_function(self, X, times):
        return np.exp(-X["rate"].to_numpy()[:, None] * np.atleast_2d(times))

    def fitted_state(self):
        return {}

    def restore(self, state):
        pass


class HalfAndDouble:
    """Value intervals that anybody can check."""

    def bounds(self, prediction):
        return prediction / 2, prediction * 2


JUDGED = TrackRecord(intervals=HalfAndDouble())


@pytest.fixture(scope="module")
def summary():
    draw = np.random.default_rng(5)
    histories = simulate_bg_nbd(
        500, r=0.6, alpha=40, a=0.8, b=2.5, T=draw.integers(0, 400, 500), random_state=5, daily=True
    ).astype("int64")
    value = np.round(draw.gamma(4, 8, 500), 2)
    rows = histories.assign(
        customer_id=[f"{number:04}" for number in draw.permutation(500)],
        cutoff_day=WINDOW.cutoff_day,
        monetary_value=np.where(histories["frequency"] > 0, value, 0.0),
        first_order_value=value,
        historic_value=value * (histories["frequency"] + 1),
    )
    return rows[list(SUMMARY.names)]


@pytest.fixture(scope="module")
def roles(summary):
    purchase, spend = MBGNBD().fit(summary), GammaGamma(orders="all").fit(summary)
    return Roles(purchase, purchase, spend, PurchaseTimesSpend(purchase, spend, discount_rate=2e-4))


def scored(rows, roles, *, margin=1.0, window=WINDOW, record=JUDGED):
    return customer_scores(rows, roles, window, margin=margin, rfm=EDGES, record=record, version="v")


def test_the_table_is_that_of_the_contract(summary, roles):
    scores = scored(summary, roles)
    assert tuple(scores) == CUSTOMER_SCORES.names
    for column in CUSTOMER_SCORES.columns:
        kinds = {"O", "U", "T"} if column.dtype == "string" else {KINDS[column.dtype]}
        assert scores[column.name].dtype.kind in kinds, column.name


def test_the_probabilities_of_the_horizon_are_the_readings_of_the_table(summary, roles):
    given = {"margin": 0.5, "rfm": EDGES, "record": JUDGED, "version": "v"}
    scores = customer_scores(summary, roles, WINDOW, windows=(7, WINDOW.churn_horizon), **given)
    assert scores[list(CUSTOMER_SCORES.names)].equals(scored(summary, roles, margin=0.5))
    at_horizon = scores[f"p_buy_{WINDOW.churn_horizon}"]
    assert at_horizon.to_numpy() == pytest.approx(1 - scores["churn_risk"].to_numpy(), rel=IDENTITY)
    assert (scores["p_buy_7"] < at_horizon).all()
    # E[V] = E[V | silent] + p (E[V | buys] - E[V | silent])
    silent = roles.value.expected_value_if_silent(summary, WINDOW.ltv_horizon, silence=WINDOW.churn_horizon)
    expected = 0.5 * silent + at_horizon * scores[f"value_gain_{WINDOW.churn_horizon}"]
    assert expected.to_numpy() == pytest.approx(scores["predicted_ltv"].to_numpy(), rel=IDENTITY)


def test_a_learner_is_asked_once_for_all_columns(summary, roles):
    asked = []

    class Counting(PurchaseTimesSpend):
        def value_by_silence(self, X, horizon):
            asked.append(len(X))
            return super().value_by_silence(X, horizon)

    value = Counting(roles.purchase, roles.spend, discount_rate=2e-4)
    given = {"margin": 1.0, "rfm": EDGES, "record": JUDGED, "version": "v"}
    customer_scores(summary, replace(roles, value=value), WINDOW, windows=(7, 28), **given)
    assert asked == [len(summary)]


def test_history_is_counted_from_the_summary(roles):
    row = {"customer_id": "007", "cutoff_day": WINDOW.cutoff_day, "frequency": 4, "recency": 100, "T": 130}
    money = {"monetary_value": 10.0, "first_order_value": 5.0, "historic_value": 45.0}
    (customer,) = scored(pd.DataFrame([row | money]), roles, margin=0.5).to_dict("records")
    assert customer["first_order_date"].date() == dt.date(2020, 8, 23)
    assert customer["last_order_date"].date() == dt.date(2020, 12, 1)
    assert (customer["n_orders"], customer["days_since_last"], customer["mean_gap_days"]) == (5, 30, 25.0)
    assert customer["historic_value"] == 45.0
    assert customer["total_value"] == 0.5 * 45.0 + customer["predicted_ltv"]


def test_a_customer_of_one_purchase_has_no_gap(summary, roles):
    scores = scored(summary, roles)
    assert (scores["mean_gap_days"].isna() == (scores["n_orders"] == 1)).all()


@pytest.mark.parametrize("rate", [1 / 400, 1 / 60, 1 / 10, 1 / 2])
def test_dates_are_the_conditional_quantiles_of_the_curve(summary, roles, rate):
    one = summary.head(1).assign(rate=rate)
    chance = 1 - math.exp(-rate * 60)
    days = {
        name: math.ceil(-math.log1p(-quantile * chance) / rate)
        for name, quantile in (("next_purchase_lo", 0.1), ("next_purchase_date", 0.5), ("next_purchase_hi", 0.9))
    }
    scores = scored(one, Roles(roles.purchase, Poisson(), roles.spend, roles.value))
    for name, ahead in days.items():
        assert scores[name].dt.date.iloc[0] == WINDOW.cutoff + dt.timedelta(days=ahead), name


def test_the_next_purchase_is_after_the_cutoff_and_within_the_churn_horizon(summary, roles):
    scores = scored(
        summary.assign(rate=np.logspace(-6, 3, len(summary))),
        Roles(roles.purchase, Poisson(), roles.spend, roles.value),
    )
    last = pd.Timestamp(WINDOW.cutoff) + pd.Timedelta(days=WINDOW.churn_horizon)
    lo, middle, hi = (scores[f"next_purchase_{name}"] for name in ("lo", "date", "hi"))
    assert (lo > pd.Timestamp(WINDOW.cutoff)).all()
    assert ((lo <= middle) & (middle <= hi) & (hi <= last)).all()


def test_no_replenishment_is_promised_where_no_purchase_is_the_likelier_outcome(summary, roles):
    # exp(-rate 60) is just below and just above one half
    rates = summary.head(2).assign(rate=[math.log(2) / 60 * 1.0001, math.log(2) / 60 * 0.9999])
    scores = scored(rates, Roles(roles.purchase, Poisson(), roles.spend, roles.value))
    assert scores["replenishment_date"].iloc[0] == scores["next_purchase_date"].iloc[0]
    assert pd.isna(scores["replenishment_date"].iloc[1])
    assert pd.notna(scores["next_purchase_date"].iloc[1])


@pytest.mark.parametrize(
    ("risk", "band"),
    [
        (0.0, "low"),
        (np.nextafter(1 / 3, 0), "low"),
        (1 / 3, "medium"),
        (2 / 3, "medium"),
        (np.nextafter(2 / 3, 1), "high"),
        (1, "high"),
    ],
)
def test_churn_bands_have_their_edges_at_thirds(risk, band):
    assert churn_band(np.array([risk])).tolist() == [band]


def test_value_at_risk_is_what_is_lost_if_the_customer_stays_away(summary, roles):
    scores = scored(summary, roles, margin=0.3)
    # by the model's own conditional, computed apart from the table: V = (1 - S) E[V | buys] + S E[V | silent], and so
    # V - E[V | silent] = (1 - S) (E[V | buys] - E[V | silent])
    if_buys = 0.3 * roles.value.value_if_buys(summary, 365, within=60)
    silent = 0.3 * roles.value.expected_value_if_silent(summary, 365, silence=60)
    lost = (1 - scores["churn_risk"]) * (if_buys - silent)
    np.testing.assert_allclose(scores["value_at_risk"], lost, rtol=1e-9, atol=1e-12)


def test_value_at_risk_is_never_more_than_what_is_there(summary, roles):
    scores = scored(summary, roles)
    assert (scores["value_at_risk"] >= 0).all()
    assert (scores["value_at_risk"] <= scores["predicted_ltv"]).all()


def test_a_margin_scales_every_value_that_is_predicted(summary, roles):
    whole, part = scored(summary, roles), scored(summary, roles, margin=0.25)
    for name in ("predicted_ltv", "value_at_risk", "total_value"):
        np.testing.assert_allclose(part[name], 0.25 * whole[name], rtol=IDENTITY)
    pd.testing.assert_series_equal(part["expected_order_value"], whole["expected_order_value"])


def test_the_whole_equals_its_chunks_bit_for_bit(summary, roles):
    chunks = [scored(summary.iloc[start : start + 37], roles) for start in range(0, len(summary), 37)]
    pd.testing.assert_frame_equal(pd.concat(chunks), scored(summary, roles), check_exact=True)


def test_the_order_of_rows_is_irrelevant(summary, roles):
    shuffled = summary.sample(frac=1, random_state=1)
    again = scored(shuffled, roles).sort_index()
    pd.testing.assert_frame_equal(again, scored(summary, roles), check_exact=True)


def test_each_row_is_dated_from_its_own_cutoff(summary, roles):
    later = scored(summary.assign(cutoff_day=summary["cutoff_day"] + 10), roles)
    now = scored(summary, roles)
    for name in ("cutoff", "first_order_date", "next_purchase_date", "next_purchase_hi"):
        assert (later[name] - now[name] == pd.Timedelta(days=10)).all()


def test_what_a_fit_withholds_is_null_for_everyone_and_said(summary, roles):
    models = Roles(roles.purchase, Poisson(churn_risk="too few buyers"), roles.spend, roles.value)
    scores = scored(summary.assign(rate=0.1), models)
    gone = [
        "churn_risk",
        "churn_band",
        "next_purchase_date",
        "next_purchase_lo",
        "next_purchase_hi",
        "replenishment_date",
        "value_at_risk",
    ]
    assert scores[gone].isna().all(axis=None)
    assert scores[["p_alive", "predicted_ltv", "total_value"]].notna().all(axis=None)
    assert scores["data_status"].unique().tolist() == [f"{', '.join(gone)} left empty: too few buyers"]


def test_the_interval_is_that_of_the_record_and_withheld_without_one(summary, roles):
    fold = scored(summary, roles)
    assert fold["predicted_ltv_lo"].equals((fold["predicted_ltv"] / 2).rename("predicted_ltv_lo"))
    assert fold["predicted_ltv_hi"].equals((fold["predicted_ltv"] * 2).rename("predicted_ltv_hi"))
    plain = scored(summary, roles, record=TrackRecord(without_intervals="no window has closed"))
    assert plain[["predicted_ltv_lo", "predicted_ltv_hi"]].isna().all(axis=None)
    assert set(plain["data_status"]) == {"predicted_ltv_lo, predicted_ltv_hi left empty: no window has closed"}


def test_a_withheld_column_keeps_its_type(summary, roles):
    withheld = Poisson(churn_risk="no reason", p_alive="another")
    scores = scored(summary.assign(rate=0.1), Roles(roles.purchase, withheld, roles.spend, roles.value))
    plain = scored(summary, roles)
    assert scores.dtypes.drop("churn_band").equals(plain.dtypes.drop("churn_band"))


def test_two_reasons_are_two_phrases(summary, roles):
    models = Roles(roles.purchase, Poisson(p_alive="nobody leaves", total_value="no orders"), roles.spend, roles.value)
    status = scored(summary.head(1).assign(rate=0.1), models)["data_status"].iloc[0]
    assert status == "p_alive left empty: nobody leaves; total_value left empty: no orders"


def test_a_number_that_a_model_cannot_give_is_null_and_said(summary, roles):
    class Endless(PastSpend):
        def expected_value(self, X, horizon):
            return np.where(X["frequency"] > 2, np.inf, super().expected_value(X, horizon))

    scores = scored(summary, Roles(roles.purchase, roles.repurchase, roles.spend, Endless()))
    affected = summary["frequency"].to_numpy() > 2
    assert scores.loc[affected, "predicted_ltv"].isna().all()
    assert (
        scores.loc[affected, "data_status"]
        .str.contains("predicted_ltv.* left empty: the model gives no finite number")
        .all()
    )
    assert (scores.loc[~affected, "data_status"] == "ok").all()


def test_a_customer_in_debt_is_said_beside_what_is_withheld():
    scores = pd.DataFrame({"historic_value": [1.0, -1.0], "p_alive": [np.nan, np.nan]})
    assert data_status(scores, {"p_alive": "nobody leaves"}).tolist() == [
        "p_alive left empty: nobody leaves",
        "returns exceed purchases; p_alive left empty: nobody leaves",
    ]

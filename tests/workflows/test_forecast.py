"""Forecasts: sums are those of the customers, new customers are those that come, and odd shops get an answer."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import ltvml
from ltvml.backtesting.forecast import Silence
from ltvml.contracts import FORECAST
from ltvml.datasets.simulate import simulate_transactions
from ltvml.engines.frames import arrow_schema
from ltvml.errors import ConfigError
from ltvml.inputs.orders import read_orders
from ltvml.models.spend.mean_order import MeanOrder
from ltvml.progress import Steps
from ltvml.window import date_of
from ltvml.words.spoken import Spoken
from ltvml.workflows.forecast import month_ends, outside_notes, past_forecasts

# sums of the same doubles in another order
EXACT = 1e-9
# three standard errors of some 1,500 overdispersed purchases, and the error of a rate learned from 3,000 customers
OF_TOTALS = 0.12
# the mean of a cohort of 3,000, of two years of what is nearly a gamma with a heavy tail
OF_A_COHORT = 0.12
CUTOFF = "2019-12-31"
PARAMETERS = {"r": 0.8, "alpha": 45, "a": 0.7, "b": 3.0}
NAMED = {"churn": "closed_form", "value": "purchase_times_spend"}


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Three years of a BG/NBD shop whose customers come at a constant rate, the last of them after the cutoff."""
    ages = np.random.default_rng(2).integers(1, 1095, 4_500)
    return simulate_transactions(4_500, T=ages, cutoff="2020-12-30", random_state=8, **PARAMETERS)


@pytest.fixture(scope="module")
def past(shop):
    return shop[shop["order_date"] <= CUTOFF]


def fitted(orders, **settings):
    given = {"cutoff": CUTOFF, "models": NAMED, "season": "off", "value": {"annual_discount_rate": 0}}
    return ltvml.fit(orders, **{**given, **settings})


@pytest.fixture(scope="module")
def model(past):
    return fitted(past, ltv_horizon=91)


@pytest.fixture(scope="module")
def report(past, model):
    return ltvml.forecast(past, model=model)


def rows(report, group):
    return report.table[report.table["group"] == group].reset_index(drop=True)


def test_the_periods_of_todays_customers_add_up_to_what_each_is_expected_to_buy(past, model, report):
    scores = ltvml.score(past, model=model).customers
    today = rows(report, "today")
    assert today["purchases"].sum() == pytest.approx(scores["expected_purchases"].sum(), rel=EXACT)
    assert today["revenue"].sum() == pytest.approx(scores["predicted_ltv"].sum(), rel=EXACT)


def test_all_customers_are_those_of_today_and_the_new_ones(report):
    for measure in ("purchases", "revenue"):
        both = rows(report, "today")[measure] + rows(report, "new")[measure]
        np.testing.assert_allclose(rows(report, "all")[measure], both, rtol=EXACT)
        every = report.table
        assert (every[f"{measure}_lo"] <= every[f"{measure}_hi"]).all()


def test_customers_of_today_and_new_ones_bring_what_they_brought(shop, past, report):
    known = shop["customer_id"].isin(past["customer_id"].unique())
    end = pd.Timestamp(CUTOFF) + pd.Timedelta(days=91)
    ahead = (shop["order_date"] > CUTOFF) & (shop["order_date"] <= end)
    for group, theirs in (("today", known), ("new", ~known)):
        came = shop[ahead & theirs]
        assert rows(report, group)["purchases"].sum() == pytest.approx(len(came), rel=OF_TOTALS)
        assert rows(report, group)["revenue"].sum() == pytest.approx(came["amount"].sum(), rel=2 * OF_TOTALS)
    arrived = shop[~known & ahead]["customer_id"].nunique()
    assert rows(report, "new")["new_customers"].sum() == pytest.approx(arrived, rel=OF_TOTALS)


def test_intervals_hold_what_came_and_were_checked_at_past_cutoffs(shop, report):
    days = (shop["order_date"] - pd.Timestamp(CUTOFF)).dt.days
    came = np.histogram(days, np.arange(0.5, 92, 7))[0]
    every = rows(report, "all")
    inside = (came >= every["purchases_lo"]) & (came <= every["purchases_hi"])
    assert inside.sum() >= 9
    checked = report.checked["purchases"]
    assert checked.cutoffs >= 4
    assert 0.6 <= checked.inside <= 1
    assert checked.error < checked.naive


def test_a_customer_who_joins_today_is_worth_what_those_who_joined_were(report, past, model):
    cohort = simulate_transactions(3_000, T=np.full(3_000, 91), cutoff="2020-12-30", random_state=77, **PARAMETERS)
    by_customer = cohort.groupby("customer_id")["amount"].agg(["size", "sum"])
    new = report.newcomer
    assert new.purchases == pytest.approx(by_customer["size"].mean(), rel=OF_A_COHORT)
    assert new.value == pytest.approx(by_customer["sum"].mean(), rel=OF_A_COHORT)
    assert new.value_lo < by_customer["sum"].mean() < new.value_hi
    longer = ltvml.forecast(past, model=model, ltv_horizon=365).newcomer
    assert longer.value > new.value
    assert longer.horizon == 365


def test_months_are_those_of_the_calendar():
    assert month_ends(dt.date(2019, 12, 31), 2).tolist() == [31, 60]
    # from 11 September on: 20 days of it, then October
    assert month_ends(dt.date(2011, 9, 10), 2).tolist() == [20, 51]


def test_the_command_writes_a_table_a_plot_and_a_tracked_run(past, place):
    place.write(past)
    place.configure("orders.csv", window={"cutoff": CUTOFF, "ltv_horizon": 91}, tracking={"backend": "local"})
    assert place.run("fit", "--quiet").exit_code == 0
    done = place.run(
        "forecast", "--by", "month", "--until", "2020-02-15", "--json", "--set", "output.formats=[parquet, csv]"
    )
    assert done.exit_code == 0, done.stderr
    given = json.loads(done.stdout)
    assert [row["to_date"] for row in given["periods"][:2]] == ["2020-01-31", "2020-02-15"]
    folder = place.folder / "out" / "forecast" / CUTOFF
    assert pq.read_schema(folder / "forecast.parquet").equals(arrow_schema(FORECAST))
    assert tuple(pd.read_csv(folder / "forecast.csv")) == FORECAST.names
    assert (folder / "plots" / "forecast.png").exists()
    assert given["tracking"]["run_id"]
    text = place.run("forecast").stdout
    assert "joins today" in text
    # a path of the store is as long as it is
    assert max(len(line) for line in text.splitlines() if "/" not in line) <= 80
    chinese = place.run("forecast", "--set", "outreach.language=zh")
    assert "今日新客" in chinese.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"periods": 0}, "periods is 0; expected 1 to 260"),
        ({"periods": 3, "until": "2020-03-01"}, "both given"),
        ({"until": CUTOFF}, "expected a day after the cutoff"),
        ({"by": "day"}, "expected week or month"),
        ({"until": "2029-01-01"}, "more than 260 periods away"),
    ],
)
def test_periods_that_cannot_be_made_are_refused(past, model, options, said):
    with pytest.raises(ConfigError, match=said):
        ltvml.forecast(past, model=model, **options)


def stopped(orders):
    return orders[orders["order_date"] <= "2019-06-30"]


def doubling(orders):
    """Every month holds twice the customers of the month before."""
    months = (pd.Timestamp(CUTOFF) - orders.groupby("customer_id")["order_date"].transform("min")).dt.days // 30
    share = orders["customer_id"].astype(int) % 512 < 512 * 0.5 ** months.clip(upper=9)
    return orders[share]


def one_spender(orders):
    """One customer makes all the money; everybody else's orders are worth nothing."""
    biggest = orders["customer_id"].value_counts().index[0]
    return orders.assign(amount=orders["amount"].where(orders["customer_id"] == biggest, 0.0))


def single_cutoff(orders):
    return orders[orders["order_date"] > "2019-08-13"]


def two_weeks(orders):
    return orders[orders["order_date"] > "2019-12-16"]


ODD = {
    "a shop that stopped selling for half a year": (stopped, "No order in the 184 days up to the cutoff"),
    "a shop that doubles every month": (doubling, "may be low"),
    "all spend by one customer": (one_spender, ""),
    "a single past cutoff": (single_cutoff, "only one past cutoff"),
    "two weeks of orders": (two_weeks, "too short for a past cutoff"),
}


@pytest.mark.parametrize(("change", "said"), ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore::ltvml.errors.LtvmlWarning")
def test_an_odd_shop_gets_an_answer_with_its_words(past, change, said):
    orders = change(past)
    found = fitted(orders, churn_horizon=60)
    scored = ltvml.score(orders, model=found)
    assert scored.customers["churn_risk"].between(0, 1).all()
    report = ltvml.forecast(orders, model=found)
    assert said in " ".join(report.notes)
    numbers = report.table.drop(columns="new_customers").select_dtypes("number")
    assert np.isfinite(numbers.to_numpy()).all()
    assert (numbers.to_numpy() >= 0).all()
    for measure in ("purchases", "revenue"):
        low, point, high = (report.table[f"{measure}{end}"] for end in ("_lo", "", "_hi"))
        assert ((low <= point) & (point <= high)).all()


@pytest.mark.filterwarnings("ignore::ltvml.errors.LtvmlWarning")
def test_the_customer_who_makes_all_the_money_is_named_as_a_share(past):
    orders = one_spender(past)
    scored = ltvml.score(orders, model=fitted(orders, churn_horizon=60, models={**NAMED, "spend": "mean_order"}))
    assert "100 % of it from one customer" in " ".join(scored.text().split())


@pytest.mark.filterwarnings("ignore::ltvml.errors.LtvmlWarning")
def test_a_shop_that_stopped_a_month_ago_may_sell_nothing(past, report):
    orders = past[past["order_date"] <= "2019-11-30"]
    quiet = ltvml.forecast(orders, model=fitted(orders, churn_horizon=60))
    assert "No order in the 31 days up to the cutoff, the last on 2019-11-30" in " ".join(quiet.notes)
    assert (quiet.table[["purchases_lo", "revenue_lo"]] == 0).all(axis=None)
    assert quiet.totals["all"]["purchases"][1] == 0
    # a shop that sells every day is believed to go on
    assert (rows(report, "all")["purchases_lo"] > 0).all()


@pytest.mark.parametrize(
    ("days", "before", "unusual"), [(13, 0, False), (14, 4, True), (14, 5, False), (60, 30, False), (91, 60, True)]
)
def test_a_silence_is_unusual_beside_those_before(days, before, unusual):
    assert Silence(days, before).unusual is unusual


def test_past_revenue_is_that_of_a_spend_model_that_is_named(past):
    frequent = past.groupby("customer_id")["order_date"].transform("nunique") > 5
    orders = past.assign(amount=past["amount"].where(~frequent, 10 * past["amount"]))
    models = {**NAMED, "purchase": "bg_nbd", "spend": {"name": "mean_order", "params": {"orders": "all"}}}
    config = ltvml.Config.model_validate(
        {"window": {"cutoff": CUTOFF}, "models": models, "season": "off", "tracking": {"backend": "none"}}
    )
    intake = read_orders(config.orders, config.window, orders, Steps())
    bundle = fitted(orders, models=models).bundle
    found, _, ends = past_forecasts(config, bundle, intake, 7 * np.arange(1, 14))
    newest = found["today", "revenue"][0]
    summary = ltvml.customer_summary(orders, str(date_of(newest.origin)))
    expected = ltvml.BGNBD().fit(summary).expected_purchases(summary, float(ends[-1]))
    each = MeanOrder("all").fit(summary).expected_spend(summary)
    assert newest.forecast.sum() == pytest.approx(float(expected @ each), rel=1e-6)  # two climbs to one maximum
    # not purchases at the mean of all orders: those are made by customers who bought often
    assert newest.forecast.sum() < 0.95 * expected.sum() * orders["amount"].mean()


def test_a_total_at_the_end_of_its_interval_is_said():
    inside, high = (5.0, 4.0, 6.0), (9.0, 4.0, 9.0)
    totals = {
        "today": {"purchases": inside, "revenue": inside},
        "new": {"purchases": inside, "revenue": high},
        "all": {"purchases": inside, "revenue": inside},
    }
    (note,) = outside_notes(totals, Spoken.of("en", "GBP"))
    assert note == (
        "new customers, revenue: forecasts at past cutoffs were too high, so the total is at the end of its interval"
    )

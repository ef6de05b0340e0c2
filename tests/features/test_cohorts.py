"""Cohorts counted in an engine, against a plain count in pandas."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.economics.cohort_tables import Cohorts, suppressed
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.cohorts import cohort_activity, known_at, second_orders
from ltvml.window import Window, calendar_starts, day_number

WINDOW = Window("2020-12-20")
FIRST = day_number("2020-01-07")


@pytest.fixture(scope="module", params=["duckdb", "polars"])
def wrap(request):
    if request.param == "duckdb":
        return DuckDBEngine(threads=1).table
    return lambda frame: nw.from_native(pl.from_pandas(frame).lazy())


def collected(table):
    native = table.collect()
    return native.to_pandas() if hasattr(native, "to_pandas") else native.to_native().to_pandas()


@pytest.fixture(scope="module")
def days():
    draw = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "customer_id": (80 * draw.random(900) ** 2).astype(int).astype(str),
            "day": FIRST + draw.integers(0, 340, 900),
        }
    ).drop_duplicates()
    return rows.assign(value=draw.integers(100, 9000, len(rows)), n_lines=1)


def squares(wrap, days, by):
    starts = calendar_starts(by, FIRST, WINDOW.cutoff_day)
    span = np.arange(FIRST, WINDOW.cutoff_day + 1)
    calendar = wrap(pd.DataFrame({"day": span, "period": np.searchsorted(starts, span, side="right") - 1}))
    table = wrap(days)
    activity = collected(cohort_activity(table, calendar, WINDOW))
    second = collected(second_orders(table, calendar, WINDOW))
    return Cohorts.of(activity, second, starts, by=by, cutoff_day=WINDOW.cutoff_day)


PERIODS = {"week": "W-SUN", "month": "M", "quarter": "Q"}


@pytest.mark.parametrize("by", ["week", "month", "quarter"])
def test_cells_are_those_of_pandas(wrap, days, by):
    found = squares(wrap, days, by)
    known = days[days["day"] <= WINDOW.cutoff_day]
    period = pd.to_datetime(known["day"], unit="D").dt.to_period(PERIODS[by])
    own = known.assign(period=period, cohort=period.groupby(known["customer_id"]).transform("min"))
    expected = own.groupby(["cohort", "period"]).agg(
        customers=("customer_id", "nunique"), orders=("day", "size"), value=("value", "sum")
    )
    names = [pd.Period(pd.Timestamp(int(start), unit="D"), freq=PERIODS[by]) for start in found.starts[:-1]]
    for (cohort, at), row in expected.iterrows():
        cell = names.index(cohort), names.index(at)
        assert found.active[cell] == row["customers"]
        assert found.orders[cell] == row["orders"]
        assert found.value[cell] == pytest.approx(row["value"] / 100)
    assert found.orders.sum() == len(known)
    assert found.value.sum() == pytest.approx(known["value"].sum() / 100)
    assert found.customers.sum() == known["customer_id"].nunique()


def test_second_orders_are_those_of_the_second_day(wrap, days):
    found = squares(wrap, days, "month")
    known = days[days["day"] <= WINDOW.cutoff_day].sort_values("day")
    second = known.groupby("customer_id").nth(1)
    months = pd.to_datetime(second["day"], unit="D").dt.to_period("M").value_counts().sort_index()
    assert found.second.sum(axis=0)[found.second.sum(axis=0) > 0].tolist() == months.tolist()


def test_retention_never_exceeds_one_and_the_first_period_is_everybody(wrap, days):
    ages = squares(wrap, days, "month").by_age(margin=1.0)
    assert ages["retention"].max() <= 1
    assert (ages.loc[ages["age"] == 0, "retention"] == 1).all()
    assert (ages["repeat_rate"] <= 1).all()
    assert not ages.loc[ages["from_date"] >= pd.Timestamp("2020-12-01"), "closed"].any()


def test_what_known_customers_did_in_a_period(wrap, days):
    start, end = FIRST + 100, FIRST + 199
    joined = days.groupby("customer_id")["day"].transform("min")
    inside = days[(joined < start) & days["day"].between(start, end)]
    row = collected(known_at(wrap(days), start, end)).iloc[0]
    assert row["customers"] == days.loc[joined < start, "customer_id"].nunique()
    assert (row["active"], row["orders"]) == (inside["customer_id"].nunique(), len(inside))
    assert row["value"] == pytest.approx(inside["value"].sum() / 100)


def test_figures_of_few_customers_are_taken_out(wrap, days):
    table = squares(wrap, days, "month").table(margin=0.5)
    shown = suppressed(table, 5, keep=("cohort", "from_date", "customers"))
    few = table["customers"] < 5
    assert 0 < few.sum() < len(table)
    assert shown.loc[few, "revenue"].isna().all()
    assert shown.loc[~few, "revenue"].tolist() == table.loc[~few, "revenue"].tolist()
    assert shown["customers"].tolist() == table["customers"].tolist()

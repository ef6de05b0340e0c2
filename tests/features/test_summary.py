"""Frequency, recency, T and money; the patterns; the gaps."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import SUMMARY
from ltvml.engines.base import Source
from ltvml.features.gaps import observed_gap_quantile
from ltvml.features.split import held_out, seen
from ltvml.features.summary import customer_summary, held_out_patterns, purchase_patterns, spend_patterns
from ltvml.features.transactions import check
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import narwhals as nw

    from ltvml.engines.duckdb import DuckDBEngine

    LinesOf = Callable[..., nw.LazyFrame[Any]]

# lifetimes sums floats, ours are exact until the last division
MONEY = 1e-9
WINDOW = Window(date_of(100))


def days_of(engine: DuckDBEngine, rows: list[tuple[str, int, int]]) -> nw.LazyFrame[Any]:
    return engine.table(pd.DataFrame(rows, columns=["customer_id", "day", "value"]))


def test_the_summary_of_cdnow_is_that_of_lifetimes(engine: DuckDBEngine, shared: Path) -> None:
    path = shared / "data" / "cdnow" / "transactions.parquet"
    window = Window("1997-09-30")
    days = check(engine, engine.read(Source(path)), window).days
    ours = engine.collect(customer_summary(days, window)).set_index("customer_id").sort_index()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes is archived and warns of today's numpy and pandas
        from lifetimes.utils import summary_data_from_transaction_data

        theirs = summary_data_from_transaction_data(
            pd.read_parquet(path), "customer_id", "order_date", "amount", observation_period_end="1997-09-30"
        ).sort_index()
    assert ours.index.tolist() == theirs.index.tolist()
    for name in ("frequency", "recency", "T"):
        assert np.array_equal(ours[name], theirs[name])
    assert np.allclose(ours["monetary_value"], theirs["monetary_value"], rtol=0, atol=MONEY)


def test_a_summary_has_the_columns_and_types_of_its_contract(engine: DuckDBEngine) -> None:
    frame = engine.collect(customer_summary(days_of(engine, [("a", 1, 5)]), WINDOW))
    assert tuple(frame.columns) == SUMMARY.names
    assert [str(frame[column.name].dtype) for column in SUMMARY.columns[1:]] == [c.dtype for c in SUMMARY.columns[1:]]


@pytest.mark.parametrize("value", [0, -1, 2**30, -(2**30), 2**53 + 1, -(2**55) - 3, 10**15 + 7])
def test_the_first_value_survives_its_packing(engine: DuckDBEngine, value: int) -> None:
    days = days_of(engine, [("a", -9_000, value), ("a", 90, 2**40), ("a", -8_999, -(2**58))])
    frame = engine.collect(customer_summary(days, WINDOW, decimals=0))
    assert frame["first_order_value"].tolist() == [float(value)]


def test_money_is_in_units_of_its_currency(engine: DuckDBEngine) -> None:
    frame = engine.collect(
        customer_summary(days_of(engine, [("a", 1, 1000), ("a", 3, 500), ("a", 9, 250)]), WINDOW, decimals=1)
    )
    money = frame[["monetary_value", "first_order_value", "historic_value"]]
    assert money.values.tolist() == [[37.5, 100.0, 175.0]]


def test_patterns_count_every_customer_once(engine: DuckDBEngine) -> None:
    days = days_of(engine, [("a", 1, 10), ("a", 3, 10), ("b", 1, 99), ("b", 3, 10), ("c", 1, 10)])
    summary = customer_summary(days, WINDOW)
    assert engine.collect(purchase_patterns(summary)).values.tolist() == [[0, 0, 99, 1], [1, 2, 99, 2]]
    assert engine.collect(spend_patterns(summary, "repeat")).values.tolist() == [[1, 0.1, 2]]
    assert engine.collect(spend_patterns(summary, "all")).values.tolist() == [[1, 0.1, 1], [2, 0.2, 1], [2, 1.09, 1]]


def test_patterns_know_what_their_customers_bought_after_the_cutoff(engine: DuckDBEngine) -> None:
    rows = [("a", 1, 10), ("a", 3, 10), ("b", 1, 99), ("b", 3, 10), ("c", 1, 10)]
    # of a one purchase in the horizon and one after it, of c two; d comes later
    days = days_of(engine, [*rows, ("a", 110, 5), ("a", 111, 5), ("c", 101, 5), ("c", 105, 5), ("d", 102, 5)])
    summary = customer_summary(days, WINDOW)
    found = engine.collect(held_out_patterns(summary, days, WINDOW, 10))
    assert found.columns.tolist() == ["frequency", "recency", "T", "count", "held_out"]
    assert found.values.tolist() == [[0, 0, 99, 1, 2], [1, 2, 99, 2, 1]]


def test_seen_and_held_out_meet_at_the_cutoff(engine: DuckDBEngine) -> None:
    days = days_of(engine, [("a", day, day) for day in range(98, 105)])
    assert sorted(engine.collect(seen(days, WINDOW))["day"]) == [98, 99, 100]
    assert sorted(engine.collect(held_out(days, WINDOW, 3))["day"]) == [101, 102, 103]


def test_the_gap_quantile_is_that_of_numpy(engine: DuckDBEngine) -> None:
    draw = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"customer_id": draw.integers(0, 9, 300).astype(str), "day": draw.integers(0, 900, 300), "value": 1}
    )
    frame = frame.drop_duplicates(["customer_id", "day"]).sort_values(["customer_id", "day"])
    gaps = frame.groupby("customer_id")["day"].diff().dropna()
    for level in (0.1, 0.5, 0.9, 1.0):
        expected = np.quantile(gaps, level, method="inverted_cdf")
        assert observed_gap_quantile(engine, engine.table(frame), level) == expected


def test_without_repeat_buyers_there_is_no_gap(engine: DuckDBEngine) -> None:
    assert observed_gap_quantile(engine, days_of(engine, [("a", 1, 1), ("b", 2, 1)]), 0.9) is None

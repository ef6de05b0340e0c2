"""Customer-days net of returns, and the summary built on them, against a row-by-row reference."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltvml.features.ledger import Rules, reason_counts, used_lines
from ltvml.features.returns import (
    customer_days,
    customers_in_the_red,
    netted_days,
    summed_lines,
    without_purchase,
)
from ltvml.features.split import seen
from ltvml.features.summary import customer_summary, purchase_patterns, spend_patterns
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import narwhals as nw

    from ltvml.engines.duckdb import DuckDBEngine

    LinesOf = Callable[..., nw.LazyFrame[Any]]

Line = tuple[str, int, int, str | None]
CUTOFF = 15_000
WINDOW = Window(date_of(CUTOFF))
# an example holds four shops on average: to plan its queries takes longer than to answer them;
# the fixtures hold no state between examples, and the first query of an engine is slow
SEARCH = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EXACT = {"rel": 1e-12, "abs": 1e-12}

A_SHOP = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(CUTOFF - 4, CUTOFF + 3),
        st.integers(-3, 4),
        st.sampled_from(["x", "y", None]),
    ),
    min_size=1,
    max_size=14,
)


def together(shops: list[list[Line]]) -> list[Line]:
    """Lines of several shops as one, each customer with the number of the shop."""
    return [(f"{customer}{number}", *rest) for number, shop in enumerate(shops) for customer, *rest in shop]


LINES = st.lists(A_SHOP, min_size=1, max_size=8).map(together)


def sale_day(line: Line, lines: list[Line]) -> int:
    """Step 1 in plain Python: the latest sale day of the order of a return; else its own day."""
    customer, day, _, order = line
    sold = [
        other[1] for other in lines if other[2] >= 0 and other[1] <= day and (other[0], other[3]) == (customer, order)
    ]
    return max(sold, default=day) if order else day


def net_by_hand(lines: list[Line]) -> tuple[dict[tuple[str, int], int], int]:
    """Value of each (customer, purchase day), and how many lines are set aside."""
    days: dict[tuple[str, int], list[int]] = defaultdict(list)
    for line in lines:
        days[line[0], line[1] if line[2] >= 0 else sale_day(line, lines)].append(line[2])
    values: dict[tuple[str, int], int] = {}
    aside = 0
    for customer, day in sorted(days):
        amounts = days[customer, day]
        earlier = [known for known in values if known[0] == customer]
        if sum(amounts) > 0 or min(amounts) >= 0:
            values[customer, day] = sum(amounts)
        elif earlier:
            values[max(earlier)] += sum(amounts)
        else:
            aside += len(amounts)
    return values, aside


def summarise_by_hand(values: dict[tuple[str, int], int]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for customer in {customer for customer, _ in values}:
        days = sorted(day for known, day in values if known == customer)
        money = [values[customer, day] / 100 for day in days]
        mean = sum(money[1:]) / (len(days) - 1) if len(days) > 1 else 0.0
        found[customer] = (len(days) - 1, days[-1] - days[0], CUTOFF - days[0], mean, money[0], sum(money))
    return found


def collected_summary(engine: DuckDBEngine, days: nw.LazyFrame[Any]) -> dict[str, tuple[float, ...]]:
    frame = engine.collect(customer_summary(days, WINDOW)).drop(columns="cutoff_day").set_index("customer_id")
    return {str(customer): row for customer, row in zip(frame.index, frame.itertuples(index=False), strict=True)}


@SEARCH
@given(lines=LINES, with_orders=st.booleans())
def test_netting_and_summary_match_a_row_by_row_reference(
    engine: DuckDBEngine, lines_of: LinesOf, lines: list[Line], with_orders: bool
) -> None:
    lines = lines if with_orders else [(*line[:3], None) for line in lines]
    table = seen(lines_of(lines if with_orders else [line[:3] for line in lines]), WINDOW)
    expected, aside = net_by_hand([line for line in lines if line[1] <= CUTOFF])
    netted = engine.keep(netted_days(table))
    days = engine.collect(customer_days(table))
    values = dict(zip(zip(days["customer_id"], days["day"], strict=True), days["value"], strict=True))
    assert values == expected
    assert engine.collect(without_purchase(netted)).fillna(0)["rows"].tolist() == [aside]
    assert days["n_lines"].sum() + aside == sum(line[1] <= CUTOFF for line in lines)
    found = collected_summary(engine, customer_days(table))
    by_hand = summarise_by_hand(expected)
    assert found.keys() == by_hand.keys()
    for customer, row in by_hand.items():
        assert tuple(found[customer]) == pytest.approx(row, **EXACT)


@SEARCH
@given(lines=LINES, with_orders=st.booleans(), with_returns=st.booleans())
def test_summed_lines_give_the_days_of_the_lines_at_any_cutoff(
    engine: DuckDBEngine, lines_of: LinesOf, lines: list[Line], with_orders: bool, with_returns: bool
) -> None:
    lines = lines if with_returns else [(customer, day, abs(amount), order) for customer, day, amount, order in lines]
    table = lines_of(lines if with_orders else [line[:3] for line in lines])
    summed = engine.keep(summed_lines(table, has_returns=with_returns))
    for cutoff in (CUTOFF - 3, CUTOFF, CUTOFF + 3):
        found, expected = (
            engine.collect(customer_days(seen(rows, Window(date_of(cutoff))), has_returns=with_returns))
            for rows in (summed, table)
        )
        keys = ["customer_id", "day"]
        assert found.sort_values(keys).values.tolist() == expected.sort_values(keys).values.tolist()


@SEARCH
@given(lines=LINES, future=LINES)
def test_rows_after_the_cutoff_change_nothing(
    engine: DuckDBEngine, lines_of: LinesOf, lines: list[Line], future: list[Line]
) -> None:
    past = [line for line in lines if line[1] <= CUTOFF] or [("a", CUTOFF, 1, "x")]
    later = [(customer, day + 10, amount * 1000, order) for customer, day, amount, order in future]
    results = []
    for rows in (past, past + later):
        table = lines_of(rows)
        used = used_lines(table, WINDOW, Rules())
        counts = engine.collect(reason_counts(table, WINDOW, Rules())).query("reason == 'used'")
        summary = customer_summary(customer_days(used), WINDOW)
        frames = [sorted(engine.collect(patterns).values.tolist()) for patterns in both_patterns(summary)]
        results.append((collected_summary(engine, customer_days(used)), frames, counts.values.tolist()))
    assert results[0] == results[1]


def both_patterns(summary: nw.LazyFrame[Any]) -> list[nw.LazyFrame[Any]]:
    return [purchase_patterns(summary), spend_patterns(summary, "repeat"), spend_patterns(summary, "all")]


def days_of(engine: DuckDBEngine, table: nw.LazyFrame[Any]) -> list[list[Any]]:
    return engine.collect(customer_days(table)).sort_values(["customer_id", "day"]).values.tolist()


def test_a_return_goes_to_the_day_of_its_own_order(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    lines = lines_of([("a", 1, 500, "o1"), ("a", 5, 900, "o2"), ("a", 9, -200, "o1")])
    assert days_of(engine, lines) == [["a", 1, 300, 2], ["a", 5, 900, 1]]


def test_a_return_without_an_order_goes_to_the_latest_earlier_purchase(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    lines = lines_of([("a", 1, 500), ("a", 5, 900), ("a", 9, -200)])
    assert days_of(engine, lines) == [["a", 1, 500, 1], ["a", 5, 700, 2]]


def test_a_day_with_more_returned_than_bought_is_no_purchase(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    lines = lines_of([("a", 1, 500), ("a", 5, 100), ("a", 5, -150)])
    assert days_of(engine, lines) == [["a", 1, 450, 3]]


def test_a_free_day_without_returns_is_a_purchase(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    assert days_of(engine, lines_of([("a", 1, 0), ("a", 2, 0)])) == [["a", 1, 0, 1], ["a", 2, 0, 1]]


def test_without_returns_the_short_way_gives_the_same_days(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    lines = lines_of([("a", 1, 500, "o1"), ("a", 1, 0, None), ("b", 7, 3, "o1")])
    short = engine.collect(customer_days(lines, has_returns=False)).sort_values("customer_id").values.tolist()
    assert short == days_of(engine, lines)


def test_customers_who_returned_more_than_they_bought_are_counted(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    days = customer_days(lines_of([("a", 1, 5), ("a", 2, -9), ("b", 1, 5), ("c", 1, -5)]))
    assert engine.collect(customers_in_the_red(days)).values.tolist() == [[1]]

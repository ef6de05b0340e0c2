"""Item-days, pairs, gaps and outcomes, against small tables made by hand and an independent row-by-row reference."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltvml.errors import ConfigError
from ltvml.features.items.days import (
    item_days,
    item_days_around,
    item_days_as_of,
    items_in_two_categories,
    rows_with_odd_quantity,
    rows_without_item,
)
from ltvml.features.items.gaps import item_gaps, item_outcomes, item_statistics, items_of
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import narwhals as nw

    from ltvml.engines.duckdb import DuckDBEngine

    LinesOf = Callable[..., nw.LazyFrame[Any]]

Line = tuple[str, int, int, str | None, str | None, float | None]
CUTOFF = 15_000
WINDOW = Window(date_of(CUTOFF))
COLUMNS = ["customer_id", "day", "amount", "order_id", "product_id", "quantity"]
# an example holds four shops on average: to plan its queries takes longer than to answer them;
# the fixtures hold no state between examples, and the first query of an engine is slow
SEARCH = settings(max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# a sum of gaps is kept to 2**-40 a gap
CLOSE = {"rel": 1e-9, "abs": 1e-10}
ELASTICITY = {"p": 0.5, "q": 1.0}

A_SHOP = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(CUTOFF - 6, CUTOFF + 4),
        st.integers(-2, 4),
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["p", "q", "r", "", None]),
        st.sampled_from([1.0, 2.0, 0.1, 0.25, 0.0, -1.0, None]),
    ),
    min_size=1,
    max_size=14,
)


def together(shops: list[list[Line]]) -> list[Line]:
    """Lines of several shops as one, each customer with the number of the shop."""
    return [(f"{customer}{number}", *rest) for number, shop in enumerate(shops) for customer, *rest in shop]


LINES = st.lists(A_SHOP, min_size=1, max_size=8).map(together)


def frame_of(lines: Sequence[Line]) -> pd.DataFrame:
    frame = pd.DataFrame(lines, columns=COLUMNS)
    texts = {name: frame[name].astype("str").where(frame[name].notna()) for name in ("order_id", "product_id")}
    return frame.assign(**texts, quantity=frame["quantity"].astype("float64"))


def rows(engine: DuckDBEngine, table: nw.LazyFrame[Any]) -> list[tuple[Any, ...]]:
    """Rows as plain values, sorted, None for null."""
    frame = engine.collect(table)
    values = frame.astype(object).where(frame.notna(), None)
    return sorted(values.itertuples(index=False, name=None), key=repr)


def days_by_hand(lines: Sequence[Line]) -> dict[tuple[str, str, int], float | None]:
    """The rule of features/returns.py in plain Python, a customer and item at a time; quantity None if not known."""
    owners: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line[4]:
            owners[line[0], line[4]].append(line)
    found: dict[tuple[str, str, int], float | None] = {}
    for owner, own in owners.items():
        for day, (value, taken_back, quantity) in net_by_hand(own).items():
            if value > 0 or not taken_back:
                found[(*owner, day)] = round(quantity, 6) if round(quantity, 6) > 0 else None
    return found


def net_by_hand(own: Sequence[Line]) -> dict[int, tuple[int, bool, float]]:
    """Net amount, whether a return is in it, and net quantity, of each purchase day of one customer and item."""
    days: dict[int, list[Line]] = defaultdict(list)
    for line in own:
        days[home_day(line, own)].append(line)
    net: dict[int, tuple[int, bool, float]] = {}
    for day in sorted(days):
        value, returned = sum(line[2] for line in days[day]), any(line[2] < 0 for line in days[day])
        quantity = sum(signed_quantity(line) for line in days[day])
        if value > 0 or not returned:
            net[day] = (value, returned, quantity)
        elif net:
            last = max(net)
            net[last] = (net[last][0] + value, True, net[last][2] + quantity)
    return net


def home_day(line: Line, own: Sequence[Line]) -> int:
    if line[2] >= 0 or line[3] is None:
        return line[1]
    return max((sale[1] for sale in own if sale[2] >= 0 and sale[3] == line[3] and sale[1] <= line[1]), default=line[1])


def signed_quantity(line: Line) -> float:
    if line[5] is None:
        return 0.0
    return -abs(line[5]) if line[2] < 0 else max(line[5], 0.0)


def pairs_by_hand(days: dict[tuple[str, str, int], float | None], eta: dict[str, float]) -> dict[Any, tuple[Any, ...]]:
    frame = pd.DataFrame(
        [(*key, value) for key, value in days.items()], columns=["customer", "item", "day", "quantity"]
    )
    found = {}
    for (customer, item), pair in frame.sort_values("day").groupby(["customer", "item"]):
        bought = [1.0 if pd.isna(value) else float(value) for value in pair["quantity"][:-1]]
        gaps = pair["day"].diff().dropna()
        scaled = [gap / quantity ** eta.get(item, 0.0) for gap, quantity in zip(gaps, bought, strict=True)]
        first, last, of_last = pair["day"].iloc[0], pair["day"].iloc[-1], pair["quantity"].iloc[-1]
        found[customer, item] = (
            *(CUTOFF, len(pair), first, last, None if pd.isna(of_last) else of_last, CUTOFF - last, len(pair) - 1),
            *(pytest.approx(sum(scaled), **CLOSE), pytest.approx(sum(map(math.log, scaled)), **CLOSE)),
        )
    return found


@SEARCH
@given(lines=LINES)
def test_days_and_statistics_match_a_row_by_row_reference(engine: DuckDBEngine, lines: list[Line]) -> None:
    days = engine.keep(item_days_as_of(engine.table(frame_of(lines)), "product_id", WINDOW))
    by_hand = days_by_hand([line for line in lines if line[1] <= CUTOFF])
    assert {row[:3]: row[3] for row in rows(engine, days)} == by_hand
    eta = engine.table(pd.DataFrame({"item": [*ELASTICITY], "elasticity": [*ELASTICITY.values()]}))
    for known, table in ((ELASTICITY, eta), ({}, None)):
        found = rows(engine, item_statistics(days, WINDOW, elasticity=table))
        assert {row[:2]: row[2:] for row in found} == pairs_by_hand(by_hand, known)


@SEARCH
@given(lines=LINES, future=LINES)
def test_rows_after_the_cutoff_change_nothing(engine: DuckDBEngine, lines: list[Line], future: list[Line]) -> None:
    past: list[Line] = [line for line in lines if line[1] <= CUTOFF] or [("a", CUTOFF, 1, "x", "p", 1.0)]
    later = [(who, day + 10, amount * 1000, *rest) for who, day, amount, *rest in future]
    results = []
    for known in (past, [*past, *later]):
        days = engine.keep(item_days_as_of(engine.table(frame_of(known)), "product_id", WINDOW))
        tables = (days, item_statistics(days, WINDOW), item_gaps(days, WINDOW), items_of(days, WINDOW))
        results.append([rows(engine, table) for table in tables])
    assert results[0] == results[1]


@SEARCH
@given(lines=LINES)
def test_without_returns_the_short_way_gives_the_same_days(engine: DuckDBEngine, lines: list[Line]) -> None:
    table = engine.table(frame_of([(who, day, abs(amount), *rest) for who, day, amount, *rest in lines]))
    short = item_days(table, "product_id", has_returns=False)
    assert rows(engine, short) == rows(engine, item_days(table, "product_id"))


def quantities(engine: DuckDBEngine, lines: Sequence[Line], **more: Any) -> list[tuple[Any, ...]]:
    return rows(engine, item_days(engine.table(frame_of(lines)), "product_id", **more))


def test_lines_of_one_day_are_one_purchase_of_their_whole_quantity(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 5, "x", "p", 0.1), ("a", 1, 5, "y", "p", 0.2), ("a", 1, 5, "y", "q", 4.0)]
    assert quantities(engine, lines) == [("a", "p", 1, 0.3), ("a", "q", 1, 4.0)]


@pytest.mark.parametrize("written", [2.0, -2.0])
def test_a_return_takes_its_quantity_off_whatever_its_sign(engine: DuckDBEngine, written: float) -> None:
    lines = [("a", 1, 50, "x", "p", 5.0), ("a", 9, -20, "x", "p", written)]
    assert quantities(engine, lines) == [("a", "p", 1, 3.0)]


@pytest.mark.parametrize("order", ["x", None])
def test_a_purchase_that_was_taken_back_in_full_is_none(engine: DuckDBEngine, order: str | None) -> None:
    lines = [("a", 1, 50, "w", "p", 1.0), ("a", 5, 50, "x", "p", 1.0), ("a", 9, -50, order, "p", -1.0)]
    assert quantities(engine, lines) == [("a", "p", 1, 1.0)]


def test_a_return_of_one_item_leaves_the_others_as_they_are(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 50, "x", "p", 1.0), ("a", 1, 10, "x", "q", 1.0), ("a", 1, -50, "x", "p", 1.0)]
    assert quantities(engine, lines) == [("a", "q", 1, 1.0)]


def test_a_return_without_an_order_meets_the_latest_purchase_of_its_own_item(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 50, "x", "p", 5.0), ("a", 5, 10, "y", "q", 1.0), ("a", 9, -20, None, "p", 2.0)]
    assert quantities(engine, lines) == [("a", "p", 1, 3.0), ("a", "q", 5, 1.0)]


def test_a_return_with_an_order_meets_the_day_on_which_that_order_sold_its_item(engine: DuckDBEngine) -> None:
    sales = [("a", 1, 50, "x", "p", 5.0), ("a", 2, 50, "y", "p", 5.0), ("a", 3, 10, "x", "q", 1.0)]
    found = quantities(engine, [*sales, ("a", 9, -20, "x", "p", 2.0)])
    assert found == [("a", "p", 1, 3.0), ("a", "p", 2, 5.0), ("a", "q", 3, 1.0)]


@pytest.mark.parametrize("quantity", [None, 0.0, -3.0, float("nan"), float("inf"), 1e12])
def test_a_quantity_that_cannot_be_is_not_known(engine: DuckDBEngine, quantity: float | None) -> None:
    assert quantities(engine, [("a", 1, 5, "x", "p", quantity)]) == [("a", "p", 1, None)]


def test_kilograms_left_after_a_return_of_them_all_are_none(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 5, "x", "p", 0.1), ("a", 1, 5, "x", "p", 0.2), ("a", 1, -5, "x", "p", 0.3)]
    assert quantities(engine, lines) == [("a", "p", 1, None)]


def test_lines_without_an_item_are_counted_and_take_no_part(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 5, "x", None, 1.0), ("a", 1, 5, "x", "", 1.0), ("a", 1, 5, "x", "p", 1.0)]
    table = engine.table(frame_of(lines))
    assert rows(engine, rows_without_item(table, "product_id")) == [(2,)]
    assert quantities(engine, lines) == [("a", "p", 1, 1.0)]


def test_an_unknown_column_is_refused_with_those_that_are_there(engine: DuckDBEngine) -> None:
    table = engine.table(frame_of([("a", 1, 5, "x", "p", 1.0)]))
    with pytest.raises(ConfigError, match="no column 'category'; they have customer_id, day, amount"):
        item_days(table, "category")


def bundles(engine: DuckDBEngine) -> nw.LazyFrame[Any]:
    return engine.table(
        pd.DataFrame({"product_id": ["kit", "kit", "six"], "item": ["soap", "towel", "soap"], "units": [2.0, 1.0, 6.0]})
    )


def test_a_bundle_stands_for_what_is_in_it(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 9, "x", "kit", 3.0), ("a", 1, 9, "x", "six", 1.0), ("a", 2, 9, "x", "soap", 1.0)]
    found = quantities(engine, lines, contents=bundles(engine))
    assert found == [("a", "soap", 1, 12.0), ("a", "soap", 2, 1.0), ("a", "towel", 1, 3.0)]


def test_a_bundle_without_a_quantity_is_one_piece(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 9, "x", "six", None), ("a", 2, 9, "x", "six", 0.0)]
    expected = [("a", "soap", 1, 6.0), ("a", "soap", 2, 6.0)]
    assert quantities(engine, lines, contents=bundles(engine)) == expected
    table = engine.table(frame_of(lines).drop(columns="quantity"))
    assert rows(engine, item_days(table, "product_id", contents=bundles(engine))) == expected


def test_a_returned_bundle_takes_its_items_along(engine: DuckDBEngine) -> None:
    lines = [("a", 1, 9, "x", "kit", 1.0), ("a", 1, 3, "x", "soap", 1.0), ("a", 4, -9, "x", "kit", 1.0)]
    assert quantities(engine, lines, contents=bundles(engine)) == [("a", "soap", 1, 1.0)]


def test_a_product_in_a_bundle_needs_no_item_of_its_own(engine: DuckDBEngine) -> None:
    table = engine.table(frame_of([("a", 1, 9, "x", "kit", 1.0)]).assign(category=None).astype({"category": "str"}))
    found = rows(engine, item_days(table, "category", contents=bundles(engine)))
    assert [row[1] for row in found] == ["soap", "towel"]


def test_contents_need_the_products_of_the_lines(engine: DuckDBEngine) -> None:
    table = engine.table(frame_of([("a", 1, 9, "x", "kit", 1.0)]).drop(columns="product_id").assign(category="c"))
    with pytest.raises(ConfigError, match="no column 'product_id'"):
        item_days(table, "category", contents=bundles(engine))


def test_a_shop_without_quantities_has_gaps_and_statistics(engine: DuckDBEngine) -> None:
    table = engine.table(frame_of([("a", CUTOFF - 9, 5, "x", "p", None), ("a", CUTOFF - 2, 5, "y", "p", None)]))
    days = item_days(table.drop("quantity"), "product_id")
    assert rows(engine, item_gaps(days, WINDOW)) == [("a", "p", 7, None)]
    found = engine.collect(item_statistics(days, WINDOW)).iloc[0]
    assert found["gap_log_sum"] == pytest.approx(math.log(7), **CLOSE)
    assert (found["n_gaps"], found["gap_sum"], found["elapsed"]) == (1, 7.0, 2)
    assert math.isnan(found["last_quantity"])


def days_table(engine: DuckDBEngine, days: Sequence[tuple[str, str, int, float | None]]) -> nw.LazyFrame[Any]:
    frame = pd.DataFrame(days, columns=["customer_id", "item", "day", "quantity"])
    return engine.table(frame.astype({"quantity": "float64"}))


def test_a_gap_belongs_to_the_quantity_bought_before_it(engine: DuckDBEngine) -> None:
    days = days_table(engine, [("a", "p", 10, 2.0), ("a", "p", 30, None), ("a", "p", 35, 9.0), ("b", "p", 1, 1.0)])
    assert rows(engine, item_gaps(days, WINDOW)) == [("a", "p", 20, 2.0), ("a", "p", 5, None)]


def test_item_days_after_the_cutoff_are_in_no_table(engine: DuckDBEngine) -> None:
    past = [("a", "p", CUTOFF - 9, 2.0), ("a", "p", CUTOFF, 3.0)]
    later = [("a", "p", CUTOFF + 1, 5.0), ("b", "q", CUTOFF + 1, 5.0)]
    for table in (item_gaps, item_statistics, items_of):
        found, expected = (table(days_table(engine, days), WINDOW) for days in (past + later, past))
        assert rows(engine, found) == rows(engine, expected) != []


def test_an_elasticity_of_one_divides_each_gap_by_its_quantity(engine: DuckDBEngine) -> None:
    days = days_table(engine, [("a", "p", 0, 4.0), ("a", "p", 20, 0.5), ("a", "p", 23, None), ("a", "p", 30, 8.0)])
    eta = engine.table(pd.DataFrame({"item": ["p"], "elasticity": [1.0]}))
    found = engine.collect(item_statistics(days, WINDOW, elasticity=eta)).iloc[0]
    assert found["gap_sum"] == pytest.approx(20 / 4 + 3 / 0.5 + 7, **CLOSE)
    assert found["gap_log_sum"] == pytest.approx(math.log(5 * 6 * 7), **CLOSE)
    assert found["last_quantity"] == 8.0


def test_a_pair_with_a_thousand_purchases_has_all_its_gaps(engine: DuckDBEngine) -> None:
    many = [("a", "p", CUTOFF - 3 * place, 1.0 + place % 7) for place in range(1000)]
    eta = engine.table(pd.DataFrame({"item": ["p"], "elasticity": [0.37]}))
    found = engine.collect(item_statistics(days_table(engine, many), WINDOW, elasticity=eta)).iloc[0]
    bought = [row[3] for row in many[1:]]
    assert (found["n_orders"], found["n_gaps"], found["elapsed"]) == (1000, 999, 0)
    assert found["gap_sum"] == pytest.approx(math.fsum(3 / quantity**0.37 for quantity in bought), **CLOSE)
    logs = math.fsum(math.log(3) - 0.37 * math.log(quantity) for quantity in bought)
    assert found["gap_log_sum"] == pytest.approx(logs, **CLOSE)


def test_the_order_of_the_rows_changes_no_bit(engine: DuckDBEngine) -> None:
    days = [("a", "p", 7 * place + place % 5, 0.1 * (1 + place % 9)) for place in range(300)]
    eta = engine.table(pd.DataFrame({"item": ["p"], "elasticity": [0.61]}))
    orders = (days, days[::-1], days[150:] + days[:150])
    tables = [rows(engine, item_statistics(days_table(engine, order), WINDOW, elasticity=eta)) for order in orders]
    assert tables[0] == tables[1] == tables[2]


def test_the_wait_ends_at_the_horizon_and_at_the_last_day_that_may_be_seen(engine: DuckDBEngine) -> None:
    days = days_table(
        engine,
        [
            *(("a", "p", CUTOFF - 5, 1.0), ("a", "p", CUTOFF, 1.0), ("a", "p", CUTOFF + 8, 1.0)),
            *(("a", "p", CUTOFF + 9, 1.0), ("b", "p", CUTOFF - 1, 1.0), ("c", "p", CUTOFF + 1, 1.0)),
        ],
    )
    waits = {
        (horizon, until): [row[2] for row in rows(engine, item_outcomes(days, WINDOW, horizon, until=CUTOFF + until))]
        for horizon, until in [(8, 20), (7, 20), (20, 8), (20, 7)]
    }
    assert waits == {(8, 20): [8, None], (7, 20): [None, None], (20, 8): [8, None], (20, 7): [None, None]}


def test_an_outcome_with_nothing_to_look_at_is_refused(engine: DuckDBEngine) -> None:
    with pytest.raises(ConfigError, match="no day is left to look at after 2011-01-26"):
        item_outcomes(days_table(engine, [("a", "p", 1, 1.0)]), WINDOW, 28, until=CUTOFF)


def test_a_later_return_hides_neither_the_pair_nor_the_purchase_that_it_does_not_meet(engine: DuckDBEngine) -> None:
    lines = [
        *(("a", CUTOFF - 9, 50, "x", "p", 1.0), ("a", CUTOFF + 2, -50, "x", "p", 1.0)),
        *(("a", CUTOFF + 5, 50, "y", "p", 1.0), ("a", CUTOFF + 9, -50, "y", "p", 1.0)),
    ]
    table, until = engine.table(frame_of(lines)), CUTOFF + 30
    waits = []
    for horizon in (7, 14):
        days = item_days_around(table, "product_id", WINDOW, horizon, until=until)
        waits.append(rows(engine, item_outcomes(days, WINDOW, horizon, until=until)))
    assert waits == [[("a", "p", 5)], [("a", "p", None)]]


def test_buyers_repeat_buyers_and_orders_are_counted_an_item(engine: DuckDBEngine) -> None:
    days = [("a", "p", 1, 1.0), ("a", "p", 2, 1.0), ("b", "p", 2, 1.0), ("b", "q", 2, 1.0), ("c", "q", CUTOFF + 1, 1.0)]
    assert rows(engine, items_of(days_table(engine, days), WINDOW)) == [("p", 2, 1, 3), ("q", 1, 0, 1)]


def test_odd_quantities_are_counted_and_those_of_returns_may_have_either_sign(engine: DuckDBEngine) -> None:
    amounts, quantities = [1, 1, 1, 1, -1, -1, 1], [0.0, -2.0, 1e9, 0.25, -2.0, 0.0, None]
    frame = pd.DataFrame({"amount": amounts, "quantity": quantities})
    assert rows(engine, rows_with_odd_quantity(engine.table(frame))) == [(4,)]
    with pytest.raises(ConfigError, match="no column 'quantity'"):
        rows_with_odd_quantity(engine.table(frame[["amount"]]))


def test_products_in_two_categories_are_counted_and_the_first_named(engine: DuckDBEngine) -> None:
    frame = pd.DataFrame({"product_id": ["p", "p", "q", "q", "b", "b", None, None], "category": [*"xyxxyz", "x", "y"]})
    assert rows(engine, items_in_two_categories(engine.table(frame))) == [(2, "b")]
    frame["category"] = frame["category"].where(frame["category"] == "x")
    assert rows(engine, items_in_two_categories(engine.table(frame))) == [(0, None)]

"""The value of a line: refunds and totals of orders, against sums that pandas computes in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataWarning
from ltvml.features.ledger import Rules
from ltvml.features.transactions import check
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import narwhals as nw

    LinesOf = Callable[..., nw.LazyFrame[Any]]

WINDOW = Window(date_of(100))
BY_ORDER = Rules(amount_is="order")
ENGINE = DuckDBEngine(threads=1)


def lines_of_frame(frame: pd.DataFrame) -> nw.LazyFrame[Any]:
    texts = ("customer_id", "order_id", "product_id", "written", "fault")
    frame = frame.assign(
        **{name: frame[name].astype("str").where(frame[name].notna()) for name in texts if name in frame}
    )
    return ENGINE.table(frame)


def order_lines(rows: list[tuple[Any, ...]], **more: Any) -> nw.LazyFrame[Any]:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "amount"])
    frame["amount"] = frame["amount"].astype("Int64")
    fault = pd.Series(more.pop("fault", None), index=frame.index, dtype="str")
    return lines_of_frame(frame.assign(day=99, **more, fault=fault))


def values(lines: nw.LazyFrame[Any], rules: Rules) -> list[int]:
    return sorted(ENGINE.collect(check(ENGINE, lines, WINDOW, rules).lines)["amount"].tolist())


def test_a_total_repeated_on_the_lines_of_an_order_counts_once_and_to_the_penny() -> None:
    lines = order_lines([("a", "o1", product, 1000) for product in "xyz"] + [("b", "o2", "x", 700)])
    ledger = check(ENGINE, lines, WINDOW, BY_ORDER).ledger
    assert values(lines, BY_ORDER) == [333, 333, 334, 700]
    assert (ledger.money_in, ledger.money_used) == (3700, 1700)
    assert ledger.money == {"order_totals_repeated": 2000}


def test_payments_times_items_are_the_sum_of_the_payments_on_each_item_once() -> None:
    lines = order_lines([("a", "o1", product, paid) for product in "xy" for paid in (1000, 501)])
    with pytest.warns(DataWarning, match="1 of 1 orders of several lines have different amounts"):
        checked = check(ENGINE, lines, WINDOW, BY_ORDER)
    assert sorted(ENGINE.collect(checked.lines)["amount"].tolist()) == [750, 751]
    assert checked.ledger.reasons == {"line_repeated_for_each_payment": 2}


def test_equal_lines_of_one_order_remain_two_lines() -> None:
    assert values(order_lines([("a", "o1", "x", 1000)] * 2), BY_ORDER) == [500, 500]


def test_an_empty_amount_is_part_of_the_total_on_another_line() -> None:
    assert values(order_lines([("a", "o1", "x", 900), ("a", "o1", "y", None)]), BY_ORDER) == [450, 450]


def test_an_empty_amount_beside_an_equal_line_is_no_other_payment() -> None:
    lines = order_lines([("a", "o1", "x", 900), ("a", "o1", "x", None), ("a", "o1", "y", None)])
    ledger = check(ENGINE, lines, WINDOW, BY_ORDER).ledger
    assert values(lines, BY_ORDER) == [300, 300, 300]
    assert ledger.reasons == {}
    assert (ledger.money_in, ledger.money_used, ledger.money) == (900, 900, {})


def test_a_line_without_an_order_is_its_own() -> None:
    assert values(order_lines([("a", None, "x", 900), ("a", None, "y", 900)]), BY_ORDER) == [900, 900]


def test_faulty_lines_are_no_part_of_an_order() -> None:
    lines = order_lines([("a", "o1", "x", 900), ("a", "o1", "y", 900)], fault=[None, "drop status: voided"])
    ledger = check(ENGINE, lines, WINDOW, BY_ORDER).ledger
    assert values(lines, BY_ORDER) == [900]
    assert ledger.money == {"drop status: voided": 900}


def test_a_refund_is_subtracted_and_a_full_one_makes_the_line_no_purchase() -> None:
    lines = order_lines([("a", "o1", "x", 900), ("a", "o2", "y", 500), ("b", "o3", "y", 100)], refund=[200, 500, 0])
    ledger = check(ENGINE, lines, WINDOW).ledger
    assert values(lines, Rules()) == [100, 700]
    assert ledger.reasons == {"fully_refunded": 1}
    assert ledger.money == {"fully_refunded": 500, "refunded": 200}


def test_a_refund_repeated_on_the_lines_of_an_order_counts_once() -> None:
    lines = order_lines([("a", "o1", product, 1000) for product in "xy"], refund=[100, 100])
    assert values(lines, BY_ORDER) == [450, 450]
    assert check(ENGINE, lines, WINDOW, BY_ORDER).ledger.money == {"refunded": 100, "order_totals_repeated": 1000}


def test_a_file_that_repeats_another_is_dropped_and_equal_lines_of_one_file_remain() -> None:
    rows = [("a", "o1", "x", 500), ("a", "o1", "x", 500), ("b", "o2", "x", 100)]
    lines = order_lines([*rows, *rows, ("b", "o3", "x", 5)], file=[1, 1, 1, 2, 2, 2, 2])
    ledger = check(ENGINE, lines, WINDOW, Rules(duplicates="drop")).ledger
    assert values(lines, Rules(duplicates="drop")) == [5, 100, 500, 500]
    assert ledger.reasons == {"duplicate": 3}
    with pytest.warns(DataWarning, match="more than one file"):
        kept = check(ENGINE, lines, WINDOW)
    assert "file" not in kept.lines.collect_schema().names()


def test_totals_of_orders_in_two_files_count_once_where_duplicates_are_dropped() -> None:
    rows = [("a", order, product, 1001) for order in ("o1", "o2") for product in "xy"]
    lines = order_lines([*rows, *rows], file=[1] * 4 + [2] * 4)
    assert values(lines, Rules(duplicates="drop", amount_is="order")) == [500, 500, 501, 501]


SOME_LINES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["o1", "o2", None]),
        st.sampled_from("xyz"),
        st.sampled_from([None, -300, 0, 7, 1000, 1001]),
        st.sampled_from([0, 0, 7, 100]),
        st.sampled_from([None, None, None, "drop status: voided"]),
    ),
    min_size=1,
    max_size=12,
)


def value_of_order(group: pd.DataFrame) -> int:
    amounts, refunds = group["amount"].dropna().unique(), group["refund"].unique()
    return int(sum(amounts) - sum(refunds))


@settings(max_examples=60, deadline=None)
@given(rows=SOME_LINES)
@pytest.mark.filterwarnings("ignore::ltvml.errors.DataWarning")
def test_orders_are_the_sums_of_their_different_amounts_and_no_row_or_penny_is_lost(
    rows: list[tuple[Any, ...]],
) -> None:
    rows = [*rows, ("c", "o9", "x", 5, 0, None)]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "amount", "refund", "fault"])
    # an empty amount without an order is a fault that reading finds
    frame.loc[frame["amount"].isna() & frame["order_id"].isna() & frame["fault"].isna(), "fault"] = "missing_amount"
    frame = frame.assign(day=99, amount=frame["amount"].astype("Int64"))
    ledger = check(ENGINE, lines_of_frame(frame), WINDOW, Rules(amount_is="order", unreadable_share=1.0)).ledger
    good = frame[frame["fault"].isna()]
    with_order = good[good["order_id"].notna()].groupby(["customer_id", "order_id"])
    expected = sum(value_of_order(group) for _, group in with_order if group["amount"].notna().any())
    single = good[good["order_id"].isna()]
    expected += int((single["amount"] - single["refund"]).sum())
    assert ledger.money_used is not None
    assert ledger.money_used + ledger.money.get("return_before_any_purchase", 0) == expected
    assert ledger.money_in == int(frame["amount"].sum())
    assert ledger.rows_in == len(frame)

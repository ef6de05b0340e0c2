"""The door of the data: what is refused, what is said, and that every row is counted."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.errors import ConfigError, DataContractError, DataWarning, LtvmlError
from ltvml.features.ledger import Ledger, Rules, with_reasons
from ltvml.features.transactions import check
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import narwhals as nw

    from ltvml.engines.duckdb import DuckDBEngine

    LinesOf = Callable[..., nw.LazyFrame[Any]]

WINDOW = Window(date_of(100))
ORDERS = [("a", 98, 500), ("a", 99, 0), ("b", 99, 700), ("b", 99, 700), ("b", 101, 900)]


def test_rows_in_are_the_used_and_every_named_reason(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    rows = [*ORDERS, ("c", 97, -100)]
    ledger = check(engine, lines_of(rows), WINDOW).ledger
    assert ledger.rows_in == 6
    assert ledger.used == 4
    assert ledger.reasons == {"after_cutoff": 1, "return_before_any_purchase": 1}
    assert ledger.notes == {"zero_amounts_kept": 1, "returns_netted": 0, "duplicates_kept": 1}
    assert ledger.to_dict()["last_order_date"] == date_of(101).isoformat()


def test_rules_drop_what_they_name(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    rows = [*ORDERS, ("a", 99, -100)]
    checked = check(engine, lines_of(rows), WINDOW, Rules("drop", "drop", "drop"))
    expected = {"after_cutoff": 1, "duplicate": 1, "return_dropped": 1, "zero_amount": 1}
    assert checked.ledger.reasons == expected
    assert checked.ledger.used == 2
    assert len(engine.collect(checked.lines)) == 2


def test_a_fault_comes_before_any_other_reason(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    lines = lines_of([("a", 101, -5), ("a", 99, 5)], fault=["bad_amount", None])
    reasons = engine.collect(with_reasons(lines, WINDOW, Rules())).sort_values("day")["reason"].tolist()
    assert reasons == ["used", "bad_amount"]


def test_a_ledger_that_does_not_add_up_is_an_error() -> None:
    with pytest.raises(LtvmlError, match="do not add up"):
        Ledger(rows_in=3, used=1, reasons={"bad_date": 1})


def test_a_ledger_prints_within_80_columns() -> None:
    printed = str(Ledger(3, 2, {"return_before_any_purchase": 1}, {"returns_netted": 2}))
    assert "excluded: return before any purchase" in printed
    assert max(map(len, printed.splitlines())) <= 80


def refused(engine: DuckDBEngine, lines: nw.LazyFrame[Any], window: Window = WINDOW, **rules: Any) -> DataContractError:
    with pytest.raises(DataContractError) as caught:
        check(engine, lines, window, Rules(**rules))
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value


def test_two_currencies_are_refused_with_their_rows(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    error = refused(engine, lines_of(ORDERS, currency=["GBP", "EUR", "GBP", None, "USD"]))
    assert error.counts == {"EUR": 1, "GBP": 2}


def test_infinite_amounts_are_refused(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    error = refused(engine, lines_of(ORDERS, fault=["infinite_amount", None, None, None, None]))
    assert error.counts == {"infinite_amount": 1}


def test_returns_are_refused_where_none_are_allowed(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    assert refused(engine, lines_of([*ORDERS, ("a", 99, -1)]), returns="error").counts == {"returns": 1}


def test_a_cutoff_before_the_first_order_tells_the_first_and_the_last(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    error = refused(engine, lines_of(ORDERS), Window(date_of(90)))
    assert f"from {date_of(98)} to {date_of(101)}" in error.message


def test_returns_alone_leave_nothing_and_are_refused(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    assert refused(engine, lines_of([("a", 99, -1)])).counts == {"return_before_any_purchase": 1}


def test_unreadable_rows_above_their_share_are_refused_and_below_it_said(
    engine: DuckDBEngine, lines_of: LinesOf
) -> None:
    lines = lines_of([("a", 99, 5)] * 10, fault=["bad_date", "missing_amount", *[None] * 8])
    assert refused(engine, lines).counts == {"bad_date": 1, "missing_amount": 1}
    with pytest.warns(DataWarning, match=r"bad_date 1, missing_amount 1 of 10"):
        assert check(engine, lines, WINDOW, Rules(unreadable_share=0.2)).ledger.used == 8


def test_rows_excluded_by_the_user_do_not_dilute_the_unreadable_share(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    faults = ["bad_date", *["excluded_test"] * 90, *[None] * 9]
    assert refused(engine, lines_of([("a", 99, 5)] * 100, fault=faults)).counts == {"bad_date": 1}


def test_data_that_end_a_week_before_the_cutoff_are_said(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    with pytest.warns(DataWarning, match="8 days before the cutoff"):
        check(engine, lines_of([("a", 92, 5)]), WINDOW)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(engine, lines_of([("a", 93, 5)]), WINDOW)


def test_customers_with_a_negative_total_are_said(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    with pytest.warns(DataWarning, match="1 customer returned more"):
        check(engine, lines_of([("a", 98, 5), ("a", 99, -50), ("b", 99, 1)]), WINDOW)


def test_an_unknown_rule_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="expected one of net, drop, error"):
        Rules(returns="ignore")  # type: ignore[arg-type]


def test_ids_keep_leading_zeros_from_file_to_summary(engine: DuckDBEngine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("customer_id,order_date,amount\n007,1970-04-10,1\n7,1970-04-10,1\n")
    days = engine.collect(check(engine, engine.read(Source(path)), WINDOW).days)
    assert set(days["customer_id"]) == {"007", "7"}


def test_many_rows_of_one_customer_are_exact(engine: DuckDBEngine) -> None:
    rows = 200_000
    frame = pd.DataFrame({"customer_id": "a", "order_date": "1970-04-10", "amount": 0.1}, index=range(rows))
    days = engine.collect(check(engine, engine.read(Source(frame)), WINDOW).days)
    assert days[["value", "n_lines"]].values.tolist() == [[10 * rows, rows]]


def test_values_that_count_purchases_are_named_so(engine: DuckDBEngine, lines_of: LinesOf) -> None:
    ledger = check(engine, lines_of([("a", 98, 100), ("b", 99, 100)]), WINDOW, Rules(counts_purchases=True)).ledger
    assert str(ledger).endswith("value counts purchases (transactions.columns.amount is 1).")
    assert "purchases" in str(ledger).splitlines()[0]
    assert ledger.to_dict()["counts_purchases"] is True
    assert "counts_purchases" not in check(engine, lines_of(ORDERS), WINDOW).ledger.to_dict()


@pytest.mark.parametrize("returns", [True, False], ids=["returns", "none"])
def test_copies_are_the_rows_that_pandas_calls_duplicated(
    engine: DuckDBEngine, lines_of: LinesOf, returns: bool
) -> None:
    draw = np.random.default_rng(4)
    amounts = draw.choice([-200, 0, 500, 500, 700] if returns else [0, 500, 700], 400)
    days = draw.integers(90, 96, 400)
    rows = list(zip(draw.choice(list("abcdef"), 400).tolist(), days.tolist(), amounts.tolist(), strict=True))
    products = draw.choice(["tea", "soap", None], 400).tolist()
    # the first purchase comes before all returns
    first = [(name, 80, 10_000) for name in "abcdef"]
    lines = lines_of([*first, *rows], product_id=[*["tea"] * 6, *products], fault=[None] * 406)
    expected = pd.DataFrame(rows).assign(product=products).duplicated().sum()
    assert expected > 0
    assert check(engine, lines, WINDOW).ledger.notes["duplicates_kept"] == expected

"""Rows left out by value: the same on every engine, counted by value with their money, and misspelt values are said."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.engines.values.row_filters import OTHER_VALUES
from ltvml.errors import DataContractError, DataWarning
from ltvml.features.ledger import Rules, ledger_of, reason_counts
from ltvml.features.transactions import check
from ltvml.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.engines.base import Engine
    from ltvml.features.ledger import Ledger

WINDOW = Window("2024-01-31")
ORDERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d", "e", "f"],
        "order_date": "2024-01-30",
        "amount": ["10.00", "20.00", "5.50", "x", "7.00", "1.00"],
        "status": ["paid", "Cancelled ", "voided", "cancelled", None, " "],
        "event": ["purchase", "purchase", "purchase", "view", "purchase", "cart"],
    }
)


def ledger(engine: Engine, frame: pd.DataFrame, **settings: Any) -> Ledger:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        counts = engine.collect(reason_counts(engine.read(Source(frame, **settings)), WINDOW, Rules()))
    return ledger_of(counts)


def test_dropped_values_are_counted_each_with_rows_and_money(engine: Engine) -> None:
    found = ledger(engine, ORDERS, drop={"status": ("cancelled", "voided")})
    assert found.reasons == {"drop status: cancelled": 2, "drop status: voided": 1}
    assert found.money == {"drop status: cancelled": 2000, "drop status: voided": 550}
    assert (found.used, found.money_used, found.money_in) == (3, 1800, 4350)


def test_a_filter_comes_before_any_other_fault(engine: Engine) -> None:
    assert "bad_amount" in ledger(engine, ORDERS).reasons
    assert "bad_amount" not in ledger(engine, ORDERS, drop={"status": ("cancelled",)}).reasons


def test_values_that_are_not_kept_are_counted_by_value(engine: Engine) -> None:
    found = ledger(engine, ORDERS, keep={"event": ("purchase",)})
    assert found.reasons == {"keep event: view": 1, "keep event: cart": 1}
    assert found.money["keep event: cart"] == 100


def test_an_empty_cell_is_named_by_two_quotes(engine: Engine) -> None:
    found = ledger(engine, ORDERS.head(3).assign(amount="1", status=[None, " ", "paid"]), drop={"status": ("",)})
    assert found.reasons == {'drop status: ""': 2}


@pytest.mark.parametrize(
    ("cells", "value"),
    [([True, False, None], "true"), ([1, 2, 3], "1"), ([1.0, None, 2.5], "1"), (["TRUE", "no", "x"], "true")],
)
def test_booleans_and_numbers_are_compared_as_text(engine: Engine, cells: list[Any], value: str) -> None:
    frame = ORDERS.head(3).assign(flag=cells, amount="1")
    assert ledger(engine, frame, drop={"flag": (value,)}).reasons == {f"drop flag: {value}": 1}


def test_many_excluded_values_end_in_one_entry_of_the_rest(engine: Engine) -> None:
    kinds = [f"kind{number:02d}" for number in range(30) for _ in range(30 - number)]
    frame = pd.DataFrame({"customer_id": "a", "order_date": "2024-01-30", "amount": 1.0, "kind": kinds})
    reasons = ledger(engine, frame, keep={"kind": ("kind00",)}).reasons
    assert len(reasons) == 21
    assert reasons["keep kind: kind01"] == 29
    assert reasons[f"keep kind: {OTHER_VALUES}"] == sum(range(1, 10))


def test_a_value_that_no_row_has_is_said_with_the_nearest(engine: Engine) -> None:
    with pytest.warns(DataWarning, match=r"drop names values of status that no row has: 'canceled' \(nearest is 'canc"):
        engine.read(Source(ORDERS.drop(columns="event"), drop={"status": ("canceled", "voided")}))
    with pytest.warns(DataWarning, match=r"keep names values of event that no row has: 'purchased' \(nearest is 'purc"):
        engine.read(Source(ORDERS.drop(columns="status"), keep={"event": ("purchased", "view")}))


def test_a_filtered_column_that_is_not_there_names_the_nearest(engine: Engine) -> None:
    with pytest.raises(DataContractError, match=r"no column 'state' \(for drop: state\), nearest is 'status'"):
        engine.read(Source(ORDERS, drop={"state": ("cancelled",)}))


def test_a_status_column_that_no_setting_reads_is_said_with_rows_money_and_the_setting(engine: Engine) -> None:
    with pytest.warns(DataWarning) as said:
        engine.read(Source(ORDERS))
    status, event = (str(warning.message) for warning in said)
    # the row whose amount cannot be read is excluded anyway
    assert (
        "column status says that 2 of 5 rows are no purchases (cancelled 1, voided 1), worth 25.50 of 43.50" in status
    )
    assert status.endswith("--set 'transactions.drop={status: [cancelled, voided]}'.")
    assert "column event says that 1 of 5 rows is no purchase (cart 1)" in event


def test_a_status_column_of_purchases_alone_is_not_spoken_of(engine: Engine) -> None:
    frame = ORDERS.assign(amount="1", status="paid", event="purchase")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.read(Source(frame))


def test_left_out_rows_do_not_dilute_the_share_of_unreadable_ones(engine: Engine) -> None:
    rows = pd.DataFrame(
        {"customer_id": "a", "order_date": "2024-01-30", "amount": "1", "event": ["view"] * 90 + ["buy"] * 10}
    )
    rows.loc[95, "amount"] = "x"
    with pytest.raises(DataContractError, match="1 of 10 rows"):
        check(engine, engine.read(Source(rows, drop={"event": ("view",)})), WINDOW)


def test_rows_of_totals_are_named(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("customer_id,order_date,amount\na,2024-01-30,1\nb,2024-01-30,2\nTotal,,3\n,Gesamt,3\n,合计,3\n")
    found = engine.collect(engine.read(Source(str(path))))
    assert found["fault"].value_counts().to_dict() == {"totals_row": 3}


TIMES = {
    "21:30": 77_400,
    "9:05:10 PM": 75_910,
    "12:00 am": 0,
    "12:15 p.m.": 44_100,
    "00:00:59.5": 59,
    "905": 32_700,
    "2130": 77_400,
    "25:00": None,
    "21:75": None,
    "7": None,
    "soon": None,
}


def test_a_separate_time_is_joined_to_a_date_without_one(engine: Engine) -> None:
    frame = pd.DataFrame({"customer_id": "a", "order_date": "2024-01-30", "amount": 1.0, "at": list(TIMES)})
    frame["customer_id"] = [f"{number:02d}" for number in range(len(frame))]
    lines = engine.collect(engine.read(Source(frame, {"order_time": "at"}))).sort_values("customer_id")
    found = [None if pd.isna(second) else int(second) for second in lines["second"]]
    assert found == list(TIMES.values())
    assert set(lines["day"]) == {19_752}


def test_a_time_within_the_date_comes_before_a_separate_one(engine: Engine) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "order_date": ["2024-01-30 08:00", "2024-01-30"],
            "amount": 1.0,
            "order_time": "09:00",
        }
    )
    lines = engine.collect(engine.read(Source(frame))).sort_values("customer_id")
    assert lines["second"].tolist() == [28_800, 32_400]


def test_a_flag_named_refund_is_no_refund_unless_it_is_mapped(engine: Engine) -> None:
    frame = ORDERS.head(3)[["customer_id", "order_date", "amount"]].assign(refund=True)
    assert "refund" not in engine.read(Source(frame)).collect_schema().names()
    with pytest.raises(DataContractError, match="expected a number"):
        engine.read(Source(frame, {"refund": "refund"}))


def test_refunds_are_read_as_amounts_without_their_sign(engine: Engine) -> None:
    frame = ORDERS.head(4)[["customer_id", "order_date"]].assign(amount=9.0, refund=["-2.50", "", "x", "1"])
    lines = engine.collect(engine.read(Source(frame))).sort_values("customer_id")
    assert lines["refund"].tolist() == [250, 0, 0, 100]
    assert lines["fault"].tolist()[2] == "bad_refund"
    assert lines["fault"].isna().sum() == 3


def test_an_amount_of_one_makes_each_line_count_as_one(engine: Engine) -> None:
    lines = engine.collect(
        engine.read(
            Source(ORDERS.drop(columns=["amount", "status"]), {"amount": "1"}, drop={"event": ("view", "cart")})
        )
    )
    assert lines["amount"].tolist() == [100] * 6
    assert lines["fault"].notna().sum() == 2

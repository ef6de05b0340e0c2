"""Amounts of orders that are repeated on their lines are noticed, and amounts of lines are left alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataWarning
from ltvml.features.ledger import Ledger, Rules
from ltvml.features.transactions import check
from ltvml.window import Window

WINDOW = Window("2024-03-31")


def orders(rows: int = 60, *, seed: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": draw.integers(0, 20, rows).astype(str),
            "order_date": "2024-03-30",
            "order_id": [f"o{number}" for number in range(rows)],
            "amount": draw.integers(100, 9_999, rows) / 100,
        }
    )


def items(seed: int = 2, *, shop: pd.DataFrame) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    lines = shop.loc[np.repeat(shop.index, draw.integers(1, 4, len(shop)))].reset_index(drop=True)
    product = lines.groupby("order_id").cumcount().astype(str)
    return lines.assign(product_id="p" + product, price=draw.integers(100, 999, len(lines)) / 100)


def ledger(frame: pd.DataFrame, **rules: Any) -> Ledger:
    engine = DuckDBEngine(threads=1)
    source = Source(frame, amount_is=rules.get("amount_is", "line"))
    return check(engine, engine.read(source), WINDOW, Rules(**rules)).ledger


def test_a_total_repeated_on_items_is_said_with_rows_and_money_and_the_setting_mends_it() -> None:
    shop = orders()
    lines = items(shop=shop)
    again = lines["amount"].sum() - shop["amount"].sum()
    with pytest.warns(DataWarning, match="total of the order") as said:
        ledger(lines)
    message = str(said[0].message)
    assert f"{len(lines) - len(shop)} rows count {again:,.2f} again, of {lines['amount'].sum():,.2f} in all" in message
    assert message.endswith("--set transactions.amount_is=order.")
    assert ledger(lines, amount_is="order").money_used == round(100 * shop["amount"].sum())


def test_payments_times_items_are_said_and_mended() -> None:
    shop = orders()
    second = shop.head(30).assign(amount=shop["amount"].head(30) + 1)
    payments = pd.concat([shop, second])
    joined = items(shop=shop).drop(columns="amount").merge(payments[["order_id", "amount"]], on="order_id")
    with pytest.warns(DataWarning, match="total of the order"):
        ledger(joined)
    with pytest.warns(DataWarning, match="have different amounts, which were added up as payments"):
        found = ledger(joined, amount_is="order")
    assert found.money_used == round(100 * payments["amount"].sum())


@pytest.mark.parametrize("amount", ["price", "one price", "price times quantity"])
def test_amounts_of_lines_are_not_spoken_of(amount: str) -> None:
    lines = items(shop=orders())
    if amount == "price times quantity":
        # one price for all things of an order, and so one amount
        lines = lines.assign(quantity=2, unit_price=lines["amount"] / 2)
    else:
        lines = lines.assign(amount=lines["price"] if amount == "price" else 9.99)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ledger(lines).used == len(lines)


def test_lines_that_are_taken_for_totals_by_mistake_are_said() -> None:
    lines = items(shop=orders())
    with pytest.warns(DataWarning, match=r"If they are amounts of lines: --set transactions\.amount_is=line"):
        ledger(lines.assign(amount=lines["price"]), amount_is="order")


def test_a_refund_repeated_on_the_lines_of_an_order_is_said() -> None:
    lines = items(shop=orders(200))
    lines = lines.assign(amount=lines["price"], refund=0.5)
    with pytest.warns(DataWarning, match="the refund is the same on all lines of"):
        ledger(lines)
    draw = np.random.default_rng(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ledger(lines.assign(refund=draw.integers(0, 90, len(lines)) / 100))


def test_a_row_that_is_the_sum_of_all_others_is_said() -> None:
    shop = orders()
    total = pd.DataFrame({"customer_id": ["all"], "order_date": "2024-03-30", "amount": shop["amount"].sum().round(2)})
    with pytest.warns(DataWarning, match="is the sum of all the others"):
        ledger(pd.concat([shop, total]))

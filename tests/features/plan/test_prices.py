"""Mean prices, against a table made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.features.plan.prices import item_prices, product_prices
from ltvml.window import Window

if TYPE_CHECKING:
    from ltvml.engines.duckdb import DuckDBEngine

WINDOW = Window("2024-06-30")


def test_a_price_is_money_over_pieces_of_the_lines_that_have_both(engine: DuckDBEngine) -> None:
    rows = [
        ("1", "p", "tea", 2.0, 700, 0),
        ("2", "p", "tea", 0.5, 300, 1),
        ("2", "p", "tea", -1.0, -400, 1),
        ("2", "p", "tea", None, 900, 1),
        ("3", "p", "tea", 1.0, 99_999, -1),
        ("3", "q", None, 1.0, 100, 1),
        ("3", None, "tea", 1.0, 100, 1),
    ]
    lines = pd.DataFrame(rows, columns=["customer_id", "product_id", "category", "quantity", "amount", "age"])
    lines["day"] = WINDOW.cutoff_day - lines.pop("age")
    found = engine.collect(product_prices(engine.table(lines), WINDOW))
    assert found[["product_id", "category", "buyers"]].to_numpy().tolist() == [["p", "tea", 2]]
    assert found["price"].tolist() == [pytest.approx(10.00 / 2.5)]


def test_the_price_of_an_item_is_money_over_pieces_or_over_lines_without_quantities(engine: DuckDBEngine) -> None:
    rows = [("tea", 2.0, 700, 0), ("tea", 0.5, 300, 1), ("tea", -1.0, -400, 1), ("tea", 1.0, 99_999, -1)]
    rows += [("cup", 1.0, 250, 3), (None, 1.0, 100, 1)]
    lines = pd.DataFrame(rows, columns=["category", "quantity", "amount", "age"])
    lines["day"] = WINDOW.cutoff_day - lines.pop("age")
    counted = [
        engine.collect(item_prices(engine.table(table), WINDOW, item="category")).set_index("item")["price"].to_dict()
        for table in (lines, lines.drop(columns="quantity"))
    ]
    assert counted[0] == {"tea": pytest.approx(10.00 / 2.5), "cup": pytest.approx(2.5)}
    assert counted[1] == {"tea": pytest.approx(10.00 / 2), "cup": pytest.approx(2.5)}

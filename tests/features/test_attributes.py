"""Attributes of the first order, on customers made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.features.attributes import after_first, attribute_columns, first_order
from ltvml.features.behaviour import days_as_of
from ltvml.window import Window, day_number

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = Window("2024-06-30")
END = WINDOW.cutoff_day
ROWS = [
    # two lines on the first day: the dearer one names the channel and the category
    ("a", END - 100, 500, "1", "web", "DE", "tea", 1.0, 0),
    ("a", END - 100, 1500, "1", "shop", "FR", "cups", 2.0, 500),
    ("a", END - 90, 9000, "2", "phone", "IT", "pots", 9.0, 9000),
    # equal values: the first text; a returned line of the same day is no attribute
    ("b", END - 10, 700, "3", "web", "DE", "tea", 1.0, None),
    ("b", END - 10, 700, "3", "app", "AT", "tea", 1.0, None),
    ("b", END - 10, -100, "3", "phone", "IT", "pots", 5.0, None),
    # nothing known but the value
    ("c", END, 300, "4", None, None, None, None, None),
    # joins after the cutoff
    ("d", END + 1, 300, "5", "web", "DE", "tea", 1.0, 0),
]
NAMES = ["customer_id", "day", "amount", "order_id", "channel", "country", "category", "quantity", "discount"]


@pytest.fixture
def table(lines_of: Callable[..., Any]) -> Callable[..., Any]:
    def made(rows: list[tuple[Any, ...]], *, without: tuple[str, ...] = ()) -> Any:
        frame = pd.DataFrame(rows, columns=NAMES).astype({"discount": "Int64"}).drop(columns=list(without))
        more = {name: frame[name] for name in frame if name not in NAMES[:4]}
        return lines_of([row[:4] for row in rows], **more)

    return made


def attributes(engine: Any, lines: Any, window: Window = WINDOW) -> pd.DataFrame:
    found = engine.collect(first_order(lines, days_as_of(lines, window), window))
    return found.set_index("customer_id").sort_index()


def test_the_dearest_line_of_the_first_day_names_channel_country_and_category(engine, table):
    found = attributes(engine, table(ROWS))
    assert found.index.tolist() == ["a", "b", "c"]
    assert found.loc["a", ["first_channel", "first_country", "first_category"]].tolist() == ["shop", "FR", "cups"]
    assert found.loc["b", ["first_channel", "first_country"]].tolist() == ["app", "AT"]
    assert found.loc["c", ["first_channel", "first_country", "first_category"]].isna().all()


def test_lines_units_and_discount_are_those_of_the_first_day_alone(engine, table):
    found = attributes(engine, table(ROWS))
    assert found["first_lines"].tolist() == [2.0, 2.0, 1.0]
    assert found["first_units"].tolist()[:2] == [3.0, 2.0]
    assert np.isnan(found["first_units"]["c"])
    # 5.00 off what would have cost 25.00
    assert found["first_discount_share"]["a"] == 0.2


def test_what_comes_after_an_origin_changes_no_attribute(engine, table):
    origin = WINDOW.at("2024-03-31")
    assert day_number("2024-03-31") == END - 91
    early = attributes(engine, table(ROWS), origin)
    assert early.index.tolist() == ["a"]
    pd.testing.assert_frame_equal(early, attributes(engine, table([row for row in ROWS if row[1] <= END - 91]), origin))


def test_only_columns_that_the_orders_have_make_attributes(table):
    lines = table(ROWS, without=("channel", "country", "category", "quantity", "discount"))
    assert attribute_columns(lines) == ("first_lines",)
    assert attribute_columns(table(ROWS))[:3] == ("first_channel", "first_country", "first_category")


def test_customers_are_followed_for_equally_long_and_those_who_joined_later_are_left_out(engine, table):
    lines = table(ROWS)
    days = days_as_of(lines, WINDOW)
    found = engine.collect(after_first(days, WINDOW, 100)).set_index("customer_id")
    assert found.loc["a"].tolist() == [1, 90.0]
    assert len(found) == 1
    assert engine.collect(after_first(days, WINDOW, 9)).set_index("customer_id").loc["a"].tolist() == [0, 0.0]

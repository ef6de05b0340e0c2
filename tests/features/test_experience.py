"""How orders went, on customers made by hand: what was known on a day, and nothing later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.features.behaviour import days_as_of
from ltvml.features.experience import experience, experience_columns, experience_days
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = Window("2024-06-30")
END = WINDOW.cutoff_day
NAMES = ["customer_id", "day", "amount", "order_id", "rating", "complaint", "late", "noted_day", "delivered_day"]
ROWS = [
    # two rated lines of the first day; the second order complained of after the cutoff, and late
    ("a", END - 100, 4000, "1", 2.0, 1, 0, END - 99, END - 98),
    ("a", END - 100, 6000, "1", 4.0, 0, 0, END - 99, END - 98),
    ("a", END - 100, 500, "1", None, None, None, END - 100, END - 100),
    ("a", END - 20, 1000, "2", 5.0, 1, 1, END + 3, END - 15),
    ("a", END - 5, 1000, "3", 1.0, 0, None, END - 4, END - 5),
    # a quarter of the first order came back; the last order was not rated
    ("b", END - 50, 2000, "4", 3.0, 0, 1, END - 49, END - 45),
    ("b", END - 40, -500, "4", None, None, None, END - 40, END - 40),
    ("b", END - 10, 800, "5", None, None, None, END - 10, END - 10),
    # nothing known yet
    ("c", END, 300, "6", 5.0, 1, 1, END + 1, END + 2),
]


@pytest.fixture
def table(lines_of: Callable[..., Any]) -> Callable[..., Any]:
    def made(rows: list[tuple[Any, ...]], *, without: tuple[str, ...] = ()) -> Any:
        kinds = {"complaint": "Int64", "late": "Int64"}
        frame = pd.DataFrame(rows, columns=NAMES).astype(kinds).drop(columns=list(without))
        return lines_of([row[:4] for row in rows], **{name: frame[name] for name in frame if name not in NAMES[:4]})

    return made


def known(engine: Any, lines: Any, window: Window = WINDOW, *, has_returns: bool = True) -> pd.DataFrame:
    days = days_as_of(lines, window)
    found = engine.collect(experience(lines, days, window, has_returns=has_returns))
    again = experience(lines, days, window, has_returns=has_returns, known=engine.keep(experience_days(lines)))
    pd.testing.assert_frame_equal(ordered(found), ordered(engine.collect(again)))
    return ordered(found)


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("customer_id").sort_index()


def test_first_last_and_share_of_each_signal(engine, table):
    found = known(engine, table(ROWS))
    a = found.loc["a"]
    assert a[["first_rating", "rating_mean", "last_rating"]].tolist() == [3.0, 2.0, 1.0]
    assert a[["first_complaint", "complaint_share", "last_complaint"]].tolist() == [1.0, 0.5, 0.0]
    assert a[["first_late", "late_share", "last_late"]].tolist() == [0.0, 0.5, 1.0]
    b = found.loc["b"]
    assert b[["first_rating", "last_rating", "first_returned", "last_returned"]].tolist() == [3.0, 3.0, 0.25, 0.0]
    assert found.loc["c"].drop(["first_returned", "last_returned"]).isna().all()


def test_a_rating_is_known_from_its_own_day_on(engine, table):
    later = Window("2024-07-03")
    assert later.cutoff_day == END + 3
    found = known(engine, table(ROWS), later)
    assert found.loc["a", "rating_mean"] == pytest.approx((3 + 5 + 1) / 3)
    assert found.loc["a", "complaint_share"] == pytest.approx(2 / 3)
    assert found.loc["c", ["first_rating", "first_complaint", "first_late"]].tolist() == [5.0, 1.0, 1.0]


def test_rows_and_values_after_a_cutoff_change_nothing(engine, table):
    origin = Window("2024-05-25")
    cut = origin.cutoff_day
    before = [row for row in ROWS if row[1] <= cut]
    hidden = [
        (*row[:4], *(99 if name == "rating" else 1 for name in NAMES[4:7]), *row[7:]) if row[7] > cut else row
        for row in before
    ]
    pd.testing.assert_frame_equal(known(engine, table(ROWS), origin), known(engine, table(hidden), origin))


def test_without_a_day_of_its_own_a_rating_is_known_on_the_day_of_the_order(engine, table):
    found = known(engine, table(ROWS, without=("noted_day", "delivered_day")))
    assert found.loc["c", ["first_rating", "first_late"]].tolist() == [5.0, 1.0]


def test_a_value_whose_day_is_null_is_never_known(engine, table):
    rows = [(*row[:7], None, row[8]) for row in ROWS]
    found = known(engine, table(rows))
    assert found[["first_rating", "rating_mean", "last_complaint"]].isna().all(axis=None)
    assert found.loc["a", "late_share"] == 0.5


def test_a_return_carried_from_a_later_day_never_makes_more_than_all_of_an_order(engine, table):
    rows = [("a", END - 30, 1000, "1", *[None] * 5), ("a", END - 3, -1600, None, *[None] * 5)]
    assert known(engine, table(rows)).loc["a", "first_returned"] == 1.0


def test_columns_are_those_that_lines_can_give(engine, table):
    lines = table(ROWS, without=("rating", "late", "delivered_day"))
    names = experience_columns(lines, has_returns=False)
    assert names == ("first_complaint", "complaint_share", "last_complaint")
    assert known(engine, lines, has_returns=False).columns.tolist() == list(names)


def test_they_are_what_pandas_counts(engine, table):
    draw = np.random.default_rng(4)
    day = END - draw.integers(0, 200, 600)
    rows = pd.DataFrame(
        {
            "customer_id": draw.integers(0, 90, 600).astype(str),
            "day": day,
            "amount": draw.integers(1, 5000, 600),
            "order_id": np.arange(600).astype(str),
            "rating": pd.Series(draw.integers(1, 6, 600) * 1.0).where(draw.random(600) < 0.7),
            "complaint": pd.Series(draw.integers(0, 2, 600)).where(draw.random(600) < 0.7),
            "late": draw.integers(0, 2, 600),
            "noted_day": day + draw.integers(0, 30, 600),
            "delivered_day": day,
        }
    )
    found = known(engine, table(list(rows.itertuples(index=False, name=None))))
    seen = rows.assign(**{name: rows[name].where(rows["noted_day"] <= END) for name in ("rating", "complaint")})
    by_day = seen.groupby(["customer_id", "day"]).agg(rating=("rating", "mean"), complaint=("complaint", "max"))
    each = by_day.groupby("customer_id")
    for name, values in (
        ("first_rating", by_day.reset_index().groupby("customer_id")["rating"].nth(0).to_numpy()),
        ("rating_mean", each["rating"].mean().to_numpy()),
        ("last_rating", each["rating"].last().to_numpy()),
        ("complaint_share", each["complaint"].mean().to_numpy()),
    ):
        np.testing.assert_allclose(found[name].to_numpy(), values, rtol=1e-9, err_msg=name)

"""Timelines show each customer's own purchases, the window that was said, and apart from them what came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.plots.figures import save
from ltvml.plots.timeline import household_timelines
from ltvml.window import day_number

CUTOFF = "2020-06-30"
SEEN_TO = day_number(CUTOFF)
# drawn half a day to either side, so that both ends of a window belong to it
HALF_A_DAY = 0.5


@pytest.fixture
def purchases():
    """A's coffee: one purchase long ago, one day with two, two days after the cutoff. Her tea and B's coffee apart."""
    rows = [
        ("A", "coffee", "2018-01-01"),
        ("A", "coffee", "2020-04-01 09:00"),
        ("A", "coffee", "2020-04-01 17:00"),
        ("A", "coffee", "2020-06-01"),
        ("A", "coffee", "2020-07-04"),
        ("A", "coffee", "2020-07-20"),
        ("A", "tea", "2020-05-05"),
        ("B", "coffee", "2020-03-03"),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "item", "order_date"])
    return frame.assign(order_date=pd.to_datetime(frame["order_date"], format="ISO8601"))


@pytest.fixture
def due():
    frame = pd.DataFrame(
        {
            "customer_id": ["A", "B"],
            "item": ["coffee", "coffee"],
            "replenishment_lo": ["2020-07-02", "2020-07-10"],
            "replenishment_date": ["2020-07-06", "2020-08-01"],
            "replenishment_hi": ["2020-07-14", "2020-09-09"],
            "p_reorder_28": [0.714, 0.2],
            "stock_status": ["about_to_replenish", "sufficient"],
        }
    )
    dates = ["replenishment_lo", "replenishment_date", "replenishment_hi"]
    return frame.assign(**{name: pd.to_datetime(frame[name]).dt.date for name in dates})


@pytest.fixture
def axes(purchases, due):
    return household_timelines(purchases, due, cutoff=CUTOFF)


def drawn(axes, place, *, hollow):
    """Day numbers of the dots of a row."""
    dots = [
        line for line in axes.lines if line.get_marker() == "o" and (line.get_markerfacecolor() == "white") == hollow
    ]
    return [float(day) for line in dots for day, row in zip(*line.get_data(), strict=True) if row == place]


def test_each_day_up_to_the_cutoff_is_one_dot_in_the_row_of_its_customer_and_item(axes):
    assert drawn(axes, 0, hollow=False) == [day_number("2020-04-01"), day_number("2020-06-01")]
    assert drawn(axes, 1, hollow=False) == [day_number("2020-03-03")]


def test_the_next_purchase_alone_is_drawn_of_what_came_after_the_cutoff(axes):
    assert drawn(axes, 0, hollow=True) == [day_number("2020-07-04")]
    assert drawn(axes, 1, hollow=True) == []


def test_purchases_before_the_picture_are_counted(axes):
    assert [text.get_text() for text in axes.texts if text.get_text().startswith("+")] == ["+1"]


def test_a_longer_picture_draws_them(purchases, due):
    longer = household_timelines(purchases, due, cutoff=CUTOFF, history_days=1000)
    assert drawn(longer, 0, hollow=False)[0] == day_number("2018-01-01")
    assert not [text for text in longer.texts if text.get_text().startswith("+")]


def test_a_band_reaches_from_the_10_to_the_90_percent_date_with_a_mark_at_the_median(axes):
    bands = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    ends = [("2020-07-02", "2020-07-14"), ("2020-07-10", "2020-09-09")]
    assert bands == [(day_number(low) - HALF_A_DAY, day_number(high) + HALF_A_DAY) for low, high in ends]
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert marks == [day_number("2020-07-06"), day_number("2020-08-01")]


def test_the_line_stands_at_the_cutoff_and_the_axis_says_so_in_dates(axes):
    (line,) = [line for line in axes.lines if line.get_linestyle() == "-" and line.get_marker() == "None"]
    assert set(line.get_xdata()) == {SEEN_TO}
    assert axes.xaxis.get_major_formatter().format_data_short(SEEN_TO).startswith(CUTOFF)


def test_names_chances_and_statuses_stand_beside_their_rows_from_top_to_bottom(axes):
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A  coffee", "B  coffee"]
    assert axes.yaxis_inverted()
    beside = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert (beside["71 %"], beside["about to replenish"], beside["20 %"], beside["sufficient"]) == (0, 0, 1, 1)


def test_a_long_item_is_shortened(purchases, due):
    axes = household_timelines(purchases, due.assign(item="x" * 60), cutoff=CUTOFF)
    assert axes.get_yticklabels()[0].get_text() == f"A  {'x' * 23}…"


def test_a_row_without_purchases_or_dates_is_still_a_row(purchases, due):
    unknown = due.assign(customer_id="C", **{name: pd.NaT for name in due if name.startswith("replenishment")})
    axes = household_timelines(purchases, unknown, cutoff=CUTOFF)
    assert len(axes.get_yticklabels()) == 2
    assert np.isfinite(axes.get_xlim()).all()


def test_a_missing_column_is_named(purchases, due):
    with pytest.raises(DataContractError, match=r"purchases has the columns .* missing: \['order_date'\]"):
        household_timelines(purchases.drop(columns="order_date"), due, cutoff=CUTOFF)
    with pytest.raises(DataContractError, match=r"due has the columns .* missing: \['p_reorder_28'\]"):
        household_timelines(purchases, due.drop(columns="p_reorder_28"), cutoff=CUTOFF)


def test_nothing_to_draw_is_refused(purchases, due):
    with pytest.raises(DataContractError, match="expected one row or more"):
        household_timelines(purchases, due.head(0), cutoff=CUTOFF)


def test_the_same_rows_give_the_same_bytes(purchases, due, tmp_path):
    for name in ("first", "second"):
        save(household_timelines(purchases, due, cutoff=CUTOFF), tmp_path / f"{name}.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()

"""The pictures of outreach show the numbers they are given: shares, moves, one customer's days."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.outreach.customers.ladder import ladder
from ltvml.outreach.customers.stages import STAGES, transitions
from ltvml.outreach.settings import LadderRules
from ltvml.plots.figures import save
from ltvml.plots.outreach import BACK, GOING, OTHER, STAYED, bands_of, counts_by_stage, kind_of, ladder_plot, stage_flow
from ltvml.plots.story import customer_story
from ltvml.window import day_number

CUTOFF = "2020-06-30"
# shares of a few hundred customers, summed in another order
ROUNDING = 1e-12


@pytest.fixture
def climbs():
    """Of 1000 after one order 400 come back; of 400 after two 240; of 240 after three 150."""
    rows = [(1, 0, 600), (2, 1, 160), (3, 3, 90), (3, 7, 150)]
    return pd.DataFrame(rows, columns=["observed", "followed", "customers"])


@pytest.fixture
def moves():
    before = {"a": "lapsing", "b": "lapsing", "c": "trust_transfer", "d": "lapsed", "e": "value_verification"}
    after = {
        "a": "lapsed",
        "b": "lapsing",
        "c": "lapsing",
        "d": "trust_transfer",
        "e": "demand_awakening",
        "f": "lapsed",
    }
    runs = [pd.DataFrame({"customer_id": list(run), "stage": list(run.values())}) for run in (before, after)]
    return transitions(*runs)


def texts_of(figure):
    return [text.get_text() for text in figure.texts]


def test_the_ladder_is_drawn_with_its_intervals_and_counts(climbs):
    found = ladder(climbs)
    figure = ladder_plot(found)
    axes = figure
    line = axes.lines[0]
    assert line.get_xdata().tolist() == [1, 2, 3]
    assert line.get_ydata().tolist() == pytest.approx([0.4, 0.6, 0.625])
    (bars,) = axes.containers
    ends = [segment[:, 1].tolist() for segment in bars.lines[2][0].get_segments()]
    assert np.allclose(ends, np.stack([found.lo, found.hi], axis=1))
    assert {"40 %", "60 %", "62 %"} <= set(texts_of(figure))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1\n1,000", "2\n400", "3\n240"]


def test_the_turning_point_is_marked_and_its_distribution_told(climbs):
    found = ladder(climbs)
    figure = ladder_plot(found)
    assert found.turning_point == 2
    assert "N* = 2" in texts_of(figure)
    foot = " ".join(figure.get_xlabel().split())
    across = "order, and customers whose window has passed"
    assert foot.startswith(f"{across} From order 2 the next step adds less than 5 points (bootstrap: ")
    assert foot.endswith("it does not show that an order causes the next one.")


def test_a_ladder_that_never_flattens_has_no_mark(climbs):
    figure = ladder_plot(ladder(climbs, rules=LadderRules(least_gain=0.001)))
    assert not [text for text in texts_of(figure) if text.startswith("N*")]
    assert "no turning point yet" in " ".join(figure.get_xlabel().split())


def test_a_ladder_without_rungs_says_why_there_is_no_picture(climbs):
    with pytest.raises(DataContractError, match="No ladder: too few customers were observed for 180 days"):
        ladder_plot(ladder(climbs.assign(customers=1)))


def test_every_customer_is_in_one_band_and_every_stage_that_somebody_was_in_is_there(moves):
    counts = counts_by_stage(moves, STAGES)
    in_either = ["value_verification", "demand_awakening", "trust_transfer", "lapsing", "lapsed", "absent"]
    assert counts.index.tolist() == counts.columns.tolist() == in_either
    assert counts.to_numpy().sum() == 6
    assert sum(band.share for band in bands_of(counts)) == pytest.approx(1, abs=ROUNDING)


def test_bands_fill_their_stages_without_overlap(moves):
    counts = counts_by_stage(moves, STAGES)
    for side, sums in (("start", counts.sum(axis=1)), ("end", counts.sum(axis=0))):
        edges = sorted((-getattr(band, side), -getattr(band, side) + band.share) for band in bands_of(counts))
        assert all(upper[1] <= lower[0] + ROUNDING for upper, lower in pairwise(edges))
        assert edges[-1][1] == pytest.approx(1 + 0.03 * np.flatnonzero(sums)[-1], abs=ROUNDING)


def test_moves_towards_the_door_back_and_elsewhere_are_told_apart():
    assert kind_of("trust_transfer", "lapsing") == kind_of("lapsing", "lapsed") == GOING
    assert kind_of("lapsed", "lapsing") == kind_of("lapsed", "trust_transfer") == BACK
    assert kind_of("value_verification", "demand_awakening") == OTHER
    assert kind_of("lapsed", "lapsed") == STAYED


def test_stages_are_named_and_counted_at_both_dates(moves):
    figure = stage_flow(moves, STAGES, before="10 June", after="10 September", names={"lapsed": "gone"})
    found = texts_of(figure)
    assert {"10 June", "10 September", "lapsing  2  (33 %)", "gone  1  (17 %)", "gone  2  (33 %)"} <= set(found)
    assert "ready for more  1  (17 %)" in found
    # nobody was in that stage before: it has a name on the right alone
    assert sum(text.startswith("ready for more") for text in found) == 1


def test_moves_of_nobody_and_missing_columns_are_refused(moves):
    with pytest.raises(DataContractError, match="no customers to draw"):
        stage_flow(moves.head(0), STAGES, before="", after="")
    with pytest.raises(DataContractError, match=r"missing: \['customers'\]"):
        stage_flow(moves.drop(columns="customers"), STAGES, before="", after="")


@pytest.fixture
def purchases():
    rows = [("A", "coffee", "2020-04-01"), ("A", "coffee", "2020-06-01"), ("A", "coffee", "2020-07-04")]
    rows += [("A", "tea", "2020-05-05"), ("A", "milk", "2020-05-05"), ("A", "milk", "2020-06-01")]
    rows += [("B", "coffee", "2020-03-03"), ("C", "tea", "2020-07-02")]
    frame = pd.DataFrame(rows, columns=["customer_id", "item", "order_date"])
    return frame.assign(order_date=pd.to_datetime(frame["order_date"]))


@pytest.fixture
def due():
    dates = {"replenishment_lo": "2020-07-02", "replenishment_date": "2020-07-06", "replenishment_hi": "2020-07-14"}
    predicted = {"p_reorder_28": 0.714, "stock_status": "about_to_replenish"} | dates
    return pd.DataFrame(
        [{"customer_id": "A", "item": "coffee"} | predicted, {"customer_id": "B", "item": "coffee"} | predicted]
    )


@pytest.fixture
def plan():
    row = {"customer_id": "A", "action": "vip_care", "channel": "email", "due_date": pd.Timestamp("2020-07-03")}
    return pd.DataFrame([row | {"item": "tea", "reason": "Last bought tea 56 days ago.", "suppressed_by": None}])


def drawn(figure, place, marker):
    dots = [line for line in figure.lines if line.get_marker() == marker]
    return [float(day) for line in dots for day, row in zip(*line.get_data(), strict=True) if row == place]


def legend_of(figure):
    return [text.get_text() for text in figure.get_legend().get_texts()]


def test_a_story_has_all_orders_on_top_then_the_item_of_the_contact_then_the_others_by_days(purchases, due, plan):
    figure = customer_story("A", purchases, due, plan, cutoff=CUTOFF)
    names = [label.get_text() for label in figure.get_yticklabels()]
    assert names == ["all orders", "tea", "coffee", "milk"]
    days = [day_number(f"2020-{day}") for day in ("04-01", "05-05", "06-01", "07-04")]
    assert drawn(figure, 0, "o") == days
    assert drawn(figure, 2, "o") == [days[0], days[2], days[3]]


def test_the_contact_stands_on_its_day_in_the_row_of_its_item_and_in_the_legend(purchases, due, plan):
    figure = customer_story("A", purchases, due, plan, cutoff=CUTOFF, names={"vip_care": "VIP care"})
    assert drawn(figure, 1, "D") == [day_number("2020-07-03")]
    assert "VIP care by email, 2020-07-03" in legend_of(figure)
    assert figure.get_xlabel() == "Last bought tea 56 days ago."


def test_a_contact_about_nothing_in_particular_stands_beside_all_orders(purchases, due, plan):
    figure = customer_story("A", purchases, due, plan.assign(item=None), cutoff=CUTOFF)
    assert drawn(figure, 0, "D") == [day_number("2020-07-03")]


def test_who_is_left_alone_has_no_mark_and_a_reason(purchases, due, plan):
    held = plan.assign(suppressed_by="holdout")
    figure = customer_story("A", purchases, due, held, cutoff=CUTOFF)
    assert not [line for line in figure.lines if line.get_marker() == "D"]
    assert (
        figure.get_xlabel()
        == "Not contacted: is held out, so that the effect can be measured. Last bought tea 56 days ago."
    )
    idle = plan.assign(action=None, channel=None, due_date=pd.NaT, item=None, reason=None, suppressed_by="no_action")
    assert (
        customer_story("A", purchases, due, idle, cutoff=CUTOFF).get_xlabel() == "Not contacted: no action applies now."
    )
    assert customer_story("B", purchases, due, plan, cutoff=CUTOFF).get_xlabel() == "Not in the plan."


def test_a_window_is_drawn_for_the_customers_own_item_alone(purchases, due, plan):
    figure = customer_story("A", purchases, due, plan, cutoff=CUTOFF)
    (band,) = figure.patches
    # drawn half a day to either side, so that both ends belong to it
    assert band.get_x() == day_number("2020-07-02") - 0.5
    assert drawn(figure, 2, "|") == [day_number("2020-07-06")]
    assert {"71 %", "about to replenish"} <= set(texts_of(figure))


def test_a_shop_without_items_due_still_has_its_story(purchases, due, plan):
    figure = customer_story("A", purchases, due.head(0), plan.head(0), cutoff=CUTOFF)
    assert np.isfinite(figure.get_xlim()).all()


def test_a_customer_not_seen_by_the_cutoff_is_refused(purchases, due, plan):
    for customer in ("C", "nobody"):
        with pytest.raises(DataContractError, match=f"customer '{customer}' bought nothing up to 2020-06-30"):
            customer_story(customer, purchases, due, plan, cutoff=CUTOFF)


def test_the_same_numbers_give_the_same_bytes(purchases, due, plan, moves, climbs, tmp_path):
    for name in ("first", "second"):
        save(customer_story("A", purchases, due, plan, cutoff=CUTOFF), tmp_path / name / "story.png")
        save(stage_flow(moves, STAGES, before="then", after="now"), tmp_path / name / "flow.png")
        save(ladder_plot(ladder(climbs)), tmp_path / name / "ladder.png")
    for file in ("story.png", "flow.png", "ladder.png"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()

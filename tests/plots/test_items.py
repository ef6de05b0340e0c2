"""Pictures of replenishment show the numbers they are given; the curve that was seen is that of Kaplan and Meier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ltvml.datasets.simulate_renewals import SimulatedItem, simulate_renewals
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.plots import figures as plots
from ltvml.plots.items import expected_share, kaplan_meier, learned_curve, status_rates

CUTOFF = 400
# four standard errors of the observed curve with some 200 and 3,000 customers, who have several gaps each
ALONG, TRUE_ALONG = 0.08, 0.025
STATUSES = pd.DataFrame(
    {
        "status": ["sufficient", "depleted", "lapsed"],
        "pairs": [1200, 40, 3],
        "bought_28": [0.2, 0.6, 0.1],
        "predicted_28": [0.25, 0.55, 0.05],
    }
)


@pytest.fixture(scope="module")
def shop():
    items = [
        SimulatedItem("coffee", 250, kappa=4.0, a=6.0, b=45.0, pi=0.97),
        SimulatedItem("a name that is much too long for its panel", 150, kappa=2.0, a=4.0, b=90.0),
    ]
    renewals = simulate_renewals(300, items, end_day=CUTOFF, entry_days=250, random_state=2)
    history = renewals.history(CUTOFF)
    renewal = GammaRenewal().fit(history)
    return history, renewal, renewals.pairs(CUTOFF, renewal.items_.elasticity)


class TestKaplanMeier:
    def test_leukemia_remissions_of_freireich_1963(self):
        # 6-MP arm, 21 patients: published survival in Kalbfleisch & Prentice (2002), table 1.2, and every textbook
        ended = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23], dtype=float)
        censored = np.array([6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], dtype=float)
        days, share = kaplan_meier(ended, censored)
        assert days.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
        published = [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
        np.testing.assert_allclose(share, published, atol=5e-4)

    def test_without_open_gaps_is_the_share_that_lasted_longer(self):
        gaps = np.array([2.0, 2.0, 5.0, 9.0])
        days, share = kaplan_meier(gaps, np.array([]))
        assert share.tolist() == pytest.approx([np.mean(gaps > day) for day in days])

    def test_a_gap_still_open_on_the_day_another_ended_was_at_risk_that_day(self):
        _, share = kaplan_meier(np.array([4.0]), np.array([4.0]))
        assert share.tolist() == [1.0, 0.5]


class TestLearnedCurve:
    def test_one_panel_an_item_with_both_curves(self, shop):
        history, renewal, pairs = shop
        items = renewal.items_.described()
        figure = learned_curve(items, pairs, history.gaps, renewal)
        panels = [axes for axes in figure.axes if axes.get_visible()]
        assert len(panels) == len(items) == 2
        for axes in panels:
            seen, learned = axes.lines
            assert (np.diff(seen.get_ydata()) <= 0).all()
            assert (np.diff(learned.get_ydata()) <= 0).all()
            days, share = seen.get_xdata(), seen.get_ydata()
            text = axes.texts[0].get_text()
            crossed = days[share <= 0.5]
            assert (f"half are back after {crossed[0]:.0f} days" if len(crossed) else "fewer than half") in text

    def test_a_long_name_is_cut(self, shop):
        history, renewal, pairs = shop
        figure = learned_curve(renewal.items_.described(), pairs, history.gaps, renewal)
        titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
        assert titles[0].endswith("…")
        assert titles[1] == "coffee"

    def test_what_was_learned_runs_along_what_was_seen(self, shop):
        history, renewal, pairs = shop
        coffee, gaps = (table[table["item"] == "coffee"] for table in (pairs, history.gaps))
        days, share = kaplan_meier(gaps["gap"].to_numpy(dtype=float), coffee["elapsed"].to_numpy(dtype=float))
        times = np.arange(0.0, 61.0, 2.0)
        seen = share[np.searchsorted(days, times, side="right") - 1]
        np.testing.assert_allclose(expected_share(renewal, coffee, gaps, times), seen, atol=ALONG)

    @pytest.mark.parametrize("elasticity", [0.0, 0.6])
    def test_a_renewal_that_is_true_is_drawn_where_it_was_seen_on_late_days_too(self, elasticity):
        # customers who differ widely, seen for a year or two: the mean of their survival curves lies 7 points too low
        item = SimulatedItem("gifts", 3000, kappa=1.6, a=0.8, b=50.0, pi=0.9, elasticity=elasticity)
        renewals = simulate_renewals(3000, [item], end_day=700, entry_days=400, random_state=4)
        history = renewals.history(700)
        true = GammaRenewal().fit(history)
        true.items_ = replace(true.items_, points=np.array([item.point, item.point]))
        pairs = renewals.pairs(700, true.items_.elasticity)
        days, share = kaplan_meier(history.gaps["gap"].to_numpy(dtype=float), pairs["elapsed"].to_numpy(dtype=float))
        times = np.arange(0.0, 401.0, 5.0)
        seen = share[np.searchsorted(days, times, side="right") - 1]
        found = expected_share(true, pairs, history.gaps.sort_values("gap"), times)
        np.testing.assert_allclose(found, seen, atol=TRUE_ALONG)

    def test_the_same_numbers_give_the_same_bytes(self, shop, tmp_path):
        history, renewal, pairs = shop
        for name in ("a.png", "b.png"):
            plots.save(learned_curve(renewal.items_.described(), pairs, history.gaps, renewal), tmp_path / name)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


class TestStatusRates:
    def test_bars_are_what_was_said_and_what_came(self):
        axes = status_rates(STATUSES)
        heights = [[bar.get_height() for bar in bars] for bars in axes.containers]
        assert heights == [STATUSES["predicted_28"].tolist(), STATUSES["bought_28"].tolist()]
        assert [label.get_text() for label in axes.get_xticklabels()] == [
            "sufficient\n1,200",
            "depleted\n40",
            "lapsed\n3",
        ]

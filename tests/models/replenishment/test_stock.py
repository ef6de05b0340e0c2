"""What is left in the cupboard: four words that exclude each other, read off the gap of each customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ltvml.models.replenishment.item_table import ItemTable
from ltvml.models.replenishment.stock import STATUSES, USUAL_GAPS, StockRules, p_lapsed, stock_status

# the ratio of two sums of the same incomplete beta functions
ROUNDING = 1e-12


def memoryless(pi: float, elasticity: float = 0.0) -> ItemTable:
    """One item with kappa 1, a 3 and b 90: P(gap > t) = (90 / (90 + t))^3."""
    point = [0.0, np.log(3.0), np.log(30.0), np.log(pi / (1 - pi)), elasticity]
    return ItemTable(
        names=("tea",),
        points=np.array([point, point]),
        standard_errors=np.zeros((2, 5)),
        own=np.array([1.0, 0.0]),
        manual=np.array([False, False]),
        buyers=np.array([10]),
        repeat_buyers=np.array([8]),
    )


def silent(elapsed, last_quantity=1.0):
    days = np.atleast_1d(np.asarray(elapsed, dtype=float))
    return pd.DataFrame({"item": "tea", "n_gaps": 0, "gap_sum": 0.0, "elapsed": days, "last_quantity": last_quantity})


def tail(days):
    return (90 / (90 + np.asarray(days, dtype=float))) ** 3


class TestLapsed:
    def test_is_the_chance_to_outlast_four_in_five_gaps(self):
        limit = 90 * ((1 - USUAL_GAPS) ** (-1 / 3) - 1)
        silences = np.array([0.0, 20.0, limit / 2])
        theirs = (0.1 + 0.9 * tail(limit)) / (0.1 + 0.9 * tail(silences))
        np.testing.assert_allclose(p_lapsed(silent(silences), memoryless(0.9)), theirs, rtol=ROUNDING)

    def test_is_certain_beyond_them(self):
        np.testing.assert_allclose(p_lapsed(silent([64.0, 500.0, 5000.0]), memoryless(0.9)), 1)

    @pytest.mark.parametrize("pi", [0.05, 0.5, 0.99])
    def test_never_falls_with_silence(self, pi):
        chance = p_lapsed(silent(np.arange(0, 3000)), memoryless(pi))
        assert (np.diff(chance) >= -ROUNDING).all()
        assert ((chance > 0) & (chance <= 1 + ROUNDING)).all()

    def test_a_bigger_pack_gives_more_time(self):
        items = memoryless(0.9, elasticity=0.5)
        small, big = (p_lapsed(silent(40.0, quantity), items)[0] for quantity in (1.0, 4.0))
        assert big < small

    def test_never_falls_with_silence_for_rows_of_a_fit(self, snapshots, rows):
        items = snapshots.renewal.items_
        chances = [p_lapsed(rows.assign(elapsed=rows["elapsed"] + more), items) for more in (0, 3, 30, 300, 3000)]
        assert (np.diff(chances, axis=0) >= -ROUNDING).all()


class TestStatus:
    def test_runs_through_the_words_in_order(self):
        # half the gaps are over after 90 (2^(1/3) - 1) = 23.4 days, four in five after u = 63.9, and
        # S(e + u) / S(e), S(t) = .01 + .99 (90 / (90 + t))^3, passes one half after 113
        found = stock_status(silent(np.arange(0, 200)), memoryless(0.99), StockRules(lead_days=7))
        assert list(dict.fromkeys(found)) == list(STATUSES)
        days = np.arange(64.0, 180.0)
        usual = 90 * (0.2 ** (-1 / 3) - 1)
        still = (0.01 + 0.99 * tail(days + usual)) / (0.01 + 0.99 * tail(days))
        given_up = int(days[np.argmax(still >= 0.5)])
        assert [int(np.argmax(found == word)) for word in STATUSES] == [0, 17, 24, given_up]

    def test_a_bundle_written_before_keeps_its_rule(self):
        before = StockRules.from_dict({"lead_days": 7, "empty": 0.5, "lapsed": 0.5})
        X = silent(np.arange(0, 200))
        lapsed = stock_status(X, memoryless(0.99), before) == "lapsed"
        assert (lapsed == (p_lapsed(X, memoryless(0.99)) >= 0.5)).all()
        assert "late" not in before.to_dict()

    def test_without_lead_time_nothing_is_about_to_run_out(self):
        found = stock_status(silent(np.arange(0, 200)), memoryless(0.99), StockRules(lead_days=0))
        assert "about_to_replenish" not in found

    def test_lower_thresholds_never_make_a_cupboard_fuller(self):
        X, order = silent(np.arange(0, 300)), {word: place for place, word in enumerate(STATUSES)}
        usual = stock_status(X, memoryless(0.9), StockRules())
        strict = stock_status(X, memoryless(0.9), StockRules(empty=0.3, lapsed=0.3))
        assert all(order[now] >= order[then] for now, then in zip(strict, usual, strict=True))

    def test_one_word_holds_for_every_row(self, snapshots, rows):
        found = stock_status(rows, snapshots.renewal.items_, StockRules())
        assert len(found) == len(rows)
        assert set(found) == set(STATUSES)

    def test_rows_told_to_be_due_reorder_more_than_the_full_and_the_lapsed(self, snapshots, rows, truth):
        found = stock_status(rows, snapshots.renewal.items_, StockRules())
        rate = pd.Series(truth <= 7).groupby(found).mean()
        assert rate["sufficient"] < rate["about_to_replenish"]
        assert rate["lapsed"] == rate.min()

    @pytest.mark.parametrize("pi", [0.85, 0.5])
    def test_a_regular_buyer_is_reminded_before_the_run_out_and_given_up_after_it(self, pi):
        # 8 purchases 30 days apart of an item whose gaps are Gamma(20, mean 30): 15 % (or half) leave after each one
        point = [np.log(20.0), np.log(50.0), np.log(30.0), np.log(pi / (1 - pi)), 0.0]
        items = replace(memoryless(0.9), points=np.array([point, point]))
        X = silent(np.arange(0, 120)).assign(n_gaps=7, gap_sum=210.0)
        found = stock_status(X, items, StockRules(lead_days=7))
        begins = {word: int(np.argmax(found == word)) for word in STATUSES}
        assert list(dict.fromkeys(found)) == list(STATUSES)
        assert (begins["about_to_replenish"], begins["depleted"]) == (23, 30)
        assert 34 <= begins["lapsed"] <= 45

    def test_an_irregular_buyer_is_given_up_before_nine_cycles_have_passed(self):
        # usually every 10 days, the last one 92 days ago
        point = [np.log(1.2), np.log(2.0), np.log(20.0), np.log(0.97 / 0.03), 0.0]
        items = replace(memoryless(0.9), points=np.array([point, point]))
        X = silent([92.0]).assign(n_gaps=8, gap_sum=80.0)
        assert stock_status(X, items, StockRules()).tolist() == ["lapsed"]

    def test_nobody_is_lapsed_while_nothing_is_late(self):
        # an item that few buy again: "never again" is likelier than not from the first day
        found = stock_status(silent(np.arange(0, 60)), memoryless(0.2), StockRules())
        assert "lapsed" not in found

    @pytest.mark.parametrize("kappa", [0.7, 1.2, 4.0, 20.0])
    @pytest.mark.parametrize("pi", [0.2, 0.6, 0.95, 0.999])
    def test_nobody_comes_back_from_lapsed_by_staying_away(self, kappa, pi):
        point = [np.log(kappa), np.log(3.0), np.log(30.0), np.log(pi / (1 - pi)), 0.0]
        items = replace(memoryless(0.9), points=np.array([point, point]))
        for gaps in (0, 1, 6):
            X = silent(np.arange(0, 2000)).assign(n_gaps=gaps, gap_sum=30.0 * gaps)
            lapsed = stock_status(X, items, StockRules()) == "lapsed"
            assert (np.diff(lapsed.astype(int)) >= 0).all()

    def test_rules_as_plain_values(self):
        assert StockRules(**StockRules(lead_days=3).to_dict()) == StockRules(lead_days=3)

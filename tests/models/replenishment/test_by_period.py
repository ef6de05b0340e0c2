"""Learners on top of the renewal: what the household adds, and how a correction is spread over days."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models.replenishment.by_period import at_risk, parts_of
from ltvml.models.replenishment.household_activity import HouseholdActivity
from ltvml.models.replenishment.lightgbm_stacker import LightGBMStacker, sample_of
from ltvml.models.replenishment.pair_features import ENDS, FEATURES, with_features
from ltvml.models.replenishment.pair_snapshots import PairSnapshots

ROUNDING = 1e-12
# through log-odds and back, which end at -20, a probability of 2e-9; a factor of that runs on beyond the last period
FOLLOWED = 1e-7


def log_loss(chance, happened):
    return -np.mean(np.log(np.where(happened, chance, 1 - chance)))


class SameAsTheRenewal(HouseholdActivity):
    """A learner that found nothing to correct."""

    def corrected(self, X, period, odds):
        return odds


class TwiceTheHazard(HouseholdActivity):
    """A learner that found twice the hazard in the second period."""

    def corrected(self, X, period, odds):
        if period != 1:
            return odds
        hazard = 2 * np.logaddexp(0, odds)
        return np.log(np.expm1(hazard))


def standing_on(kind, snapshots):
    model = kind()
    model.renewal_, model.purchase_ = snapshots.renewal, snapshots.purchase
    return model


class TestTheHousehold:
    @pytest.fixture(scope="class")
    @classmethod
    def activity(cls, snapshots):
        return HouseholdActivity().fit(snapshots)

    @pytest.mark.parametrize("within", [7, 14, 28])
    def test_betters_the_renewal_where_customers_leave_all_items_at_once(self, activity, rows, truth, within):
        alone = log_loss(activity.renewal_.probability(rows, within), truth <= within)
        assert log_loss(activity.probability(rows, within), truth <= within) < alone

    def test_a_long_absence_of_the_household_lowers_every_item(self, activity, rows):
        away = rows.assign(recency=rows["recency"].clip(upper=rows["T"] - 60).clip(lower=0))
        moved = away["recency"] < rows["recency"]
        assert moved.any()
        assert (activity.probability(away, 7)[moved] < activity.probability(rows, 7)[moved]).mean() > 0.95

    def test_dates_are_those_of_the_renewal(self, activity, rows):
        ours, theirs = (model.date(rows, [0.1, 0.5], 91) for model in (activity, activity.renewal_))
        np.testing.assert_array_equal(ours, theirs)


class TestSpreadingACorrection:
    def test_nothing_to_correct_gives_the_renewal_on_every_day(self, snapshots, rows):
        windows = [1, 5, 7, 9, 14, 21, 28, 45, 91]
        ours = standing_on(SameAsTheRenewal, snapshots).probabilities(rows, windows)
        np.testing.assert_allclose(ours, snapshots.renewal.probabilities(rows, windows), rtol=1e-6, atol=FOLLOWED)

    def test_a_period_moves_its_own_days_and_all_after(self, snapshots, rows):
        model, renewal = standing_on(TwiceTheHazard, snapshots), snapshots.renewal

        def hazard(of, days):
            return -np.log1p(-of.probability(rows, days))

        np.testing.assert_allclose(hazard(model, 5), hazard(renewal, 5), rtol=1e-6, atol=FOLLOWED)
        second = hazard(renewal, 14) - hazard(renewal, 7)
        for days, more in ((10, hazard(renewal, 10) - hazard(renewal, 7)), (14, second), (28, second), (60, second)):
            np.testing.assert_allclose(hazard(model, days), hazard(renewal, days) + more, rtol=1e-6, atol=FOLLOWED)

    def test_parts_of_a_hazard_add_up_to_it(self):
        ends = np.array([[0.2, 0.5, 0.9]])
        np.testing.assert_allclose(parts_of(10, np.array([0.3]), ends), [[0.2, 0.1, 0]], rtol=ROUNDING)
        np.testing.assert_allclose(parts_of(3, np.array([0.1]), ends), [[0.1, 0, 0]], rtol=ROUNDING)
        np.testing.assert_allclose(parts_of(60, np.array([1.4]), ends), [[0.2, 0.3, 0.9]], rtol=ROUNDING)


class TestTrees:
    def test_columns_are_there_and_finite_where_they_can_be(self, snapshots, rows):
        found = with_features(rows, snapshots.renewal, snapshots.purchase)[list(FEATURES)]
        assert np.isfinite(found.drop(columns="visit_gap")).all(axis=None)
        assert found["visit_gap"].isna().equals(rows["frequency"] == 0)

    def test_customers_are_left_out_whole_above_the_most_rows(self, snapshots):
        some = sample_of(snapshots, 0, most_rows=1000)
        assert 0 < len(some.X) < 1500
        kept, out = set(some.X["customer_id"]), set(snapshots.X["customer_id"]) - set(some.X["customer_id"])
        assert out
        assert len(some.X) == snapshots.X["customer_id"].isin(kept).sum()

    def test_trees_that_see_what_the_renewal_cannot_are_kept(self, snapshots):
        # everybody with an even bucket reorders in a week, and the silence of the household shows it
        even = snapshots.bucket % 2 == 0
        X = snapshots.X.assign(visit_silence=np.where(even, 3.0, 40.0))
        given = PairSnapshots(
            X, np.where(even, 5.0, np.inf), snapshots.bucket, snapshots.follow_up, snapshots.renewal, snapshots.purchase
        )
        model = LightGBMStacker(num_threads=1).fit(given)
        odds = X["item_odds_7"].to_numpy()
        gained = model.corrected(X, 0, odds) - odds
        assert gained[even].min() > gained[~even].max()

    def test_trees_that_see_nothing_leave_the_renewal_as_it_is(self, snapshots, rows):
        draw = np.random.default_rng(0)
        chance = 1 / (1 + np.exp(-snapshots.X["item_odds_7"]))
        given = PairSnapshots(
            snapshots.X,
            np.where(draw.random(len(chance)) < chance, 5.0, np.inf),
            snapshots.bucket,
            snapshots.follow_up,
            snapshots.renewal,
            snapshots.purchase,
        )
        model = LightGBMStacker(num_threads=1).fit(given)
        ours = model.probability(rows, 7)
        np.testing.assert_allclose(ours, snapshots.renewal.probability(rows, 7), rtol=1e-6, atol=FOLLOWED)
        assert model.diagnosis_.messages


class TestSnapshots:
    def test_rows_of_a_period_are_those_that_reached_it(self, snapshots):
        reach, reorders, odds = at_risk(snapshots, 1)
        assert reach.sum() == (snapshots.wait > 7).sum() == len(reorders) == len(odds)
        assert reorders.sum() == ((snapshots.wait > 7) & (snapshots.wait <= 14)).sum()
        ends = [1 / (1 + np.exp(-snapshots.X[f"item_odds_{end:.0f}"].to_numpy()[reach])) for end in ENDS[:2]]
        theirs = (ends[1] - ends[0]) / (1 - ends[0])
        np.testing.assert_allclose(1 / (1 + np.exp(-odds)), theirs, rtol=1e-6, atol=FOLLOWED)

    def test_arrays_of_another_length_are_refused(self, snapshots):
        with pytest.raises(DataContractError, match="waits"):
            PairSnapshots(snapshots.X, snapshots.wait[:5], snapshots.bucket, 28, snapshots.renewal, snapshots.purchase)

    def test_no_rows_are_refused(self, snapshots):
        none = np.array([])
        with pytest.raises(DataContractError, match="above 0"):
            PairSnapshots(pd.DataFrame(), none, none.astype(int), 28, snapshots.renewal, snapshots.purchase)

    def test_a_period_in_which_nobody_reorders_keeps_the_renewal(self, snapshots):
        quiet = PairSnapshots(
            snapshots.X,
            np.where(snapshots.wait > 14, np.inf, snapshots.wait),
            snapshots.bucket,
            snapshots.follow_up,
            snapshots.renewal,
            snapshots.purchase,
        )
        model = HouseholdActivity().fit(quiet)
        odds = snapshots.X["item_odds_28"].to_numpy()
        np.testing.assert_allclose(model.corrected(snapshots.X, 2, odds), odds, rtol=ROUNDING)

    def test_too_few_rows_to_learn_from_keep_the_renewal(self, snapshots):
        few = PairSnapshots(
            snapshots.X.iloc[:12],
            np.where(np.arange(12) == 5, 3.0, np.inf),
            snapshots.bucket[:12],
            snapshots.follow_up,
            snapshots.renewal,
            snapshots.purchase,
        )
        model = HouseholdActivity().fit(few)
        assert np.ptp(model.corrected(snapshots.X, 0, snapshots.X["item_odds_7"].to_numpy())) > 1

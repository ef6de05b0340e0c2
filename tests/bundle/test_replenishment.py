"""The replenishment table of a fitted model, the item due first, and which items are worth a reminder."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.replenishment import NEXT_DUE, DueInOrder, ReminderRules, Replenishment, next_due, with_next_due
from ltvml.contracts import PAIRS, REPLENISHMENT
from ltvml.datasets.simulate_renewals import SimulatedItem, simulate_renewals
from ltvml.errors import DataContractError
from ltvml.evaluation.date_intervals import DateWindow
from ltvml.evaluation.selection import Selection
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.stock import StockRules, stock_status
from ltvml.models.replenishment.usual_gap import MeanGap
from ltvml.window import dates_of

CUTOFF = 18_000
SPAN = 400
ITEMS = (
    SimulatedItem("coffee", 120, kappa=4.0, a=6.0, b=45.0, pi=0.95),
    SimulatedItem("lamp", 60, pi=1e-9),
    SimulatedItem("tea", 12),
)
NAMES = ["replenishment_lo", "replenishment_date", "replenishment_hi"]


@pytest.fixture(scope="module")
def renewals():
    drawn = simulate_renewals(150, ITEMS, end_day=SPAN, entry_days=250, random_state=5)
    return replace(drawn, days=drawn.days.assign(day=drawn.days["day"] + CUTOFF - SPAN))


@pytest.fixture(scope="module")
def history(renewals):
    return renewals.history(CUTOFF)


@pytest.fixture(scope="module")
def role(history):
    model = GammaRenewal().fit(history)
    return Replenishment(model, model, "category", all_pairs=True)


@pytest.fixture(scope="module", name="X")
def rows_to_score(renewals, role):
    """Rows of `contracts.PAIRS`; the customers of the shop buy nothing but these items."""
    pairs = renewals.pairs(CUTOFF, role.elasticity)
    household = pairs.groupby("customer_id").agg(
        first=("first_day", "min"), last=("last_day", "max"), items=("item", "size"), item_days=("n_orders", "sum")
    )
    lent = pd.DataFrame(
        {
            "frequency": household["item_days"] - 1,
            "recency": household["last"] - household["first"],
            "T": CUTOFF - household["first"],
            "items": household["items"],
            "items_repeated": (pairs["n_gaps"] > 0).groupby(pairs["customer_id"]).sum(),
            "item_days": household["item_days"],
        }
    )
    return pairs.merge(lent.reset_index(), on="customer_id")[list(PAIRS.names)]


class TestReminderRules:
    @pytest.mark.parametrize(
        ("buyers", "repeat_buyers", "reason"),
        [
            (30, 5, None),
            (29, 29, "29 buyers; at least 30 needed"),
            (2000, 299, "15 % of 2,000 buyers bought it again; at least 15 % needed"),
            (100, 0, "0 % of 100 buyers bought it again; at least 15 % needed"),
            (100, 15, None),
        ],
    )
    def test_an_item_needs_buyers_who_come_back(self, buyers, repeat_buyers, reason):
        assert ReminderRules().reason(buyers, repeat_buyers) == reason

    def test_a_share_of_nothing_reminds_of_everything_with_enough_buyers(self):
        assert ReminderRules(min_buyers=1, min_repeat_share=0.0).reason(1, 0) is None


class TestScores:
    def test_columns_are_those_of_the_contract_in_the_order_of_the_rows(self, role, X):
        scores = role.scores(X)
        assert tuple(scores) == REPLENISHMENT.names
        assert scores.index.equals(X.index)
        assert (scores[["customer_id", "item"]] == X[["customer_id", "item"]]).all(axis=None)

    def test_the_frame_of_the_caller_stays_as_it_was(self, role, X):
        before = X.copy(deep=True)
        role.scores(X)
        pd.testing.assert_frame_equal(X, before)

    def test_probabilities_are_those_of_the_model(self, role, X):
        scores = role.scores(X)
        assert (scores["p_reorder_14"] == role.model.probability(X, 14)).all()
        assert (scores["p_reorder_horizon"] == role.model.probability(X, 91)).all()

    def test_a_purchase_in_the_first_day_after_the_cutoff_falls_on_the_next_day(self, role, X):
        class Soon(MeanGap):
            def date(self, X, quantiles, horizon):
                return np.tile([0.2, 0.0, 91.0], (len(X), 1))

        soon = Soon()
        soon.median_, soon.overall_ = {}, 10.0
        scores = replace(role, model=soon).scores(X.head(1))
        # the median is asked for first, then the two ends
        days = [1, 1, 91]
        expected = dates_of(np.array([CUTOFF + day for day in days]))
        assert scores[["replenishment_date", "replenishment_lo", "replenishment_hi"]].iloc[0].tolist() == [
            pd.Timestamp(day) for day in expected
        ]

    def test_a_wider_window_holds_the_narrower_one(self, role, X):
        wide = replace(role, window=DateWindow(stretch=1.2)).scores(X)
        narrow = role.scores(X)
        assert (wide["replenishment_lo"] <= narrow["replenishment_lo"]).all()
        assert (wide["replenishment_hi"] >= narrow["replenishment_hi"]).all()
        assert (wide["replenishment_hi"] > narrow["replenishment_hi"]).any()
        assert (wide["replenishment_date"] == narrow["replenishment_date"]).all()

    def test_only_what_is_worth_a_reminder_is_left_without_all_pairs(self, role, X):
        every, some = role.scores(X), replace(role, all_pairs=False).scores(X)
        worth = (every["item"] == "coffee") & (every["stock_status"] != "lapsed")
        pd.testing.assert_frame_equal(some, every[worth], check_exact=True)
        assert 0 < len(some) < len(every)

    def test_the_status_follows_its_rules(self, role, X):
        rules = StockRules(lead_days=21, empty=0.4, lapsed=0.6)
        found = replace(role, stock=rules).scores(X)["stock_status"]
        assert (found == stock_status(X, role.renewal.items_, rules)).all()
        assert (found != role.scores(X)["stock_status"]).any()

    def test_a_row_is_scored_the_same_alone(self, role, X):
        pd.testing.assert_frame_equal(role.scores(X.iloc[[7]]), role.scores(X).iloc[[7]], check_exact=True)

    def test_no_row_is_no_row(self, role, X):
        assert tuple(role.scores(X.head(0))) == REPLENISHMENT.names

    def test_an_item_never_seen_in_the_fit_has_a_date_and_is_not_reminded_about(self, role, X):
        new = X.head(3).assign(item="pears")
        assert role.scores(new)[NAMES].notna().all(axis=None)
        assert len(replace(role, all_pairs=False).scores(new)) == 0

    def test_a_missing_column_is_named(self, role, X):
        with pytest.raises(DataContractError, match=r"missing columns \['elapsed'\]"):
            role.scores(X.drop(columns="elapsed"))


class TestItems:
    def test_come_with_the_most_buyers_first_and_the_reason(self, role, renewals):
        items = role.items()
        assert items["item"].tolist() == ["coffee", "lamp", "tea"]
        assert items["buyers"].tolist() == [120, 60, 12]
        assert items["reminded"].tolist() == [True, False, False]
        assert items["reason"].notna().tolist() == [False, True, True]


class TestStored:
    @pytest.mark.parametrize("heuristic", [False, True])
    def test_what_is_read_back_scores_the_same_to_the_last_bit(self, role, history, X, heuristic):
        model = MeanGap().fit(history) if heuristic else role.model
        selection = Selection("replenishment", "gamma_renewal", model.name, (), "why")
        window = DateWindow(stretch=1.2, covered=0.7, returns=900)
        before = replace(role, model=model, window=window, selection=selection, horizon=60)
        values = json.loads(json.dumps(before.to_dict()))
        # a renewal that the model is or holds is written once
        assert (values["renewal"] is None) == (not heuristic)
        after = Replenishment.from_dict(values)
        pd.testing.assert_frame_equal(after.scores(X), before.scores(X), check_exact=True)
        assert after.words == before.words
        assert after.settings == before.settings

    def test_a_rule_of_thumb_without_a_renewal_beside_it_is_refused(self, role, history):
        values = replace(role, model=MeanGap().fit(history)).to_dict() | {"renewal": None}
        with pytest.raises(DataContractError, match="no gamma_renewal beside the replenishment model 'mean_gap'"):
            Replenishment.from_dict(values)


def due(*rows):
    names = ["customer_id", "item", "replenishment_date", "p_reorder_horizon", "stock_status"]
    return pd.DataFrame(rows, columns=names)


class TestNextDue:
    def test_is_the_earliest_then_the_likelier_then_the_first_by_name(self):
        early, late = dt.date(2021, 1, 5), dt.date(2021, 2, 5)
        scores = due(
            ("a", "tea", late, 0.9, "sufficient"),
            ("a", "oats", early, 0.6, "depleted"),
            ("b", "tea", early, 0.6, "sufficient"),
            ("b", "oats", early, 0.7, "sufficient"),
            ("c", "tea", early, 0.6, "sufficient"),
            ("c", "oats", early, 0.6, "sufficient"),
        )
        found = next_due(scores)
        assert found.columns.tolist() == ["customer_id", *NEXT_DUE]
        assert found["replenishment_item"].tolist() == ["oats", "oats", "oats"]
        assert found["replenishment_probability"].tolist() == [0.6, 0.7, 0.6]

    def test_passes_over_what_is_lapsed_or_likelier_not_bought(self):
        day = dt.date(2021, 1, 5)
        scores = due(
            ("a", "tea", day, 0.49, "sufficient"), ("b", "tea", day, 0.9, "lapsed"), ("c", "tea", day, 0.5, "depleted")
        )
        assert next_due(scores)["customer_id"].tolist() == ["c"]

    def test_batches_in_order_get_what_one_whole_table_gets(self):
        ids = [f"{number:04d}" for number in range(400)]
        have = np.random.default_rng(5).random(400) < 0.6
        rows = due(*((name, "tea", dt.date(2021, 1, 5), 0.8, "depleted") for name in np.array(ids)[have]))
        table, whole = next_due(rows), pd.DataFrame({"customer_id": ids})
        in_order, ends = DueInOrder(table), [0, 1, 1, 7, 130, 399, 400]
        parts = [in_order.of(whole.iloc[start:end]) for start, end in itertools.pairwise(ends)]
        pd.testing.assert_frame_equal(pd.concat(parts), with_next_due(whole, table), check_dtype=False)

    def test_batches_out_of_order_are_refused(self):
        rows = due(*((name, "tea", dt.date(2021, 1, 5), 0.8, "depleted") for name in "abc"))
        in_order = DueInOrder(next_due(rows))
        in_order.of(pd.DataFrame({"customer_id": ["b"]}))
        with pytest.raises(DataContractError, match="customer a came after b"):
            in_order.of(pd.DataFrame({"customer_id": ["a"]}))

    def test_stands_in_the_customer_table_and_is_null_for_the_others(self):
        customers = pd.DataFrame({"customer_id": ["a", "b"], "replenishment_date": [dt.date(2021, 9, 9)] * 2})
        given = with_next_due(customers, next_due(due(("b", "tea", dt.date(2021, 1, 5), 0.8, "depleted"))))
        assert given["customer_id"].tolist() == ["a", "b"]
        assert given.loc[0, list(NEXT_DUE)].isna().all()
        assert given.loc[1, list(NEXT_DUE)].tolist() == [dt.date(2021, 1, 5), "tea", 0.8, "depleted"]

"""A first answer: `fit --fast` runs no backtest, says what it left out, and ranks as well as it should."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import ltvml
from ltvml.datasets import cdnow_sample
from ltvml.errors import FitWarning
from ltvml.evaluation import metrics

if TYPE_CHECKING:
    from conftest import Place
    from ltvml.reports.fit import FitReport

CUTOFF, HORIZON = pd.Timestamp("1997-09-30"), 273
# the quick closed form has .679 and .418 here, so a first answer must be clearly better than that
LEAST_GINI, MOST_DECILE_ERROR = 0.695, 0.30


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    lines: pd.DataFrame = cdnow_sample()
    return lines


@pytest.fixture(scope="module")
def first(orders: pd.DataFrame) -> FitReport:
    past = orders[orders["order_date"] <= CUTOFF]
    return ltvml.fit(
        past,
        cutoff="1997-09-30",
        churn_horizon=HORIZON,
        ltv_horizon=HORIZON,
        value={"annual_discount_rate": 0.0},
        fast=True,
    )


def test_a_first_answer_ranks_and_levels_the_tenth_of_cdnow(orders: pd.DataFrame, first: FitReport) -> None:
    past = orders[orders["order_date"] <= CUTOFF]
    scores = ltvml.score(past, model=first).customers
    later = orders[(orders["order_date"] > CUTOFF) & (orders["order_date"] <= CUTOFF + pd.Timedelta(days=HORIZON))]
    spend = later.groupby("customer_id")["amount"].sum().reindex(scores["customer_id"]).fillna(0.0).to_numpy()
    predicted = scores["predicted_ltv"].to_numpy()
    assert metrics.normalised_gini(spend, predicted) >= LEAST_GINI
    assert metrics.decile_mape(spend, predicted) <= MOST_DECILE_ERROR


def test_it_says_what_was_not_done_and_runs_no_backtest(first: FitReport) -> None:
    assert first.bundle.record.selections == ()
    assert first.bundle.replenishment is None
    assert "without --fast" in first.bundle.without_replenishment
    assert any(note.startswith("First answer (fast)") for note in first.messages)
    assert "backtest" not in first.seconds


def test_settings_that_a_first_answer_ignores_are_named(orders: pd.DataFrame) -> None:
    past = orders[orders["order_date"] <= CUTOFF]
    report = ltvml.fit(
        past,
        cutoff="1997-09-30",
        fast=True,
        backtest={"longest_silence": 300},
        models={"churn": "closed_form", "value": "auto", "replenishment": "mean_gap"},
    )
    notes = " ".join(report.notes)
    assert "backtest.longest_silence has no effect: fast is true" in notes
    assert "models.replenishment has no effect: fast is true" in notes
    assert report.bundle.roles.repurchase.name != "mix"


def test_too_few_customers_for_a_learner_get_the_closed_forms(orders: pd.DataFrame) -> None:
    few = orders[orders["customer_id"].isin(orders["customer_id"].unique()[:200])]
    report = ltvml.fit(few[few["order_date"] <= CUTOFF], cutoff="1997-09-30", fast=True)
    assert report.bundle.roles.value.name == "purchase_times_spend"


@pytest.fixture
def fitted_place(place: Place, orders: pd.DataFrame) -> Place:
    place.write(orders[orders["order_date"] <= CUTOFF].head(2000))
    place.configure("orders.csv", window={"cutoff": "1997-09-30"}, random_state=0)
    return place


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_command_prints_the_beginnings_of_the_first_notes_and_says_where_the_rest_is(fitted_place: Place) -> None:
    brief, verbose = (flat(fitted_place.run("fit", "--fast", *more).stdout) for more in ((), ("--verbose",)))
    kept = [flat(note) for note in (fitted_place.folder / "out/bundle/notes.txt").read_text("utf-8").split("\n\n")]
    assert all(note in verbose for note in kept)
    assert "Notes shown" not in verbose
    count = re.search(r"Notes shown: (\d+) of (\d+)\. In full: out/bundle/notes\.txt, or ltvml fit --verbose\.", brief)
    assert count is not None
    shown, every = map(int, count.groups())
    assert every == len(kept)
    beginnings = [re.split(r"(?<=\.) (?=[A-Z])", note)[0] for note in kept]
    assert sum(beginning in brief for beginning in beginnings) == shown
    assert len(brief) < len(verbose)


def test_what_is_withheld_comes_first_and_notes_begin_with_a_capital(nobody_leaves: pd.DataFrame) -> None:
    with pytest.warns(FitWarning, match="p_alive could not be estimated"):
        report = ltvml.fit(nobody_leaves, cutoff="2020-12-31", fast=True, season="off")
    withheld = report.bundle.roles.purchase.diagnosis_
    assert withheld.withheld
    first, *rest = report.ranked_notes
    # shown as a sentence
    assert first.lower() == f"{withheld.messages[0].lower()}."
    assert not [note for note in rest if re.match(r"[a-z]+ ", note)]

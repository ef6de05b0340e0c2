"""Which family of purchase models `auto` stands on, on simulated shops whose family is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.backtesting import purchase_family
from ltvml.backtesting.backtest import Backtester, compares_families, history_of, roles_to_backtest
from ltvml.backtesting.purchase_family import family_words
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import ConvergenceError
from ltvml.inputs.orders import read_orders
from ltvml.models import closed_form
from ltvml.models.closed_form import FAMILIES, USUAL
from ltvml.models.purchase.bg_cnbd import BGCNBD
from ltvml.models.purchase.mbg_cnbd import MBGCNBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.progress import Steps

CUTOFF, HORIZON, CUSTOMERS = "2023-12-31", 40, 1_200
REGULAR = "bg_cnbd or mbg_cnbd"


def orders(**model: Any) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    T = rng.uniform(30, 340, CUSTOMERS)
    return simulate_transactions(CUSTOMERS, T=T, cutoff=CUTOFF, random_state=rng, **model)


def configuration(**more: Any) -> ltvml.Config:
    window = {"cutoff": CUTOFF, "churn_horizon": HORIZON, "ltv_horizon": HORIZON}
    return ltvml.Config.model_validate({"window": window, "tracking": {"backend": "none"}, **more})


def backtester(table: pd.DataFrame) -> Backtester:
    config = configuration()
    history = history_of(config, read_orders(config.orders, config.window, table, Steps()))
    return Backtester(history, Steps(), random_state=0, search_trials=0, longest_silence=730)


@pytest.fixture(scope="module")
def regular() -> pd.DataFrame:
    """Customers who buy about every 30 days, eight stages a gap: a clock that the BG/NBD cannot see."""
    return orders(model="bg_cnbd", k=8, r=12.0, alpha=45.0, a=1.0, b=9.0)


@pytest.mark.slow
def test_the_family_that_predicted_better_serves(regular, monkeypatch):
    """With the CNBDs as a family, which a fit leaves out for their cost: regular customers are theirs."""
    for room in (closed_form, purchase_family):
        monkeypatch.setattr(room, "FAMILIES", FAMILIES | {REGULAR: (BGCNBD, MBGCNBD)})
    of = backtester(regular)
    found = of.purchase_family(HORIZON)
    assert found.champion == REGULAR
    assert f"The purchase model is {REGULAR}" in family_words(found)
    of.history.stand_on(found.champion)
    assert isinstance(of.history.closed_form(of.history.cutoff_day).purchase.model, BGCNBD)


def test_customers_who_buy_at_random_stay_with_the_usual_models_and_no_rival_is_fitted_to_older_cutoffs(monkeypatch):
    asked, chances = [], purchase_family.chances
    monkeypatch.setattr(purchase_family, "chances", lambda *given: asked.append(given[2][1:]) or chances(*given))
    found = backtester(orders(r=0.6, alpha=30.0, a=0.7, b=3.0)).purchase_family(HORIZON)
    assert (asked[0], set(map(tuple, asked[1:]))) == (["pareto_nbd"], {()})
    assert found.champion == USUAL
    assert {one.candidate for one in found.comparisons if one.wins} == set()
    assert family_words(found) == ""


def test_nothing_after_the_cutoff_of_a_fold_moves_what_a_family_said(regular, monkeypatch):
    """Orders after the newest past cutoff are made fifty times as many: the fits as of that day stay the same."""
    of = backtester(regular)
    day = of._origins(HORIZON)[0]
    before = of.history.purchase_of(day, USUAL).params_
    late = regular[(regular["order_date"] - pd.Timestamp("1970-01-01")).dt.days > day]
    more = late.loc[late.index.repeat(50)]
    changed = backtester(pd.concat([regular, more.assign(amount=more["amount"] * 3)], ignore_index=True))
    assert changed.history.purchase_of(day, USUAL).params_ == before


def test_a_family_without_a_maximum_is_no_candidate(regular, monkeypatch):
    def nowhere(self, X, *more, sample_weight=None):
        raise ConvergenceError("no maximum")

    for kind in {kind for family in set(FAMILIES) - {USUAL} for kind in FAMILIES[family]}:
        monkeypatch.setattr(kind, "fit", nowhere)
    found = backtester(regular).purchase_family(HORIZON)
    assert (found.champion, found.comparisons) == (USUAL, ())


def test_before_the_cutoffs_that_chose_a_family_the_usual_one_stands_in(regular, monkeypatch):
    of = backtester(regular)
    of.history.stand_on("pareto_nbd")
    early = of.history.first_day + 90

    def nowhere(self, X, *more, sample_weight=None):
        raise ConvergenceError("no maximum")

    monkeypatch.setattr(ParetoNBD, "fit", nowhere)
    assert of.history.closed_form(early).purchase.model.name in ("bg_nbd", "mbg_nbd")
    with pytest.raises(ConvergenceError):
        of.history.closed_form(of.history.cutoff_day)


def test_a_model_that_is_named_is_not_compared_and_a_first_answer_compares_nothing(regular):
    for more, compared in (({}, True), ({"models": {"purchase": "bg_nbd"}}, False), ({"fast": True}, False)):
        config = configuration(**more)
        history = history_of(config, read_orders(config.orders, config.window, regular, Steps()))
        assert compares_families(config, roles_to_backtest(history, config, every_role=False)) is compared

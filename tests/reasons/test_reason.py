"""A reason that is said is true: without it, the risk would be another."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ltvml.models.attributes.levels import Attributes
from ltvml.models.design import column
from ltvml.reasons.groups import GROUPS
from ltvml.reasons.reason import LEAST, MOST, by_group, contributions, find_reasons, moved_by_typical, reasons_for
from ltvml.words.spoken import Spoken

HORIZON = 60
SHORTLIST = 100
BAR = 0.9
"""What the issue asks for: nine of ten reasons hold when the columns they name are set to their medians."""


@pytest.fixture(scope="module")
def shortlist(fitted, customers) -> pd.DataFrame:
    """Customers between certain to stay and certain to go, where a message can tip the balance."""
    risk = fitted["mix"].churn_risk(customers, HORIZON)
    return customers.iloc[np.argsort(-risk * (1 - risk))[:SHORTLIST]].reset_index(drop=True)


def found_in(model, X, typical, **how):
    return find_reasons(model, X, typical=typical, horizon=HORIZON, words=Spoken.of("en", "GBP"), **how)


@pytest.mark.parametrize("name", ["mix", "lightgbm_binary", "lightgbm_hazard", "logistic", "recency", "closed_form"])
def test_the_heaviest_idea_that_differs_holds_when_set_to_its_median_before_any_is_left_out(
    name, fitted, shortlist, typical
):
    weights = by_group(contributions(fitted[name], shortlist, typical=typical, horizon=HORIZON))
    weights = weights.drop(columns="season", errors="ignore")
    moved = moved_by_typical(fitted[name], shortlist, typical=typical, horizon=HORIZON)
    heaviest = weights.abs().idxmax(axis=1)
    held = [weights.at[row, group] * moved.at[row, group] < 0 for row, group in heaviest.items()]
    assert np.mean(held) >= BAR


@pytest.mark.parametrize("order", ["strongest", "raising"])
def test_the_first_reason_holds_when_its_columns_are_set_to_their_medians_by_hand(order, fitted, customers, typical):
    # straight into the matrix that the trees read, the closed form's columns at their own medians
    model = fitted["lightgbm_binary"]
    rows = model.closed_form_.with_columns(customers, HORIZON)
    medians = {name: np.nanmedian(column(rows, name)) for name in model.trees_.names}
    matrix = model.trees_.matrix(rows)
    as_is, held = model.trees_.raw_of(matrix), []
    for row, reasons in enumerate(found_in(model, customers, typical, first=order)):
        for reason in reasons[:1]:
            named = [name in GROUPS[reason.group] for name in model.trees_.names]
            without = np.where(named, list(medians.values()), matrix[[row]])
            buys_rather = model.trees_.raw_of(without)[0] > as_is[row]
            held.append(buys_rather == (reason.effect == "raises"))
    assert len(held) > len(customers) / 2
    assert np.mean(held) >= BAR


def test_every_reason_said_holds(model, shortlist, typical):
    for reasons in found_in(model, shortlist, typical):
        assert len(reasons) <= MOST
        assert all(reason.contribution * reason.if_typical < 0 for reason in reasons)
        assert all(abs(reason.contribution) >= LEAST for reason in reasons)
        assert all((reason.effect == "raises") == (reason.contribution > 0) for reason in reasons)
        assert len({reason.group for reason in reasons}) == len(reasons)


def test_the_strongest_reason_comes_first(fitted, shortlist, typical):
    for reasons in found_in(fitted["mix"], shortlist, typical):
        strength = [abs(reason.contribution) for reason in reasons]
        assert strength == sorted(strength, reverse=True)


def test_those_that_raise_the_risk_come_first_where_asked(fitted, shortlist, typical):
    found = found_in(fitted["mix"], shortlist, typical, first="raising")
    orders = [[reason.effect for reason in reasons] for reasons in found]
    assert ["raises", "lowers"] in [effects[:2] for effects in orders]
    assert all(effects == sorted(effects, reverse=True) for effects in orders)


def test_nearly_everybody_on_a_shortlist_has_a_reason(fitted, shortlist, typical):
    assert np.mean([bool(reasons) for reasons in found_in(fitted["mix"], shortlist, typical)]) >= BAR


def test_a_model_that_gives_everybody_the_same_has_no_reasons(fitted, shortlist, typical):
    assert found_in(fitted["base_rate"], shortlist, typical) == [[]] * len(shortlist)


def test_a_customer_alone_has_the_reasons_they_have_in_company(fitted, shortlist, typical):
    (alone,) = found_in(fitted["closed_form"], shortlist.iloc[[3]], typical)
    together = found_in(fitted["closed_form"], shortlist, typical)[3]
    assert [(reason.group, reason.words) for reason in alone] == [(reason.group, reason.words) for reason in together]


def test_a_shortlist_gets_its_reasons_in_words_and_nobody_whose_risk_is_not_known(fitted, shortlist, typical):
    bundle = SimpleNamespace(
        roles=SimpleNamespace(repurchase=fitted["mix"]),
        window=SimpleNamespace(churn_horizon=HORIZON),
        money=SimpleNamespace(currency=None),
        attributes=Attributes(),
    )
    X, scores = shortlist.head(3), pd.DataFrame({"churn_risk": [0.4, np.nan, 0.5]})
    first, unknown, last = reasons_for(bundle, X, scores, typical=typical)
    assert unknown == []
    assert all(text.endswith((": raises the risk", ": lowers the risk")) for text in (*first, *last))
    assert first
    assert last

"""The closed form's columns are what its parts say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ltvml.clock import OperationalTime
from ltvml.contracts import CLOSED_FORM
from ltvml.models.closed_form import ClosedForm
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD


@pytest.fixture(scope="module")
def closed_form(snapshots):
    return snapshots.closed_form


def test_the_columns_are_those_of_the_contract(closed_form, snapshots):
    assert tuple(closed_form.columns(snapshots.present, 60)) == CLOSED_FORM.names


def test_on_a_plain_clock_the_parts_speak_for_themselves(closed_form, snapshots):
    X = snapshots.present
    columns = closed_form.columns(X, 60)
    inner = closed_form.purchase.model
    assert columns["closed_form_p_buy"] == pytest.approx(1 - inner.churn_risk(X, 60), abs=1e-12)
    assert columns["closed_form_purchases"] == pytest.approx(inner.expected_purchases(X, 60), rel=1e-12)
    assert np.array_equal(columns["season_ahead"], np.ones(len(X)))


def test_the_likelier_model_is_kept(closed_form, snapshots):
    likelihoods = {model.name: model().fit(snapshots.present).log_likelihood_ for model in (BGNBD, MBGNBD)}
    assert closed_form.purchase.model.name == max(likelihoods, key=likelihoods.__getitem__)


def test_save_and_load_give_the_same_columns(closed_form, snapshots):
    loaded = ClosedForm.from_dict(json.loads(json.dumps(closed_form.to_dict())))
    here, there = (form.columns(snapshots.present, 60) for form in (closed_form, loaded))
    assert all(np.array_equal(here[name], there[name]) for name in here)


def test_a_busy_season_ahead_raises_every_expectation(snapshots):
    index = np.ones(366)
    # the window after the cutoff of the simulated shop runs at twice the speed of the rest
    from ltvml.clock import day_of_year, with_mean_one

    cutoff = int(snapshots.present["cutoff_day"].iloc[0])
    index[day_of_year(np.arange(cutoff + 1, cutoff + 61))] = 2.0
    busy = ClosedForm.fit(snapshots.present, OperationalTime(tuple(with_mean_one(index))))
    plain = snapshots.closed_form
    X = snapshots.present
    assert busy.columns(X, 60)["season_ahead"].min() > 1.5
    assert busy.values(X, 60)[0].sum() > 1.3 * plain.values(X, 60)[0].sum()

"""Every BG/BB value of tests/reference/btyd.json, and the laws of a model whose time is counted in opportunities."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.purchase.bg_bb import BGBB, log_likelihoods
from tests.models.purchase.conftest import lifetimes_file

# sums of a few hundred positive terms by two routes
ROUTES = 1e-10
PRINTED = {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}
DONORS = 11_104


@pytest.fixture(scope="module")
def donations() -> pd.DataFrame:
    rows = pd.read_csv(lifetimes_file("donations.csv"))
    return rows.rename(columns={"periods": "T", "weights": "count"})


@pytest.fixture(scope="module")
def model(donations) -> BGBB:
    return BGBB().fit(donations, donations["count"])


@pytest.mark.parametrize("source", ["paper", "btyd", "exact"])
def test_parameters_match(source, model, reference):
    entry = reference[f"donations.bgbb.params.{source}"]
    tolerance = entry["tolerance"]
    got, values = list(model.params_.values()), entry["values"]
    np.testing.assert_allclose(got, values[:4], rtol=tolerance.get("rel", 0), atol=tolerance.get("abs", 0))
    if "loglik_abs" in tolerance:
        assert model.log_likelihood_ == pytest.approx(values[4], abs=tolerance["loglik_abs"])


def test_standard_errors_match(model, agrees):
    agrees("donations.bgbb.se", list(model.standard_errors_.values()))


def test_expected_gifts_of_single_donors_match(model, agrees, frame):
    agrees("donations.bgbb.cet10", model.expected_purchases(frame((0, 0, 6), (4, 5, 6)), 10))


def test_expected_gifts_of_all_donors_match(model, donations, agrees):
    agrees("donations.bgbb.cet5.sum", [donations["count"] @ model.expected_purchases(donations, 5)])


@pytest.mark.parametrize(("name", "by"), [("freq", "frequency"), ("rec", "recency")])
def test_expected_gifts_by_history_match(name, by, model, donations, agrees):
    expected = model.expected_purchases(donations, 5) * donations["count"]
    agrees(
        f"donations.binned.{name}.bgbb", expected.groupby(donations[by]).sum() / donations.groupby(by)["count"].sum()
    )


def test_gifts_of_a_new_donor_match(model, agrees, frame):
    agrees("donations.bgbb.expectation", model.expected_purchases_at(frame((0, 0, 0)), np.arange(1, 12))[0])


def test_donors_by_number_of_gifts_match(model, agrees, frame):
    agrees("donations.bgbb.insample", DONORS * model.pmf(frame((0, 0, 0)), [0, 6], 6)[0])


def test_p_alive_at_the_next_opportunity_matches(model, agrees, frame):
    agrees("donations.bgbb.palive2002", model.probability_alive_at(frame((0, 0, 6), (2, 4, 6), (6, 6, 6)), [1])[:, 0])


def test_log_likelihoods_of_the_22_histories_match(agrees, reference):
    names = reference["donations.bgbb.logp22"]["names"]
    x, t_x = np.array([[float(part) for part in name.strip("()").split(",")] for name in names]).T
    agrees("donations.bgbb.logp22", log_likelihoods(np.array(list(PRINTED.values())), x, t_x, np.full(22, 6.0)))


def test_purchase_counts_add_up_and_have_the_expected_mean(model, frame):
    X = frame((0, 0, 6), (2, 4, 6), (6, 6, 6))
    probability = model.pmf(X, np.arange(11), 10)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=ROUTES)
    np.testing.assert_allclose(probability @ np.arange(11), model.expected_purchases(X, 10), rtol=ROUTES)
    np.testing.assert_allclose(probability[:, 0], model.churn_risk(X, 10), rtol=ROUTES)


def test_never_again_is_where_the_survival_function_ends(model, frame):
    X = frame((2, 4, 6), (0, 0, 6))
    # beyond 10,000 opportunities a few in a million still come back
    np.testing.assert_allclose(model.survival_function(X, [10_000])[:, 0], model.never_again(X), rtol=1e-5)


def test_discounted_purchases_match_the_sum(model, frame):
    X, ahead = frame((2, 4, 6), (6, 6, 6)), np.arange(401)
    each = np.diff(model.expected_purchases_at(X, ahead), axis=1)
    np.testing.assert_allclose(each @ np.exp(-0.1 * ahead[1:]), model.dert(X, 0.1), rtol=ROUTES)


def test_next_purchase_is_an_opportunity_and_ordered(model, frame):
    quantiles = model.next_purchase(frame((2, 4, 6), (6, 6, 6)), [0.1, 0.5, 0.99], 8)
    assert (quantiles == np.floor(quantiles)).all()
    assert ((quantiles >= 1) & (quantiles <= 8)).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    survival = model.survival_function(frame((2, 4, 6)), np.arange(9))[0]
    reached = (1 - survival) / (1 - survival[-1])
    assert quantiles[0].tolist() == [np.argmax(reached >= level) for level in (0.1, 0.5, 0.99)]


def test_weight_equals_repetition(donations):
    few = donations.assign(count=(donations["count"] // 40 + 1))
    repeated = few.loc[few.index.repeat(few["count"])].drop(columns="count")
    one, other = BGBB().fit(few, few["count"]), BGBB().fit(repeated)
    np.testing.assert_allclose(list(one.params_.values()), list(other.params_.values()), rtol=1e-6)


def test_saved_and_loaded_it_says_the_same(model, donations):
    loaded = registry.load(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(loaded.expected_purchases(donations, 5), model.expected_purchases(donations, 5))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(1, 1.5, 6)], "1 of 1 rows has times that are not whole numbers"),
        ([(3, 2, 6), (0, 0, 6)], "1 of 2 rows has more purchases than opportunities"),
        ([(0, 0, 6), (1, 2, 7), (0, 0, 9)], "T differs between customers: 3 values from 6 to 9"),
    ],
)
def test_histories_that_are_no_opportunities_are_refused(rows, words, frame):
    with pytest.raises(DataContractError, match=words):
        BGBB().fit(frame(*rows))


def test_cohorts_may_be_held_to_the_same_parameters(frame):
    rng = np.random.default_rng(3)
    n = rng.integers(8, 16, 3_000)
    leave, buy = rng.beta(0.8, 6, 3_000), rng.beta(1.5, 2.0, 3_000)
    stays = np.minimum(rng.geometric(leave) - 1, n)
    rows = []
    for have, p, age in zip(stays, buy, n, strict=True):
        times = np.flatnonzero(rng.random(have) < p) + 1
        rows.append((len(times), times[-1] if len(times) else 0, age))
    model = BGBB(opportunities_may_differ=True).fit(frame(*rows))
    values, errors = np.array(list(model.params_.values())), np.array(list(model.standard_errors_.values()))
    assert (np.abs(np.log(values) - np.log([1.5, 2.0, 0.8, 6.0])) < 3 * errors / values).all()


def test_a_fraction_of_an_opportunity_is_refused(model, frame):
    with pytest.raises(DataContractError, match=r"2\.5 opportunities; expected whole numbers"):
        model.expected_purchases(frame((2, 4, 6)), 2.5)

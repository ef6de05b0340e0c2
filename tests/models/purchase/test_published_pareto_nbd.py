"""Every NBD and Pareto/NBD value of tests/reference/btyd.json, within the tolerance stated there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.evaluation.purchase_tracking import held_out_by_frequency, track
from ltvml.models.purchase.nbd import NBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD

NEW = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
HORIZON = 39


@pytest.fixture(scope="module")
def pareto(cdnow) -> ParetoNBD:
    return ParetoNBD().fit(cdnow)


def matches(entry, model) -> None:
    tolerance, params = entry["tolerance"], list(model.params_.values())
    values = entry["values"][: len(params)]
    np.testing.assert_allclose(params, values, rtol=tolerance.get("rel", 0), atol=tolerance.get("abs_params", 0))
    assert model.log_likelihood_ == pytest.approx(entry["values"][len(params)], abs=tolerance["loglik_abs"])


@pytest.mark.parametrize("source", ["paper", "btyd", "clvtools", "exact"])
def test_pareto_nbd_parameters_match(source, pareto, reference):
    matches(reference[f"cdnow.pnbd.params.{source}"], pareto)


def test_parameters_match_on_the_example_shop(example, reference):
    matches(reference["example.pnbd.params"], ParetoNBD().fit(example))


def test_nbd_parameters_and_held_out_metrics_match(cdnow, reference):
    model = NBD().fit(cdnow)
    matches(reference["cdnow.nbd.params"], model)
    entry = reference["cdnow.holdout.metrics.nbd"]
    expected, actual = model.expected_purchases(cdnow, HORIZON), cdnow.held_out.to_numpy()
    error = expected - actual
    log_error = np.log1p(expected) - np.log1p(actual)
    metrics = [abs(error).mean(), (error**2).mean() ** 0.5, np.corrcoef(expected, actual)[0, 1], (log_error**2).mean()]
    assert expected.sum() == pytest.approx(entry["values"][0], abs=entry["tolerance"]["sum_abs"])
    np.testing.assert_allclose(metrics, entry["values"][1:], atol=entry["tolerance"]["abs"])


def test_standard_errors_and_the_ridge_between_s_and_beta_match(pareto, agrees):
    agrees("cdnow.pnbd.se.clvtools", list(pareto.standard_errors_.values()))
    dropout = pareto.covariance_[2:, 2:]
    agrees("cdnow.pnbd.corr_s_beta", [dropout[0, 1] / np.sqrt(dropout[0, 0] * dropout[1, 1])])


def test_expected_purchases_of_customer_1_match(pareto, agrees, frame):
    agrees("cdnow.pnbd.cet.cust1", pareto.expected_purchases(frame((2, 30.43, 38.86)), HORIZON))


def test_purchases_of_a_new_customer_match(pareto, agrees):
    agrees("cdnow.pnbd.expectation.52", pareto.expected_purchases(NEW, 52))
    agrees("cdnow.pnbd.expectation.path", pareto.expected_purchases_at(NEW, np.arange(10.0))[0])


def test_busier_customers_who_fell_silent_are_expected_to_buy_less(pareto, agrees, frame):
    X = frame(*((x, 20, 39) for x in (10, 15, 20, 25)))
    agrees("cdnow.pnbd.cet.frequency_paradox", pareto.expected_purchases(X, 52))


def test_held_out_purchases_by_frequency_match(cdnow, pareto, agrees):
    agrees("cdnow.holdout.binned.pnbd", held_out_by_frequency(pareto, cdnow, cdnow.held_out, HORIZON).expected)


def test_tracked_purchases_by_week_match(cohort, pareto, agrees):
    agrees("cdnow.tracking.pnbd.cum", track(pareto, cohort, np.arange(1, 79)).cumulative_expected.iloc[19:25])


def test_discounted_purchases_of_customer_1_match(cdnow, pareto, agrees):
    agrees("cdnow.pnbd.dert.cust1", pareto.dert(cdnow.loc[[1]], 0.0027))


def test_expected_purchases_survive_where_the_textbook_underflows(agrees, frame, reference):
    model = ParetoNBD.from_params(**reference["torture.pnbd.cet.underflow"]["inputs"])
    agrees("torture.pnbd.cet.underflow", model.expected_purchases(frame((132, 200, 200), (133, 200, 200)), 10))


def test_p_alive_is_finite_for_busy_customers(agrees, frame, reference):
    inputs = reference["torture.pnbd.palive.finite"]["inputs"]
    r, alpha, s, beta = inputs["params"]
    model = ParetoNBD.from_params(r=r, alpha=alpha, s=s, beta=beta)
    rows = zip((221, 254, 161, 204), inputs["tx"], inputs["T"], strict=True)
    agrees("torture.pnbd.palive.finite", model.probability_alive(frame(*rows)))


def test_log_likelihood_matches_50_digits_where_other_packages_overflow(agrees, frame):
    cases = [
        ((10.465, 0.00798565181, 3.0516, 2.82), (400, 5, 6)),
        ((10.465, 0.00798565181, 3.0516, 2.82), (500, 1, 37)),
        ((0.5, 0.008, 3, 2.82), (1000, 1, 37)),
        ((0.5, 2, 0.5, 500), (2000, 30, 400)),
        ((0.553, 10.578, 0.606, 11.669), (26, 30.857142857142858, 31)),
    ]
    got = [
        ParetoNBD.from_params(**dict(zip(("r", "alpha", "s", "beta"), params, strict=True))).log_likelihood(frame(row))
        for params, row in cases
    ]
    agrees("torture.pnbd.logp.mp", got)

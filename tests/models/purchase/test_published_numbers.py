"""Every BG/NBD and MBG/NBD value of tests/reference/btyd.json, within the tolerance stated there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.evaluation.purchase_tracking import held_out_by_frequency, track
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD

# parameters printed with three decimals carry this into what is computed from them
PRINTED_PARAMS = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
NEW = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})


@pytest.fixture(scope="module")
def bg(cdnow) -> BGNBD:
    return BGNBD().fit(cdnow)


@pytest.fixture(scope="module")
def mbg(cdnow) -> MBGNBD:
    return MBGNBD().fit(cdnow)


def estimates(model: BGNBD) -> list[float]:
    return list(model.params_.values())


def test_cdnow_fixture_is_the_published_sample(cdnow, reference):
    distinct = cdnow.drop_duplicates(["frequency", "recency", "T"])
    counts = [len(cdnow), cdnow.frequency.sum(), (cdnow.frequency > 0).sum(), cdnow.held_out.sum(), len(distinct)]
    assert counts == reference["cdnow.data"]["values"]


@pytest.mark.parametrize("source", ["paper", "btyd", "clvtools", "exact"])
def test_bg_nbd_parameters_match(source, bg, reference):
    matches(reference[f"cdnow.bgnbd.params.{source}"], bg)


def test_bg_nbd_parameters_match_on_the_rounded_file(cdnow_rounded, reference):
    matches(reference["cdnow.bgnbd.params.csv2dp"], BGNBD().fit(cdnow_rounded))


@pytest.mark.parametrize("source", ["lifetimes", "exact"])
def test_mbg_nbd_parameters_match(source, mbg, reference):
    matches(reference[f"cdnow.mbgnbd.params.{source}"], mbg)


@pytest.mark.parametrize(("kind", "name"), [(BGNBD, "example.bgnbd.params"), (MBGNBD, "example.mbgnbd.params")])
def test_parameters_match_on_the_example_shop(kind, name, example, reference):
    matches(reference[name], kind().fit(example))


def matches(entry, model: BGNBD) -> None:
    tolerance = entry["tolerance"]
    np.testing.assert_allclose(
        estimates(model), entry["values"][:4], rtol=tolerance.get("rel", 0), atol=tolerance.get("abs_params", 0)
    )
    if "loglik" in entry["names"]:
        assert model.log_likelihood_ == pytest.approx(entry["values"][4], abs=tolerance["loglik_abs"])


def test_bg_nbd_standard_errors_and_correlation_match(bg, agrees):
    a_and_b = bg.covariance_[2:, 2:]
    correlation = a_and_b[0, 1] / np.sqrt(a_and_b[0, 0] * a_and_b[1, 1])
    agrees("cdnow.bgnbd.se", [*bg.standard_errors_.values(), correlation])


def test_mbg_nbd_standard_errors_match(mbg, agrees):
    agrees("cdnow.mbgnbd.se", list(mbg.standard_errors_.values()))


def test_expected_purchases_of_customer_1_match(bg, mbg, agrees, frame):
    customer = frame((2, 30.43, 38.86))
    agrees("cdnow.bgnbd.cet.cust1", bg.expected_purchases(customer, 39))
    agrees("cdnow.mbgnbd.cet.cust1", mbg.expected_purchases(customer, 39))


def test_predictions_for_customer_1516_match(cdnow, bg, mbg, agrees):
    customer = cdnow.loc[[1516]]
    agrees("cdnow.bgnbd.cet.1516", bg.expected_purchases(customer, 52))
    agrees("cdnow.bgnbd.palive.1516", bg.probability_alive(customer))
    agrees("cdnow.mbgnbd.cet.1516", mbg.expected_purchases(customer, 52))


def test_purchases_of_a_new_customer_match(bg, mbg, agrees):
    agrees("cdnow.bgnbd.expectation.52", bg.expected_purchases(NEW, 52))
    agrees("cdnow.mbgnbd.expectation.52", mbg.expected_purchases(NEW, 52))
    times = [0.1429, 1, 3, 31.8571, 32, 78]
    agrees("cdnow.bgnbd.expectation.path", bg.expected_purchases_at(NEW, times)[0])


def test_busier_customers_who_fell_silent_are_expected_to_buy_less(bg, agrees, frame):
    X = frame(*((x, 20, 39) for x in (10, 15, 20, 25)))
    agrees("cdnow.bgnbd.cet.frequency_paradox", bg.expected_purchases(X, 52))


def test_best_customers_of_the_lifetimes_quickstart_match(cdnow_rounded, agrees):
    expected = BGNBD().fit(cdnow_rounded).expected_purchases(cdnow_rounded, 1)
    best = pd.Series(expected, index=cdnow_rounded.ID).nlargest(5).sort_values()
    assert best.index.tolist() == [509, 841, 1981, 157, 1516]
    agrees("cdnow.bgnbd.top5_next_week", best)


def test_probabilities_of_purchase_counts_match(agrees):
    model = BGNBD.from_params(**PRINTED_PARAMS)
    agrees("cdnow.bgnbd.pmf", [model.pmf(NEW, [10], 2)[0, 0], model.pmf(NEW, [0], 39)[0, 0]])
    agrees("cdnow.bgnbd.pmf.path", model.pmf(NEW, np.arange(11, 21), 30)[0])


def test_held_out_purchases_by_frequency_match(cdnow, bg, agrees):
    table = held_out_by_frequency(bg, cdnow, cdnow.held_out, 39)
    assert table.customers.tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    agrees("cdnow.holdout.binned.actual", table.actual)
    agrees("cdnow.holdout.binned.bgnbd", table.expected)


def test_tracked_purchases_by_week_match(cohort, bg, agrees):
    table = track(bg, cohort, np.arange(1, 79)).iloc[19:25]
    agrees("cdnow.tracking.actual.inc", table.actual)
    agrees("cdnow.tracking.actual.cum", table.cumulative_actual)
    agrees("cdnow.tracking.bgnbd.cum", table.cumulative_expected)


@pytest.mark.parametrize("name", ["bg", "mbg"])
def test_held_out_metrics_match(name, cdnow, request, reference):
    model, entry = request.getfixturevalue(name), reference[f"cdnow.holdout.metrics.{name}"]
    actual, expected = cdnow.held_out.to_numpy(), model.expected_purchases(cdnow, 39)
    error = expected - actual
    squared_log = (np.log1p(expected) - np.log1p(actual)) ** 2
    total, *rest = entry["values"]
    assert expected.sum() == pytest.approx(total, abs=entry["tolerance"]["sum_abs"])
    metrics = [
        np.abs(error).mean(),
        np.sqrt((error**2).mean()),
        np.corrcoef(expected, actual)[0, 1],
        squared_log.mean(),
    ]
    np.testing.assert_allclose(metrics, rest, atol=entry["tolerance"]["abs"])


def test_the_models_beat_the_naive_forecasts(cdnow, bg, mbg, reference):
    entry = reference["cdnow.holdout.metrics.baselines"]
    actual, rate = cdnow.held_out.to_numpy(), (cdnow.frequency / cdnow["T"] * 39).to_numpy()
    errors = [np.abs(actual).mean(), np.sqrt((actual**2).mean()), np.abs(rate - actual).mean()]
    errors.append(np.sqrt(((rate - actual) ** 2).mean()))
    np.testing.assert_allclose(errors, np.delete(entry["values"], 2), atol=entry["tolerance"]["abs"])
    assert rate.sum() == pytest.approx(entry["values"][2], abs=entry["tolerance"]["sum_abs"])
    for model in (bg, mbg):
        error = model.expected_purchases(cdnow, 39) - actual
        assert np.abs(error).mean() < errors[0]
        assert np.sqrt((error**2).mean()) < errors[3]


def test_discounted_purchases_match(agrees, reference, frame):
    inputs = reference["bgnbd.dert.exact"]["inputs"]
    X = frame(*((row["x"], row["tx"], row["T"]) for row in inputs["rows"]))
    bg = BGNBD.from_params(**inputs["params"])
    agrees("bgnbd.dert.exact", np.stack([bg.dert(X, rate) for rate in (0.0027, 0.01, 0.1)], axis=1).ravel())
    mbg = MBGNBD.from_params(**reference["mbgnbd.dert.exact"]["inputs"]["params"])
    agrees("mbgnbd.dert.exact", [*mbg.dert(X, 0.0027), mbg.dert(X, 0.1)[1]])


def test_next_purchase_of_customer_1_matches(cdnow, bg, agrees):
    customer = cdnow.loc[[1]]
    # given a purchase at all the horizon is endless; 1e12 weeks are as good
    median = bg.next_purchase(customer, [0.5], 1e12)[0, 0]
    agrees(
        "cdnow.bgnbd.next_purchase.cust1",
        [bg.probability_alive(customer)[0], median, 1 - bg.churn_risk(customer, 39)[0]],
    )


def test_expected_purchases_match_on_the_example_shop(example, agrees):
    agrees("example.bgnbd.cet30", BGNBD().fit(example).expected_purchases(example.loc[:4], 30))


def test_log_likelihoods_of_single_customers_match(reference, agrees, frame):
    rows = [
        tuple(float(part) for part in name.strip("()").split(",")) for name in reference["cdnow.bgnbd.logp18"]["names"]
    ]
    bg = BGNBD.from_params(**PRINTED_PARAMS)
    agrees("cdnow.bgnbd.logp18", [bg.log_likelihood(frame((x, t_x, 38.86))) for x, t_x in rows])


@pytest.mark.parametrize(("kind", "name"), [(BGNBD, "torture.bgnbd.logp"), (MBGNBD, "torture.mbgnbd.logp")])
def test_log_likelihood_survives_a_busy_customer(kind, name, agrees, frame):
    model = kind.from_params(r=0.25, alpha=4, a=0.8, b=2.5)
    agrees(name, [model.log_likelihood(frame((0, 0, 40))), model.log_likelihood(frame((200, 38, 40)))])


def test_expected_purchases_have_no_hole_at_a_equal_1_nor_at_5000_purchases(agrees, frame):
    cases = [(1.0, 3, 20, 30), (1.0000001, 3, 20, 30), (0.8, 5000, 299, 300), (0.8, 1500, 299, 300)]
    got = [BGNBD.from_params(r=0.25, alpha=4, a=a, b=2.5).expected_purchases(frame(row), 52)[0] for a, *row in cases]
    agrees("torture.bgnbd.cet", got)

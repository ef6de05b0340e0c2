from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import gamma as gamma_distribution

from ltvml.errors import BundleError, DataContractError, LtvmlError
from ltvml.models.spend.gamma_gamma import GammaGamma, conditional_mean, log_likelihood, spend_sample

with warnings.catch_warnings():
    # archived: its invalid escapes and its use of pandas warn at import
    warnings.simplefilter("ignore")
    from lifetimes import GammaGammaFitter

# the same optimum, found by another optimiser with a tolerance of its own
SAME_OPTIMUM = 1e-4
# the same formula in another order of operations
SAME_FORMULA = 1e-9
# a fit converges to the square root of its tolerance on the likelihood, far below a standard error
SAME_FIT = 1e-6
# central differences of a sum of a thousand terms
SAME_SLOPE = 1e-6
STANDARD_ERRORS = 3

TRUTH = {"p": 6.25, "q": 3.74, "gamma": 15.44}


def simulated(customers: int, *, seed: int, p: float = 6.25, q: float = 3.74, gamma: float = 15.44) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = rng.geometric(0.4, customers).astype(float)
    rate = rng.gamma(q, 1 / gamma, customers)
    return pd.DataFrame({"n": n, "total": rng.gamma(p * n) / rate})


@pytest.fixture(scope="module")
def fitted(cdnow_exact):
    return GammaGamma(orders="repeat").fit(cdnow_exact)


@pytest.fixture(scope="module")
def fitted_csv(cdnow_csv):
    return GammaGamma(orders="repeat").fit(cdnow_csv)


def test_parameters_are_those_of_fader_hardie_2013(fitted, published):
    entry = published["cdnow.gg.params.paper"]
    np.testing.assert_allclose(list(fitted.params_.values()), entry["values"], atol=entry["tolerance"]["abs"])


def test_parameters_are_those_of_an_independent_computation(fitted, published):
    entry = published["cdnow.gg.params.exact"]
    found = [*fitted.params_.values(), fitted.log_likelihood_]
    np.testing.assert_allclose(found[:3], entry["values"][:3], rtol=entry["tolerance"]["rel"])
    assert found[3] == pytest.approx(entry["values"][3], abs=entry["tolerance"]["loglik_abs"])


def test_log_likelihood_is_that_of_clvtools(fitted, published):
    entry = published["cdnow.gg.loglik"]
    assert fitted.log_likelihood_ == pytest.approx(entry["values"][0], abs=entry["tolerance"]["abs"])


def test_parameters_on_the_rounded_summary(fitted_csv, published):
    entry = published["cdnow.gg.params.csv2dp"]
    np.testing.assert_allclose(list(fitted_csv.params_.values()), entry["values"][:3], rtol=entry["tolerance"]["rel"])
    assert fitted_csv.log_likelihood_ == pytest.approx(entry["values"][3], abs=entry["tolerance"]["loglik_abs"])


def test_standard_errors_are_those_of_an_independent_hessian(fitted, published):
    entry = published["cdnow.gg.se"]
    found = list(fitted.standard_errors_.values())
    np.testing.assert_allclose(found, entry["values"], rtol=entry["tolerance"]["rel"])
    np.testing.assert_allclose(np.sqrt(np.diag(fitted.covariance_)), found)


def test_first_ten_customers_are_worth_what_lifetimes_tests(cdnow_csv, published):
    entry = published["cdnow.gg.pred.first10"]
    found = GammaGamma.from_params(**TRUTH, orders="repeat").expected_spend(cdnow_csv.head(10))
    np.testing.assert_allclose(found, entry["values"], atol=entry["tolerance"]["abs"])


def test_five_customers_are_worth_what_the_lifetimes_quickstart_prints(fitted_csv, cdnow_csv, published):
    entry = published["cdnow.gg.pred.quickstart"]
    rows = cdnow_csv[cdnow_csv.ID.isin([int(name) for name in entry["names"]])]
    np.testing.assert_allclose(fitted_csv.expected_spend(rows), entry["values"], atol=entry["tolerance"]["abs"])


def test_mean_order_values_are_those_of_the_lifetimes_quickstart(fitted_csv, cdnow_csv, published):
    entry = published["cdnow.gg.mean"]
    found = [fitted_csv.expected_spend(cdnow_csv).mean(), fitted_csv.mean_order_value_]
    np.testing.assert_allclose(found, entry["values"], atol=entry["tolerance"]["abs"])


def test_frequency_and_spend_hardly_correlate_on_cdnow(cdnow_csv, published):
    entry = published["cdnow.freq_spend_corr"]
    repeat = cdnow_csv[cdnow_csv.frequency > 0]
    found = np.corrcoef(repeat.frequency, repeat.monetary_value)[0, 1]
    assert found == pytest.approx(entry["values"][0], abs=entry["tolerance"]["abs"])


def test_parameters_are_those_of_lifetimes(cdnow_csv, fitted_csv):
    repeat = cdnow_csv[cdnow_csv.frequency > 0]
    with warnings.catch_warnings():
        # numdifftools-free Hessian of an archived package warns on today's numpy
        warnings.simplefilter("ignore")
        theirs = GammaGammaFitter().fit(repeat.frequency, repeat.monetary_value, tol=1e-8)
    np.testing.assert_allclose(list(fitted_csv.params_.values()), theirs.params_.to_numpy(), rtol=SAME_OPTIMUM)


@pytest.mark.parametrize("values", [TRUTH, {"p": 0.6, "q": 1.5, "gamma": 200.0}, {"p": 900.0, "q": 90.0, "gamma": 0.1}])
def test_predictions_are_those_of_lifetimes_given_its_parameters(cdnow_csv, values):
    theirs = GammaGammaFitter()
    theirs.params_ = pd.Series({"p": values["p"], "q": values["q"], "v": values["gamma"]})
    expected = theirs.conditional_expected_average_profit(cdnow_csv.frequency, cdnow_csv.monetary_value)
    found = GammaGamma.from_params(**values, orders="repeat").expected_spend(cdnow_csv)
    np.testing.assert_allclose(found, expected, rtol=SAME_FORMULA)


def test_log_likelihood_is_the_log_of_the_integrated_density():
    p, q, gamma, n, mean = 2.0, 3.0, 15.0, 4, 12.0

    def joint(rate):
        within = gamma_distribution(p * n, scale=1 / (rate * n)).pdf(mean)
        return within * gamma_distribution(q, scale=1 / gamma).pdf(rate)

    density, _ = quad(joint, 0, np.inf, epsabs=0, epsrel=1e-12)
    sample = spend_sample(np.array([float(n)]), np.array([n * mean]), np.ones(1))
    found = log_likelihood(np.log([p, q, gamma / sample.scale]), sample)
    assert found.value == pytest.approx(np.log(density), abs=1e-9)


def test_expected_spend_is_the_posterior_mean():
    n, total = 3, 100.0
    p, q, gamma = TRUTH.values()
    # the rate given the orders is Gamma(pn + q, gamma + total), and the next order has the mean p / rate
    posterior = gamma_distribution(p * n + q, scale=1 / (gamma + total))
    expected, _ = quad(lambda rate: p / rate * posterior.pdf(rate), 0, np.inf, epsabs=0, epsrel=1e-11)
    found = GammaGamma.from_params(**TRUTH, orders="repeat").expected_spend(pd.DataFrame({"n": [n], "total": [total]}))
    assert found[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("at", [(2.0, 3.0, 1.0), (0.3, 0.7, 5.0), (40.0, 12.0, 0.02)])
def test_gradient_and_hessian_are_the_slopes_of_the_likelihood(at):
    frame = simulated(500, seed=1)
    sample = spend_sample(
        frame.n.to_numpy(), frame.total.to_numpy(), np.random.default_rng(1).integers(1, 4, 500) * 1.0
    )
    point, step = np.log(at), 1e-5
    here = log_likelihood(point, sample)
    for k, direction in enumerate(np.eye(3) * step):
        above, below = log_likelihood(point + direction, sample), log_likelihood(point - direction, sample)
        slope, bend = (above.value - below.value) / (2 * step), (above.gradient - below.gradient) / (2 * step)
        size = np.abs(here.hessian).max()
        assert here.gradient[k] == pytest.approx(slope, rel=SAME_SLOPE, abs=SAME_SLOPE * size)
        np.testing.assert_allclose(here.hessian[k], bend, rtol=SAME_SLOPE, atol=SAME_SLOPE * size)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_parameters_come_back_from_a_simulation(seed):
    found = GammaGamma().fit(simulated(40_000, seed=seed))
    assert found.diagnosis_.converged
    assert found.diagnosis_.messages == ()
    for name, value in TRUTH.items():
        assert abs(found.params_[name] - value) < STANDARD_ERRORS * found.standard_errors_[name]


def test_a_large_fit_ends_where_a_fit_from_the_textbook_start_ends():
    frame = simulated(60_000, seed=4)
    found = GammaGamma().fit(frame)
    sample = spend_sample(frame.n.to_numpy(), frame.total.to_numpy(), np.ones(len(frame)))
    point = np.log(np.array(list(found.params_.values())) / [1, 1, sample.scale])
    per_customer = log_likelihood(point, sample).gradient / len(frame)
    assert np.abs(per_customer).max() < SAME_FIT


def test_a_weight_equals_repetition():
    frame = simulated(300, seed=2)
    weight = np.random.default_rng(2).integers(0, 4, 300)
    weighted = GammaGamma().fit(frame, sample_weight=weight)
    repeated = GammaGamma().fit(frame.loc[frame.index.repeat(weight)])
    np.testing.assert_allclose(list(weighted.params_.values()), list(repeated.params_.values()), rtol=SAME_FIT)
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, abs=SAME_FIT)


def test_the_order_of_rows_is_irrelevant():
    frame = simulated(50_000, seed=3)
    shuffled = frame.sample(frac=1, random_state=0)
    found, again = GammaGamma().fit(frame), GammaGamma().fit(shuffled)
    np.testing.assert_allclose(list(found.params_.values()), list(again.params_.values()), rtol=SAME_FIT)


def test_another_currency_gives_the_same_customers():
    frame = simulated(2000, seed=5)
    pounds, pence = GammaGamma().fit(frame), GammaGamma().fit(frame.assign(total=frame.total * 100))
    in_pence = pence.expected_spend(frame.assign(total=frame.total * 100))
    np.testing.assert_allclose(in_pence, 100 * pounds.expected_spend(frame), rtol=SAME_FIT)
    assert pence.params_["gamma"] == pytest.approx(100 * pounds.params_["gamma"], rel=SAME_FIT)


def test_all_orders_count_the_first_one_too():
    summary = pd.DataFrame({"frequency": [0, 2], "historic_value": [20.0, 90.0]})
    patterns = pd.DataFrame({"n": [1.0, 3.0], "total": [20.0, 90.0]})
    model = GammaGamma.from_params(**TRUTH)
    assert model.requires == ("frequency", "historic_value")
    np.testing.assert_array_equal(model.expected_spend(summary), model.expected_spend(patterns))


def test_repeat_orders_leave_the_first_one_out():
    model = GammaGamma.from_params(**TRUTH, orders="repeat")
    assert model.requires == ("frequency", "monetary_value")
    summary = pd.DataFrame({"frequency": [0, 2], "monetary_value": [0.0, 35.0], "historic_value": [20.0, 90.0]})
    patterns = pd.DataFrame({"n": [0.0, 2.0], "total": [0.0, 70.0]})
    np.testing.assert_array_equal(model.expected_spend(summary), model.expected_spend(patterns))


def test_a_customer_without_orders_gets_the_population_mean():
    p, q, gamma = TRUTH.values()
    found = GammaGamma.from_params(**TRUTH, orders="repeat").expected_spend(pd.DataFrame({"n": [0.0], "total": [0.0]}))
    assert found[0] == pytest.approx(p * gamma / (q - 1))


def test_a_tail_without_mean_is_said_and_gives_no_negative_or_infinite_value():
    frame = simulated(5000, seed=6, p=2.0, q=0.7)
    model = GammaGamma().fit(frame)
    assert model.params_["q"] < 1
    assert any("no usable population mean" in message for message in model.diagnosis_.messages)
    found = model.expected_spend(pd.DataFrame({"n": [0.0, 1, 1, 50], "total": [0.0, 0, 30, 1500]}))
    assert found[0] == pytest.approx(np.mean(frame.total / frame.n))
    assert np.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95, 0.999999, 1.0, 1.0000001, 1.2])
@pytest.mark.parametrize("p", [0.1, 0.6, 3.0])
def test_expected_spend_is_finite_and_not_negative_for_every_tail(p, q):
    n, total = np.array([0.0, 1, 1, 1, 2, 1000]), np.array([0.0, 0, -50, 80, 80, 30_000])
    found = conditional_mean({"p": p, "q": q, "gamma": 15.0}, n, total, sample_mean=40.0)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found[1:].max() <= 2 * (15 + 80)
    assert found[0] <= 10 * 40


def test_expected_spend_is_exact_for_a_tail_without_mean_where_the_orders_give_one():
    found = conditional_mean({"p": 3.0, "q": 0.9, "gamma": 15.0}, np.array([2.0]), np.array([60.0]), sample_mean=40.0)
    assert found[0] == pytest.approx(3 * 75 / (6 + 0.9 - 1))


def test_free_orders_and_refunds_are_set_aside_and_counted():
    frame = simulated(1000, seed=7)
    odd = pd.DataFrame({"n": [1.0, 2.0, 0.0], "total": [0.0, -20.0, 0.0]})
    with_odd = GammaGamma().fit(pd.concat([frame, odd], ignore_index=True))
    assert with_odd.params_ == GammaGamma().fit(frame).params_
    assert "2 customers with orders but a total of zero or less were excluded" in with_odd.diagnosis_.messages[0]


def test_a_refunded_customer_is_expected_to_spend_as_one_with_free_orders():
    found = GammaGamma.from_params(**TRUTH, orders="repeat").expected_spend(
        pd.DataFrame({"n": [2.0, 2, 2], "total": [-90.0, 0, 1]})
    )
    assert found[0] == found[1] < found[2]
    assert found[0] > 0


@pytest.mark.parametrize(
    ("frame", "mean", "words"),
    [
        ({"n": [3.0], "total": [60.0]}, 20.0, "only one mean order value, 20"),
        ({"n": [1.0, 2, 5], "total": [20.0, 40, 100]}, 20.0, "only one mean order value, 20"),
        ({"n": [1.0, 2.0], "total": [0.0, -5.0]}, 0.0, "No customer has an order and a positive total"),
    ],
)
def test_customers_too_alike_to_fit_are_all_expected_to_spend_the_mean(frame, mean, words):
    model = GammaGamma().fit(pd.DataFrame(frame))
    assert any(words in message for message in model.diagnosis_.messages)
    assert model.params_ == {}
    np.testing.assert_allclose(model.expected_spend(pd.DataFrame({"n": [0.0, 9.0], "total": [0.0, 400.0]})), mean)


@pytest.mark.parametrize("frame", [{"n": [], "total": []}, {"n": [0.0, 0.0], "total": [0.0, 0.0]}])
def test_without_any_order_the_value_is_withheld_with_its_reason(frame):
    model = GammaGamma(orders="repeat").fit(pd.DataFrame(frame, dtype=float))
    assert "fit on all orders" in model.diagnosis_.withheld["expected_order_value"]
    assert np.isnan(model.expected_spend(pd.DataFrame({"n": [1.0], "total": [5.0]}))).all()
    again = GammaGamma.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    assert np.isnan(again.mean_order_value_)
    assert again.covariance_.shape == (0, 0)


def test_customers_who_differ_but_orders_that_do_not_are_a_ridge_said_in_words():
    rng = np.random.default_rng(8)
    n = rng.integers(1, 6, 500).astype(float)
    # each customer has an own price, spread as the model has it, and pays it every time: p has no upper end
    model = GammaGamma().fit(pd.DataFrame({"n": n, "total": n / rng.gamma(4.0, 1 / 60, 500)}))
    assert model.diagnosis_.converged
    assert any("p = " in message and "ridge to infinity" in message for message in model.diagnosis_.messages)
    found = model.expected_spend(pd.DataFrame({"n": [4.0], "total": [120.0]}))
    assert found[0] == pytest.approx(30, rel=0.01)


def test_orders_that_differ_but_customers_who_do_not_are_a_ridge_said_in_words():
    rng = np.random.default_rng(9)
    n = rng.integers(1, 6, 20_000).astype(float)
    model = GammaGamma().fit(pd.DataFrame({"n": n, "total": rng.gamma(2 * n) * 10}))
    assert model.diagnosis_.converged
    assert any("q = " in message and "ridge to infinity" in message for message in model.diagnosis_.messages)
    np.testing.assert_allclose(model.expected_spend(pd.DataFrame({"n": [4.0], "total": [300.0]})), 20, rtol=0.02)


def test_saved_and_loaded_it_scores_the_same_to_the_last_bit():
    frame = simulated(400, seed=10)
    model = GammaGamma(orders="repeat").fit(frame)
    again = GammaGamma.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.expected_spend(frame), model.expected_spend(frame))
    assert again.standard_errors_ == model.standard_errors_
    np.testing.assert_array_equal(again.covariance_, model.covariance_)
    assert again.orders == "repeat"


def test_another_models_text_is_refused():
    with pytest.raises(BundleError, match="expected 'gamma_gamma'"):
        GammaGamma.from_dict({"name": "mean_order", "format_version": 1})


def test_the_callers_frame_is_left_as_it_was():
    frame = simulated(50, seed=11)
    before = frame.copy()
    GammaGamma().fit(frame).expected_spend(frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("frame", "weight", "found"),
    [
        ({"frequency": [1.0]}, None, "missing: \\['historic_value'\\]"),
        ({"n": [1.5], "total": [3.0]}, None, "1 of 1 numbers of orders are negative or not whole"),
        ({"n": [-1.0], "total": [3.0]}, None, "negative or not whole"),
        ({"n": [1.0], "total": [3.0]}, [1, 2], "expected 1 counts"),
        ({"n": [1.0], "total": [3.0]}, [-1], "none negative"),
    ],
)
def test_bad_columns_and_weights_are_named(frame, weight, found):
    with pytest.raises(DataContractError, match=found):
        GammaGamma().fit(pd.DataFrame(frame), sample_weight=weight)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"p": -1.0, "q": 2.0, "gamma": 3.0}, "expected three positive numbers"),
        ({"p": 1.0, "q": 0.9, "gamma": 3.0}, "there is no population mean"),
    ],
)
def test_parameters_that_cannot_be_are_refused(params, found):
    with pytest.raises(DataContractError, match=found):
        GammaGamma.from_params(**params)


def test_a_model_without_fit_says_so():
    with pytest.raises(LtvmlError, match="GammaGamma is not fitted"):
        GammaGamma().expected_spend(pd.DataFrame({"n": [1.0], "total": [2.0]}))


def test_orders_that_no_summary_has_are_refused():
    with pytest.raises(DataContractError, match="orders is 'first'; expected one of repeat, all"):
        GammaGamma(orders="first")

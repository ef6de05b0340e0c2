from __future__ import annotations

import numpy as np
import pytest

from ltvml.evaluation import influence, metrics

# one-sided difference quotient with a step of 1e-6: the error is of the order of the step
DERIVATIVE = 1e-5
# a bootstrap standard error from 400 draws is itself known to 1 / sqrt(800) = 3.5 %; three of these
BOOTSTRAP = 0.11
EXACT = 1e-12
ROWS = 60


@pytest.fixture(params=["distinct", "tied"])
def sample(request):
    rng = np.random.default_rng(3)
    score = rng.random(ROWS) if request.param == "distinct" else np.round(rng.random(ROWS), 1)
    event = (rng.random(ROWS) < score).astype(float)
    return event, event * rng.gamma(1.0, 30.0, ROWS), score


def derivatives(measure, y, score):
    """Difference quotients by each customer's weight."""
    step = 1e-6
    weights = np.ones(len(y)) + step * np.eye(len(y))
    return np.array([measure(y, score, sample_weight=row) - measure(y, score) for row in weights]) / step


def test_gini_is_that_of_the_metrics_and_its_influence_the_derivative(sample):
    _, spend, score = sample
    found = influence.normalised_gini(spend, score)
    assert found.value == pytest.approx(metrics.normalised_gini(spend, score), abs=EXACT)
    assert found.influence == pytest.approx(derivatives(metrics.normalised_gini, spend, score), abs=DERIVATIVE)


def test_log_loss_is_that_of_the_metrics_and_its_influence_the_derivative(sample):
    event, _, score = sample
    found = influence.log_loss(event, score)
    assert found.value == pytest.approx(metrics.log_loss(event, score), abs=EXACT)
    assert found.influence == pytest.approx(derivatives(metrics.log_loss, event, score), abs=DERIVATIVE)


def test_influences_sum_to_0(sample):
    event, spend, score = sample
    assert influence.log_loss(event, score).influence.sum() == pytest.approx(0, abs=EXACT)
    assert influence.normalised_gini(spend, score).influence.sum() == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("outcomes", [np.zeros(4), np.full(4, 2.0)])
def test_gini_of_equal_outcomes_is_no_number(outcomes):
    found = influence.normalised_gini(outcomes, [1.0, 2.0, 3.0, 4.0])
    assert np.isnan(found.value)
    assert np.isnan(found.influence).all()


def test_standard_error_of_a_gini_difference_is_that_of_a_bootstrap_of_customers(simulated):
    folds = simulated({"good": 0.2, "poor": 1.0}, role="value", customers=1_500)
    gaps = [
        influence.difference(*(influence.normalised_gini(r.spend, r.predictions[name]) for name in ("good", "poor")))
        for r in folds
    ]
    mean, error = influence.mean_over_cutoffs([r.customer for r in folds], gaps)

    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        weight = np.bincount(rng.integers(0, 1_500, 1_500), minlength=1_500)
        drawn.append([_gini_gap(fold, weight) for fold in folds])
    assert mean == pytest.approx(np.mean([_gini_gap(fold, np.ones(1_500)) for fold in folds]), abs=EXACT)
    assert error == pytest.approx(np.std(np.mean(drawn, axis=1)), rel=BOOTSTRAP)


def test_a_customer_who_stands_twice_is_counted_once():
    measured = [influence.Measured(1.0, np.array([0.3, -0.3])), influence.Measured(3.0, np.array([0.1, -0.1]))]
    same, other = np.array([7, 8]), np.array([1, 2])
    # by hand: the two rows of a customer add up to .4, halved over two cutoffs; or each stands alone
    assert influence.mean_over_cutoffs([same, same], measured) == pytest.approx((2.0, np.sqrt(2 * 0.2**2)), abs=EXACT)
    assert influence.mean_over_cutoffs([same, other], measured) == pytest.approx(
        (2.0, np.sqrt(2 * 0.15**2 + 2 * 0.05**2)), abs=EXACT
    )


def _gini_gap(fold, weight):
    good, poor = (
        metrics.normalised_gini(fold.spend, fold.predictions[name], sample_weight=weight) for name in ("good", "poor")
    )
    return good - poor

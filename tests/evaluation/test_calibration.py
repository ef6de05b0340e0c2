from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ltvml.errors import DataContractError
from ltvml.evaluation.calibration import Calibration, choose_calibration, fit_beta, fit_isotonic, fit_platt
from ltvml.evaluation.metrics import expected_calibration_error, log_loss

# scikit-learn stops its own search near 1e-4 of the coefficients
SKLEARN = 2e-3
# where there is nothing to correct, learning from noise costs: 3 of 200 samples were changed when tried
CHANGED_AT_MOST = 0.10
ROWS = 6_000


def sample(distortion=lambda odds: odds, *, rows=ROWS, random_state=0):
    """Predictions p, what happened, and buckets; the truth is the log-odds before the distortion."""
    rng = np.random.default_rng(random_state)
    odds = rng.normal(-1, 1.5, rows)
    y = (rng.random(rows) < expit(odds)).astype(float)
    return expit(distortion(odds)), y, rng.integers(0, 2**32, rows)


DISTORTIONS = {
    "overconfident": lambda odds: 2 * odds,
    "too high": lambda odds: odds + 1,
    "bent": lambda odds: np.where(odds > -1, odds + 1.2, odds),
}


@pytest.mark.parametrize("distortion", DISTORTIONS.values(), ids=DISTORTIONS)
def test_distorted_probabilities_are_repaired_on_customers_not_seen(distortion):
    chosen = choose_calibration(*sample(distortion))
    assert chosen.method != "none"
    p, y, _ = sample(distortion, random_state=1)
    assert log_loss(y, chosen.apply(p)) < log_loss(y, p)
    assert expected_calibration_error(y, chosen.apply(p)) < 0.5 * expected_calibration_error(y, p)
    assert chosen.words.startswith(f"Churn probabilities corrected ({chosen.method}): log-loss improved by ")


def test_calibrated_probabilities_are_mostly_left_alone_and_never_harmed():
    changed, harm = 0, []
    fresh = sample(random_state=999, rows=20_000)
    for seed in range(40):
        chosen = choose_calibration(*sample(rows=1_000, random_state=seed))
        changed += chosen.method != "none"
        harm.append(log_loss(fresh[1], chosen.apply(fresh[0])) - log_loss(fresh[1], fresh[0]))
    assert changed / 40 <= CHANGED_AT_MOST
    assert np.mean(harm) < 0.001


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic])
def test_correction_never_turns_the_order_round_and_stays_within_0_and_1(fit):
    p, y, _ = sample(DISTORTIONS["overconfident"])
    corrected = fit(p, y).apply(np.r_[0.0, np.linspace(0, 1, 5_001), 1.0])
    assert (np.diff(corrected) >= 0).all()
    assert corrected.min() > 0
    assert corrected.max() < 1


def test_platt_is_the_logistic_regression_of_scikit_learn():
    p, y, _ = sample(DISTORTIONS["overconfident"])
    other = LogisticRegression(C=np.inf, tol=1e-8).fit(logit(p)[:, None], y)
    assert fit_platt(p, y).coefficients == pytest.approx((other.coef_[0, 0], other.intercept_[0]), abs=SKLEARN)


def test_beta_is_the_logistic_regression_of_scikit_learn():
    p, y, _ = sample(DISTORTIONS["bent"])
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(np.c_[np.log(p), -np.log1p(-p)], y)
    assert fit_beta(p, y).coefficients == pytest.approx((*other.coef_[0], other.intercept_[0]), abs=SKLEARN)


def test_isotonic_is_that_of_scikit_learn_but_for_half_a_customer_either_way():
    p, y, _ = sample(DISTORTIONS["bent"])
    steps = fit_isotonic(p, y)
    other = IsotonicRegression().fit(p, y).predict(p)
    levels, rows = np.unique(other, return_counts=True)
    assert len(steps.heights) == len(levels)
    assert steps.heights == pytest.approx(np.maximum.accumulate((rows * levels + 0.5) / (rows + 1)))


def test_isotonic_does_not_stand_below_5000_rows():
    p, y, bucket = sample(DISTORTIONS["bent"], rows=4_999)
    assert choose_calibration(p, y, bucket).method in ("platt", "beta")


def test_order_of_the_rows_does_not_matter():
    p, y, bucket = sample(DISTORTIONS["bent"])
    order = np.random.default_rng(0).permutation(ROWS)
    one, other = choose_calibration(p, y, bucket), choose_calibration(p[order], y[order], bucket[order])
    assert other.method == one.method
    assert other.apply(p) == pytest.approx(one.apply(p), abs=1e-5)


def test_probabilities_that_rank_the_wrong_way_become_one_number():
    p, y, _ = sample(lambda odds: -odds)
    for fit in (fit_platt, fit_beta):
        assert fit(p, y).apply(p) == pytest.approx(np.full(ROWS, y.mean()), abs=1e-6)


def test_outcomes_that_a_threshold_parts_leave_the_coefficients_finite():
    p = np.linspace(0.01, 0.99, 200)
    corrected = fit_platt(p, (p > 0.5).astype(float)).apply(p)
    assert np.isfinite(corrected).all()
    assert corrected[0] < 0.01
    assert corrected[-1] > 0.99


def test_too_few_of_one_outcome_change_nothing():
    p, _, bucket = sample(rows=500)
    y = np.zeros(500)
    y[:29] = 1
    assert choose_calibration(p, y, bucket).words.startswith(
        "probabilities not corrected: 29 customers of the rarer outcome"
    )


def test_no_correction_leaves_the_very_numbers():
    p = np.array([0.0, 0.3, 1.0])
    assert Calibration().apply(p).tolist() == [0.0, 0.3, 1.0]


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic])
def test_calibration_survives_json_exactly(fit):
    p, y, _ = sample()
    calibration = fit(p, y)
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


def test_scores_that_are_no_probabilities_are_refused():
    with pytest.raises(DataContractError, match=r"outside \[0, 1\]"):
        choose_calibration([1.2, 0.3], [1, 0], np.array([1, 2]))

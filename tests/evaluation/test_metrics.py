from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from ltvml.errors import DataContractError
from ltvml.evaluation import metrics

# sums of a few hundred doubles in another order
SAME = 1e-12
# a bin of the judge holds n // 10 whole customers, ours exactly n / 10: they part by less than one customer a bin
ONE_CUSTOMER_A_BIN = 0.02

ROWS = 240


def judge_gini(y, p):
    """The formula of the outside judge: groups of ties, trapezoids."""

    def g(s):
        d = pd.DataFrame({"y": y, "s": s}).groupby("s").agg(n=("y", "size"), y=("y", "sum")).sort_index(ascending=False)
        return 2 * np.trapezoid(np.r_[0, d.y.cumsum() / d.y.sum()], np.r_[0, d.n.cumsum() / d.n.sum()]) - 1

    return g(p) / g(y)


def judge_decile_mape(y, p):
    q = pd.qcut(pd.Series(p).rank(method="first"), 10, labels=False)
    d = pd.DataFrame({"y": y, "p": p, "q": q}).groupby("q").mean()
    d = d[d.y > 0]
    return float((abs(d.p - d.y) / d.y).mean())


def judge_ece(y, p, n=10):
    return sum(len(c) * abs(y[c].mean() - p[c].mean()) for c in np.array_split(np.argsort(p, kind="stable"), n)) / len(
        y
    )


@pytest.fixture(params=[0, 1, 2])
def tied(request):
    """Outcomes, scores and probabilities with many ties, as buy-till-you-die models give."""
    rng = np.random.default_rng(request.param)
    p = np.round(rng.beta(1, 3, ROWS), 1)
    event = rng.random(ROWS) < p
    return event * np.round(rng.gamma(1, 30, ROWS), 0), p, event.astype(int)


@pytest.fixture
def distinct():
    rng = np.random.default_rng(5)
    score = rng.permutation(ROWS) + 1.0
    return rng.gamma(0.3, 30, ROWS) * score, score


def test_gini_is_that_of_the_judge(tied):
    spend, p, _ = tied
    assert metrics.normalised_gini(spend, p) == pytest.approx(judge_gini(spend, p), abs=SAME)


def test_gini_of_a_perfect_ranking_is_1_and_of_its_reverse_minus_1(distinct):
    spend, _ = distinct
    assert metrics.normalised_gini(spend, 3 * spend + 1) == pytest.approx(1, abs=SAME)
    assert metrics.normalised_gini(spend, -spend) == pytest.approx(-1, abs=SAME)


def test_gini_of_a_constant_score_is_0(distinct):
    spend, _ = distinct
    assert metrics.normalised_gini(spend, np.ones(ROWS)) == pytest.approx(0, abs=SAME)


def test_gini_by_hand():
    # gain curve of the score (0, 1/4, 3/4, 1) against the ideal (0, 3/4, 1, 1) over thirds: areas 1/3 * 3/2, 1/3 * 9/4
    assert metrics.normalised_gini([1, 0, 3], [3, 1, 2]) == pytest.approx((2 * 7 / 12 - 1) / (2 * 9 / 12 - 1), abs=SAME)


def test_gini_of_an_event_is_twice_the_auc_less_1(tied):
    _, p, event = tied
    assert metrics.normalised_gini(event, p) == pytest.approx(2 * sk.roc_auc_score(event, p) - 1, abs=SAME)


@pytest.mark.parametrize("outcome", [[0, 0, 0], [2, 2, 2], [-1, 0, 0]])
def test_gini_without_a_spread_of_positive_outcomes_is_unknown(outcome):
    assert np.isnan(metrics.normalised_gini(outcome, [1, 2, 3]))


def test_spearman_is_the_rank_correlation_of_pandas(tied):
    spend, p, _ = tied
    expected = pd.Series(spend).corr(pd.Series(p), method="spearman")
    assert metrics.spearman(spend, p) == pytest.approx(expected, abs=SAME)


def test_spearman_of_a_constant_is_unknown():
    assert np.isnan(metrics.spearman([1, 2, 3], [5, 5, 5]))


def test_deciles_are_plain_means_where_scores_differ_and_ten_divides_the_rows(distinct):
    spend, score = distinct
    table = metrics.decile_table(spend, score)
    order = np.argsort(-score).reshape(10, -1)
    np.testing.assert_allclose(table.actual, spend[order].mean(axis=1), rtol=SAME)
    np.testing.assert_allclose(table.predicted, score[order].mean(axis=1), rtol=SAME)
    np.testing.assert_allclose(table.count, ROWS / 10)


def test_decile_mape_is_that_of_the_judge_where_scores_differ(distinct):
    spend, score = distinct
    assert metrics.decile_mape(spend, score) == pytest.approx(judge_decile_mape(spend, score), rel=SAME)


def test_decile_mape_is_the_judges_averaged_over_orders_of_the_ties(tied):
    spend, p, _ = tied
    rng = np.random.default_rng(0)
    table = metrics.decile_table(spend, p)
    shuffled = [rng.permutation(ROWS) for _ in range(4000)]
    actual = np.mean(
        [spend[i][np.argsort(-p[i], kind="stable")].reshape(10, -1).mean(axis=1) for i in shuffled], axis=0
    )
    # a mean of 4,000 random orders
    np.testing.assert_allclose(table.actual, actual, atol=4 * spend.std() / np.sqrt(24 * 4000))


def test_tied_groups_share_their_mean_across_a_border():
    table = metrics.decile_table([4, 0, 0, 0], [1, 1, 1, 0], n_bins=2)
    np.testing.assert_allclose(table.actual, [4 / 3, 2 / 3])
    np.testing.assert_allclose(table.predicted, [1, 0.5])


def test_deciles_without_outcome_do_not_enter_the_mape():
    assert metrics.decile_mape(np.r_[np.full(10, 2.0), np.zeros(90)], np.r_[np.full(10, 3.0), np.zeros(90)]) == 0.5
    assert np.isnan(metrics.decile_mape(np.zeros(20), np.arange(20)))


def test_capture_averages_over_the_orders_of_the_ties():
    y, score = np.array([5.0, 1, 0, 2]), np.array([1.0, 1, 1, 0])
    orders = [[*order, 3] for order in itertools.permutations(range(3))]
    expected = np.mean([y[order][:2].sum() / y.sum() for order in orders])
    capture = metrics.top_capture(y, score, share=0.5)
    assert capture.model == pytest.approx(expected, abs=SAME)
    assert capture.oracle == pytest.approx(7 / 8, abs=SAME)


def test_capture_of_everybody_is_everything(tied):
    spend, p, _ = tied
    assert metrics.top_capture(spend, p, share=1.0) == metrics.Capture(pytest.approx(1), pytest.approx(1))


def test_errors_by_hand():
    y, predicted = [0, 2, 4], [1, 2, 9]
    assert metrics.relative_bias(y, predicted) == pytest.approx(1)
    assert metrics.mean_absolute_error(y, predicted) == pytest.approx(2)
    assert np.isnan(metrics.relative_bias([0, 0], [1, 1]))


def test_the_common_measures_are_those_of_scikit_learn(tied):
    spend, p, event = tied
    weight = np.random.default_rng(1).integers(0, 4, ROWS)
    for w in (None, weight):
        expected = sk.mean_absolute_error(spend, p, sample_weight=w)
        assert metrics.mean_absolute_error(spend, p, w) == pytest.approx(expected, rel=SAME)
        assert metrics.auc(event, p, w) == pytest.approx(sk.roc_auc_score(event, p, sample_weight=w), abs=SAME)
        expected = sk.average_precision_score(event, p, sample_weight=w)
        assert metrics.average_precision(event, p, w) == pytest.approx(expected, abs=SAME)
        kept = np.clip(p, metrics.PROBABILITY_FLOOR, 1 - metrics.PROBABILITY_FLOOR)
        assert metrics.log_loss(event, p, w) == pytest.approx(sk.log_loss(event, kept, sample_weight=w), rel=SAME)
        assert metrics.brier_score(event, p, w) == pytest.approx(
            sk.brier_score_loss(event, p, sample_weight=w), rel=SAME
        )


def test_a_certain_error_costs_the_floor_or_without_one_everything():
    assert metrics.log_loss([1], [0.0]) == pytest.approx(-np.log(metrics.PROBABILITY_FLOOR))
    assert metrics.log_loss([1, 0], [0.0, 0.0], floor=0.0) == np.inf
    assert metrics.log_loss([1, 0], [1.0, 0.0], floor=0.0) == 0


@pytest.mark.parametrize("event", [[0, 0, 0], [1, 1, 1]])
def test_auc_of_one_class_is_unknown(event):
    assert np.isnan(metrics.auc(event, [0.1, 0.2, 0.3]))


def test_average_precision_without_events_is_unknown():
    assert np.isnan(metrics.average_precision([0, 0], [0.1, 0.2]))


def test_ece_is_that_of_the_judge_where_probabilities_differ():
    rng = np.random.default_rng(3)
    p = rng.beta(1, 3, ROWS)
    event = (rng.random(ROWS) < p).astype(int)
    assert metrics.expected_calibration_error(event, p) == pytest.approx(judge_ece(event, p), abs=SAME)


def test_ece_is_near_the_judges_with_ties(tied):
    _, p, event = tied
    assert metrics.expected_calibration_error(event, p) <= judge_ece(event, p) + ONE_CUSTOMER_A_BIN


def test_ece_of_group_rates_is_0():
    p = np.repeat([0.2, 0.5], [10, 4])
    event = np.repeat([1, 0, 1, 0], [2, 8, 2, 2])
    assert metrics.expected_calibration_error(event, p, n_bins=7) == pytest.approx(0, abs=SAME)


def test_calibration_in_the_large_is_positive_where_too_much_was_promised():
    assert metrics.calibration_in_the_large([0, 1], [0.5, 0.9]) == pytest.approx(0.2)


MEASURES = {
    "gini": metrics.normalised_gini,
    "deciles": metrics.decile_mape,
    "capture": lambda y, s, w=None: metrics.top_capture(y, s, sample_weight=w).model,
    "bias": metrics.relative_bias,
    "mae": metrics.mean_absolute_error,
    "auc": metrics.auc,
    "ap": metrics.average_precision,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score,
    "ece": lambda y, s, w=None: metrics.expected_calibration_error(y, s, sample_weight=w),
    "large": metrics.calibration_in_the_large,
}

small_rows = st.integers(2, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(int, n, elements=st.integers(0, 1)),
        hnp.arrays(float, n, elements=st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0])),
        hnp.arrays(int, n, elements=st.integers(0, 3)).filter(np.any),
        st.permutations(range(n)),
    )
)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
@settings(max_examples=60, deadline=None)
@given(rows=small_rows)
def test_the_order_of_rows_is_irrelevant(measure, rows):
    event, p, weight, order = rows
    assert measure(event[order], p[order], weight[order]) == pytest.approx(
        measure(event, p, weight), abs=1e-9, nan_ok=True
    )


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
@settings(max_examples=60, deadline=None)
@given(rows=small_rows)
def test_a_weight_equals_repetition(measure, rows):
    event, p, weight, _ = rows
    repeated = measure(np.repeat(event, weight), np.repeat(p, weight))
    assert measure(event, p, weight) == pytest.approx(repeated, abs=1e-9, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(rows=small_rows)
def test_spearman_ignores_the_order_of_rows(rows):
    event, p, _, order = rows
    assert metrics.spearman(event[order], p[order]) == pytest.approx(metrics.spearman(event, p), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("y", "score", "weight", "found"),
    [
        ([], [], None, "shapes"),
        ([1, 2], [1], None, "shapes"),
        ([1, 2], [1, 2], [1], "shapes"),
        ([1, 2], [1, np.nan], None, "1 of 2 values of score are NaN"),
        ([np.inf, 2], [1, 2], None, "outcome are NaN or infinite"),
        ([1, 2], [1, 2], [1, -1], "negative weight"),
        ([1, 2], [1, 2], [0, 0], "only zeros"),
    ],
)
def test_bad_rows_are_named(y, score, weight, found):
    with pytest.raises(DataContractError, match=found):
        metrics.normalised_gini(y, score, weight)


def test_an_outcome_that_is_no_event_is_refused():
    with pytest.raises(DataContractError, match="1 of 2 outcomes is neither 0 nor 1"):
        metrics.auc([1, 2], [0.1, 0.2])


def test_a_score_that_is_no_probability_is_refused():
    with pytest.raises(DataContractError, match=r"1 of 2 scores are outside \[0, 1\]"):
        metrics.log_loss([1, 0], [1.5, 0.2])

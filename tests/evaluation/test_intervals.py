from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ltvml.errors import DataContractError
from ltvml.evaluation.intervals import ValueIntervals, coverage, independent_windows, why_withheld
from ltvml.evaluation.selection import Fold

# the band that the product promises
LEAST, MOST = 0.77, 0.83
# 80 deciles of eight shops, and a level known from four cutoffs: three binomial standard errors around .8
DECILES_LEAST = 0.66
SHOPS = 8
# the pooled means by group and the geometric mean of the cutoffs' totals differ by noise of the simulated amounts
BIAS = 0.03


def shop(simulated, seed, *, level_error=0.1, cutoffs=5):
    level = np.exp(np.random.default_rng(seed + 500).normal(0, level_error, cutoffs))
    return simulated({"a": 0.3}, role="value", customers=3_000, cutoffs=cutoffs, random_state=seed, level=level)


def fitted(folds, *, scale=None):
    return ValueIntervals.fit(folds, "a", scale=scale or float(folds[0].predictions["a"].mean()))


@pytest.fixture(scope="module")
def intervals(simulated):
    return fitted(shop(simulated, 0))


def test_four_of_five_customers_of_a_later_cutoff_lie_inside(simulated):
    inside, deciles = [], []
    for seed in range(SHOPS):
        *past, later = shop(simulated, seed)
        prediction = later.predictions["a"]
        learned = fitted(past, scale=float(prediction.mean()))
        inside.append(learned.inside(prediction, later.spend).mean())
        deciles.append(learned.deciles_inside(prediction, later.spend).mean())
    assert LEAST <= np.mean(inside) <= MOST
    assert np.mean(deciles) >= DECILES_LEAST


def test_coverage_with_each_cutoff_left_out_is_that_of_a_later_cutoff(simulated):
    found = [coverage(shop(simulated, seed), "a") for seed in range(3)]
    assert LEAST <= np.mean([one.customers for one in found]) <= MOST
    assert found[0].cutoffs == 5
    assert found[0].words.endswith("over 5 cutoffs, each left out in turn.")


def test_coverage_sees_a_distribution_that_is_wrong(simulated):
    folds = shop(simulated, 1, cutoffs=2)
    wild = replace(folds[1], spend=folds[1].spend * 8)
    assert coverage([folds[0], wild], "a").customers < LEAST


def test_bounds_follow_a_change_of_level(intervals):
    prediction = np.array([0.0, 1.0, 10.0, 80.0])
    low, high = intervals.bounds(prediction)
    low_5, high_5 = replace(intervals, scale=5 * intervals.scale).bounds(5 * prediction)
    assert low_5 == pytest.approx(5 * low)
    assert high_5 == pytest.approx(5 * high)
    assert (low <= high).all()


def test_bounds_do_not_depend_on_who_else_is_in_the_batch(intervals):
    prediction = np.linspace(0, 100, 40)
    together = intervals.bounds(prediction)
    alone = [intervals.bounds(prediction[[place]]) for place in range(40)]
    assert [one[1][0] for one in alone] == together[1].tolist()


def test_prediction_of_nothing_or_less_has_bounds_of_0(intervals):
    low, high = intervals.bounds(np.array([0.0, -5.0]))
    assert low.tolist() == high.tolist() == [0.0, 0.0]


def test_cutoffs_that_disagree_about_the_level_widen_the_interval_of_a_total(simulated):
    prediction = shop(simulated, 0)[0].predictions["a"]
    widths = []
    for level_error in (0.0, 0.5):
        low, high = fitted(shop(simulated, 0, level_error=level_error)).total_bounds(prediction)
        widths.append((high - low) / (high + low))
    assert widths[1] > 2 * widths[0]


def test_longer_window_with_more_buyers_raises_the_lower_bound(intervals):
    prediction = np.array([60.0])
    longer = intervals.for_share_of_buyers(0.9)
    assert longer.bounds(prediction)[0][0] > intervals.bounds(prediction)[0][0]


def test_window_three_times_as_long_as_those_seen_is_covered_once_its_share_of_buyers_is_known():
    rng = np.random.default_rng(0)
    rate, worth = rng.gamma(0.5, 1 / 60, 6_000), np.exp(rng.normal(3, 0.5, 6_000))
    past, later = [poisson_fold(rng, rate, worth, days=30) for _ in range(3)], poisson_fold(rng, rate, worth, days=90)
    prediction = later.predictions["a"]
    expected_buyers = float(np.mean(1 - np.exp(-90 * rate)))
    learned = fitted(past, scale=float(prediction.mean())).for_share_of_buyers(expected_buyers)
    assert LEAST <= learned.inside(prediction, later.spend).mean() <= MOST
    nothing = learned.customers.p_nothing(prediction / prediction.mean())
    assert nothing.mean() == pytest.approx(1 - later.bought.mean(), abs=0.03)


def poisson_fold(rng, rate, worth, *, days):
    """Customers who buy at a constant rate, known to the candidate but for 30 % of noise."""
    orders = rng.poisson(rate * days)
    spend = worth * rng.gamma(2.0 * np.maximum(orders, 1), 0.5) * (orders > 0)
    everybody = np.ones(len(rate), dtype=bool)
    predictions = {"a": rate * days * worth * np.exp(rng.normal(0, 0.3, len(rate)))}
    bought = (orders > 0).astype(float)
    return Fold(0, days, np.arange(len(rate)), bought, spend, {"decides": everybody}, predictions)


def test_prior_covers_customers_whose_futures_are_as_simulated():
    rng = np.random.default_rng(2)
    rate, worth = rng.gamma(0.8, 1 / 60, 4_000), np.exp(rng.normal(3, 0.5, 4_000))

    def futures(number):
        orders = rng.poisson(rate[:, None] * 60, (len(rate), number))
        return worth[:, None] * rng.gamma(2.0 * np.maximum(orders, 1), 0.5) * (orders > 0)

    prediction = rate * 60 * worth
    prior = ValueIntervals.prior(prediction, futures(20), horizon=60, scale=float(prediction.mean()))
    assert LEAST <= prior.inside(prediction, futures(1)[:, 0]).mean() <= MOST
    low, high = prior.total_bounds(prediction)
    # Student's t with three degrees of freedom at .9, times .25 and sqrt(1 + 1/2), and a little that the tenths add
    assert (high - low) / 2 == pytest.approx(prediction.sum() * 1.638 * 0.25 * 1.5**0.5, rel=0.05)


def test_intervals_survive_json_exactly(intervals):
    again = ValueIntervals.from_dict(json.loads(json.dumps(intervals.to_dict())))
    prediction = np.linspace(0, 100, 40)
    assert [bound.tolist() for bound in again.bounds(prediction)] == [
        bound.tolist() for bound in intervals.bounds(prediction)
    ]
    assert again.total_bounds(prediction) == intervals.total_bounds(prediction)


def test_intervals_are_withheld_with_the_reason(simulated):
    assert why_withheld([], "a") == "no backtest cutoff has predictions of a"
    few = simulated({"a": 0.3}, role="value", customers=60, cutoffs=1)
    assert "buyers at backtest cutoffs; at least 50 are needed" in why_withheld(few, "a")
    assert coverage(few, "a") is None
    with pytest.raises(DataContractError, match="value intervals cannot be estimated: "):
        fitted(few)


def test_one_cutoff_gives_intervals_and_no_coverage(simulated):
    folds = shop(simulated, 0, cutoffs=1)
    assert coverage(folds, "a") is None
    assert np.isfinite(fitted(folds).total_bounds(folds[0].predictions["a"])).all()


def test_scale_of_0_is_refused(simulated):
    with pytest.raises(DataContractError, match="mean prediction is 0"):
        ValueIntervals.fit(shop(simulated, 0), "a", scale=0.0)


@pytest.mark.parametrize(("step", "windows"), [(90, 4.0), (30, 2.0), (0, 1.0), (300, 4.0)])
def test_windows_that_overlap_count_as_fewer(simulated, step: int, windows: float):
    folds = [replace(fold, origin=1000 - step * place, horizon=90) for place, fold in enumerate(shop(simulated, 0)[:4])]
    assert independent_windows(folds) == windows


def test_overlapping_windows_widen_the_interval_of_a_total(simulated):
    folds = shop(simulated, 1)
    apart, together = (
        fitted([replace(fold, origin=1000 - step * place, horizon=90) for place, fold in enumerate(folds)])
        for step in (90, 10)
    )
    prediction = folds[0].predictions["a"]
    (low, high), (lower, higher) = apart.total_bounds(prediction), together.total_bounds(prediction)
    assert higher - lower > 1.1 * (high - low)


def test_of_a_bias_that_few_windows_show_a_part_is_believed(simulated):
    """Actual totals of 1.5 times the predictions: of ln 1.5, n / (n + 2) is taken out of a later total."""
    folds = [replace(fold, spend=1.5 * fold.spend, horizon=90) for fold in shop(simulated, 2, level_error=0.0)]
    prediction = folds[0].predictions["a"]
    believed = []
    for step in (90, 0):
        learned = fitted([replace(fold, origin=1000 - step * place) for place, fold in enumerate(folds)])
        low, high = learned.total_bounds(prediction)
        believed.append((low + high) / 2 / prediction.sum())
    actual = np.mean([fold.spend.sum() / fold.predictions["a"].sum() for fold in folds])
    assert believed == pytest.approx([actual ** (5 / 7), actual ** (1 / 3)], rel=BIAS)


def test_intervals_of_an_earlier_release_read_and_written_keep_their_numbers(intervals):
    values = intervals.to_dict()
    del values["sums"]["windows"], values["sums"]["tenth_error"]
    assert ValueIntervals.from_dict(values).to_dict() == values

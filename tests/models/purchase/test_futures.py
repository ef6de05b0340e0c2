"""A million drawn futures against the closed forms of every purchase model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.clock import OperationalTime, with_mean_one
from ltvml.errors import DataContractError, LtvmlError
from ltvml.models import registry
from ltvml.models.base import PurchaseModel
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.window import day_number

# standard errors of a mean or a share: of the 150 comparisons below one lies beyond in 100 seeds; the seed is fixed
SIGMAS = 4
FUTURES = 200_000
HORIZON = 26.0
BG = {"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5}
PARAMS = {
    "nbd": {"r": 0.8, "alpha": 10.0},
    "bg_nbd": BG,
    "lifetimes_bg_nbd": BG,
    "mbg_nbd": BG,
    "bg_cnbd": BG | {"k": 3},
    "mbg_cnbd": BG | {"k": 3},
    "pareto_nbd": {"r": 0.55, "alpha": 10.0, "s": 0.6, "beta": 12.0},
    "bg_bb": {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8},
}
WEEKS = [(0, 0, 0), (0, 0, 30), (1, 5, 30), (4, 22, 30), (9, 15, 30)]
OPPORTUNITIES = [(0, 0, 0), (0, 0, 6), (1, 1, 6), (4, 5, 6), (6, 6, 6)]


def model_of(name: str) -> PurchaseModel:
    return registry.model_class("purchase", name).from_params(**PARAMS[name])


def customers(name: str) -> pd.DataFrame:
    rows = OPPORTUNITIES if name == "bg_bb" else WEEKS
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"], dtype=float)


def test_every_shipped_model_is_here():
    assert set(PARAMS) == set(registry.names("purchase"))


@pytest.mark.parametrize("name", PARAMS)
def test_a_million_futures_have_the_mean_the_counts_and_the_silence_of_the_closed_forms(name):
    model, X = model_of(name), customers(name)
    drawn = model.draw_futures(X.loc[X.index.repeat(FUTURES)], HORIZON, random_state=1)
    counts = drawn.counts().reshape(len(X), FUTURES)
    error = counts.std(axis=1) / np.sqrt(FUTURES)
    assert (np.abs(counts.mean(axis=1) - model.expected_purchases(X, HORIZON)) < SIGMAS * error).all()
    probability = model.pmf(X, np.arange(6), HORIZON)
    shares = np.stack([(counts == n).mean(axis=1) for n in range(6)], axis=1)
    assert (np.abs(shares - probability) < SIGMAS * np.sqrt(probability * (1 - probability) / FUTURES) + 1e-12).all()
    first = np.full(counts.size, np.inf)
    np.minimum.at(first, drawn.customer, drawn.time)
    silent = (first.reshape(counts.shape) > 10).mean(axis=1)
    survival = model.survival_function(X, [10.0])[:, 0]
    assert (np.abs(silent - survival) < SIGMAS * np.sqrt(survival * (1 - survival) / FUTURES)).all()


@pytest.mark.parametrize("name", PARAMS)
def test_newcomers_buy_and_leave_as_often_as_the_model_expects(name):
    model, n = model_of(name), 200_000
    drawn = model.draw_newcomers(np.full(n, HORIZON), random_state=2)
    counts = drawn.purchases.counts()
    expected = model.expected_purchases(model.newcomers(), HORIZON)[0]
    assert abs(counts.mean() - expected) < SIGMAS * counts.std() / np.sqrt(n)
    here = model.probability_alive_at(model.newcomers(), [HORIZON])[0, 0]
    assert abs((~drawn.left).mean() - here) <= SIGMAS * np.sqrt(here * (1 - here) / n)


@pytest.mark.parametrize("name", PARAMS)
def test_a_cohort_is_the_sum_of_its_newcomers(name):
    model = model_of(name)
    births, times = np.array([0.0, 0.0, 3.0, 9.0]), np.array([0.0, 2.0, 9.0, 20.0])
    by_hand = [
        sum(model.expected_purchases(model.newcomers(), max(time - birth, 0.0))[0] for birth in births)
        for time in times
    ]
    np.testing.assert_allclose(model.expected_of_cohort(births, times), by_hand, rtol=1e-12)
    counted = model.expected_of_cohort([0.0, 3.0, 9.0], times, sample_weight=[2, 1, 1])
    np.testing.assert_allclose(counted, by_hand, rtol=1e-12)


@pytest.mark.parametrize("name", PARAMS)
def test_same_seed_same_futures_another_seed_others(name):
    model, X = model_of(name), customers(name).sample(400, replace=True, random_state=1)
    first, again, other = (model.draw_futures(X, HORIZON, random_state=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.time, again.time)
    assert len(first.time) != len(other.time) or (first.time != other.time).any()


def test_regular_buyers_have_regular_gaps():
    # an Erlang gap of k stages varies by 1 / sqrt(k) of its mean; here rates are equal and nobody leaves
    model = registry.model_class("purchase", "bg_cnbd").from_params(r=1e8, alpha=1e8, a=1e-9, b=1.0, k=9)
    drawn = model.draw_newcomers(np.full(400, 900.0), random_state=3).purchases
    gaps = np.diff(drawn.time)[np.diff(drawn.customer) == 0]
    assert gaps.mean() == pytest.approx(9.0, rel=0.02)
    assert gaps.std() / gaps.mean() == pytest.approx(1 / 3, rel=0.02)


def test_on_a_clock_futures_follow_the_season():
    # twice as fast in the first half of the year, and as many purchases as the closed form expects
    season = with_mean_one(np.where(np.arange(366) < 183, 2.0, 1.0))
    model = InOperationalTime(model_of("bg_nbd"), OperationalTime(tuple(season)))
    cutoff = day_number("2020-12-31")
    X = pd.DataFrame({"cutoff_day": cutoff, "frequency": 4.0, "recency": 22.0, "T": 30.0}, index=range(100_000))
    drawn = model.draw_futures(X, 365.0, random_state=4)
    counts = drawn.counts()
    expected = model.expected_purchases(X[:1], 365.0)[0]
    assert abs(counts.mean() - expected) < SIGMAS * counts.std() / np.sqrt(len(X))
    early = np.bincount(drawn.customer[drawn.time <= 100], minlength=len(X))
    expected_early = model.expected_purchases(X[:1], 100.0)[0]
    assert abs(early.mean() - expected_early) < SIGMAS * early.std() / np.sqrt(len(X))


def test_a_cohort_on_a_clock_is_born_by_day():
    season = with_mean_one(np.where(np.arange(366) < 183, 2.0, 1.0))
    clock = OperationalTime(tuple(season))
    model, start = InOperationalTime(model_of("bg_nbd"), clock), day_number("2020-12-31")
    expected = model.expected_of_cohort([start, start + 10], [start + 40])
    ages = clock.between(np.array([start, start + 10]), start + 40)
    by_hand = model.model.expected_purchases_at(model.newcomers(), ages)[0].sum()
    np.testing.assert_allclose(expected, [by_hand], rtol=1e-12)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(DataContractError, match="time such as -1"):
        model_of("bg_nbd").draw_futures(customers("bg_nbd"), -1.0, random_state=1)
    with pytest.raises(DataContractError, match="whole numbers"):
        model_of("bg_bb").draw_newcomers([2.5], random_state=1)
    with pytest.raises(LtvmlError, match="draws no futures"):
        PurchaseModel.draw_futures(model_of("nbd"), customers("nbd"), 1.0, random_state=1)


@pytest.mark.parametrize("name", PARAMS)
def test_nobody_and_no_time_make_no_purchases(name):
    model, X = model_of(name), customers(name)
    assert not len(model.draw_futures(X[:0], HORIZON, random_state=1).time)
    assert not model.draw_futures(X, 0.0, random_state=1).counts().any()
    assert not len(model.draw_newcomers(np.zeros(0), random_state=1).rate)
    np.testing.assert_array_equal(model.expected_of_cohort([], [1.0, 2.0]), [0.0, 0.0])


def test_a_cohort_of_many_opportunities_is_counted_at_whole_ones():
    model = model_of("bg_bb")
    expected = model.expected_of_cohort(np.arange(400), [400.0])
    by_age = model.expected_purchases_at(model.newcomers(), np.arange(1, 401))[0]
    np.testing.assert_allclose(expected, [by_age.sum()], rtol=1e-12)

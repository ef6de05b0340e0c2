"""Expectations beside what happened: by hand, and on customers who were drawn from the model itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from ltvml.clock import OperationalTime, with_mean_one
from ltvml.datasets import simulate_histories, simulate_orders, simulate_purchases
from ltvml.errors import DataContractError
from ltvml.evaluation.purchase_tracking import (
    Cohort,
    alive_through_time,
    gap_shares,
    has_counts,
    held_out_by_frequency,
    likelihood_surface,
    over_histories,
    purchase_counts,
    track,
)
from ltvml.models.base import PurchaseModel
from ltvml.models.purchase.bg_bb import BGBB
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.covariates import WithCovariates
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.window import day_number
from ltvml.workflows.summary import customer_summary

PARAMS = {"r": 0.8, "alpha": 30.0, "a": 0.8, "b": 2.5}
MODEL = MBGNBD.from_params(**PARAMS)
# standard errors; the seeds are fixed
SIGMAS = 4


def orders_of(customers: int = 8_000):
    ages = np.random.default_rng(3).integers(1, 500, customers)
    return simulate_orders(customers, model="mbg_nbd", **PARAMS, T=ages, cutoff="2020-12-31", random_state=4).orders


def test_orders_become_births_and_repeat_purchases_by_hand():
    orders = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "c", "c"],
            # two orders of a on one day are one purchase, and c is born too late
            "order_date": [
                "2020-01-01",
                "2020-01-03 09:00",
                "2020-01-03 18:00",
                "2020-01-03",
                "2020-02-01",
                "2020-02-02",
            ],
        }
    )
    cohort = Cohort.of_orders(orders, born_by="2020-01-31")
    first = day_number("2020-01-01")
    assert (cohort.births.tolist(), cohort.customers.tolist()) == ([first, first + 2], [1, 1])
    assert (cohort.times.tolist(), cohort.purchases.tolist()) == ([first + 2], [1])
    assert cohort.weeks(first + 13).tolist() == [first + 6, first + 13]
    table = track(MODEL, cohort, cohort.weeks(first + 13))
    assert table.actual.tolist() == [1, 0]
    expected = MODEL.expected_purchases_at(MODEL.newcomers(), [6, 4, 13, 11])[0]
    assert table.cumulative_expected.tolist() == pytest.approx([expected[:2].sum(), expected[2:].sum()])


def test_a_simulated_shop_is_tracked_within_the_noise_of_its_customers():
    orders = orders_of()
    cohort = Cohort.of_orders(orders)
    end = day_number("2020-12-31")
    table = track(MODEL, cohort, cohort.weeks(end))
    assert table.cumulative_actual.iloc[-1] == cohort.purchases[cohort.times <= table.end.iloc[-1]].sum()
    # the merging of days takes a few purchases; the rest is chance: the sum of 8,000 customers' counts
    counts = orders.groupby("customer_id").size() - 1
    error = counts.std() * np.sqrt(len(counts))
    assert abs(table.cumulative_expected.iloc[-1] - counts.sum()) < SIGMAS * error


def test_on_a_clock_many_births_are_tracked_as_each_one_alone():
    season = with_mean_one(1 + 0.5 * np.sin(2 * np.pi * np.arange(366) / 366))
    model = InOperationalTime(MODEL, OperationalTime(tuple(season)))
    start = float(day_number("2019-12-31"))
    births = start + np.arange(60)
    cohort = Cohort(births, np.full(60, 2.0), births + 1, np.ones(60))
    ends = start + np.arange(61, 400, 7)
    table = track(model, cohort, ends)
    ages = model.clock.between(births[:, None], ends)
    exact = 2 * MODEL.expected_purchases_at(MODEL.newcomers(), ages.ravel())[0].reshape(ages.shape).sum(axis=0)
    # 2,940 ages are read off a curve through 150: far below a thousandth of a purchase each
    np.testing.assert_allclose(table.cumulative_expected, exact, rtol=2e-5)


def test_periods_must_ascend():
    cohort = Cohort.of_times([0.0], [3.0])
    with pytest.raises(DataContractError, match="do not ascend"):
        track(MODEL, cohort, [7, 7])


def test_orders_without_the_columns_or_the_customers_are_refused():
    with pytest.raises(DataContractError, match="lack order_date"):
        Cohort.of_orders(pd.DataFrame({"customer_id": ["a"]}))
    with pytest.raises(DataContractError, match="1 of 2 order_date are no date"):
        Cohort.of_orders(pd.DataFrame({"customer_id": ["a", "b"], "order_date": ["soon", "2020-01-01"]}))
    with pytest.raises(DataContractError, match="no customer of the orders bought by 1999-01-01"):
        Cohort.of_orders(pd.DataFrame({"customer_id": ["a"], "order_date": ["2020-01-01"]}), born_by="1999-01-01")


def test_holdouts_are_grouped_by_what_came_before():
    X = pd.DataFrame({"frequency": [0, 0, 2, 9, 12], "recency": [0, 0, 20, 30, 30], "T": [40.0] * 5})
    table = held_out_by_frequency(MODEL, X, [1, 0, 3, 5, 7], 30, most=4)
    assert table[["frequency", "customers", "actual"]].to_numpy().tolist() == [[0, 2, 0.5], [2, 1, 3], [4, 2, 6]]
    assert table.expected.tolist() == pytest.approx(
        [
            MODEL.expected_purchases(X[:1], 30)[0],
            MODEL.expected_purchases(X[2:3], 30)[0],
            MODEL.expected_purchases(X[3:], 30).mean(),
        ]
    )


def test_holdouts_of_patterns_are_those_of_their_customers():
    X = simulate_histories(500, **PARAMS, T=60.0, random_state=1, daily=True)
    later = np.random.default_rng(2).poisson(1.0, 500)
    patterns = X.assign(count=1, later=later).groupby(["frequency", "recency", "T"], as_index=False).sum()
    by_pattern = held_out_by_frequency(MODEL, patterns, patterns.later, 30, patterns["count"])
    np.testing.assert_allclose(by_pattern, held_out_by_frequency(MODEL, X, later, 30), rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "name", "T"),
    [
        (MODEL, "mbg_nbd", np.random.default_rng(1).integers(10, 400, 20_000)),
        (ParetoNBD.from_params(r=0.55, alpha=30.0, s=0.6, beta=60.0), "pareto_nbd", np.full(20_000, 200)),
        (BGBB.from_params(alpha=1.2, beta=0.75, gamma=0.66, delta=2.8), "bg_bb", np.full(20_000, 6)),
    ],
)
def test_the_numbers_of_purchases_spread_as_the_model_says(model, name, T):
    X = simulate_histories(20_000, model=name, **model.params_, T=T, random_state=9)
    table = purchase_counts(model, X, most=5)
    assert table.actual.sum() == pytest.approx(20_000)
    assert table.expected.sum() == pytest.approx(20_000)
    assert (np.abs(table.actual - table.expected) < SIGMAS * np.sqrt(table.expected)).all()
    patterns = X.value_counts().rename("count").reset_index()
    again = purchase_counts(model, patterns, patterns["count"], most=5)
    np.testing.assert_allclose(again, table, rtol=1e-9)


def test_gaps_of_the_model_itself_look_like_its_own():
    T = np.random.default_rng(1).integers(10, 400, 20_000).astype(float)
    made = simulate_purchases(20_000, model="mbg_nbd", **PARAMS, T=T, random_state=5)
    first = np.diff(made.customer, prepend=-1) > 0
    gaps = np.where(first, made.time, np.diff(made.time, prepend=0.0))
    table = gap_shares(MODEL, made.histories(), gaps, [0, 5, 10, 20, 40, 400], random_state=1)
    assert (table.actual.sum(), table.expected.sum()) == pytest.approx((1.0, 1.0))
    # both are shares of some 40,000 gaps, which differ by customer: twice the binomial error is room enough
    error = np.sqrt(2 * table.expected / len(gaps))
    assert (np.abs(table.actual - table.expected) < 2 * SIGMAS * error).all()
    regular = gap_shares(MODEL, made.histories(), np.full(500, 30.0), [0, 5, 10, 20, 40, 400], random_state=1)
    assert regular.actual.tolist() == [0, 0, 0, 1, 0]


def test_p_alive_through_time_is_that_of_the_history_at_each_moment():
    table = alive_through_time(MODEL, [0.0, 10.0, 14.0], until=90.0, points=10)
    assert table[table.purchase].time.tolist() == [0, 10, 14]
    assert table[table.purchase].frequency.tolist() == [0, 1, 2]
    row = table.iloc[-1]
    X = pd.DataFrame({"frequency": [2], "recency": [14.0], "T": [90.0]})
    assert (row.time, row.p_alive) == (90, pytest.approx(MODEL.probability_alive(X)[0]))
    silent = table[table.time >= 14].p_alive
    assert (np.diff(silent) < 0).all()
    with pytest.raises(DataContractError, match="no purchase by 5"):
        alive_through_time(MODEL, [9.0], until=5.0)


def test_a_grid_holds_what_the_model_says_of_each_history():
    grid = over_histories(MODEL, age=100.0, most=6, horizon=30.0)
    assert grid.values.shape == (80, 6)
    X = pd.DataFrame({"frequency": [4.0], "recency": [grid.recencies[19]], "T": [100.0]})
    assert grid.values[19, 3] == pytest.approx(MODEL.expected_purchases(X, 30.0)[0])
    assert over_histories(MODEL, age=100.0, most=6).values[19, 3] == pytest.approx(MODEL.probability_alive(X)[0])


def test_the_surface_is_the_likelihood_and_the_region_of_large_samples_is_a_circle_on_its_axes():
    X = simulate_histories(30_000, **PARAMS, T=300.0, random_state=6)
    model = BGNBD().fit(X)
    surface = likelihood_surface(model, X, ("a", "b"), points=9, reach=2.0)
    assert surface.below.max() == surface.below[4, 4] == pytest.approx(0.0, abs=1e-9)
    held = {"a": surface.first[0, 0], "b": surface.second[0, 0]}

    def loss(others):
        r, alpha = np.exp(others)
        return -BGNBD.from_params(r=r, alpha=alpha, **held).log_likelihood(X)

    start = np.log([model.params_["r"], model.params_["alpha"]])
    highest = -minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4}).fun
    # the climb of each point ends within 1e-3
    assert surface.below[0, 0] == pytest.approx(highest - model.log_likelihood_, abs=2e-3)
    # half the squared distance in standard errors: 2 sqrt(2) at a corner, 2 at the middle of a side; the rest is cubic
    corners = surface.below[[0, 0, -1, -1], [0, -1, 0, -1]]
    sides = surface.below[[0, 4, 4, -1], [4, 0, -1, 4]]
    np.testing.assert_allclose(corners, -4.0, rtol=0.15)
    np.testing.assert_allclose(sides, -2.0, rtol=0.15)
    with pytest.raises(DataContractError, match="expected two of r, alpha, a, b"):
        likelihood_surface(model, X, ("a", "a"))


def test_where_kinds_of_customers_differ_the_tables_are_those_of_all_of_them():
    channel = np.repeat(["search", "social"], 400)
    X = simulate_histories(800, model="mbg_nbd", **PARAMS, T=200.0, random_state=1).assign(channel=channel)
    kinds = WithCovariates(MBGNBD(), ["channel"]).fit(X)
    whole = MBGNBD().fit(X)
    np.testing.assert_allclose(purchase_counts(kinds, X), purchase_counts(whole, X), rtol=1e-9)
    np.testing.assert_allclose(
        over_histories(kinds, age=90, most=4).values, over_histories(whole, age=90, most=4).values
    )
    on_clock = over_histories(InOperationalTime(kinds, OperationalTime()), age=90, most=4, cutoff_day=18_000)
    np.testing.assert_allclose(on_clock.values, over_histories(whole, age=90, most=4).values)


def test_times_in_another_unit_than_that_of_the_fit_are_refused():
    orders = orders_of(400)
    days = customer_summary(orders, "2020-12-31")
    weeks = days.assign(recency=days.recency / 7, T=days["T"] / 7).drop(columns="cutoff_day")
    weeks.attrs["unit"] = "week"
    model, cohort = MBGNBD().fit(weeks), Cohort.of_orders(orders)
    with pytest.raises(DataContractError, match="fitted on times in weeks and was given times in days"):
        track(model, cohort, cohort.weeks(day_number("2020-12-31")))
    # whole weeks are no days
    assert alive_through_time(model, [0, 2], until=10, points=11).p_alive.between(0, 1).all()
    assert over_histories(model, age=80.0, most=3).values.shape == (80, 3)


def test_a_model_on_a_clock_must_know_the_day():
    with pytest.raises(DataContractError, match="expected cutoff_day"):
        over_histories(InOperationalTime(MODEL, OperationalTime()), age=90, most=4)


def test_nobody_and_holdouts_of_another_length_are_refused():
    X = pd.DataFrame({"frequency": [1.0], "recency": [2.0], "T": [3.0]})
    for table in (lambda: purchase_counts(MODEL, X[:0]), lambda: gap_shares(MODEL, X[:0], [1.0], [0, 2])):
        with pytest.raises(DataContractError, match="no customers"):
            table()
    with pytest.raises(DataContractError, match="expected one number a row"):
        held_out_by_frequency(MODEL, X, [1, 2], 30)


class OneAWeek(PurchaseModel):
    """As little as a model of another package has to have."""

    name = "one_a_week"

    def __init__(self) -> None:
        pass

    def fit(self, X, sample_weight=None):
        return self

    def expected_purchases(self, X, horizon):
        return np.full(len(X), horizon / 7)

    def probability_alive(self, X):
        return np.ones(len(X))

    def survival_function(self, X, times):
        return np.exp(-np.broadcast_to(times, (len(X), len(times))) / 7)


def test_a_model_of_another_package_is_tracked_as_far_as_it_knows():
    model, cohort = OneAWeek(), Cohort.of_times([0.0, 0.0], [3.0])
    assert track(model, cohort, [7, 14]).expected.tolist() == [2, 2]
    assert over_histories(model, age=50.0, most=2).values.tolist() == np.ones((80, 2)).tolist()
    for of in (model, InOperationalTime(model, OperationalTime())):
        assert not has_counts(of)
        with pytest.raises(DataContractError, match="OneAWeek has no distribution of purchases"):
            purchase_counts(of, pd.DataFrame({"cutoff_day": [9], "frequency": [1], "recency": [2], "T": [5]}))
    assert has_counts(InOperationalTime(MODEL, OperationalTime()))

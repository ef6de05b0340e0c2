"""The maths of one renewal against integrals over the customer's rate, worked out by mpmath in calendar days."""

from __future__ import annotations

from functools import cached_property, partial
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.models.replenishment.renewal import Observed, Renewal, gradient, log_likelihood, parameters, tail_slopes

# scipy's incomplete beta function and its inverse are good to about 1e-13; the integrals are worked out to 15 digits
# after the point, so the relative tolerance cannot hold for the smallest probabilities
EXACT, SMALLEST = 1e-10, 1e-13
# central differences of step 1e-5 on log-likelihoods near 100, beside slopes that are differences themselves
SLOPE = 2e-6
# where doubles underflow, the tail is taken as a power of time with the slope it has there
FAR_OUT = 0.003
# two neighbouring evaluations of the incomplete beta function may cross by their own rounding
ROUNDING = 1e-12

# kappa, a, b, pi, eta, gaps, quantities bought before them, open gap, quantity bought last
ROWS = [
    (1.0, 1.5, 40.0, 0.9, 0.0, [], [], 30.0, 1.0),
    (2.5, 4.0, 60.0, 0.7, 0.5, [20.0, 41.0, 33.0], [1.0, 4.0, 2.0], 55.0, 2.0),
    (8.0, 12.0, 48.0, 0.95, 0.7, [30.0, 28.0, 31.0, 29.0, 70.0], [1.0, 1.0, 1.0, 1.0, 3.0], 10.0, 3.0),
    (0.6, 0.8, 9.0, 0.5, 1.0, [3.0, 90.0], [0.5, 6.0], 200.0, 0.25),
    (1.4, 2.0, 20.0, 0.99, 0.15, [14.0], [2.0], 0.0, 5.0),
]
# far corners: n, S, e
CORNERS = {
    "elapsed 0": (3.0, 60.0, 0.0),
    "elapsed 5000 days": (3.0, 60.0, 5000.0),
    "a thousand gaps": (1000.0, 7000.0, 5.0),
    "a thousand gaps of a day, silent for ever": (1000.0, 1000.0, 5000.0),
    "never bought again": (0.0, 0.0, 40.0),
}


class ByIntegral:
    """One row, with the rate integrated out numerically; nothing is scaled but the gap's own distribution."""

    def __init__(self, row):
        self.kappa, self.a, self.b, self.pi, self.eta, self.gaps, self.quantities, self.elapsed, self.last = row
        total = sum(g / q**self.eta for g, q in zip(self.gaps, self.quantities, strict=True))
        middle = (self.a + len(self.gaps) * self.kappa) / (self.b + total)
        # the integrals are worked out to an absolute precision: this makes them of order 1
        self.height = self.weight(middle) * middle
        self.stops = [0, *(middle * factor for factor in (0.25, 0.5, 1, 1.5, 2.5, 5)), mpmath.inf]

    def density(self, gap, quantity, rate):
        slower = rate / mpmath.mpf(quantity) ** self.eta
        return (
            slower**self.kappa
            * mpmath.mpf(gap) ** (self.kappa - 1)
            * mpmath.exp(-slower * gap)
            / mpmath.gamma(self.kappa)
        )

    def weight(self, rate):
        prior = self.b**self.a * rate ** (self.a - 1) * mpmath.exp(-self.b * rate) / mpmath.gamma(self.a)
        return prior * mpmath.fprod(
            self.pi * self.density(gap, quantity, rate)
            for gap, quantity in zip(self.gaps, self.quantities, strict=True)
        )

    def ended(self, days, rate):
        return mpmath.gammainc(self.kappa, 0, rate * days / mpmath.mpf(self.last) ** self.eta, regularized=True)

    def over_rates(self, function):
        return mpmath.quad(lambda rate: self.weight(rate) / self.height * function(rate), self.stops)

    def cdf(self, days):
        return self.over_rates(partial(self.ended, days)) / self.all_rates

    @cached_property
    def all_rates(self):
        return self.over_rates(lambda _: 1)

    @cached_property
    def still_open(self):
        return self.over_rates(lambda rate: 1 - self.pi * self.ended(self.elapsed, rate))

    def likelihood(self):
        return self.height * self.still_open

    def reorders_within(self, days):
        return self.gone_within(days) / self.still_open

    def gone_within(self, days):
        return self.over_rates(lambda r: self.pi * (self.ended(self.elapsed + days, r) - self.ended(self.elapsed, r)))


@pytest.fixture(params=range(len(ROWS)), ids=lambda place: f"row {place}")
def row(request):
    with mpmath.workdps(15):
        yield ByIntegral(ROWS[request.param])


def stretch(row):
    return row.last**row.eta


def point_of(row):
    return np.array(
        [[np.log(row.kappa), np.log(row.a), np.log(row.kappa * row.b / row.a), np.log(row.pi / (1 - row.pi))]]
    )


def observed(row, eta):
    gaps, quantities = np.array(row.gaps), np.array(row.quantities)
    scaled, elapsed = gaps / quantities**eta, row.elapsed / row.last**eta
    logs = np.log(quantities)
    sums = [len(gaps), scaled.sum(), np.log(scaled).sum(), elapsed, logs.sum(), -(scaled * logs).sum()]
    return Observed(*(np.array([float(value)]) for value in (*sums, -elapsed * np.log(row.last))))


def renewal(row):
    kappa, a, b, pi = parameters(point_of(row))
    seen = observed(row, row.eta)
    return Renewal(kappa, a + seen.n * kappa, b + seen.total, pi, seen.elapsed)


class TestAgainstTheIntegralOverRates:
    def test_distribution_of_the_gap(self, row):
        for days in (1.0, 30.0, 400.0):
            theirs = row.cdf(days)
            t = np.array([days / stretch(row)])
            np.testing.assert_allclose(renewal(row).cdf(t), float(theirs), rtol=EXACT, atol=SMALLEST)
            np.testing.assert_allclose(renewal(row).tail(t), float(1 - theirs), rtol=EXACT, atol=SMALLEST)

    def test_probability_of_a_reorder(self, row):
        within = np.array([[7.0, 28.0]]) / stretch(row)
        theirs = [float(row.reorders_within(days)) for days in (7, 28)]
        np.testing.assert_allclose(renewal(row).reorders_within(within)[0], theirs, rtol=EXACT, atol=SMALLEST)

    def test_quantiles_of_the_wait(self, row):
        horizon = 91.0
        levels = np.array([0.1, 0.5, 0.9])
        days = renewal(row).waits(levels, np.array([horizon / stretch(row)]))[0] * stretch(row)
        in_all = row.gone_within(horizon)
        reached = [row.gone_within(float(day)) / in_all for day in days]
        np.testing.assert_allclose(np.array(reached, dtype=float), levels, rtol=EXACT)

    def test_log_likelihood_with_its_jacobian_and_the_open_gap(self, row):
        ours = log_likelihood(point_of(row), observed(row, row.eta), np.array([row.eta]))
        np.testing.assert_allclose(ours, float(mpmath.log(row.likelihood())), rtol=EXACT)

    def test_outlasting_a_limit(self, row):
        limit = 2 * row.elapsed + 10
        theirs = row.over_rates(lambda rate: 1 - row.pi * row.ended(limit, rate)) / row.still_open
        np.testing.assert_allclose(renewal(row).outlasts(np.array([limit / stretch(row)])), float(theirs), rtol=EXACT)


def test_gradient_is_the_slope_of_the_log_likelihood(row):
    step, point = 1e-5, point_of(row)

    def value(shift):
        eta = row.eta + shift[4]
        return log_likelihood(point + shift[:4], observed(row, eta), np.array([eta]))[0]

    slopes = [(value(step * axis) - value(-step * axis)) / (2 * step) for axis in np.eye(5)]
    np.testing.assert_allclose(gradient(point, observed(row, row.eta))[0], slopes, rtol=SLOPE, atol=SLOPE)


def corner(name, kappa, pi=0.9, a=3.0, b=40.0):
    n, total, elapsed = CORNERS[name]
    return Renewal(*(np.array([value]) for value in (kappa, a + n * kappa, b + total, pi, elapsed)))


@pytest.mark.parametrize("pi", [0.05, 0.9, 0.9999])
@pytest.mark.parametrize("kappa", [0.05, 1.0, 20.0, 400.0])
@pytest.mark.parametrize("name", CORNERS)
class TestFarCorners:
    def test_probabilities_are_finite_and_grow_with_the_window(self, name, kappa, pi):
        found = corner(name, kappa, pi).reorders_within(np.array([[0.0, 1e-3, 7.0, 91.0, 5000.0]]))[0]
        assert np.isfinite(found).all()
        assert found[0] == 0
        assert found[-1] <= 1
        assert (np.diff(found) >= 0).all()

    def test_waits_are_ordered_and_within_the_horizon(self, name, kappa, pi):
        found = corner(name, kappa, pi).waits(np.array([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6]), np.array([91.0]))[0]
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert (found <= 91).all()
        assert (np.diff(found) >= 0).all()

    def test_likelihood_and_slopes_are_finite(self, name, kappa, pi):
        n, total, elapsed = CORNERS[name]
        logs = n * np.log(total / n) if n else 0.0
        seen = Observed(*(np.array([value]) for value in (n, total, logs, elapsed, 0.0, -total, -elapsed)))
        point = np.array([[np.log(kappa), np.log(3.0), np.log(kappa * 40 / 3), np.log(pi / (1 - pi))]])
        assert np.isfinite(log_likelihood(point, seen, np.array([0.5]))).all()
        assert np.isfinite(gradient(point, seen)).all()
        assert np.isfinite(np.concatenate(tail_slopes(corner(name, kappa, pi)))).all()


# an item bought once a year like clockwork, asked for a reorder within the quarter; and the same one silent for years
FAR = [
    (20.0, 20_003.0, 365_040.0, 0.0),
    (400.0, 8_003.0, 7_340.0, 0.0),
    (7.0, 211.0, 172.0, 6_483.0),
    (2.4, 2_361.0, 1_606.0, 1_147.0),
]


@pytest.mark.parametrize(("kappa", "A", "B", "elapsed"), FAR)
def test_waits_of_next_to_impossible_reorders_follow_their_density(kappa, A, B, elapsed):
    found = Renewal(*(np.array([value]) for value in (kappa, A, B, 0.9, elapsed)))
    days = found.waits(np.array([0.1, 0.5, 0.9]), np.array([91.0]))[0]
    with mpmath.workdps(15):

        def density(wait):
            t = elapsed + wait
            log = (kappa - 1) * mpmath.log(t) - (kappa + A) * mpmath.log(t + B)
            return mpmath.exp(log - height)

        middle = elapsed + 45
        height = (kappa - 1) * mpmath.log(middle) - (kappa + A) * mpmath.log(middle + B)
        marks = [0, *days, 91]
        parts = [mpmath.quad(density, [start, end]) for start, end in pairwise(marks)]
        reached = np.cumsum([float(part / sum(parts)) for part in parts[:3]])
    np.testing.assert_allclose(reached, [0.1, 0.5, 0.9], atol=FAR_OUT)


@settings(deadline=None)
@given(
    kappa=st.floats(0.1, 30),
    a=st.floats(0.1, 50),
    b=st.floats(1, 2000),
    pi=st.floats(0.01, 0.999),
    elapsed=st.floats(0, 2000),
    longer=st.floats(0, 500),
    limit=st.floats(1, 500),
)
def test_longer_silence_never_makes_it_likelier_to_end(kappa, a, b, pi, elapsed, longer, limit):
    now, later = (
        Renewal(*(np.array([value]) for value in (kappa, a, b, pi, days))).outlasts(np.array([limit]))[0]
        for days in (elapsed, elapsed + longer)
    )
    assert 0 <= now <= later * (1 + ROUNDING) <= 1 + 2 * ROUNDING

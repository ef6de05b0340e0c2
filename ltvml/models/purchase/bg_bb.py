"""BG/BB: Fader, Hardie & Shang (2010), Customer-Base Analysis in a Discrete-Time Noncontractual Setting, Mktg Sci 29.

There are n opportunities to buy (years of a charity, weeks of a market). A customer leaves before an opportunity with
probability theta ~ Beta(gamma, delta), and buys at one with probability p ~ Beta(alpha, beta) while there. With x
purchases after the first, the last at opportunity t_x

    L = [ B(alpha+x, beta+n-x) B(gamma, delta+n)                                        still there
        + sum_{i=0}^{n-t_x-1} B(alpha+x, beta+t_x-x+i) B(gamma+1, delta+t_x+i) ]        left after t_x + i
        / [ B(alpha, beta) B(gamma, delta) ]

as a log-sum-exp over the n - t_x + 1 cases. Columns: frequency x, recency t_x, T = n, all counted in opportunities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import expit, gammaln

from ltvml.errors import DataContractError
from ltvml.models.base import Diagnosis
from ltvml.models.distinct import distinct_rows
from ltvml.models.maximise import Evaluation
from ltvml.models.purchase.futures import draw_at_opportunities
from ltvml.models.purchase.parametric import ParametricPurchaseModel, checked_discount_rate, checked_times
from ltvml.models.purchase.patterns import check_histories
from ltvml.models.purchase.separable import in_logs
from ltvml.models.purchase.special import PURCHASE_NODES, logit_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array, Ints
    from ltvml.models.purchase.futures import Drawn, Purchases
    from ltvml.models.purchase.patterns import Lattice

NAMES = ("alpha", "beta", "gamma", "delta")
CENTRE = np.array([0.0, 0.0, 0.0, 1.0])
"""Log-parameters of an ordinary shop."""
EDGES = np.array([[0, 0, -4, -4], [0, 0, 4, 4], [0, 0, -4, 4], [4, 4, 0, 0]])
"""From the centre towards: all-or-none dropout, equal dropout, nobody leaves, equal purchase probabilities.

The first two end on different peaks where there are two: each of 450 small shops was climbed from all."""
UNKNOWN = 1.5
FEW_REPEAT_BUYERS = 50
NOBODY_LEAVES = 0.001


@dataclass(frozen=True)
class Cases:
    """For each history, when the customer may have left: padded to the longest, with `real` where a case exists.

    Parameters
    ----------
    x : (n, 1) array of int
    misses : (n, m) array of int
        Opportunities not taken while there.
    left : (n, m) array of int
        1 where the customer left, 0 in the case of one who is still there.
    stayed : (n, m) array of int
        Opportunities at which the customer was still there.
    real : (n, m) array of bool
    """

    x: Ints
    misses: Ints
    left: Ints
    stayed: Ints
    real: NDArray[np.bool_]

    @classmethod
    def of(cls, x: Array, t_x: Array, n: Array) -> Self:
        """Cases of histories (x, t_x, n), each (n,)."""
        bought, last, end = (column.astype(np.int64)[:, None] for column in (x, t_x, n))
        left_after = last + np.arange(int((n - t_x).max(initial=0)) + 1)
        seen = np.minimum(left_after, end)
        return cls(bought, seen - bought, (left_after < end).astype(np.int64), seen, left_after <= end)


@dataclass(frozen=True)
class BetaRatios:
    """ln B(a + hits, b + misses) - ln B(a, b) and its derivatives, read from tables of sums.

    ln(z) + ln(z+1) + ...: no difference of lnGammas, which loses everything on a ridge to equal customers.

    Parameters
    ----------
    a, b, both : (3, k) arrays
        Sums of ln(z+i), 1 / (z+i) and -1 / (z+i)^2 over i < 0, 1, 2, ..., for z = a, b and a + b.
    """

    a: Array
    b: Array
    both: Array

    @classmethod
    def of(cls, a: float, b: float, hits: int, misses: int) -> Self:
        """For up to so many hits and misses."""
        return cls(rising(a, hits), rising(b, misses), rising(a + b, hits + misses))

    def at(self, hits: Ints, misses: Ints) -> tuple[Array, Array, Array]:
        """The three sums of a, b and a + b: each (3, ...)."""
        return self.a[:, hits], self.b[:, misses], self.both[:, hits + misses]


def rising(z: float, longest: int) -> Array:
    """Sums over i < 0, 1, ..., longest of ln(z+i), 1 / (z+i) and -1 / (z+i)^2; shape (3, longest + 1)."""
    terms = z + np.arange(longest)
    sums = np.cumsum([np.log(terms), 1 / terms, -(terms**-2.0)], axis=1)
    return np.concatenate([np.zeros((3, 1)), sums], axis=1)


def ratios(params: Array, cases: Cases) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
    """Sums for the purchase probability and for the dropout of each case."""
    alpha, beta, gamma, delta = params
    most = int(cases.x.max(initial=0)), int(cases.misses.max(initial=0))
    buys = BetaRatios.of(alpha, beta, *most).at(cases.x, cases.misses)
    leaves = BetaRatios.of(gamma, delta, 1, int(cases.stayed.max(initial=0))).at(cases.left, cases.stayed)
    return buys, leaves


def log_cases(params: Array, cases: Cases) -> Array:
    """Logarithm of each case's probability, shape (n, m); -inf where there is none."""
    (x, misses, seen), (left, stayed, ended) = ratios(params, cases)
    return np.where(cases.real, x[0] + misses[0] - seen[0] + left[0] + stayed[0] - ended[0], -np.inf)


def log_likelihoods(params: Array, x: Array, t_x: Array, n: Array) -> Array:
    """Ln L of each history, shape (n,)."""
    values = log_cases(params, Cases.of(x, t_x, n))
    top = values.max(axis=1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).sum(axis=1)))


@dataclass(frozen=True)
class Posterior:
    """What is known of each customer, given that they are alive.

    Parameters
    ----------
    alpha, beta : (n,) array
        Beta posterior of the probability to buy at an opportunity.
    gamma, delta : float, (n,) array
        Beta posterior of the probability to leave before one.
    p_alive, p_left : (n,) array
        P(still there after the last opportunity seen), and its complement with all its digits.
    """

    alpha: Array
    beta: Array
    gamma: float
    delta: Array
    p_alive: Array
    p_left: Array

    def of_one(self, place: int) -> Posterior:
        """The posterior of one customer."""
        one = slice(place, place + 1)
        return Posterior(
            self.alpha[one], self.beta[one], self.gamma, self.delta[one], self.p_alive[one], self.p_left[one]
        )


CHUNK = 2_000
"""Histories at a time, for memory."""


def posterior(params: Array, x: Array, t_x: Array, n: Array) -> Posterior:
    """Condition on histories; `params` are (alpha, beta, gamma, delta)."""
    alpha, beta, gamma, delta = params
    p_left = np.empty(len(x))
    p_alive = np.empty(len(x))
    for start in range(0, len(x), CHUNK):
        rows = slice(start, start + CHUNK)
        cases = Cases.of(x[rows], t_x[rows], n[rows])
        values = log_cases(params, cases)
        share = np.exp(values - values.max(axis=1, keepdims=True))
        left, there = (np.where(cases.left == side, share, 0.0).sum(axis=1) for side in (1, 0))
        p_left[rows], p_alive[rows] = left / (left + there), there / (left + there)
    return Posterior(alpha + x, beta + n - x, float(gamma), delta + n, p_alive, p_left)


def still_there(of: Posterior, ends: Array) -> Array:
    """Expected opportunities, of the next t, at which a living customer is still there: (n,) customers, (m,) ends."""
    logit, weight = logit_nodes(of.gamma, of.delta, PURCHASE_NODES)
    # where theta rounds to nothing, t opportunities are left
    theta, tiny = np.maximum(expit(logit), 1e-290), logit < -600
    log_stays = -np.logaddexp(0.0, logit)
    each = [np.where(tiny, t, -np.expm1(t * log_stays) / theta * expit(-logit)) for t in ends]
    return np.stack([(weight * values).sum(axis=1) for values in each], axis=1)


LONGEST_SUM = 5_000
"""Opportunities that are summed one by one; where a customer is asked about more, an integral takes their place."""


def silent(of: Posterior, ends: Ints) -> Array:
    """P(no purchase at the next t opportunities) of one customer, in the shape of `ends`."""
    i = np.arange(min(int(ends.max(initial=0)), LONGEST_SUM) + 1)
    both = of.gamma + of.delta + i
    each = np.log1p(-of.alpha / (of.alpha + of.beta + i)) + np.log1p(-of.gamma / both)
    # there after i opportunities, none of them taken
    quiet = np.exp(np.concatenate([[0.0], np.cumsum(each)[:-1]]))
    gone = np.concatenate([[0.0], np.cumsum(quiet * of.gamma / both)[:-1]])
    within = (quiet + gone)[np.minimum(ends, len(i) - 1)]
    far = ends > LONGEST_SUM
    if far.any():
        within[far] = beyond(of, ends[far].astype(float))
    return np.where(ends == 0, 1.0, np.minimum(of.p_left + of.p_alive * within, 1.0))


def beyond(of: Posterior, ends: Array) -> Array:
    """P(no purchase at the next t opportunities) of one living customer, shape (m,), by quadrature over p and theta.

    With q = (1-theta) (1-p) it is q^t + theta (1 - q^t) / (1 - q); for t infinite the customer leaves first.
    """
    (logit_p, weight_p), (logit, weight) = (
        logit_nodes(float(of.alpha[0]), of.beta, PURCHASE_NODES),
        logit_nodes(of.gamma, of.delta, PURCHASE_NODES),
    )
    p, theta = expit(logit_p[0])[:, None], expit(logit[0])
    log_q = -np.logaddexp(0.0, logit_p[0])[:, None] - np.logaddexp(0.0, logit[0])
    first = theta / np.maximum(theta + p * (1 - theta), 1e-290)
    quiet = [np.exp(t * log_q) - first * np.expm1(t * log_q) for t in ends]
    return np.array([weight_p[0] @ values @ weight[0] for values in quiet])


def count(of: Posterior, k: int, ahead: int) -> float:
    """P(exactly k purchases at the next opportunities) of one living customer: stays to the end, or leaves after i."""
    i = np.arange(k, ahead + 1)
    left = (i < ahead).astype(np.int64)
    ways = gammaln(i + 1) - gammaln(k + 1) - gammaln(i - k + 1)
    hits, misses, seen = BetaRatios.of(float(of.alpha[0]), float(of.beta[0]), k, ahead).at(np.array([k]), i - k)
    gone, stayed, ended = BetaRatios.of(of.gamma, float(of.delta[0]), 1, ahead).at(left, i)
    return float(np.exp(ways + hits[0] + misses[0] - seen[0] + gone[0] + stayed[0] - ended[0]).sum())


class Likelihood:
    """Log-likelihood of a lattice as a function of the logs of (alpha, beta, gamma, delta).

    Parameters
    ----------
    lattice : Lattice
        Times are numbers of opportunities.
    """

    def __init__(self, lattice: Lattice) -> None:
        self.weight = lattice.weight
        self.cases = Cases.of(lattice.x, lattice.t_x[lattice.recency_cell], lattice.T[lattice.age_cell])

    def __call__(self, log_params: Array) -> Evaluation:
        """Value, gradient and Hessian in the log-parameters.

        With q the probability of each case, gradient = E_q[h'], Hessian = E_q[h''] + Cov_q[h'].
        """
        params, cases = np.exp(log_params), self.cases
        values = log_cases(params, cases)
        top = values.max(axis=1, keepdims=True)
        share = np.exp(values - top)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        value = float(self.weight @ (top + np.log(total))[:, 0])
        slopes, bends = beta_slopes(params, cases)
        means = [(share * slope).sum(axis=1) for slope in slopes]
        gradient = np.array([self.weight @ mean for mean in means])
        hessian = np.empty((4, 4))
        for i in range(4):
            for j in range(i, 4):
                second = (share * slopes[i] * slopes[j]).sum(axis=1) - means[i] * means[j]
                if (i, j) in bends:
                    second = second + (share * bends[i, j]).sum(axis=1)
                hessian[i, j] = hessian[j, i] = self.weight @ second
        return in_logs(Evaluation(value, gradient, hessian), params)


def beta_slopes(params: Array, cases: Cases) -> tuple[list[Array], dict[tuple[int, int], Array]]:
    """First and second derivatives of the logarithm of each case in the parameters."""
    slopes: list[Array] = []
    bends: dict[tuple[int, int], Array] = {}
    for first, (hits, misses, both) in zip((0, 2), ratios(params, cases), strict=True):
        slopes += [hits[1] - both[1], misses[1] - both[1]]
        bends[first, first], bends[first + 1, first + 1] = hits[2] - both[2], misses[2] - both[2]
        bends[first, first + 1] = -both[2]
    return slopes, bends


class BGBB(ParametricPurchaseModel):
    """Beta-geometric / beta-binomial: purchases at discrete opportunities; a customer may leave before each.

    Attributes are those of every parametric purchase model; the parameters are alpha, beta (to buy at an opportunity)
    and gamma, delta (to leave before one). All times are counted in opportunities.

    Parameters
    ----------
    opportunities_may_differ : bool
        Accept customers with different numbers of opportunities. The model was made for one cohort; others hold
        customers who joined later to the same parameters.

    Examples
    --------
    Donors with 4 gifts in 6 years, the last in the fifth (Fader, Hardie & Shang 2010): gifts expected in the next ten.

    >>> import pandas as pd
    >>> model = BGBB.from_params(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> print(model.expected_purchases(pd.DataFrame({"frequency": [4], "recency": [5], "T": [6]}), 10).round(2))
    [3.63]
    """

    name = "bg_bb"
    parameters = NAMES
    times = ()
    centre = CENTRE
    edges = EDGES
    alternatives = "bg_nbd on the dates themselves"
    discrete = True

    def __init__(self, opportunities_may_differ: bool = False) -> None:
        self.opportunities_may_differ = opportunities_may_differ

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer after the last opportunity seen), shape (n,)."""
        of, kind = self._posterior(X)
        return of.p_alive[kind]

    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(still a customer at opportunity T + t) for each t, shape (n, m)."""
        ends = whole(times)
        of, kind = self._posterior(X)
        logit, weight = logit_nodes(of.gamma, of.delta, PURCHASE_NODES)
        log_stays = -np.logaddexp(0.0, logit)
        stays = np.stack([(weight * np.exp(t * log_stays)).sum(axis=1) for t in ends], axis=1)
        return np.asarray((of.p_alive[:, None] * stays)[kind])

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases at the next t opportunities, for each t; shape (n, m).

        P(alive) E[p] E[(1-theta) (1 - (1-theta)^t) / theta], by quadrature: there is no hole at gamma = 1.
        """
        ends = whole(times)
        of, kind = self._posterior(X)
        return np.asarray(((of.p_alive * of.alpha / (of.alpha + of.beta))[:, None] * still_there(of, ends))[kind])

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase at the next t opportunities) for each t, shape (n, m); times (m,) or (n, m)."""
        ends = whole(times).astype(int)
        of, kind = self._posterior(X)
        if ends.ndim == 1:
            each = [silent(of.of_one(place), ends) for place in range(len(of.p_alive))]
            return np.reshape(each, (-1, len(ends)))[kind]
        return np.stack([silent(of.of_one(place), own) for place, own in zip(kind, ends, strict=True)])

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Opportunity of the next purchase, given one within `horizon`: the first at which each quantile is reached."""
        ends = np.arange(1, int(whole([horizon])[0]) + 1)
        bought = 1 - self.survival_function(X, ends)
        reached = bought / bought[:, -1:]
        return np.stack([1.0 + np.argmax(reached >= level * (1 - 1e-12), axis=1) for level in quantiles], axis=1)

    def never_again(self, X: pd.DataFrame) -> Array:
        """P(no further purchase, ever), shape (n,).

        P(left) + P(alive) E[theta / (theta + p (1-theta))], by quadrature over the posteriors of p and theta.
        """
        of, kind = self._posterior(X)
        never = [beyond(of.of_one(place), np.array([np.inf]))[0] for place in range(len(of.p_alive))]
        return np.asarray((of.p_left + of.p_alive * never)[kind])

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """Discounted expected purchases at all later opportunities, shape (n,); the rate is per opportunity.

        P(alive) E[p] E[(1-theta) / (e^rate - 1 + theta)], by quadrature over the posterior of theta.
        """
        growth = np.expm1(checked_discount_rate(discount_rate))
        of, kind = self._posterior(X)
        logit, weight = logit_nodes(of.gamma, of.delta, PURCHASE_NODES)
        total = (weight * expit(-logit) / (growth + expit(logit))).sum(axis=1)
        return np.asarray((of.p_alive * of.alpha / (of.alpha + of.beta) * total)[kind])

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(k purchases at the next `horizon` opportunities) for each k of `counts`, shape (n, m)."""
        of, kind = self._posterior(X)
        ahead = int(whole([horizon])[0])
        alive = np.array(
            [[count(of.of_one(row), int(k), ahead) for k in np.asarray(counts)] for row in range(len(of.p_alive))]
        )
        left = np.where(np.asarray(counts) == 0, of.p_left[:, None], 0.0)
        return np.asarray((left + of.p_alive[:, None] * alive.reshape(left.shape))[kind])

    def _posterior(self, X: pd.DataFrame) -> tuple[Posterior, Ints]:
        """What is known of each distinct history, and which of them a row has."""
        x, t_x, n = self._histories(X)
        check_opportunities(x, t_x, n, may_differ=True)
        rows = distinct_rows(x, t_x, n)
        return posterior(self._values, *(column[rows.first] for column in (x, t_x, n))), rows.kind

    def draw_futures(
        self, X: pd.DataFrame, horizon: ArrayLike, *, random_state: int | np.random.Generator
    ) -> Purchases:
        """Draw what each customer buys at the next `horizon` opportunities."""
        return super().draw_futures(X, whole(horizon), random_state=random_state)

    def draw_newcomers(self, T: ArrayLike, *, random_state: int | np.random.Generator) -> Drawn:
        """Draw customers from the model, each for T opportunities, with the truth about them."""
        return super().draw_newcomers(whole(T), random_state=random_state)

    def _draw_living(self, x: Array, t_x: Array, T: Array, ends: Array, rng: np.random.Generator) -> Drawn:
        alpha, beta, gamma, delta = self._values
        return draw_at_opportunities(alpha + x, beta + T - x, float(gamma), delta + T, ends, rng)

    def _likelihood(self, histories: Lattice) -> Likelihood:
        return Likelihood(histories)

    def _scale(self, histories: Lattice) -> float:
        # an opportunity is the unit
        return 1.0

    def _grouped(self, X: pd.DataFrame, sample_weight: ArrayLike | None) -> Lattice:
        x, t_x, n = self.columns(X, *self.requires)
        check_histories(x, t_x, n)
        check_opportunities(x, t_x, n, may_differ=self.opportunities_may_differ)
        return super()._grouped(X, sample_weight)

    def _diagnosed(self, params: Array, log_errors: Array, histories: Lattice, withheld: dict[str, str]) -> Diagnosis:
        gamma, delta = params[2:]
        buyers = float(histories.weight[histories.x > 0].sum())
        messages = list(dict.fromkeys(withheld.values()))
        if 0 < buyers < FEW_REPEAT_BUYERS:
            messages.append(f"few repeat buyers ({buyers:.0f}); below {FEW_REPEAT_BUYERS} the parameters are imprecise")
        if buyers and gamma / (gamma + delta) < NOBODY_LEAVES:
            reason = f"hardly any customer is seen to leave (gamma = {gamma:.3g}, delta = {delta:.3g}), "
            reason += "so p_alive cannot be estimated"
            withheld = withheld | {"p_alive": reason}
            messages.append(reason)
        elif buyers and log_errors[2:].min() > UNKNOWN:
            messages.append("of dropout only the mean is estimated, not how customers differ in it")
        if buyers and log_errors[:2].min() > UNKNOWN:
            messages.append("of the purchase probability only the mean is estimated, not how customers differ in it")
        return Diagnosis(True, tuple(messages), withheld)


def check_opportunities(x: Array, t_x: Array, n: Array, *, may_differ: bool) -> None:
    """Refuse times that are no numbers of opportunities.

    Raises
    ------
    DataContractError
        With the number of rows.
    """
    broken = (t_x != np.floor(t_x)) | (n != np.floor(n))
    crowded = ~broken & (x > t_x)
    for rows, what in ((broken, "times that are not whole numbers"), (crowded, "more purchases than opportunities")):
        if rows.any():
            raise DataContractError(
                f"BGBB: {int(rows.sum()):,} of {len(x):,} rows have {what}; expected recency and T counted in "
                "opportunities, with at most one purchase at each.",
                hint="count the weeks, months or events at which a customer could buy; for dates use bg_nbd.",
            )
    if not may_differ and len(distinct := np.unique(n)) > 1:
        raise DataContractError(
            f"BGBB: the number of opportunities T differs between customers: {len(distinct):,} values from "
            f"{distinct[0]:g} to {distinct[-1]:g}; expected one for all.",
            hint="fit one cohort, or hold all cohorts to the same parameters: BGBB(opportunities_may_differ=True), or "
            "models.purchase: {name: bg_bb, params: {opportunities_may_differ: true}}.",
        )


def whole(times: ArrayLike) -> Array:
    """Times as whole numbers of opportunities.

    Raises
    ------
    DataContractError
        If one is negative, not finite, or not whole.
    """
    values = checked_times(times)
    if (broken := values != np.floor(values)).any():
        raise DataContractError(
            f"BGBB was asked for {values[broken][0]:g} opportunities; expected whole numbers.",
            hint="horizons are counted in opportunities.",
        )
    return values

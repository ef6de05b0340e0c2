"""Purchases drawn at random from who customers truly are: shops out of nothing, and futures of customers seen so far.

A draw begins with what is known of each customer, as Gamma and Beta distributions of rate and dropout: those of the
model for a newcomer, those given the history for anybody else. Given n arrivals in (0, T), their times are n ordered
uniforms, so that nothing is simulated step by step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from ltvml.arrays import Array, Ints, Mask

NEVER = 2.0**-53
"""A dropout probability that rounds to 0 leaves after this: as good as never."""


@dataclass(frozen=True, eq=False)
class Purchases:
    """Purchases of n customers from time 0 to T: since their first purchase, or since the end of what was seen of them.

    Parameters
    ----------
    T : (n,) array
        End of each customer's time.
    customer : (m,) array of int
        Who made the purchase, ascending.
    time : (m,) array
        When, ascending within a customer.
    """

    T: Array
    customer: Ints
    time: Array

    def counts(self) -> Ints:
        """Purchases of each customer, shape (n,)."""
        return np.bincount(self.customer, minlength=len(self.T))

    def histories(self) -> pd.DataFrame:
        """Frequency, recency and T, one row a customer, where time 0 is that of the first purchase."""
        recency = np.zeros(len(self.T))
        recency[self.customer] = self.time  # the last of a customer wins, and times ascend
        return pd.DataFrame({"frequency": self.counts(), "recency": recency, "T": self.T})

    def by_day(self) -> Purchases:
        """Purchases of one day merged, the day of the first purchase included; times become whole days."""
        day = np.floor(self.time)
        again = np.concatenate(([False], (self.customer[1:] == self.customer[:-1]) & (day[1:] == day[:-1])))
        kept = ~again & (day > 0)
        return Purchases(np.floor(self.T), self.customer[kept], day[kept])


@dataclass(frozen=True, eq=False)
class Drawn:
    """Purchases of n customers, and the truth about each.

    Parameters
    ----------
    purchases : Purchases
    rate : (n,) array
        Purchases per unit of time while a customer; for BG/BB the probability of a purchase at an opportunity.
    dropout : (n,) array
        Probability to leave after a purchase (BG and MBG), rate of leaving per unit of time (Pareto), probability to
        leave before an opportunity (BG/BB); 0 where nobody leaves.
    left : (n,) array of bool
        Whether the customer has left by T.
    """

    purchases: Purchases
    rate: Array
    dropout: Array
    left: Mask

    def truth(self) -> pd.DataFrame:
        """One row a customer: rate, dropout, left."""
        return pd.DataFrame({"rate": self.rate, "dropout": self.dropout, "left": self.left})


def first_arrivals(T: Array, arrivals: Ints, kept: Ints, rng: np.random.Generator) -> tuple[Ints, Array]:
    """The first `kept` of `arrivals` ordered uniforms on (0, T), as (customer, time).

    Ordered uniforms are partial sums of exponentials over their total: those not kept need only their sum.
    """
    customer = np.repeat(np.arange(len(T)), kept)
    steps = np.cumsum(rng.exponential(size=len(customer)))
    ends = np.cumsum(kept)
    before = np.concatenate(([0.0], steps))[ends - kept]
    reached = np.concatenate(([0.0], steps))[ends] - before
    total = reached + rng.gamma(arrivals - kept + 1.0)
    return customer, (steps - before[customer]) / total[customer] * T[customer]


def draw_leaving_at_purchases(
    kappa: Array | float,
    A: Array | float,
    a: Array | float,
    b: Array | float,
    T: Array,
    rng: np.random.Generator,
    *,
    chances: int = 0,
    stages: int = 1,
    stage: Ints | int = 0,
) -> Drawn:
    """BG, MBG and CNBD-k: who buys at a rate of Gamma(kappa, A) stages and leaves after a purchase by Beta(a, b).

    Parameters
    ----------
    kappa, A, a, b : (n,) arrays, or floats for customers who are alike
    T : (n,) array
    chances : int
        Purchases already made after which the customer may have left: 1 for a newcomer of the MBG.
    stages : int
        k: every k-th arrival is a purchase.
    stage : (n,) array or int
        Arrivals since the last purchase, below k.
    """
    rate = rng.gamma(kappa, 1 / A, T.shape)
    arrivals = rng.poisson(rate * T)
    p = rng.beta(a, b, T.shape)
    loyal_for = rng.geometric(np.maximum(p, NEVER)) - chances
    come = (arrivals + stage) // stages
    made = np.minimum(come, loyal_for)
    kept = np.maximum(made * stages - stage, 0)
    customer, time = first_arrivals(T, arrivals, kept, rng)
    if stages > 1:
        place = 1 + np.arange(len(customer)) - np.repeat(np.cumsum(kept) - kept, kept)
        bought = (place + np.broadcast_to(stage, T.shape)[customer]) % stages == 0
        customer, time = customer[bought], time[bought]
    return Drawn(Purchases(T, customer, time), rate / stages, p, come >= loyal_for)


def draw_leaving_at_any_time(kappa: Array, A: Array, s: float, B: Array, T: Array, rng: np.random.Generator) -> Drawn:
    """Pareto/NBD: who buys at a rate of Gamma(kappa, A) and leaves at a rate of Gamma(s, B); kappa, A, B (n,)."""
    rate, leaving = rng.gamma(kappa, 1 / A), rng.gamma(s, 1 / B)
    with np.errstate(divide="ignore", over="ignore"):
        lifetime = rng.exponential(size=len(T)) / leaving
    until: Array = np.minimum(lifetime, T)
    arrivals = rng.poisson(rate * until)
    return Drawn(Purchases(T, *first_arrivals(until, arrivals, arrivals, rng)), rate, leaving, lifetime < T)


def draw_staying(kappa: Array, A: Array, T: Array, rng: np.random.Generator) -> Drawn:
    """NBD: who buys at a rate of Gamma(kappa, A), for ever."""
    rate = rng.gamma(kappa, 1 / A)
    arrivals = rng.poisson(rate * T)
    nobody = np.zeros(len(T))
    return Drawn(Purchases(T, *first_arrivals(T, arrivals, arrivals, rng)), rate, nobody, nobody > 0)


def draw_at_opportunities(
    alpha: Array, beta: Array, gamma: float, delta: Array, n: Array, rng: np.random.Generator
) -> Drawn:
    """BG/BB: who buys at each of n opportunities by Beta(alpha, beta) and leaves before one by Beta(gamma, delta)."""
    p, theta = rng.beta(alpha, beta), rng.beta(gamma, delta)
    stays = rng.geometric(np.maximum(theta, NEVER)) - 1
    there = np.minimum(stays, n).astype(np.int64)
    customer = np.repeat(np.arange(len(n)), there)
    place = 1 + np.arange(len(customer)) - np.repeat(np.cumsum(there) - there, there)
    time = place.astype(np.float64)
    bought = rng.random(len(customer)) < p[customer]
    return Drawn(Purchases(n, customer[bought], time[bought]), p, theta, stays < n)

"""Three simulated shops in which the true effect of a contact is known, to try rules of choice on.

Each customer buys within the window with probability p without contact and expit(logit p + e) with it. An order value
is lognormal, and who buys often spends more after the next purchase:

    p ~ Beta(0.9, 2.1),   order value v ~ lognormal(log 30, 0.7)
    E[LTV | buys] = v (1 + 4 p),   E[LTV | does not] = 0.15 p E[LTV | buys]

What an extra order brings is either v, that order and no more, or the whole difference of the two lifetimes, where a
purchase makes those that follow it: data without an experiment do not say which (`Truth`).

The regimes differ in e alone, and were written down before any rule was tried on them:

    equal            e = 0.25 for everybody
    undecided        e = 0.6 exp(-(p - 0.5)^2 / (2 * 0.15^2)): only those near one half are moved
    negative_loyal   e = 0.25, and -0.25 for the loyal, who buy anyway with p >= 0.6
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.special import expit, logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.arrays import Array


Truth = Literal["order", "lifetime"]
TRUTHS: tuple[Truth, ...] = ("order", "lifetime")
"""What an extra order brings: its own money, or the lifetime difference."""
RegimeName = Literal["equal", "undecided", "negative_loyal"]
REGIMES: tuple[RegimeName, ...] = ("equal", "undecided", "negative_loyal")
LOYAL = 0.6
WORTH: dict[Truth, str] = {"order": "order_value", "lifetime": "value_gain"}
"""Column of the money of an extra order."""


@dataclass(frozen=True)
class Regime:
    """A simulated shop.

    Parameters
    ----------
    name : str
    customers : (n,) frame
        customer_id, p_buy, order_value, value_if_buys, value_gain (lifetime difference), predicted_ltv, churn_risk,
        value_at_risk: what a shop could know.
    effect : (n,) array
        True shift on the logit by a contact.
    """

    name: RegimeName
    customers: pd.DataFrame
    effect: Array

    @property
    def treated_chance(self) -> Array:
        """P(a purchase within the window) of each customer if contacted, shape (n,)."""
        return np.asarray(expit(logit(self.customers["p_buy"]) + self.effect))

    def gain(self, truth: Truth = "order") -> Array:
        """True money that a contact brings, before its cost, shape (n,)."""
        more = self.treated_chance - self.customers["p_buy"].to_numpy()
        return np.asarray(more * self.customers[WORTH[truth]].to_numpy())


@dataclass(frozen=True)
class Trial:
    """A randomised campaign.

    Parameters
    ----------
    treated, bought : (n,) arrays of bool
    """

    treated: NDArray[np.bool_]
    bought: NDArray[np.bool_]


def simulate_regime(name: RegimeName, n: int, *, random_state: int | np.random.Generator) -> Regime:
    """Draw the customers of a regime.

    Parameters
    ----------
    name : str
        One of `REGIMES`.
    n : int
        Customers.
    random_state : int or numpy.random.Generator

    Returns
    -------
    Regime

    Examples
    --------
    >>> regime = simulate_regime("negative_loyal", 1000, random_state=0)
    >>> sorted(set(regime.effect.tolist()))
    [-0.25, 0.25]
    """
    rng = np.random.default_rng(random_state)
    p = rng.beta(0.9, 2.1, n)
    order = rng.lognormal(np.log(30), 0.7, n)
    if_buys = order * (1 + 4 * p)
    if_silent = 0.15 * p * if_buys
    customers = pd.DataFrame(
        {
            "customer_id": pd.Series(np.arange(n)).astype(str).str.zfill(len(str(n))),
            "p_buy": p,
            "order_value": order,
            "value_if_buys": if_buys,
            "value_gain": if_buys - if_silent,
            "predicted_ltv": p * if_buys + (1 - p) * if_silent,
            "churn_risk": 1 - p,
            # as those who rank by it compute it, risk times value: a harder rival here than what is lost by silence
            "value_at_risk": (1 - p) * if_buys,
        }
    )
    return Regime(name, customers, _effect(name, p))


def _effect(name: RegimeName, p: Array) -> Array:
    if name == "equal":
        return np.full(len(p), 0.25)
    if name == "undecided":
        return np.asarray(0.6 * np.exp(-((p - 0.5) ** 2) / (2 * 0.15**2)))
    return np.where(p >= LOYAL, -0.25, 0.25)


def simulate_trial(regime: Regime, *, share: float, random_state: int | np.random.Generator) -> Trial:
    """Contact a random share of the customers, and see who buys.

    Parameters
    ----------
    regime : Regime
    share : float
        Probability of being contacted.
    random_state : int or numpy.random.Generator

    Returns
    -------
    Trial
    """
    rng = np.random.default_rng(random_state)
    treated = rng.uniform(size=len(regime.effect)) < share
    chance = np.where(treated, regime.treated_chance, regime.customers["p_buy"].to_numpy())
    return Trial(treated, rng.uniform(size=len(chance)) < chance)

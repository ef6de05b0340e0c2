"""Expected value of a contact, in money.

    expected value = dp * value_gain - cost - fatigue
    dp             = expit(logit p_buy + effect) - p_buy
    value_gain     = order + share * max(lifetime - order, 0)                 (margin; `gain_of_contact`)
    order          = expected value of one order
    lifetime       = E[LTV | buys within the window] - E[LTV | does not]      (`ltvml.value.value_if_buys`)

`lifetime` compares those who buy with those who do not, and most of that difference is who they are: buyers were alive
before any contact. A contact is credited with the order that it brings, and with no more (share 0) unless the settings
assume it in writing: in simulated shops with a known effect the lifetime difference claimed 2.7 to 7.8 times the money
of the extra orders. Where campaigns measured what an extra order of an action is worth, `order` is multiplied by that
factor (`experiment.order_values`).

dp is largest at p_buy near one half and vanishes at both ends: a contact is not repaid by customers who buy anyway, nor
by those who never do. Ranking by LTV or by churn risk alone misses one end each.

An assumed effect is taken whole up to even odds and tapers to none for customers who are certain to buy,

    assumed effect at p = effect * min(1, 2 (1 - p))

since without an experiment it is unknown whether a contact helps or harms with loyal customers, and the gain is small.
A constant shift lost a fifth to a third to ranking by value at risk in a simulated shop whose loyal customers are put
off (`outreach_study.regimes`). Measured effects are taken as measured.

Each contact uses up attention. With n the recent contacts, each counted as 0.5 ** (age in days / half_life), the total
cost of attention is C(n) = cost * n ** power with power >= 1, and the next contact costs

    fatigue = C(n + 1) - C(n)

which is `cost` for the first one and grows with every other (3, 5, 7 times it for power 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.restraint.contact_history import customer_codes, made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.arrays import Array
    from ltvml.outreach.experiment.effect_by_chance import EffectByChance
    from ltvml.outreach.settings import Fatigue


def faults(fatigue: Fatigue) -> list[str]:
    """What is wrong, in words; empty where nothing is.

    Examples
    --------
    >>> from ltvml.outreach.settings import Fatigue
    >>> faults(Fatigue(power=0.5))
    ['fatigue: power 0.5; expected 1 or more, or the tenth contact costs less than the first.']
    """
    found = []
    if not fatigue.cost >= 0:
        found.append(f"fatigue: cost {fatigue.cost:g}; expected money, 0 or more.")
    if not fatigue.power >= 1:
        found.append(
            f"fatigue: power {fatigue.power:g}; expected 1 or more, or the tenth contact costs less than the first."
        )
    if not fatigue.half_life > 0:
        found.append(f"fatigue: half_life {fatigue.half_life:g}; expected days, more than 0.")
    return found


def change_in_chance(p_buy: Array, effect: Array | float) -> Array:
    """Change of the chance to buy, dp = expit(logit p + e) - p, in a form without a logit.

    dp = p (1 - p) (exp(e) - 1) / (1 + p (exp(e) - 1))

    It is exact at p = 0 and p = 1, where it is 0.

    Parameters
    ----------
    p_buy : (n,) array
        P(a purchase within the window) without contact.
    effect : (n,) array or float
        Shift on the logit.

    Returns
    -------
    (n,) array
        In (-1, 1), of the sign of the effect.

    Examples
    --------
    >>> change_in_chance(np.array([0.02, 0.5, 0.98]), 0.15).round(4)
    array([0.0032, 0.0374, 0.0027])
    """
    odds = np.expm1(effect)
    return np.asarray(p_buy * (1 - p_buy) * odds / (1 + p_buy * odds))


def assumed_effect(p_buy: Array, effect: Array | float) -> Array:
    """An assumed shift, tapered where the purchase is likelier than not: effect * min(1, 2 (1 - p)).

    Examples
    --------
    >>> assumed_effect(np.array([0.1, 0.5, 0.75, 1.0]), 0.2)
    array([0.2, 0.2, 0.1, 0. ])
    """
    return np.asarray(effect * np.minimum(1.0, 2 * (1 - p_buy)))


def fatigue_cost(recent: Array, fatigue: Fatigue) -> Array:
    """Money that the next contact costs in attention: cost * ((n + 1) ** power - n ** power).

    Parameters
    ----------
    recent : (n,) array
        Recent contacts, each by its weight.
    fatigue : Fatigue

    Examples
    --------
    >>> from ltvml.outreach.settings import Fatigue
    >>> fatigue_cost(np.array([0.0, 1.0, 2.0]), Fatigue(cost=0.1))
    array([0.1, 0.3, 0.5])
    """
    return np.asarray(fatigue.cost * ((recent + 1) ** fatigue.power - recent**fatigue.power))


def recent_contacts(customer_ids: pd.Index, contacts: pd.DataFrame, *, cutoff_day: int, half_life: float) -> Array:
    """Recent contacts of each customer: the sum of 0.5 ** (age / half_life); planned ones have age 0.

    Parameters
    ----------
    customer_ids : (n,) index
    contacts : frame
        customer_id, day; rows whose `treated` is false are no contacts.

    Returns
    -------
    (n,) array
    """
    log = made(contacts)
    who = customer_codes(log["customer_id"], customer_ids)
    age = np.maximum(cutoff_day - log["day"].to_numpy(dtype="float64"), 0.0)
    weight = np.where(who >= 0, 0.5 ** (age / half_life), 0.0)
    return np.bincount(np.maximum(who, 0), weights=weight, minlength=len(customer_ids)).astype("float64")


def gain_of_contact(order: Array, lifetime: Array, *, share: float) -> Array:
    """What one more purchase within the window is worth to a contact.

    Parameters
    ----------
    order : (n,) array
        Expected margin of one order.
    lifetime : (n,) array
        E[LTV | buys within the window] - E[LTV | does not], margin.
    share : float
        Of what lies between the two, the share that is credited to the contact: 0 is the order alone.

    Returns
    -------
    (n,) array
        Money; null where the order's value is not known.

    Examples
    --------
    >>> gain_of_contact(np.array([20.0, 20.0]), np.array([50.0, 5.0]), share=0.1).tolist()
    [23.0, 20.0]
    """
    return np.asarray(order + share * np.maximum(lifetime - order, 0.0))


def worth_of_orders(candidates: pd.DataFrame, customers: pd.DataFrame, factors: Mapping[str, float]) -> pd.DataFrame:
    """The candidates with the measured value of an extra order in place of the assumed margin, where it is known.

    value_gain = f * order + share * max(lifetime - order, 0), with f the factor of the action and 1 by assumption.

    Parameters
    ----------
    candidates : (m,) frame
        As `candidates.candidates` gives it.
    customers : (n, ...) frame
        `order_margin`, the expected margin of one order, in the order of the categories of `customer_id`.
    factors : mapping
        By action; measured by campaigns with a holdout (`experiment.order_values`).

    Returns
    -------
    (m,) frame
        A new one where a factor applies.

    Examples
    --------
    >>> A = pd.DataFrame({"customer_id": pd.Categorical(["a"]), "action": "win_back", "value_gain": 23.0})
    >>> worth_of_orders(A, pd.DataFrame({"order_margin": [20.0]}), {"win_back": 0.8})["value_gain"].tolist()
    [19.0]
    """
    if not factors:
        return candidates
    factor = candidates["action"].astype(object).map(factors).fillna(1.0).to_numpy(dtype="float64")
    order = customers["order_margin"].to_numpy(dtype="float64")[candidates["customer_id"].cat.codes.to_numpy()]
    return candidates.assign(value_gain=candidates["value_gain"].to_numpy(dtype="float64") + (factor - 1) * order)


def expected_value(p_buy: Array, effect: Array, value_gain: Array, cost: Array | float) -> Array:
    """Expected value dp * value_gain - cost; the cost holds that of fatigue.

    Parameters
    ----------
    p_buy, effect, value_gain : (n,) arrays
        Chance without contact, shift on the logit, money gained by a purchase.
    cost : (n,) array or float
        Money.

    Returns
    -------
    (n,) array
        Money.

    Examples
    --------
    >>> expected_value(np.array([0.5]), np.array([0.15]), np.array([40.0]), 1.0).round(3)
    array([0.497])
    """
    return np.asarray(change_in_chance(p_buy, effect) * value_gain - cost)


def prioritise(
    candidates: pd.DataFrame,
    *,
    fatigue: Fatigue,
    cutoff_day: int,
    contacts: pd.DataFrame | None = None,
    measured: Mapping[str, float | EffectByChance] | None = None,
) -> pd.DataFrame:
    """Give each candidate its fatigue and expected value; measured effects replace assumed ones.

    Parameters
    ----------
    candidates : (m,) frame
        As `candidates.candidates` gives it: `effect` is the assumption for even odds, of the best channel.
    fatigue : Fatigue
    cutoff_day : int
    contacts : frame, optional
        Contacts so far, and those planned.
    measured : mapping, optional
        By action its shift on the logit, one for all or along the chance to buy. Such rows get `ev_basis` "measured".

    Returns
    -------
    (m,) frame
        With `fatigue` and `expected_value`; a new frame.
    """
    effect, basis = _effects(candidates, measured or {})
    if "response" in candidates:
        # a channel that the customer answers half as well moves half as much
        effect = effect * candidates["response"].to_numpy(dtype="float64")
    tired = np.full(len(candidates), fatigue.cost)
    if contacts is not None:
        ids = candidates["customer_id"].astype("category")
        recent = recent_contacts(ids.cat.categories, contacts, cutoff_day=cutoff_day, half_life=fatigue.half_life)
        tired = fatigue_cost(recent, fatigue)[ids.cat.codes.to_numpy()]
    chance, gain, cost = (candidates[name].to_numpy(dtype="float64") for name in ("p_buy", "value_gain", "cost"))
    value = expected_value(chance, effect, gain, cost + tired)
    return candidates.assign(effect=effect, ev_basis=basis, fatigue=tired, expected_value=value)


def _effects(candidates: pd.DataFrame, measured: Mapping[str, float | EffectByChance]) -> tuple[Array, pd.Categorical]:
    action = candidates["action"].astype("category").cat
    chance = candidates["p_buy"].to_numpy(dtype="float64")
    effect = assumed_effect(chance, candidates["effect"].to_numpy(dtype="float64"))
    basis = np.zeros(len(candidates), dtype="int8")
    for code, name in enumerate(action.categories):
        if name in measured:
            rows = np.flatnonzero(action.codes.to_numpy() == code)
            effect[rows], basis[rows] = _measured(measured[name], chance[rows]), 1
    return effect, pd.Categorical.from_codes(basis, categories=pd.Index(["assumed", "measured"], dtype=object))


def _measured(shift: float | EffectByChance, chance: Array) -> Array | float:
    return shift if isinstance(shift, float) else shift.at(chance)

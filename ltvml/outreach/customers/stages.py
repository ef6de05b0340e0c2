"""Stages of a customer relationship: what may be offered now, and what would come too early.

| place | stage | holds where |
|---|---|---|
| 1 | value_verification | one order, at most `trust_days` ago: trust is not earned yet, nothing else is offered |
| 2 | lapsed | churn_risk > `lapsed_risk` and silent for more than `lapsed_silence` days |
| 3 | lapsing | churn_risk > `lapsing_risk` and silent for more than `lapsing_silence` days |
| 4 | trust_transfer | churn_risk <= `trust_risk` and `trusted_items` items bought again; \
without items `trusted_orders` orders |
| 5 | solution_matching | as 6, and `companion` names an item |
| 6 | demand_awakening | two orders and a second item, or `settled_orders` orders of whatever it was |
| 7 | relationship_building | all other customers: used the product, not yet repeated, or only the same one again |

The first line that holds decides, so the stages exclude each other, and the last takes all who remain. Where the churn
risk is unknown, silence is used instead: lapsing after `lapsed_silence` days, lapsed after twice as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.settings import StageRules

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Mask


Stage = Literal[
    "value_verification",
    "relationship_building",
    "demand_awakening",
    "solution_matching",
    "trust_transfer",
    "lapsing",
    "lapsed",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
PRECEDENCE: tuple[Stage, ...] = (
    "value_verification",
    "lapsed",
    "lapsing",
    "trust_transfer",
    "solution_matching",
    "demand_awakening",
)
REQUIRED = ("customer_id", "n_orders", "days_since_last")
NOT_THERE = "absent"

TRUSTED_SHARE, LAPSING_SHARE = 0.6, 0.85
"""Where few customers leave, a low absolute churn risk does not set a customer apart: trust is for this share of the
lowest risks, and risks above the second quantile are lapsing. Chosen at cutoffs before those of the tests."""


def learned_rules(churn_risk: ArrayLike, *, usual_gap: int | None = None, long_gap: int | None = None) -> StageRules:
    """Limits that suit a shop: the risks of its customers and the gaps between its orders.

    trust_risk = min(1/3, 60 % quantile of the risks), lapsing_risk = min(2/3, 85 % quantile); the silences are the
    usual and the long gap. `lapsed_risk` stays absolute: in a loyal shop no customer need be lapsed.

    Parameters
    ----------
    churn_risk : (n,) array
        Of the customers at the cutoff; NaN is left out.
    usual_gap, long_gap : int, optional
        Median and 90 % quantile of the days between purchases, as `features.gaps` gives them.

    Examples
    --------
    >>> rules = learned_rules([0.01, 0.02, 0.05, 0.1, 0.4], usual_gap=3, long_gap=13)
    >>> rules.trust_risk, rules.lapsing_silence
    (0.05, 3)
    """
    risks = np.asarray(churn_risk, dtype=float)
    known = risks[np.isfinite(risks)]
    if not len(known):
        return StageRules(
            lapsing_silence=usual_gap or StageRules.lapsing_silence,
            lapsed_silence=long_gap or StageRules.lapsed_silence,
        )
    trusted, lapsing = np.quantile(known, [TRUSTED_SHARE, LAPSING_SHARE], method="inverted_cdf").tolist()
    return StageRules(
        trust_risk=min(StageRules.trust_risk, trusted),
        lapsing_risk=min(StageRules.lapsing_risk, lapsing),
        lapsing_silence=usual_gap or StageRules.lapsing_silence,
        lapsed_silence=max(long_gap or StageRules.lapsed_silence, usual_gap or StageRules.lapsing_silence),
    )


def faults(rules: StageRules) -> list[str]:
    """Every contradiction of the settings, in words; empty where there is none.

    Examples
    --------
    >>> faults(StageRules(lapsing_silence=90, lapsed_silence=30))
    ['stages.lapsing_silence is 90 and lapsed_silence 30; expected lapsing to come no later than lapsed.']
    """
    least = {"trust_days": 0, "lapsing_silence": 0, "lapsed_silence": 0, "settled_orders": 2, "trusted_items": 1}
    least["trusted_orders"] = 2
    found = [
        f"stages.{name} is {getattr(rules, name)}; expected at least {limit}, for example {getattr(StageRules, name)}."
        for name, limit in least.items()
        if getattr(rules, name) < limit
    ]
    if not 0 <= rules.trust_risk <= rules.lapsing_risk <= rules.lapsed_risk <= 1:
        found.append(
            f"stages.trust_risk, lapsing_risk and lapsed_risk are {rules.trust_risk:g}, {rules.lapsing_risk:g} and "
            f"{rules.lapsed_risk:g}; expected probabilities that do not fall, for example 0.33, 0.67 and 0.8."
        )
    if rules.lapsing_silence > rules.lapsed_silence:
        found.append(
            f"stages.lapsing_silence is {rules.lapsing_silence} and lapsed_silence {rules.lapsed_silence}; "
            "expected lapsing to come no later than lapsed."
        )
    return found


def stages(customers: pd.DataFrame, rules: StageRules | None = None) -> pd.Series:
    """The stage of each customer: the first line of the table above that holds.

    Parameters
    ----------
    customers : frame
        `customer_id`, `n_orders`, `days_since_last`; where there are, `churn_risk` (null: unknown), `items` and
        `items_repeated` of `features.breadth` (null: no item bought), and `companion` (null: none).
    rules : StageRules, optional

    Returns
    -------
    series of str, with the index of `customers`
        One of `STAGES`.

    Raises
    ------
    DataContractError
        If a required column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"customer_id": ["a", "b"], "n_orders": [1, 9], "days_since_last": [3, 8]})
    >>> stages(frame).tolist()
    ['value_verification', 'trust_transfer']
    """
    missing = [name for name in REQUIRED if name not in customers]
    if missing:
        raise DataContractError(f"stages need the columns {list(REQUIRED)}; missing: {missing}.")
    holds = _conditions(customers, rules or StageRules())
    names = [*PRECEDENCE, "relationship_building"]
    codes = np.select([holds[name] for name in PRECEDENCE], np.arange(len(PRECEDENCE)), default=len(PRECEDENCE))
    found = pd.Categorical.from_codes(codes, pd.Index(names))
    return pd.Series(found, index=customers.index, name="stage").astype("str")


def _conditions(customers: pd.DataFrame, rules: StageRules) -> dict[Stage, Mask]:
    """Each line of the table, for itself; every array of shape (n,)."""
    orders, silent = _numbers(customers, "n_orders"), _numbers(customers, "days_since_last")
    risk = _numbers(customers, "churn_risk")
    unknown = np.isnan(risk)
    ready = _is_ready(customers, orders, rules)
    return {
        "value_verification": (orders <= 1) & (silent <= rules.trust_days),
        "lapsed": np.where(
            unknown,
            silent > 2 * rules.lapsed_silence,
            (risk > rules.lapsed_risk) & (silent > rules.lapsed_silence),
        ),
        "lapsing": np.where(
            unknown, silent > rules.lapsed_silence, (risk > rules.lapsing_risk) & (silent > rules.lapsing_silence)
        ),
        "trust_transfer": (unknown | (risk <= rules.trust_risk)) & _is_trusting(customers, orders, rules),
        "solution_matching": ready & _has_companion(customers),
        "demand_awakening": ready,
    }


def _is_trusting(customers: pd.DataFrame, orders: Array, rules: StageRules) -> Mask:
    if "items_repeated" not in customers:
        return np.asarray(orders >= rules.trusted_orders)
    return np.asarray((orders >= 2) & (_numbers(customers, "items_repeated") >= rules.trusted_items))


def _is_ready(customers: pd.DataFrame, orders: Array, rules: StageRules) -> Mask:
    # NaN, a customer or a shop without items, is not >= 2: then the orders decide
    return np.asarray((orders >= rules.settled_orders) | ((orders >= 2) & (_numbers(customers, "items") >= 2)))


def _has_companion(customers: pd.DataFrame) -> Mask:
    if "companion" not in customers:
        return np.zeros(len(customers), dtype=bool)
    return np.asarray(customers["companion"].notna())


def _numbers(customers: pd.DataFrame, name: str) -> Array:
    """A column as floats; NaN where it is null or not there."""
    if name not in customers:
        return np.full(len(customers), np.nan)
    return customers[name].to_numpy(dtype=float, na_value=np.nan)


def transitions(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Who moved where between two runs.

    Parameters
    ----------
    before, after : frames
        `customer_id` and `stage` of each run, one row a customer.

    Returns
    -------
    frame
        `before`, `after` (a stage, or "absent" for customers not in that run), `customers`, and `share` of those
        who were in the stage before; in the order of `STAGES`, only moves that happened.

    Raises
    ------
    DataContractError
        If a column is missing, or a customer is in a run twice.

    Examples
    --------
    >>> one, two = ({"customer_id": ["a"], "stage": [stage]} for stage in ("lapsing", "lapsed"))
    >>> transitions(pd.DataFrame(one), pd.DataFrame(two)).to_numpy().tolist()
    [['lapsing', 'lapsed', 1, 1.0]]
    """
    sides = [_by_customer(frame, which) for frame, which in ((before, "before"), (after, "after"))]
    moves = pd.concat(sides, axis=1).fillna(NOT_THERE)
    counts = moves.groupby(["before", "after"]).size().rename("customers").reset_index()
    counts["share"] = counts["customers"] / counts.groupby("before")["customers"].transform("sum")
    places = {stage: place for place, stage in enumerate([*STAGES, NOT_THERE])}
    return counts.sort_values(["before", "after"], key=lambda names: names.map(places), ignore_index=True)


def _by_customer(frame: pd.DataFrame, which: str) -> pd.Series:
    missing = [name for name in ("customer_id", "stage") if name not in frame]
    if missing:
        raise DataContractError(
            f"the run {which} has no column {' and '.join(missing)}; expected customer_id and stage."
        )
    twice = frame["customer_id"][frame["customer_id"].duplicated()]
    if len(twice):
        raise DataContractError(
            f"{len(twice)} rows of the run {which} repeat a customer, first '{twice.iloc[0]}'; expected one row each."
        )
    return frame.set_index("customer_id")["stage"].astype("str").rename(which)

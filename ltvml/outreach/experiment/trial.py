"""The rows of a plan that can be compared: who was chosen, and who would have been but for the holdout.

The comparison is by intention to treat: a customer counts in the arm that the hash gave, whether or not the contact
happened. Rows that a cap, a capacity or a low value kept out belong to neither arm: they carry no information about
contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltvml.errors import DataContractError
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

PLAN_COLUMNS = ("customer_id", "action", "rank", "group", "suppressed_by")
OUTCOME_COLUMNS = ("customer_id", "bought", "spend")
CONTACT_COLUMNS = ("customer_id", "action", "day")
BY_HOLDOUT = "holdout"
"""`suppressed_by` of a held-out row that would have been chosen; null is read the same."""


@dataclass(frozen=True)
class Campaign:
    """Which contacts belong to a plan, and how many customers it meant to hold out.

    Parameters
    ----------
    first_day, last_day : int
        Days since 1970-01-01, inclusive, in which a contact counts.
    name : str, optional
        Contacts of other names in the log do not count.
    share_held_out : float, optional
        Share of all customers that the hash holds out, `holdout.share_held_out`; the arms are checked against it.
    """

    first_day: int
    last_day: int
    name: str | None = None
    share_held_out: float | None = None


def trial(plan: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Join the rows of a plan that can be compared with what their customers did.

    Parameters
    ----------
    plan : frame
        Columns of `contracts.OUTREACH`, held-out rows included. Compared are those that were chosen (`suppressed_by` is
        null) and held-out rows that would have been (null or `holdout`).
    outcomes : frame
        customer_id, bought (bool), spend (currency units) in the action's window: one row a customer, or one row a
        customer and action where windows differ. Optional, as known before the launch: predicted_value (currency
        units), p_buy in [0, 1], stage.

    Returns
    -------
    frame
        One row a customer and action, ordered by customer and rank: the columns of the outcomes with action, rank and
        group.

    Raises
    ------
    DataContractError
        If a column is missing, a row is there twice, a number is null, or a compared customer has no outcome.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"customer_id": ["a", "b", "c"], "action": "win_back", "rank": [1, 2, 3],
    ...     "group": ["treat", "holdout", "treat"], "suppressed_by": [None, "holdout", "quiet_period"]})
    >>> outcomes = pd.DataFrame({"customer_id": ["a", "b", "c"], "bought": [True, False, True], "spend": [9.0, 0, 5]})
    >>> trial(plan, outcomes)[["customer_id", "group", "bought"]].values.tolist()
    [['a', 'treat', True], ['b', 'holdout', False]]
    """
    require("the plan", plan, PLAN_COLUMNS)
    require("the outcomes", outcomes, OUTCOME_COLUMNS)
    rows = compared(plan)[["customer_id", "action", "rank", "group"]]
    keys = ["customer_id", "action"] if "action" in outcomes else ["customer_id"]
    _refuse_twice("the outcomes", outcomes, keys)
    _refuse_nulls(outcomes)
    joined = rows.merge(outcomes, on=keys, how="left", validate="many_to_one", indicator=True)
    if missing := int((joined.pop("_merge") == "left_only").sum()):
        raise DataContractError(
            f"found {missing:,} of {len(joined):,} compared rows of the plan without an outcome; expected one each.",
            hint="give every customer of the plan a row: bought false and spend 0 where no order came.",
        )
    return joined.astype({"bought": bool, "spend": float})


def compared(plan: pd.DataFrame) -> pd.DataFrame:
    """The rows of a plan that belong to either arm, one a customer and action, ordered by customer and rank."""
    chosen = plan["suppressed_by"].isna()
    would_be = plan["group"].eq(HOLDOUT) & plan["suppressed_by"].eq(BY_HOLDOUT)
    rows = plan[chosen | would_be].sort_values(["customer_id", "rank", "action"], kind="stable")
    return rows.drop_duplicates(["customer_id", "action"])


def first_choices(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a customer of `trial`: the action of the best rank."""
    return rows.drop_duplicates("customer_id")


def delivered(rows: pd.DataFrame, contacts: pd.DataFrame, campaign: Campaign) -> pd.Series:
    """Whether each row was contacted: for the treated by its own action, for the held out by any.

    Parameters
    ----------
    rows : (n, ...) frame
        What `trial` gives.
    contacts : frame
        customer_id, action, day (since 1970-01-01) and, where known, campaign and treated (a row with treated false
        is a contact that was not made).
    campaign : Campaign

    Returns
    -------
    (n,) series of bool

    Raises
    ------
    DataContractError
        If a column is missing.
    """
    require("the contacts log", contacts, CONTACT_COLUMNS)
    made = contacts[_made(contacts, campaign)]
    pairs = made[["customer_id", "action"]].drop_duplicates().assign(contacted=True)
    matched = rows[["customer_id", "action"]].merge(pairs, on=["customer_id", "action"], how="left")["contacted"]
    own_action = matched.notna().set_axis(rows.index)
    any_action = rows["customer_id"].isin(made["customer_id"])
    return own_action.where(rows["group"].eq(TREAT), any_action)


def require(what: str, frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise where a column is missing.

    Raises
    ------
    DataContractError
        With all missing names.
    """
    if missing := [name for name in names if name not in frame]:
        raise DataContractError(f"{what}: missing the columns {missing}; found {list(frame.columns)}.")


def _made(contacts: pd.DataFrame, campaign: Campaign) -> pd.Series:
    made = contacts["day"].between(campaign.first_day, campaign.last_day)
    if campaign.name is not None and "campaign" in contacts:
        made &= contacts["campaign"].eq(campaign.name)
    if "treated" in contacts:
        made &= contacts["treated"].astype("boolean").fillna(True).astype(bool)
    return made


def _refuse_twice(what: str, frame: pd.DataFrame, keys: list[str]) -> None:
    if twice := int(frame.duplicated(keys).sum()):
        raise DataContractError(f"{what} have {twice:,} rows too many; expected one for each {' and '.join(keys)}.")


def _refuse_nulls(outcomes: pd.DataFrame) -> None:
    names = [name for name in (*OUTCOME_COLUMNS, "predicted_value", "p_buy") if name in outcomes]
    nulls = outcomes[names].isna().sum()
    if nulls.any():
        counts = {str(name): int(count) for name, count in nulls.items() if count}
        raise DataContractError(
            f"found nulls in the outcomes: {counts}; expected a value on every row.",
            hint="where no order came, bought is false and spend 0.",
            counts=counts,
        )

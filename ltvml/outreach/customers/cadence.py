"""Follow-up after an order as dated tasks: day 1, day 3, day 7, and n days before the next one is due.

| action | due | for whom |
|---|---|---|
| delivery_check | last order + 1 | an item bought for the first time, unless the customer is loyal already |
| use_check | last order + 3 | an item bought for the first time |
| feedback_request | last order + 7, slow items + 14 | an item bought for the first time |
| replenishment_reminder | replenishment_lo - lead_days, at least cutoff + 1 | items with a predicted window |
| transition_reminder | date of the attribute + offset | customers with that date |

So an item bought on two or more days gets the reminder alone, and a loyal customer's first purchase of another item
starts again at day 3. One order asks each question once, about the first item whose replenishment window opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError, DataContractError
from ltvml.nearest import no_such_column
from ltvml.outreach.settings import CadenceRules
from ltvml.window import days_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FollowUp = Literal["delivery_check", "use_check", "feedback_request", "replenishment_reminder", "transition_reminder"]
ACTIONS: tuple[FollowUp, ...] = get_args(FollowUp)
NO_ITEM = -1
CUSTOMER_COLUMNS = ("customer_id", "n_orders", "last_order_date")
PAIR_COLUMNS = ("customer_id", "item", "n_orders", "last_order_date", "replenishment_lo")


def faults(rules: CadenceRules) -> list[str]:
    """Every contradiction of the settings, in words; empty where there is none.

    Examples
    --------
    >>> faults(CadenceRules(ahead=0))
    ['cadence.ahead is 0; expected at least 1, for example 14.']
    """
    limits = {"delivery_day": 1, "lead_days": 0, "loyal_orders": 2, "ahead": 1}
    found = [
        f"cadence.{name} is {getattr(rules, name)}; expected at least {least}, "
        f"for example {getattr(CadenceRules, name)}."
        for name, least in limits.items()
        if getattr(rules, name) < least
    ]
    steps = (rules.delivery_day, rules.use_day, rules.feedback_day, rules.slow_feedback_day)
    if sorted(set(steps)) != list(steps):
        found.append(
            f"cadence.delivery_day, use_day, feedback_day and slow_feedback_day are {', '.join(map(str, steps))}; "
            "expected rising days, for example 1, 3, 7 and 14."
        )
    found += [
        f"cadence.dated.{name} has no items; expected days after the date -> item."
        for name, attribute in rules.dated.items()
        if not attribute.items
    ]
    return found


def missing_inputs(pairs: pd.DataFrame | None, rules: CadenceRules, attributes: pd.DataFrame | None) -> tuple[str, ...]:
    """What the follow-up does without, in words; empty where nothing is missing."""
    found = []
    if pairs is None:
        found.append(
            "No items are known: follow-up asks about the first order only, and there are no replenishment reminders."
        )
    if rules.dated and attributes is None:
        found.append("No table of customers' attributes is given: there are no transition reminders.")
    return tuple(found)


def follow_ups(
    customers: pd.DataFrame,
    pairs: pd.DataFrame | None,
    *,
    cutoff_day: int,
    rules: CadenceRules | None = None,
    attributes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Tasks that fall due in (cutoff, cutoff + ahead], by the table above.

    Parameters
    ----------
    customers : frame
        `customer_id`, `n_orders`, `last_order_date`; one row a customer.
    pairs : frame, optional
        `customer_id`, `item`, `n_orders` (days on which the item was bought), `last_order_date`, `replenishment_lo`,
        and `stock_status` where it is known (lapsed: no reminder). None for a shop without items: then a first order
        starts the sequence without naming an item.
    cutoff_day : int
        Days since 1970-01-01.
    rules : CadenceRules, optional
    attributes : frame, optional
        `customer_id` and the date columns that `rules.dated` names; rows of unknown customers take no part.

    Returns
    -------
    frame
        `customer_id`, `action`, `item` (null: the order as a whole), `due_day` (int64); sorted by customer, day, action
        (in the order of the table) and item, no row twice.

    Raises
    ------
    DataContractError
        If a column is missing, or a customer is there twice.
    ConfigError
        If dated attributes name columns that are not there; the nearest names are given, all together.

    Examples
    --------
    >>> one = pd.DataFrame({"customer_id": ["a"], "n_orders": [1], "last_order_date": ["2024-03-01"]})
    >>> follow_ups(one, None, cutoff_day=19_784)[["action", "due_day"]].to_numpy().tolist()
    [['use_check', 19786], ['feedback_request', 19790]]
    """
    chosen = rules or CadenceRules()
    _check(customers, CUSTOMER_COLUMNS, "customers")
    if customers["customer_id"].duplicated().any():
        raise DataContractError("follow-up expects one row a customer; found a customer_id twice.")
    known = pd.DataFrame(columns=list(PAIR_COLUMNS)) if pairs is None else pairs
    _check(known, PAIR_COLUMNS, "pairs of customer and item")
    names = _Names.of(customers, known, chosen)
    who, coded = _customers(customers, names), _pairs(known, names)
    slow = np.flatnonzero(names.items.isin(chosen.slow_items))
    tasks = [
        *_after_order(_first_purchases(who, coded, cutoff_day - chosen.slow_feedback_day), slow, chosen),
        _reminders(coded, cutoff_day, chosen),
        *_transitions(names, attributes, chosen),
    ]
    return _named(_due(pd.concat(tasks, ignore_index=True), cutoff_day, chosen.ahead), names)


@dataclass(frozen=True, eq=False)
class _Names:
    """Customers and items in alphabetical order: inside, each is its place in that order, and NO_ITEM is no item."""

    customers: pd.Index
    items: pd.Index

    @classmethod
    def of(cls, customers: pd.DataFrame, pairs: pd.DataFrame, rules: CadenceRules) -> Self:
        dated = [item for attribute in rules.dated.values() for item in attribute.items.values()]
        items = {*pairs["item"].astype("str").unique(), *dated}
        return cls(pd.Index(customers["customer_id"].astype("str")).sort_values(), pd.Index(sorted(items), dtype="str"))

    def places(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """Place of the customer of each row; -1 for one who is not known."""
        return self.customers.get_indexer(pd.Index(frame["customer_id"].astype("str")))


def _customers(customers: pd.DataFrame, names: _Names) -> pd.DataFrame:
    places = names.places(customers)
    last_day = days_of(customers["last_order_date"].to_numpy())
    return pd.DataFrame({"orders": customers["n_orders"].to_numpy(), "last_day": last_day}, index=places).sort_index()


def _pairs(pairs: pd.DataFrame, names: _Names) -> pd.DataFrame:
    """Pairs of known customers; `opens` is the start of the replenishment window, NaN where none is due."""
    opens = days_of(pairs["replenishment_lo"].to_numpy())
    if "stock_status" in pairs:
        opens = np.where(pairs["stock_status"].eq("lapsed").to_numpy(), np.nan, opens)
    coded = pd.DataFrame(
        {
            "who": names.places(pairs),
            "item": names.items.get_indexer(pd.Index(pairs["item"].astype("str"))),
            "times": pairs["n_orders"].to_numpy(dtype="int64"),
            "day": days_of(pairs["last_order_date"].to_numpy()),
            "opens": opens,
        }
    )
    return coded[coded["who"] >= 0]


def _first_purchases(who: pd.DataFrame, pairs: pd.DataFrame, since: int) -> pd.DataFrame:
    """Items of the last order that the customer had never bought; the one that runs out first leads.

    A first order whose items are not known is one purchase of something. Orders before `since` have no task left.
    """
    recent = who[who["last_day"] >= since]
    bought = pairs[pairs["day"] >= since].merge(recent, left_on="who", right_index=True)
    in_order = bought[bought["day"] == bought["last_day"]]
    unnamed = recent[(recent["orders"] == 1) & ~recent.index.isin(in_order["who"])]
    unnamed = unnamed.rename_axis("who").reset_index().assign(item=NO_ITEM, opens=np.nan)
    columns = ["who", "item", "opens", "orders", "last_day"]
    first = pd.concat([in_order.loc[in_order["times"] == 1, columns], unnamed[columns]])
    return first.sort_values(["who", "opens", "item"], kind="stable")


def _after_order(first: pd.DataFrame, slow: NDArray[np.intp], rules: CadenceRules) -> list[pd.DataFrame]:
    """Day 1, 3 and 7 (14) of the last order; each question once a customer and day."""
    order = first.drop_duplicates("who")
    new = order[order["orders"] < rules.loyal_orders]
    wait = np.where(first["item"].isin(slow), rules.slow_feedback_day, rules.feedback_day)
    given = first.assign(wait=wait).drop_duplicates(["who", "wait"])
    return [
        _tasks(new.assign(item=NO_ITEM), "delivery_check", new["last_day"] + rules.delivery_day),
        _tasks(order, "use_check", order["last_day"] + rules.use_day),
        _tasks(given, "feedback_request", given["last_day"] + given["wait"]),
    ]


def _reminders(pairs: pd.DataFrame, cutoff_day: int, rules: CadenceRules) -> pd.DataFrame:
    due = pairs[pairs["opens"].notna()]
    return _tasks(due, "replenishment_reminder", (due["opens"] - rules.lead_days).clip(lower=cutoff_day + 1))


def _transitions(names: _Names, attributes: pd.DataFrame | None, rules: CadenceRules) -> list[pd.DataFrame]:
    if attributes is None:
        return []
    _check(attributes, ("customer_id",), "customers' attributes")
    _check_dated(rules, attributes)
    places = names.places(attributes)
    return [
        _tasks(pd.DataFrame({"who": places, "item": names.items.get_loc(item)}), "transition_reminder", days + offset)
        for attribute in rules.dated.values()
        for days in [pd.Series(days_of(attributes[attribute.column].to_numpy())).where(places >= 0)]
        for offset, item in attribute.items.items()
    ]


def _tasks(rows: pd.DataFrame, action: FollowUp, due_day: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"who": rows["who"], "due_day": due_day, "action": ACTIONS.index(action), "item": rows["item"]})


def _due(tasks: pd.DataFrame, cutoff_day: int, ahead: int) -> pd.DataFrame:
    due = tasks[(tasks["due_day"] > cutoff_day) & (tasks["due_day"] <= cutoff_day + ahead)].astype("int64")
    return due.drop_duplicates().sort_values(["who", "due_day", "action", "item"], ignore_index=True)


def _named(tasks: pd.DataFrame, names: _Names) -> pd.DataFrame:
    """The tasks with names in place of places."""
    has_item = tasks["item"] != NO_ITEM
    items = pd.Series(None, index=tasks.index, dtype="str")
    items[has_item] = names.items.take(tasks.loc[has_item, "item"].to_numpy())
    columns = {
        "customer_id": names.customers.take(tasks["who"].to_numpy()),
        "action": pd.Index(ACTIONS, dtype="str").take(tasks["action"].to_numpy()),
        "item": items,
        "due_day": tasks["due_day"],
    }
    return pd.DataFrame(columns, index=tasks.index)


def _check(frame: pd.DataFrame, needed: tuple[str, ...], what: str) -> None:
    missing = [name for name in needed if name not in frame]
    if missing:
        raise DataContractError(f"follow-up reads the columns {list(needed)} of the {what}; missing: {missing}.")


def _check_dated(rules: CadenceRules, attributes: pd.DataFrame) -> None:
    columns = [str(name) for name in attributes.columns if name != "customer_id"]
    missing = [
        f"cadence.dated.{name}: {no_such_column(attribute.column, columns)}"
        for name, attribute in rules.dated.items()
        if attribute.column not in columns
    ]
    if missing:
        raise ConfigError("\n".join(missing))

"""Follow-up after an order as dated tasks: day 1, day 3, day 7, and n days before the next one is due.

| action | window | for whom |
|---|---|---|
| delivery_check | first purchase + 1 to 2 | an item bought for the first time, unless the customer is loyal already |
| use_check | first purchase + 3 to 5 | an item bought for the first time |
| feedback_request | first purchase + 7 to 13, slow items + 14 to 20 | an item bought for the first time |
| replenishment_reminder | run-out - lead_days to run-out (`replenishment_date`) | items with a predicted run-out |
| transition_reminder | date of the attribute + offset, give or take `slack` | who has the date and buys of the chain |
| care_message | the same | who has the date |
| points_expiry | `points_days` before the points expire to the day before | who has such a day |

Tasks start from what was bought, each order by itself: every item bought for the first time starts its sequence,
whether it is ever reminded of or not, and a later order does not stop it. An item bought on two or more days gets the
reminder alone, and a loyal customer's first purchase of another item starts again at day 3. One order asks each
question once, about the item that runs out first.

A task has a window and not a day: what was displaced on its first day comes on the next, until the window closes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError, DataContractError
from ltvml.nearest import no_such_column
from ltvml.outreach.beside import places_of
from ltvml.outreach.customers.dates import days_within
from ltvml.outreach.settings import CadenceRules
from ltvml.window import days_of
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

FollowUp = Literal[
    "delivery_check",
    "use_check",
    "feedback_request",
    "replenishment_reminder",
    "transition_reminder",
    "care_message",
    "points_expiry",
]
ACTIONS: tuple[FollowUp, ...] = get_args(FollowUp)
NO_ITEM = -1
CUSTOMER_COLUMNS = ("customer_id", "n_orders", "last_order_date")
BOUGHT_COLUMNS = ("customer_id", "item", "first_day", "n_gaps")
PAIR_COLUMNS = ("customer_id", "item", "replenishment_date")
DELIVERY_WINDOW, USE_WINDOW, FEEDBACK_WINDOW = 1, 2, 6
"""Days after its first day on which a question can still be asked."""


def faults(rules: CadenceRules) -> list[str]:
    """Every contradiction of the settings, in words; empty where there is none.

    Examples
    --------
    >>> faults(CadenceRules(delivery_day=0))
    ['cadence.delivery_day is 0; expected at least 1, for example 1.']
    """
    limits = {"delivery_day": 1, "loyal_orders": 2}
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
        f"cadence.{key}.{name} has no items; expected days after the date -> item."
        for key, dates in (("dated", rules.dated), ("care", rules.care))
        for name, attribute in dates.items()
        if not attribute.items
    ]
    for name, attribute in rules.dated.items():
        named = list(attribute.items.values())
        found += [
            f"cadence.dated.{name} names '{item}' for more than one age: the chain would be a loop; expected each item "
            "once."
            for item in sorted({item for item in named if named.count(item) > 1})
        ]
    return found


def missing_inputs(
    bought: pd.DataFrame | None, rules: CadenceRules, attributes: pd.DataFrame | None
) -> tuple[str, ...]:
    """What the follow-up does without, in words; empty where nothing is missing."""
    found = []
    if bought is None:
        found.append(Sentence.of("note.follow_up.items"))
    if (rules.dated or rules.care) and attributes is None:
        found.append(Sentence.of("note.follow_up.attributes"))
    if rules.points_column != CadenceRules.points_column and attributes is None:
        found.append(Sentence.of("note.follow_up.points", column=rules.points_column))
    return tuple(found)


def follow_ups(
    customers: pd.DataFrame,
    bought: pd.DataFrame | None,
    pairs: pd.DataFrame | None,
    *,
    cutoff_day: int,
    rules: CadenceRules | None = None,
    attributes: pd.DataFrame | None = None,
    chain: pd.DataFrame | None = None,
    lead_days: int = 7,
    ahead: int = 7,
) -> pd.DataFrame:
    """Tasks whose window is open in (cutoff, cutoff + ahead], by the table above.

    Parameters
    ----------
    customers : frame
        `customer_id`, `n_orders`, `last_order_date`; one row a customer.
    bought : frame, optional
        `customer_id`, `item`, `first_day` (of the first purchase), `n_gaps` (later days on which it was bought): all
        that each customer ever bought. None for a shop without items: then a first order starts the sequence without
        naming an item.
    pairs : frame, optional
        `customer_id`, `item`, `replenishment_date`, and `stock_status` where it is known (lapsed: no reminder).
    cutoff_day : int
        Days since 1970-01-01.
    rules : CadenceRules, optional
    attributes : frame, optional
        `customer_id` and the date columns that `rules.dated` names; rows of unknown customers take no part.
    chain : frame, optional
        `customer_id`, `item`: who bought what dated attributes name, where `bought` has other items (categories, and
        the chain names products).
    lead_days : int
        Days before the run-out from which a reminder is due: `replenishment.lead_days`.
    ahead : int
        Days after the cutoff that are planned.

    Returns
    -------
    frame
        `customer_id`, `action`, `item` (null: the order as a whole), `since_day` (of the purchase, or the first day of
        the window of a date: the same said since then is done), `about_day` (of the purchase, the run-out, the change
        or the expiry that the task is about), `due_day` and `until_day` (int64; first day of the window that is
        still to come, and its last, which may lie behind the days ahead: what can wait waits); sorted by customer, day,
        action (in the order of the table) and item, no row twice.

    Raises
    ------
    DataContractError
        If a column is missing, or a customer is there twice.
    ConfigError
        If dated attributes name columns that are not there; the nearest names are given, all together.

    Examples
    --------
    >>> one = pd.DataFrame({"customer_id": ["a"], "n_orders": [1], "last_order_date": ["2024-03-01"]})
    >>> follow_ups(one, None, None, cutoff_day=19_784, ahead=14)[["action", "due_day", "until_day"]].to_numpy().tolist()
    [['delivery_check', 19785, 19785], ['use_check', 19786, 19788], ['feedback_request', 19790, 19796]]
    """
    chosen = rules or CadenceRules()
    _check(customers, CUSTOMER_COLUMNS, "customers")
    if customers["customer_id"].duplicated().any():
        raise DataContractError("follow-up expects one row a customer; found a customer_id twice.")
    owned = pd.DataFrame(columns=list(BOUGHT_COLUMNS)) if bought is None else bought
    known = pd.DataFrame(columns=list(PAIR_COLUMNS)) if pairs is None else pairs
    _check(owned, BOUGHT_COLUMNS, "items that customers bought")
    _check(known, PAIR_COLUMNS, "pairs of customer and item")
    names = _Names.of(customers, (owned, known), chosen)
    who, runs_out = _customers(customers, names), _pairs(known, names)
    slow = np.flatnonzero(names.items.isin(chosen.slow_items))
    had, since = _bought(owned, names), asked_since(chosen, cutoff_day)
    tasks = [
        *_after_order(_first_purchases(who, had, runs_out, since), slow, chosen),
        _reminders(runs_out, lead_days),
        *_transitions(names, attributes, _chain(had, chain, names), chosen),
        *_care(names, attributes, chosen),
        *_points(names, attributes, chosen),
    ]
    return _named(_due(pd.concat(tasks, ignore_index=True), cutoff_day, ahead), names)


def asked_since(rules: CadenceRules, cutoff_day: int) -> int:
    """Day of the earliest purchase that a question can still be asked about."""
    return cutoff_day - rules.slow_feedback_day - FEEDBACK_WINDOW


@dataclass(frozen=True, eq=False)
class _Names:
    """Customers and items in alphabetical order: inside, each is its place in that order, and NO_ITEM is no item."""

    customers: pd.Index
    items: pd.Index

    @classmethod
    def of(cls, customers: pd.DataFrame, tables: tuple[pd.DataFrame, ...], rules: CadenceRules) -> Self:
        dates = (*rules.dated.values(), *rules.care.values())
        dated = [item for attribute in dates for item in attribute.items.values()]
        items = {*dated, *(item for table in tables for item in table["item"].astype("str").unique())}
        return cls(pd.Index(customers["customer_id"].astype("str")).sort_values(), pd.Index(sorted(items), dtype="str"))

    def places(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """Place of the customer of each row; -1 for one who is not known."""
        return places_of(frame, pd.DataFrame({"customer_id": self.customers}), ["customer_id"])

    def item_places(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """Place of the item of each row."""
        return self.items.get_indexer(pd.Index(frame["item"].astype("str")))


def _customers(customers: pd.DataFrame, names: _Names) -> pd.DataFrame:
    places = names.places(customers)
    last_day = days_of(customers["last_order_date"].to_numpy())
    return pd.DataFrame({"orders": customers["n_orders"].to_numpy(), "last_day": last_day}, index=places).sort_index()


def _bought(bought: pd.DataFrame, names: _Names) -> pd.DataFrame:
    """Items of known customers: first day, and whether they were bought on a later day too."""
    coded = pd.DataFrame(
        {
            "who": names.places(bought),
            "item": names.item_places(bought),
            "day": bought["first_day"].to_numpy(dtype=float),
            "again": bought["n_gaps"].to_numpy(dtype=float) > 0,
        }
    )
    return coded[coded["who"] >= 0]


def _chain(had: pd.DataFrame, chain: pd.DataFrame | None, names: _Names) -> pd.DataFrame:
    """Who bought which item of a chain."""
    if chain is None or chain.empty:
        return had[["who", "item"]]
    coded = pd.DataFrame({"who": names.places(chain), "item": names.item_places(chain)})
    return pd.concat([had[["who", "item"]], coded], ignore_index=True)


def _pairs(pairs: pd.DataFrame, names: _Names) -> pd.DataFrame:
    """Run-outs of known customers, NaN where nothing is due."""
    runs_out = days_of(pairs["replenishment_date"].to_numpy())
    if "stock_status" in pairs:
        runs_out = np.where(pairs["stock_status"].eq("lapsed").to_numpy(), np.nan, runs_out)
    coded = pd.DataFrame({"who": names.places(pairs), "item": names.item_places(pairs), "runs_out": runs_out})
    return coded[coded["who"] >= 0]


def _first_purchases(who: pd.DataFrame, had: pd.DataFrame, runs_out: pd.DataFrame, since: int) -> pd.DataFrame:
    """Items bought for the first time on or after a day, by customer and day; the one that runs out first leads.

    A first order whose items are not known is one purchase of something.
    """
    new = had[~had["again"] & (had["day"] >= since)].merge(who, left_on="who", right_index=True)
    new = new.merge(runs_out, on=["who", "item"], how="left")
    first_order = who[(who["orders"] == 1) & (who["last_day"] >= since)]
    unnamed = first_order[~first_order.index.isin(had["who"])].rename_axis("who").reset_index()
    unnamed = unnamed.assign(item=NO_ITEM, runs_out=np.nan, day=unnamed["last_day"])
    columns = ["who", "day", "runs_out", "item", "orders", "last_day"]
    found = pd.concat([new[columns], unnamed[columns]])
    return found.sort_values(["who", "day", "runs_out", "item"], kind="stable")


def _after_order(first: pd.DataFrame, slow: NDArray[np.intp], rules: CadenceRules) -> list[pd.DataFrame]:
    """Day 1, 3 and 7 (14) of each order; each question once an order."""
    order = first.drop_duplicates(["who", "day"])
    # only the last order can still have its delivery checked, and `orders` counts up to it
    new = order[(order["orders"] < rules.loyal_orders) & (order["day"] == order["last_day"])]
    wait = np.where(first["item"].isin(slow), rules.slow_feedback_day, rules.feedback_day)
    asked = first.assign(wait=wait).drop_duplicates(["who", "day", "wait"])
    return [
        _tasks(new.assign(item=NO_ITEM), "delivery_check", new["day"], rules.delivery_day, DELIVERY_WINDOW),
        _tasks(order, "use_check", order["day"], rules.use_day, USE_WINDOW),
        _tasks(asked, "feedback_request", asked["day"], asked["wait"], FEEDBACK_WINDOW),
    ]


def _reminders(pairs: pd.DataFrame, lead_days: int) -> pd.DataFrame:
    due = pairs[pairs["runs_out"].notna()]
    return _tasks(due, "replenishment_reminder", due["runs_out"] - lead_days, 0, lead_days, about=lead_days)


def _transitions(
    names: _Names, attributes: pd.DataFrame | None, had: pd.DataFrame, rules: CadenceRules
) -> list[pd.DataFrame]:
    """Changes from one item of a chain to the next, for those who buy of the chain and have not changed already."""
    if attributes is None:
        return []
    _check(attributes, ("customer_id",), "customers' attributes")
    _check_dated(rules, attributes)
    places = names.places(attributes)
    found = []
    for attribute in rules.dated.values():
        born = pd.Series(days_within(attributes, attribute.column)).where(places >= 0)
        chain = {item: names.items.get_loc(item) for item in attribute.items.values()}
        known = had[had["item"].isin(list(chain.values()))]
        for offset, item in attribute.items.items():
            later = [chain[other] for days, other in attribute.items.items() if days >= offset]
            changed = known.loc[known["item"].isin(later), "who"].unique()
            wanted = np.isin(places, known["who"].unique()) & ~np.isin(places, changed)
            rows = pd.DataFrame({"who": places, "item": chain[item]})[wanted]
            opens = born[wanted] + offset - attribute.slack
            slack = attribute.slack
            found.append(_tasks(rows, "transition_reminder", opens, 0, 2 * slack, about=slack))
    return found


def _care(names: _Names, attributes: pd.DataFrame | None, rules: CadenceRules) -> list[pd.DataFrame]:
    if attributes is None:
        return []
    places = names.places(attributes)
    return [
        _tasks(
            pd.DataFrame({"who": places, "item": names.items.get_loc(topic)}),
            "care_message",
            pd.Series(days_within(attributes, one.column)).where(places >= 0) + offset - one.slack,
            0,
            2 * one.slack,
            about=one.slack,
        )
        for one in rules.care.values()
        for offset, topic in one.items.items()
    ]


def _points(names: _Names, attributes: pd.DataFrame | None, rules: CadenceRules) -> list[pd.DataFrame]:
    if attributes is None or rules.points_column not in attributes:
        return []
    places = names.places(attributes)
    expires = pd.Series(days_within(attributes, rules.points_column)).where(places >= 0)
    rows = pd.DataFrame({"who": places, "item": NO_ITEM})
    days = rules.points_days
    return [_tasks(rows, "points_expiry", expires - days, 0, days - 1, about=days)]


def _tasks(
    rows: pd.DataFrame, action: FollowUp, since: pd.Series, after: pd.Series | int, open_days: int, *, about: int = 0
) -> pd.DataFrame:
    """Tasks from `after` days after a day, for some days more, about what happens `about` days after it."""
    began = since.to_numpy(dtype=float)
    due = began + (after if isinstance(after, int) else after.to_numpy(dtype=float))
    return pd.DataFrame(
        {
            "who": rows["who"].to_numpy(),
            "since_day": began,
            "about_day": began + about,
            "due_day": due,
            "until_day": due + open_days,
            "action": ACTIONS.index(action),
            "item": rows["item"].to_numpy(),
        }
    )


def _due(tasks: pd.DataFrame, cutoff_day: int, ahead: int) -> pd.DataFrame:
    """Tasks that can be done in the days ahead; of their windows what is past is cut off."""
    is_open = (tasks["until_day"] > cutoff_day) & (tasks["due_day"] <= cutoff_day + ahead)
    due = tasks[is_open].assign(
        due_day=lambda rows: rows["due_day"].clip(lower=cutoff_day + 1),
    )
    order = ["who", "due_day", "action", "item"]
    return due.astype("int64").drop_duplicates(order).sort_values(order, ignore_index=True)


def _named(tasks: pd.DataFrame, names: _Names) -> pd.DataFrame:
    """The tasks with names in place of places."""
    has_item = tasks["item"] != NO_ITEM
    items = pd.Series(None, index=tasks.index, dtype="str")
    items[has_item] = names.items.take(tasks.loc[has_item, "item"].to_numpy())
    columns = {
        "customer_id": names.customers.take(tasks["who"].to_numpy()),
        "action": pd.Index(ACTIONS, dtype="str").take(tasks["action"].to_numpy()),
        "item": items,
        **{name: tasks[name] for name in ("since_day", "about_day", "due_day", "until_day")},
    }
    return pd.DataFrame(columns, index=tasks.index)


def _check(frame: pd.DataFrame, needed: tuple[str, ...], what: str) -> None:
    missing = [name for name in needed if name not in frame]
    if missing:
        raise DataContractError(f"follow-up reads the columns {list(needed)} of the {what}; missing: {missing}.")


def _check_dated(rules: CadenceRules, attributes: pd.DataFrame) -> None:
    columns = [str(name) for name in attributes.columns if name != "customer_id"]
    missing = [
        f"cadence.{key}.{name}: {no_such_column(attribute.column, columns)}"
        for key, dates in (("dated", rules.dated), ("care", rules.care))
        for name, attribute in dates.items()
        if attribute.column not in columns
    ]
    if rules.points_column != CadenceRules.points_column and rules.points_column not in columns:
        missing.append(f"cadence.points_column: {no_such_column(rules.points_column, columns)}")
    if missing:
        raise ConfigError("\n".join(missing))

"""Which items may be offered to whom: what the shop forbids, what a date decides, what succeeds what.

deny        never offered to anybody, nor in a bundle
allow       where it names items, only they are offered
only_if     item: an expression over the columns of the customers that must be true
succeeds    item: the item that it replaces. The older one is never offered to those who have the newer; the newer one
only to those who have the older
cadence.dated   of the items of a dated attribute only the one that fits today; none where the date is not known
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.customers.dates import days_within
from ltvml.outreach.customers.rules import user_tags
from ltvml.window import days_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Mask
    from ltvml.outreach.settings import DatedAttribute, ItemRules

NAMED = ("item", "companion", "star", "complement", "product_id", "upgrade")
"""Columns of offers that name items."""


def faults(rules: ItemRules) -> list[str]:
    """Everything that is wrong or contradictory, in words; empty where nothing is.

    Examples
    --------
    >>> from ltvml.outreach.settings import ItemRules
    >>> faults(ItemRules(succeeds={"b": "a", "a": "b"}))
    ['items.succeeds: a, b replace each other in a loop; expected a chain.']
    """
    found = []
    if both := sorted(set(rules.deny) & {*rules.allow, *rules.only_if, *rules.succeeds}):
        found.append(
            f"items: {', '.join(both)} is denied and named under allow, only_if or as the newer item of succeeds; "
            "expected one of them."
        )
    if loop := sorted(item for item in rules.succeeds if item in _older(item, rules.succeeds)):
        found.append(f"items.succeeds: {', '.join(loop)} replace each other in a loop; expected a chain.")
    return found


def _older(item: str, succeeds: Mapping[str, str]) -> set[str]:
    """All items that an item has replaced, itself among them where the chain is a loop."""
    older: set[str] = set()
    while (item := succeeds.get(item, "")) and item not in older:
        older.add(item)
    return older


def forbidden(
    customers: pd.DataFrame,
    items: Sequence[str],
    owned: pd.DataFrame,
    rules: ItemRules,
    *,
    dated: Mapping[str, DatedAttribute],
    cutoff_day: int,
) -> pd.DataFrame:
    """Pairs of customer and item that are not to be offered.

    Parameters
    ----------
    customers : (n, ...) frame
        `customer_id`, and the columns that `only_if` and `dated` read; one row a customer.
    items : sequence of str
        Items that could be offered.
    owned : frame
        `customer_id`, `item`: what each customer has bought.
    rules : ItemRules
    dated : mapping of str to DatedAttribute
    cutoff_day : int
        Days since 1970-01-01.

    Returns
    -------
    frame
        `customer_id`, `item`, no row twice.

    Raises
    ------
    ConfigError
        If an expression of `only_if` cannot be used.
    """
    ids, known = customers["customer_id"].to_numpy(), set(items)
    parts = [
        pd.DataFrame({"customer_id": ids[mask], "item": item})
        for item, mask in _masks(customers, known, owned, rules, dated, cutoff_day)
        if item in known
    ]
    found = pd.concat([pd.DataFrame(columns=["customer_id", "item"]), *parts], ignore_index=True)
    return found.drop_duplicates(ignore_index=True)


def _masks(
    customers: pd.DataFrame,
    items: set[str],
    owned: pd.DataFrame,
    rules: ItemRules,
    dated: Mapping[str, DatedAttribute],
    cutoff_day: int,
) -> Iterator[tuple[str, Mask]]:
    """Items, each with the customers to whom it is not offered."""
    everybody = np.ones(len(customers), dtype=bool)
    for item in {*rules.deny, *(items - set(rules.allow) if rules.allow else ())}:
        yield item, everybody
    if rules.only_if:
        holds = user_tags(customers, rules.only_if, key="items.only_if")
        yield from ((item, ~holds[item].to_numpy(dtype=bool)) for item in rules.only_if)
    has = owned.groupby("item")["customer_id"].agg(set).to_dict() if rules.succeeds else {}
    for newer, older in rules.succeeds.items():
        owns = {item: customers["customer_id"].isin(has.get(item, set())).to_numpy() for item in (newer, older)}
        yield older, owns[newer]
        # who skipped the older one and buys the newer one already may be reminded of it
        yield newer, ~owns[older] & ~owns[newer]
    for attribute in dated.values():
        fits = current_item(customers, attribute, cutoff_day)
        yield from ((item, fits != item) for item in attribute.items.values())


def may_be_reminded(
    pairs: pd.DataFrame,
    customers: pd.DataFrame,
    rules: ItemRules,
    *,
    dated: Mapping[str, DatedAttribute],
    cutoff_day: int,
) -> Mask:
    """Whether each customer may be reminded of each item: allowed to be offered, and fitting when it will be needed.

    Parameters
    ----------
    pairs : (m, ...) frame
        `customer_id`, `item`, `replenishment_date`.
    customers : (n, ...) frame
        `customer_id`, and the columns that `only_if` and `dated` read; one row a customer.
    rules : ItemRules
    dated : mapping of str to DatedAttribute
    cutoff_day : int
        Days since 1970-01-01.

    Returns
    -------
    (m,) array of bool
        What a pair says of an item of a dated attribute holds on the day of its run-out, and where no date is known.
    """
    keys = ["customer_id", "item"]
    items = [str(name) for name in pairs["item"].unique()]
    barred = forbidden(customers, items, pairs[keys], rules, dated={}, cutoff_day=cutoff_day)
    fits = ~pd.MultiIndex.from_frame(pairs[keys].astype(str)).isin(pd.MultiIndex.from_frame(barred.astype(str)))
    needed = np.fmax(days_of(pairs["replenishment_date"].to_numpy()), cutoff_day + 1)
    for attribute in dated.values():
        at = customers.set_index("customer_id").reindex(pairs["customer_id"])
        of_chain = pairs["item"].isin(list(attribute.items.values())).to_numpy()
        right = current_item(at, attribute, needed)
        fits &= ~of_chain | pd.isna(right) | (right == pairs["item"].to_numpy(dtype=object))
    return np.asarray(fits)


def current_item(customers: pd.DataFrame, attribute: DatedAttribute, cutoff_day: int | Array) -> NDArray[np.object_]:
    """The item of a dated attribute that fits each customer on a day, (n,); None where no date is known, or yet come.

    Examples
    --------
    >>> from ltvml.outreach.settings import DatedAttribute
    >>> C = pd.DataFrame({"born": pd.to_datetime(["1970-01-01", "1969-01-01", None])})
    >>> current_item(C, DatedAttribute("born", {0: "stage 1", 180: "stage 2"}), cutoff_day=100).tolist()
    ['stage 1', 'stage 2', None]
    """
    if attribute.column not in customers:
        return np.full(len(customers), None, dtype=object)
    begins = sorted(attribute.items)
    names = np.array([None, *(attribute.items[day] for day in begins)], dtype=object)
    age = cutoff_day - days_within(customers, attribute.column)
    place = np.searchsorted(begins, np.where(np.isnan(age), -np.inf, age), side="right")
    return np.asarray(names[place])


def without_denied(offer: pd.DataFrame, rules: ItemRules) -> pd.DataFrame:
    """Rows of an offer that name no denied item."""
    columns = [name for name in NAMED if name in offer]
    denied = offer[columns].isin(rules.deny).any(axis=1) if columns else pd.Series(False, index=offer.index)
    return offer[~denied].reset_index(drop=True)

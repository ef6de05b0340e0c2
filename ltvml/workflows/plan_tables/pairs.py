"""Which pairs of customer and item a plan may speak of, out of the replenishment table: most of them it never does.

A pair is kept where

    its reminder is due     the item runs out within the days ahead and the days that a reminder leads, and did not
                            before unless it is likely to be bought again
    it was bought lately    follow-ups ask about it
    a rule names it         the item is of a dated attribute, of care, or replaces another by the shop's own word

and, where rules of items or dates decide who is reminded, every pair that is due: what they stop is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outputs.stored_rows import parts_of
from ltvml.outreach.customers.cadence import asked_since
from ltvml.outreach.customers.tags import due_within
from ltvml.outreach.eligibility import LEAST_CHANCE, REORDER_WINDOWS, REORDERS
from ltvml.outreach.offers.allowed import may_be_reminded
from ltvml.window import days_of
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from ltvml.arrays import Mask
    from ltvml.bundle.bundle import Bundle
    from ltvml.config.outreach import OutreachSettings
    from ltvml.outputs.scores import Scores

    Missing = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reorders:
    """What the replenishment table tells a plan.

    Parameters
    ----------
    rows : frame, optional
        Pairs that a plan may speak of; None where the role is withheld.
    due : series of str
        Customers of whom an item runs out within the days of the tag `due_in_month`.
    """

    rows: pd.DataFrame | None
    due: pd.Series


def pairs_of(
    scores: Scores, bundle: Bundle, settings: OutreachSettings, *, cutoff_day: int, lead_days: int
) -> tuple[Reorders, Missing]:
    """The pairs that may be spoken of, read some at a time."""
    if bundle.replenishment is None or scores.replenishment is None:
        reason = bundle.without_replenishment or "no table beside the scores"
        return Reorders(None, pd.Series(dtype="str")), (Sentence.of("note.no_reminders", why=reason),)
    kept, due = [], []
    for part in parts_of(scores.replenishment):
        kept.append(part[may_be_spoken_of(part, settings, cutoff_day=cutoff_day, lead_days=lead_days)])
        due.append(due_within(part, cutoff_day, settings.tags.due_days).drop_duplicates())
    return Reorders(pd.concat(kept, ignore_index=True), pd.concat(due, ignore_index=True)), ()


def may_be_spoken_of(pairs: pd.DataFrame, settings: OutreachSettings, *, cutoff_day: int, lead_days: int) -> Mask:
    """Whether a plan may speak of each pair, by the lines above; (m,)."""
    runs_out, bought = (days_of(pairs[name].to_numpy()) for name in ("replenishment_date", "last_order_date"))
    status, rules = pairs["stock_status"], settings.cadence
    dates = (*rules.dated.values(), *rules.care.values())
    chain = settings.items.succeeds
    named = {*chain, *chain.values(), *(item for attribute in dates for item in attribute.items.values())}
    chance = np.max([pairs[f"p_reorder_{days}"].fillna(0.0).to_numpy(float) for days in REORDER_WINDOWS], axis=0)
    due = status.isin(REORDERS).to_numpy()
    soon = runs_out <= cutoff_day + settings.ahead + lead_days
    kept = soon & (runs_out > cutoff_day)
    kept |= due & (soon | status.eq("depleted").to_numpy()) & (chance >= LEAST_CHANCE)
    kept |= bought >= asked_since(rules, cutoff_day)
    kept |= pairs["item"].isin(named).to_numpy()
    if rules_of_items(settings):
        within = runs_out <= cutoff_day + settings.tags.due_days
        kept |= due | (within & status.ne("lapsed").to_numpy())
    return np.asarray(kept)


def rules_of_items(settings: OutreachSettings) -> bool:
    """Whether rules of items or dates of customers decide who may be reminded of what."""
    return bool(settings.cadence.dated) or settings.items != type(settings.items)()


def reminded_pairs(
    pairs: Reorders, customers: pd.DataFrame, settings: OutreachSettings, cutoff_day: int
) -> tuple[Reorders, Missing]:
    """The pairs of which a reminder may speak, by the rules of items and the dates of customers."""
    rows = pairs.rows
    if rows is None or not rules_of_items(settings):
        return pairs, ()
    may = may_be_reminded(rows, customers, settings.items, dated=settings.cadence.dated, cutoff_day=cutoff_day)
    due = int((~may & rows["stock_status"].isin(REORDERS).to_numpy()).sum())
    note = Sentence.of("note.not_reminded", items=due, rules="outreach.items", dated="outreach.cadence.dated")
    left = rows[may].reset_index(drop=True)
    return Reorders(left, due_within(left, cutoff_day, settings.tags.due_days)), (note,) if due else ()


def with_gaps(pairs: Reorders, gaps: pd.DataFrame) -> Reorders:
    """The pairs with the mean gap between the days on which the customer bought the item."""
    if pairs.rows is None:
        return pairs
    return Reorders(pairs.rows.merge(gaps, on=["customer_id", "item"], how="left"), pairs.due)

"""Whether reminders come in time: beside the purchase that shows when an item was used up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


KEYS = ["customer_id", "item"]
WEEK = 7


@dataclass(frozen=True)
class ReminderMeasures:
    """How well reminders met the purchases that followed.

    Parameters
    ----------
    run_outs, reminders : int
        Purchases that should have been reminded of, and reminders sent before one; of those who go on buying.
    recall : float
        Share of the run-outs with a reminder in the days before.
    precision : float
        Share of the reminders with a run-out in the days after.
    precision_of_all : float
        The same, the reminders to those who never bought the item again counted as wrong.
    repeated : int
        Reminders beyond the first for one purchase.
    """

    run_outs: int
    reminders: int
    recall: float
    precision: float
    precision_of_all: float
    repeated: int


def reminder_measures(reminders: pd.DataFrame, packs: pd.DataFrame, *, within: int = WEEK) -> ReminderMeasures:
    """Recall and precision of reminders.

    Parameters
    ----------
    reminders : (m, ...) frame
        `customer_id`, `item`, `day` of the reminder, and `bought`: the day of the purchase that it looked at.
    packs : (n, ...) frame
        `customer_id`, `item`, `bought` and `used_up` (days; NaN where the item is not bought again), those whose
        run-out the reminders should have met.
    within : int
        Days before the run-out, itself included, in which a reminder is in time.

    Examples
    --------
    >>> import pandas as pd
    >>> packs = pd.DataFrame({"customer_id": ["a", "b"], "item": "tea", "bought": [0, 0], "used_up": [30.0, 40.0]})
    >>> sent = pd.DataFrame({"customer_id": ["a", "b"], "item": "tea", "bought": [0, 0], "day": [25, 20]})
    >>> found = reminder_measures(sent, packs)
    >>> found.recall, found.precision
    (0.5, 0.5)
    """
    joined = packs.merge(reminders, on=[*KEYS, "bought"], how="left")
    ahead = joined["used_up"] - joined["day"]
    joined = joined.assign(sent=joined["day"].notna(), in_time=(ahead >= 0) & (ahead <= within))
    goes_on = joined[joined["used_up"].notna()]
    met = goes_on.groupby([*KEYS, "bought"])["in_time"].any()
    sent, all_sent = goes_on[goes_on["sent"]], joined[joined["sent"]]
    return ReminderMeasures(
        run_outs=len(met),
        reminders=len(sent),
        recall=float(met.mean()) if len(met) else np.nan,
        precision=float(sent["in_time"].mean()) if len(sent) else np.nan,
        precision_of_all=float(all_sent["in_time"].mean()) if len(all_sent) else np.nan,
        repeated=int(all_sent.duplicated([*KEYS, "bought"]).sum()),
    )

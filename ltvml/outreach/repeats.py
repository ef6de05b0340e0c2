"""What was planned or done already, and has not been answered yet.

A candidate repeats a contact of the log where customer, action and item are the same, the two days are fewer days apart
than the window of the action, and no order came since the contact: until then nobody knows what it did. A contact whose
item is not known stands for any item. Follow-ups are not looked at: each has its own day, and one contact a day is the
rule of `caps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.outreach.contact_days import ContactDays, customer_codes, made

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

DATED = "follow_up"
"""Purpose whose contacts each have a day of their own."""


def repeats(
    candidates: pd.DataFrame, contacts: pd.DataFrame | None, last_order: Ints, windows: Mapping[str, int]
) -> Mask:
    """Whether each candidate says again what a contact has said, and no order has answered.

    Parameters
    ----------
    candidates : (m,) frame
        customer_id, action, purpose, due_day; item where it is known.
    contacts : frame, optional
        customer_id, action, day; item and `treated` where they are known. Without `action` nothing repeats it.
    last_order : (m,) array of int
        Day of the last order of the candidate's customer, days since 1970-01-01.
    windows : mapping of str to int
        Days of each action; an action that is not named is never a repeat.

    Returns
    -------
    (m,) array of bool

    Examples
    --------
    >>> import pandas as pd
    >>> A = pd.DataFrame({"customer_id": ["a", "b"], "action": "win_back", "purpose": "win_back", "due_day": 101})
    >>> K = pd.DataFrame({"customer_id": ["a"], "action": ["win_back"], "day": [100]})
    >>> repeats(A, K, np.array([60, 60]), {"win_back": 28})
    array([ True, False])
    """
    if contacts is None or contacts.empty or "action" not in contacts:
        return np.zeros(len(candidates), dtype=bool)
    who, what = candidates["customer_id"].astype("category").cat, candidates["action"].astype("category").cat
    asked = _codes(who.codes) * len(what.categories) + _codes(what.codes)
    log = made(contacts)
    by = [customer_codes(log["customer_id"], who.categories), customer_codes(log["action"], what.categories)]
    said = np.where((by[0] >= 0) & (by[1] >= 0), by[0] * len(what.categories) + by[1], -1)
    width = _codes(candidates["action"].astype(object).map(windows).fillna(0))
    due, day = _codes(candidates["due_day"]), _codes(log["day"])
    first = np.maximum(due - width, last_order) + 1
    found = np.zeros(len(candidates), dtype=bool)
    for one, other in _alike(candidates, log, asked, said):
        found |= ContactDays.of(other, day).count(one, first, np.maximum(due + width, first) - 1) > 0
    return np.asarray(found & (width > 0) & ~candidates["purpose"].eq(DATED).to_numpy())


def _alike(candidates: pd.DataFrame, log: pd.DataFrame, asked: Ints, said: Ints) -> list[tuple[Ints, Ints]]:
    """Codes of candidates and contacts that are equal where customer, action and item are; first for unknown items."""
    if "item" not in log or "item" not in candidates:
        return [(asked, said)]
    items = candidates["item"].astype("category").cat
    # -1, no item, is the first place
    of_candidate, of_contact = _codes(items.codes) + 1, customer_codes(log["item"], items.categories) + 1
    unknown, size = log["item"].isna().to_numpy(), len(items.categories) + 1
    named = (said >= 0) & (of_contact > 0)
    return [
        (asked, np.where(unknown, said, -1)),
        (asked * size + of_candidate, np.where(named, said * size + of_contact, -1)),
    ]


def _codes(values: pd.Series) -> Ints:
    return np.asarray(values.to_numpy(dtype=np.int64))

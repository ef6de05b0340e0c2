"""How well each channel works for each customer, relative to the best one: what a plan chooses a channel by.

    0           the channel does not reach the customer (`restraint.reach`)
    1           the preferred channel, or the one with the best response in the contacts log
    in between  response in this channel / response in the best one, from the log, shrunk to the pooled rates

A customer whose preferred channel is known from the table `customers` alone answers the others half as well: an
assumption, until there is a log. Without a word on channels all that reach a customer are alike, and the cheapest is
taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.customers.tags import channel_rates
from ltvml.outreach.restraint.reach import preferred, reachable

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER_CHANNEL = 0.5
PREFIX = "response_"


def relative_responses(
    customers: pd.DataFrame,
    channels: Sequence[str],
    *,
    cutoff_day: int,
    contacts: pd.DataFrame | None = None,
    prior: float = 3.0,
) -> pd.DataFrame:
    """Relative response of each customer by channel.

    Parameters
    ----------
    customers : (n, ...) frame
        customer_id, and the columns that `restraint.reach` reads.
    channels : sequence of str
    cutoff_day : int
        Contacts after it are not looked at.
    contacts : frame, optional
        Contacts log with `opened` and `converted`; see `tags.channel_rates`.
    prior : float
        Contacts at the pooled rate of a channel that every customer is given.

    Returns
    -------
    (n, k) frame
        Columns `response_<channel>`, in [0, 1].

    Examples
    --------
    >>> C = pd.DataFrame({"customer_id": ["a", "b"], "preferred_channel": ["wecom", None], "has_sms": [True, False]})
    >>> relative_responses(C, ["wecom", "sms"], cutoff_day=0).to_numpy().tolist()
    [[1.0, 0.5], [1.0, 0.0]]
    """
    found = pd.DataFrame(
        {name: _assumed(customers, name) for name in channels}, index=pd.Index(customers["customer_id"])
    )
    if contacts is not None and {"opened", "converted"} <= set(contacts):
        rates = channel_rates(contacts, cutoff_day, prior).reindex(columns=list(channels))
        best = rates.max(axis=1)
        seen = rates[best > 0].div(best[best > 0], axis=0).reindex(found.index)
        found = seen.combine_first(found)[list(channels)]
    reach = np.column_stack([reachable(customers, name) for name in channels])
    return pd.DataFrame(
        np.where(reach, found.to_numpy(dtype=float), 0.0),
        columns=[f"{PREFIX}{name}" for name in channels],
        index=customers.index,
    )


def _assumed(customers: pd.DataFrame, channel: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """1, or `OTHER_CHANNEL` where another one is preferred."""
    liked = preferred(customers)
    return np.where((liked == channel) | (liked == ""), 1.0, OTHER_CHANNEL)

"""By which channels a customer can be reached, and which one is liked best: columns of the customers, where known.

    has_<channel>, <channel>    true or false, or an address: blank is not reachable
    phone, has_phone            the same for sms and phone
    preferred_channel           the channel's name

A channel without any such column reaches everybody: nothing says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Ints, Mask

ALSO = {"sms": ("has_phone", "phone"), "phone": ("has_phone",), "email": ("has_email_address",)}
PREFERRED = "preferred_channel"


def reachable(customers: pd.DataFrame, channel: str) -> Mask:
    """Whether each customer can be reached by a channel, (n,); an unknown value is not.

    Examples
    --------
    >>> C = pd.DataFrame({"has_wecom": [True, False, None], "phone": ["1", " ", None]})
    >>> reachable(C, "wecom").tolist(), reachable(C, "sms").tolist(), reachable(C, "email").tolist()
    ([True, False, False], [True, False, False], [True, True, True])
    """
    names = (f"has_{channel}", channel, *ALSO.get(channel, ()))
    column = next((customers[name] for name in names if name in customers), None)
    return np.ones(len(customers), dtype=bool) if column is None else _present(column)


def _present(column: pd.Series) -> Mask:
    """True, a number other than 0, or a text that is not blank."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return np.asarray(column.fillna(0).astype(float).to_numpy() != 0)
    texts = column.astype("string").str.strip().str.lower().fillna("")
    return np.asarray(~texts.isin(("", "false", "no", "0", "none", "nan")).to_numpy(dtype=bool))


def preferred(customers: pd.DataFrame) -> NDArray[np.object_]:
    """The preferred channel of each customer, (n,); blank where none is known.

    Examples
    --------
    >>> preferred(pd.DataFrame({"preferred_channel": [" wecom ", None]})).tolist()
    ['wecom', '']
    """
    if PREFERRED not in customers:
        return np.full(len(customers), "", dtype=object)
    return customers[PREFERRED].astype("string").str.strip().fillna("").to_numpy(dtype=object)


def channel_of(customers: pd.DataFrame, channels: Sequence[str], allowed: Mask) -> Ints:
    """The best channel of each customer: the preferred one where it is allowed, else the first that is.

    Parameters
    ----------
    customers : (n,) frame
    channels : sequence of str
        In the order in which they are tried.
    allowed : (n, k) array of bool
        Whether each channel may be used.

    Returns
    -------
    (n,) array of int
        Place in `channels`; -1 where none is allowed.
    """
    first = np.where(allowed.any(axis=1), allowed.argmax(axis=1), -1)
    liked = pd.Index(channels).get_indexer(pd.Index(preferred(customers)))
    may = (liked >= 0) & allowed[np.arange(len(customers)), np.maximum(liked, 0)]
    return np.where(may, liked, first).astype(np.int64)

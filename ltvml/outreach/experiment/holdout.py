"""Who is held out of a campaign, so that its effect can be measured.

A customer's group is a function of the customer's id and a salt, and of nothing else: it does not change with the order
or the number of rows, on another machine or on another day. With u the stable hash of a customer in [0, 1),

    held out by the global control    where u(id, global salt) < g
    held out by the campaign          where u(id, campaign salt) < s, among the others

so that g + (1 - g) s of all customers are held out. The global control has a salt of its own that stays from campaign
to campaign: those customers are never contacted, and show what all campaigns together do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError, DataContractError
from ltvml.hashing import BUCKETS, buckets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Group = Literal["treat", "holdout"]
TREAT: Group = "treat"
HOLDOUT: Group = "holdout"
GLOBAL, CAMPAIGN = "global", "campaign"
GLOBAL_SALT = "ltvml global control"


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each customer.

    Parameters
    ----------
    group : (n,) array of str
        `treat` or `holdout`.
    held_by : (n,) array of str
        Which control holds the customer out, `global` or `campaign`; empty for `treat`.
    """

    group: NDArray[np.str_]
    held_by: NDArray[np.str_]

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """Whether each customer is held out, shape (n,)."""
        return np.asarray(self.group == HOLDOUT)


def groups(
    customer_ids: Sequence[str] | pd.Series,
    *,
    share: float,
    salt: str,
    global_share: float = 0.0,
    global_salt: str = GLOBAL_SALT,
) -> Groups:
    """Hold a stable share of the customers out.

    Parameters
    ----------
    customer_ids : (n,) sequence of str
        A customer may have several rows, and is in the same group on all of them.
    share : float
        s in [0, 1): share that the campaign holds out of the customers outside the global control.
    salt : str
        Of the campaign. Another salt draws other customers; keep it for as long as one campaign runs.
    global_share : float
        g in [0, 1): share of all customers in the global control.
    global_salt : str
        Keep it for ever: a change of it draws another global control.

    Returns
    -------
    Groups

    Raises
    ------
    ConfigError
        With all `faults` of the settings.
    DataContractError
        If an id is null.

    References
    ----------
    Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapters 14 and 23.

    Examples
    --------
    >>> found = groups(["A-102", "A-103", "A-117"], share=0.5, salt="autumn")
    >>> found.group.tolist(), found.held_by.tolist()
    (['treat', 'holdout', 'treat'], ['', 'campaign', ''])
    """
    if found := faults(share=share, salt=salt, global_share=global_share, global_salt=global_salt):
        raise ConfigError("\n".join(found))
    ids = pd.Series(customer_ids, dtype=object)
    if missing := int(ids.isna().sum()):
        raise DataContractError(f"found {missing:,} rows without a customer id; expected one on every row.")
    code, customers = pd.factorize(ids)
    held_by = controls(
        buckets_of(customers, salt), buckets_of(customers, global_salt), share=share, global_share=global_share
    )[code]
    return Groups(np.where(held_by == "", TREAT, HOLDOUT), held_by)


def controls(
    bucket: NDArray[np.int64], global_bucket: NDArray[np.int64], *, share: float, global_share: float
) -> NDArray[np.str_]:
    """Which control holds each customer out, from hashes that an engine or `buckets_of` computed.

    Parameters
    ----------
    bucket, global_bucket : (n,) arrays of int in [0, 2^32)
        Hashes with the salt of the campaign and with that of the global control.
    share, global_share : float
        As in `groups`.

    Returns
    -------
    (n,) array of str
        `global`, `campaign` or empty.
    """
    by_campaign = np.where(bucket < share * BUCKETS, CAMPAIGN, "")
    return np.where(global_bucket < global_share * BUCKETS, GLOBAL, by_campaign)


def share_held_out(share: float, global_share: float) -> float:
    """Share of all customers that either control holds out: g + (1 - g) s.

    Examples
    --------
    >>> round(share_held_out(0.1, global_share=0.02), 6)
    0.118
    """
    return global_share + (1 - global_share) * share


def faults(*, share: float, salt: str, global_share: float, global_salt: str) -> list[str]:
    """All that is wrong with the settings, in words; empty where nothing is."""
    shares = {"share": share, "global_share": global_share}
    found = [
        f"the holdout's {name} is {value:g}; expected a share from 0 to below 1, such as 0.1."
        for name, value in shares.items()
        if not 0 <= value < 1
    ]
    if not salt or not global_salt:
        found.append("a salt of the holdout is empty; expected a text of its own for each campaign, such as its name.")
    if salt == global_salt:
        found.append(
            f"the campaign and the global control share the salt '{salt}'; expected two, for with one salt "
            "the smaller control lies inside the larger."
        )
    return found

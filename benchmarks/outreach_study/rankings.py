"""Rankings of customers side by side: what those who would be contacted first did, or what a contact brings them.

Of n customers the first k = floor(share * n) of a ranking are contacted, ties by customer. Told of them are

    value a contact = sum of their value / k,    share of the value = sum of their value / sum over all customers

Where the value is what they spent afterwards, it is not what a contact causes: most of it comes anyway, and a ranking
by value finds it best. What a contact causes is known in a simulated shop, or measured by an experiment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.priority import assumed_effect, expected_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array


SINGLE_SCORES = ("predicted_ltv", "churn_risk", "value_at_risk")
EXPECTED_VALUE = "expected_value"
SHARES = (0.05, 0.1, 0.2)
USUAL_EFFECT = 0.15


def rival_scores(customers: pd.DataFrame, *, effect: float = USUAL_EFFECT) -> dict[str, Array]:
    """The expected value of one contact for everybody, by an assumed effect, and each single score.

    Parameters
    ----------
    customers : (n, ...) frame
        p_buy, value_gain, predicted_ltv, churn_risk, value_at_risk.
    effect : float
        Assumed shift on the logit at even odds.

    Returns
    -------
    dict of str to (n,) array
    """
    chance, gain = (customers[name].to_numpy(dtype="float64") for name in ("p_buy", "value_gain"))
    worth = expected_value(chance, assumed_effect(chance, effect), gain, 0.0)
    return {EXPECTED_VALUE: worth, **{name: customers[name].to_numpy(dtype="float64") for name in SINGLE_SCORES}}


def first_of(score: Array, customer_ids: pd.Series, contacts: int) -> NDArray[np.intp]:
    """Places of the customers who are contacted: the highest scores, ties by customer, unknown scores last.

    Examples
    --------
    >>> first_of(np.array([1.0, np.nan, 1.0, 2.0]), pd.Series(["b", "c", "a", "d"]), 2).tolist()
    [3, 2]
    """
    known = np.where(np.isnan(score), -np.inf, score)
    return np.asarray(np.lexsort((customer_ids.to_numpy(dtype="str"), -known))[:contacts])


def captured(
    customer_ids: pd.Series,
    scores: Mapping[str, Array],
    outcomes: pd.DataFrame,
    *,
    shares: Sequence[float] = SHARES,
) -> pd.DataFrame:
    """What the first of each ranking did.

    Parameters
    ----------
    customer_ids : (n,) series
    scores : mapping of str to (n,) array
        The rankings, higher first.
    outcomes : (n, 2) frame
        `value`, in money, and `bought`, whether there was a purchase (a share where only its chance is known).
    shares : sequence of float
        Of the customers, contacted.

    Returns
    -------
    frame
        One row a share and ranking: share, ranking, contacts, bought (share of the contacted), value_per_contact,
        share_of_value.

    Raises
    ------
    DataContractError
        If there is nobody, or a share leaves nobody to contact.

    Examples
    --------
    >>> outcomes = pd.DataFrame({"value": [9.0, 0.0], "bought": [True, False]})
    >>> found = captured(pd.Series(["a", "b"]), {"ltv": np.array([2.0, 1.0])}, outcomes, shares=[0.5])
    >>> found["share_of_value"].tolist()
    [1.0]
    """
    value, bought = (outcomes[name].to_numpy(dtype="float64") for name in ("value", "bought"))
    counts = {share: int(share * len(value)) for share in shares}
    if not all(counts.values()):
        raise DataContractError(f"{len(value):,} customers and shares of {list(shares)}: nobody would be contacted.")
    total = float(value.sum())
    rows = []
    for share, contacts in counts.items():
        for name, score in scores.items():
            first = first_of(score, customer_ids, contacts)
            rows.append(
                {
                    "share": share,
                    "ranking": name,
                    "contacts": contacts,
                    "bought": float(bought[first].mean()),
                    "value_per_contact": float(value[first].mean()),
                    "share_of_value": float(value[first].sum()) / total if total else np.nan,
                }
            )
    return pd.DataFrame(rows)

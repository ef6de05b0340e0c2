"""Customers x items at several past origins, and when they bought the item next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.arrays import Array, Ints
    from ltvml.models.purchase.in_operational_time import InOperationalTime
    from ltvml.models.replenishment.gamma_renewal import GammaRenewal


@dataclass(frozen=True)
class PairSnapshots:
    """What learners of replenishment are trained on.

    Parameters
    ----------
    X : (n, ...) frame
        Rows of `contracts.PAIRS` as of each origin, with the columns of `pair_features`, taken from the renewal and the
        purchase model fitted as of that origin.
    wait : (n,) array
        Days from the origin to the next purchase of the item; inf where none was seen within `follow_up`.
    bucket : (n,) array of int
        Stable 32-bit hash of the customer.
    follow_up : int
        Days observed after every origin.
    purchase : InOperationalTime
        Both fitted at the cutoff that the learner stands on; they lend their columns at scoring.

    Raises
    ------
    DataContractError
        If the arrays differ in length, or there is no row.
    """

    X: pd.DataFrame
    wait: Array
    bucket: Ints
    follow_up: int
    renewal: GammaRenewal
    purchase: InOperationalTime

    def __post_init__(self) -> None:
        if not len(self.X) or not len(self.X) == len(self.wait) == len(self.bucket):
            raise DataContractError(
                f"pair snapshots: found {len(self.X)} rows, {len(self.wait)} waits and {len(self.bucket)} buckets; "
                "expected equal numbers above 0."
            )

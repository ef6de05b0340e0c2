"""What learners are trained on: customers as they stood at several past origins, and what they did next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from ltvml.errors import DataContractError
from ltvml.models.attributes.relevance import Relevant

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Ints
    from ltvml.models.closed_form import ClosedForm


@dataclass(frozen=True)
class Snapshots:
    """Past customers with outcomes, and the customers of today without.

    The label window of a row is (origin, origin + horizon]; every window closed on or before the cutoff, so nothing
    here comes from after it.

    Parameters
    ----------
    X : (n, ...) frame
        Features as of each origin: columns of `contracts.SUMMARY`, `snapshot_columns.BEHAVIOUR` and
        `snapshot_columns.CLOSED_FORM` (the closed form refitted at each origin, its window `horizon`), and attributes
        as `Attributes.apply` gives them.
    origin : (n,) array of int
        Day numbers; equals `X["cutoff_day"]`.
    wait : (n,) array
        Days from the origin to the next purchase, at least 1; inf where none was observed.
    follow_up : (n,) array
        Days observed after the origin, at least `horizon`.
    spend : (n,) array
        Net value in the label window, currency units.
    bucket : (n,) array of int
        Stable 32-bit hash of the customer: all snapshots of one customer fall on one side of a split.
    horizon : int
        Length of the label window, days.
    given : int
        The horizon that the scores are asked for, at least `horizon`; equal to it where a window of that length has
        closed.
    present : (m, ...) frame
        The customers at the bundle's cutoff: SUMMARY and BEHAVIOUR columns. Levels and shifts are learned on it once
        and stored as numbers, so that a score does not depend on who else is in the batch.
    closed_form : ClosedForm
        Fitted at the bundle's cutoff; lends curves and columns at scoring.
    purchases : (n,) array, optional
        Purchase days in the label window; needed where attributes are read.
    attributes : Relevant
        The attributes that learners read.

    Raises
    ------
    DataContractError
        If the arrays differ in length, there is no row, or a window had not closed.
    """

    X: pd.DataFrame
    origin: Ints
    wait: Array
    follow_up: Array
    spend: Array
    bucket: Ints
    horizon: int
    given: int
    present: pd.DataFrame
    closed_form: ClosedForm
    purchases: Array | None = None
    attributes: Relevant = field(default_factory=Relevant)

    def __post_init__(self) -> None:
        rows = {name: len(getattr(self, name)) for name in ("X", "origin", "wait", "follow_up", "spend", "bucket")}
        if len(set(rows.values())) != 1 or not len(self.X) or not len(self.present):
            raise DataContractError(
                f"snapshots: found rows {rows} and {len(self.present)} present customers; "
                "expected equal numbers above 0."
            )
        if early := int(np.sum(self.follow_up < self.horizon)):
            raise DataContractError(
                f"snapshots: {early} of {len(self.X)} label windows of {self.horizon} days had not closed.",
                hint="take origins from ltvml.backtesting.origins.",
            )

    @property
    def buys(self) -> NDArray[np.bool_]:
        """A purchase fell in the label window, shape (n,)."""
        return np.asarray(self.wait <= self.horizon)

    @property
    def latest(self) -> NDArray[np.bool_]:
        """Rows of the last closed window, shape (n,)."""
        return np.asarray(self.origin == self.origin.max())

    @property
    def buyers(self) -> int:
        """n+: customers who bought in the last closed window."""
        return int(np.sum(self.buys & self.latest))

    @property
    def payers(self) -> int:
        """Customers who paid something in a label window."""
        return len(np.unique(self.bucket[self.spend > 0]))

    @property
    def repeats(self) -> int:
        """Snapshots: the most rows that one customer can have."""
        return len(np.unique(self.origin))

    @property
    def asked_has_closed(self) -> bool:
        """Whether a window as long as the horizon asked for has closed."""
        return self.horizon == self.given

    def where(self, rows: NDArray[np.bool_]) -> Self:
        """The same snapshots with some of the rows."""
        return replace(
            self,
            X=self.X[rows],
            origin=self.origin[rows],
            wait=self.wait[rows],
            follow_up=self.follow_up[rows],
            spend=self.spend[rows],
            bucket=self.bucket[rows],
            purchases=None if self.purchases is None else self.purchases[rows],
        )

    def require_both_outcomes(self) -> None:
        """Refuse snapshots in which everybody, or nobody, buys.

        Raises
        ------
        DataContractError
            With how many rows there are, and the one outcome they share.
        """
        bought = int(self.buys.sum())
        if bought in (0, len(self.X)):
            raise DataContractError(
                f"{bought} of {len(self.X)} snapshot rows hold a purchase within {self.horizon} days; "
                "expected some with and some without.",
                hint="use a closed-form model (models.churn: mbg_nbd), or another churn_horizon.",
            )

    def require_spend(self) -> None:
        """Refuse snapshots from which no value can be learned.

        Raises
        ------
        DataContractError
            If everybody, or nobody, bought, or nobody paid anything.
        """
        self.require_both_outcomes()
        if not (self.spend > 0).any():
            raise DataContractError(
                f"none of the {int(self.buys.sum())} purchases in the snapshots came to more than nothing.",
                hint="check transactions.columns (amount).",
            )

"""From a fitted replenishment model and one row a customer x item to the replenishment table: functions of a frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd

from ltvml.contracts import PAIRS, REPLENISHMENT
from ltvml.errors import DataContractError
from ltvml.evaluation.date_intervals import DateWindow
from ltvml.evaluation.selection import Selection
from ltvml.models import registry
from ltvml.models.replenishment.by_period import ByPeriod
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.stock import StockRules, stock_status
from ltvml.window import dates_of
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array
    from ltvml.models.base import ReplenishmentModel


WITHIN = (7.0, 14.0, 28.0)
MEDIAN = 0.5
READ = ("customer_id", "item", "cutoff_day", "n_orders", "last_day", "last_quantity")
NEXT_DUE = {
    "replenishment_date": "replenishment_date",
    "replenishment_item": "item",
    "replenishment_probability": "p_reorder_horizon",
    "stock_status": "stock_status",
}
"""Columns of the customer table, and the column of the replenishment table that each is read from."""


@dataclass(frozen=True)
class ReminderRules:
    """Which items get reminders.

    Parameters
    ----------
    min_buyers : int
    min_repeat_share : float
        Of the buyers, those who bought the item on two or more days.
    """

    min_buyers: int = 30
    min_repeat_share: float = 0.15

    def reason(self, buyers: int, repeat_buyers: int) -> str | None:
        """Why reminders are off for an item; None where they are on."""
        if buyers < self.min_buyers:
            return f"{buyers:,} buyers; at least {self.min_buyers:,} needed"
        if repeat_buyers < self.min_repeat_share * buyers:
            return (
                f"{percent(repeat_buyers / buyers)} of {buyers:,} buyers bought it again; at least "
                f"{percent(self.min_repeat_share)} needed"
            )
        return None


@dataclass(frozen=True)
class Replenishment:
    """What the fit leaves of the replenishment role.

    Parameters
    ----------
    model : ReplenishmentModel
        Gives probabilities and dates.
    renewal : GammaRenewal
        Gives the stock status and the numbers of the items; often the model itself, or a part of it.
    item : str
        Column of the lines that names the item: category or product_id.
    horizon : int
        Days within which a date is given.
    stock : StockRules
    reminders : ReminderRules
    all_pairs : bool
        Whether rows without a reminder are returned too.
    window : DateWindow
        Which levels the window of the date reads.
    selection : Selection, optional
        Why the model was chosen; None where the configuration names it.
    """

    model: ReplenishmentModel
    renewal: GammaRenewal
    item: str
    horizon: int = 91
    stock: StockRules = field(default_factory=StockRules)
    reminders: ReminderRules = field(default_factory=ReminderRules)
    all_pairs: bool = False
    window: DateWindow = field(default_factory=DateWindow)
    selection: Selection | None = None

    @property
    def elasticity(self) -> dict[str, float]:
        """Elasticity by item: what gaps are scaled with before they are summed."""
        return self.renewal.items_.elasticity

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns of `contracts.PAIRS` that scores are made of; few models read the others of the customer."""
        read = {*READ, *self.renewal.requires, *self.model.requires}
        return tuple(name for name in PAIRS.names if name in read)

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the section `replenishment` that were settled by the fit."""
        return {
            "item": self.item,
            "horizon": self.horizon,
            "lead_days": self.stock.lead_days,
            "depleted_from": self.stock.empty,
            "lapsed_from": self.stock.lapsed,
            "min_buyers": self.reminders.min_buyers,
            "min_repeat_share": self.reminders.min_repeat_share,
        }

    @property
    def words(self) -> list[str]:
        """What a reader should know, a sentence or two for each result."""
        selection = [f"Replenishment model: {self.selection.words}"] if self.selection else []
        return [*selection, *([f"Replenishment dates: {self.window.words}"] if self.window.covered is not None else [])]

    def items(self) -> pd.DataFrame:
        """One row an item, most buyers first.

        Returns
        -------
        (k, ...) frame
            The columns of `ItemTable.described`, `reminded` (bool) and `reason` (why not; null where it is).
        """
        table = self.renewal.items_.described()
        counts = zip(table["buyers"].tolist(), table["repeat_buyers"].tolist(), strict=True)
        reasons = [self.reminders.reason(buyers, repeat) for buyers, repeat in counts]
        given = table.assign(reminded=[reason is None for reason in reasons], reason=np.array(reasons, dtype=object))
        return given.sort_values(["buyers", "item"], ascending=[False, True], kind="stable").reset_index(drop=True)

    def scores(self, X: pd.DataFrame) -> pd.DataFrame:
        """The replenishment table of some customers x items.

        Parameters
        ----------
        X : (n, ...) frame
            The columns `reads` of `contracts.PAIRS`; left as it was.

        Returns
        -------
        (m, ...) frame
            Columns of `contracts.REPLENISHMENT`, in the order of `X`; m is n with `all_pairs`, else the rows that get a
            reminder: not lapsed, and of an item that is reminded about.

        Raises
        ------
        DataContractError
            If a column is missing.
        """
        missing = [name for name in self.reads if name not in X]
        if missing:
            raise DataContractError(
                f"customer x item rows to score: missing columns {missing}; expected {list(self.reads)}."
            )
        status = stock_status(X, self.renewal.items_, self.stock)
        if not self.all_pairs:
            kept = (status != "lapsed") & X["item"].isin(self._reminded).to_numpy(dtype=bool)
            X, status = X[kept], status[kept]
        columns = {
            "customer_id": X["customer_id"].to_numpy(),
            "item": X["item"].to_numpy(),
            "last_order_date": dates_of(X["last_day"].to_numpy()),
            "last_quantity": X["last_quantity"].to_numpy(dtype=float),
            "n_orders": X["n_orders"].to_numpy(dtype="int64"),
            **self._probabilities(X),
            **self._dates(X),
            "stock_status": status,
            "basis": self.renewal.items_.basis(X),
        }
        return pd.DataFrame(columns, index=X.index)[list(REPLENISHMENT.names)]

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` can write exactly; the renewal is not written twice."""
        lent = self.renewal is renewal_within(self.model)
        return {
            "model": self.model.to_dict(),
            "renewal": None if lent else self.renewal.to_dict(),
            "item": self.item,
            "horizon": self.horizon,
            "stock": self.stock.to_dict(),
            "reminders": asdict(self.reminders),
            "all_pairs": self.all_pairs,
            "window": self.window.to_dict(),
            "election": self.selection.to_dict() if self.selection else None,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        model = cast("ReplenishmentModel", registry.load(values["model"]))
        given = values["renewal"]
        renewal = renewal_within(model) if given is None else GammaRenewal.from_dict(given)
        if renewal is None:
            raise DataContractError(
                f"the bundle has no gamma_renewal beside the replenishment model '{model.name}'; expected one."
            )
        return cls(
            model=model,
            renewal=renewal,
            item=values["item"],
            horizon=int(values["horizon"]),
            stock=StockRules.from_dict(values["stock"]),
            reminders=ReminderRules(**values["reminders"]),
            all_pairs=bool(values["all_pairs"]),
            window=DateWindow.from_dict(values["window"]),
            selection=Selection.from_dict(values["election"]) if values["election"] else None,
        )

    @cached_property
    def _reminded(self) -> list[str]:
        table = self.items()
        names: list[str] = table.loc[table["reminded"], "item"].tolist()
        return names

    def _probabilities(self, X: pd.DataFrame) -> dict[str, Array]:
        found = self.model.probabilities(X, (*WITHIN, float(self.horizon)))
        names = (*(f"p_reorder_{days:.0f}" for days in WITHIN), "p_reorder_horizon")
        return dict(zip(names, found.T, strict=True))

    def _dates(self, X: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Median and window; a purchase t days after the end of the cutoff falls on day ceil(t), never on day 0."""
        earlier, later = self.window.levels
        days = np.clip(np.ceil(self.model.date(X, (MEDIAN, earlier, later), self.horizon)), 1, self.horizon)
        dates = dates_of(X["cutoff_day"].to_numpy(dtype=float)[:, None] + days)
        names = ("replenishment_date", "replenishment_lo", "replenishment_hi")
        return {name: dates[:, position] for position, name in enumerate(names)}


def renewal_within(model: ReplenishmentModel) -> GammaRenewal | None:
    """The renewal that a model is, or is built on; None for a rule of thumb."""
    if isinstance(model, ByPeriod):
        return model.renewal_
    return model if isinstance(model, GammaRenewal) else None


def next_due(scores: pd.DataFrame) -> pd.DataFrame:
    """The item that each customer needs first, among those likelier bought again within the horizon than not.

    Parameters
    ----------
    scores : (n, ...) frame
        Rows of `contracts.REPLENISHMENT`.

    Returns
    -------
    (m, 5) frame
        `customer_id` and the columns of `NEXT_DUE`, one row a customer who has such an item: the earliest date, ties by
        the higher probability, then by name.
    """
    likely = scores[(scores["p_reorder_horizon"] >= MEDIAN) & (scores["stock_status"] != "lapsed")]
    keys = ["customer_id", "replenishment_date", "p_reorder_horizon", "item"]
    first = likely.sort_values(keys, ascending=[True, True, False, True], kind="stable").drop_duplicates("customer_id")
    renamed = first[["customer_id", *NEXT_DUE.values()]].set_axis(["customer_id", *NEXT_DUE], axis=1)
    return renamed.reset_index(drop=True)


def with_next_due(customers: pd.DataFrame, due: pd.DataFrame) -> pd.DataFrame:
    """The customer table with the item due next in place of the next purchase; null where there is none.

    Parameters
    ----------
    customers : (n, ...) frame
        Rows of `contracts.CUSTOMER_SCORES`.
    due : (m, 5) frame
        As `next_due` gives it.
    """
    found = due.set_index("customer_id").reindex(customers["customer_id"])
    return customers.assign(**{name: found[name].to_numpy() for name in NEXT_DUE})


class DueInOrder:
    """The items due next, handed to batches of customers that come in the order of their ids: each row is read once.

    Parameters
    ----------
    due : (m, 5) frame
        As `next_due` gives it, by ascending customer_id.
    """

    def __init__(self, due: pd.DataFrame) -> None:
        self._due, self._ids, self._from = due, due["customer_id"].to_numpy(dtype=object), 0

    def of(self, customers: pd.DataFrame) -> pd.DataFrame:
        """The next batch, see `with_next_due`.

        Raises
        ------
        DataContractError
            If a customer comes before one that an item was handed to already.
        """
        if customers.empty:
            return with_next_due(customers, self._due.iloc[:0])
        first, last = customers["customer_id"].iloc[0], customers["customer_id"].iloc[-1]
        if self._from and first <= self._ids[self._from - 1]:
            raise DataContractError(
                f"customer {first} came after {self._ids[self._from - 1]}; expected batches in the order of the ids.",
                hint="this is a fault of ltvml or of the engine: please report it.",
            )
        begin, self._from = self._from, int(np.searchsorted(self._ids, last, side="right"))
        return with_next_due(customers, self._due.iloc[begin : self._from])

"""Any purchase model on the shop's own clock: fitted and asked in operational days, answering in calendar days.

Buy-till-you-die models assume purchase rates that do not change with time. Let L(u) be the operational time at day u,
the integral of a season with mean 1. A customer first seen on day f, last seen on day l, at the cutoff c has

    t_x = L(l) - L(f),    T = L(c) - L(f),    and a horizon of t days lasts L(c + t) - L(c)

and every formula of the model keeps its form. On the plain clock, L(u) = u, this is the model itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.clock import OperationalTime
from ltvml.models import registry
from ltvml.models.base import PurchaseModel
from ltvml.models.purchase.futures import Purchases
from ltvml.models.purchase.parametric import ParametricPurchaseModel
from ltvml.models.purchase.unit import OPERATIONAL, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Self

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Mask
    from ltvml.models.estimates import Uncertain


class InOperationalTime(PurchaseModel):
    """A purchase model whose days are those of a clock.

    Parameters
    ----------
    model : PurchaseModel
        Fitted by `fit`, in operational days.
    clock : OperationalTime
        Learned from days up to the cutoff of the fit.

    Examples
    --------
    >>> model = InOperationalTime(BGNBD(), clock).fit(summary)               # doctest: +SKIP
    >>> model.churn_risk(summary, horizon=90)                                # doctest: +SKIP
    """

    name = "in_operational_time"

    def __init__(self, model: PurchaseModel, clock: OperationalTime) -> None:
        self.model = model
        self.clock = clock
        self.requires = ("cutoff_day", *model.requires)

    def like(self, similar: InOperationalTime) -> Self:
        """Let the next fit climb from the same customers on another clock too, where the model can."""
        if isinstance(self.model, ParametricPurchaseModel):
            self.model.like(similar.model)
        return self

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood in operational days.

        Parameters
        ----------
        X : (n, ...) frame
            Columns `cutoff_day`, `frequency`, `recency`, `T`, in calendar days; rows may be patterns with counts.
        sample_weight : (n,) array, optional
        """
        self.model.fit(self.operational(X), sample_weight)
        self.diagnosis_ = self.model.diagnosis_
        return self

    @property
    def log_likelihood_(self) -> float:
        """Of the model within, in operational days: compare only fits on one clock."""
        return float(self.model.log_likelihood_)  # type: ignore[attr-defined]

    @property
    def params_(self) -> dict[str, float]:
        """Of the model within."""
        return dict(self.model.params_)  # type: ignore[attr-defined]

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Of the model within."""
        return dict(getattr(self.model, "standard_errors_", {}))

    @property
    def n_customers_(self) -> float:
        """Of the model within."""
        return float(getattr(self.model, "n_customers_", 0.0))

    @property
    def effects(self) -> tuple[str, ...]:
        """Of the model within."""
        return self.model.effects

    @property
    def n_estimated(self) -> int:
        """Of the model within."""
        return self.model.n_estimated

    def uncertain_parameters(self, X: pd.DataFrame | None) -> Uncertain | None:
        """Of the model within."""
        return self.model.uncertain_parameters(X)

    def at_parameters(self, point: Array) -> Self:
        """The model within at other parameters, on the same clock."""
        return type(self)(self.model.at_parameters(point), self.clock)

    def draw_parameters(self, random_state: int | np.random.Generator) -> Self:
        """The model within with drawn parameters, on the same clock."""
        return type(self)(self.model.draw_parameters(random_state), self.clock)

    def operational(self, X: pd.DataFrame) -> pd.DataFrame:
        """`X` with `recency` and `T` in operational days; `X` stays as it was."""
        cutoff, recency, age = self.columns(X, "cutoff_day", "recency", "T")
        ages = self.clock.ages(cutoff - age, cutoff - age + recency, cutoff)
        table = X.assign(recency=ages.recency, T=ages.T)
        table.attrs[UNIT] = OPERATIONAL
        return table

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), times in calendar days; (m,) or (n, m) gives (n, m)."""
        return self.model.survival_function(self.operational(X), self._ahead(X, times))

    def expected_purchases(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected purchases in the `horizon` calendar days after the cutoff, shape (n,)."""
        return self.expected_purchases_at(X, [horizon])[:, 0]

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases up to each of m times in calendar days, shape (n, m).

        A time lasts as long as the season makes it from the row's own cutoff, so rows are asked one cutoff at a time.
        """
        ends, expected = np.asarray(times, dtype=float), np.empty((len(X), np.size(times)))
        for rows, mine, cutoff in self._by_cutoff(X):
            expected[mine] = self.model.expected_purchases_at(rows, self.clock.horizon(cutoff, ends))
        return expected

    def weighted_purchases(self, X: pd.DataFrame, times: ArrayLike, weight: ArrayLike) -> Array:
        """Sum over j of weight_j E(t_j), times in calendar days, shape (n,); in one pass where the model can."""
        ends, total = np.asarray(times, dtype=float), np.empty(len(X))
        for rows, mine, cutoff in self._by_cutoff(X):
            total[mine] = self.model.weighted_purchases(rows, self.clock.horizon(cutoff, ends), weight)
        return total

    def after_silence(self, X: pd.DataFrame, silence: float) -> pd.DataFrame:
        """The same customers `silence` calendar days later: the cutoff moves with them, and the first day stays."""
        return X.assign(T=X["T"] + silence, cutoff_day=X["cutoff_day"] + silence)

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the calendar days to the next purchase, given that it comes within `horizon`, shape (n, m)."""
        days = np.empty((len(X), len(quantiles)))
        for rows, mine, cutoff in self._by_cutoff(X):
            ahead = self.model.next_purchase(rows, quantiles, float(self.clock.horizon(cutoff, horizon)))
            days[mine] = self.clock.calendar_days(cutoff, ahead)
        return days

    def expected_of_cohort(self, births: ArrayLike, times: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
        """Repeat purchases that are expected of a cohort by each of several days, from its first purchases alone, (m,).

        Parameters
        ----------
        births : (n,) array
            Day of each customer's first purchase, days since 1970-01-01.
        times : (m,) array
            Ends of these days.
        sample_weight : (n,) array, optional
        """
        return self.model.expected_of_cohort(self.clock.at(births), self.clock.at(times), sample_weight)

    def draw_futures(
        self, X: pd.DataFrame, horizon: ArrayLike, *, random_state: int | np.random.Generator
    ) -> Purchases:
        """Draw what each customer buys in the `horizon` calendar days after the cutoff; times in calendar days."""
        cutoff, days = self.columns(X, "cutoff_day")[0], np.broadcast_to(np.asarray(horizon, dtype=float), len(X))
        ahead = self.clock.horizon(cutoff, days)
        drawn = self.model.draw_futures(self.operational(X), ahead, random_state=random_state)
        return Purchases(days, drawn.customer, self.clock.calendar_days(cutoff[drawn.customer], drawn.time))

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at the cutoff), shape (n,)."""
        return self.model.probability_alive(self.operational(X))

    def to_dict(self) -> dict[str, Any]:
        """The model as plain values, with the model within and the clock as its arguments."""
        return super().to_dict() | {"params": {"model": self.model.to_dict(), "clock": self.clock.to_dict()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises
        ------
        BundleError
            If the values were written by another model or a newer format.
        """
        parts = values["params"]
        model = registry.load(parts["model"])
        live = {"model": model, "clock": OperationalTime.from_dict(parts["clock"])}
        return super().from_dict({**values, "params": live})

    def _by_cutoff(self, X: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, slice | Mask, float]]:
        """The rows in operational days, those of one cutoff at a time; with their places and the cutoff.

        All rows as they are where there is one cutoff, as in a request.
        """
        rows, (cutoff,) = self.operational(X), self.columns(X, "cutoff_day")
        if len(cutoff) and (cutoff == cutoff[0]).all():
            yield rows, slice(None), float(cutoff[0])
            return
        for day in np.unique(cutoff):
            mine = cutoff == day
            yield rows[mine], mine, float(day)

    def _ahead(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Calendar times after each row's cutoff as operational ones, (n, m)."""
        (cutoff,) = self.columns(X, "cutoff_day")
        return self.clock.horizon(cutoff[:, None], times)

    def __repr__(self) -> str:
        return f"InOperationalTime({self.model!r}, plain={self.clock.plain})"

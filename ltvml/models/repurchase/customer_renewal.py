"""The renewal of the items, applied to all purchases of a customer: when regular customers come.

Gaps between the purchase days of a customer are Gamma(kappa, theta), theta ~ Gamma(a, b), and a next purchase ever
comes with probability pi: the formulas and their sources are those of `replenishment.renewal`. After x gaps of sum t_x
the customer's rate is Gamma(a + x kappa, b + t_x), so that frequency, recency and T tell all that a date needs; the
mean gap of a customer of few purchases is drawn to the shop's. A Poisson buyer (BG/NBD and its kin) has kappa = 1, a
monthly parcel kappa = 50 and more. Times are calendar days: a parcel knows no season.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.errors import DataContractError
from ltvml.models.base import Diagnosis, RepurchaseModel
from ltvml.models.distinct import distinct_rows
from ltvml.models.replenishment.item_fit import (
    ELASTICITY,
    MOST_STEPS,
    SIZE,
    WHOLE_MEAN,
    WHOLE_SD,
    Beliefs,
    climb,
)
from ltvml.models.replenishment.renewal import Observed, Renewal, parameters
from ltvml.models.trees.booster import by_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array, Ints


MOST_CUSTOMERS = 5_000
"""Customers that the four numbers are fitted to: on so many, a standard error is 1 to 3 % already."""
NOT_SETTLED = "The fit of customer_renewal stopped before its parameters converged; use its dates with care."


@dataclass(frozen=True)
class GapSums:
    """Histories to fit, as if they were of one item; quantities play no part.

    Parameters
    ----------
    count, n, total, log_total, elapsed : (n,) arrays
        Customers that the row stands for, closed gaps, their sum and that of their logarithms, and the open gap; days.
    """

    count: Array
    n: Array
    total: Array
    log_total: Array
    elapsed: Array
    items: ClassVar[int] = 1

    @property
    def item(self) -> Ints:
        """Position of the item: 0."""
        return np.zeros(len(self.n), dtype=np.int64)

    def at(self, elasticity: Array) -> Observed:
        """The sums, whatever the elasticity: nothing is scaled."""
        nothing = np.zeros_like(self.n)
        return Observed(self.n, self.total, self.log_total, self.elapsed, nothing, nothing, nothing)

    def where(self, rows: NDArray[np.bool_]) -> Self:
        """Some of the rows."""
        return type(self)(**{name: values[rows] for name, values in vars(self).items()})


class CustomerRenewal(RepurchaseModel):
    """Dates from the customers' own gaps, with a regularity learned from all of them.

    Attributes
    ----------
    point_ : (5,) array
        As `item_fit.NAMES`; the elasticity is 0.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> gaps = pd.DataFrame({"n_gaps": [4], "gap_sum": [120], "gap_log_sum": [13.6], "elapsed": [9]})
    >>> model = CustomerRenewal().fit(gaps, sample_weight=[50])
    >>> last_bought_10_days_ago = pd.DataFrame({"frequency": [4.0], "recency": [120.0], "T": [130.0]})
    >>> bool(15 < model.next_purchase(last_bought_10_days_ago, [0.5], 60)[0, 0] < 25)
    True
    """

    name = "customer_renewal"
    requires = ("frequency", "recency", "T")
    learned: ClassVar[Mapping[str, Any]] = {"point": np.ndarray, "log_likelihood": float}

    point_: Array
    log_likelihood_: float

    def fit(self, gaps: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Maximise the posterior of the four numbers, under the weak beliefs about a whole assortment.

        Parameters
        ----------
        gaps : (n, ...) frame
            `n_gaps`, `gap_sum`, `gap_log_sum` and `elapsed` of each customer, see `features.items.customer_gaps`.
        sample_weight : (n,) array, optional
            Customers that each row stands for.

        Raises
        ------
        DataContractError
            If nobody bought twice.
        """
        weight = np.ones(len(gaps)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        rows = GapSums(
            weight, *(gaps[name].to_numpy(dtype=float) for name in ("n_gaps", "gap_sum", "gap_log_sum", "elapsed"))
        )
        closed = float(rows.count @ rows.n)
        if not closed:
            raise DataContractError(f"none of the {len(gaps):,} customers bought on two days; expected some repeats.")
        rows = rows.where(np.arange(len(gaps)) % -(-len(gaps) // MOST_CUSTOMERS) == 0)
        start = WHOLE_MEAN.copy()
        start[2], start[ELASTICITY] = np.log(max(float(rows.count @ (rows.total + rows.elapsed)) / closed, 1.0)), 0.0
        mean, free = np.where(np.isnan(WHOLE_MEAN), start, WHOLE_MEAN), np.arange(SIZE) != ELASTICITY
        beliefs = Beliefs(np.where(free, mean, 0.0)[None], WHOLE_SD[None])
        here = climb(rows, beliefs, start[None], free, most=MOST_STEPS)
        self.point_ = here.points[0]
        self.log_likelihood_ = float(here.objective[0] - beliefs.penalty(here.points)[0])
        settled = bool(here.settled.all())
        self.diagnosis_ = Diagnosis(settled, () if settled else (NOT_SETTLED,))
        return self

    @property
    def params_(self) -> dict[str, float]:
        """Regularity (1 is memoryless), the typical gap in days, how far customers agree on it, and pi."""
        kappa, a, b, pi = parameters(self.point_)
        return {
            "regularity": float(kappa),
            "typical_gap": float(kappa * b / a),
            "agreement": float(a),
            "reorder_share": float(pi),
        }

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time), days, (m,) or (n, m); shape (n, m)."""
        days = np.asarray(times, dtype=float)
        within = np.broadcast_to(days, (len(X), days.shape[-1]))
        histories = self._histories(X)
        return by_rows(len(X), lambda part: 1 - self._state(histories[part]).reorders_within(within[part]))

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the days to the next purchase, given that it comes within `horizon`, shape (n, m)."""
        histories, levels = self._histories(X), np.asarray(quantiles, dtype=float)
        alike = distinct_rows(*histories.T)
        kinds = histories[alike.first]

        def days(part: slice) -> Array:
            rows = kinds[part]
            return np.clip(self._state(rows).waits(levels, np.full(len(rows), float(horizon))), 0.0, horizon)

        return np.asarray(by_rows(len(kinds), days)[alike.kind])

    def _histories(self, X: pd.DataFrame) -> Array:
        """Frequency, recency and T, (n, 3)."""
        return np.column_stack([X[name].to_numpy(dtype=float) for name in self.requires])

    def _state(self, histories: Array) -> Renewal:
        kappa, a, b, pi = (np.full(len(histories), value) for value in parameters(self.point_))
        frequency, recency, age = histories.T
        return Renewal(kappa, a + frequency * kappa, b + recency, pi, age - recency)

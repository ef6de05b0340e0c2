"""The renewal of each item, with what customers and items like it have shown: empirical Bayes in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ltvml.models.base import Diagnosis, ReplenishmentModel
from ltvml.models.replenishment.alike import READ, each_once
from ltvml.models.replenishment.item_fit import NAMES, SIZE, Given, ItemFit, fit_items
from ltvml.models.replenishment.item_table import ItemTable
from ltvml.models.trees.booster import by_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.replenishment.pair_history import PairHistory
    from ltvml.models.replenishment.renewal import Renewal


NOT_SETTLED = "The fit of gamma_renewal stopped before the parameters of some items converged; use them with care."
NEARLY_MEMORYLESS = 1.1
MEMORYLESS = "Gaps are nearly memoryless (regularity {kappa:.2f}): dates are little better than the item's usual gap."


class GammaRenewal(ReplenishmentModel):
    """Gamma gaps with a rate of each customer's own, a quantity elasticity, and a share that never reorders.

    See `replenishment.renewal` for the formulas and their sources.

    Attributes
    ----------
    log_likelihood_ : float
        Of the pairs fitted, without the beliefs.

    Examples
    --------
    >>> model = GammaRenewal().fit(history)                                  # doctest: +SKIP
    >>> model.probability(pairs, within=7)                                   # doctest: +SKIP
    >>> model.items_.described().head()                                      # doctest: +SKIP
    """

    name = "gamma_renewal"
    requires = READ
    # numbers that are not learned: none
    fixed: ClassVar[tuple[float, ...]] = (np.nan,) * SIZE

    learned: ClassVar[Mapping[str, Any]] = {"items": ItemTable, "log_likelihood": float}

    items_: ItemTable
    log_likelihood_: float

    def fit(self, history: PairHistory, *, earlier: GammaRenewal | None = None) -> Self:
        """Maximise the posterior of every item.

        Parameters
        ----------
        earlier : GammaRenewal, optional
            Fitted at an earlier cutoff: a start that saves passes.
        """
        fixed = np.array(self.fixed)
        if not history.knows_quantities:
            # nothing tells how long a bigger pack lasts
            fixed[-1] = 0.0
        start = None if earlier is None else earlier.items_.start_for(history.items)
        fit = fit_items(history.rows, Given(history.groups, history.manual, fixed), start)
        self.items_ = table_of(history, fit)
        self.log_likelihood_ = fit.log_likelihood
        self.diagnosis_ = diagnosed(fit, learned=bool(np.isnan(fixed[0])))
        return self

    @property
    def params_(self) -> dict[str, float]:
        """The middle of all items; `median_gap` in days, of one unit and given that it is bought again."""
        kappa, _, _, pi, eta = self.items_.points[-1]
        return {
            "regularity": float(np.exp(kappa)),
            # not kappa b / a: a heavy tail of rare buyers draws that far above the gap of half of the buyers
            "median_gap": float(self.items_.gap_quantile(0.5)[-1]),
            "reorder_share": float(1 / (1 + np.exp(-pi))),
            "elasticity": float(eta),
        }

    def state(self, X: pd.DataFrame) -> Renewal:
        """Posterior of each row; times in scaled days."""
        return self.items_.state(X)

    def probabilities(self, X: pd.DataFrame, within: Sequence[float]) -> Array:
        """P(reorder within each number of days after the cutoff), shape (n, m)."""
        return _each_once(X, lambda rows: self._probabilities(rows, within))

    def _probabilities(self, X: pd.DataFrame, within: Sequence[float]) -> Array:
        state, scale = self.state(X), self.items_.scale(X)
        return state.reorders_within(np.asarray(within, dtype=float)[None, :] / scale[:, None])

    def date(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the wait given a reorder within `horizon`, days, shape (n, m)."""
        return _each_once(X, lambda rows: self._date(rows, quantiles, horizon))

    def _date(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        state, scale = self.state(X), self.items_.scale(X)
        levels = np.asarray(quantiles, dtype=float)
        return np.clip(state.waits(levels, horizon / scale) * scale[:, None], 0.0, horizon)


def _each_once(X: pd.DataFrame, compute: Callable[[pd.DataFrame], Array]) -> Array:
    """`compute` of the rows that differ, in chunks that share the threads."""
    return each_once(X, lambda rows: by_rows(len(rows), lambda part: compute(rows.iloc[part])))


def table_of(history: PairHistory, fit: ItemFit) -> ItemTable:
    """The numbers of the items by name, and last those of the whole."""
    scatter = fit.points.std(axis=0) if len(fit.points) > 1 else np.zeros(SIZE)
    return ItemTable(
        names=tuple(str(name) for name in history.items),
        points=np.vstack([fit.points, fit.whole]),
        standard_errors=np.vstack([np.sqrt(fit.variance), scatter]),
        own=np.append(fit.own, 0.0),
        manual=np.append(~np.isnan(history.manual), False),
        buyers=history.buyers,
        repeat_buyers=history.repeat_buyers,
    )


def diagnosed(fit: ItemFit, *, learned: bool) -> Diagnosis:
    """What is odd, in words."""
    messages = [] if fit.converged else [NOT_SETTLED]
    kappa = float(np.exp(fit.whole[NAMES.index("log_kappa")]))
    if learned and kappa < NEARLY_MEMORYLESS:
        messages.append(MEMORYLESS.format(kappa=kappa))
    return Diagnosis(fit.converged, tuple(messages))

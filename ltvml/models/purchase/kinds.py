"""A purchase model whose parameters differ between kinds of customers: each kind is asked on its own."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.models import registry
from ltvml.models.base import PurchaseModel, as_pandas
from ltvml.models.joint_likelihood import rows_by_kind
from ltvml.models.purchase.futures import Purchases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints
    from ltvml.models.purchase.parametric import ParametricPurchaseModel


def twin(model: ParametricPurchaseModel, params: Array) -> ParametricPurchaseModel:
    """The same fitted model with other parameters, (k,)."""
    other = copy.copy(model)
    other.params_ = dict(zip(model.parameters, map(float, params), strict=True))
    return other


class KindsOfCustomers(PurchaseModel):
    """Base of the models whose parameters differ between kinds of customers.

    Attributes
    ----------
    model : ParametricPurchaseModel
        The model of each kind, fitted to all customers.
    """

    model: ParametricPurchaseModel
    log_likelihood_: float
    n_customers_: float
    params_: dict[str, float]

    @abstractmethod
    def _kinds(self, X: pd.DataFrame) -> tuple[Ints, Sequence[ParametricPurchaseModel]]:
        """Which kind each row is, (n,), numbered without a gap, and the model of each kind."""

    def _each(self, X: pd.DataFrame, ask: Callable[[Any, pd.DataFrame, Ints], Array]) -> Array:
        """Ask the model of each kind about its rows; the answers in the order of `X`."""
        X = as_pandas(X)
        if not len(X) or self._are_anybody(X):
            return ask(self.model, X, np.arange(len(X)))
        kind, models = self._kinds(X)
        answer: Array | None = None
        for rows in rows_by_kind(kind):
            part = ask(models[kind[rows[0]]], X.iloc[rows], rows)
            if answer is None:
                answer = np.empty((len(X), *part.shape[1:]))
            answer[rows] = part
        assert answer is not None
        return answer

    def _are_anybody(self, X: pd.DataFrame) -> bool:
        """Whether these are newcomers of whom nothing is told, as of `newcomers`: the fit to all answers for them."""
        kinds = [name for name in self.requires if name not in self.model.requires]
        return not any(name in X for name in kinds) and "T" in X and not X["T"].to_numpy(dtype=float).any()

    def expected_purchases(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected purchases in (T, T + horizon], shape (n,)."""
        return self._each(X, lambda model, part, _: model.expected_purchases(part, horizon))

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases in (T, T + t] for each t, shape (n, m)."""
        return self._each(X, lambda model, part, _: model.expected_purchases_at(part, times))

    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase in (T, T + t]) for each t; times (m,) or (n, m) give (n, m)."""
        ends = np.asarray(times, dtype=float)
        each = ends.ndim == 2
        return self._each(
            X, lambda model, part, rows: model.survival_function(part, ends[rows] if each and len(ends) > 1 else ends)
        )

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`; (n, m)."""
        return self._each(X, lambda model, part, _: model.next_purchase(part, quantiles, horizon))

    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,)."""
        return self._each(X, lambda model, part, _: model.probability_alive(part))

    def probability_alive_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(still a customer at T + t) for each t, shape (n, m)."""
        return self._each(X, lambda model, part, _: model.probability_alive_at(part, times))

    def never_again(self, X: pd.DataFrame) -> Array:
        """P(no further purchase, ever), shape (n,)."""
        return self._each(X, lambda model, part, _: model.never_again(part))

    def dert(self, X: pd.DataFrame, discount_rate: float) -> Array:
        """Discounted expected residual transactions, shape (n,); see the model."""
        return self._each(X, lambda model, part, _: model.dert(part, discount_rate))

    def pmf(self, X: pd.DataFrame, counts: ArrayLike, horizon: float) -> Array:
        """P(n purchases in (T, T + horizon]) for each n of `counts`, shape (n, m)."""
        return self._each(X, lambda model, part, _: model.pmf(part, counts, horizon))

    def expected_of_cohort(self, births: ArrayLike, times: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
        """As `PurchaseModel.expected_of_cohort`, from the fit to all customers: the kinds of a cohort are not told."""
        return self.model.expected_of_cohort(births, times, sample_weight)

    def draw_futures(
        self, X: pd.DataFrame, horizon: ArrayLike, *, random_state: int | np.random.Generator
    ) -> Purchases:
        """Draw what each customer buys in (T, T + horizon], each kind from its own parameters."""
        X, rng = as_pandas(X), np.random.default_rng(random_state)
        ends = np.broadcast_to(np.asarray(horizon, dtype=float), len(X))
        kind, models = self._kinds(X)
        customer, time = [np.empty(0, dtype=np.int64)], [np.empty(0)]
        for rows in rows_by_kind(kind):
            drawn = models[kind[rows[0]]].draw_futures(X.iloc[rows], ends[rows], random_state=rng)
            customer.append(rows[drawn.customer])
            time.append(drawn.time)
        who = np.concatenate(customer)
        order = np.argsort(who, kind="stable")
        return Purchases(ends, who[order], np.concatenate(time)[order])

    @property
    def unit_(self) -> str | None:
        """Unit of the times of the fit, where its frame told."""
        return self.model.unit_

    def to_dict(self) -> dict[str, Any]:
        """As plain values, with the model of each kind among the arguments."""
        values = super().to_dict()
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values["params"].items()}
        return values | {"params": plain | {"model": self.model.to_dict()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises
        ------
        BundleError
            If the values were written by another model or a newer format.
        """
        parts = values.get("params", {})
        live = parts | ({"model": registry.load(parts["model"])} if "model" in parts else {})
        return super().from_dict({**values, "params": live})

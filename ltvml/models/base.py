"""What every model shares, and the short base class of each role.

scikit-learn's conventions hold (arguments stored by `__init__`, `fit` returns the model, fitted attributes end in `_`),
without scikit-learn: a bundle must score where only numpy, scipy, pandas and lightgbm are installed.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from ltvml.errors import BundleError, DataContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


FORMAT_VERSION = 1


@dataclass(frozen=True)
class Diagnosis:
    """What a fit found out about itself.

    Parameters
    ----------
    converged : bool
        The gradient vanished at a maximum, or at a diagnosed edge of the parameter space.
    messages : tuple of str
        What is odd, in words; empty for a good fit.
    withheld : dict of str to str
        Score columns that this fit does not identify, each with the reason.
    """

    converged: bool = True
    messages: tuple[str, ...] = ()
    withheld: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"messages": list(self.messages)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(bool(values["converged"]), tuple(values["messages"]), dict(values["withheld"]))


class Model(ABC):
    """Parameters by name, and a text form.

    A subclass names the columns it reads (`requires`), stores the arguments of `__init__` under their own names,
    and gives its fitted state as plain numbers.
    """

    role: ClassVar[str]
    name: ClassVar[str]
    requires: tuple[str, ...]
    diagnosis_: Diagnosis

    def reads(self) -> tuple[str, ...]:
        """Columns of a row that the fitted model looks at; a learner adds those it was trained on."""
        return self.requires

    def get_params(self) -> dict[str, Any]:
        """Arguments of `__init__` with their values."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @abstractmethod
    def fitted_state(self) -> dict[str, Any]:
        """The fitted attributes as plain numbers, texts, lists and dicts."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the fitted attributes from `fitted_state`."""

    def to_dict(self) -> dict[str, Any]:
        """The model as plain values that `json` can write exactly."""
        return {
            "format_version": FORMAT_VERSION,
            "role": self.role,
            "name": self.name,
            "params": self.get_params(),
            "state": self.fitted_state(),
            "diagnosis": self.diagnosis_.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises
        ------
        BundleError
            If the values were written by another model or a newer format.
        """
        if values.get("name") != cls.name or values.get("format_version", 0) > FORMAT_VERSION:
            raise BundleError(
                f"found model '{values.get('name')}' in format {values.get('format_version')}; "
                f"expected '{cls.name}' in format {FORMAT_VERSION} or older.",
                hint="was the bundle written by a newer ltvml? upgrade, or fit again.",
            )
        model = cls(**values["params"])
        model.restore(values["state"])
        model.diagnosis_ = Diagnosis.from_dict(values["diagnosis"])
        return model

    def columns(self, X: pd.DataFrame, *names: str) -> tuple[Array, ...]:
        """Columns of `X` as float arrays.

        Raises
        ------
        DataContractError
            If a column is missing.
        """
        missing = [name for name in names if name not in X]
        if missing:
            raise DataContractError(f"{type(self).__name__} needs the columns {list(names)}; missing: {missing}.")
        return tuple(X[name].to_numpy(dtype=float) for name in names)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({arguments})"


class RepurchaseModel(Model):
    """When does this customer buy again? One survival curve; churn risk and date are two readings of it."""

    role = "repurchase"

    @abstractmethod
    def survival_function(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """P(no purchase within each time after the cutoff).

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array, or (n, m) array for times that differ between rows
            In the unit of `X`.

        Returns
        -------
        (n, m) array
        """

    def curve(self, X: pd.DataFrame) -> Callable[[ArrayLike], Array]:
        """The survival function of these customers: times in, (n, m) out.

        A model whose curve costs more to find than to read overrides this, and finds it once.
        """
        return lambda times: self.survival_function(X, times)

    def churn_risk(self, X: pd.DataFrame, horizon: float) -> Array:
        """P(no purchase within `horizon`), shape (n,)."""
        return self.survival_function(X, [horizon])[:, 0]

    def next_purchase(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the time to the next purchase, given that it comes within `horizon`.

        Parameters
        ----------
        X : (n, ...) frame
        quantiles : sequence of m floats in (0, 1)
        horizon : float

        Returns
        -------
        (n, m) array
            Time after the cutoff, within [0, horizon].
        """
        levels, survival = np.asarray(quantiles, dtype=float), self.curve(X)
        target = 1 - levels * (1 - survival([horizon]))
        return invert_decreasing(survival, target, upper=horizon)


class PurchaseModel(RepurchaseModel):
    """How many purchases, from (frequency, recency, T)? Times are in the unit of `X`."""

    role = "purchase"
    requires: tuple[str, ...] = ("frequency", "recency", "T")

    @abstractmethod
    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood; rows of `X` may be patterns with counts in `sample_weight`."""

    @abstractmethod
    def expected_purchases(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected purchases in (T, T + horizon], shape (n,)."""

    def expected_purchases_at(self, X: pd.DataFrame, times: ArrayLike) -> Array:
        """Expected purchases in (T, T + t] for each t.

        Parameters
        ----------
        X : (n, ...) frame
        times : (m,) array
            In the unit of `X`, not negative.

        Returns
        -------
        (n, m) array
        """
        ends = np.asarray(times, dtype=float)
        return np.stack([self.expected_purchases(X, float(end)) for end in ends], axis=1)

    def after_silence(self, X: pd.DataFrame, silence: float) -> pd.DataFrame:
        """The same customers `silence` later, having bought nothing; `X` stays as it was."""
        return X.assign(T=X["T"] + silence)

    @abstractmethod
    def probability_alive(self, X: pd.DataFrame) -> Array:
        """P(still a customer at T), shape (n,)."""


class SpendModel(Model):
    """What one purchase is worth."""

    role = "spend"
    orders: Literal["repeat", "all"]

    @abstractmethod
    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from a customer summary or from spend patterns; counts of rows in `sample_weight`."""

    @abstractmethod
    def expected_spend(self, X: pd.DataFrame) -> Array:
        """Expected value of one future purchase day, in the currency of `X`, shape (n,)."""


class ValueModel(Model):
    """What a customer will spend within a horizon, discounted to the cutoff."""

    role = "value"

    @abstractmethod
    def expected_value(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected discounted value in (cutoff, cutoff + horizon], in the currency of `X`, shape (n,)."""

    @abstractmethod
    def expected_value_if_silent(self, X: pd.DataFrame, horizon: float, *, silence: float) -> Array:
        """The same, given that nothing is bought in (cutoff, cutoff + silence]; 0 where silence >= horizon."""


class ReplenishmentModel(Model):
    """When does a customer need an item again? One row of `X` is a customer x item; see `contracts.PAIRS`."""

    role = "replenishment"

    @abstractmethod
    def probabilities(self, X: pd.DataFrame, within: Sequence[float]) -> Array:
        """P(the item is bought again within each number of days after the cutoff), shape (n, m)."""

    def probability(self, X: pd.DataFrame, within: float) -> Array:
        """The same for one number of days, shape (n,)."""
        return self.probabilities(X, [within])[:, 0]

    @abstractmethod
    def date(self, X: pd.DataFrame, quantiles: Sequence[float], horizon: float) -> Array:
        """Quantiles of the days to the next purchase of the item, given that it comes within `horizon`, shape (n, m).

        Days after the cutoff, within [0, horizon].
        """


def invert_decreasing(function: Any, target: Array, *, upper: float, steps: int = 60) -> Array:
    """Solve function(t) = target for t in [0, upper] by bisection, elementwise.

    Parameters
    ----------
    function : callable of an (n, m) array
        Decreasing in t.
    target : (n, m) array
    upper : float
    steps : int
        Halvings; 60 exhaust the precision of a double.
    """
    low, high = np.zeros_like(target), np.full_like(target, upper)
    for _ in range(steps):
        middle = 0.5 * (low + high)
        above = function(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(0.5 * (low + high))

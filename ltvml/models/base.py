"""What every model shares, and the short base class of each role.

scikit-learn's conventions hold (arguments stored by `__init__`, `fit` returns the model, fitted attributes end in `_`),
without scikit-learn: a bundle must score where only numpy, scipy, pandas and lightgbm are installed.
"""

from __future__ import annotations

import copy
import inspect
import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np

from ltvml.errors import BundleError, ConfigError, DataContractError, LtvmlError
from ltvml.models.estimates import estimates, fit_criteria, natural, uncertain
from ltvml.value import discount_weights, period_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.estimates import Uncertain
    from ltvml.models.purchase.futures import Purchases


FORMAT_VERSION = 1
MOST_AGES = 300
"""Ages at which the expected purchases of a cohort are computed one by one."""


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
    and declares its fitted attributes in `learned`: by name, without the closing underscore, the kind. That is int,
    float (NaN is kept as null), str, dict, `np.ndarray`, a class with `to_dict` and `from_dict`, `[kind]` for a list,
    or a function that makes the attribute of its plain values.
    """

    role: ClassVar[str]
    name: ClassVar[str]
    requires: tuple[str, ...]
    learned: ClassVar[Mapping[str, Any]] = {}
    diagnosis_: Diagnosis

    def reads(self) -> tuple[str, ...]:
        """Columns of a row that the fitted model looks at; a learner adds those it was trained on."""
        return self.requires

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Arguments of `__init__` with their values; with `deep`, also those of models within, as `model__argument`."""
        own = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        within = {name: value for name, value in own.items() if deep and isinstance(value, Model)}
        return own | {
            f"{name}__{argument}": value
            for name, model in within.items()
            for argument, value in model.get_params().items()
        }

    def set_params(self, **params: Any) -> Self:
        """Set arguments of `__init__`, or those of a model within; fitted attributes stay until the next `fit`.

        Raises
        ------
        ConfigError
            If the model has no such argument.
        """
        known = self.get_params()
        if unknown := [name for name in params if name not in known]:
            raise ConfigError(
                f"{type(self).__name__} has no argument {', '.join(unknown)}; expected one of: "
                f"{', '.join(known) or 'none, this model takes no arguments'}."
            )
        own = {name: value for name, value in params.items() if "__" not in name}
        # through `__init__`, which checks the values and sets what follows from them
        type(self).__init__(self, **self.get_params(deep=False) | own)
        for name, value in params.items():
            part, _, argument = name.partition("__")
            if argument:
                getattr(self, part).set_params(**{argument: value})
        return self

    def summary(self) -> pd.DataFrame:
        """Fitted parameters with their uncertainty.

        Returns
        -------
        (k, 6) frame, indexed by parameter
            estimate, standard_error, z, p, lower and upper, see `estimates.estimates`; NaN where nothing was fitted or
            the likelihood is flat. Its `attrs` hold the log_likelihood, n, aic and bic of a fit, see
            `inference.criteria`.

        Raises
        ------
        DataContractError
            If the model is not fitted, or has no parameters of its own.
        """
        if not (params := getattr(self, "params_", None)):
            raise DataContractError(
                f"{type(self).__name__} has no fitted parameters.", hint="call `fit` first; trees and rules have none."
            )
        table = estimates(params, getattr(self, "standard_errors_", {}), effects=self.effects)
        value, n = getattr(self, "log_likelihood_", math.nan), getattr(self, "n_customers_", 0.0)
        if math.isfinite(value) and n > 0:
            table.attrs.update(fit_criteria(value, n, self.n_estimated))
        return table

    def uncertain_parameters(self, X: pd.DataFrame | None) -> Uncertain | None:
        """What the fit estimated, as a normal distribution of logs; None where there is no covariance.

        Parameters
        ----------
        X : (n, ...) frame or None
            Customers: where each has parameters of its own, the covariance is (n, k, k).
        """
        covariance = getattr(self, "covariance_", None)
        if covariance is None or not covariance.size or not getattr(self, "params_", None):
            return None
        return uncertain(self.params_, covariance, effects=self.effects)  # type: ignore[attr-defined]

    def at_parameters(self, point: Array) -> Self:
        """The same fitted model at other parameters, a point of `uncertain_parameters`."""
        other = copy.copy(self)
        other.params_ = natural(list(self.params_), point, effects=self.effects)  # type: ignore[attr-defined]
        return other

    def draw_parameters(self, random_state: int | np.random.Generator) -> Self:
        """The same fitted model with parameters drawn from their uncertainty; itself where there is none."""
        known = self.uncertain_parameters(None)
        if known is None:
            return self
        rng = np.random.default_rng(random_state)
        return self.at_parameters(rng.multivariate_normal(known.point, known.covariance, method="eigh"))

    @property
    def effects(self) -> tuple[str, ...]:
        """Parameters that may be negative: what a covariate does."""
        return ()

    @property
    def n_estimated(self) -> int:
        """How many parameters the fit estimated."""
        return len(getattr(self, "params_", {}))

    def fitted_state(self) -> dict[str, Any]:
        """The fitted attributes of `learned` as plain numbers, texts, lists and dicts."""
        return {name: _plain(getattr(self, f"{name}_")) for name in self.learned}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the fitted attributes from `fitted_state`."""
        for name, kind in self.learned.items():
            setattr(self, f"{name}_", _live(kind, state[name]))

    def to_dict(self) -> dict[str, Any]:
        """The model as plain values that `json` can write exactly."""
        return {
            "format_version": FORMAT_VERSION,
            "role": self.role,
            "name": self.name,
            "params": self.get_params(deep=False),
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
                hint="the bundle may come from a newer ltvml: upgrade, or fit again.",
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
            If `X` is no frame, or a column is missing.
        """
        X = as_pandas(X)
        if not hasattr(X, "columns"):
            raise DataContractError(
                f"{type(self).__name__} was given {type(X).__name__}; expected a frame with the columns {list(names)}.",
                hint="pass the frame of ltvml.customer_summary, or pd.DataFrame with these columns; "
                "for one row of it, summary.loc[[label]] or row.to_frame().T.",
            )
        missing = [name for name in names if name not in X]
        if missing:
            raise DataContractError(f"{type(self).__name__} needs the columns {list(names)}; missing: {missing}.")
        return tuple(self._numbers(X[name]) for name in names)

    def _numbers(self, column: pd.Series) -> Array:
        """A column as doubles, or an error that counts what is no number."""
        try:
            return _doubles(column)
        except (TypeError, ValueError) as error:
            import pandas as pd

            text = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
            shown = f", first {text.iloc[0]!r}" if len(text) else ""
            raise DataContractError(
                f"{type(self).__name__}: the column {column.name} is no number in {len(text):,} of {len(column):,} "
                f"rows{shown}; expected numbers."
            ) from error

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params(deep=False).items())
        return f"{type(self).__name__}({arguments})"

    def __str__(self) -> str:
        """The arguments, and the parameters of a fitted model."""
        found = ", ".join(f"{name} {value:.4g}" for name, value in (getattr(self, "params_", None) or {}).items())
        return f"{self!r}: {found}" if found else repr(self)


def _plain(value: Any) -> Any:
    """A fitted attribute as JSON holds it."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value  # JSON has no NaN
    return value.tolist() if isinstance(value, np.ndarray) else value


def _live(kind: Any, value: Any) -> Any:
    """The inverse of `_plain`."""
    if hasattr(kind, "from_dict"):
        return kind.from_dict(value)
    if isinstance(kind, list):
        return [_live(kind[0], one) for one in value]
    if kind is float:
        return math.nan if value is None else float(value)
    return np.asarray(value, dtype=float) if kind is np.ndarray else kind(value)


def _doubles(values: pd.Series) -> Array:
    """A column as doubles; what is missing in a nullable column becomes NaN."""
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy(dtype=float)
    return values.to_numpy(dtype=float, na_value=np.nan)


def as_pandas(X: Any) -> Any:
    """A pandas frame of a dict of columns, a Polars frame or an Arrow table; all else is left as it is.

    Raises
    ------
    DataContractError
        If the columns of a dict differ in length.
    """
    import pandas as pd

    if isinstance(X, dict):
        try:
            return pd.DataFrame({name: np.atleast_1d(np.asarray(values)) for name, values in X.items()})
        except ValueError as error:
            raise DataContractError(
                f"found a dict of columns that make no frame: {error}; expected one length."
            ) from None
    return X.to_pandas() if hasattr(X, "to_pandas") and hasattr(X, "columns") else X


def frame_of(
    names: Sequence[str], X: pd.DataFrame | ArrayLike, more: Sequence[ArrayLike | None], weight: ArrayLike | None
) -> tuple[pd.DataFrame, ArrayLike | None]:
    """Give what `fit` was called with as a frame and weights: `fit(X, weight)`, or one array a column.

    Parameters
    ----------
    names : sequence of k str
        Columns that the model reads, in the order of the arrays.
    X : frame, or the (n,) array of the first column
    more : sequence
        Beside a frame, at most the weights; beside an array, the other columns and perhaps the weights.
    weight : (n,) array, optional
        `sample_weight`, where it was given by name.

    Raises
    ------
    DataContractError
        If there are too few or too many arrays, or they differ in length.

    Examples
    --------
    >>> frame_of(["frequency", "recency"], [2, 0], [[30.0, 0.0]], None)[0].to_dict("list")
    {'frequency': [2, 0], 'recency': [30.0, 0.0]}
    """
    import pandas as pd

    X = as_pandas(X)
    is_frame = hasattr(X, "columns")
    columns, rest = ([], list(more)) if is_frame else ([X, *more][: len(names)], list(more)[len(names) - 1 :])
    if len(rest) > 1 or (rest and weight is not None) or (not is_frame and len(columns) < len(names)):
        raise DataContractError(
            f"fit was given {1 + len(more)} positional arguments; expected a frame, or the arrays {', '.join(names)}.",
            hint=f"call fit({', '.join(names)}) or fit(X) with these columns; counts of rows go in sample_weight=.",
        )
    if is_frame:
        return cast("pd.DataFrame", X), rest[0] if rest else weight
    arrays = [np.asarray(column) for column in columns]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(names, arrays, strict=True))
        raise DataContractError(f"fit was given arrays of the shapes {shapes}; expected one length.")
    return pd.DataFrame(dict(zip(names, arrays, strict=True))), rest[0] if rest else weight


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

    def dect(self, X: pd.DataFrame, horizon: float, discount_rate: float, *, period: float) -> Array:
        """Discounted expected conditional transactions in (T, T + horizon], see `ltvml.value`; shape (n,).

        Parameters
        ----------
        X : (n, ...) frame
        horizon : float
            In the unit of `X`.
        discount_rate : float
            Continuous, per unit of time; 0 gives the expected purchases.
        period : float
            Time between payments: what is bought in a period is discounted from its end.
        """
        ends = period_ends(horizon, period if discount_rate else math.inf)
        return self.weighted_purchases(X, ends, discount_weights(ends, discount_rate))

    def weighted_purchases(self, X: pd.DataFrame, times: ArrayLike, weight: ArrayLike) -> Array:
        """Sum over j of weight_j E(t_j), with E the expected purchases: what discounted purchases are made of.

        A model that finds the sum in one pass overrides this.

        Parameters
        ----------
        X : (n, ...) frame
        times, weight : (m,) array
            Times in the unit of `X`, not negative.

        Returns
        -------
        (n,) array
        """
        from ltvml.models.distinct import distinct_rows, values_or_codes

        rows = distinct_rows(*(values_or_codes(X, name) for name in self.requires))
        kinds = X[list(self.requires)].iloc[rows.first]
        return weighted_columns(self.expected_purchases_at(kinds, times), np.asarray(weight, dtype=float))[rows.kind]

    @staticmethod
    def newcomers(n: int = 1) -> pd.DataFrame:
        """Customers not yet seen, as histories: who buys for the first time at this moment.

        Parameters
        ----------
        n : int

        Returns
        -------
        (n, 3) frame
            frequency, recency, T: all 0.
        """
        import pandas as pd

        return pd.DataFrame(0.0, index=range(n), columns=["frequency", "recency", "T"])

    def expected_of_cohort(self, births: ArrayLike, times: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
        """Repeat purchases that are expected of a cohort by each of several times, from its first purchases alone.

        E(t) = sum over customers of E[X(max(t - birth, 0))]

        Parameters
        ----------
        births : (n,) array
            First purchase of each customer, on the clock of `times`.
        times : (m,) array
        sample_weight : (n,) array, optional
            Customers by birth; 1 each where absent.

        Returns
        -------
        (m,) array
            Cumulative; customers who are born after a time count 0 there.
        """
        born, place = np.unique(np.asarray(births, dtype=float), return_inverse=True)
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=float)
        customers = np.bincount(place, weights=weight, minlength=len(born))
        ages = np.maximum(np.asarray(times, dtype=float) - born[:, None], 0.0)
        if not len(born):
            return np.zeros(ages.shape[1])
        distinct, cell = np.unique(ages, return_inverse=True)
        if len(distinct) <= MOST_AGES or getattr(self, "discrete", False):
            expected = self.expected_purchases_at(self.newcomers(), distinct)[0]
        else:
            # many births on a clock that is not the calendar: the curve is smooth, and steepest for the youngest
            from scipy.interpolate import PchipInterpolator

            grid = distinct[-1] * np.linspace(0.0, 1.0, MOST_AGES // 2) ** 2
            expected = PchipInterpolator(grid, self.expected_purchases_at(self.newcomers(), grid)[0])(distinct)
        return np.asarray(customers @ expected[cell.reshape(ages.shape)])

    def draw_futures(
        self, X: pd.DataFrame, horizon: ArrayLike, *, random_state: int | np.random.Generator
    ) -> Purchases:
        """Draw what each customer buys in (T, T + horizon].

        Parameters
        ----------
        X : (n, ...) frame
        horizon : float or (n,) array
        random_state : int or numpy.random.Generator

        Raises
        ------
        LtvmlError
            If the model cannot: it predicts, but has no distribution of a customer's rate and dropout to draw from.
        """
        raise LtvmlError(
            f"{type(self).__name__} draws no futures.", hint="the models of ltvml do: bg_nbd, pareto_nbd and others."
        )

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

    def order_scale(self, X: pd.DataFrame) -> Array:
        """Order value of each customer's kind relative to what the parameters say, shape (n,); 1 without covariates."""
        return np.ones(len(X))


class ValueModel(Model):
    """What a customer will spend within a horizon, discounted to the cutoff."""

    role = "value"

    @abstractmethod
    def expected_value(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected discounted value in (cutoff, cutoff + horizon], in the currency of `X`, shape (n,)."""

    @abstractmethod
    def expected_value_if_silent(self, X: pd.DataFrame, horizon: float, *, silence: float) -> Array:
        """The same, given that nothing is bought in (cutoff, cutoff + silence]; 0 where silence >= horizon."""

    def expected_value_at(self, X: pd.DataFrame, horizons: ArrayLike) -> Array:
        """Expected discounted value within each of several horizons, (m,) in days; shape (n, m).

        A model whose learner costs more than a horizon overrides this, and asks its learner once.
        """
        ends = np.asarray(horizons, dtype=float)
        return np.stack([self.expected_value(X, float(end)) for end in ends], axis=1)

    def value_by_silence(self, X: pd.DataFrame, horizon: float) -> Callable[[float], Array]:
        """The expected value of these customers given days of silence, where 0 is no condition: days in, (n,) out.

        A model whose learner costs more than the condition overrides this, and asks its learner once.
        """
        return lambda silence: (
            self.expected_value_if_silent(X, horizon, silence=silence) if silence else self.expected_value(X, horizon)
        )


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


def weighted_columns(values: Array, weight: Array) -> Array:
    """Sum over j of weight_j times column j, (n, m) and (m,) to (n,).

    Not a matrix product: BLAS sums a row differently in batches of different sizes.
    """
    return np.asarray(np.einsum("ij,j->i", values, weight))


def invert_decreasing(function: Any, target: Array, *, upper: float, steps: int = 60) -> Array:
    """Solve function(t) = target for t in [0, upper] by bisection, elementwise.

    Parameters
    ----------
    function : callable of an (n, m) array
        Decreasing in t.
    target : (n, m) array
    steps : int
        Halvings; 60 exhaust the precision of a double.
    """
    low, high = np.zeros_like(target), np.full_like(target, upper)
    for _ in range(steps):
        middle = 0.5 * (low + high)
        above = function(middle) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(0.5 * (low + high))

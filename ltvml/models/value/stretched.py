"""The ranking of one value model, spread apart by a power, at a total that was set when it was fitted.

With V(H) the model's value within the horizon H of the fit,

    V'(h) = c V(H)^(b - 1) V(h)

so that V'(H) = c V(H)^b: b spreads the customers, c sets the total, and other horizons and days of silence keep each
customer's own proportion. b and c are numbers of the fit: a value does not depend on who else is in the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.models.base import ValueModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike

    from ltvml.arrays import Array


class Stretched(ValueModel):
    """A fitted value model whose values are raised to a power and brought to a total.

    Parameters
    ----------
    ranking : ValueModel
        Fitted.
    exponent : float
        b, at least 1 where low values were predicted too high.
    factor : float
        c.
    horizon : float
        H, days.

    Examples
    --------
    >>> import pandas as pd
    >>> from ltvml.models.value.past_spend import PastSpend
    >>> past = pd.DataFrame({"T": [300.0, 0.0], "historic_value": [500.0, 20.0]})
    >>> Stretched(PastSpend(), exponent=2.0, factor=0.01, horizon=100).expected_value(past, horizon=100)
    array([156.25,   4.  ])
    """

    name = "stretched"

    def __init__(self, ranking: ValueModel, exponent: float, factor: float, horizon: float) -> None:
        self.ranking = ranking
        self.exponent = exponent
        self.factor = factor
        self.horizon = horizon
        self.requires = ranking.requires
        self.diagnosis_ = ranking.diagnosis_

    @classmethod
    def at_mean(cls, ranking: ValueModel, X: pd.DataFrame, *, exponent: float, mean: float, horizon: float) -> Self:
        """Choose c so that the values of these customers have a given mean.

        Parameters
        ----------
        ranking : ValueModel
            Fitted.
        X : (n, ...) frame
            Customers at the cutoff of the fit.
        exponent : float
        mean : float
            Of the values within the horizon, currency.
        horizon : float
            Days.
        """
        powers = float(np.mean(np.maximum(ranking.expected_value(X, horizon), 0.0) ** exponent))
        return cls(ranking, exponent, mean / powers if powers > 0 else 0.0, horizon)

    def reads(self) -> tuple[str, ...]:
        """The columns that the ranking looks at."""
        return self.ranking.reads()

    def expected_value(self, X: pd.DataFrame, horizon: float) -> Array:
        """Expected discounted value in (cutoff, cutoff + horizon], in the currency of `X`, shape (n,)."""
        return self.expected_value_at(X, [horizon])[:, 0]

    def expected_value_at(self, X: pd.DataFrame, horizons: ArrayLike) -> Array:
        """Expected discounted value within each of m horizons, shape (n, m); the ranking is asked once."""
        found = self.ranking.expected_value_at(X, np.append(np.asarray(horizons, dtype=float), self.horizon))
        return np.asarray(found[:, :-1] * self._of(found[:, -1])[:, None])

    def expected_value_if_silent(self, X: pd.DataFrame, horizon: float, *, silence: float) -> Array:
        """The same, given that nothing is bought in (cutoff, cutoff + silence], shape (n,)."""
        return self.value_by_silence(X, horizon)(silence)

    def value_by_silence(self, X: pd.DataFrame, horizon: float) -> Callable[[float], Array]:
        """The expected value of these customers given days of silence."""
        of = self.ranking.value_by_silence(X, horizon)
        known = of(0.0) if horizon == self.horizon else self.ranking.expected_value(X, self.horizon)
        own = self._of(known)
        return lambda silence: np.asarray(of(silence) * own)

    def to_dict(self) -> dict[str, Any]:
        """Give the model and its ranking as plain values."""
        values = super().to_dict()
        return values | {"params": values["params"] | {"ranking": self.ranking.to_dict()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Invert `to_dict`; the ranking is restored by its own name.

        Raises
        ------
        BundleError
            If the values were written by another model or a newer format.
        """
        # the registry imports this file
        from ltvml.models import registry

        params = values.get("params", {})
        parts = {"ranking": registry.load(params["ranking"])} if "ranking" in params else {}
        return super().from_dict({**values, "params": {**params, **parts}})

    def _of(self, value: Array) -> Array:
        """Each customer's factor, c V(H)^(b - 1), shape (n,)."""
        return np.asarray(self.factor * np.maximum(value, 0.0) ** (self.exponent - 1))

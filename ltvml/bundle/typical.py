"""The customer in the middle: the median of every column, against which a customer is compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ltvml.bundle.rfm import weighted_quantiles
from ltvml.contracts import BEHAVIOUR, DERIVED, is_attribute
from ltvml.models.attributes.levels import attribute_of
from ltvml.models.design import column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array


@dataclass(frozen=True)
class Typical:
    """Medians over the customers of a shop, those without a value of a column left out.

    Parameters
    ----------
    medians : dict of str to float
        By name: columns of `snapshot_columns.DERIVED` and `BEHAVIOUR`, `usual_gap` (recency over frequency, of those
        with a repeat purchase) and `order_value` (historic value over order days). Empty columns are absent.
    levels : dict of str to str
        The commonest level of each attribute that is no number.
    """

    medians: Mapping[str, float]
    levels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, X: pd.DataFrame) -> Self:
        """Take the medians of customers as of one day.

        Parameters
        ----------
        X : (n, ...) frame
            Columns of `contracts.SUMMARY`, those of `snapshot_columns.BEHAVIOUR` that there are, and attributes as
            `Attributes.apply` gives them.
        """
        attributes = [str(name) for name in X if is_attribute(str(name))]
        numbers = [name for name in attributes if X[name].dtype.kind == "f"]
        texts = {name: X[name].dropna() for name in attributes if name not in numbers}
        levels = {name: str(known.mode().iloc[0]) for name, known in texts.items() if len(known)}
        names = (*DERIVED.names, *(name for name in BEHAVIOUR.names if name in X), *numbers)
        columns = {name: column(X, name) for name in names} | {
            "usual_gap": usual_gap(X),
            "order_value": mean_order_value(X),
        }
        known = {name: values[~np.isnan(values)] for name, values in columns.items()}
        return cls({name: float(np.median(values)) for name, values in known.items() if len(values)}, levels)

    def __getitem__(self, name: str) -> float:
        """The median of a column; NaN where all values are missing. Of a level, whether it is the commonest."""
        attribute, level = attribute_of(name)
        if attribute in self.levels:
            return float(self.levels[attribute] == level)
        return float(self.medians.get(name, np.nan))

    def known(self, name: str) -> float | str:
        """The median of a column, or the commonest level of an attribute."""
        return self.levels[name] if name in self.levels else self[name]

    def to_dict(self) -> dict[str, Any]:
        """As plain values: numbers, and texts for levels."""
        return {**self.medians, **self.levels}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        levels = {name: value for name, value in values.items() if isinstance(value, str)}
        return cls({name: float(value) for name, value in values.items() if name not in levels}, levels)


def usual_gap(X: pd.DataFrame) -> Array:
    """Mean days between the purchases of each customer; NaN with one purchase, shape (n,)."""
    frequency, recency = column(X, "frequency"), column(X, "recency")
    return np.asarray(np.divide(recency, frequency, out=np.full(len(X), np.nan), where=frequency > 0))


def mean_order_value(X: pd.DataFrame) -> Array:
    """Value of an order day of each customer, in currency, shape (n,)."""
    return np.asarray(column(X, "historic_value") / (column(X, "frequency") + 1))


def typical_of_patterns(patterns: pd.DataFrame, money: pd.DataFrame) -> Typical:
    """Medians of what the models of patterns read, without a customer's row.

    Parameters
    ----------
    patterns : (n, 4) frame
        frequency, recency, T, count.
    money : (m, 3) frame
        n (order days), total (currency), count.
    """
    repeat = patterns[patterns["frequency"] > 0]
    medians = {
        "frequency": _median(patterns["frequency"], patterns["count"]),
        "recency": _median(patterns["recency"], patterns["count"]),
        "days_since_last": _median(patterns["T"] - patterns["recency"], patterns["count"]),
        "historic_value": _median(money["total"], money["count"]),
        "order_value": _median(money["total"] / money["n"], money["count"]),
    }
    usual_gap = {"usual_gap": _median(repeat["recency"] / repeat["frequency"], repeat["count"])} if len(repeat) else {}
    return Typical(medians | usual_gap)


def _median(values: pd.Series, customers: pd.Series) -> float:
    return float(weighted_quantiles(values, customers, [0.5])[0])

"""The values of attributes as learners know them: levels that are common, rare ones pooled, unknown ones missing.

A level that fewer than so many customers have says little and may name a person: it counts as `(other)`, and is kept as
a hash alone. A level that was not there at the fit is missing. An attribute whose values are numbers stays one number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ltvml.contracts import EXPERIENCE, FIRST_ORDER, is_attribute
from ltvml.hashing import bucket_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ltvml.arrays import Array, Mask
    from ltvml.models.attributes.rules import Rules


OTHER, MISSING = "(other)", "(missing)"
# fewer different numbers than this are names of groups: a store, a tier, a number of children
_FEW_NUMBERS = 10
_SALT = "level"


@dataclass(frozen=True)
class Category:
    """Levels of one attribute.

    Parameters
    ----------
    kept : tuple of str
        The most frequent first.
    rare : tuple of int
        Hashes of the levels that are pooled, ascending.
    customers : int
        Customers of pooled levels.
    """

    kept: tuple[str, ...]
    rare: tuple[int, ...] = ()
    customers: int = 0

    def pooled(self, texts: pd.Series) -> pd.Series:
        """Each text as its level, `(other)` where it is rare, null where it is missing or not known."""
        known, rare = set(self.kept), set(self.rare)
        names = {
            text: text if text in known else OTHER if bucket_of(text, _SALT) in rare else None
            for text in texts.dropna().unique()
        }
        return texts.map(names)


@dataclass(frozen=True)
class Attributes:
    """What a fit knows of attributes.

    Parameters
    ----------
    categories : mapping of str to Category
    numbers : tuple of str
        Attributes that are numbers.
    dropped : mapping of str to int
        Attributes of which no level has enough customers, with the number of their levels.
    """

    categories: Mapping[str, Category] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Attributes that learners may read."""
        return (*self.categories, *self.numbers)

    @classmethod
    def learn(cls, X: pd.DataFrame, rules: Rules) -> Self:
        """The levels of customers as of one day.

        Parameters
        ----------
        X : (n, ...) frame
            One row a customer.
        rules : Rules
        """
        numbers, categories, dropped = [], {}, {}
        for name in rules.names(X):
            if _is_number(X[name], name):
                numbers.append(name)
                continue
            counts = _texts(X[name]).value_counts()
            counts = counts.sort_index().sort_values(ascending=False, kind="stable")
            enough = counts[counts >= rules.min_customers].index[: rules.most_levels].tolist()
            if enough:
                rest = counts.drop(enough)
                rare = tuple(sorted(bucket_of(level, _SALT) for level in rest.index))
                categories[name] = Category(tuple(enough), rare, int(rest.sum()))
            elif len(counts):
                dropped[name] = len(counts)
        return cls(categories, tuple(numbers), dropped)

    def apply(self, X: pd.DataFrame) -> pd.DataFrame:
        """The frame with attributes as levels and numbers; `X` stays as it was.

        Parameters
        ----------
        X : (n, ...) frame
            With the attributes as they were read. Those that it lacks are left out, and those that the fit did not
            learn leave: a level of one customer must not travel.
        """
        X = X.drop(columns=[name for name in X if is_attribute(str(name)) and name not in self.names])
        levels: dict[str, Any] = {
            name: category.pooled(_texts(X[name])) for name, category in self.categories.items() if name in X
        }
        return X.assign(**levels, **{name: _numbers(X[name]) for name in self.numbers if name in X})

    def unseen(self, X: pd.DataFrame) -> Mask:
        """Whether a row has a level, of any of the attributes that `X` has, which the fit did not know, shape (n,)."""
        found = np.zeros(len(X), dtype=bool)
        for name, category in self.categories.items():
            if name in X:
                texts = _texts(X[name])
                found |= (texts.notna() & category.pooled(texts).isna()).to_numpy()
        return found

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "categories": {
                name: {"kept": list(one.kept), "rare": list(one.rare), "customers": one.customers}
                for name, one in self.categories.items()
            },
            "numbers": list(self.numbers),
            "dropped": dict(self.dropped),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        categories = {
            name: Category(tuple(one["kept"]), tuple(one["rare"]), int(one["customers"]))
            for name, one in values["categories"].items()
        }
        return cls(categories, tuple(values["numbers"]), dict(values["dropped"]))


def indicator(name: str, level: str) -> str:
    """Name of the column that is 1 for a level of an attribute.

    Examples
    --------
    >>> attribute_of(indicator("first_channel", "a=b"))
    ('first_channel', 'a=b')
    """
    return f"{name}={level}"


def attribute_of(column: str) -> tuple[str, str]:
    """The attribute, and the level, that a learner's column speaks of; no level where it is a number."""
    name, _, level = column.partition("=")
    return name, level


def learner_columns(X: pd.DataFrame, names: Iterable[str]) -> tuple[str, ...]:
    """Columns that learners make of some attributes: one a level, one a number.

    Parameters
    ----------
    X : (n, ...) frame
        As `Attributes.apply` gives it.
    names : iterable of str
        Attributes.
    """
    columns: list[str] = []
    for name in names:
        if pd.api.types.is_float_dtype(X[name]):
            columns.append(name)
        else:
            columns += [indicator(name, level) for level in sorted(X[name].dropna().unique())]
    return tuple(columns)


def learner_column(X: pd.DataFrame, column: str) -> Array:
    """A column of `learner_columns` as floats, NaN where the attribute is missing, shape (n,)."""
    name, level = attribute_of(column)
    if not level:
        return np.asarray(X[name].to_numpy(dtype=float))
    known = X[name].notna().to_numpy()
    equal = (X[name].astype(object) == level).to_numpy(dtype=float)
    return np.where(known, equal, np.nan)


def _is_number(values: pd.Series, name: str) -> bool:
    """Whether an attribute is a number: those of the orders are by their kind, others by their values."""
    if name in FIRST_ORDER.names:
        return FIRST_ORDER[name].dtype == "float64"
    if name in EXPERIENCE.names:
        return True
    known = _texts(values).dropna()
    numbers = _numbers(known)
    return bool(len(known)) and bool(numbers.notna().all()) and numbers.nunique() >= _FEW_NUMBERS


def _numbers(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values.astype(object), errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _texts(values: pd.Series) -> pd.Series:
    """Texts without blanks around them; whole numbers without a decimal point, null where nothing is left."""
    texts = values.astype(object).where(values.notna(), None)
    return texts.map(_text, na_action="ignore").astype(object)


def _text(value: Any) -> str | None:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip() or None

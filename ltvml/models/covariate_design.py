"""Static covariates as numbers: what a fit learned about the columns, and one row of effects for each customer.

A number enters as it is, so that its effect is per unit; a category becomes one column of 0 and 1 for each level but
the most frequent, the reference. A level that the fit did not see, and a missing value, stand for the average customer
of the fit: they are counted in a warning.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.linalg import qr

from ltvml.errors import DataContractError, FitWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ltvml.arrays import Array, Ints

MISSING = "missing"
"""Level of a category for customers of whom it is not known."""
MOST_LEVELS = 100
MOST_KINDS = 5_000
"""Distinct rows of covariates that a fit takes: each is a likelihood of its own."""
DEPENDENT = 1e-8
"""Part of a column that the others do not explain, below which it is collinear with them."""


@dataclass(frozen=True)
class Covariate:
    """What a fit learned about one column.

    Parameters
    ----------
    name : str
    levels : tuple of str
        Of a category, the reference first; empty for a number.
    usual : tuple of float
        What stands for an unknown value: the shares of the levels but the first, or the mean of a number.
    spread : float
        Standard deviation of a number, 1 for a category.
    """

    name: str
    levels: tuple[str, ...]
    usual: tuple[float, ...]
    spread: float

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of its columns in the design."""
        return tuple(f"{self.name}[{level}]" for level in self.levels[1:]) if self.levels else (self.name,)

    def columns(self, values: pd.Series) -> tuple[Array, int]:
        """Its columns of the design, (n, q), and how many values are unknown."""
        if not self.levels:
            number = numbers(values)
            unknown = ~np.isfinite(number)
            columns = np.where(unknown, self.usual[0], number)[:, None]
        else:
            code = pd.Index(self.levels).get_indexer(pd.Index(texts(values)))
            unknown = code < 0
            columns = (code[:, None] == np.arange(1, len(self.levels))).astype(float)
            columns[unknown] = self.usual
        return columns, int(unknown.sum())


def numbers(values: pd.Series) -> Array:
    """A numeric column as doubles."""
    return values.to_numpy(dtype=float, na_value=np.nan)


def texts(values: pd.Series) -> list[str]:
    """A column of categories as text."""
    return [MISSING if pd.isna(value) else str(value) for value in values]


def learned(name: str, values: pd.Series, weight: Array) -> Covariate:
    """Learn the levels of a category, or the mean and the spread of a number.

    Raises
    ------
    DataContractError
        If a number is missing for some rows, the column has one value alone, or too many levels.
    """
    if pd.api.types.is_numeric_dtype(values):
        number = numbers(values)
        if gone := int((~np.isfinite(number)).sum()):
            raise DataContractError(
                f"the covariate '{name}' is missing or not finite in {gone:,} of {len(number):,} rows; expected "
                "numbers.",
                hint="fill them in, leave these customers out, or make it a category: its level 'missing' is its own.",
            )
        mean = float(weight @ number / weight.sum())
        spread = float(np.sqrt(weight @ (number - mean) ** 2 / weight.sum()))
        if spread <= DEPENDENT * max(abs(mean), 1e-300):
            raise constant(name, f"{number[0]:g}", len(number))
        return Covariate(name, (), (mean,), spread)
    count = pd.Series(weight).groupby(np.array(texts(values), dtype=object)).sum()
    count = count[count > 0]
    if len(count) == 1:
        raise constant(name, str(count.index[0]), len(values))
    if len(count) > MOST_LEVELS:
        raise DataContractError(
            f"the covariate '{name}' has {len(count):,} levels; expected at most {MOST_LEVELS}.",
            hint="join rare levels into one, or take a column with fewer; for many groups of one kind there is `by`.",
        )
    levels = sorted(map(str, count.index), key=lambda level: (-count[level], level))
    shares = tuple(float(count[level] / count.sum()) for level in levels[1:])
    return Covariate(name, tuple(levels), shares, 1.0)


def constant(name: str, value: str, rows: int) -> DataContractError:
    """The error of a column that says nothing."""
    return DataContractError(
        f"the covariate '{name}' is {value} in all {rows:,} rows; expected at least two different values.",
        hint="leave it out: a constant cannot tell customers apart.",
    )


@dataclass(frozen=True)
class Design:
    """Covariates of a fit, in order.

    Parameters
    ----------
    covariates : tuple of Covariate
    """

    covariates: tuple[Covariate, ...]

    @classmethod
    def learn(cls, X: pd.DataFrame, names: Sequence[str], weight: Array) -> Self:
        """Learn the columns of a fit, and refuse what cannot be estimated.

        Parameters
        ----------
        X : (n, ...) frame
        names : sequence of str
        weight : (n,) array

        Raises
        ------
        DataContractError
            If a column is missing, constant, collinear with the others, or makes too many kinds of customers.
        """
        check_columns(X, names)
        design = cls(tuple(learned(name, X[name], weight) for name in names))
        rows = design.rows(X)[weight > 0]
        check_independent(rows, design.effects, len(X))
        if (kinds := len(np.unique(rows, axis=0))) > MOST_KINDS:
            raise DataContractError(
                f"the covariates {', '.join(names)} take {kinds:,} different values; expected at most {MOST_KINDS:,}.",
                hint="round the numbers, or cut them into classes.",
            )
        return design

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that are read."""
        return tuple(covariate.name for covariate in self.covariates)

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of the columns of the design, q of them."""
        return tuple(effect for covariate in self.covariates for effect in covariate.effects)

    @property
    def centre(self) -> Array:
        """What is subtracted while fitting, (q,): the mean of a number, 0 of a level."""
        return np.array([m for c in self.covariates for m in (c.usual if not c.levels else [0.0] * len(c.effects))])

    @property
    def spread(self) -> Array:
        """What is divided by while fitting, (q,)."""
        return np.array([c.spread for c in self.covariates for _ in c.effects])

    @property
    def usual(self) -> Array:
        """The row of the average customer, (q,)."""
        return np.array([value for covariate in self.covariates for value in covariate.usual])

    def of(self, name: str) -> list[int]:
        """Which columns of the design a covariate has."""
        owners = [covariate.name for covariate in self.covariates for _ in covariate.effects]
        return [place for place, owner in enumerate(owners) if owner == name]

    def rows(self, X: pd.DataFrame) -> Array:
        """One row of the design a customer, shape (n, q).

        Raises
        ------
        DataContractError
            If a column is missing.

        Warns
        -----
        FitWarning
            Where values are unknown, with their number.
        """
        check_columns(X, self.names)
        parts = [covariate.columns(X[covariate.name]) for covariate in self.covariates]
        unknown = {c.name: count for c, (_, count) in zip(self.covariates, parts, strict=True) if count}
        if unknown:
            found = ", ".join(f"{name} of {count:,}" for name, count in unknown.items())
            warnings.warn(
                FitWarning(
                    f"the fit has not seen the {found} of {len(X):,} customers: in this respect they are scored as the "
                    "average customer of the fit."
                ),
                stacklevel=4,
            )
        return np.concatenate([columns for columns, _ in parts], axis=1) if parts else np.empty((len(X), 0))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"covariates": [asdict(covariate) for covariate in self.covariates]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            tuple(
                Covariate(one["name"], tuple(one["levels"]), tuple(one["usual"]), float(one["spread"]))
                for one in values["covariates"]
            )
        )


def check_columns(X: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse a frame without the covariates."""
    if missing := [name for name in names if name not in X]:
        raise DataContractError(
            f"the covariates {', '.join(missing)} are missing; found the columns {', '.join(map(str, X.columns))}.",
            hint="each customer needs its covariates beside frequency, recency and T, when fitted and when scored.",
        )


def check_independent(rows: Array, effects: Sequence[str], n: int) -> None:
    """Refuse columns of which one follows from the others.

    Raises
    ------
    DataContractError
        With the columns and the rank.
    """
    distinct = np.unique(rows, axis=0)
    centred = np.column_stack([np.ones(len(distinct)), distinct])
    scaled = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-300)
    _, triangle, order = qr(scaled, mode="economic", pivoting=True)
    diagonal = np.zeros(scaled.shape[1])
    diagonal[: min(triangle.shape)] = np.abs(np.diag(triangle))
    rank = int((diagonal > DEPENDENT).sum())
    if rank < scaled.shape[1]:
        names = ("the constant", *effects)
        follows = ", ".join(names[place] for place in order[rank:])
        raise DataContractError(
            f"the covariates are collinear: in all {n:,} rows {follows} follows from the other columns "
            f"({', '.join(effects)}; rank {rank} of {scaled.shape[1]}); expected columns that vary on their own.",
            hint="leave out one of the columns that say the same.",
        )


def kinds_of(rows: Array) -> tuple[Ints, Array]:
    """Number the distinct rows of a design.

    Returns
    -------
    kind : (n,) array of int
    rows : (k, q) array
        The row of each kind.
    """
    distinct, kind = np.unique(rows, axis=0, return_inverse=True)
    return kind.reshape(-1), distinct

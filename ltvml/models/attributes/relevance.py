"""Which attributes say something that orders do not: those alone reach the learners.

An attribute of twenty levels costs a learner twenty parameters whether it is of use or not. So each is tested first:
what a regression on recency, frequency and money got wrong is summed by customer (who is in several windows), and
compared between levels by an analysis of variance, once over all customers and once over those of one order. An
attribute is read where the smaller of the two probabilities, times two and times the number of attributes, is below
1 %.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from ltvml.models.logit import log_odds
from ltvml.models.regression import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array, Ints, Mask


CHANCE = 0.01
"""Probability with which any attribute of a shop whose attributes are of no use is read nevertheless."""
_BANDS = 5
# what fewer customers did is no ground to read an attribute for all
_SMALLEST_GROUP = 30
_FEWEST = 2
_TESTS = 2


@dataclass(frozen=True)
class Relevant:
    """Attributes that learners read.

    Parameters
    ----------
    purchase, spend : tuple of str
        For whether a customer buys, and for how much.
    """

    purchase: tuple[str, ...] = ()
    spend: tuple[str, ...] = ()

    @property
    def either(self) -> tuple[str, ...]:
        """Those of purchase, then the others."""
        return tuple(dict.fromkeys([*self.purchase, *self.spend]))


def relevant_attributes(
    X: pd.DataFrame, *, buys: Mask, spend: Array, bucket: Ints, repeats: int, names: Sequence[str]
) -> Relevant:
    """Test each attribute on past windows.

    Parameters
    ----------
    X : (n, ...) frame
        Summary, columns of the closed form, and attributes as levels and numbers.
    buys : (n,) array of bool
    spend : (n,) array
        In the window, currency.
    bucket : (n,) array of int
        Hash of the customer.
    repeats : int
        Most rows of one customer.
    names : sequence of str
        Attributes; one that has the same value everywhere counts for none.
    """
    if not names or buys.all() or not buys.any():
        return Relevant()
    once = X["frequency"].to_numpy() == 0
    missed = _purchase_residuals(X, buys, repeats)
    paid = spend > 0
    over = _spend_residuals(X[paid], spend[paid])
    of = {name: groups(X[name]) for name in names}
    of = {name: group for name, group in of.items() if group.min() < group.max()}
    limit = CHANCE / (max(len(of), 1) * _TESTS)
    purchase, value = [], []
    for name, group in of.items():
        if min(chance_of(missed, group, bucket), chance_of(missed[once], group[once], bucket[once])) < limit:
            purchase.append(name)
        who, where = once[paid], group[paid]
        if min(chance_of(over, where, bucket[paid]), chance_of(over[who], where[who], bucket[paid][who])) < limit:
            value.append(name)
    return Relevant(tuple(purchase), tuple(value))


def chance_of(residuals: Array, group: Ints, bucket: Ints) -> float:
    """Probability of differences between groups as large as these, if there are none; 1 where nothing can be compared.

    Groups of fewer than 30 customers are left out.

    Parameters
    ----------
    residuals : (n,) array
    group, bucket : (n,) array of int
        A customer belongs to the group of the last row.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> group = np.repeat([0, 1], 500)
    >>> chance_of(draw.normal(size=1000) + group, group, np.arange(1000)) < 1e-9
    True
    """
    if not len(residuals):
        return 1.0
    _, last, customer = np.unique(bucket[::-1], return_index=True, return_inverse=True)
    sums = np.bincount(customer, weights=residuals[::-1])
    of = group[::-1][last]
    parts = [part for one in np.unique(of) if len(part := sums[of == one]) >= _SMALLEST_GROUP]
    if len(parts) < _FEWEST or float(np.var(np.concatenate(parts))) == 0:
        return 1.0
    # scipy.stats takes half a second to load, which a night does not use
    from scipy.stats import f_oneway

    with warnings.catch_warnings():
        # groups of one value each differ for certain, and are too few to be asked about
        warnings.simplefilter("ignore")
        found = float(f_oneway(*parts).pvalue)
    return found if np.isfinite(found) else 1.0


def groups(values: pd.Series) -> Ints:
    """Levels, or fifths of numbers, as whole numbers; missing ones are a group of their own; shape (n,)."""
    if not pd.api.types.is_float_dtype(values):
        return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.int64)
    numbers = values.to_numpy(dtype=float)
    known = ~np.isnan(numbers)
    if not known.any():
        return np.full(len(numbers), -1)
    edges = np.unique(np.quantile(numbers[known], np.arange(1, _BANDS) / _BANDS))
    return np.where(known, np.searchsorted(edges, numbers, side="left"), -1).astype(np.int64)


def _purchase_residuals(X: pd.DataFrame, buys: Mask, repeats: int) -> Array:
    """What a regression without attributes missed, shape (n,)."""
    columns = _history(X)
    matrix = np.column_stack([log_odds(X["closed_form_p_buy"].to_numpy(dtype=float)), columns])
    fitted = LogisticRegression.fit(matrix, buys, repeats)
    return np.asarray(buys - expit(fitted.log_odds(matrix)))


def _spend_residuals(X: pd.DataFrame, spend: Array) -> Array:
    """Log of what buyers spent, over what a regression without attributes expects, shape (m,)."""
    if not len(X):
        return np.zeros(0)
    expected = ("closed_form_value_repeat", "closed_form_value_all", "first_order_value")
    logs = (np.log(np.maximum(X[name].to_numpy(dtype=float), 1e-9)) for name in expected)
    matrix = np.column_stack([np.ones(len(X)), *logs, _history(X)])
    weights, *_ = np.linalg.lstsq(matrix, np.log(spend), rcond=None)
    return np.asarray(np.log(spend) - matrix @ weights)


def _history(X: pd.DataFrame) -> Array:
    frequency, age = X["frequency"].to_numpy(dtype=float), X["T"].to_numpy(dtype=float)
    silence = age - X["recency"].to_numpy(dtype=float)
    value = np.maximum(X["historic_value"].to_numpy(dtype=float), 0)
    orders, silent = np.log1p(frequency), np.log1p(silence)
    return np.column_stack([orders, silent, np.log1p(age), np.log1p(value), orders * silent, frequency == 0])

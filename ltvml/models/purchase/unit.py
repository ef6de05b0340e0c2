"""The unit of time of a customer summary, and what shows that a fit and a prediction are in different ones."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.errors import DataContractError, FitWarning

if TYPE_CHECKING:
    from ltvml.arrays import Array

UNIT = "unit"
"""Key of `frame.attrs` that holds the unit of recency and T: day or week."""
OPERATIONAL = "operational day"
FARTHEST = 3.0
"""Times the longest age of a fit beyond which a horizon or an age is probably in another unit."""
SWAPPED_SHARE, LEAST_REPEATERS, LEAST_CUSTOMERS = 0.9, 10, 100


def unit_of(X: Any, *times: Array) -> str | None:
    """Unit of the times of a frame: by its `attrs`, by the `cutoff_day` of a summary, or None where nothing tells.

    Parameters
    ----------
    X : frame
    *times : (n,) arrays
        Recency and T. A summary in days has whole ones; others were converted since.
    """
    given = getattr(X, "attrs", {}).get(UNIT) or ("day" if "cutoff_day" in X else None)
    if given == "day" and any((values != np.floor(values)).any() for values in times):
        return None
    return None if given is None else str(given)


def check_unit(model: str, fitted: str | None, given: str | None) -> None:
    """Refuse a frame in another unit than that of the fit.

    Raises
    ------
    DataContractError
    """
    # on a plain clock operational days are days, and the wrapper that made them knows
    if fitted != given and not {None, OPERATIONAL} & {fitted, given}:
        raise DataContractError(
            f"{model} was fitted on times in {fitted}s and was given times in {given}s; expected {fitted}s.",
            hint=f"convert recency, T and the horizon to {fitted}s (7 days a week), or fit again in {given}s.",
        )


def warn_of_far_times(what: str, longest: float, fitted: float, unit: str | None) -> None:
    """Warn where a time is far beyond the ages that a model was fitted on.

    Parameters
    ----------
    what : str
        horizon, or T.
    longest, fitted : float
        The longest time given, and the longest age of the fit.
    unit : str or None
        Of the fit.
    """
    if not 0 < FARTHEST * fitted < longest:
        return
    named = f" in {unit}s" if unit else ""
    warnings.warn(
        FitWarning(
            f"{what} is {longest:g}, {longest / fitted:.1f} times the longest T of the fit ({fitted:g}{named}): "
            "expected the unit of the fit. Was a model of weeks given days? If not, this is far beyond the data."
        ),
        stacklevel=5,
    )


def check_order_of_columns(x: Array, t_x: Array, T: Array) -> None:
    """Refuse histories where nearly everyone has more repeat purchases than days between the first and the last.

    Raises
    ------
    DataContractError
        If frequency and recency were probably swapped: purchases of one day are one purchase.
    """
    again = x > 0
    whole = bool((t_x == np.floor(t_x)).all() and (np.floor(T) == T).all())
    if whole and again.sum() >= LEAST_REPEATERS and (x > t_x)[again].mean() > SWAPPED_SHARE:
        raise DataContractError(
            f"{int((x > t_x)[again].sum()):,} of {int(again.sum()):,} customers have more repeat purchases than time "
            "between the first and the last; expected at most one purchase a day.",
            hint="were frequency and recency swapped? The order is fit(frequency, recency, T).",
        )


def without_one_time_buyers(x: Array, customers: float) -> str:
    """What to say where every customer has bought again; empty where one has not, or where there are few of them.

    A purchase model reads such customers as a shop that nobody leaves.
    """
    if not len(x) or customers < LEAST_CUSTOMERS or x.min() <= 0:
        return ""
    return (
        f"each of the {customers:,.0f} customers has a repeat purchase: were one-time buyers (frequency 0) removed? "
        "A purchase model needs them; only the spend model leaves them out, by itself."
    )


def warn_without_one_time_buyers(x: Array, customers: float) -> None:
    """Warn where every customer has bought again."""
    if said := without_one_time_buyers(x, customers):
        warnings.warn(FitWarning(said), stacklevel=5)

"""Customers after a bad first experience beside those after a good one: who ordered again, at like first-order values.

Whoever pays more may complain more, and come back more: so the two are compared within tenths of the first order's
value alone. What else differs between them is not taken out, and no cause is claimed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.contracts import FIRST_EXPERIENCE, SIGNALS
from ltvml.economics.matched import matched_difference
from ltvml.features.experience import signals
from ltvml.features.first_experience import first_experience
from ltvml.outreach.experiment.difference import CONFIDENCE, wilson

if TYPE_CHECKING:
    from ltvml.arrays import Array, Ints
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake

BANDS = 10
_ENDS = ("", "_lo", "_hi")
_FIGURES = (
    *(f"retention_{group}{end}" for group in ("bad", "good") for end in _ENDS),
    *("difference", "difference_lo", "difference_hi", "difference_se"),
)


def experience_of(intake: Intake, config: Config) -> pd.DataFrame:
    """Rows of `contracts.FIRST_EXPERIENCE`: one for each signal that the orders have."""
    has_returns, known_within = intake.ledger.has_returns, config.cohorts.experience_days
    if not signals(intake.lines, has_returns=has_returns):
        return pd.DataFrame(columns=list(FIRST_EXPERIENCE.names))
    horizon = intake.window.churn_horizon
    found = first_experience(
        intake.lines,
        intake.days,
        intake.window,
        known_within=known_within,
        horizon=horizon,
        has_returns=has_returns,
    )
    table = compared(intake.engine.collect(found), bad_rating=config.cohorts.bad_rating, fewest=config.cohorts.fewest)
    return table.assign(from_day=known_within + 1, to_day=known_within + horizon)[list(FIRST_EXPERIENCE.names)]


def compared(customers: pd.DataFrame, *, bad_rating: float | None, fewest: int) -> pd.DataFrame:
    """Rows of `contracts.FIRST_EXPERIENCE` without their days: one a signal that the customers have.

    Parameters
    ----------
    customers : frame
        Of `features.first_experience`.
    bad_rating : float, optional
        Ratings at or below it are bad; without it those in the lower half of the ratings found.
    fewest : int
        Customers of a group below which figures are null.
    """
    bands, again = value_bands(customers["gross"].to_numpy(dtype=float)), customers["again"].to_numpy(dtype=float)
    rows = []
    for name in (name for name in SIGNALS if name in customers):
        values = customers[name].to_numpy(dtype=float)
        known = ~np.isnan(values)
        limit = _limit(name, values[known], bad_rating)
        bad = known & ((values <= limit) if name == "rating" else (values > limit))
        row = _row(bad, known & ~bad, bands, again, fewest=fewest)
        rows.append({"signal": name, "limit": limit, "not_known": int((~known).sum()), **row})
    return pd.DataFrame(rows, columns=[name for name in FIRST_EXPERIENCE.names if name not in ("from_day", "to_day")])


def value_bands(values: Array) -> Ints:
    """Tenths of the values, from 0; equal values are in one band, shape (n,).

    Examples
    --------
    >>> value_bands(np.array([5.0, 5.0, 5.0, 9.0])).tolist()
    [0, 0, 0, 1]
    """
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    edges = np.unique(np.quantile(values, np.arange(1, BANDS) / BANDS))
    return np.asarray(np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1], dtype=np.int64)


def _limit(name: str, values: Array, bad_rating: float | None) -> float:
    """The rating up to which, or the value above which, an experience is bad."""
    if name != "rating":
        return 0.0
    if bad_rating is not None:
        return bad_rating
    return float(np.ceil((values.min() + values.max()) / 2) - 1) if len(values) else np.nan


def _row(bad: Array, good: Array, bands: Ints, again: Array, *, fewest: int) -> dict[str, Any]:
    n = {"bad": int(bad.sum()), "good": int(good.sum())}
    found: dict[str, Any] = {"customers_bad": n["bad"], "customers_good": n["good"], "matched": 0}
    if min(n.values()) < fewest:
        return found | dict.fromkeys(_FIGURES, np.nan)
    for group, of in (("bad", bad), ("good", good)):
        rate = float(again[of].mean())
        ends = wilson(rate, n[group], CONFIDENCE)
        found |= {f"retention_{group}{end}": value for end, value in zip(_ENDS, (rate, *ends), strict=True)}
    size = int(bands.max()) + 1
    counts = [
        np.bincount(bands[of], weights=weights, minlength=size)
        for of in (bad, good)
        for weights in (again[of], np.ones(int(of.sum())))
    ]
    difference = matched_difference(*counts, confidence=CONFIDENCE)
    return found | {
        "matched": difference.customers,
        "difference": difference.difference,
        "difference_lo": difference.lo,
        "difference_hi": difference.hi,
        "difference_se": difference.error,
    }

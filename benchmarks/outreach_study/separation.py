"""Do stages tell customers apart? Held-out rates by stage, beside buckets of the order count of the same number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ltvml.errors import DataContractError
from ltvml.outreach.customers.ladder import wilson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints


OUTCOMES = ("repeat", "cross_category")
FOLDS = 5
PRIOR_CUSTOMERS = 2.0
"""Customers at the overall rate that every group is given, so that one of a handful does not claim certainty."""


@dataclass(frozen=True, eq=False)
class Separation:
    """What the stages said about customers whose next horizon was held out.

    Parameters
    ----------
    rates : frame
        One row an outcome and stage: outcome, stage, customers, rate, lo, hi (Wilson, 95 %).
    scores : frame
        One row an outcome and grouping ("stage", "order_quantiles", "order_counts"): outcome, grouping, groups,
        log_loss, auc, both cross-fitted; gain (log-loss above that of the stages) and its paired standard error.
    """

    rates: pd.DataFrame
    scores: pd.DataFrame

    @property
    def better(self) -> dict[str, bool]:
        """By outcome, whether the stages have a lower log-loss than both kinds of buckets of the order count."""
        others = self.scores[self.scores["grouping"] != "stage"]
        return {str(outcome): bool((rows["gain"] > 0).all()) for outcome, rows in others.groupby("outcome")}

    @property
    def words(self) -> str:
        """In one sentence an outcome."""
        return " ".join(
            f"Stages separate customers {'better' if better else 'no better'} than order counts do on {outcome}."
            for outcome, better in self.better.items()
        )


def separation(customers: pd.DataFrame, *, outcomes: tuple[str, ...] = OUTCOMES, random_state: int = 0) -> Separation:
    """Rates by stage, and the log-loss and AUC of the group rates against those of order counts.

    A customer's prediction is (s + m p) / (n + m): s of n customers of the same group in the other four fifths, p the
    rate over all of them, m = 2. AUC is that within each fifth, averaged. The buckets are as many as the stages found:
    quantiles of the order count (fewer where they tie), and the counts 1, 2, ... with the rest in the last.

    Parameters
    ----------
    customers : frame
        `customer_id`, `stage`, `n_orders`, and each outcome as 0 or 1; rows with a null outcome take no part in it.
    outcomes : tuple of str
    random_state : int
        Of the split into fifths, which does not depend on the order of the rows.

    Returns
    -------
    Separation

    Raises
    ------
    DataContractError
        If a column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"customer_id": list("abcdefghij"), "n_orders": 1, "stage": ["lapsed", "lapsing"] * 5})
    >>> found = separation(frame.assign(repeat=[0, 1] * 5), outcomes=("repeat",))
    >>> found.better
    {'repeat': True}
    """
    needed = ["customer_id", "stage", "n_orders", *outcomes]
    missing = [name for name in needed if name not in customers]
    if missing:
        raise DataContractError(f"the separation of stages needs the columns {needed}; missing: {missing}.")
    tables = {name: customers.dropna(subset=[name]).sort_values("customer_id") for name in outcomes}
    rates = [_rates(table, name) for name, table in tables.items()]
    scores = [_scores(table, name, random_state) for name, table in tables.items() if len(table)]
    return Separation(pd.concat(rates, ignore_index=True), pd.concat(scores, ignore_index=True))


def order_quantiles(n_orders: ArrayLike, buckets: int) -> Ints:
    """Number of the quantile of each order count, shape (n,); equal counts share one, so there may be fewer."""
    orders = np.asarray(n_orders, dtype=float)
    levels = np.arange(1, buckets) / buckets
    edges = np.unique(np.quantile(orders, levels, method="inverted_cdf"))
    return np.asarray(np.searchsorted(edges, orders, side="left"), dtype=np.int64)


def order_counts(n_orders: ArrayLike, buckets: int) -> Ints:
    """The order count itself, those from `buckets` on together, shape (n,)."""
    return np.minimum(np.asarray(n_orders, dtype=np.int64), buckets)


def _rates(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    counts = table.groupby("stage")[outcome].agg(["size", "sum"])
    shares = wilson(counts["sum"], counts["size"])
    columns = {"outcome": outcome, "stage": counts.index, "customers": counts["size"].to_numpy()}
    return pd.DataFrame({**columns, "rate": shares.share, "lo": shares.lo, "hi": shares.hi})


def _scores(table: pd.DataFrame, outcome: str, random_state: int) -> pd.DataFrame:
    truth = table[outcome].to_numpy(dtype=float)
    codes = np.unique(table["stage"].to_numpy(dtype="str"), return_inverse=True)[1]
    buckets = int(codes.max()) + 1
    orders = table["n_orders"].to_numpy()
    groupings = {
        "stage": np.asarray(codes, dtype=np.int64),
        "order_quantiles": order_quantiles(orders, buckets),
        "order_counts": order_counts(orders, buckets),
    }
    folds = np.random.default_rng(random_state).permutation(len(truth)) % FOLDS
    rows = _scored({name: _cross_fitted(truth, groups, folds) for name, groups in groupings.items()}, truth, folds)
    sizes = [len(np.unique(groups)) for groups in groupings.values()]
    return rows.assign(outcome=outcome, groups=sizes)[
        ["outcome", "grouping", "groups", "log_loss", "auc", "gain", "gain_error"]
    ]


def _cross_fitted(truth: Array, groups: Ints, folds: Ints) -> Array:
    """Rate of each customer's group in the other folds, drawn to the overall rate there, shape (n,)."""
    size = int(groups.max()) + 1
    predicted = np.empty(len(truth))
    for fold in range(FOLDS):
        mine = folds == fold
        # a customer at each outcome beyond the data keeps the rates inside (0, 1)
        overall = (truth[~mine].sum() + 1) / ((~mine).sum() + 2)
        counts = np.bincount(groups[~mine], minlength=size)
        hits = np.bincount(groups[~mine], weights=truth[~mine], minlength=size)
        predicted[mine] = ((hits + PRIOR_CUSTOMERS * overall) / (counts + PRIOR_CUSTOMERS))[groups[mine]]
    return predicted


def _scored(predictions: Mapping[str, Array], truth: Array, folds: Ints) -> pd.DataFrame:
    losses = {name: -np.log(np.where(truth > 0, rate, 1 - rate)) for name, rate in predictions.items()}
    above = {name: loss - losses["stage"] for name, loss in losses.items()}
    rows = {
        "grouping": list(predictions),
        "log_loss": [float(loss.mean()) for loss in losses.values()],
        "auc": [_auc_within(truth, rate, folds) for rate in predictions.values()],
        "gain": [float(gain.mean()) for gain in above.values()],
        "gain_error": [float(gain.std() / np.sqrt(len(gain))) for gain in above.values()],
    }
    return pd.DataFrame(rows)


def _auc_within(truth: Array, rate: Array, folds: Ints) -> float:
    """Mean over the folds of P(a buyer is ranked above another), ties half; NaN where no fold has both."""
    values = [_auc(truth[folds == fold], rate[folds == fold]) for fold in range(FOLDS)]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _auc(truth: Array, rate: Array) -> float:
    hits = float(truth.sum())
    pairs = hits * (len(truth) - hits)
    return float((rankdata(rate)[truth > 0].sum() - hits * (hits + 1) / 2) / pairs) if pairs else float("nan")

"""Who is moved by a contact: one model of the response in each arm, and the difference of the two.

    uplift(x) = P(buys | contacted, x) - P(buys | held out, x)

Both probabilities come from trees that stop early on customers they have not seen. The difference of two models is far
noisier than either of them, so that it is fitted only from twenty thousand customers an arm, is evaluated on scores
of customers outside the training of the model that scored them, and is compared with the ranking by response alone:
where that one is as good, there is no reason to rank by uplift.

References
----------
Radcliffe & Surry (1999), "Differential response analysis", Credit Scoring and Credit Control VI (the two-model
approach); Kuenzel et al. (2019), "Metalearners for estimating heterogeneous treatment effects using machine learning",
PNAS 116 (the T-learner).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from ltvml.errors import DataContractError
from ltvml.hashing import buckets_of
from ltvml.models.trees.booster import FOLDS, Growth, Sample, Trees, grow
from ltvml.outreach.experiment.qini import Caught, QiniCurve, caught, qini_curve
from ltvml.words.sentence import Sentence, Share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Mask


FEWEST_IN_ARM = 20_000
FORMAT_VERSION = 1
TOP = 0.3
MOST_VALUES = 20
"""A text column with more values than this is no covariate."""
_MEMBERS = 5
# two hashes: early stopping and evaluation must use independent customers
_FOLD_SALT, _STOP_SALT = "uplift fold", "uplift stop"


@dataclass(frozen=True)
class TwoModels:
    """A response model of each arm.

    Parameters
    ----------
    treated, held_out : Trees
        Log-odds of a purchase.
    names : tuple of k str
        Columns of `covariates` that both were trained on.
    """

    treated: Trees
    held_out: Trees
    names: tuple[str, ...]

    def response(self, X: pd.DataFrame) -> Array:
        """P(buys | contacted), shape (n,), of an (n, ...) frame of customers."""
        return np.asarray(expit(self.treated.raw(self._read(X))))

    def uplift(self, X: pd.DataFrame) -> Array:
        """P(buys | contacted) - P(buys | held out), shape (n,), of an (n, ...) frame of customers."""
        read = self._read(X)
        return np.asarray(expit(self.treated.raw(read)) - expit(self.held_out.raw(read)))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "format_version": FORMAT_VERSION,
            "treated": self.treated.to_dict(),
            "held_out": self.held_out.to_dict(),
            "names": list(self.names),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises
        ------
        DataContractError
            If the values were written in a newer format.
        """
        if values["format_version"] > FORMAT_VERSION:
            raise DataContractError(
                f"found an uplift model in format {values['format_version']}; expected {FORMAT_VERSION} or older.",
                hint="upgrade ltvml to the version that wrote it, or measure again.",
            )
        treated, held_out = Trees.from_dict(values["treated"]), Trees.from_dict(values["held_out"])
        return cls(treated, held_out, tuple(values["names"]))

    def _read(self, X: pd.DataFrame) -> pd.DataFrame:
        # a value of a text that the training never saw has no column, and one that is absent now is zero for all rows
        return covariates(X).reindex(columns=list(self.names), fill_value=0.0)


@dataclass(frozen=True, eq=False)
class UpliftRanking:
    """A ranking by measured uplift, and how it does on customers that its models had not seen.

    Parameters
    ----------
    model : TwoModels
        Trained on all customers, for the next plan.
    curve : QiniCurve
        Of the ranking by uplift.
    by_uplift, by_response : Caught
        Share of the effect in the top 30 %.
    """

    model: TwoModels
    curve: QiniCurve
    by_uplift: Caught
    by_response: Caught

    @property
    def words(self) -> Sentence:
        """The comparison and its conclusion."""
        helps = self.curve.area > 0 and self.by_uplift.share > max(self.by_response.share, TOP)
        return Sentence.of(
            "uplift",
            top=Share(TOP),
            uplift=Share(self.by_uplift.share),
            error=Share(self.by_uplift.standard_error),
            response=Share(self.by_response.share),
            verdict=Sentence.of("uplift.helps" if helps else "uplift.useless"),
        )


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of customers by models that had not learned from them.

    Parameters
    ----------
    uplift, response : (n,) arrays
        As in `TwoModels`.
    """

    uplift: Array
    response: Array


def rank_by_uplift(
    X: pd.DataFrame, bought: NDArray[np.bool_], treated: Mask, growth: Growth | None = None
) -> UpliftRanking | None:
    """Learn who is moved by a contact, where there are customers enough.

    Parameters
    ----------
    X : (n, ...) frame
        customer_id, one row each, and what was known of the customers before the launch.
    bought, treated : (n,) arrays of bool
        Outcome, and the arm that chance gave.
    growth : Growth, optional
        How trees are grown.

    Returns
    -------
    UpliftRanking or None
        None where an arm has fewer than 20,000 customers, or no purchase.
    """
    enough = all(arm.sum() >= FEWEST_IN_ARM and bought[arm].any() for arm in (treated, ~treated))
    if not enough:
        return None
    grown = growth or Growth()
    scores = out_of_fold(X, bought, treated, grown)
    outcome = bought.astype(float)
    return UpliftRanking(
        fit(X, bought, treated, grown),
        qini_curve(scores.uplift, outcome, treated),
        caught(scores.uplift, outcome, treated, top=TOP),
        caught(scores.response, outcome, treated, top=TOP),
    )


def out_of_fold(X: pd.DataFrame, bought: NDArray[np.bool_], treated: Mask, growth: Growth) -> Scores:
    """Score every fifth of the customers by models that learned from the other four.

    Parameters
    ----------
    X, bought, treated, growth
        As in `rank_by_uplift`.
    """
    fold = buckets_of(X["customer_id"], _FOLD_SALT) % FOLDS
    uplift, response = np.zeros(len(X)), np.zeros(len(X))
    for number in range(FOLDS):
        out = fold == number
        model = fit(X[~out], bought[~out], treated[~out], growth)
        uplift[out], response[out] = model.uplift(X[out]), model.response(X[out])
    return Scores(uplift, response)


def fit(X: pd.DataFrame, bought: NDArray[np.bool_], treated: Mask, growth: Growth) -> TwoModels:
    """Train the response model of each arm.

    Parameters
    ----------
    X, bought, treated, growth
        As in `rank_by_uplift`.
    """
    read = covariates(X)
    stop = buckets_of(X["customer_id"], _STOP_SALT)
    names = tuple(read.columns)

    def response(arm: Mask) -> Trees:
        sample = Sample(read[arm], bought[arm].astype(float), stop[arm])
        return grow(sample, "binary", growth, members=_MEMBERS, names=names)

    return TwoModels(response(treated), response(~treated), names)


def covariates(X: pd.DataFrame) -> pd.DataFrame:
    """What a model reads of customers: numbers as they are, texts as a column of 0 and 1 for each value.

    Parameters
    ----------
    X : (n, ...) frame
        Numbers, booleans and texts; `customer_id`, dates and texts of more than 20 values are left out.

    Returns
    -------
    (n, k) frame of float
        Columns `customer.<name>` and `customer.<name>=<value>`, in the order of `X` and of the values.

    Examples
    --------
    >>> covariates(pd.DataFrame({"customer_id": ["a", "b"], "T": [3, 4], "stage": ["new", "old"]})).columns.tolist()
    ['customer.T', 'customer.stage=new', 'customer.stage=old']
    """
    read: dict[str, Array] = {}
    for name in X.columns.drop("customer_id"):
        # a prefix, for a learner would compute a column of its own where a name is one that it derives
        read |= {f"customer.{key}": values for key, values in _as_numbers(str(name), X[name]).items()}
    return pd.DataFrame(read, index=X.index)


def _as_numbers(name: str, column: pd.Series) -> dict[str, Array]:
    if pd.api.types.is_numeric_dtype(column):
        return {name: column.to_numpy(dtype=float, na_value=np.nan)}
    if pd.api.types.is_datetime64_any_dtype(column):
        return {}
    values = sorted(str(value) for value in column.dropna().unique())
    if len(values) > MOST_VALUES:
        return {}
    return {f"{name}={value}": np.asarray(column.eq(value).fillna(False), dtype=float) for value in values}

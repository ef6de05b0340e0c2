"""The few reasons of a customer's churn risk: strongest first, each tested before it is reported.

A reason is an idea whose columns together move the log-odds of churn. It is reported only where setting those columns
to what is typical of the shop moves the risk back, so that the reason holds when a reader checks it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import pandas as pd

from ltvml.models.attributes.levels import attribute_of
from ltvml.reasons.groups import ATTRIBUTES, GROUPS, ORDERED, columns_of
from ltvml.reasons.models import part_of
from ltvml.reasons.sentences import Case, known_of, rows_of, sentence
from ltvml.words.spoken import Spoken

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle
    from ltvml.bundle.typical import Typical
    from ltvml.models.base import RepurchaseModel, ValueModel


Effect = Literal["raises", "lowers"]
Order = Literal["strongest", "raising"]

MOST = 3
LEAST = 0.1
"""Log-odds below which an idea is no reason: at most two and a half points of risk in a hundred."""


@dataclass(frozen=True)
class Reason:
    """Why the churn risk of a customer is higher or lower than usual.

    Parameters
    ----------
    group : str
        The idea, see `groups.GROUPS`.
    effect : {"raises", "lowers"}
        On churn risk.
    contribution : float
        Log-odds of churn that the idea adds.
    if_typical : float
        Log-odds of churn by which the risk moves if the idea's columns are typical of the shop; of the other sign.
    words : str
        With the customer's own numbers.
    """

    group: str
    effect: Effect
    contribution: float
    if_typical: float
    words: str

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def find_reasons(
    model: RepurchaseModel,
    X: pd.DataFrame,
    *,
    typical: Typical,
    horizon: float,
    words: Spoken,
    first: Order = "strongest",
    most: int = MOST,
) -> list[list[Reason]]:
    """The reasons of each customer.

    Parameters
    ----------
    model : RepurchaseModel
    X : (n, ...) frame
        The customers in question, as they are handed to the model.
    typical : Typical
        Of the shop.
    horizon : float
        Of the churn risk, days.
    words : Spoken
    first : {"strongest", "raising"}
        Order of the reasons: by weight, or those that raise the risk before those that lower it.
    most : int

    Returns
    -------
    list of n lists of Reason
        An empty list where nothing sets a customer apart, as with a model that gives all customers the same risk.
    """
    evidence = Evidence.of(model, X, typical=typical, horizon=horizon)
    return [
        [evidence.reason(row, group, own, known, typical, words) for group in evidence.best(row, first)[:most]]
        for row, (own, known) in enumerate(zip(rows_of(X), known_of(X), strict=True))
    ]


def reasons_for(
    bundle: Bundle, X: pd.DataFrame, scores: pd.DataFrame, *, typical: Typical, words: Spoken | None = None
) -> list[list[str]]:
    """The reasons of a shortlist in words, those that raise the risk first.

    Parameters
    ----------
    bundle : Bundle
    X : (n, ...) frame
        The rows that were scored, those of the shortlist only.
    scores : (n, ...) frame
        Their scores, in the same order; where the churn risk is not known there is nothing to give reasons for.
    typical : Typical
        Of the shop.
    words : Spoken, optional
        English by default.

    Returns
    -------
    list of n lists of str
        Such as "ordered every 31 days on average, and not for 58 days: raises the risk"; at most three each.
    """
    words = words or Spoken.of("en", bundle.money.currency)
    known = scores["churn_risk"].notna().to_numpy()
    found = iter(
        find_reasons(
            bundle.roles.repurchase,
            bundle.attributes.apply(X[known]),
            typical=typical,
            horizon=bundle.window.churn_horizon,
            words=words,
            first="raising",
        )
    )
    return [[words(reason.effect, reason=reason.words) for reason in next(found)] if row else [] for row in known]


@dataclass(frozen=True)
class Evidence:
    """The evidence for each idea.

    Parameters
    ----------
    contributed : (n, k + 1) frame
        See `contributions`.
    weights, moved : (n, groups) frame
        Contributions by idea, and how far the risk moves if the idea's columns are typical; log-odds of churn.
    """

    contributed: pd.DataFrame
    weights: pd.DataFrame
    moved: pd.DataFrame

    @classmethod
    def of(cls, model: RepurchaseModel, X: pd.DataFrame, *, typical: Typical, horizon: float) -> Self:
        """The prediction of the model."""
        contributed = contributions(model, X, typical=typical, horizon=horizon)
        weights = by_group(contributed)
        return cls(contributed, weights, moved_by_typical(model, X, typical=typical, horizon=horizon))

    def best(self, row: int, first: Order) -> list[str]:
        """The ideas that may be reported for a customer, best first."""
        weights, moved = self.weights.iloc[row], self.moved.iloc[row]
        sayable = [
            group for group in weights.index if abs(weights[group]) >= LEAST and weights[group] * moved[group] < 0
        ]
        return sorted(sayable, key=lambda group: (first == "raising" and weights[group] < 0, -abs(weights[group])))

    def reason(
        self,
        row: int,
        group: str,
        own: dict[str, float],
        known: dict[str, str | float],
        typical: Typical,
        words: Spoken,
    ) -> Reason:
        """An idea about a customer, in words."""
        weight, moved = float(self.weights[group].iloc[row]), float(self.moved[group].iloc[row])
        case = Case(own, typical, self._leading(row, group, weight), raises=weight > 0, known=known)
        return Reason(group, "raises" if weight > 0 else "lowers", weight, moved, sentence(group, case, words))

    def _leading(self, row: int, group: str, weight: float) -> str:
        """The column of an idea that pulls its way most."""
        pulls = self.contributed[columns_of(group, map(str, self.contributed))].iloc[row] * weight
        return str((pulls.groupby(lambda name: attribute_of(name)[0]).sum() if group == ATTRIBUTES else pulls).idxmax())


BASELINE = "baseline"


def contributions(
    model: RepurchaseModel | ValueModel, X: pd.DataFrame, *, typical: Typical, horizon: float
) -> pd.DataFrame:
    """What each column adds: log-odds of churn for a repurchase model, log value for a value model.

    Trees are shared out by TreeSHAP from their mean over the training; what is a function of the customer summary
    (logistic regression, closed forms) by Shapley's shares of number of orders, usual gap, silence and order value
    from the typical customer. A row adds up to the model's own score.

    Parameters
    ----------
    model : RepurchaseModel or ValueModel
        Fitted.
    X : (n, ...) frame
        Customers as they are handed to the model; left as it was.
    typical : Typical
        The customer in the middle, of the shop rather than of `X` where `X` is a few rows.
    horizon : float
        Of the score, days.

    Returns
    -------
    (n, k + 1) frame
        Columns `baseline` and the names of `snapshot_columns.LEARNER_COLUMNS` that the model reads.
    """
    shares = part_of(model, typical, horizon).shares(X)
    return pd.DataFrame({BASELINE: shares.baseline} | shares.of, index=X.index)


def by_group(contributed: pd.DataFrame) -> pd.DataFrame:
    """Contributions summed over the columns of each idea of `groups.GROUPS` that has any, shape (n, groups)."""
    columns = {group: columns_of(group, map(str, contributed)) for group in ORDERED}
    sums = {group: contributed[names].sum(axis=1) for group, names in columns.items() if names}
    return pd.DataFrame(sums, index=contributed.index)


def moved_by_typical(
    model: RepurchaseModel | ValueModel, X: pd.DataFrame, *, typical: Typical, horizon: float
) -> pd.DataFrame:
    """How far the score moves if all columns of an idea are set to their medians, shape (n, groups).

    Parameters and units as in `contributions`; columns that only the closed form gives take what it predicts for the
    typical customer.
    """
    part = part_of(model, typical, horizon)
    as_is = part.value(X)
    read = columns_of(ATTRIBUTES, model.reads())
    attributes = frozenset({*read, *(attribute_of(name)[0] for name in read)})
    columns = {group: frozenset(GROUPS[group]) for group in GROUPS} | {ATTRIBUTES: attributes}
    moved = {group: part.value(X, columns[group]) - as_is for group in ORDERED if columns[group]}
    return pd.DataFrame(moved, index=X.index)

"""Which family of purchase models `models.purchase: auto` stands on: the usual one, or another that predicts better.

Within a family the likelier model serves. Between families likelihoods do not decide, since none of them is true: each
is fitted as of every past cutoff, on the clock of the usual closed form, and what it said of who would buy in the
window is compared with what came. Another family must beat the usual one as any candidate must, by more than a
standard error that counts windows too; and it must have a maximum at every one of these cutoffs and at the last. One
that is not ahead at the newest cutoffs by as much as a winner must be (`MEANINGFUL`) is not fitted to the older ones,
which keeps the comparison cheap: two families that see the same histories differ by about as much at every cutoff.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import ConvergenceError
from ltvml.evaluation.selection import MEANINGFUL, Fold, can_measure, compare, select_model
from ltvml.models.closed_form import FAMILIES, USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.backtesting.history import History
    from ltvml.evaluation.selection import Selection


def family_selection(history: History, folds: Sequence[Fold]) -> Selection | None:
    """Compare the families at past cutoffs; None where no cutoff can be measured.

    Parameters
    ----------
    history : History
        On the usual family.
    folds : sequence of Fold
        Outcomes after past cutoffs, newest first, without predictions.
    """
    measured, rivals = list[Fold](), [family for family in FAMILIES if family != USUAL]
    for fold in folds:
        if can_measure(fold, "repurchase"):
            measured.append(replace(fold, predictions=chances(history, fold, [USUAL, *rivals])))
            rivals = [family for family in rivals if is_ahead(measured, family)]
    if not measured:
        return None
    found = select_model(measured, "repurchase", default=USUAL)
    # a maximum at past cutoffs promises none at the last
    return found if has_a_maximum(history, found.champion) else replace(found, champion=USUAL)


def is_ahead(folds: Sequence[Fold], family: str) -> bool:
    """Whether a family is enough better than the usual one at the cutoffs so far to be fitted to one more."""
    said = all(family in fold.predictions for fold in folds)
    return said and compare(folds, "repurchase", family, USUAL).advantage > MEANINGFUL


def has_a_maximum(history: History, family: str) -> bool:
    """Whether a family can be fitted to everything seen."""
    try:
        history.purchase_of(history.cutoff_day, family)
    except ConvergenceError:
        return False
    return True


def chances(history: History, fold: Fold, families: Sequence[str]) -> dict[str, Array]:
    """P(a purchase in the window of a fold) by family; one without a maximum or without a number there is left out."""
    customers = history.customers(fold.origin)
    found: dict[str, Array] = {}
    for family in families:
        try:
            chance = 1 - history.purchase_of(fold.origin, family).churn_risk(customers, fold.horizon)
        except ConvergenceError:
            if family == USUAL:
                raise
            continue
        if family == USUAL or np.isfinite(chance).all():
            found[family] = chance
    return found


def family_words(selection: Selection | None) -> str:
    """What to say where another family than the usual one serves; empty where not."""
    if selection is None or selection.champion == USUAL:
        return ""
    best = next(one for one in selection.comparisons if one.candidate == selection.champion)
    return (
        f"The purchase model is {selection.champion}: at past cutoffs its log-loss was {best.advantage:.4f} lower than "
        f"that of {USUAL} (standard error {best.standard_error:.4f})."
    )

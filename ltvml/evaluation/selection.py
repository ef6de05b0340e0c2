"""Which model serves a role: the default, unless another beat it by more than chance in the backtest.

The loss of a model is compared with the default's, customer by customer and cutoff by cutoff. A challenger wins where
its mean advantage, averaged over the cutoffs, is more than one standard error and at least .003. The error counts
customers, not rows, since one customer is seen at several cutoffs; and windows, since whole windows favour one model or
the other, and four windows that overlap are not four. With k cutoffs over `span` days, windows of H days and the
advantages d_j,

    n_eff = min(k, 1 + span / H)
    s^2   = (sum_j (d_j - d)^2 n_eff / k + 2 x .012^2) / (n_eff + 1)
    se^2  = se_customers^2 + s^2 / n_eff

Picking simply the best of the last window was measured to be worse than never picking; counting customers alone, the
advantage that a winner claimed missed by ten times its standard error.

One standard error alone lets a challenger that is exactly as good as the default win one selection in six, and one of
five such challengers two in five: the winner would change with the draw. On the data sets that the defaults were made
on, differences below .003 did not carry over from one cutoff to the next.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np

from ltvml.errors import DataContractError
from ltvml.evaluation import influence
from ltvml.evaluation.metrics import PROBABILITY_FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array


Role = Literal["repurchase", "value", "replenishment"]

MEANINGFUL = 0.003
"""Log-loss or normalised Gini by which a challenger must be better, however small the standard error."""

WINDOW_SPREAD, PRIOR_WINDOWS = 0.012, 2
"""How much the advantage of a model differs from window to window, before any is seen, and how many that counts for."""

LEVEL_SLACK = 0.1
"""How much further off the total, as |ln(predicted / actual)|, a model may be and still replace the default."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One past cutoff: what every candidate predicted there, and what happened.

    Parameters
    ----------
    origin : int
        Day number of the cutoff.
    horizon : int
        Length of the label window, days.
    customer : (n,) array
        Bucket of each customer, the same at every cutoff.
    bought : (n,) array of 0 and 1
        A purchase in the window.
    spend : (n,) array
        Net value in the window, currency.
    segments : dict of str to (n,) array of bool
        Customers of each segment; `decides` leaves out those silent for very long.
    predictions : dict of str to (n,) array
        By candidate: probability of a purchase, or expected value.

    Raises
    ------
    DataContractError
        If a prediction has another length than the outcomes, or is not a number.
    """

    origin: int
    horizon: int
    customer: NDArray[np.int64]
    bought: Array
    spend: Array
    segments: Mapping[str, NDArray[np.bool_]]
    predictions: Mapping[str, Array]

    def __post_init__(self) -> None:
        for name, prediction in self.predictions.items():
            if prediction.shape != self.bought.shape or not np.isfinite(prediction).all():
                raise DataContractError(
                    f"candidate '{name}' at day {self.origin}: found {prediction.shape} predictions, of which "
                    f"{int(np.sum(~np.isfinite(prediction)))} are not finite; expected one number for each of the "
                    f"{len(self.bought)} customers."
                )

    @property
    def decides(self) -> NDArray[np.bool_]:
        """Whose outcome counts in the selection, shape (n,)."""
        return self.segments["decides"]

    def actual(self, role: Role) -> Array:
        """What a prediction of the role is compared with: `bought` or `spend`, shape (n,)."""
        return self.spend if role == "value" else self.bought


@dataclass(frozen=True)
class Comparison:
    """A challenger beside the default.

    Parameters
    ----------
    advantage : float
        Mean over the cutoffs: log-loss saved, or normalised Gini gained.
    standard_error : float
        Of the paired advantage, clustered by customer; for churn and value it counts windows, too.
    level_error : float
        |ln(predicted total / actual total)|, mean over the cutoffs.
    """

    candidate: str
    advantage: float
    standard_error: float
    level_error: float

    @property
    def wins(self) -> bool:
        """Better than the default by more than one standard error, and by enough to mean something."""
        return self.advantage > max(self.standard_error, MEANINGFUL)

    @property
    def within_one_error(self) -> bool:
        """Not worse than the default by more than one standard error."""
        return self.advantage >= -self.standard_error


@dataclass(frozen=True)
class Selection:
    """The outcome for one role.

    Parameters
    ----------
    role : {"repurchase", "value", "replenishment"}
    comparisons : tuple of Comparison
        All candidates but the default, best first.
    words : str
        Why, in words.
    weights : tuple of float
        Of the experts of a stack, as past cutoffs taught them.
    """

    role: Role
    default: str
    champion: str
    comparisons: tuple[Comparison, ...]
    words: str
    weights: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` can write exactly; without weights where there are none, as in old bundles."""
        plain = asdict(self) | {"comparisons": [asdict(comparison) for comparison in self.comparisons]}
        weights = list(plain.pop("weights"))
        return plain | ({"weights": weights} if weights else {})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises
        ------
        DataContractError
            If the role is none that this version knows.
        """
        if values["role"] not in get_args(Role):
            raise DataContractError(
                f"found a model selection for role '{values['role']}'; expected one of {get_args(Role)}."
            )
        comparisons = tuple(Comparison(**one) for one in values["comparisons"])
        weights = tuple(values.get("weights", ()))
        return cls(values["role"], values["default"], values["champion"], comparisons, values["words"], weights)


def select_model(
    folds: Sequence[Fold], role: Role, *, default: str, may_win: Callable[[str], bool] | None = None
) -> Selection:
    """Select the model of one role.

    Only folds that have predictions of the default and outcomes that differ are counted, and only candidates with
    predictions in all of them.

    Parameters
    ----------
    folds : sequence of Fold
    role : {"repurchase", "value", "replenishment"}
    default : str
        Candidate that serves unless another is better.
    may_win : callable of a name, optional
        Which candidates may replace it; all are compared.

    Raises
    ------
    DataContractError
        If there is no such fold.
    """
    counted = [fold for fold in folds if default in fold.predictions and can_measure(fold, role)]
    if not counted:
        raise DataContractError(
            f"none of the {len(folds)} backtest cutoffs has predictions of '{default}' and outcomes that differ.",
            hint="without such a cutoff there is nothing to compare: use the default model.",
        )
    complete = set.intersection(*(set(fold.predictions) for fold in counted)) - {default}
    found = [compare(counted, role, name, default) for name in sorted(complete)]
    ordered = tuple(sorted(found, key=lambda comparison: -comparison.advantage))
    allowed = level_error(counted, role, default) + LEVEL_SLACK
    running = [one for one in ordered if may_win is None or may_win(one.candidate)]
    champion = chosen(running, role, default, allowed)
    cutoffs = len({fold.origin for fold in counted})
    return Selection(
        role,
        default,
        champion,
        ordered,
        in_words(running, role, default, champion, cutoffs),
    )


def can_measure(fold: Fold, role: Role) -> bool:
    """Whether the outcomes of those who decide differ; for value, also whether they sum to something."""
    actual = fold.actual(role)[fold.decides]
    return bool(len(actual) and np.ptp(actual) > 0 and actual.sum() > 0)


def compare(folds: Sequence[Fold], role: Role, candidate: str, default: str) -> Comparison:
    """A candidate beside the default over all folds."""
    sign = 1.0 if role == "value" else -1.0
    gaps = [influence.difference(measured(fold, role, candidate), measured(fold, role, default)) for fold in folds]
    gained, error = influence.mean_over_cutoffs(deciders(folds), gaps)
    # windows of replenishment do not overlap, and hold thousands of pairs of each of its items
    by_window = 0.0 if role == "replenishment" else error_of_windows(folds, [gap.value for gap in gaps])
    return Comparison(candidate, sign * gained, float(np.hypot(error, by_window)), level_error(folds, role, candidate))


def effective_windows(folds: Sequence[Fold]) -> float:
    """n_eff: windows that do not overlap, as many as the cutoffs span."""
    days = [fold.origin for fold in folds]
    return min(len(days), 1 + (max(days) - min(days)) / max(folds[0].horizon, 1))


def error_of_windows(folds: Sequence[Fold], advantages: Sequence[float]) -> float:
    """Standard error of the mean advantage by what differs from window to window; the formula of this file."""
    windows, seen = effective_windows(folds), np.asarray(advantages, dtype=float)
    squares = float(np.sum((seen - seen.mean()) ** 2)) * windows / len(seen)
    spread = (squares + PRIOR_WINDOWS * WINDOW_SPREAD**2) / (windows - 1 + PRIOR_WINDOWS)
    return float(np.sqrt(spread / windows))


def measured(fold: Fold, role: Role, candidate: str) -> influence.Measured:
    """The measure that decides, log-loss or normalised Gini, for those who decide."""
    rows = fold.decides
    function = influence.normalised_gini if role == "value" else influence.log_loss
    return function(fold.actual(role)[rows], fold.predictions[candidate][rows])


def deciders(folds: Sequence[Fold]) -> list[NDArray[np.int64]]:
    """Who decides, fold by fold."""
    return [fold.customer[fold.decides] for fold in folds]


def log_losses(fold: Fold, candidate: str) -> Array:
    """-ln of the probability given to what happened, shape (n,)."""
    p = np.clip(fold.predictions[candidate], PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return np.asarray(-np.log(np.where(fold.bought > 0, p, 1 - p)))


def level_error(folds: Sequence[Fold], role: Role, candidate: str) -> float:
    """|ln(predicted total / actual total)|, mean over the folds; infinite where one of them is not above 0."""
    rows = [(fold.predictions[candidate][fold.decides], fold.actual(role)[fold.decides]) for fold in folds]
    totals = np.array([(predicted.sum(), actual.sum()) for predicted, actual in rows])
    if (totals <= 0).any():
        return float("inf")
    return float(np.mean(np.abs(np.log(totals[:, 0] / totals[:, 1]))))


def chosen(ordered: Sequence[Comparison], role: Role, default: str, allowed: float) -> str:
    """Name of the champion.

    For value, a better ranking does not excuse a wrong level: the total may be off by at most `allowed`, and among
    winners within one standard error of the best Gini the one with the best level is taken.
    """
    winners = [one for one in ordered if one.wins and (role != "value" or one.level_error <= allowed)]
    if not winners:
        return default
    best = winners[0]
    if role != "value":
        return best.candidate
    close = [one for one in winners if one.advantage >= best.advantage - best.standard_error]
    return min(close, key=lambda one: one.level_error).candidate


def in_words(ordered: Sequence[Comparison], role: Role, default: str, champion: str, folds: int) -> str:
    """Why the champion was chosen, and which models did as well."""
    measure = "normalised Gini" if role == "value" else "log-loss"
    over = f"over {folds} backtest cutoff{'s' if folds > 1 else ''}"
    if champion != default:
        won = next(one for one in ordered if one.candidate == champion)
        return (
            f"{champion} selected instead of {default} (default). It improved {measure} by {won.advantage:.4f} {over}, "
            f"more than one standard error ({won.standard_error:.4f})."
        )
    barred = [one.candidate for one in ordered if one.wins]
    close = [one.candidate for one in ordered if one.within_one_error and not one.wins]
    sentences = [_default_kept(default, measure, over, barred)]
    if close:
        sentences.append(f"Within one standard error of the default: {', '.join(close)}.")
    return " ".join(sentences)


def _default_kept(default: str, measure: str, over: str, barred: Sequence[str]) -> str:
    kept = f"{default} (default) kept."
    by_more = f"improved {measure} by more than one standard error and {MEANINGFUL} {over}"
    if not barred:
        return f"{kept} No other model {by_more}."
    return f"{kept} {', '.join(barred)} {by_more}, but the error of the predicted total was much larger."

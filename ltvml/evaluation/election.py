"""Which model serves a role: the default, unless another beat it by more than chance at past cutoffs.

The loss of a model is compared with the default's, customer by customer and cutoff by cutoff. A challenger wins where its
mean advantage, averaged over the cutoffs, is more than one standard error; the error counts customers, not rows, since one
customer stands at several cutoffs. Picking simply the best of the last window was measured to be worse than never picking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltvml.evaluation.metrics import normalised_gini, relative_bias
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Role = Literal["repurchase", "value"]
REPLICATES = 60
PROBABILITY_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Round:
    """One past cutoff: what every candidate said there, and what happened.

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
        Who belongs to which part of the customers; `decides` leaves out those silent for very long.
    predictions : dict of str to (n,) array
        By candidate: probability of a purchase, or expected value.
    """

    origin: int
    horizon: int
    customer: NDArray[np.int64]
    bought: Array
    spend: Array
    segments: Mapping[str, NDArray[np.bool_]]
    predictions: Mapping[str, Array]

    @property
    def decides(self) -> NDArray[np.bool_]:
        """Whose outcome counts in the election, shape (n,)."""
        return self.segments["decides"]


@dataclass(frozen=True)
class Comparison:
    """A challenger beside the default.

    Parameters
    ----------
    candidate : str
    advantage : float
        Mean over the cutoffs: log-loss saved, or normalised Gini gained.
    standard_error : float
        Of the paired advantage, clustered by customer.
    level_error : float
        |ln(predicted total / actual total)|, mean over the cutoffs.
    """

    candidate: str
    advantage: float
    standard_error: float
    level_error: float

    @property
    def wins(self) -> bool:
        """Better than the default by more than one standard error."""
        return self.advantage > self.standard_error

    @property
    def within_one_error(self) -> bool:
        """Not worse than the default by more than one standard error."""
        return self.advantage > -self.standard_error


@dataclass(frozen=True)
class Election:
    """The outcome for one role.

    Parameters
    ----------
    role : {"repurchase", "value"}
    default, champion : str
    comparisons : tuple of Comparison
        All candidates but the default, best first.
    words : str
        Why, in words.
    """

    role: Role
    default: str
    champion: str
    comparisons: tuple[Comparison, ...]
    words: str


def elect(rounds: Sequence[Round], role: Role, *, default: str) -> Election:
    """Hold the election of one role.

    Parameters
    ----------
    rounds : sequence of Round
        At least one.
    role : {"repurchase", "value"}
    default : str
        Candidate that holds the office.

    Raises
    ------
    DataContractError
        If there is no round.
    """
    if not rounds:
        raise DataContractError("an election needs at least one past cutoff; found none.")
    challengers = [name for name in rounds[0].predictions if name != default]
    found = [compare(rounds, role, name, default) for name in challengers if all(name in r.predictions for r in rounds)]
    ordered = tuple(sorted(found, key=lambda comparison: -comparison.advantage))
    winners = [comparison for comparison in ordered if comparison.wins]
    champion = _best(winners, role) if winners else default
    return Election(role, default, champion, ordered, _words(role, default, champion, ordered, len(rounds)))


def compare(rounds: Sequence[Round], role: Role, candidate: str, default: str) -> Comparison:
    """A candidate beside the default over all rounds."""
    advantage = log_loss_advantage if role == "repurchase" else gini_advantage
    mean, error = advantage(rounds, candidate, default)
    return Comparison(candidate, mean, error, level_error(rounds, role, candidate))


def log_loss_advantage(rounds: Sequence[Round], candidate: str, default: str) -> tuple[float, float]:
    """Mean log-loss saved, and its standard error clustered by customer.

    The saving of round k is the mean of d_ik over its n_k customers; over K rounds the mean is the sum over customers of
    c_i = sum_k d_ik / (K n_k), and its variance that of a sum of independent, centred c_i.
    """
    customers, shares, means = [], [], []
    for judged in rounds:
        rows = judged.decides
        saved = log_losses(judged, default)[rows] - log_losses(judged, candidate)[rows]
        customers.append(judged.customer[rows])
        shares.append((saved - saved.mean()) / (len(rounds) * len(saved)))
        means.append(saved.mean())
    _, place = np.unique(np.concatenate(customers), return_inverse=True)
    by_customer = np.bincount(place, weights=np.concatenate(shares))
    return float(np.mean(means)), float(np.sqrt(np.sum(by_customer**2)))


def gini_advantage(rounds: Sequence[Round], candidate: str, default: str) -> tuple[float, float]:
    """Mean normalised Gini gained, and its standard error by a bootstrap of customers.

    A customer has one Poisson(1) weight in a replicate, at every cutoff; the bootstrap is paired, since both models see the
    same weights.
    """

    def gained(weights: Sequence[Array]) -> float:
        return float(
            np.mean(
                [_gini(judged, candidate, weight) - _gini(judged, default, weight) for judged, weight in zip(rounds, weights, strict=True)]
            )
        )

    once = gained([np.ones(int(judged.decides.sum())) for judged in rounds])
    replicates = [gained([customer_weights(judged, seed) for judged in rounds]) for seed in range(REPLICATES)]
    return once, float(np.std(replicates, ddof=1))


def customer_weights(judged: Round, seed: int) -> Array:
    """Poisson(1) weights of the customers who decide, the same customer the same weight at every cutoff, shape (m,)."""
    table = np.random.default_rng(seed).poisson(1.0, size=2**16).astype(float)
    weights = table[judged.customer[judged.decides] % 2**16]
    return weights if weights.any() else np.ones_like(weights)


def log_losses(judged: Round, candidate: str) -> Array:
    """-ln of the probability given to what happened, shape (n,)."""
    p = np.clip(judged.predictions[candidate], PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return np.asarray(-np.log(np.where(judged.bought > 0, p, 1 - p)))


def level_error(rounds: Sequence[Round], role: Role, candidate: str) -> float:
    """|ln(predicted total / actual total)|, mean over the rounds; infinite where one of them is 0."""
    ratios = []
    for judged in rounds:
        actual = judged.bought if role == "repurchase" else judged.spend
        ratios.append(1 + relative_bias(actual[judged.decides], judged.predictions[candidate][judged.decides]))
    with np.errstate(divide="ignore"):
        return float(np.mean(np.abs(np.log(ratios))))


def _gini(judged: Round, candidate: str, weight: Array) -> float:
    rows = judged.decides
    return normalised_gini(judged.spend[rows], judged.predictions[candidate][rows], sample_weight=weight)


def _best(winners: Sequence[Comparison], role: Role) -> str:
    """The best by the measure; for value, the best level among those that the measure cannot tell from the best."""
    best = winners[0]
    if role == "repurchase":
        return best.candidate
    close = [one for one in winners if one.advantage >= best.advantage - best.standard_error]
    return min(close, key=lambda one: one.level_error).candidate


def _words(role: Role, default: str, champion: str, ordered: Sequence[Comparison], rounds: int) -> str:
    measure = "log-loss" if role == "repurchase" else "normalised Gini"
    over = f"over {rounds} past cutoff{'s' if rounds > 1 else ''}"
    if champion != default:
        won = next(one for one in ordered if one.candidate == champion)
        return (
            f"{champion} beat the default {default} by {won.advantage:.4f} of {measure} {over}, "
            f"more than one standard error ({won.standard_error:.4f})."
        )
    close = [one.candidate for one in ordered if one.within_one_error]
    head = f"{default} keeps the office: no other model beat it by more than one standard error of {measure} {over}."
    return f"{head} Within one standard error here: {', '.join(close)}." if close else head

"""What a campaign taught: each action's effect on the logit of the conversion, shrunk towards none.

With o_i the log-odds of customer i's P(buy) without contact, as predicted before the launch, arm a gets the constant
c_a for which the mean of p_i = expit(o_i + c_a) is the arm's conversion rate. The effect of the action is

    d = c_treat - c_holdout,    s^2 = v_treat + v_holdout,    v_a = sum (y_i - p_i)^2 / (sum p_i (1 - p_i))^2

with s its standard error. It is the shift that the plan adds to o_i, whatever the level of the predictions; without
predictions o = 0 and d is the log odds ratio. v_a is the sandwich, no smaller than the model's 1 / sum p_i (1 - p_i).

Effects of actions are drawn from a normal distribution around none, with spread T learned from all of them:

    d_j | e_j ~ N(e_j, s_j^2),   e_j ~ N(0, T^2),   E[e_j | d_j] = d_j T^2 / (T^2 + s_j^2)

T^2 has a scaled inverse chi-squared prior worth four actions at T = 0.2, and is found by EM; few actions leave it
there.

References
----------
Efron & Morris (1975), "Data analysis using Stein's estimator and its generalizations", JASA 70 (shrinkage); Gelman et
al. (2013), Bayesian Data Analysis, 3rd edition, sections 5.4 and 13.4 (the hierarchical normal model, EM for T);
Gart & Zweifel (1967), Biometrika 54 (half an event added to each side).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import expit, ndtri

from ltvml.errors import DataContractError
from ltvml.models.logit import log_odds, shift_to_mean
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT
from ltvml.words.sentence import Name, Sentence, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array


FORMAT_VERSION = 1
USUAL_SPREAD = 0.2
"""Spread of effects that is expected before any was seen: two of three actions move the odds by less than a fifth."""
WORTH_ACTIONS = 4
LARGEST_ERROR = 0.5
"""Standard error above which an action is not measured: even a doubling of the odds would not be significant."""
_MOST_STEPS = 10_000
_SETTLED = 1e-10
LEVEL = 0.95
"""Of the interval of an effect."""
_INTERVAL = float(-ndtri((1 - LEVEL) / 2))


@dataclass(frozen=True)
class Effect:
    """Measured effect of one action, as a shift on the logit of the conversion.

    Parameters
    ----------
    action : str
    shift, standard_error : float
        Shrunk towards none, with what remains unknown: what the next plan uses.
    raw_shift, raw_standard_error : float
        As the campaign showed it.
    treat, holdout : int
        Customers of each arm.
    """

    action: str
    shift: float
    standard_error: float
    raw_shift: float
    raw_standard_error: float
    treat: int
    holdout: int

    @property
    def words(self) -> Sentence:
        """The effect in a sentence."""
        half = _INTERVAL * self.standard_error
        lo, hi = self.shift - half, self.shift + half
        change, low, high = (
            Sentence.of("percent", n=f"{100 * math.expm1(shift):+.1f}") for shift in (self.shift, lo, hi)
        )
        # no verdict: whether a campaign had an effect is said once, by the interval of its difference
        name = Name("action", self.action)
        return Sentence.of("effect", action=name, change=change, level=Share(LEVEL), lo=low, hi=high)


@dataclass(frozen=True)
class Effects:
    """Measured effects of actions, for the next plan.

    Parameters
    ----------
    effects : tuple of Effect
        Ordered by action.
    spread : float
        T, what effects differ by between actions.
    unmeasured : tuple of str
        Actions with too few customers or purchases in an arm: their effects stay assumed.
    """

    effects: tuple[Effect, ...]
    spread: float = USUAL_SPREAD
    unmeasured: tuple[str, ...] = ()

    def shift_of(self, action: str) -> float | None:
        """Measured shift of an action; None where it stays assumed."""
        return next((effect.shift for effect in self.effects if effect.action == action), None)

    @property
    def words(self) -> tuple[str, ...]:
        """One sentence for each measured action, and one for the others."""
        found = tuple(effect.words for effect in self.effects)
        if not self.unmeasured:
            return found
        others = tuple(Name("action", action) for action in self.unmeasured)
        return (*found, Sentence.of("effect.unmeasured", actions=others))

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` writes exactly."""
        return {
            "format_version": FORMAT_VERSION,
            "effects": [asdict(effect) for effect in self.effects],
            "spread": self.spread,
            "unmeasured": list(self.unmeasured),
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
                f"found measured effects in format {values['format_version']}; expected {FORMAT_VERSION} or older.",
                hint="upgrade ltvml to the version that wrote them, or measure again.",
            )
        effects = tuple(Effect(**effect) for effect in values["effects"])
        return cls(effects, float(values["spread"]), tuple(values["unmeasured"]))


@dataclass(frozen=True)
class Shift:
    """An effect as one campaign showed it.

    Parameters
    ----------
    shift, standard_error : float
        On the logit.
    treat, holdout : int
        Customers of each arm.
    """

    shift: float
    standard_error: float
    treat: int
    holdout: int

    @property
    def measured(self) -> bool:
        """Whether the measurement can be used."""
        return self.standard_error <= LARGEST_ERROR


def learn(rows: pd.DataFrame) -> Effects:
    """Effects of the actions of a campaign.

    Parameters
    ----------
    rows : (n, ...) frame
        What `trial.trial` gives: action, group, bought and, where it was predicted, p_buy.

    Returns
    -------
    Effects

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"action": "win_back", "group": ["treat"] * 900 + ["holdout"] * 900,
    ...     "bought": [i < 180 for i in range(900)] + [i < 90 for i in range(900)]})
    >>> effects = learn(rows)
    >>> round(effects.effects[0].raw_shift, 2), round(effects.shift_of("win_back"), 2)
    (0.81, 0.71)
    """
    odds = log_odds(rows["p_buy"]) if "p_buy" in rows else np.zeros(len(rows))
    bought, treated = rows["bought"].to_numpy(dtype=float), rows["group"].eq(TREAT).to_numpy()
    held_out, action = rows["group"].eq(HOLDOUT).to_numpy(), rows["action"].to_numpy()
    names = sorted(set(action))
    raw = [
        measured_shift(bought, odds, treated=treated & (action == name), held_out=held_out & (action == name))
        for name in names
    ]
    return shrunk(dict(zip(names, raw, strict=True)))


def measured_shift(bought: Array, odds: Array, *, treated: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> Shift:
    """Effect of one action on the logit, d with its standard error s.

    Parameters
    ----------
    bought : (n,) array of 0 and 1
    odds : (n,) array
        Log-odds of P(buy) without contact; zeros where it was not predicted.
    treated, held_out : (n,) arrays of bool
        Rows of each arm.

    Returns
    -------
    Shift
        With an infinite standard error where an arm is empty.
    """
    counts = int(treated.sum()), int(held_out.sum())
    if not all(counts):
        return Shift(0.0, math.inf, *counts)
    level_t, variance_t = level_of(bought[treated], odds[treated])
    level_c, variance_c = level_of(bought[held_out], odds[held_out])
    return Shift(level_t - level_c, math.sqrt(variance_t + variance_c), *counts)


def level_of(bought: Array, odds: Array) -> tuple[float, float]:
    """The constant c_a of an arm and its variance v_a; half a buyer and half a non-buyer keep it finite."""
    rate = (float(bought.sum()) + 0.5) / (len(bought) + 1)
    level = shift_to_mean(odds, rate)
    chance = expit(odds + level)
    information = float(np.sum(chance * (1 - chance)))
    return level, max(float(np.sum((bought - chance) ** 2)) / information**2, 1 / information)


def shrunk(raw: Mapping[str, Shift]) -> Effects:
    """Shrink effects towards none by the spread that they show together.

    Parameters
    ----------
    raw : mapping of action to Shift
    """
    measured = {action: shift for action, shift in sorted(raw.items()) if shift.measured}
    spread = spread_of([shift.shift for shift in measured.values()], [s.standard_error for s in measured.values()])
    effects = tuple(_effect(action, shift, spread) for action, shift in measured.items())
    return Effects(effects, spread, tuple(sorted(set(raw) - set(measured))))


def spread_of(shifts: Sequence[float], errors: Sequence[float]) -> float:
    """T by EM: T^2 = (4 * 0.2^2 + sum of E[e_j^2 | d_j]) / (4 + number of actions), until it stays.

    Parameters
    ----------
    shifts, errors : sequences of k floats
        d_j and s_j.

    Examples
    --------
    >>> spread_of([], [])
    0.2
    >>> spread_of([1.0, -1.0] * 500, [0.01] * 1000) > 0.99
    True
    """
    d, noise = np.asarray(shifts, dtype=float), np.square(np.asarray(errors, dtype=float))
    prior = WORTH_ACTIONS * USUAL_SPREAD**2
    square = USUAL_SPREAD**2
    for _ in range(_MOST_STEPS):
        kept = square / (square + noise)
        found = (prior + float(np.sum((kept * d) ** 2 + kept * noise))) / (WORTH_ACTIONS + len(d))
        settled, square = abs(found - square) < _SETTLED * square, found
        if settled:
            break
    return math.sqrt(square)


def pooled(campaigns: Iterable[Effects]) -> Effects:
    """Effects of several campaigns as one: each action's raw shifts weighted by 1 / s^2, and shrunk anew.

    Parameters
    ----------
    campaigns : iterable of Effects
        Of campaigns whose holdouts were drawn with salts of their own.
    """
    every = [effect for campaign in campaigns for effect in campaign.effects]
    names = {effect.action for effect in every}
    return shrunk({name: _combined([effect for effect in every if effect.action == name]) for name in names})


def _combined(effects: Sequence[Effect]) -> Shift:
    weights = [1 / effect.raw_standard_error**2 for effect in effects]
    total = math.fsum(weights)
    shift = math.fsum(w * effect.raw_shift for w, effect in zip(weights, effects, strict=True)) / total
    counts = sum(effect.treat for effect in effects), sum(effect.holdout for effect in effects)
    return Shift(shift, 1 / math.sqrt(total), *counts)


def _effect(action: str, raw: Shift, spread: float) -> Effect:
    kept = spread**2 / (spread**2 + raw.standard_error**2)
    error = math.sqrt(kept) * raw.standard_error
    return Effect(action, kept * raw.shift, error, raw.shift, raw.standard_error, raw.treat, raw.holdout)

"""What a static covariate does: a log-parameter moves by its effect times the covariate.

Numbers are standardised while a fit climbs, so that one step is as long for each, and the result is given per unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.maximise import Evaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array

UNKNOWN_EFFECT = 5.0
"""Standard error of an effect of one standard deviation above which the data do not tell it."""
PRIOR_SD = 2.0
"""Of the weak prior that then holds the effects, in the same units."""


@dataclass(frozen=True)
class Effect:
    """One estimated effect: column `column` of the design moves the log of parameter `parameter` by `sign` times it."""

    name: str
    parameter: int
    sign: int
    column: int


def effect_map(effects: Sequence[Effect], row: Array, k: int) -> Array:
    """B of the customers with one row of the design: log-parameters = B (logs at the reference, effects); (k, k+q)."""
    B = np.concatenate([np.eye(k), np.zeros((k, len(effects)))], axis=1)
    for place, effect in enumerate(effects):
        B[effect.parameter, k + place] = effect.sign * row[effect.column]
    return B


def unstandardised(effects: Sequence[Effect], centre: Array, spread: Array, k: int) -> Array:
    """From (logs at the average, effects per standard deviation) to (logs at 0, effects per unit), (k+q, k+q).

    Parameters
    ----------
    centre, spread : (q,) array
        What the column of each effect was standardised with.
    """
    back = np.eye(k + len(effects))
    for place, effect in enumerate(effects):
        back[k + place, k + place] = 1 / spread[place]
        back[effect.parameter, k + place] = -effect.sign * centre[place] / spread[place]
    return back


def effect_prior(point: Array, k: int, *, held: bool = True) -> Evaluation:
    """Log-density of independent normals on the effects, up to a constant; nothing unless they are `held`."""
    precision = held * np.concatenate([np.zeros(k), np.ones(len(point) - k)]) / PRIOR_SD**2
    return Evaluation(float(-0.5 * precision @ point**2), -precision * point, -np.diag(precision))

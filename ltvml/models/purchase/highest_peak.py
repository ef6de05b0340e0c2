"""The highest peak of a likelihood in the logs of its parameters.

On small samples the likelihoods of this folder have ridges to infinity (customers who do not differ, nobody who
leaves) and some have more than one peak. Each climb therefore starts under a weak prior on the log-parameters, from
the centre and from each edge, and is polished without the prior; the highest wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import ConvergenceError
from ltvml.models.maximise import Evaluation, Optimum, maximise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ltvml.arrays import Array
    from ltvml.models.base import Diagnosis
    from ltvml.models.purchase.patterns import Lattice

PRIOR_SD = 2.0
SAMPLE = 4_000
"""Histories in the sample that finds the start for a larger fit."""


@dataclass(frozen=True)
class ParameterFit:
    """Fitted parameters, in the unit of the data.

    Parameters
    ----------
    params : (k,) array
    covariance : (k, k) array
        By the delta method from the inverse Hessian in the log-parameters.
    log_likelihood : float
        Joint density of the histories given T, without combinatorial constants, in the unit of the data.
    """

    params: Array
    covariance: Array
    log_likelihood: float
    diagnosis: Diagnosis


def highest_peak(
    likelihood_of: Callable[[Lattice], Callable[[Array], Evaluation]],
    lattice: Lattice,
    centre: Array,
    edges: Sequence[Array] | Array,
) -> Optimum:
    """The highest of the climbs; large data are climbed once, from the best point of a systematic sample.

    Parameters
    ----------
    likelihood_of : callable
        Of a lattice with times of order 1: a function of the (k,) log-parameters.
    centre : (k,) array
        Log-parameters of an ordinary shop, times in units of the mean T.
    edges : (m, k) array
        Steps from the centre to where likelihoods run off.
    """
    likelihood = likelihood_of(lattice)
    stride = len(lattice.weight) // SAMPLE
    if stride > 1:
        rough = highest_peak(likelihood_of, lattice.every(stride), centre, edges)
        return maximise(likelihood, rough.point)
    climbs = [polished(likelihood, centre), *(polished(likelihood, centre + edge) for edge in edges)]
    return max(climbs, key=lambda climb: climb.at.value)


def polished(likelihood: Callable[[Array], Evaluation], centre: Array) -> Optimum:
    """Climb under a weak prior at `centre`, then without it."""
    rough = maximise(lambda point: likelihood(point) + prior(point, centre), centre, tolerance=1e-3)
    return maximise(likelihood, rough.point)


def prior(point: Array, centre: Array) -> Evaluation:
    """Log-density of independent normals on the log-parameters, up to a constant."""
    away = (point - centre) / PRIOR_SD
    return Evaluation(float(-0.5 * away @ away), -away / PRIOR_SD, -np.eye(len(point)) / PRIOR_SD**2)


def check_convergence(optimum: Optimum, names: Sequence[str], others: str) -> None:
    """Refuse a climb that did not end.

    Parameters
    ----------
    optimum : Optimum
    names : sequence of k str
        Parameters, in the order of the point.
    others : str
        Models to try instead, in words.

    Raises
    ------
    ConvergenceError
    """
    if not (optimum.converged and np.isfinite(optimum.at.value)):
        raise ConvergenceError(
            f"no maximum after {optimum.steps} steps: ln L = {optimum.at.value:.6g}, "
            f"gradient {np.array2string(optimum.at.gradient, precision=2)} at logs "
            f"{np.array2string(optimum.point, precision=2)} of ({', '.join(names)}).",
            hint="check that recency and T are in one unit; that no single customer holds most purchases; "
            f"that there are repeat buyers; then try {others}.",
        )


def inverse_information(hessian: Array) -> Array:
    """Inverse of -Hessian; a direction without information gets a very large variance instead of a negative one."""
    information, vectors = np.linalg.eigh(-hessian)
    floor = 1e-12 * max(float(information.max()), 1e-6)
    return np.asarray((vectors / np.maximum(information, floor)) @ vectors.T)

"""Maximum likelihood for the BG/NBD and MBG/NBD models: starts, polish, standard errors, and a diagnosis in words.

On small samples the likelihood has ridges to infinity (customers who do not differ, nobody who leaves) and, for the
MBG/NBD, more than one peak. Each climb therefore starts under a weak prior on the log-parameters, from the centre and
from each edge, and is polished without the prior; the highest wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import ConvergenceError
from ltvml.models.base import Diagnosis
from ltvml.models.maximise import Evaluation, Optimum, maximise
from ltvml.models.purchase.beta_geometric import ALPHA, Likelihood

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.models.purchase.patterns import Lattice


NAMES = ("r", "alpha", "a", "b")
CENTRE = np.array([-0.7, -0.7, 0.0, 1.0])
"""Log-parameters of an ordinary shop, times in units of the mean T."""
EDGES = np.array([[0, 0, -4, -4], [0, 0, 4, 4], [0, 0, -4, 4], [0, 0, 4, -4], [4, 4, 0, 0]])
"""From the centre towards: all-or-none dropout, equal dropout, none, at once; equal rates."""
PRIOR_SD = 2.0
SAMPLE = 4_000
"""Histories in the sample that finds the start for a larger fit."""
FEW_REPEAT_BUYERS = 50
NOBODY_LEAVES = 0.005
"""Mean dropout probability a / (a + b) below which P(alive) is an artefact of the model."""
UNKNOWN = 1.5
"""Standard error of a log-parameter above which the parameter is unknown within a factor of 20."""

FROM_THE_RATE = (
    "expected_purchases",
    "predicted_ltv",
    "total_value",
    "churn_risk",
    "churn_band",
    "next_purchase_date",
    "next_purchase_lo",
    "next_purchase_hi",
    "replenishment_date",
    "value_at_risk",
)
"""Score columns that depend on the purchase rate."""


@dataclass(frozen=True)
class BetaGeometricFit:
    """A fitted (r, alpha, a, b), in the unit of the data.

    Parameters
    ----------
    params : (4,) array
    covariance : (4, 4) array
        By the delta method from the inverse Hessian in the log-parameters.
    log_likelihood : float
        Joint density of (x, t_x) given T, without combinatorial constants, in the unit of the data.
    diagnosis : Diagnosis
    """

    params: Array
    covariance: Array
    log_likelihood: float
    diagnosis: Diagnosis


def fit_beta_geometric(lattice: Lattice, d: int) -> BetaGeometricFit:
    """Fit the BG/NBD (d = 0) or MBG/NBD (d = 1) model.

    Raises
    ------
    ConvergenceError
        If no climb ended at a maximum.
    """
    unit = lattice.mean_age or 1.0
    likelihood = Likelihood(lattice.scaled(1 / unit), d)
    if not lattice.x.any():
        return fit_without_repeats(likelihood, unit)
    optimum = global_maximum(likelihood)
    check_convergence(optimum)
    return described(optimum, optimum.at.value, likelihood.lattice, unit, withheld={})


def fit_without_repeats(likelihood: Likelihood, unit: float) -> BetaGeometricFit:
    """Nobody bought twice: parameters of an ordinary shop, moved only by the silence; nothing is identified."""
    reason = "no customer has bought twice, so the purchase rate cannot be estimated"
    optimum = maximise(lambda point: likelihood(point) + prior(point, CENTRE), CENTRE)
    withheld = dict.fromkeys(("p_alive", *FROM_THE_RATE), reason)
    return described(optimum, likelihood(optimum.point).value, likelihood.lattice, unit, withheld)


def global_maximum(likelihood: Likelihood) -> Optimum:
    """The highest of the climbs; large data are climbed once, from the best point of a systematic sample."""
    stride = len(likelihood.lattice.weight) // SAMPLE
    if stride > 1:
        rough = global_maximum(Likelihood(likelihood.lattice.every(stride), likelihood.d))
        return maximise(likelihood, rough.point)
    climbs = [polished(likelihood, CENTRE), *(polished(likelihood, CENTRE + edge) for edge in EDGES)]
    return max(climbs, key=lambda climb: climb.at.value)


def polished(likelihood: Likelihood, centre: Array) -> Optimum:
    """Climb under a weak prior at `centre`, then without it."""
    rough = maximise(lambda point: likelihood(point) + prior(point, centre), centre, tolerance=1e-3)
    return maximise(likelihood, rough.point)


def prior(point: Array, centre: Array) -> Evaluation:
    """Log-density of independent normals on the log-parameters, up to a constant."""
    away = (point - centre) / PRIOR_SD
    return Evaluation(float(-0.5 * away @ away), -away / PRIOR_SD, -np.eye(len(point)) / PRIOR_SD**2)


def check_convergence(optimum: Optimum) -> None:
    """Refuse a climb that did not end.

    Raises
    ------
    ConvergenceError
    """
    if not (optimum.converged and np.isfinite(optimum.at.value)):
        raise ConvergenceError(
            f"no maximum after {optimum.steps} steps: ln L = {optimum.at.value:.6g}, "
            f"gradient {np.array2string(optimum.at.gradient, precision=2)} at logs "
            f"{np.array2string(optimum.point, precision=2)} of (r, alpha, a, b).",
            hint="check that recency and T are in one unit; that no single customer holds most purchases; "
            "that there are repeat buyers; then try the other of bg_nbd and mbg_nbd.",
        )


def described(
    optimum: Optimum, value: float, lattice: Lattice, unit: float, withheld: dict[str, str]
) -> BetaGeometricFit:
    """The optimum and its log-likelihood in the unit of the data, with its covariance and its diagnosis."""
    params = np.exp(optimum.point)
    params[ALPHA] *= unit
    log_covariance = inverse_information(optimum.at.hessian)
    repeats = float((lattice.weight * lattice.x).sum())
    return BetaGeometricFit(
        params=params,
        covariance=np.outer(params, params) * log_covariance,
        log_likelihood=value - repeats * np.log(unit),
        diagnosis=diagnose(params, np.sqrt(np.diag(log_covariance)), lattice, withheld),
    )


def inverse_information(hessian: Array) -> Array:
    """Inverse of -Hessian; a direction without information gets a very large variance instead of a negative one."""
    information, vectors = np.linalg.eigh(-hessian)
    floor = 1e-12 * max(float(information.max()), 1e-6)
    return np.asarray((vectors / np.maximum(information, floor)) @ vectors.T)


def diagnose(params: Array, log_errors: Array, lattice: Lattice, withheld: dict[str, str]) -> Diagnosis:
    """What is odd about a fit, in words.

    Parameters
    ----------
    params, log_errors : (4,) array
        (r, alpha, a, b) in the unit of the data, and the standard errors of their logs.
    lattice : Lattice
    withheld : dict
        Columns already known to be without ground.
    """
    r, alpha, a, b = params
    messages = list(dict.fromkeys(withheld.values()))
    buyers = float(lattice.weight[lattice.x > 0].sum())
    if 0 < buyers < FEW_REPEAT_BUYERS:
        messages.append(f"few repeat buyers ({buyers:.0f}); below {FEW_REPEAT_BUYERS} the parameters are imprecise")
    if buyers and a / (a + b) < NOBODY_LEAVES:
        reason = (
            f"hardly any customer is seen to leave (a = {a:.3g}, b = {b:.3g}: a purchase is the last with probability "
            f"{a / (a + b):.1g}), so p_alive cannot be estimated"
        )
        withheld = withheld | {"p_alive": reason}
        messages.append(reason)
    elif buyers and log_errors[2:].min() > UNKNOWN:
        messages.append(
            f"of dropout only the mean is estimated (a / (a + b) = {a / (a + b):.3g}), not how customers differ in it"
        )
    if buyers and log_errors[:2].min() > UNKNOWN:
        messages.append(
            f"of the purchase rate only the mean is estimated (r / alpha = {r / alpha:.3g}), not how customers differ"
        )
    return Diagnosis(True, tuple(messages), withheld)

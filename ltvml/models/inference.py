"""What a statistician asks of several fits by maximum likelihood: criteria, and tests of nested models.

    LR = 2 (ln L_large - ln L_small) ~ chi squared of k_large - k_small    Wilks (1938), inside the parameter space

Where the small model lies at the edge of the large one Wilks' theorem does not hold: with one parameter at its edge the
statistic is an even mixture of chi squared of k-1 and of k degrees (Self & Liang 1987, Journal of the American
Statistical Association 82). The test says so, and gives the probability that is never too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import gammaincc

from ltvml.errors import DataContractError
from ltvml.models.estimates import fit_criteria

if TYPE_CHECKING:
    from ltvml.models.base import Model

LEAST_GAIN = -1e-4
"""A larger model that is less likely than this beyond the smaller one is no fit of the same customers."""


def criteria(*models: Model) -> pd.DataFrame:
    """Fits of the same customers, side by side.

    Parameters
    ----------
    *models : fitted models
        Purchase models or spend models; each with the log-likelihood of its fit.

    Returns
    -------
    (m, 6) frame
        model, parameters (how many were estimated), n (customers), log_likelihood, aic and bic; lower is better.

    Raises
    ------
    DataContractError
        If a model was not fitted by likelihood, or the numbers of customers differ.

    Examples
    --------
    >>> from ltvml.datasets.simulate import simulate_bg_nbd
    >>> from ltvml.models.purchase.bg_nbd import BGNBD
    >>> from ltvml.models.purchase.nbd import NBD
    >>> X = simulate_bg_nbd(500, r=0.5, alpha=20.0, a=0.8, b=2.5, T=200.0, random_state=1)
    >>> criteria(BGNBD().fit(X), NBD().fit(X))[["model", "parameters", "n"]].to_dict("list")
    {'model': ['bg_nbd', 'nbd'], 'parameters': [4, 2], 'n': [500.0, 500.0]}
    """
    rows = [_criteria_of(model) for model in models]
    _same_customers(rows)
    return pd.DataFrame(rows)


def _criteria_of(model: Model) -> dict[str, Any]:
    value, n = getattr(model, "log_likelihood_", np.nan), getattr(model, "n_customers_", np.nan)
    if not (np.isfinite(value) and n > 0):
        raise DataContractError(
            f"{type(model).__name__} has no log-likelihood of a fit; expected a model fitted by maximum likelihood.",
            hint="call fit first; given parameters, trees and rules have none.",
        )
    return {"model": model.name, **fit_criteria(value, n, model.n_estimated)}


def _same_customers(rows: list[dict[str, Any]]) -> None:
    counts = {row["model"]: row["n"] for row in rows}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {n:,.0f}" for name, n in counts.items())
        raise DataContractError(
            f"the fits are of different numbers of customers ({listed}); expected fits of the same customers.",
            hint="fit all models to one frame; a Gamma-Gamma leaves out customers without a positive total.",
        )


@dataclass(frozen=True)
class LikelihoodRatio:
    """Test of a model against a larger one that contains it.

    Parameters
    ----------
    small, large : str
        Names of the models.
    statistic : float
        2 (ln L_large - ln L_small), at least 0.
    degrees : int
        Parameters that the large model has more.
    p_value : float
        P(a statistic at least as large | the small model is true); at an edge, an upper bound of it.
    note : str
        What to know about the probability where Wilks' theorem does not hold; empty where it does.
    """

    small: str
    large: str
    statistic: float
    degrees: int
    p_value: float
    note: str = ""

    def __str__(self) -> str:
        words = f"{self.small} in {self.large}: LR {self.statistic:.3f}, {self.degrees} degrees, p {self.p_value:.3g}"
        return f"{words}; {self.note}" if self.note else words


AT_THE_EDGE = {
    ("nbd", "pareto_nbd"): "the NBD is the Pareto/NBD whose customers leave at rate 0, the edge of what is possible, "
    "and there the other dropout parameter means nothing: p is approximate, as a rule an upper bound",
    ("bg_nbd", "bg_cnbd"): "k = 1 is the first of whole numbers: p is an upper bound",
    ("mbg_nbd", "mbg_cnbd"): "k = 1 is the first of whole numbers: p is an upper bound",
}
"""Pairs of nested models whose small one lies at the edge of the large one, and what follows."""


def likelihood_ratio(small: Model, large: Model) -> LikelihoodRatio:
    """Test whether a larger model describes the same customers better than one that it contains.

    Parameters
    ----------
    small, large : fitted models
        NBD in Pareto/NBD, BG/NBD in BG/CNBD-k, MBG/NBD in MBG/CNBD-k, or a model without (some) covariates or groups
        in the same model with them.

    Returns
    -------
    LikelihoodRatio

    Raises
    ------
    DataContractError
        If the small model is not contained in the large one, they were fitted to other customers, or the large one is
        less likely, which a maximum over more parameters cannot be.
    """
    rows = [_criteria_of(small), _criteria_of(large)]
    _same_customers(rows)
    note = _nested(small, large)
    # a given k is a parameter of the large model all the same
    degrees = max(rows[1]["parameters"] - rows[0]["parameters"], 1)
    gain = rows[1]["log_likelihood"] - rows[0]["log_likelihood"]
    # the spread of groups is found by restricted maximum likelihood, which is not quite the maximum of this one
    least = -1.0 if hasattr(large, "spread_") else LEAST_GAIN
    if gain < least - 1e-9 * abs(rows[1]["log_likelihood"]):
        raise DataContractError(
            f"{large.name} contains {small.name} and is less likely (ln L {rows[1]['log_likelihood']:.3f} against "
            f"{rows[0]['log_likelihood']:.3f}); expected at least as much.",
            hint="were both fitted to the same rows, in the same unit, with the same weights?",
        )
    statistic = max(2 * gain, 0.0)
    p = float(gammaincc(degrees / 2, statistic / 2)) if statistic else 1.0
    return LikelihoodRatio(small.name, large.name, statistic, degrees, p, note)


def _nested(small: Model, large: Model) -> str:
    """What to say of a nested pair.

    Raises
    ------
    DataContractError
        If it is none.
    """
    kinds = innermost_name(small), innermost_name(large)
    known = set(getattr(small, "params_", {})) <= set(getattr(large, "params_", {}))
    if kinds in AT_THE_EDGE:
        return AT_THE_EDGE[kinds]
    if kinds[0] == kinds[1] and known and hasattr(large, "spread_") and not hasattr(small, "spread_"):
        return "without groups each spread is 0, the edge of what is possible: p is an upper bound"
    if kinds[0] == kinds[1] and known and small.n_estimated < large.n_estimated:
        return ""
    pairs = ", ".join(f"{one} in {other}" for one, other in AT_THE_EDGE)
    raise DataContractError(
        f"{small.name} ({', '.join(small.params_)}) is not contained in {large.name} ({', '.join(large.params_)}); "  # type: ignore[attr-defined]
        f"expected nested models: {pairs}, or one model with fewer and with more covariates.",
        hint="compare other models by AIC or BIC: `criteria(first, second)`.",
    )


def innermost_name(model: Model) -> str:
    """Name of a model, or of the one that it is made of."""
    return str(getattr(getattr(model, "model", model), "name", ""))

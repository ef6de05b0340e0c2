"""What a fit estimated: each parameter with its standard error, Wald's test and an interval, and the fit's criteria.

z = estimate / standard error,  p = P(|N(0, 1)| > |z|)          Wald's test of an estimate of 0
AIC = 2 k - 2 ln L,  BIC = k ln n - 2 ln L                      k parameters, n customers
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd

    from ltvml.arrays import Array

NORMAL_975 = 1.959963984540054
WIDEST = 2.0
"""Standard deviation of a log beyond which a draw would leave the ridge that the data allow."""


def estimates(
    params: Mapping[str, float], errors: Mapping[str, float], *, effects: Collection[str] = ()
) -> pd.DataFrame:
    """Parameters with their uncertainty.

    Parameters
    ----------
    params, errors : mapping
        Estimates and standard errors by name; an error of 0 or NaN is not known.
    effects : collection of str
        Parameters that may be negative; all others are positive.

    Returns
    -------
    (k, 6) frame, indexed by parameter
        estimate, standard_error, z, p, lower and upper. The 95 % interval of a positive parameter is symmetric in its
        logarithm (delta method): estimate x exp(-+1.96 standard_error / estimate). For these z and p compare with 0,
        the edge of what is possible: read them as a signal of precision, not as a test. For an effect, where 0 means
        that the covariate does nothing, they are Wald's test.
    """
    import pandas as pd

    estimate = np.array(list(params.values()), dtype=float)
    # an error of 0 is that of given parameters, which nothing was learned about
    error = np.array([errors.get(name) or np.nan for name in params], dtype=float)
    signed = np.array([name in effects for name in params], dtype=bool)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        reach = np.exp(NORMAL_975 * error / estimate)
        lower = np.where(signed, estimate - NORMAL_975 * error, estimate / reach)
        upper = np.where(signed, estimate + NORMAL_975 * error, estimate * reach)
    z = estimate / error
    columns = {
        "estimate": estimate,
        "standard_error": error,
        "z": z,
        "p": 2 * ndtr(-np.abs(z)),
        "lower": lower,
        "upper": upper,
    }
    return pd.DataFrame(columns, index=pd.Index(params, name="parameter"))


@dataclass(frozen=True)
class Uncertain:
    """What is estimated, on a scale on which its distribution is near a normal one.

    Parameters
    ----------
    point : (k,) array
        Logs of positive parameters, effects as they are.
    covariance : (k, k) array, or (n, k, k) where each customer has parameters of its own
    """

    point: Array
    covariance: Array


def uncertain(params: Mapping[str, float], covariance: Array, *, effects: Collection[str] = ()) -> Uncertain:
    """Change to logs; along a ridge, where a log is not known within `WIDEST`, the ridge is straight no further.

    Parameters
    ----------
    params : mapping of k floats
    covariance : (k, k) array
        In the order of the parameters, on their own scale.
    effects : collection of str
        Parameters that may be negative.
    """
    values = np.array(list(params.values()), dtype=float)
    signed = np.array([name in effects for name in params], dtype=bool)
    scale = np.where(signed, 1.0, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        point = np.where(signed, values, np.log(scale))
    width, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    width = np.clip(width, 0.0, WIDEST**2)
    return Uncertain(point, (vectors * width) @ vectors.T)


def natural(names: Sequence[str], point: Array, *, effects: Collection[str] = ()) -> dict[str, float]:
    """The inverse: parameters by name, of a point."""
    signed = np.array([name in effects for name in names], dtype=bool)
    values = np.where(signed, point, np.exp(np.where(signed, 0.0, point)))
    return dict(zip(names, values.tolist(), strict=True))


def fit_criteria(log_likelihood: float, n: float, k: int) -> dict[str, float]:
    """Log-likelihood, customers and the criteria of a fit of k parameters to n customers; lower criteria are better.

    Examples
    --------
    >>> fit_criteria(-100.0, n=50, k=2)
    {'parameters': 2, 'n': 50.0, 'log_likelihood': -100.0, 'aic': 204.0, 'bic': 207.82...}
    """
    value = float(log_likelihood)
    bic = k * math.log(n) - 2 * value
    return {"parameters": k, "n": float(n), "log_likelihood": value, "aic": 2 * k - 2 * value, "bic": bic}

"""The likelihood of kinds of customers whose parameters have something in common.

The log-parameters of a kind are linear in what is estimated, eta = B theta, so that value, gradient and Hessian of the
whole are sums over kinds of the model's own, exact ones: gradient = sum B' g, Hessian = sum B' H B.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.maximise import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ltvml.arrays import Array, Ints

FARTHEST_LOG = 60.0
"""Log-parameters beyond this are refused by the climb: their exponentials would overflow."""


class JointLikelihood:
    """Log-likelihood of all kinds as a function of theta.

    Parameters
    ----------
    likelihoods : sequence of K callables
        Of the (k,) log-parameters of a kind.
    maps : (K, k, m) array
        B of each kind.
    shifts : (K, k) array, optional
        What is added to B theta, for example for a unit of its own.
    """

    def __init__(
        self, likelihoods: Sequence[Callable[[Array], Evaluation]], maps: Array, shifts: Array | None = None
    ) -> None:
        self.likelihoods, self.maps = likelihoods, maps
        self.shifts = np.zeros(maps.shape[:2]) if shifts is None else shifts

    def __call__(self, theta: Array) -> Evaluation:
        """Value, gradient and Hessian in theta.

        Parameters
        ----------
        theta : (m,) array
        """
        m = len(theta)
        points = self.maps @ theta + self.shifts
        value, gradient, hessian = 0.0, np.zeros(m), np.zeros((m, m))
        if np.abs(points).max() > FARTHEST_LOG:
            return Evaluation(-np.inf, gradient, hessian)
        for likelihood, B, point in zip(self.likelihoods, self.maps, points, strict=True):
            part = likelihood(point)
            value += part.value
            gradient += B.T @ part.gradient
            hessian += B.T @ part.hessian @ B
        return Evaluation(value, gradient, hessian)


def rows_by_kind(kind: Ints) -> list[Ints]:
    """Positions of the rows of each kind 0, 1, ..., in order."""
    order = np.argsort(kind, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(kind[order])) + 1) if len(kind) else []

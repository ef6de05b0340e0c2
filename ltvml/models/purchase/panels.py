"""Functions that are smooth in the logarithm of a time, computed at the points of fixed panels and read off between.

What is expected of a living customer with x purchases depends on the age only through A = alpha + T, and is analytic
in v = ln(A). In the strip |Im v| <= pi / 2 it is hardly larger than on the real line, since |1 + p t / A| >= 1 there. A
polynomial through the Chebyshev points of a panel of width w therefore leaves a relative error of about rho^-POINTS
with rho = s + sqrt(s^2 + 1), s = pi / w (Trefethen 2013, Approximation Theory and Approximation Practice, theorem 8.2).

The panels do not depend on the rows, so that a row gives the same bits whoever else is asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import chebyshev

from ltvml.models.purchase.blocks import blocks
from ltvml.models.purchase.patterns import numbered

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.arrays import Array, Ints

WIDTH, POINTS = 0.5, 11
"""Of a panel of ln(time), and its points: rho = 12.6 leaves 1e-12 of the bound and 2e-13 as measured, the rounding of
the values themselves; more points would only multiply that rounding."""
PLACES = chebyshev.chebpts1(POINTS)


def powers_of_values() -> Array:
    """What turns values at the points into coefficients of 1, u, u^2, ...; shape (POINTS, POINTS)."""
    of_chebyshev = chebyshev.chebvander(PLACES, POINTS - 1).T / POINTS
    of_chebyshev[1:] *= 2
    powers = np.zeros((POINTS, POINTS))
    for degree, unit in enumerate(np.eye(POINTS)):
        powers[: degree + 1] += np.outer(chebyshev.cheb2poly(unit[: degree + 1]), of_chebyshev[degree])
    return powers


POWERS_OF_VALUES = powers_of_values()


def read_off(function: Callable[[Ints, Array], Array], kind: Ints, times: Array) -> Array:
    """`function(kind, times)` of many rows from its values at the points of the panels that they lie in.

    Parameters
    ----------
    function : callable of an (m,) array of int and an (m,) array
        Elementwise, and for each kind analytic in the logarithm of the time.
    kind : (n,) array of int
        From 0.
    times : (n,) array
        Positive.

    Returns
    -------
    (n,) array
    """
    place = np.log(times)
    place /= WIDTH
    panel = np.floor(place)
    first = panel.min(initial=0)
    span = int(panel.max(initial=0) - first) + 1
    cell, keys = numbered(kind * span + (panel - first).astype(np.int64))
    place -= panel
    of_kind, of_panel = np.divmod(keys, span)
    points = np.exp(((first + of_panel)[:, None] + (PLACES + 1) / 2) * WIDTH)
    values = function(np.repeat(of_kind, POINTS), points.ravel()).reshape(points.shape)
    powers = np.zeros((POINTS, len(keys)))
    for place_of, value in zip(POWERS_OF_VALUES.T, values.T, strict=True):
        # not a matrix product: BLAS sums a row differently in batches of different sizes
        powers += place_of[:, None] * value
    return polynomials(powers, cell, place)


def polynomials(powers: Array, cell: Ints, place: Array) -> Array:
    """Value at each `place` of the polynomial of its cell, by Horner's rule.

    Parameters
    ----------
    powers : (k, c) array
        Coefficients of 1, u, u^2, ... of each cell, for u from -1 to 1.
    cell : (n,) array of int
    place : (n,) array
        Where a row lies in its panel, 0 to 1.
    """
    result = np.empty_like(place)
    for rows in blocks(len(place)):
        mine, at = cell[rows], 2 * place[rows] - 1
        total = powers[-1].take(mine)
        for power in powers[-2::-1]:
            total *= at
            total += power.take(mine)
        result[rows] = total
    return result

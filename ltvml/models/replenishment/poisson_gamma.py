"""Memoryless gaps with a rate of each customer's own: what "buy it again" lists use."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ltvml.models.replenishment.gamma_renewal import GammaRenewal

# logit of a share that nothing tells from 1
EVERYBODY = 9.0


class PoissonGamma(GammaRenewal):
    """Poisson purchases with Gamma rates: the renewal with regularity 1, no elasticity, and everybody reordering.

    P(reorder within w) = 1 - ((B + e) / (B + e + w))^A with A = a + n, B = b + S: it falls with every day of silence.

    References
    ----------
    Bhagat, Muralidharan, Lobzhanidze & Vishwanath (2018), "Buy It Again: modeling repeat purchase recommendations",
    KDD: the Poisson-Gamma model, with item parameters shrunk as in `item_fit`.
    """

    name = "poisson_gamma"
    fixed: ClassVar[tuple[float, ...]] = (0.0, np.nan, np.nan, EVERYBODY, 0.0)

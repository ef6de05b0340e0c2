"""Heavy tails in training: the largest amounts are cut for the learning, and the mean is put back afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ltvml.arrays import Array


CUT = 0.997
"""Quantile of the positive amounts above which they are cut."""


def winsorised(spend: Array, quantile: float = CUT) -> Array:
    """Amounts kept between 0 and a quantile of the positive ones.

    Parameters
    ----------
    spend : (n,) array
        Net value in the label window, some of it positive; below 0 where returns outweigh purchases.

    Returns
    -------
    (n,) array
    """
    return np.asarray(np.clip(spend, 0.0, np.quantile(spend[spend > 0], quantile)))


def lost_share(spend: Array, predicted: Array) -> float:
    """What predictions must be multiplied by so that they sum to the amounts as they were, uncut."""
    total = float(predicted.sum())
    return max(float(spend.sum()), 0.0) / total if total > 0 else 0.0

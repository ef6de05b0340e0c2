"""What a customer did up to a cutoff, as columns for learners: one file a family of columns, one table of them all."""

from __future__ import annotations

from ltvml.features.behaviour.baskets import basket_days
from ltvml.features.behaviour.table import behaviour, behaviour_columns, days_as_of, snapshot_features

__all__ = ["basket_days", "behaviour", "behaviour_columns", "days_as_of", "snapshot_features"]

"""How attributes are read: which, how many levels, and from how many customers on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltvml.contracts import EXPERIENCE, FIRST_ORDER, is_attribute

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS, MIN_CUSTOMERS = 20, 50


@dataclass(frozen=True)
class Rules:
    """How attributes are read.

    Parameters
    ----------
    first_order : bool
        Whether learners may read those of the first order.
    most_levels : int
        Levels of one attribute that are kept, the most frequent first.
    min_customers : int
        Customers below which a level is pooled.
    experience : bool
        Whether learners may read how the orders went.
    """

    first_order: bool = True
    most_levels: int = MOST_LEVELS
    min_customers: int = MIN_CUSTOMERS
    experience: bool = True

    def names(self, X: pd.DataFrame) -> tuple[str, ...]:
        """The columns of a frame that are attributes and may be read."""
        found = (str(name) for name in X if is_attribute(str(name)))
        off = {*(() if self.first_order else FIRST_ORDER.names), *(() if self.experience else EXPERIENCE.names)}
        return tuple(name for name in found if name not in off)

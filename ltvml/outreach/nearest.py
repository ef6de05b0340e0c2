"""A name that is not there, and the one that was probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def no_such_column(name: str, known: Iterable[str]) -> str:
    """What is wrong with the name of a column, with the nearest that is there.

    Examples
    --------
    >>> no_such_column("chrun_risk", ["churn_risk", "n_orders"])
    "there is no column 'chrun_risk'; did you mean 'churn_risk'?"
    >>> no_such_column("x", ["n_orders", "churn_risk"])
    "there is no column 'x'; expected one of churn_risk, n_orders."
    """
    names = sorted(known)
    found = difflib.get_close_matches(name, names, n=1)
    rest = f"did you mean '{found[0]}'?" if found else f"expected one of {', '.join(names)}."
    return f"there is no column '{name}'; {rest}"

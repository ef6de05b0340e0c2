"""The nearest name to a misspelt one."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SIMILARITY = 0.6


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name of `known` most like `name`, or None where none is like it; letter case does not count.

    Examples
    --------
    >>> nearest("churn_horizn", ["churn_horizon", "cutoff"])
    'churn_horizon'
    """
    folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=SIMILARITY)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message: "; did you mean X?", or nothing.

    Examples
    --------
    >>> did_you_mean("ntt", ["net", "drop"])
    '; did you mean net?'
    """
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else ""


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
    found = nearest(name, names)
    rest = f"did you mean '{found}'?" if found else f"expected one of {', '.join(names)}."
    return f"there is no column '{name}'; {rest}"

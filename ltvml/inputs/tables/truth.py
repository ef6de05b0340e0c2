"""Yes and no, as tables write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

YES = frozenset({"true", "t", "yes", "y", "1", "1.0", "x", "on", "ja", "oui", "si", "sì", "sí", "sim", "wahr", "是"})
NO = frozenset({"false", "f", "no", "n", "0", "0.0", "off", "nein", "non", "não", "falsch", "否"})


def truth(column: pd.Series) -> pd.Series:
    """True, false, or null where neither is written.

    Examples
    --------
    >>> import pandas as pd
    >>> truth(pd.Series(["Yes", "0", "later", None])).tolist()
    [True, False, <NA>, <NA>]
    """
    words = dict.fromkeys(YES, True) | dict.fromkeys(NO, False)
    return column.astype("string").str.strip().str.lower().map(words).astype("boolean")

"""Money in minor units, such as pence, as text."""

from __future__ import annotations


def money(minor: int, decimals: int) -> str:
    """Minor units as money, without a currency.

    Examples
    --------
    >>> money(-1234550, 2), money(7, 0)
    ('-12,345.50', '7')
    """
    whole, rest = divmod(abs(minor), 10**decimals)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:,}" + (f".{rest:0{decimals}d}" if decimals else "")

"""Sums that do not depend on the order of the rows, nor on the engine: they are sums of integers."""

from __future__ import annotations

import narwhals as nw

_FRACTION_BITS = 40
_LOW = 2**24


def whole_sum(numbers: nw.Expr) -> nw.Expr:
    """The sum of integers or of true and false, as int64; 0 over no rows."""
    return numbers.cast(nw.Int64).sum().cast(nw.Int64)


def float_sum(numbers: nw.Expr, name: str) -> list[nw.Expr]:
    """Aggregates that `added` makes one float: whole parts and fractions, each a sum of integers.

    Parameters
    ----------
    numbers : expression of float64
        Every magnitude and their sum below 2**63; a fraction is kept to 2**-40.
    name : str
    """
    whole = numbers.floor()
    fraction = ((numbers - whole) * float(2**_FRACTION_BITS)).floor()
    return [whole_sum(whole).alias(f"{name}_whole"), whole_sum(fraction).alias(f"{name}_fraction")]


def added(name: str) -> nw.Expr:
    """The sum that `float_sum` took apart."""
    fraction = nw.col(f"{name}_fraction").cast(nw.Float64) / float(2**_FRACTION_BITS)
    return nw.col(f"{name}_whole").cast(nw.Float64) + fraction


def square_sum(numbers: nw.Expr, name: str) -> list[nw.Expr]:
    """Aggregates that `squared` makes one float: a square of int64 may need 128 bits, its three parts do not.

    Parameters
    ----------
    numbers : expression of int64
        Not negative, so that nothing cancels; below 2**46.
    name : str
    """
    low = numbers % _LOW
    high = ((numbers - low) / _LOW).cast(nw.Int64)
    parts = {"high": high * high, "mixed": high * low, "low": low * low}
    return [whole_sum(part).alias(f"{name}_{which}") for which, part in parts.items()]


def squared(name: str) -> nw.Expr:
    """The sum of squares that `square_sum` took apart."""
    high, mixed, low = (nw.col(f"{name}_{which}").cast(nw.Float64) for which in ("high", "mixed", "low"))
    return high * float(_LOW**2) + mixed * float(2 * _LOW) + low

"""What customers did next: the labels of a snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.errors import ConfigError
from ltvml.features.returns import Netting, customer_days
from ltvml.features.split import held_out, is_seen, seen
from ltvml.window import date_of

if TYPE_CHECKING:
    from ltvml.window import Window

_IN_ITS_WINDOW = Netting(("customer_id", "is_later"))


def outcomes(
    lines: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    horizon: int,
    *,
    until: int,
    has_returns: bool = True,
    decimals: int = 2,
) -> nw.LazyFrame[Any]:
    """Next purchase, and value of the label window (cutoff, cutoff + horizon], of every customer seen by the cutoff.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`; as they are, or as `returns.summed_lines` gives them.
    days : lazy frame
        Purchase days as of the cutoff: who is a customer.
    window : Window
        Its cutoff is the origin of the snapshot.
    horizon : int
        Days of the label window.
    until : int
        Last day that may be looked at, days since 1970-01-01: the cutoff that is served.
    has_returns : bool
        False where no amount is negative, see `returns.customer_days`.
    decimals : int
        Digits of the minor unit in which money is counted.

    Returns
    -------
    lazy frame
        `customer_id`; `wait` (int64): days from the cutoff to the next purchase day up to `until`, null without one;
        `spend` (float64): net value of the label window, currency units; `purchases` (int64): purchase days in it.

    Raises
    ------
    ConfigError
        If the label window ends after `until`.

    Notes
    -----
    The label window is netted from its own lines alone: a return of an earlier order makes no purchase, and what comes
    after the window, which a later origin has not seen yet, changes no label. So does what follows it.
    """
    customers = seen(days, window).select("customer_id").unique()
    known = bought_after(lines, window, horizon, until=until, has_returns=has_returns, decimals=decimals)
    return customers.join(known, on="customer_id", how="left").select(
        "customer_id", "wait", *(nw.col(name).fill_null(0) for name in ("spend", "purchases"))
    )


def bought_after(
    lines: nw.LazyFrame[Any],
    window: Window,
    horizon: int,
    *,
    until: int,
    has_returns: bool = True,
    decimals: int = 2,
) -> nw.LazyFrame[Any]:
    """As `outcomes`, of everybody with a purchase day after the cutoff up to `until`, new customers among them.

    Parameters
    ----------
    lines, window, horizon, until, has_returns, decimals
        As for `outcomes`.

    Raises
    ------
    ConfigError
        If the label window ends after `until`.
    """
    if window.cutoff_day + horizon > until:
        raise ConfigError(
            f"the label window of {horizon} days after {window.cutoff} ends after {date_of(until)}, the last day that "
            "may be looked at; expected a window that has closed.",
            hint="take origins from ltvml.backtesting.origins, or a shorter horizon.",
        )
    end = replace(window, cutoff=date_of(window.cutoff_day + horizon))
    after = held_out(lines, window, until - window.cutoff_day).with_columns((~is_seen(end)).alias("is_later"))
    bought = customer_days(after, has_returns=has_returns, rule=_IN_ITS_WINDOW)
    return _by_customer(bought).select(
        "customer_id",
        (nw.col("next_day") - window.cutoff_day).alias("wait"),
        (nw.col("value").cast(nw.Float64) / float(10**decimals)).alias("spend"),
        "purchases",
    )


def _by_customer(bought: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    in_label = (~nw.col("is_later")).cast(nw.Int64)
    return bought.group_by("customer_id").agg(
        nw.col("day").min().alias("next_day"),
        (in_label * nw.col("value")).sum().cast(nw.Int64).alias("value"),
        in_label.sum().cast(nw.Int64).alias("purchases"),
    )

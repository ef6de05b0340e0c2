"""How the first order went, as known some days later, and whether the customer ordered again after these days.

The comparison starts on a day, the same for everybody: what was known by then makes the groups, what comes later is
compared. Were a complaint or a return looked for over all time, a return after a long silence would count as one of the
first order where nobody came back in between, and the groups would differ by their waiting alone (Anderson, Cain &
Gelber 1983, "Analysis of survival by tumor response", J. Clinical Oncology 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.experience import experience_days, order_experience, signals
from ltvml.features.returns import customer_days
from ltvml.features.split import seen
from ltvml.features.sums import whole_sum

if TYPE_CHECKING:
    from ltvml.window import Window


def first_experience(
    lines: nw.LazyFrame[Any],
    days: nw.LazyFrame[Any],
    window: Window,
    *,
    known_within: int,
    horizon: int,
    has_returns: bool,
) -> nw.LazyFrame[Any]:
    """Customers who were seen for long enough after their first order.

    Parameters
    ----------
    lines : lazy frame
        Lines that are used, see `transactions.Checked`.
    days : lazy frame
        Their purchase days.
    window : Window
    known_within : int
        Days after the first order within which its experience must be known.
    horizon : int
        Days after these within which another order counts.
    has_returns : bool
        False where no amount is negative.

    Returns
    -------
    lazy frame
        `customer_id`; `gross`, what the first order day cost before returns, minor units; the `experience.signals` of
        that day, null where not known by then; `again`: 1 with a purchase day in (first + known_within, first +
        known_within + horizon], else 0.
    """
    bought = seen(days, window)
    begun = bought.group_by("customer_id").agg(nw.col("day").min().alias("first_day"))
    begun = begun.filter(nw.col("first_day") <= window.cutoff_day - known_within - horizon)
    until = nw.col("first_day") + known_within
    early = lines.join(begun, on="customer_id", how="inner").filter(nw.col("day") <= until)
    on_first = nw.col("day") == nw.col("first_day")
    netted = customer_days(early.drop("first_day"), has_returns=has_returns)
    first = netted.join(begun, on="customer_id", how="inner").filter(on_first).drop("first_day")
    known = experience_days(early.drop("first_day")).join(begun, on="customer_id", how="inner").filter(on_first)
    dates = (nw.when(nw.col(name) <= until).then(nw.col(name)).alias(name) for name in ("noted_day", "delivered_day"))
    known = known.with_columns(*dates).drop("first_day")
    gross = known.group_by("customer_id").agg(whole_sum(nw.col("gross")).alias("gross"))
    there = signals(lines, has_returns=has_returns)
    orders = order_experience(lines, first, window, has_returns=has_returns, known=known).select("customer_id", *there)
    later = bought.join(begun, on="customer_id", how="inner")
    age = nw.col("day") - nw.col("first_day") - known_within
    counts = later.with_columns(((age > 0) & (age <= horizon)).cast(nw.Int64).alias("within"))
    again = counts.group_by("customer_id").agg(nw.col("within").max().cast(nw.Int64).alias("again"))
    return again.join(gross, on="customer_id", how="inner").join(orders, on="customer_id", how="left")

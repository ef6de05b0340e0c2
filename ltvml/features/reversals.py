"""Lines that an excluded line takes back: a typing error that was booked back leaves with its correction.

Where a shop excludes some lines (`exclude`, `drop`, `keep`), and one of them is negative, it may be the correction of a
line that stays: of the same customer and amount, with the opposite sign, on that day or before. Without its correction
that line would be counted as a purchase that never was. For each correction the latest such line leaves with it. An
excluded line that equals a used one (of the same customer, day and amount) is a copy of it and corrects nothing. What
was booked back after the cutoff was not known by then, and takes nothing back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import narwhals as nw

from ltvml.features.split import seen

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.window import Window

REVERSED = "reversed_by_an_excluded_line"
BY_THE_USER = ("excluded_", "drop ", "keep ")
"""How the reasons of rows begin that the configuration excludes."""


class Computer(Protocol):
    """What finding them needs of an engine."""

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""

    def keep(self, table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The same table, computed once."""


def without_reversed(engine: Computer, lines: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
    """Lines with the reason `REVERSED` where an excluded line takes a used one back; the same lines where none does.

    Parameters
    ----------
    engine : Computer
    lines : lazy frame of `contracts.LINES`
    window : Window
    """
    taken_back = corrections(seen(lines, window))
    counted = engine.collect(taken_back.select(nw.col("corrections_").sum().cast(nw.Int64).alias("rows")))
    # a sum over no rows is null on some engines
    return lines if not counted["rows"].fillna(0).iloc[0] else engine.keep(marked(lines, taken_back))


def corrections(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Excluded negative lines by customer and amount: how many, and the last day."""
    fault = nw.col("fault")
    by_the_user = nw.any_horizontal(*(fault.str.starts_with(prefix) for prefix in BY_THE_USER), ignore_nulls=True)
    excluded = nw.when(~fault.is_null() & by_the_user).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
    used = nw.when(fault.is_null()).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)
    by_day = (
        lines.filter(nw.col("amount") < 0)
        .select("customer_id", (-nw.col("amount")).alias("amount"), "day", excluded.alias("out_"), used.alias("in_"))
        .group_by("customer_id", "amount", "day")
        .agg((nw.col("out_").sum() - nw.col("in_").sum()).cast(nw.Int64).alias("more_"))
        .filter(nw.col("more_") > 0)
    )
    return by_day.group_by("customer_id", "amount").agg(
        nw.col("more_").sum().cast(nw.Int64).alias("corrections_"), nw.col("day").max().alias("corrected_")
    )


def marked(lines: nw.LazyFrame[Any], taken_back: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The lines, those that are taken back with the reason `REVERSED`: for each correction the latest one before it."""
    names = lines.collect_schema().names()
    joined = lines.join(taken_back, on=["customer_id", "amount"], how="left")
    stays = nw.col("fault").is_null() & (nw.col("day") <= nw.col("corrected_"))
    table = joined.with_columns(nw.when(stays).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64).alias("stays_"))
    # most lines have no correction: sorting them too would take most of the time of all checks
    others = table.filter(nw.col("stays_") == 0).select(names)
    some = table.filter(nw.col("stays_") == 1).with_columns((-nw.col("day")).alias("age_"))
    # by every column, so that the same lines leave in every run: of equal rows it makes no difference which
    order = ["age_", *(name for name in names if name not in {"customer_id", "amount", "day", "fault"})]
    counted = some.with_columns(
        nw.col("stays_").cum_sum().over("customer_id", "amount", order_by=order).alias("number_")
    )
    goes = nw.col("number_") <= nw.col("corrections_")
    fault = nw.when(goes).then(nw.lit(REVERSED)).otherwise(nw.col("fault")).alias("fault")
    return nw.concat([others, counted.with_columns(fault).select(names)])

"""The value of a line: less its refund, and its part of the order where an amount is the total of the order.

With `amount_is: order` each line of an order repeats the order's total, as in orders joined with items. The value of an
order is then the sum of its different amounts (several payments), less the sum of its different refunds, in equal parts
on its lines; the parts add up exactly. A line that comes once for each payment counts once.
"""

from __future__ import annotations

from typing import Any, Literal

import narwhals as nw

AmountIs = Literal["line", "order"]
FULLY_REFUNDED = "fully_refunded"
REPEATED_LINE = "line_repeated_for_each_payment"
BESIDES = ("fault", "written", "file", "refund", "gross", "copy_")
"""Columns of lines that are not part of what a used line says."""
_ORDER = ("customer_id", "order_id")


def valued(lines: nw.LazyFrame[Any], amount_is: AmountIs) -> nw.LazyFrame[Any]:
    """Lines with `amount` as the value of the line, and with `gross`, the amount as the source has it.

    Parameters
    ----------
    lines : lazy frame of `contracts.LINES`
        With `copy_` where duplicates are dropped: lines with one above 1 keep their amount and are no part of an order.
    amount_is : {"line", "order"}

    Returns
    -------
    lazy frame
        The same rows; as they are where there are no refunds and each amount is that of its line.
    """
    names = lines.collect_schema().names()
    if amount_is == "line" and "refund" not in names:
        return lines
    table = lines.with_columns(nw.col("amount").alias("gross"))
    if "refund" not in names:
        table = table.with_columns(nw.lit(0).cast(nw.Int64).alias("refund"))
    ours = nw.col("fault").is_null()
    if "copy_" in names:
        ours = ours & (nw.col("copy_") == 1)
    by_order = amount_is == "order"
    if not by_order:
        return _with_faults(table, ours, nw.col("amount") - nw.col("refund"), nw.col("refund"))
    in_order = ours & ~nw.col("order_id").is_null()
    columns = table.collect_schema().names()
    single = _with_faults(table.filter(~in_order), ours, nw.col("amount") - nw.col("refund"), nw.col("refund"))
    return nw.concat([single.select(columns), _of_orders(table.filter(in_order), columns)])


def _with_faults(table: nw.LazyFrame[Any], ours: nw.Expr, value: nw.Expr, refunded: nw.Expr) -> nw.LazyFrame[Any]:
    """`table` with the value of the lines that are ours, and a fault where nothing is left to pay."""
    nothing = ours & (nw.col("amount") == 0) & (nw.col("refunded_") > 0)
    table = table.with_columns(nw.when(ours).then(refunded).otherwise(nw.lit(0)).alias("refunded_"))
    table = table.with_columns(nw.when(ours).then(value).otherwise(nw.col("amount")).alias("amount"))
    fault = nw.when(nothing).then(nw.lit(FULLY_REFUNDED)).otherwise(nw.col("fault"))
    return table.with_columns(fault.alias("fault"), nw.col("refunded_").alias("refund")).drop("refunded_")


def _of_orders(lines: nw.LazyFrame[Any], columns: list[str]) -> nw.LazyFrame[Any]:
    """Lines of orders with their part of the order's value; the order's refund is on its first line."""
    content = [name for name in columns if name not in (*BESIDES, "amount")]
    table = lines.with_columns(nw.col("amount").max().over(*_ORDER).alias("largest_"))
    # an empty amount is no payment of its own
    payment = nw.when(nw.col("amount").is_null()).then(nw.col("largest_")).otherwise(nw.col("amount"))
    table = table.with_columns(payment.alias("payment_of_"))
    # which of equal lines is the first makes no difference
    table = _counted(table, "same_amount_", (*_ORDER, "amount"), content)
    table = _counted(table, "same_refund_", (*_ORDER, "refund"), content)
    table = _counted(table, "twin_", (*content, "payment_of_"), content[:1])
    table = _counted(table, "payment_", (*content, "twin_"), ["payment_of_"])
    table = table.with_columns(
        (nw.col("payment_") == 1).alias("stays_"),
        nw.when(nw.col("same_amount_") == 1).then(nw.col("amount")).otherwise(nw.lit(0)).alias("paid_"),
        nw.when(nw.col("same_refund_") == 1).then(nw.col("refund")).otherwise(nw.lit(0)).alias("refunded_"),
    )
    table = table.with_columns(
        nw.col("paid_").sum().over(*_ORDER).alias("paid_"),
        nw.col("refunded_").sum().over(*_ORDER).alias("refunded_"),
        nw.col("stays_").cast(nw.Int64).sum().over(*_ORDER).alias("lines_"),
    )
    table = _counted(table, "place_", (*_ORDER, "stays_"), content)
    return _in_parts(table).select(columns)


def _counted(table: nw.LazyFrame[Any], name: str, of: tuple[str, ...], order_by: list[str]) -> nw.LazyFrame[Any]:
    """`table` with the number of each row, from 1, among those equal in some columns."""
    numbered = table.with_columns(nw.lit(1).cast(nw.Int64).alias(name))
    return numbered.with_columns(nw.col(name).cum_sum().over(*of, order_by=order_by).cast(nw.Int64))


def _in_parts(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    net = (nw.col("paid_") - nw.col("refunded_")).cast(nw.Int64)
    table = table.with_columns(net.alias("net_"), net.abs().alias("size_"))
    table = table.with_columns((nw.col("size_") // nw.col("lines_")).cast(nw.Int64).alias("part_"))
    rest = nw.col("size_") - nw.col("part_") * nw.col("lines_")
    part = nw.col("part_") + (nw.col("place_") <= rest).cast(nw.Int64)
    part = nw.when(nw.col("net_") < 0).then(-part).otherwise(part)
    first = nw.col("stays_") & (nw.col("place_") == 1)
    of_kept = nw.when(~nw.col("stays_")).then(nw.lit(REPEATED_LINE)).otherwise(_refunded())
    fault = nw.when(nw.col("largest_").is_null()).then(nw.lit("missing_amount")).otherwise(of_kept)
    value = nw.when(nw.col("largest_").is_null() | ~nw.col("stays_")).then(nw.col("gross")).otherwise(part)
    refund = nw.when(first & ~nw.col("largest_").is_null()).then(nw.col("refunded_")).otherwise(nw.lit(0))
    return table.with_columns(
        value.cast(nw.Int64).alias("amount"), refund.cast(nw.Int64).alias("refund"), fault.alias("fault")
    )


def _refunded() -> nw.Expr:
    return nw.when((nw.col("net_") == 0) & (nw.col("refunded_") > 0)).then(nw.lit(FULLY_REFUNDED))

"""Customer-days, net of returns; the same rule nets the days of any finer owner, such as a customer and an item.

The rule, for lines of negative amount:
1. With an order_id, a return goes to the day of its own order: the latest sale line of the same customer and order on
   or before it. Otherwise it nets on its own day.
2. A day whose net is positive, or that has no return at all, is a purchase day.
3. What is left on any other day is carried to the customer's latest earlier purchase day.
4. With no earlier purchase day the whole day is excluded: `return_before_any_purchase`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEASURES = ("value", "n_lines", "n_returns")


@dataclass(frozen=True)
class Netting:
    """Whose days are netted, and what goes with the value.

    Parameters
    ----------
    owner : tuple of str
        Columns of the lines: a return meets the purchases of its own owner alone.
    also : tuple of str
        Integer columns of the lines that are added up and carried as the value is.
    """

    owner: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def day(self) -> tuple[str, ...]:
        """Keys of a day."""
        return (*self.owner, "day")

    @property
    def measures(self) -> tuple[str, ...]:
        """What a day carries."""
        return (*_MEASURES, *self.also)


CUSTOMER = Netting(("customer_id",))


def summed_lines(used: nw.LazyFrame[Any], *, has_returns: bool = True) -> nw.LazyFrame[Any]:
    """Lines of one customer, day, order and sign as one, with their number: all that netting reads of them.

    Summed once and kept, they are netted as of many cutoffs at a fraction of the cost.

    Parameters
    ----------
    used : lazy frame
        As for `customer_days`.
    has_returns : bool
        False where no amount is negative: orders need not be told apart then.

    Returns
    -------
    lazy frame
        `customer_id`, `day`, `order_id` where `used` has it and there are returns, `amount` and `n_lines`.
    """
    amount, n_lines = nw.col("amount").sum().cast(nw.Int64), nw.len().cast(nw.Int64)
    orders = ["order_id"] if has_returns and "order_id" in used.collect_schema().names() else []
    signed = used.with_columns((nw.col("amount") < 0).alias("is_return"))
    keys = [*CUSTOMER.day, *orders]
    summed = signed.group_by(*keys, "is_return").agg(amount.alias("amount"), n_lines.alias("n_lines"))
    return summed.select(*keys, "amount", "n_lines")


def customer_days(used: nw.LazyFrame[Any], *, has_returns: bool = True, rule: Netting = CUSTOMER) -> nw.LazyFrame[Any]:
    """One row a customer and purchase day.

    Parameters
    ----------
    used : lazy frame
        Lines that are used and seen: `customer_id`, `day`, `amount` in minor units, and `order_id` where there is one;
        as they are, or as `summed_lines` gives them.
    has_returns : bool
        False where no amount is negative, which `Ledger.has_returns` knows: the netting, three more passes, is skipped.
    rule : Netting
        A day a customer if not given.

    Returns
    -------
    lazy frame
        `customer_id`, `day`, `value` (net, minor units) and `n_lines`, all int64 but the first.
    """
    return purchase_days(netted_days(used, rule)) if has_returns else _sum_lines(used, rule.day)


def netted_days(used: nw.LazyFrame[Any], rule: Netting = CUSTOMER) -> nw.LazyFrame[Any]:
    """As `customer_days`, with `n_returns`, and with the days that have no purchase to go to: their `day` is null.

    Parameters
    ----------
    used : lazy frame
        As for `customer_days`, with the columns that `rule` names.
    rule : Netting
        A day a customer if not given.
    """
    return _carried(_days_of_orders(used, rule), rule)


def purchase_days(netted: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The purchase days of `netted_days`."""
    return netted.filter(~nw.col("day").is_null()).drop("n_returns")


def without_purchase(netted: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row: lines of `netted_days` without a purchase day (`rows`), the returns among them, and their `value`."""
    aside = netted.filter(nw.col("day").is_null())
    rows, returns, value = (nw.col(name).sum().cast(nw.Int64) for name in ("n_lines", "n_returns", "value"))
    return aside.select(rows.alias("rows"), returns.alias("returns"), value.alias("value"))


def customers_in_the_red(days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row, `customers`: how many have a negative net value over all their days."""
    totals = days.group_by("customer_id").agg(nw.col("value").sum().cast(nw.Int64))
    return totals.filter(nw.col("value") < 0).select(nw.len().cast(nw.Int64).alias("customers"))


def _days_of_orders(used: nw.LazyFrame[Any], rule: Netting) -> nw.LazyFrame[Any]:
    """Step 1: lines summed on the day they belong to, with the number of returns among them."""
    is_return, found = nw.col("amount") < 0, used.collect_schema().names()
    lines = nw.col("n_lines") if "n_lines" in found else nw.lit(1)
    marked = used.with_columns((is_return.cast(nw.Int64) * lines).alias("n_returns"))
    sums = _sums(("n_returns", *rule.also))
    if "order_id" not in found:
        return _sum_lines(marked, rule.day, *sums)
    sales = _sum_lines(marked.filter(~is_return), (*rule.day, "order_id"), *sums)
    returns = _sum_lines(marked.filter(is_return), (*rule.day, "order_id"), *sums)
    columns = [*rule.day, *rule.measures]
    return _sum_days(nw.concat([sales.select(columns), _on_sale_days(returns, sales, rule).select(columns)]), rule)


def _on_sale_days(returns: nw.LazyFrame[Any], sales: nw.LazyFrame[Any], rule: Netting) -> nw.LazyFrame[Any]:
    """Returns on the latest day, up to their own, on which their order has a sale; else on their own day."""
    of_order = [*rule.owner, "order_id"]
    sold = sales.select(*of_order, nw.col("day").alias("sale_day"))
    pairs = returns.select(*of_order, "day").join(sold, on=of_order, how="inner")
    latest = pairs.filter(nw.col("sale_day") <= nw.col("day")).group_by(*of_order, "day").agg(nw.col("sale_day").max())
    found = returns.join(latest, on=[*of_order, "day"], how="left")
    home = nw.when(~nw.col("sale_day").is_null()).then(nw.col("sale_day")).otherwise(nw.col("day"))
    return found.with_columns(home.alias("day"))


def _carried(days: nw.LazyFrame[Any], rule: Netting) -> nw.LazyFrame[Any]:
    """Steps 2 to 4: every day's value on its purchase day, null where there is none."""
    is_purchase = (nw.col("value") > 0) | (nw.col("n_returns") == 0)
    homes = days.with_columns(nw.when(is_purchase).then(nw.col("day")).alias("home"))
    latest = nw.col("home").fill_null(strategy="forward").over(*rule.owner, order_by="day")
    return _sum_days(homes.with_columns(latest.alias("home")).drop("day").rename({"home": "day"}), rule)


def _sum_lines(lines: nw.LazyFrame[Any], keys: Sequence[str], *more: nw.Expr) -> nw.LazyFrame[Any]:
    counted = "n_lines" in lines.collect_schema().names()
    value, n_lines = nw.col("amount").sum(), nw.col("n_lines").sum() if counted else nw.len()
    sums = value.cast(nw.Int64).alias("value"), n_lines.cast(nw.Int64).alias("n_lines")
    return lines.group_by(*keys).agg(*sums, *more)


def _sum_days(days: nw.LazyFrame[Any], rule: Netting) -> nw.LazyFrame[Any]:
    return days.group_by(*rule.day).agg(*_sums(rule.measures))


def _sums(names: Sequence[str]) -> list[nw.Expr]:
    return [nw.col(name).sum().cast(nw.Int64) for name in names]

"""Why a row is used or set aside: one reason a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import narwhals as nw

from ltvml.errors import ConfigError
from ltvml.features.split import is_seen

if TYPE_CHECKING:
    from ltvml.window import Window

ReturnsRule = Literal["net", "drop", "error"]
KeepOrDrop = Literal["keep", "drop"]
USED = "used"
AFTER_CUTOFF = "after_cutoff"
RETURN_DROPPED = "return_dropped"
ZERO_AMOUNT = "zero_amount"
DUPLICATE = "duplicate"
RETURN_BEFORE_ANY_PURCHASE = "return_before_any_purchase"


@dataclass(frozen=True)
class Rules:
    """What happens to rows that are odd but readable.

    Parameters
    ----------
    returns : {"net", "drop", "error"}
        Lines of negative amount: subtracted from the purchases they belong to, set aside, or refused.
    zero_amounts, duplicates : {"keep", "drop"}
        A duplicate is equal to an earlier line in every mapped column. Both are counted either way.
    unreadable_share : float
        Rows whose date or amount is missing or unreadable, as a share of the rows not excluded by the user: above it
        the data are refused, below it the rows are set aside with a warning.

    Raises
    ------
    ConfigError
        If a rule is not one of its words, or the share is outside [0, 1].
    """

    returns: ReturnsRule = "net"
    zero_amounts: KeepOrDrop = "keep"
    duplicates: KeepOrDrop = "keep"
    unreadable_share: float = 0.05

    def __post_init__(self) -> None:
        words = {"returns": ReturnsRule, "zero_amounts": KeepOrDrop, "duplicates": KeepOrDrop}
        for name, allowed in ((name, get_args(literal)) for name, literal in words.items()):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"transactions.{name} is '{getattr(self, name)}'; expected {', '.join(allowed)}.")
        if not 0 <= self.unreadable_share <= 1:
            raise ConfigError(f"transactions.unreadable_share is {self.unreadable_share}; expected 0 to 1.")


def with_reasons(lines: nw.LazyFrame[Any], window: Window, rules: Rules) -> nw.LazyFrame[Any]:
    """Lines with `reason`: `used`, or why the line is set aside; the first that applies.

    Parameters
    ----------
    lines : lazy frame of `contracts.LINES`
    window : Window
    rules : Rules

    Notes
    -----
    The reason `return_before_any_purchase` depends on the customer's other lines; `returns.customer_days` finds it.
    """
    table = _numbered_copies(lines) if rules.duplicates == "drop" else lines
    reason = nw.lit(USED)
    for condition, word in reversed(_conditions(window, rules)):
        reason = nw.when(condition).then(nw.lit(word)).otherwise(reason)
    faulty = ~nw.col("fault").is_null()
    table = table.with_columns(nw.when(faulty).then(nw.col("fault")).otherwise(reason).alias("reason"))
    return table.drop("copy_") if rules.duplicates == "drop" else table


def used_lines(lines: nw.LazyFrame[Any], window: Window, rules: Rules) -> nw.LazyFrame[Any]:
    """The lines that are used, without `fault` and `reason`."""
    table = _numbered_copies(lines) if rules.duplicates == "drop" else lines
    others = [~condition for condition, _ in _conditions(window, rules)]
    names = [name for name in lines.collect_schema().names() if name != "fault"]
    return table.filter(nw.col("fault").is_null(), *others).select(names)


def _conditions(window: Window, rules: Rules) -> list[tuple[nw.Expr, str]]:
    conditions = [(~is_seen(window), AFTER_CUTOFF)]
    if rules.returns == "drop":
        conditions.append((nw.col("amount") < 0, RETURN_DROPPED))
    if rules.zero_amounts == "drop":
        conditions.append((nw.col("amount") == 0, ZERO_AMOUNT))
    if rules.duplicates == "drop":
        conditions.append((nw.col("copy_") > 1, DUPLICATE))
    return conditions


def _numbered_copies(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    names = lines.collect_schema().names()
    one = nw.lit(1).cast(nw.Int64)
    return lines.with_columns(one.alias("copy_")).with_columns(nw.col("copy_").cum_sum().over(*names, order_by="day"))

"""The ledger: rows in = rows used + rows excluded, by reason, and so the money. Every row is counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import narwhals as nw

from ltvml.engines.values.identity import NOT_CUSTOMER
from ltvml.engines.values.minor_units import money
from ltvml.errors import ConfigError, LtvmlError
from ltvml.features.order_values import BESIDES, AmountIs
from ltvml.features.split import is_seen
from ltvml.window import date_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.engines.values.number_forms import NumberForm
    from ltvml.window import Window


_WIDTH, _MONEY_WIDTH = 44, 18
_ALIKE = ("customer_id", "day", "amount")
VALUE_COUNTS_PURCHASES = "value counts purchases (transactions.columns.amount is 1)"


@dataclass(frozen=True)
class Ledger:
    """What became of every row, and of the money on it.

    Parameters
    ----------
    rows_in, used : int
    reasons : dict of str to int
        Rows excluded, by reason; rows left out by a value have the reason `drop status: cancelled`.
    notes : dict of str to int
        Rows that are used and noted: `zero_amounts_kept`, `duplicates_kept`, `returns_netted`.
    first_day, last_day : int or None
        Of all rows that can be read, whatever the cutoff; days since 1970-01-01.
    money_in, money_used : int or None
        Sum of all amounts that can be read, and of the values of the lines that are used, minor units; None where it
        was not counted.
    money : dict of str to int
        Money that is not used, minor units: of each reason, `refunded` on lines that are used, and
        `order_totals_repeated`, the amounts that stand on more than one line of an order.
    decimals : int
        Digits of the minor unit.
    counts_purchases : bool
        Whether values count purchases and are no money: `columns.amount` is 1.

    Raises
    ------
    LtvmlError
        If the rows or the money do not add up: a fault of ltvml, not of the data.
    """

    rows_in: int
    used: int
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    first_day: int | None = None
    last_day: int | None = None
    money_in: int | None = None
    money_used: int | None = None
    money: dict[str, int] = field(default_factory=dict)
    decimals: int = 2
    counts_purchases: bool = False

    def __post_init__(self) -> None:
        if self.money_in is not None and self.money_in != (self.money_used or 0) + sum(self.money.values()):
            raise LtvmlError(
                f"the money does not add up: {self.money_in} in, {self.money_used} used, the rest {self.money}.",
                hint="this is a bug in ltvml: please report it.",
            )
        if self.rows_in != self.used + sum(self.reasons.values()):
            raise LtvmlError(
                f"the row counts do not add up: {self.rows_in} rows in, {self.used} used, excluded {self.reasons}.",
                hint="this is a bug in ltvml: please report it.",
            )

    @property
    def has_returns(self) -> bool:
        """Whether any line that is used has a negative amount."""
        return self.notes.get("returns_netted", 0) > 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values; days as ISO dates."""
        dates = {name: None if day is None else date_of(day).isoformat() for name, day in self._days().items()}
        values = {name: value for name, value in asdict(self).items() if not name.endswith("_day")}
        if not self.counts_purchases:
            del values["counts_purchases"]
        return values | dates

    def _days(self) -> dict[str, int | None]:
        return {"first_order_date": self.first_day, "last_order_date": self.last_day}

    def __str__(self) -> str:
        rows: list[tuple[str, int | None, int | None]] = [
            ("rows in", self.rows_in, self.money_in),
            ("used", self.used, self.money_used),
        ]
        for name, number in sorted(self.reasons.items()):
            rows.append((f"excluded: {_words(name)}", number, self.money.get(name, 0)))
        rows += [(_words(name), None, amount) for name, amount in self.money.items() if name not in self.reasons]
        rows += [(f"used, of which {_words(name)}", rows, None) for name, rows in sorted(self.notes.items()) if rows]
        unit = "purchases" if self.counts_purchases else "value"
        head = [] if self.money_in is None else [f"{'':<{_WIDTH}} {'rows':>14} {unit:>{_MONEY_WIDTH}}"]
        tail = [f"{VALUE_COUNTS_PURCHASES}."] if self.counts_purchases else []
        return "\n".join([*head, *(self._line(*row) for row in rows), *tail])

    def _line(self, name: str, rows: int | None, amount: int | None) -> str:
        number = "" if rows is None else f"{rows:,}"
        value = "" if amount is None or self.money_in is None else money(amount, self.decimals)
        shown = "".join(letter if letter.isprintable() else " " for letter in name)[:_WIDTH]
        return f"{shown:<{_WIDTH}} {number:>14} {value:>{_MONEY_WIDTH}}".rstrip()


def is_left_out(reason: str) -> bool:
    """Whether a reason is a choice of the user: a flag of `exclude`, a value of `keep` or `drop`, an id of nobody."""
    return reason.startswith(("excluded_", "drop ", "keep ")) or reason == NOT_CUSTOMER


def _words(name: str) -> str:
    column = name.removeprefix("excluded_")
    if column != name:
        # of `transactions.exclude`, which names columns
        return f"{column} is true"
    if name == NOT_CUSTOMER:
        return "id is in not_customers"
    if is_left_out(name):
        return " is ".join(name.partition(" ")[2].rsplit(": ", maxsplit=1))
    return name.replace("_", " ")


def reason_counts(lines: nw.LazyFrame[Any], window: Window, rules: Rules) -> nw.LazyFrame[Any]:
    """Rows, negative and zero amounts, first and last day by reason and currency: what a ledger needs, in one query."""
    table = with_reasons(lines, window, rules)
    names = table.collect_schema().names()
    keys = ["reason", *(name for name in ("currency",) if name in names)]
    gross = nw.col("gross" if "gross" in names else "amount")
    refund = nw.col("refund") if "refund" in names else nw.when(nw.col("fault").is_null()).then(nw.lit(0))
    return table.group_by(*keys).agg(
        nw.len().cast(nw.Int64).alias("rows"),
        (nw.col("amount") < 0).cast(nw.Int64).sum().cast(nw.Int64).alias("negative"),
        (nw.col("amount") == 0).cast(nw.Int64).sum().cast(nw.Int64).alias("zero"),
        nw.col("day").min().alias("first_day"),
        nw.col("day").max().alias("last_day"),
        nw.col("fault").is_null().cast(nw.Int64).min().alias("readable"),
        # doubles hold every sum of minor units that matters, and do not overflow where a junk row is huge
        gross.cast(nw.Float64).sum().alias("gross"),
        nw.col("amount").cast(nw.Float64).sum().alias("value"),
        refund.cast(nw.Float64).sum().alias("refunded"),
        nw.col("amount").max().alias("largest"),
    )


def ledger_of(counts: pd.DataFrame, decimals: int = 2) -> Ledger:
    """A ledger from the rows of `reason_counts`."""
    by_reason = {str(reason): int(rows) for reason, rows in counts.groupby("reason")["rows"].sum().items()}
    used = counts[counts["reason"] == USED]
    readable = counts[counts["readable"] == 1]
    excluded = counts[counts["reason"] != USED]
    gross = {str(reason): int(amount) for reason, amount in excluded.groupby("reason")["gross"].sum().items()}
    value, refunded = int(used["value"].sum()), int(used["refunded"].sum())
    repeated = int(used["gross"].sum()) - value - refunded
    unused = {REFUNDED: refunded, ORDER_TOTALS_REPEATED: repeated}
    return Ledger(
        rows_in=int(counts["rows"].sum()),
        used=by_reason.pop(USED, 0),
        reasons=by_reason,
        notes={"zero_amounts_kept": int(used["zero"].sum()), "returns_netted": int(used["negative"].sum())},
        first_day=int(readable["first_day"].min()) if len(readable) else None,
        last_day=int(readable["last_day"].max()) if len(readable) else None,
        money_in=int(counts["gross"].sum()),
        money_used=value,
        money=gross | {name: amount for name, amount in unused.items() if amount},
        decimals=decimals,
    )


def copies_by_customer(used: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """`customer_id`, `rows`: how many lines equal an earlier one in every column, of customers who have such lines."""
    names = used.collect_schema().names()
    # few lines are alike in three columns, and to group all lines by all of theirs is dear
    alike = used.group_by(*_ALIKE).agg(nw.len().cast(nw.Int64).alias("rows_")).filter(nw.col("rows_") > 1)
    suspects = used.join(alike.select(*_ALIKE), on=list(_ALIKE), how="semi")
    groups = suspects.group_by(*names).agg(nw.len().cast(nw.Int64).alias("rows_")).filter(nw.col("rows_") > 1)
    return groups.group_by("customer_id").agg((nw.col("rows_") - 1).sum().cast(nw.Int64).alias("rows"))


def copies(by_customer: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row, `rows`: those of all customers; `amount` of a used line is null in none."""
    return by_customer.select(nw.col("rows").sum().cast(nw.Int64))


def with_duplicates(ledger: Ledger, rows: int) -> Ledger:
    """The ledger with a note of the duplicates that were kept."""
    return replace(ledger, notes=ledger.notes | {"duplicates_kept": rows})


def with_unmatched_returns(ledger: Ledger, rows: int, returns: int, value: int) -> Ledger:
    """The ledger with rows moved from used to `return_before_any_purchase`; `returns` of them are returns."""
    if rows == 0:
        return ledger
    money_used = None if ledger.money_used is None else ledger.money_used - value
    money = ledger.money | ({} if money_used is None else {RETURN_BEFORE_ANY_PURCHASE: value})
    notes = ledger.notes | {"returns_netted": ledger.notes["returns_netted"] - returns}
    reasons = ledger.reasons | {RETURN_BEFORE_ANY_PURCHASE: rows}
    used = ledger.used - rows
    return replace(ledger, used=used, reasons=reasons, notes=notes, money_used=money_used, money=money)


ReturnsRule = Literal["net", "drop", "error"]
KeepOrDrop = Literal["keep", "drop"]
USED = "used"
AFTER_CUTOFF = "after_cutoff"
RETURN_DROPPED = "return_dropped"
ZERO_AMOUNT = "zero_amount"
DUPLICATE = "duplicate"
RETURN_BEFORE_ANY_PURCHASE = "return_before_any_purchase"
REFUNDED = "refunded"
ORDER_TOTALS_REPEATED = "order_totals_repeated"


@dataclass(frozen=True)
class Rules:
    """What happens to rows that are odd but readable.

    Parameters
    ----------
    returns : {"net", "drop", "error"}
        Lines of negative amount: subtracted from the purchases they belong to, excluded, or an error.
    zero_amounts, duplicates : {"keep", "drop"}
        A duplicate is equal to an earlier line in every mapped column. Both are counted either way. With several files
        a duplicate is a line that an earlier file has, too, and equal lines of one file are none.
    unreadable_share : float
        Rows whose date or amount is missing or unreadable, as a share of the rows not excluded by the user: a larger
        share is an error, a smaller one is excluded with a warning.
    amount_is : {"line", "order"}
        Whether an amount is that of its line, or the total of its order, repeated on each line of it.
    decimals : int
        Digits of the currency's minor unit, for messages.
    number_form : NumberForm, optional
        How amounts that are text are written, where settings say it.
    date_format : str, optional
        How dates are written, where it is not ISO.
    source : str, optional
        The path that the lines come from, for messages that name files.
    counts_purchases : bool
        Whether each line is worth 1.

    Raises
    ------
    ConfigError
        If a rule is not one of the allowed values, or the share is outside [0, 1].
    """

    returns: ReturnsRule = "net"
    zero_amounts: KeepOrDrop = "keep"
    duplicates: KeepOrDrop = "keep"
    unreadable_share: float = 0.05
    amount_is: AmountIs = "line"
    decimals: int = 2
    number_form: NumberForm | None = None
    date_format: str | None = None
    source: str | None = None
    counts_purchases: bool = False

    def __post_init__(self) -> None:
        words = {
            "returns": ReturnsRule,
            "zero_amounts": KeepOrDrop,
            "duplicates": KeepOrDrop,
            "amount_is": AmountIs,
        }
        for name, allowed in ((name, get_args(literal)) for name, literal in words.items()):
            if getattr(self, name) not in allowed:
                given = getattr(self, name)
                raise ConfigError(f"transactions.{name} is '{given}'; expected one of {', '.join(allowed)}.")
        if not 0 <= self.unreadable_share <= 1:
            raise ConfigError(f"transactions.max_bad_share is {self.unreadable_share}; expected a number from 0 to 1.")


def with_reasons(lines: nw.LazyFrame[Any], window: Window, rules: Rules) -> nw.LazyFrame[Any]:
    """Lines with `reason`: `used`, or why the line is excluded; the first that applies.

    Parameters
    ----------
    lines : lazy frame of `contracts.LINES`
    window : Window
    rules : Rules

    Notes
    -----
    The reason `return_before_any_purchase` depends on the customer's other lines; `returns.customer_days` finds it.
    """
    table = with_copies(lines, rules)
    reason = nw.lit(USED)
    for condition, word in reversed(_conditions(window, rules)):
        reason = nw.when(condition).then(nw.lit(word)).otherwise(reason)
    faulty = ~nw.col("fault").is_null()
    table = table.with_columns(nw.when(faulty).then(nw.col("fault")).otherwise(reason).alias("reason"))
    return table.drop("copy_") if rules.duplicates == "drop" else table


def used_lines(lines: nw.LazyFrame[Any], window: Window, rules: Rules) -> nw.LazyFrame[Any]:
    """The lines that are used, without `fault` and `reason`."""
    table = with_copies(lines, rules)
    others = [~condition for condition, _ in _conditions(window, rules)]
    names = [name for name in lines.collect_schema().names() if name not in BESIDES]
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


def with_copies(lines: nw.LazyFrame[Any], rules: Rules) -> nw.LazyFrame[Any]:
    """Lines with `copy_`, above 1 where a line is a duplicate; as they are where duplicates are kept.

    Notes
    -----
    Of several files each has its own equal lines: the second of them is a duplicate of the second in an earlier file.
    """
    names = lines.collect_schema().names()
    if rules.duplicates == "keep" or "copy_" in names:
        return lines
    numbered = _numbered(lines, "copy_", names)
    if "file" not in names:
        return numbered
    of_all = _numbered(numbered.rename({"copy_": "place_"}), "copy_", [*(set(names) - {"file"}), "place_"], "file")
    return of_all.drop("place_")


def _numbered(lines: nw.LazyFrame[Any], name: str, of: Sequence[str], order_by: str = "day") -> nw.LazyFrame[Any]:
    one = nw.lit(1).cast(nw.Int64)
    return lines.with_columns(one.alias(name)).with_columns(nw.col(name).cum_sum().over(*of, order_by=order_by))

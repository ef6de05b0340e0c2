"""The ledger: rows in = rows used + rows excluded, by reason. Every row is counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import narwhals as nw

from ltvml.errors import ConfigError, LtvmlError
from ltvml.features.split import is_seen
from ltvml.window import date_of

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.window import Window


_WIDTH = 44


@dataclass(frozen=True)
class Ledger:
    """What became of every row.

    Parameters
    ----------
    rows_in, used : int
    reasons : dict of str to int
        Rows excluded, by reason.
    notes : dict of str to int
        Rows that are used and noted: `zero_amounts_kept`, `duplicates_kept`, `returns_netted`.
    first_day, last_day : int or None
        Of all rows that can be read, whatever the cutoff; days since 1970-01-01.

    Raises
    ------
    LtvmlError
        If the rows do not add up: a fault of ltvml, not of the data.
    """

    rows_in: int
    used: int
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    first_day: int | None = None
    last_day: int | None = None

    def __post_init__(self) -> None:
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
        return {name: value for name, value in asdict(self).items() if not name.endswith("_day")} | dates

    def _days(self) -> dict[str, int | None]:
        return {"first_order_date": self.first_day, "last_order_date": self.last_day}

    def __str__(self) -> str:
        rows = [("rows in", self.rows_in), ("used", self.used)]
        rows += [(f"excluded: {_words(name)}", rows) for name, rows in sorted(self.reasons.items())]
        rows += [(f"used, of which {_words(name)}", rows) for name, rows in sorted(self.notes.items()) if rows]
        return "\n".join(f"{name:<{_WIDTH}} {number:>14,}" for name, number in rows)


def _words(name: str) -> str:
    column = name.removeprefix("excluded_")
    # of `transactions.exclude`, which names columns
    return f"{column} is true" if column != name else name.replace("_", " ")


def reason_counts(lines: nw.LazyFrame[Any], window: Window, rules: Rules) -> nw.LazyFrame[Any]:
    """Rows, negative and zero amounts, first and last day by reason and currency: what a ledger needs, in one query."""
    table = with_reasons(lines, window, rules)
    keys = ["reason", *(name for name in ("currency",) if name in table.collect_schema().names())]
    return table.group_by(*keys).agg(
        nw.len().cast(nw.Int64).alias("rows"),
        (nw.col("amount") < 0).cast(nw.Int64).sum().cast(nw.Int64).alias("negative"),
        (nw.col("amount") == 0).cast(nw.Int64).sum().cast(nw.Int64).alias("zero"),
        nw.col("day").min().alias("first_day"),
        nw.col("day").max().alias("last_day"),
        nw.col("fault").is_null().cast(nw.Int64).min().alias("readable"),
    )


def ledger_of(counts: pd.DataFrame) -> Ledger:
    """A ledger from the rows of `reason_counts`."""
    by_reason = {str(reason): int(rows) for reason, rows in counts.groupby("reason")["rows"].sum().items()}
    used = counts[counts["reason"] == USED]
    readable = counts[counts["readable"] == 1]
    return Ledger(
        rows_in=int(counts["rows"].sum()),
        used=by_reason.pop(USED, 0),
        reasons=by_reason,
        notes={"zero_amounts_kept": int(used["zero"].sum()), "returns_netted": int(used["negative"].sum())},
        first_day=int(readable["first_day"].min()) if len(readable) else None,
        last_day=int(readable["last_day"].max()) if len(readable) else None,
    )


def copies(used: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row, `rows`: how many lines equal an earlier one in every column."""
    names = used.collect_schema().names()
    groups = used.group_by(*names).agg(nw.len().cast(nw.Int64).alias("rows_")).filter(nw.col("rows_") > 1)
    return groups.select((nw.col("rows_") - 1).sum().cast(nw.Int64).alias("rows"))


def on_shared_days(used: nw.LazyFrame[Any], days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Lines whose customer has another line on the same day: only they can be copies, and to group all is dear.

    Parameters
    ----------
    used : lazy frame
        The lines that are used.
    days : lazy frame
        Their `customer_id`, `day` and `n_lines`.
    """
    shared = days.filter(nw.col("n_lines") > 1).select("customer_id", "day")
    return used.join(shared, on=["customer_id", "day"], how="semi")


def with_duplicates(ledger: Ledger, rows: int) -> Ledger:
    """The ledger with a note of the duplicates that were kept."""
    return replace(ledger, notes=ledger.notes | {"duplicates_kept": rows})


def with_unmatched_returns(ledger: Ledger, rows: int, returns: int) -> Ledger:
    """The ledger with rows moved from used to `return_before_any_purchase`; `returns` of them are returns."""
    if rows == 0:
        return ledger
    notes = ledger.notes | {"returns_netted": ledger.notes["returns_netted"] - returns}
    reasons = ledger.reasons | {RETURN_BEFORE_ANY_PURCHASE: rows}
    return replace(ledger, used=ledger.used - rows, reasons=reasons, notes=notes)


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
        Lines of negative amount: subtracted from the purchases they belong to, excluded, or an error.
    zero_amounts, duplicates : {"keep", "drop"}
        A duplicate is equal to an earlier line in every mapped column. Both are counted either way.
    unreadable_share : float
        Rows whose date or amount is missing or unreadable, as a share of the rows not excluded by the user: a larger
        share is an error, a smaller one is excluded with a warning.

    Raises
    ------
    ConfigError
        If a rule is not one of the allowed values, or the share is outside [0, 1].
    """

    returns: ReturnsRule = "net"
    zero_amounts: KeepOrDrop = "keep"
    duplicates: KeepOrDrop = "keep"
    unreadable_share: float = 0.05

    def __post_init__(self) -> None:
        words = {"returns": ReturnsRule, "zero_amounts": KeepOrDrop, "duplicates": KeepOrDrop}
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

"""The ledger: rows in = used + every named reason. No row vanishes silently."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.errors import LtvmlError
from ltvml.features.reasons import RETURN_BEFORE_ANY_PURCHASE, USED, Rules, with_reasons
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
        Rows set aside, by reason.
    notes : dict of str to int
        Rows that are used and worth a word: `zero_amounts_kept`, `duplicates_kept`, `returns_netted`.
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
                f"the ledger does not add up: {self.rows_in} rows in, {self.used} used, set aside {self.reasons}.",
                hint="this is a fault of ltvml: please report it.",
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
        rows += [(f"set aside: {_words(name)}", rows) for name, rows in sorted(self.reasons.items())]
        rows += [(f"of the used: {_words(name)}", rows) for name, rows in sorted(self.notes.items()) if rows]
        return "\n".join(f"{name:<{_WIDTH}} {number:>14,}" for name, number in rows)


def _words(name: str) -> str:
    return name.replace("_", " ")


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

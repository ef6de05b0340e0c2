"""From lines to checked customer-days: invalid data raise, odd data are noted, every row is counted."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ltvml.engines.files.paths import files_of, split_member
from ltvml.engines.values.minor_units import money
from ltvml.errors import DataContractError, DataWarning
from ltvml.features.grain import orders_of_several_amounts, repeated_refunds, repeated_totals
from ltvml.features.ledger import (
    USED,
    Ledger,
    Rules,
    copies,
    copies_by_customer,
    is_left_out,
    ledger_of,
    reason_counts,
    used_lines,
    with_copies,
    with_duplicates,
    with_unmatched_returns,
)
from ltvml.features.order_values import valued
from ltvml.features.overlaps import Overlap, overlap
from ltvml.features.returns import customer_days, customers_in_the_red, netted_days, purchase_days, without_purchase
from ltvml.features.reversals import without_reversed
from ltvml.features.unreadable import refuse_forms, refuse_money
from ltvml.window import WEEK, date_of

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

    from ltvml.window import Window

_UNREADABLE = ("missing_date", "bad_date", "missing_amount", "bad_amount", "bad_refund")
# a week without one order is rare for a shop and common for an export that ended early
_QUIET_DAYS = WEEK
# two equal amounts are the sum of each other
_FEWEST_OF_A_TOTAL = 4
_LONGEST_QUIET = 365


class Computer(Protocol):
    """What checking needs of an engine."""

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""

    def keep(self, table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The same table, computed once."""


@dataclass(frozen=True)
class Checked:
    """Transactions that passed.

    Parameters
    ----------
    lines : lazy frame
        The lines that are used: `contracts.LINES` without `fault`, none after the cutoff. The few rows that the ledger
        counts as `return_before_any_purchase` are still here: an earlier cutoff needs them.
    days : lazy frame
        Purchase days, see `returns.customer_days`.
    ledger : Ledger
    """

    lines: nw.LazyFrame[Any]
    days: nw.LazyFrame[Any]
    ledger: Ledger


@dataclass(frozen=True)
class ByCustomer:
    """What checks find out customer by customer: that of others stays as it was found where nothing of theirs changed.

    Parameters
    ----------
    lines : lazy frame
        Of `reversals.without_reversed`.
    netted : lazy frame
        Of `returns.netted_days`.
    copies : lazy frame
        Of `ledger.copies_by_customer`.
    """

    lines: nw.LazyFrame[Any]
    netted: nw.LazyFrame[Any]
    copies: nw.LazyFrame[Any]


def check(
    engine: Computer,
    lines: nw.LazyFrame[Any],
    window: Window,
    rules: Rules | None = None,
    known: ByCustomer | None = None,
) -> Checked:
    """Check lines against the contract, count every row and net the returns.

    Parameters
    ----------
    engine : Computer
    lines : lazy frame of `contracts.LINES`
    window : Window
    rules : Rules, optional
    known : ByCustomer, optional
        Of the same lines, window and rules, where it was found out before.

    Raises
    ------
    DataContractError
        If amounts are infinite, there is more than one currency, too many dates or amounts cannot be read, there are
        returns where none are allowed, or nothing is left up to the cutoff.

    Warns
    -----
    DataWarning
        If rows cannot be read, the data end more than a week before the cutoff, a customer's total is negative, one
        amount is the sum of all others, or amounts or refunds seem to be those of orders, repeated on their lines.
    """
    rules = rules or Rules()
    refuse_forms(engine, lines, rules)
    lines = _valued(engine, _of_files(engine, lines, rules), rules)
    if known is not None:
        lines = known.lines.select(lines.collect_schema().names())
    elif rules.amount_is == "line":
        lines = without_reversed(engine, lines, window)
    counts = engine.collect(reason_counts(lines, window, rules))
    ledger = replace(ledger_of(counts, rules.decimals), counts_purchases=rules.counts_purchases)
    refuse(ledger, counts, window, rules)
    if _unreadable(ledger):
        refuse_money(engine, lines, rules)
    used = used_lines(lines, window, rules)
    if known is not None or ledger.has_returns:
        netted = engine.keep(netted_days(used)) if known is None else known.netted
        days, ledger = (
            purchase_days(netted),
            with_unmatched_returns(ledger, *_numbers(engine, without_purchase(netted))),
        )
    else:
        days = engine.keep(customer_days(used, has_returns=False))
    if rules.duplicates == "keep":
        repeated = copies_by_customer(used) if known is None else known.copies
        ledger = with_duplicates(ledger, *_numbers(engine, copies(repeated)))
    _refuse_nothing(ledger, window)
    _warn(engine, days, ledger, window)
    _warn_of_total(counts, ledger)
    _warn_of_grain(engine, lines, used, ledger, rules)
    return Checked(used, days, ledger)


def _of_files(engine: Computer, lines: nw.LazyFrame[Any], rules: Rules) -> nw.LazyFrame[Any]:
    """Lines without the numbers of their files, unless files repeat one another and duplicates are dropped."""
    if "file" not in lines.collect_schema().names():
        return lines
    found = overlap(engine, lines)
    if found is not None and rules.duplicates == "drop":
        return lines
    if found is not None:
        _warn_of_overlap(found, rules)
    return lines.drop("file")


def _warn_of_overlap(found: Overlap, rules: Rules) -> None:
    first, last = found.first_file, found.last_file
    files = f"number {first} to {last} in the order of their names"
    names = files_of(split_member(rules.source)[0]) if rules.source else []
    if len(names) >= last:
        files = f"{Path(names[first - 1]).name} to {Path(names[last - 1]).name}"
    days = f"{date_of(found.first_day)} to {date_of(found.last_day)}"
    _say(
        f"{found.orders:,} orders from {days} are in more than one file "
        f"({files}) with equal lines: {found.rows:,} rows, worth {money(found.value, rules.decimals)}, are counted "
        "twice. If the files overlap: --set transactions.duplicates=drop."
    )


def _valued(engine: Computer, lines: nw.LazyFrame[Any], rules: Rules) -> nw.LazyFrame[Any]:
    """Lines with their own values; computed once where that is more than reading the amount."""
    numbered = with_copies(lines, rules) if rules.amount_is == "order" else lines
    table = valued(numbered, rules.amount_is)
    return lines if table is lines else engine.keep(table)


def _numbers(engine: Computer, table: nw.LazyFrame[Any]) -> list[int]:
    """The numbers of a table of one row; a sum over no rows is 0, and null on some engines."""
    return [int(value) for value in engine.collect(table).fillna(0).iloc[0]]


def refuse(ledger: Ledger, counts: pd.DataFrame, window: Window, rules: Rules) -> None:
    """Raise where an answer would be wrong.

    Parameters
    ----------
    ledger : Ledger
    counts : frame
        Rows of `ledger.reason_counts`.
    window : Window
    rules : Rules

    Raises
    ------
    DataContractError
        With the counts by rule.
    """
    _refuse_unreadable(ledger, rules)
    _refuse_infinite(ledger)
    _refuse_currencies(counts)
    if rules.returns == "error" and ledger.has_returns:
        rows = ledger.notes["returns_netted"]
        raise DataContractError(
            f"{rows:,} rows have a negative amount, and transactions.returns is 'error'.",
            hint="set returns: net to subtract them from the purchases, or returns: drop to exclude them.",
            counts={"returns": rows},
        )
    _refuse_nothing(ledger, window)
    _refuse_silence(ledger, window)


def _unreadable(ledger: Ledger) -> dict[str, int]:
    return {name: ledger.reasons[name] for name in _UNREADABLE if name in ledger.reasons}


def _refuse_unreadable(ledger: Ledger, rules: Rules) -> None:
    unreadable = _unreadable(ledger)
    rows = ledger.rows_in - sum(number for name, number in ledger.reasons.items() if is_left_out(name))
    if rows and sum(unreadable.values()) > rules.unreadable_share * rows:
        raise DataContractError(
            f"{sum(unreadable.values()):,} of {rows:,} rows have no readable date or amount ({_listed(unreadable)}); "
            f"expected at most {100 * rules.unreadable_share:g} % (transactions.max_bad_share).",
            hint="dates are read as YYYY-MM-DD unless transactions.date_format is set (for example '%d/%m/%Y'); "
            "convert seconds since 1970 to timestamps. Amounts are plain numbers such as 1234.50.",
            counts=unreadable,
        )


def _refuse_infinite(ledger: Ledger) -> None:
    if rows := ledger.reasons.get("infinite_amount", 0):
        raise DataContractError(
            f"{rows:,} rows have an infinite amount; expected finite numbers.",
            hint="an infinite amount usually comes from a division by zero upstream: correct it, or exclude the rows.",
            counts={"infinite_amount": rows},
        )


def _refuse_currencies(counts: pd.DataFrame) -> None:
    if "currency" not in counts:
        return
    rows = counts[counts["reason"] == USED].dropna(subset="currency").groupby("currency")["rows"].sum()
    if len(rows) > 1:
        found = {str(name): int(number) for name, number in rows.items()}
        raise DataContractError(
            f"column currency: found {len(found)} currencies ({_listed(found)} rows); expected one.",
            hint="convert the amounts, or run one currency at a time.",
            counts=found,
        )


def _refuse_nothing(ledger: Ledger, window: Window) -> None:
    if ledger.used:
        return
    if ledger.first_day is None or ledger.last_day is None:
        found = "no row can be read"
    else:
        found = f"orders run from {date_of(ledger.first_day)} to {date_of(ledger.last_day)}"
    raise DataContractError(
        f"no usable row up to the cutoff {window.cutoff}: {found}; excluded: {_listed(ledger.reasons)}.",
        hint="choose a window.cutoff after the first orders, or check the rules that exclude rows.",
        counts=ledger.reasons,
    )


def _refuse_silence(ledger: Ledger, window: Window) -> None:
    """Refuse a cutoff so late that every customer looks lost."""
    if ledger.last_day is None or window.cutoff_day - ledger.last_day <= _LONGEST_QUIET:
        return
    last = date_of(ledger.last_day)
    raise DataContractError(
        f"the last order is from {last}, {window.cutoff_day - ledger.last_day:,} days before window.cutoff "
        f"{window.cutoff}; expected at most {_LONGEST_QUIET}, since every customer looks lost after a year of silence.",
        hint=f"--set window.cutoff={last} takes the last order as the end; or is the file incomplete?",
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _warn(engine: Computer, days: nw.LazyFrame[Any], ledger: Ledger, window: Window) -> None:
    if unreadable := _unreadable(ledger):
        _say(f"excluded rows without a readable date or amount: {_listed(unreadable)} of {ledger.rows_in:,} rows.")
    quiet = 0 if ledger.last_day is None else window.cutoff_day - ledger.last_day
    if ledger.last_day is not None and quiet > _QUIET_DAYS:
        _say(
            f"the last order is from {date_of(ledger.last_day)}, {quiet} days before the cutoff {window.cutoff}. Check "
            "that the file is complete and the cutoff not too late: every customer looks inactive since then."
        )
    if ledger.has_returns and (customers := _numbers(engine, customers_in_the_red(days))[0]):
        _say(f"{customers:,} customers returned more than they bought: their historic value is negative.")


def _warn_of_total(counts: pd.DataFrame, ledger: Ledger) -> None:
    largest = counts[counts["reason"] == USED]["largest"].max()
    if ledger.used > _FEWEST_OF_A_TOTAL and ledger.money_used and 2 * largest == ledger.money_used:
        _say(
            f"one row's amount, {money(int(largest), ledger.decimals)}, is the sum of all the others: a row of totals? "
            "Remove it, or leave it out by transactions.drop."
        )


def _warn_of_grain(
    engine: Computer, lines: nw.LazyFrame[Any], used: nw.LazyFrame[Any], ledger: Ledger, rules: Rules
) -> None:
    if rules.amount_is == "order":
        orders, differ = orders_of_several_amounts(engine, lines)
        if differ:
            _say(
                f"the lines of {differ:,} of {orders:,} orders of several lines have different amounts, which were "
                "added up as payments of one order. If they are amounts of lines: --set transactions.amount_is=line."
            )
        return
    if found := repeated_totals(engine, used, ledger.used, 10**rules.decimals):
        _say(
            "the amount seems to be the total of the order, repeated on each of its lines: so it is in "
            f"{found.alike:,} of {found.orders:,} orders of several lines. {found.rows:,} rows count "
            f"{money(found.value, rules.decimals)} again, of {money(ledger.money_used or 0, rules.decimals)} in all. "
            "If so: --set transactions.amount_is=order."
        )
    if orders := repeated_refunds(engine, lines):
        _say(
            f"the refund is the same on all lines of {orders:,} orders, and is subtracted from each line: if it is "
            "that of the order: --set transactions.amount_is=order (where amounts are totals, too), or map a refund of "
            "the line."
        )


def _say(message: str) -> None:
    warnings.warn(message, DataWarning, stacklevel=4)

"""Init: look at a file of orders, and write a configuration with comments."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.config import load_config
from ltvml.contracts import TRANSACTIONS
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, DataContractError, OutputError
from ltvml.inputs.first_look.draft import LTV_HORIZON, beyond_in_words, draft_config, proposal_of, set_option
from ltvml.inputs.first_look.guess import money_like
from ltvml.inputs.first_look.look import Look, look_at
from ltvml.words.text import paragraph, short, table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ltvml.inputs.first_look.guess import Guess
    from ltvml.inputs.first_look.whole_file import StatusColumn, StatusValue

_COLUMN_WIDTH = 30
_SHOWN_VALUES = 4


@dataclass(frozen=True)
class InitReport:
    """What was found in a file, and where the configuration is.

    Parameters
    ----------
    path : Path
        The configuration written.
    look : Look
    """

    path: Path
    look: Look

    @property
    def source(self) -> str:
        """What was looked at."""
        return self.look.place.path

    @property
    def guess(self) -> Guess:
        """Which column is which."""
        return self.look.guess

    @property
    def last_full_day(self) -> dt.date | None:
        """Proposed as the cutoff; None where the dates could not be read."""
        return proposal_of(self.look).cutoff

    @property
    def needs(self) -> tuple[str, ...]:
        """What a person must write before the next step, a sentence each."""
        look = self.look
        sentences = [f"Write your column under transactions.columns.{name} in {self.path}." for name in look.missing]
        if look.numbers.doubtful:
            column, example = next(iter(look.numbers.doubtful.items()))
            mark = next(letter for letter in reversed(example) if letter in ".,")
            sentences.append(
                f"Write transactions.thousands or transactions.decimal: is the '{mark}' of '{example}' in {column} a "
                f"separator of thousands ({set_option('thousands', mark)}) or of decimals "
                f"({set_option('decimal', mark)})?"
            )
        if "order_date" in look.guess.mapping and look.calendar is None:
            sentences.append("Write transactions.date_format: the dates could not be read.")
        return tuple(sentences)

    @property
    def exit_code(self) -> int:
        """0, or that of data that cannot be used yet."""
        return DataContractError.exit_code if self.needs else 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        look, proposal = self.look, proposal_of(self.look)
        return {
            "config": str(self.path),
            "source": self.source,
            "recognised": look.preset.name if look.preset else None,
            "rows": look.rows,
            "columns": {
                column.name: {"column": column.column, "confidence": column.confidence, "reason": column.reason}
                for column in self.guess.columns
            },
            "missing": list(look.missing),
            "needs": list(self.needs),
            "flags": list(self.guess.flags),
            "keep": look.keep,
            "drop": look.drop,
            "amount_is": "order" if look.of_order else "line",
            "date_format": look.dates.form if look.dates else None,
            "cutoff": proposal.cutoff.isoformat() if proposal.cutoff else None,
            "notes": self.notes(),
        }

    def text(self) -> str:
        """In words, within 80 columns but for names to copy."""
        notes = [line for note in (*self.notes(), *self.needs) for line in (_paragraph(note), "")]
        return "\n".join([paragraph(self._head()), "", self._columns(), "", *notes, self._last_line()])

    def _head(self) -> str:
        look = self.look
        rows = f"{look.rows:,} row{'s' if look.rows != 1 else ''}"
        what = rows if look.preset is None else f"This is {look.preset.name}, {rows}"
        return " ".join([f"{what}.", *(look.preset.notes if look.preset else ())])

    def _last_line(self) -> str:
        if self.needs:
            return f"Wrote {self.path}, which is not complete yet:\nsee above what to write."
        return f"Wrote {self.path}. Next: ltvml validate --config {self.path}"

    def _columns(self) -> str:
        """The table of columns."""
        rows: list[tuple[str, ...]]
        rows = [
            (column.name, short(column.column, _COLUMN_WIDTH), column.confidence, column.reason)
            for column in self.guess.columns
        ]
        if self.look.counted:
            rows.append(("amount", "1", "unsure", "not found: purchases are counted"))
        rows += [(name, "NOT FOUND", "", "needed") for name in self.look.missing]
        return table(("ours", "yours", "", "why"), rows, left=4)

    def notes(self) -> list[str]:
        """What a reader should look at before the next step, a sentence or two each."""
        look = self.look
        return [*_about_columns(look), *_about_rows(look), *_about_forms(look), *_about_window(look)]


def _paragraph(note: str) -> str:
    """`note` in lines of 80 columns, each option whole, so that it can be copied."""
    whole = re.sub("--set '[^']*'", lambda option: option[0].replace(" ", "\N{NO-BREAK SPACE}"), note)
    return paragraph(whole).replace("\N{NO-BREAK SPACE}", " ")


def _about_columns(look: Look) -> list[str]:
    notes = []
    for name in look.missing:
        meaning = TRANSACTIONS[name].meaning
        near = "; ".join(
            f"{miss.column} is named like it, but holds no {miss.expected} ('{short(miss.example, 30)}')"
            for miss in look.guess.near_misses_of(name)
        )
        money = money_like(look.preview, look.guess.mapping) if name == "amount" else ()
        asked = f" Is it {' or '.join(money[:_SHOWN_VALUES])}?" if money and not near else ""
        notes.append(f"No column was found for {name} ({meaning}){f': {near}' if near else ''}.{asked}")
    if look.product is not None:
        notes.append(
            "There is no amount of a line: transactions.sql makes it from "
            f"{look.product[0]} x {look.product[1]} (columns unit_price and quantity)."
        )
    if look.counted:
        notes.append(
            "No column was found for amount: each row counts as 1, so that values are counts of purchases. Where there "
            "is one, write its name in transactions.columns.amount."
        )
    if look.passed_over:
        chosen = look.guess.mapping.get("customer_id")
        notes.append(
            f"{'; '.join(f'{column} is {why}' for column, why in look.passed_over)}: {chosen} is taken for customer_id."
        )
    return notes


def _about_rows(look: Look) -> list[str]:
    notes = []
    for status in look.statuses:
        if status.rule is None:
            notes.append(_unclear(look, status))
            continue
        out = status.left_out
        rows, money = sum(value.rows for value in out), sum(value.money or 0 for value in out)
        stay = [value for value in status.values if value.purchase]
        worth = "" if out[0].money is None else f", worth {money:,.2f}"
        notes.append(
            f"{status.column} says that {rows:,} of {look.rows:,} rows are no purchases ({_named(out)}){worth}; they "
            f"are left out by transactions.{status.rule}. Delete that line to use them. "
            f"The others stay: {_named(stay)}."
        )
    if look.cancelled_at:
        notes.append(f"Orders with a date in {look.cancelled_at} are left out by transactions.keep.")
    if look.of_order:
        notes.append(
            f"{look.guess.mapping['amount']} is the total of an order on its lines, so that amount_is: order is set: "
            "it counts once an order."
        )
    return [*notes, *_about_ids(look)]


def _named(values: Sequence[StatusValue]) -> str:
    """Values with their rows, the commonest first."""
    named = ", ".join(f"{short(value.value, 24) or '(empty)'} {value.rows:,}" for value in values[:_SHOWN_VALUES])
    return named + (f" and {len(values) - _SHOWN_VALUES} more values" if len(values) > _SHOWN_VALUES else "")


def _unclear(look: Look, status: StatusColumn) -> str:
    """What to do about a column of states that says nothing clearly."""
    # an option replaces the whole of drop
    option = set_option("drop", look.drop | {status.column: (status.values[-1].value,)})
    return (
        f"All values of {status.column} are used ({_named(status.values)}). If one of them is no purchase, leave it "
        f"out, for example: {option}"
    )


def _about_ids(look: Look) -> list[str]:
    notes = []
    column, found = look.guess.mapping.get("customer_id"), look.identity
    if found.normalize:
        notes.append(
            f"{found.ids:,} ids in {column} are {found.persons:,} customers once letter case, blanks and number forms "
            f"are the same: normalize_ids is set to {', '.join(found.normalize)}."
        )
    if found.nobody:
        named = ", ".join(f"'{name}' {rows:,}" for name, rows in found.nobody[:_SHOWN_VALUES])
        notes.append(
            f"not_customers excludes rows whose {column} is a placeholder, no customer: {named} of {look.rows:,} rows."
        )
    if look.guess.flags:
        flags = ", ".join(look.guess.flags)
        option = set_option("exclude", look.guess.flags)
        notes.append(f"Rows to leave out where {flags} is true? Then write exclude: {option}")
    return notes


def _about_forms(look: Look) -> list[str]:
    notes = []
    form = look.dates
    if form is not None and form.ambiguous:
        notes.append(
            "Please check date_format: no date of the file shows which number is the day and which the month; it is "
            f"set to {form.form}, and {form.other} reads the same texts."
        )
    rows, example = look.bad_dates
    if rows:
        shown = f", such as '{short(example, 30)}'" if example else ""
        notes.append(
            f"{rows:,} row{'s have' if rows > 1 else ' has'} a date that is no day from 1970 to 2200{shown}: excluded."
        )
    if look.by_month:
        notes.append("Dates name months only: each order counts on the first day of its month.")
    if look.timezone:
        notes.append(f"Times are in {look.timezone}: write your own zone in transactions.timezone to cut days there.")
    elif form is not None and form.zoned:
        notes.append(f"Dates carry an offset ('{form.example}'): the day is kept as it is written.")
    for column, example in look.numbers.unread.items():
        if column not in look.numbers.doubtful:
            notes.append(f"Some values of {column} are no numbers, such as '{short(example, 30)}'.")
    return notes


def _about_window(look: Look) -> list[str]:
    calendar, proposal = look.calendar, proposal_of(look)
    if calendar is None or proposal.cutoff is None:
        return []
    notes = [f"The cutoff is set to {proposal.cutoff}, the last full day of the file; it is yours to choose."]
    for days, side in ((calendar.beyond, "after"), (calendar.before, "before")):
        if days:
            lie = "lies" if sum(rows for _, rows in days) == 1 else "lie"
            notes.append(f"{beyond_in_words(days)} {lie} far {side} all others: is the year mistyped?")
    if proposal.ltv_horizon < LTV_HORIZON:
        notes.append(
            f"The orders cover {calendar.history:,} days, too few for a horizon of {LTV_HORIZON} days: ltv_horizon is "
            f"set to {proposal.ltv_horizon}."
        )
    if look.period is not None:
        notes.append(
            f"Nearly all gaps between orders are a billing period of {look.period} days: this is a contract. Customers "
            f"do not choose when to buy, and churn is a cancellation: churn_horizon is set to {proposal.churn_horizon}."
        )
    elif look.preset is not None and look.preset.contract:
        notes.append(
            "Invoices are bills of a contract: customers do not choose when to buy. Set churn_horizon to the billing "
            "period and two weeks."
        )
    return notes


def init(source: str, *, out: Path = Path("ltvml.yaml"), force: bool = False) -> InitReport:
    """Write a configuration for a file of orders.

    Parameters
    ----------
    source : str
        File, glob, folder, or `file::table`, as `transactions.source` takes it.
    out : Path
        The configuration to write.
    force : bool
        Replace one that is there.

    Returns
    -------
    InitReport

    Raises
    ------
    ConfigError
        If there is a configuration already.
    DataContractError
        If the file is of a kind that cannot be used.
    EngineError
        If the source cannot be read.
    OutputError
        If the configuration cannot be written.
    """
    if out.exists() and not force:
        raise ConfigError(f"there is a '{out}' already.", hint="--force replaces it, --out NAME writes another one.")
    look = look_at(source, DuckDBEngine())
    write_config(out, draft_config(look))
    return InitReport(out, look)


def write_config(path: Path, text: str) -> None:
    """Write a configuration in one step, after reading it back as a check.

    Raises
    ------
    OutputError
        If it cannot be written; what was there before is untouched.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        load_config(draft)
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.", hint="--out names another place.") from None
    finally:
        draft.unlink(missing_ok=True)

"""Init: look at a file of orders, and write a configuration with comments."""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.config import load_config
from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, OutputError
from ltvml.inputs.draft import draft_config
from ltvml.inputs.guess import ColumnPreview, guess_columns
from ltvml.window import date_of
from ltvml.words.text import WIDTH, table

if TYPE_CHECKING:
    import datetime as dt

    from ltvml.engines.base import Engine
    from ltvml.inputs.guess import Guess

NO_AMOUNT_BUT_PRICE = """\
There is a price and a quantity, but no value of the line. Make one in Python,
then run `ltvml init orders.parquet --force`:
  import duckdb
  duckdb.sql('''
    COPY (SELECT *, {product} AS amount
          FROM {table})
    TO 'orders.parquet'
  ''')"""
TEXT_FILES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")


@dataclass(frozen=True)
class InitReport:
    """What was found in a file, and where the configuration is.

    Parameters
    ----------
    path : Path
        The configuration written.
    source : str
    guess : Guess
    last_full_day : datetime.date or None
        Proposed as the cutoff; None where the dates could not be read.
    """

    path: Path
    source: str
    guess: Guess
    last_full_day: dt.date | None

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "config": str(self.path),
            "source": self.source,
            "columns": {
                column.name: {"column": column.column, "confidence": column.confidence, "reason": column.reason}
                for column in self.guess.columns
            },
            "missing": list(self.guess.missing),
            "flags": list(self.guess.flags),
            "date_format": self.guess.date_format,
            "cutoff": self.last_full_day.isoformat() if self.last_full_day else None,
        }

    def text(self) -> str:
        """In words, within 80 columns but for commands to copy."""
        return "\n".join(
            [*self._columns(), "", *self._to_check(), f"Wrote {self.path}. Next: ltvml validate --config {self.path}"]
        )

    def _columns(self) -> list[str]:
        """The table of columns."""
        rows: list[tuple[str, ...]]
        rows = [(column.name, column.column, column.confidence, column.reason) for column in self.guess.columns]
        rows += [(name, "NOT FOUND", "", "needed") for name in self.guess.missing]
        return [table(("ours", "yours", "", "why"), rows, left=4)]

    def _to_check(self) -> list[str]:
        """What a reader should look at before the next step, a paragraph each."""
        notes = [_missing_note(self.source, self.guess)] if self.guess.missing else []
        if self.guess.ambiguous_dates:
            notes.append(
                f"Please check date_format {self.guess.date_format}: day and month look alike in the first rows."
            )
        if self.guess.flags:
            notes.append(f"Rows to leave out? {', '.join(self.guess.flags)}: see exclude in the file.")
        if self.last_full_day:
            notes.append(
                f"The cutoff is set to {self.last_full_day}, the last full day of the file; it is yours to choose."
            )
        return [line for note in notes for line in (*_paragraph(note), "")]


def init(source: str, *, out: Path = Path("ltvml.yaml"), force: bool = False) -> InitReport:
    """Write a configuration for a file of orders.

    Parameters
    ----------
    source : str
        CSV or Parquet file, glob, or `file.duckdb::table`.
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
    EngineError
        If the source cannot be read.
    OutputError
        If the configuration cannot be written.
    """
    if out.exists() and not force:
        raise ConfigError(f"there is a '{out}' already.", hint="--force replaces it, --out NAME writes another one.")
    engine = DuckDBEngine()
    preview = [ColumnPreview(column.name, column.kind, column.samples) for column in engine.columns_of(Source(source))]
    guess = guess_columns(preview)
    last = (
        None if guess.missing else last_full_day(engine, Source(source, guess.mapping, date_format=guess.date_format))
    )
    write_config(out, draft_config(source, guess, last_full_day=last))
    return InitReport(out, source, guess, last)


def last_full_day(engine: Engine, source: Source) -> dt.date | None:
    """The last day of the orders; the day before it where they carry times, since the last one may still be running.

    Returns
    -------
    datetime.date or None
        None where no date can be read.
    """
    lines = engine.read(source).filter(nw.col("fault").is_null())
    columns = {"first": nw.col("day").min(), "last": nw.col("day").max()}
    if "second" in lines.collect_schema().names():
        columns["second"] = nw.col("second").max()
    found = engine.collect(lines.select(**columns)).iloc[0].dropna()
    if "last" not in found:
        return None
    still_running = found.get("second", 0) > 0 and found["first"] < found["last"]
    return date_of(int(found["last"]) - int(still_running))


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


def _missing_note(source: str, guess: Guess) -> str:
    """What to do about required columns that were not found."""
    mapping = guess.mapping
    if guess.missing == ("amount",) and {"quantity", "unit_price"} <= mapping.keys() and "::" not in source:
        product = " * ".join(f'CAST("{mapping[name]}" AS DOUBLE)' for name in ("quantity", "unit_price"))
        return NO_AMOUNT_BUT_PRICE.format(product=product, table=_table_of(source))
    return f"Not found: {', '.join(guess.missing)}. Name your own columns in the file before you go on."


def _table_of(source: str) -> str:
    """A file in DuckDB's SQL; a text file as text, or ids would lose their leading zeros."""
    quoted = "'" + source.replace("'", "''") + "'"
    return f"read_csv({quoted}, all_varchar = true)" if source.lower().endswith(TEXT_FILES) else quoted


def _paragraph(note: str) -> list[str]:
    """`note` in lines of 80 columns; one that is broken already stays as it is."""
    return note.splitlines() if "\n" in note else textwrap.wrap(note, WIDTH)

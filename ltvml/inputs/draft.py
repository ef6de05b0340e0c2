"""A first configuration for a file, with comments on what was guessed and what to check."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ltvml.contracts import TRANSACTIONS

if TYPE_CHECKING:
    import datetime as dt

    from ltvml.inputs.guess import Guess

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./*-]*")
WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})


def draft_config(source: str, guess: Guess, *, last_full_day: dt.date | None) -> str:
    """The text of a YAML configuration.

    Parameters
    ----------
    source : str
    guess : Guess
    last_full_day : datetime.date or None
        Proposed as the cutoff; None where the dates could not be read.
    """
    lines = [
        "# Written by `ltvml init`. Check and correct it, then run `ltvml validate`.",
        "# `ltvml config schema` lists every key. Relative paths start at the folder the command runs in.",
        "transactions:",
        f"  source: {quoted(source)}",
        "  columns:                # our name: the name in your file",
        *_column_lines(guess),
        "  returns: net            # net: negative amounts reduce their order or day; or drop, error",
        "  zero_amounts: keep      # keep: a line of amount 0 makes its day a purchase day; or drop",
        "  duplicates: keep        # drop: the second of two equal lines is excluded",
        *_flag_lines(guess),
        *_date_lines(guess),
        "",
        "window:",
        *_cutoff_lines(last_full_day),
        "  churn_horizon: auto     # days of silence that count as churn; auto: from the observed gaps",
        "  ltv_horizon: 365        # days ahead over which value is predicted",
        "",
        "value:",
        "  margin: 1.0             # share of net revenue that is earned; 1.0 predicts revenue",
        "  annual_discount_rate: 0.10",
        "",
        "tracking: {backend: mlflow, experiment: ltvml}    # mlflow, local or none",
        "output: {dir: out, formats: [parquet]}            # add csv for a second copy",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """`text` as YAML, quoted only where it must be.

    Examples
    --------
    >>> print(quoted("Customer ID"), quoted("no"), quoted("#7"))
    Customer ID "no" "#7"
    """
    plain = PLAIN.fullmatch(text) and not text.endswith(" ") and text.lower() not in WORDS_OF_YAML
    return text if plain else json.dumps(text, ensure_ascii=False)


def _column_lines(guess: Guess) -> list[str]:
    """One line a column found or required."""
    found = {column.name: column for column in guess.columns}
    lines = []
    for name in TRANSACTIONS.names:
        if name in found:
            check = "" if found[name].confidence == "sure" else f"    # please check: {found[name].reason}"
            lines.append(f"    {name}: {quoted(found[name].column)}{check}")
        elif name in guess.missing:
            lines.append(f"    # {name}: ?    # NOT FOUND, but required: {TRANSACTIONS[name].meaning}")
    return lines


def _flag_lines(guess: Guess) -> list[str]:
    """Columns that may mark rows to exclude, as a proposal."""
    if not guess.flags:
        return []
    flags = ", ".join(quoted(flag) for flag in guess.flags)
    return [f"  # exclude: [{flags}]    # excludes and counts the rows where one of these is true"]


def _date_lines(guess: Guess) -> list[str]:
    """The pattern of dates that are text."""
    if guess.date_format is None:
        return []
    check = "    # please check: the first rows fit day/month and month/day" if guess.ambiguous_dates else ""
    return [f'  date_format: "{guess.date_format}"{check}']


def _cutoff_lines(last_full_day: dt.date | None) -> list[str]:
    """The proposed cutoff, or the place for it."""
    note = ["  # Last day of the orders to use, inclusive. ltvml never guesses it when it runs."]
    if last_full_day is None:
        return [*note, "  # cutoff: YYYY-MM-DD    # NOT FOUND, but required by fit and score"]
    return [
        *note,
        f"  cutoff: {last_full_day}      # the last full day of the file; an earlier day works too",
    ]

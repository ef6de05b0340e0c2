"""A first configuration for a file, with comments on what was guessed and what to check."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.contracts import TRANSACTIONS
from ltvml.window import date_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ltvml.inputs.first_look.guess import ColumnPreview
    from ltvml.inputs.first_look.look import Look
    from ltvml.inputs.first_look.whole_file import StatusColumn

PLAIN = re.compile(r"[^\W\d][\w ./*-]*")
WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "~"})
LTV_HORIZON = 365
_SHORTEST_HORIZON = 28
_SHOWN_UNUSED = 40
_SHOWN_TEXT = 24
# a bill comes when it is due, and a reminder may take two weeks
_GRACE = 14


@dataclass(frozen=True)
class Proposal:
    """The window that a file calls for.

    Parameters
    ----------
    cutoff : datetime.date or None
        The last full day of the dense stretch of orders; None where no date could be read.
    churn_horizon : int or None
        Days; None where the gaps decide.
    ltv_horizon : int
        Days.
    """

    cutoff: dt.date | None
    churn_horizon: int | None
    ltv_horizon: int


def proposal_of(look: Look) -> Proposal:
    """The window for a file: the last full day, and horizons that its history can answer."""
    if look.calendar is None:
        return Proposal(None, None, LTV_HORIZON)
    churn = None if look.period is None else look.period + _GRACE
    weeks = max(look.calendar.history // 7 * 7, _SHORTEST_HORIZON)
    return Proposal(_last_full_day(look), churn, min(LTV_HORIZON, weeks))


def _last_full_day(look: Look) -> dt.date:
    """The last day; the day before it where orders carry times, since it may still be running."""
    assert look.calendar is not None
    last = date_of(look.calendar.last)
    still_running = look.calendar.timed and look.calendar.history > 0
    return last - dt.timedelta(days=int(still_running))


def draft_config(look: Look) -> str:
    """The text of a YAML configuration for a file."""
    proposal = proposal_of(look)
    lines = [
        "# Written by `ltvml init`. Check and correct it, then run `ltvml validate`.",
        "# `ltvml config schema` lists every key. Relative paths start at the folder the command runs in.",
        *_preset_lines(look),
        "transactions:",
        *_place_lines(look),
        "  columns:                # our name: the name in your file",
        *_column_lines(look),
        *_unused_lines(look.unused),
        *_form_lines(look),
        *_status_lines(look),
        *_grain_lines(look),
        *_identity_lines(look),
        "  returns: net            # net: negative amounts reduce their order or day; or drop, error",
        "  zero_amounts: keep      # keep: a line of amount 0 makes its day a purchase day; or drop",
        "  duplicates: keep        # drop: the second of two equal lines is excluded",
        *_flag_lines(look.guess.flags),
        "",
        "window:",
        *_window_lines(look, proposal),
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
    >>> print(quoted("Customer ID"), quoted("no"), quoted("#7"), quoted("订单状态"))
    Customer ID "no" "#7" 订单状态
    """
    plain = PLAIN.fullmatch(text) and not text.endswith(" ") and text.lower() not in WORDS_OF_YAML
    return text if plain else json.dumps(text, ensure_ascii=False)


def listed(values: Iterable[str]) -> str:
    """Values as a list of YAML.

    Examples
    --------
    >>> print(listed(["cancelled", "0", ""]))
    [cancelled, "0", ""]
    """
    return f"[{', '.join(map(quoted, values))}]"


def set_option(key: str, value: Any) -> str:
    """An option as a shell takes it.

    Examples
    --------
    >>> print(set_option("drop", {"Financial Status": ["voided"]}))
    --set 'transactions.drop={Financial Status: [voided]}'
    >>> print(set_option("amount_is", "order"))
    --set transactions.amount_is=order
    """
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{quoted(name)}: {listed(values)}" for name, values in value.items()) + "}"
    elif isinstance(value, list | tuple):
        text = listed(value)
    else:
        text = quoted(str(value))
    option = f"transactions.{key}={text}"
    safe = re.fullmatch(r"[\w.=/-]+", option)
    return f"--set {option}" if safe else "--set '" + option.replace("'", "'\"'\"'") + "'"


def _preset_lines(look: Look) -> list[str]:
    if look.preset is None:
        return []
    return [f"# This is {look.preset.name}.", *(f"# {note}" for note in look.preset.notes)]


def _place_lines(look: Look) -> list[str]:
    """Where the rows are."""
    place = look.place
    if place.sql is None:
        lines = [f"  source: {quoted(place.path)}"]
    else:
        sources = [f"    {name}: {quoted(path)}" for name, path in place.sources.items()]
        query = [f"    {line}" for line in place.sql.splitlines()]
        lines = ["  sources:", *sources, "  sql: |                  # one SELECT over the sources", *query]
    if place.encoding is not None:
        lines.append(f"  encoding: {place.encoding}        # found by reading all of the file")
    if not place.header:
        lines.append("  header: false           # the first line is a row; columns are counted from column0")
    if place.skip_rows:
        lines.append(f"  skip_rows: {place.skip_rows}            # lines before the header")
    return lines


def _column_lines(look: Look) -> list[str]:
    """One line a column found or required."""
    found = {column.name: column for column in look.guess.columns}
    lines = []
    for name in TRANSACTIONS.names:
        if name in found:
            check = "" if found[name].confidence == "sure" else f"    # please check: {found[name].reason}"
            lines.append(f"    {name}: {quoted(found[name].column)}{check}")
        elif name == "amount" and look.counted:
            lines.append("    amount: 1    # NOT FOUND: each row counts as 1, and values are counts of purchases")
        elif name in look.missing:
            lines.append(f"    # {name}: ?    # NOT FOUND, but required: {TRANSACTIONS[name].meaning}")
    return lines


def _unused_lines(columns: Sequence[ColumnPreview]) -> list[str]:
    """Columns that nothing reads, with their first values."""
    if not columns:
        return []
    shown = [f"  #   {_shown(column.name)}: {_three_values(column)}" for column in columns[:_SHOWN_UNUSED]]
    more = [f"  #   and {len(columns) - _SHOWN_UNUSED} more"] if len(columns) > _SHOWN_UNUSED else []
    return ["  # columns that are not used, with their first values:", *shown, *more]


def _three_values(column: ColumnPreview) -> str:
    values = list(dict.fromkeys(column.present))[:3]
    return ", ".join(map(_shown, values)) or "(empty)"


def _shown(text: str) -> str:
    """A text in one line of a comment."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain if len(plain) <= _SHOWN_TEXT else plain[: _SHOWN_TEXT - 1] + "…"


def _form_lines(look: Look) -> list[str]:
    """How numbers and dates are written."""
    lines = [f"  {name}: {json.dumps(value)}" for name, value in look.numbers.form.settings().items()]
    for column, example in look.numbers.doubtful.items():
        lines.append(f"  # {_shown(column)} has numbers like {_shown(example)}: write one of the two lines")
        lines.append(f'  # thousands: "{_mark(example)}"')
        lines.append(f'  # decimal: "{_mark(example)}"')
    form = look.dates
    if form is None:
        return lines
    if form.form is not None:
        check = f"    # please check: {form.other} reads the same texts" if form.ambiguous else ""
        lines.append(f'  date_format: "{form.form}"{check}' if "%" in form.form else f"  date_format: {form.form}")
    if look.timezone is not None:
        lines.append(f"  timezone: {look.timezone}           # days begin at midnight UTC: write your own zone here")
    elif form.zoned:
        lines.append(
            f"  # timezone: UTC         # {_shown(form.example)}: the day is kept as written; a zone converts it"
        )
    return lines


def _mark(example: str) -> str:
    """The separator of a doubtful number."""
    return next(letter for letter in reversed(example) if letter in ".,")


def _status_lines(look: Look) -> list[str]:
    """Values of status columns, with the filter that is on."""
    lines: list[str] = []
    for status in look.statuses:
        lines.append(
            f"  # {_shown(status.column)}: rows{' and money' if 'amount' in look.guess.mapping else ''} of each value"
        )
        lines += [f"  #   {_value_line(status, at)}" for at in range(len(status.values))]
    for rule, filters in (("keep", look.keep), ("drop", look.drop)):
        if filters:
            lines.append(f"  {rule}:                   # delete a line to use all rows of its column")
            lines += [f"    {quoted(column)}: {listed(values)}" for column, values in filters.items()]
    return lines


def _value_line(status: StatusColumn, at: int) -> str:
    value = status.values[at]
    money = "" if value.money is None else f" {value.money:>16,.2f}"
    out = "" if value.purchase else "    left out"
    return f"{_shown(value.value) or '(empty)':<{_SHOWN_TEXT}} {value.rows:>12,}{money}{out}"


def _grain_lines(look: Look) -> list[str]:
    if not look.of_order:
        return []
    return ["  amount_is: order        # each line has the total of its order, which counts once; or line"]


def _identity_lines(look: Look) -> list[str]:
    lines = []
    if look.identity.normalize:
        found = f"{look.identity.ids:,} ids are {look.identity.persons:,} customers"
        lines.append(f"  normalize_ids: {listed(look.identity.normalize)}    # {found}")
    if look.identity.nobody:
        names = listed(name for name, _ in look.identity.nobody)
        rows = sum(rows for _, rows in look.identity.nobody)
        lines.append(f"  not_customers: {names}    # {rows:,} rows with a placeholder and no customer are excluded")
    return lines


def _flag_lines(flags: Sequence[str]) -> list[str]:
    """Columns that may mark rows to exclude, as a proposal."""
    if not flags:
        return []
    return [f"  # exclude: {listed(flags)}    # excludes and counts the rows where one of these is true"]


def _window_lines(look: Look, proposal: Proposal) -> list[str]:
    """The proposed window, or the place for it."""
    churn: str | int = "auto" if proposal.churn_horizon is None else proposal.churn_horizon
    why = "days of silence that count as churn; auto: from the observed gaps"
    if proposal.churn_horizon is not None:
        why = f"a billing period of {look.period} days and {_GRACE} days for a late payment"
    far = "days ahead over which value is predicted"
    if proposal.ltv_horizon < LTV_HORIZON and look.calendar is not None:
        far += f"; the orders cover {look.calendar.history:,} days"
    return [
        "  # Last day of the orders to use, inclusive. ltvml never guesses it when it runs.",
        *_cutoff_lines(look, proposal.cutoff),
        f"  churn_horizon: {churn!s:<9}# {why}",
        f"  ltv_horizon: {proposal.ltv_horizon!s:<11}# {far}",
    ]


def _cutoff_lines(look: Look, cutoff: dt.date | None) -> list[str]:
    if cutoff is None:
        return ["  # cutoff: YYYY-MM-DD    # NOT FOUND, but required by fit and score"]
    lines = [f"  cutoff: {cutoff}      # the last full day of the file; an earlier day works too"]
    if look.calendar is not None and look.calendar.beyond:
        lines.append(f"  # far after all others: {beyond_in_words(look.calendar.beyond)}")
    return lines


def beyond_in_words(days: Sequence[tuple[int, int]]) -> str:
    """Days far from the others, with their rows.

    Examples
    --------
    >>> beyond_in_words([(85_533, 1)])
    '1 row of 2204-03-08'
    """
    rows = sum(count for _, count in days)
    shown = ", ".join(str(date_of(day)) for day, _ in days[:3])
    return f"{rows:,} row{'s' if rows != 1 else ''} of {shown}{' and other days' if len(days) > 3 else ''}"

"""A first look at a file of orders: all that its rows say about how it is to be read."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import ONE, TRANSACTIONS
from ltvml.engines.base import Source
from ltvml.engines.files.containers import packing_of
from ltvml.engines.files.encodings import scan_text
from ltvml.engines.files.paths import kind_of as kind_of_file
from ltvml.engines.values.date_forms import find_date_form
from ltvml.errors import DataContractError, LtvmlError, LtvmlWarning
from ltvml.features.gaps import gap_counts
from ltvml.inputs.first_look.column_names import letters, likeness
from ltvml.inputs.first_look.guess import (
    ColumnGuess,
    ColumnPreview,
    Guess,
    customer_candidates,
    guess_columns,
    guess_without_names,
    money_like,
)
from ltvml.inputs.first_look.presets import Preset, preset_of
from ltvml.inputs.first_look.whole_file import (
    MOST_STATUSES,
    NUMBERS,
    Calendar,
    Identity,
    NumbersFound,
    StatusColumn,
    amount_is_of_order,
    billing_period,
    calendar_of,
    choose_customer,
    date_form,
    identity,
    number_form,
    status_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.engines.base import SourceColumn
    from ltvml.engines.duckdb import DuckDBEngine
    from ltvml.engines.files.held import Held
    from ltvml.engines.values.date_forms import DateForm

_PREAMBLE_LINES = 12
_FEW_KNOWN = 2
_ID_LENGTH = 60
_EDGE = 500
# orders a row, roughly counted, from which nearly every order has one line
_ONE_LINE = 0.95


@dataclass(frozen=True)
class Place:
    """Where the rows are: keys of `transactions`, as they are written.

    Parameters
    ----------
    path : str
        What was asked for.
    header : bool
    names : tuple of str
    skip_rows : int
    encoding : str, optional
    sql : str, optional
    sources : mapping of str to str
    """

    path: str
    header: bool = True
    names: tuple[str, ...] = ()
    skip_rows: int = 0
    encoding: str | None = None
    sql: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """As an engine takes it."""
        layout: dict[str, Any] = {"header": self.header, "names": self.names, "skip_rows": self.skip_rows}
        layout["encoding"] = self.encoding
        if self.sql is not None:
            return Source(None, sql=self.sql, sources=self.sources, **layout)
        return Source(self.path, **layout)


@dataclass(frozen=True)
class Look:
    """What a file says.

    Parameters
    ----------
    place : Place
    rows : int
    preview : tuple of ColumnPreview
        Columns of the file.
    guess : Guess
    preset : Preset, optional
        The platform that was recognised.
    numbers : NumbersFound
    dates : DateForm, optional
    statuses : tuple of StatusColumn
    cancelled_at : str, optional
        Column of the time at which an order was cancelled: rows that have one are no purchases.
    identity : Identity
    passed_over : tuple of (str, str)
        Columns that are named like customers, each with what speaks against it.
    of_order : bool
        Whether each line has the total of its order.
    counted : bool
        Whether there is no amount, and purchases are counted.
    product : tuple of str, optional
        Columns of price and quantity whose product is the amount.
    calendar : Calendar, optional
        None where no date could be read.
    bad_dates : tuple of (int, str)
        Rows whose date cannot be used, and an example; 0 rows where there is none.
    period : int, optional
        Days of the billing period, where the rows are bills.
    """

    place: Place
    rows: int
    preview: tuple[ColumnPreview, ...]
    guess: Guess
    preset: Preset | None = None
    numbers: NumbersFound = NumbersFound()  # noqa: RUF009
    dates: DateForm | None = None
    statuses: tuple[StatusColumn, ...] = ()
    cancelled_at: str | None = None
    identity: Identity = Identity()  # noqa: RUF009
    passed_over: tuple[tuple[str, str], ...] = ()
    of_order: bool = False
    counted: bool = False
    product: tuple[str, str] | None = None
    calendar: Calendar | None = None
    bad_dates: tuple[int, str] = (0, "")
    period: int | None = None

    @property
    def keep(self) -> dict[str, tuple[str, ...]]:
        """For `transactions.keep`."""
        kept = {status.column: status.listed for status in self.statuses if status.rule == "keep"}
        return kept | ({self.cancelled_at: ("",)} if self.cancelled_at else {})

    @property
    def drop(self) -> dict[str, tuple[str, ...]]:
        """For `transactions.drop`."""
        return {status.column: status.listed for status in self.statuses if status.rule == "drop"}

    @property
    def missing(self) -> tuple[str, ...]:
        """Required columns that were not found."""
        return tuple(name for name in self.guess.missing if not (name == "amount" and self.counted))

    @property
    def columns(self) -> dict[str, str]:
        """For `transactions.columns`."""
        return self.guess.mapping | ({"amount": ONE} if self.counted else {})

    @property
    def by_month(self) -> bool:
        """Whether the dates name months, not days."""
        return self.dates is not None and self.dates.by_month

    @property
    def timezone(self) -> str | None:
        """UTC where moments are in UTC; texts with an offset of their own keep their day."""
        if self.dates is None or not self.dates.zoned:
            return None
        typed = self.dates.example == ""
        return "UTC" if typed or self.dates.example.upper().endswith(("Z", "UTC", "GMT", "+00:00", "+0000")) else None

    @property
    def unused(self) -> tuple[ColumnPreview, ...]:
        """Columns that no setting reads."""
        used = {*self.guess.mapping.values(), *self.keep, *self.drop, *self.guess.flags}
        return tuple(column for column in self.preview if column.name not in used)


def look_at(path: str, engine: DuckDBEngine) -> Look:
    """Look at a file of orders.

    Parameters
    ----------
    path : str
        As `transactions.source` takes it.
    engine : DuckDBEngine

    Raises
    ------
    DataContractError
        If the file is one that cannot be used as it is.
    EngineError
        If it cannot be read.
    """
    place, columns = _laid_out(_decoded(Place(path), engine), engine)
    names = [column.name for column in columns]
    preset = preset_of(names)
    if preset is not None and preset.stop is not None:
        place = _joined(place, preset)
        columns = engine.columns_of(place.source)
    look = _columns(place, columns, preset)
    held = engine.held(place.source)
    if held.rows() == 0:
        raise DataContractError(f"'{path}' has no rows; expected at least one order below the header.")
    if look.product is not None:
        place = replace(place, sql=_product_query(look, held), sources={"orders": place.path})
        look = replace(_columns(place, engine.columns_of(place.source), preset), product=look.product)
        held = engine.held(place.source)
    return _with_calendar(_filled(look, held), held, engine)


def _decoded(place: Place, engine: DuckDBEngine) -> Place:
    """The place with the encoding that was found, so that later runs need not look for it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LtvmlWarning)
        # an error is told where the columns are looked at
        with contextlib.suppress(LtvmlError):
            engine.columns_of(place.source)
    file = Path(place.path)
    for warning in caught:
        if "transactions.encoding" in str(warning.message) and packing_of(file) is None:
            return replace(place, encoding=scan_text(file, None, place.source.label).encoding)
        warnings.warn(warning.message, stacklevel=2)
    return place


def _laid_out(place: Place, engine: DuckDBEngine) -> tuple[Place, tuple[SourceColumn, ...]]:
    """The place with the lines that are no header left out, and its columns."""
    error: LtvmlError | None = None
    columns: tuple[SourceColumn, ...] = ()
    try:
        columns = engine.columns_of(place.source)
    except DataContractError:
        raise
    except LtvmlError as fault:
        error = fault
    names = [column.name for column in columns]
    if _known(names) >= _FEW_KNOWN or preset_of(names) is not None:
        return place, columns
    below = _below_preamble(place, names, engine)
    if below is not None:
        return below
    if error is not None:
        raise error
    values = guess_without_names([ColumnPreview(name, "text", (name,)) for name in names])
    if "order_date" in values and _known(names) == 0:
        place = replace(place, header=False)
        columns = engine.columns_of(place.source)
    return place, columns


def _below_preamble(
    place: Place, names: Sequence[str], engine: DuckDBEngine
) -> tuple[Place, tuple[SourceColumn, ...]] | None:
    """The place without the first lines, where a header of known names lies below them."""
    if not Path(place.path).is_file() or kind_of_file(place.path) != "csv":
        return None
    for lines in range(1, _PREAMBLE_LINES):
        shifted = replace(place, skip_rows=lines)
        with contextlib.suppress(LtvmlError):
            below = engine.columns_of(shifted.source)
            if _known([column.name for column in below]) > max(_known(names), 1) and len(below) > 1:
                return shifted, below
    return None


def _known(names: Sequence[str]) -> int:
    """How many of the required columns have a name that is known."""
    return sum(
        any(likeness(ours, name) for name in names) for ours in (*TRANSACTIONS.required, "order_id", "product_id")
    )


def _joined(place: Place, preset: Preset) -> Place:
    """The place of the query that makes the file one of orders, where the other files lie beside it.

    Raises
    ------
    DataContractError
        If they do not, or there is no such query.
    """
    folder = Path(place.path).parent
    others = {table: str(folder / name) for table, name in preset.files.items()}
    if preset.sql is None or not all(Path(other).is_file() for other in others.values()):
        raise DataContractError(f"'{place.path}' cannot be used: {preset.stop}", hint=preset.hint)
    return replace(place, sql=preset.sql, sources={"orders": place.path, **others})


def _columns(place: Place, columns: Sequence[SourceColumn], preset: Preset | None) -> Look:
    """Which column is which, by names and first rows."""
    preview = tuple(ColumnPreview(column.name, column.kind, column.samples) for column in columns)
    names = [column.name for column in preview]
    empty = [column.name for column in preview if column.samples and not column.present]
    fixed = None if preset is None else preset.mapping(names, empty)
    guess = guess_columns(preview, fixed)
    mapping = guess.mapping
    product = None
    if preset is None and "amount" in guess.missing and {"quantity", "unit_price"} <= mapping.keys():
        product = (mapping["unit_price"], mapping["quantity"])
    return Look(place, 0, preview, guess, preset, product=product)


def _product_query(look: Look, held: Held) -> str:
    assert look.product is not None
    numbers = number_form(held, look.product)
    return f"SELECT *, {numbers.product_sql(*look.product)} AS amount FROM orders"


def _filled(look: Look, held: Held) -> Look:
    """The look with what all rows say."""
    counts = held.counts()
    preview = tuple(
        replace(column, filled=counts[column.name][0], distinct=counts[column.name][1]) for column in look.preview
    )
    fixed = None
    if look.preset is not None:
        fixed = look.preset.mapping([column.name for column in preview], [one.name for one in preview if one.empty])
    guess = guess_columns(preview, fixed)
    if not look.place.header:
        guess = _without_names(guess, preview)
    guess, passed_over = _with_customer(guess, preview, held, look.preset)
    look = replace(look, rows=held.rows(), preview=preview, guess=guess, passed_over=passed_over)
    mapping = guess.mapping
    look = replace(
        look,
        numbers=number_form(held, [mapping[name] for name in NUMBERS if name in mapping]),
        dates=date_form(held, mapping["order_date"]) if "order_date" in mapping else None,
        identity=identity(held, mapping["customer_id"]) if "customer_id" in mapping else Identity(),
        counted=guess.missing == ("amount",) and not (guess.near_misses_of("amount") or money_like(preview, mapping)),
    )
    return replace(
        look,
        statuses=_statuses(look, held),
        cancelled_at=_cancelled_at(look),
        of_order=_is_of_order(look, held),
    )


def _without_names(guess: Guess, preview: Sequence[ColumnPreview]) -> Guess:
    found = guess_without_names(preview)
    columns = tuple(ColumnGuess(ours, theirs, "unsure", "by its values") for ours, theirs in found.items())
    missing = tuple(name for name in TRANSACTIONS.required if name not in found)
    return Guess(columns, missing, guess.flags)


def _with_customer(
    guess: Guess, preview: Sequence[ColumnPreview], held: Held, preset: Preset | None
) -> tuple[Guess, tuple[tuple[str, str], ...]]:
    """The guess with the column of customers that repeats, and those passed over."""
    mapping = guess.mapping
    if preset is None:
        candidates = customer_candidates(preview, mapping)
    else:
        there = {letters(column.name): column.name for column in preview if not column.empty}
        wanted = map(letters, preset.columns.get("customer_id", ()))
        candidates = [there[name] for name in wanted if name in there]
    chosen, passed_over = choose_customer(held, candidates, mapping.get("order_id"))
    if chosen is None or chosen == mapping.get("customer_id"):
        return guess, tuple(passed_over) if chosen else ()
    found = ColumnGuess("customer_id", chosen, "likely", "the column that repeats")
    others = tuple(column for column in guess.columns if column.name != "customer_id")
    missing = tuple(name for name in guess.missing if name != "customer_id")
    return replace(guess, columns=(found, *others), missing=missing), tuple(passed_over)


def _statuses(look: Look, held: Held) -> tuple[StatusColumn, ...]:
    mapping = look.guess.mapping
    used = set(mapping.values())
    preset = look.preset.keep if look.preset else {}
    short = [
        column.name
        for column in look.preview
        if column.name not in used
        and not column.empty
        and column.name not in look.guess.flags
        and (column.distinct or 0) <= MOST_STATUSES
        and max(map(len, column.present), default=0) <= _ID_LENGTH
    ]
    by_name = {letters(name): values for name, values in preset.items()}
    keep = {name: by_name[letters(name)] for name in short if letters(name) in by_name}
    money = look.numbers.sql(mapping["amount"]) if "amount" in mapping else None
    found = status_columns(held, short, keep=keep, money=money)
    return tuple(status for status in found if status.rule is not None or len(status.values) > 1)


def _cancelled_at(look: Look) -> str | None:
    """Shopify's column of the time of a cancellation, where an order has one."""
    shopify = look.preset is not None and look.preset.settings.get("amount_is") == "order"
    names = [column.name for column in look.preview if letters(column.name) == "cancelledat" and not column.empty]
    return names[0] if shopify and names else None


def _is_of_order(look: Look, held: Held) -> bool:
    if look.preset is not None and look.preset.settings.get("amount_is") == "order":
        return True
    order = next((column for column in look.preview if column.name == look.guess.mapping.get("order_id")), None)
    if order is None or (order.distinct or 0) > _ONE_LINE * look.rows:
        return False
    return amount_is_of_order(held, look.guess.mapping, look.numbers)


def _with_calendar(look: Look, held: Held, engine: DuckDBEngine) -> Look:
    """The look with the days of all rows: a file is complete up to its last row of any kind."""
    mapping = look.guess.mapping
    if "order_date" not in mapping or (look.dates is None and not _typed_date(look, held)):
        return look
    dates = mapping["order_date"]
    lines = _lines(look, held, engine, {"customer_id": dates, "order_date": dates})
    timed = "second" in lines.collect_schema().names()
    second = {"second": nw.col("second").max()} if timed else {}
    days = engine.collect(lines.group_by("day", "fault").agg(nw.len().alias("rows"), **second).sort("day"))
    good = days[days["fault"].isna()]
    counted = [(int(day), int(rows)) for day, rows in zip(good["day"], good["rows"], strict=True)]
    calendar = calendar_of(counted, timed=timed and good["second"].max() > 0 and not look.by_month)
    bad = int(days.loc[days["fault"] == "bad_date", "rows"].sum())
    return replace(
        look,
        calendar=calendar,
        period=_period(look, held, engine),
        bad_dates=(bad, _bad_date(held, dates) if bad else ""),
    )


def _period(look: Look, held: Held, engine: DuckDBEngine) -> int | None:
    """The billing period of the customers, from the gaps between the purchases of some of them."""
    mapping = look.guess.mapping
    if "customer_id" not in mapping or look.by_month:
        return None
    columns = {name: mapping[name] for name in ("customer_id", "order_date")}
    lines = _lines(look, held, engine, columns, filters=True)
    bought = lines.filter(nw.col("fault").is_null()).select("customer_id", "day").unique()
    gaps = engine.collect(gap_counts(bought))
    return billing_period([(int(gap), int(n)) for gap, n in zip(gaps["gap"], gaps["count"], strict=True)])


def _lines(
    look: Look, held: Held, engine: DuckDBEngine, columns: Mapping[str, str], *, filters: bool = False
) -> nw.LazyFrame[Any]:
    """Lines with some columns: of all rows, or of some customers and under the filters."""
    kept, dropped = (look.keep, look.drop) if filters else ({}, {})
    # names of our own: those of a file may not do for a frame
    names = {column: f"column_{at}" for at, column in enumerate(dict.fromkeys([*columns.values(), *kept, *dropped]))}
    frame = held.renamed(
        {new: column for column, new in names.items()},
        some_of=columns["customer_id"] if filters else None,
    )
    return engine.read(
        Source(
            frame,
            {ours: names[theirs] for ours, theirs in columns.items()} | {"amount": ONE},
            date_format=look.dates.form if look.dates else None,
            timezone=look.timezone,
            keep={names[column]: values for column, values in kept.items()},
            drop={names[column]: values for column, values in dropped.items()},
        )
    )


def _bad_date(held: Held, column: str) -> str:
    """A date that cannot be used; blank where only its type would tell."""
    texts = [] if held.typed(column) else held.date_texts(column)
    # those that are no dates, and years far away, stand first or last
    return next((text for text in (*reversed(texts[-_EDGE:]), *texts[:_EDGE]) if find_date_form([text]) is None), "")


def _typed_date(look: Look, held: Held) -> bool:
    return held.kinds[look.guess.mapping["order_date"]] in {"date", "timestamp", "zoned"}

"""What every engine can do: read lines, compute tables, score in batches. One protocol, no engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ltvml.engines.values.number_forms import Decimal, NumberForm, Thousands, number_form_of
from ltvml.errors import ConfigError
from ltvml.passwords import without_password

if TYPE_CHECKING:
    from pathlib import Path

    import narwhals as nw
    import pandas as pd
    import pyarrow as pa

    from ltvml.contracts import Table
    from ltvml.engines.values.identity import IdRule

Score = Callable[["pd.DataFrame"], "pd.DataFrame"]
Sink = Callable[["pa.Table"], None]
Work = Callable[[int, "pd.DataFrame", "pd.DataFrame | None"], bytes]
BATCH_ROWS = 100_000


@dataclass(frozen=True)
class Source:
    """Where the transactions are, and how their columns are to be understood.

    Parameters
    ----------
    source : str, Path or frame
        CSV, Parquet or JSON lines (a path or a glob), `file.duckdb::table`, a table of a database
        (`postgresql://host/shop::orders`), a name registered with the engine, or a
        frame: pandas, Polars, Arrow, a DuckDB relation, a Spark frame, anything narwhals knows.
    columns : mapping of str to str
        Name of `contracts.TRANSACTIONS` -> the user's own column. A column that already has its name needs no entry.
    timezone : str, optional
        Zone in which days are cut, for timestamps that carry a zone: without it a text keeps its day as written, and a
        typed timestamp is in UTC. Timestamps without a zone are local already.
    decimals : int
        Digits of the currency's minor unit; money is an integer of minor units inside.
    exclude : tuple of str
        Boolean columns of the user: rows where one is true are excluded and counted.
    date_format : str, optional
        `strptime` form of `order_date`, for example `%d/%m/%Y`. Without it a text date must be ISO, year first:
        day and month are never guessed.
    encoding : str, optional
        How the text of a file is encoded; found by reading all of it if not given.
    header : bool
        Whether the first line of a text file names the columns.
    names : tuple of str
        Column names, where the file has none or others are wanted.
    skip_rows : int
        Lines of a text file before its header, or before its first row where there is no header.
    sql : str, optional
        One SELECT over `sources`, in place of `source`.
    sources : mapping of str to str
        Table name in `sql` -> a source, as `source` takes it.
    keep, drop : mapping of str to tuple of str
        The user's column -> its values, lower-cased and trimmed, "" for an empty cell: rows with another value (keep)
        or one of these (drop) are excluded and counted by value.
    amount_is : {"line", "order"}
        With "order" each line of an order repeats the order's total, so that an empty amount, refund or filtered cell
        is that of another line of the order.
    decimal : {".", ","}, optional
        What stands before the decimals of numbers that are text; a dot if not given.
    thousands : {",", ".", " ", "'"}, optional
        What stands between their groups of three digits; nothing if not given.
    normalize_ids : tuple of {"lower", "trim", "number"}
        What makes two ids of customers the same.
    not_customers : tuple of str
        Ids that stand for nobody, whatever their case: their rows are excluded and counted.

    Raises
    ------
    ConfigError
        If the time zone is unknown, or `decimals` is not within 0 to 6.
    """

    source: Any
    columns: Mapping[str, str] = field(default_factory=dict)
    timezone: str | None = None
    decimals: int = 2
    exclude: tuple[str, ...] = ()
    date_format: str | None = None
    encoding: str | None = None
    header: bool = True
    names: tuple[str, ...] = ()
    skip_rows: int = 0
    sql: str | None = None
    sources: Mapping[str, Any] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amount_is: Literal["line", "order"] = "line"
    decimal: Decimal | None = None
    thousands: Thousands | None = None
    normalize_ids: tuple[IdRule, ...] = ()
    not_customers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= 6:
            raise ConfigError(
                f"value.decimals is {self.decimals}; expected 0 to 6, for example 2 for pounds and pence."
            )
        if self.timezone is not None:
            _check_zone(self.timezone)

    @property
    def number_form(self) -> NumberForm | None:
        """How numbers that are text are written; None where neither setting says it."""
        return number_form_of(self.decimal, self.thousands)

    @property
    def label(self) -> str:
        """The source in words, for messages."""
        if self.sql is not None:
            return "transactions.sql"
        return without_password(f"'{self.source}'") if _is_name(self.source) else f"the {type(self.source).__name__}"


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"transactions.timezone '{name}' is not a known zone.", hint="use a name such as Europe/London or UTC."
        ) from None


def _is_name(source: object) -> bool:
    return isinstance(source, str) or hasattr(source, "__fspath__")


@dataclass(frozen=True)
class SourceColumn:
    """A column of a source as it looks before it is mapped.

    Parameters
    ----------
    name : str
    kind : str
        text, integer, number, boolean, date, timestamp, zoned (a timestamp with its zone) or other; of a text file,
        what its values look like.
    samples : tuple
        Values of the first rows, nulls included; of a text file, the texts.
    """

    name: str
    kind: str
    samples: tuple[Any, ...]


class Workers(Protocol):
    """Processes that each hold a part of the customers and write what they make of it."""

    def reports_of(
        self, table: nw.LazyFrame[Any], beside: nw.LazyFrame[Any] | None, work: Work, *, customers: int
    ) -> list[bytes]:
        """What `work` returned of each part: of its number, its rows, and those of the same customers beside."""


class Far(Protocol):
    """An engine of other machines, which takes seconds to plan a question that DuckDB answers in milliseconds."""

    def brought(self, table: nw.LazyFrame[Any], *, rows: int) -> tuple[Engine, nw.LazyFrame[Any]] | None:
        """A table in this process, and the engine that holds it; None where it is too large to come."""


class Engine(Protocol):
    """Where the data live: DuckDB or Spark. Features run there; only small tables come back."""

    name: str

    @property
    def far(self) -> Far | None:
        """Itself where its tables are on other machines; None where they are in this process."""

    def register(self, name: str, frame: Any) -> None:
        """Let `Source.source` find a frame by name."""

    def table(self, frame: Any) -> nw.LazyFrame[Any]:
        """A frame of any kind as a lazy table of this engine."""

    def read(self, source: Source) -> nw.LazyFrame[Any]:
        """Lines: one row a raw row, the columns of `contracts.LINES` that the source has, and `fault`."""

    def keep(self, table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The same table, computed once and held by the engine."""

    def collect(self, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        """The rows of a small table, here."""

    def map_batches(
        self,
        table: nw.LazyFrame[Any],
        score: Score,
        schema: Table,
        sink: Sink,
        *,
        order: tuple[str, ...] = ("customer_id",),
    ) -> int:
        """Score a table batch by batch, in the order of its key columns; returns the rows given to `sink`."""

    def workers(self, folder: Path) -> Workers | None:
        """Those that write into a folder of this machine themselves; None where tables are written here."""

    def bucket(self, table: nw.LazyFrame[Any], salt: str, *, column: str = "customer_id") -> nw.LazyFrame[Any]:
        """`table` with `bucket`, the stable hash of a column: what `ltvml.hashing.bucket_of` gives."""

    def columns_of(self, source: Source) -> tuple[SourceColumn, ...]:
        """The columns of a source, each with its kind and first values."""

    def fingerprint(self, table: nw.LazyFrame[Any]) -> str:
        """Content hash of lines: the same for any order of the rows, on any engine."""

"""Lines that were read before, brought to what the source holds now: who is to be checked again, and who is not.

Lines are compared by part and customer, by sums of hashes in any order. Those of customers with an equal sum stay, with
all that was found out about them; a line that was not seen at the earlier cutoff and is now makes its customer one to
be checked again, too.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import LINES
from ltvml.engines.duckdb import DUCKDB_SQL, values_of
from ltvml.engines.hashing import HASHES, content_hashes
from ltvml.engines.kept.state import ALIAS, attach, detach
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.engines.reading import projections
from ltvml.engines.values.row_filters import checked_fault
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from ltvml.engines.base import Source
    from ltvml.engines.dialect import Kind
    from ltvml.engines.duckdb import DuckDBEngine
    from ltvml.engines.kept.parts import Part, Parted

PART = "part_"
_NO_DAY = -(2**62)
# lines without a customer are many, and told apart by their days
_DAY_OF_NOBODY = f"CASE WHEN customer_id IS NULL THEN coalesce(day, {_NO_DAY}) END AS day"
_LOG = logging.getLogger(__name__)
_NUMBERS = count(1)


@dataclass
class KeptLines:
    """The lines of a source in a file that stays between runs.

    Parameters
    ----------
    engine : DuckDBEngine
    source : Source
    path : Path
        The file, for this run alone: made where it is not there.
    taken_back : str
        Fault of lines that an excluded line of the same customer takes back: not their own.
    """

    engine: DuckDBEngine
    source: Source
    path: Path
    taken_back: str
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    shape: str = ""
    changed: bool = False
    rows_read: int = 0
    hashed: list[str] = field(default_factory=list)
    _alias: str = ""
    _fault: str = ""
    _fresh: Any = None
    _parts: list[Part] = field(default_factory=list)
    _number_of: dict[str, int] = field(default_factory=dict)

    def open(self) -> None:
        """Let the engine use the file, to be written to."""
        self._alias = f"{ALIAS}_{next(_NUMBERS)}"
        attach(self._connection, self.path, alias=self._alias)

    def close(self) -> None:
        """Write all that changed; the file can be read from then on, and not written."""
        detach(self._connection, self.path, self._alias)
        attach(self._connection, self.path, alias=self._alias, read_only=True)

    def drop(self) -> None:
        """Let go of the file as it is."""
        self._connection.execute(f"DETACH {self._alias}")

    @property
    def form(self) -> str:
        """Hash of what decides how rows are read: the columns that are used, and all types."""
        return hashlib.sha256(json.dumps([self.shape, dict(self.columns)]).encode()).hexdigest()[:32]

    def read(self, parted: Parted) -> None:
        """Read the parts whose content is not what it was; what they hold is in the table `fresh`.

        Raises
        ------
        DataContractError, EngineError
            As `DuckDBEngine.read`.
        """
        known = self._known_parts()
        self._parts, self.columns = (
            parted.parts({name: content for name, (_, content) in known.items()}),
            parted.columns,
        )
        free = count(1 + max((number for number, _ in known.values()), default=0))
        numbers = {part.name: known[part.name][0] if part.name in known else next(free) for part in self._parts}
        wanted = {p.name: numbers[p.name] for p in self._parts if known.get(p.name, (0, ""))[1] != p.content}
        gone = [number for name, (number, _) in known.items() if name not in numbers]
        read = parted.rows(wanted)
        self.kinds, self.shape = read.kinds, read.shape
        self._number_of = numbers
        rows = read.rows
        for step in projections(self.columns, read.kinds, self.source, DUCKDB_SQL):
            rows = rows.project(", ".join(step))
        names = [name for name in rows.columns if name != "file"]
        listed = ", ".join([*map(quote_name, names), f"file AS {PART}"])
        self._fresh = self.engine.hold(rows.project(listed))
        self.engine.files.check_unchanged(self.source.label)
        self.rows_read = int(self._fresh.shape[0])
        self._select("changed_parts", [*wanted.values(), *gone])
        self.changed = bool(wanted or gone)
        label, parts, total, words = parted.words(len(wanted), len(numbers))
        _LOG.info("%s: %d of %d %s read, %d rows", label, parts, total, words, self.rows_read)

    def replace_ids(self, replaced: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]) -> None:
        """Change the ids of the lines that were read."""
        self._fresh = nw.to_native(replaced(nw.from_native(self._fresh)))

    def compare(self, cutoff_day: int, before: int | None) -> None:
        """Find the customers to be checked again, whose lines are then those of `again`.

        Parameters
        ----------
        cutoff_day : int
            Of this run.
        before : int or None
            Of what is kept; None where nothing is.
        """
        kept, query = self._alias, self._connection.execute
        self._fresh.create_view("fresh", replace=True)
        self._make_tables()
        names = [name for name in self._fresh.columns if name != PART]
        row = ", ".join(map(quote_name, names))
        query(
            f"CREATE OR REPLACE TEMP TABLE sums_now AS SELECT {PART}, customer_id, {_DAY_OF_NOBODY}, count(*) AS n, "
            f"sum(hash({row})) AS first, sum(hash({row}, 1)) AS second FROM fresh GROUP BY ALL"
        )
        in_parts = f"{PART} IN (SELECT {PART} FROM changed_parts)"
        before_rows = f"SELECT * FROM {kept}.sums WHERE {in_parts}"
        query(
            f"CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT {PART}, customer_id, day FROM ("
            f"(FROM sums_now EXCEPT {before_rows}) UNION ALL ({before_rows} EXCEPT FROM sums_now))"
        )
        if before is not None and before != cutoff_day:
            query(
                f"INSERT INTO touched SELECT DISTINCT NULL, customer_id, NULL FROM {kept}.lines "
                f"WHERE day > {min(cutoff_day, before)} AND customer_id IS NOT NULL"
            )
        theirs = "customer_id IN (SELECT customer_id FROM touched WHERE customer_id IS NOT NULL)"
        own = f"* REPLACE (CASE WHEN fault <> '{self.taken_back}' THEN fault END AS fault)"
        query(
            f"CREATE OR REPLACE TEMP TABLE again AS SELECT {own} FROM {kept}.lines WHERE {theirs} AND NOT {in_parts} "
            f"UNION ALL FROM fresh WHERE {theirs}"
        )
        # a line without a customer has a fault of its own, and is looked at with no other
        nobody = (
            f"customer_id IS NULL AND ({PART}, coalesce(day, {_NO_DAY})) IN "
            f"(SELECT ({PART}, day) FROM touched WHERE customer_id IS NULL)"
        )
        query(f"DELETE FROM {kept}.lines WHERE {theirs} OR ({nobody})")
        query(f"INSERT INTO {kept}.lines FROM fresh WHERE {nobody}")
        query(f"DELETE FROM {kept}.sums WHERE {in_parts}")
        query(f"INSERT INTO {kept}.sums FROM sums_now")
        for table in ("days", "copies", "hashes"):
            query(f"DELETE FROM {kept}.{table} WHERE {theirs}")
        query(f"DELETE FROM {kept}.parts")
        if self._parts:
            rows = (
                f"({self._number_of[part.name]}, {quote_text(part.name)}, {quote_text(part.content)})"
                for part in self._parts
            )
            query(f"INSERT INTO {kept}.parts VALUES {', '.join(rows)}")
        again = self._number("SELECT count(DISTINCT customer_id) FROM touched")
        _LOG.info("%s: %d customers are checked again", self.source.label, again)

    @property
    def again(self) -> nw.LazyFrame[Any]:
        """Lines to check again: all of some customers."""
        return _lazy(self._connection.table("again"))

    def line_names(self) -> list[str]:
        """Columns of a line, in the order of the contract."""
        there = self._connection.table("again").columns
        return [name for name in LINES.names if name in there]

    def keep(
        self, lines: nw.LazyFrame[Any], netted: nw.LazyFrame[Any], copies: nw.LazyFrame[Any], used: nw.LazyFrame[Any]
    ) -> None:
        """Add what was found out about the customers that were checked again."""
        self.keep_lines(lines)
        self._insert("days", netted)
        self._insert("copies", copies)
        names, floats = self.content_names(used)
        self.hashed = names
        hashes = ", ".join(content_hashes(names, floats, DUCKDB_SQL))
        native = nw.to_native(used)
        self._insert("hashes", nw.from_native(native.aggregate(f"customer_id, {hashes}", "customer_id")))

    def keep_lines(self, lines: nw.LazyFrame[Any]) -> None:
        """Add the lines of the customers that were checked again."""
        self._insert("lines", lines)

    @staticmethod
    def content_names(used: nw.LazyFrame[Any]) -> tuple[list[str], list[str]]:
        """Columns of lines that make up their content, and those of them that are floats."""
        schema = used.collect_schema()
        return schema.names(), [name for name, dtype in schema.items() if dtype.is_float()]

    def hash_sums(self) -> tuple[int, ...]:
        """Sums of the hashes of all used lines."""
        found = self._connection.execute(
            f"SELECT {', '.join(f'coalesce(sum({name}), 0)' for name in HASHES)} FROM {self._alias}.hashes"
        ).fetchone()
        return tuple(int(value) for value in found or ())

    def lines(self, *, own_fault: bool) -> nw.LazyFrame[Any]:
        """All lines as an engine reads them.

        Parameters
        ----------
        own_fault : bool
            Without the fault of those that are taken back.
        """
        held = self._connection.table(f"{self._alias}.lines")
        if not self._fault:
            # asked once: it warns of what it finds
            values = partial(values_of, self._own(held))
            self._fault = checked_fault(self.columns, self.kinds, self.source, DUCKDB_SQL, values)
        if own_fault:
            held = self._own(held)
        numbers = {self._number_of[part.name]: part.file for part in self._parts}
        expressions = {name: quote_name(name) for name in self.line_names()} | {"fault": f"{self._fault} AS fault"}
        if any(numbers.values()):
            listed = ", ".join(str(numbers.get(number, 0)) for number in range(1, 1 + max(numbers)))
            expressions["file"] = f"CAST([{listed}][{PART}] AS BIGINT) AS file"
        return _lazy(held.project(", ".join(expressions[name] for name in LINES.names if name in expressions)))

    def found(self, name: str) -> nw.LazyFrame[Any]:
        """What was found out about all customers: `days` or `copies`."""
        return _lazy(self._connection.table(f"{self._alias}.{name}"))

    def refuse_empty(self) -> None:
        """Refuse a source without a row.

        Raises
        ------
        DataContractError
        """
        if not self._number(f"SELECT count(*) FROM {self._alias}.lines"):
            raise DataContractError(f"{self.source.label} has no rows; expected at least one transaction.")

    def _own(self, held: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        return held.project(f"* REPLACE (CASE WHEN fault <> '{self.taken_back}' THEN fault END AS fault)")

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self.engine.connection

    def _known_parts(self) -> dict[str, tuple[int, str]]:
        """Name -> number and content."""
        if not self._has_tables():
            return {}
        rows = self._connection.execute(f"SELECT name, {PART}, content FROM {self._alias}.parts").fetchall()
        return {str(name): (int(number), str(content)) for name, number, content in rows}

    def _has_tables(self) -> bool:
        return bool(
            self._number(
                f"SELECT count(*) FROM duckdb_tables() WHERE database_name = '{self._alias}' AND table_name = 'parts'"
            )
        )

    def _make_tables(self) -> None:
        """The tables of a file that is new."""
        if self._has_tables():
            return
        kept, query = self._alias, self._connection.execute
        query(f"CREATE TABLE {kept}.lines AS FROM fresh LIMIT 0")
        query(
            f"CREATE TABLE {kept}.sums ({PART} BIGINT, customer_id VARCHAR, day BIGINT, n BIGINT, first HUGEINT, "
            "second HUGEINT)"
        )
        measures = ", ".join(f"{name} BIGINT" for name in ("day", "value", "n_lines", "n_returns"))
        query(f"CREATE TABLE {kept}.days (customer_id VARCHAR, {measures})")
        query(f"CREATE TABLE {kept}.copies (customer_id VARCHAR, rows BIGINT)")
        query(f"CREATE TABLE {kept}.hashes (customer_id VARCHAR, {', '.join(f'{name} HUGEINT' for name in HASHES)})")
        query(f"CREATE TABLE {kept}.parts ({PART} BIGINT, name VARCHAR, content VARCHAR)")

    def _insert(self, table: str, rows: nw.LazyFrame[Any]) -> None:
        target = self._connection.table(f"{self._alias}.{table}").columns
        listed = ", ".join(map(quote_name, target))
        nw.to_native(rows).project(listed).query("rows_to_keep", f"INSERT INTO {self._alias}.{table} FROM rows_to_keep")

    def _select(self, name: str, numbers: Sequence[int]) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({PART} BIGINT)")
        if numbers:
            listed = ", ".join(f"({number})" for number in numbers)
            self._connection.execute(f"INSERT INTO {name} VALUES {listed}")

    def _number(self, query: str) -> int:
        found = self._connection.execute(query).fetchone()
        return int(found[0]) if found is not None else 0


def _lazy(native: duckdb.DuckDBPyRelation) -> nw.LazyFrame[Any]:
    table: nw.LazyFrame[Any] = nw.from_native(native)
    return table

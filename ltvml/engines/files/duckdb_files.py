"""Files as DuckDB reads them: unpacked, in UTF-8, and the SQL that reads each kind."""

from __future__ import annotations

import codecs
import io
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb

from ltvml.contracts import TRANSACTIONS
from ltvml.engines.columns import check_unique, used_columns
from ltvml.engines.databases.addresses import address_of, is_database
from ltvml.engines.files.buckets import fetched, in_bucket
from ltvml.engines.files.containers import MEMBER, Room, chosen_of, packing_of, unpacked
from ltvml.engines.files.csv_header import LONGEST_HEADER, Header, advice_on, header_of
from ltvml.engines.files.encodings import scan_text, to_utf8
from ltvml.engines.files.lake_tables import LakeTable, lake_table
from ltvml.engines.files.paths import KNOWN_ENDINGS, REMOTE, FileKind, files_of, kind_of, split_member
from ltvml.engines.files.same_columns import check_same_columns
from ltvml.engines.quoting import quote_name, quote_text
from ltvml.engines.reading import FILE_NUMBER
from ltvml.errors import DataContractError, DataWarning, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ltvml.engines.base import Source
    from ltvml.engines.databases.tables import Snapshot

    Used = Callable[[Sequence[str]], Sequence[str]]

_WEB_PAGE = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<meta")
_HEAD_BYTES = 512
_MOST_DIGITS = 38
_FIRST_BYTES, _FIRST_LINES = 1 << 16, 5
# a form that no text has: dates in JSON stay text, which keeps the offset that is written
_NO_DATES = "dateformat='~%Y', timestampformat='~%Y'"


@dataclass(frozen=True)
class Prepared:
    """A file that DuckDB can read.

    Parameters
    ----------
    path : str
        The file itself, or the copy of it.
    kind : str
        csv, parquet or json.
    header : Header, optional
        Of a CSV file.
    """

    path: str
    kind: FileKind
    header: Header | None = None


class FileReader:
    """The files of one engine; each is looked at once, as long as it does not change.

    Parameters
    ----------
    connection : DuckDBPyConnection
    room : Room
        Where copies are put.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, room: Room) -> None:
        self.connection = connection
        self.room = room
        self._prepared: dict[Any, Prepared] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._attached: dict[str, str] = {}
        self._fetched: dict[str, str] = {}
        self._snapshot: Snapshot | None = None

    def select(self, source: Source, *, as_text: bool, numbered: bool = False, whole: bool = True) -> str:
        """A query for the rows of a file; with `as_text`, CSV columns stay text so that ids keep leading zeros.

        With `numbered`, rows of several files have the number of their file, from 1, as the column `FILE_NUMBER`.
        Without `whole`, columns of a table that no setting needs may be left in the database.

        Raises
        ------
        EngineError
            If there is no such file or table, it cannot be read, or its ending is not known.
        DataContractError
            If it is empty, damaged, in an unknown encoding, or has a column twice.
        ConfigError
            If `names` does not fit it.
        """
        if is_database(str(source.source)):
            return self._query([self._from_database(source, whole=whole)], source, as_text=as_text, numbered=False)
        path, member = self._place(source)
        if (lake := lake_table(path)) is not None:
            return self._query([self._from_lake(lake, source, whole=whole)], source, as_text=as_text, numbered=False)
        files = files_of(path)
        try:
            if REMOTE not in path and len(files) == 1 and packing_of(Path(files[0])) == "duckdb":
                return f"SELECT * FROM {self._table(files[0], member)}"
            prepared = [self._prepare(file, member, source) for file in files]
        except OSError as error:
            raise EngineError(f"'{path}' cannot be read: {error.strerror or error}.") from None
        return self._query(prepared, source, as_text=as_text, numbered=numbered and len(prepared) > 1)

    def prepared(self, source: Source) -> dict[str, Prepared] | None:
        """Name of each file of a source -> as DuckDB reads it, in the order of their numbers; None of what is no file.

        Raises
        ------
        EngineError, DataContractError, ConfigError
            As `select`.
        """
        if is_database(str(source.source)):
            return None
        path, member = self._place(source)
        if lake_table(path) is not None or REMOTE in path:
            return None
        files = files_of(path)
        try:
            if any(packing_of(Path(file)) == "duckdb" for file in files):
                return None
            return {self._name(file): self._prepare(file, member, source) for file in files}
        except OSError as error:
            raise EngineError(f"'{path}' cannot be read: {error.strerror or error}.") from None

    def _name(self, file: str) -> str:
        """A file by a name that is the same in every run: that of a copy by its place among the copies."""
        place = Path(file)
        return str(place.relative_to(self.room.folder)) if place.is_relative_to(self.room.folder) else file

    @contextmanager
    def one_snapshot(self) -> Iterator[None]:
        """Within the block, all tables of one database are read as of one moment."""
        # only who reads from a database waits for its libraries
        from ltvml.engines.databases.tables import Snapshot

        with Snapshot() as snapshot:
            self._snapshot = snapshot
            try:
                yield
            finally:
                self._snapshot = None

    def paths(self) -> list[str]:
        """All files that the queries read, copies in place of their originals."""
        return [prepared.path for prepared in self._prepared.values()]

    def advice_on_header(self, source: Source) -> str | None:
        """What to set where the first line of a CSV file seems to be no header."""
        if is_database(str(source.source)):
            return None
        place, member = self._place(source)
        if lake_table(place) is not None:
            return None
        wanted = {*source.columns.values(), *(name for name in TRANSACTIONS.names if name not in source.columns)}
        for path in files_of(place)[:1]:
            prepared = self._prepare(path, member, source)
            if prepared.header is not None:
                # a copy lacks the lines before the header
                start = _start_of(Path(prepared.path), "utf-8-sig", source)
                lines = "" if prepared.path == path else "\n" * prepared.header.lines_before
                return advice_on(lines + start, prepared.header, wanted)
        return None

    def check_same_columns(self, columns: Mapping[str, str], source: Source) -> None:
        """Refuse files of which some lack a column that is needed, and say which lack one that is used.

        Raises
        ------
        DataContractError
        """
        if is_database(str(source.source)):
            return
        place, member = self._place(source)
        if lake_table(place) is not None or REMOTE in place or len(files := files_of(place)) == 1:
            return
        prepared = {file: self._prepare(file, member, source) for file in files}
        of_parquet = self._parquet_columns([file.path for file in prepared.values() if file.kind == "parquet"])
        names = {
            path: file.header.names if file.header else of_parquet.get(file.path) for path, file in prepared.items()
        }
        # a JSON line leaves out what is empty
        check_same_columns(columns, {path: found for path, found in names.items() if found is not None}, source)

    def check_unchanged(self, label: str) -> None:
        """Refuse what was read from a file that was written to in the meantime.

        Raises
        ------
        EngineError
        """
        for path, stamp in self._stamps.items():
            if not Path(path).exists() or _stamp(path) != stamp:
                raise EngineError(
                    f"'{path}' changed while {label} was read; expected a file at rest.",
                    hint="run again when it is complete, or on a copy of it.",
                )

    def _place(self, source: Source) -> tuple[str, str | None]:
        """The path of a source, that of the copy where it is in a bucket, and the member that it names."""
        path, member = split_member(str(source.source))
        if not in_bucket(path):
            return path, member
        if path not in self._fetched:
            self._fetched[path] = fetched(path, self.room)
        return self._fetched[path], member

    def _query(self, prepared: Sequence[Prepared], source: Source, *, as_text: bool, numbered: bool) -> str:
        kinds = {file.kind for file in prepared}
        named = f", filename={quote_text(FILE_NUMBER)}" if numbered else ""
        columns = "*"
        if numbered:
            names = ", ".join(quote_text(file.path) for file in prepared)
            columns = f"* REPLACE (list_position([{names}], {FILE_NUMBER}) AS {FILE_NUMBER})"
        if kinds == {"csv"}:
            query = csv_query(prepared, as_text=True, named=named)
            query = f"SELECT {columns} FROM ({query})" if numbered else query
            return query if as_text else self._typed(prepared) or query
        paths = listed([file.path for file in prepared])
        if kinds == {"parquet"}:
            check_unique(self._parquet_names(prepared[0].path), source.label)
            self._check_decimals(paths, source)
            return f"SELECT {columns} FROM read_parquet({paths}, union_by_name=true{named})"
        if kinds == {"json"}:
            form = f", {_NO_DATES}" if as_text else ""
            return f"SELECT {columns} FROM read_json({paths}, union_by_name=true{form}{named})"
        known = ", ".join(KNOWN_ENDINGS)
        unlike = next((file.path for file in prepared if file.kind == "unknown"), prepared[0].path)
        raise EngineError(f"'{unlike}' is of no known format; expected one of {known}, all files of the same.")

    def _typed(self, prepared: Sequence[Prepared]) -> str | None:
        """The same columns with the types that DuckDB sees in them; None where it sees no table."""
        query = csv_query(prepared, as_text=False)
        try:
            self.connection.sql(query)
        except duckdb.Error:
            return None
        return query

    def _from_database(self, source: Source, *, whole: bool) -> Prepared:
        """A copy of a table, as of the moment of the block that it is read in."""
        address = address_of(str(source.source))

        def copy(out: Path, used: Used) -> None:
            with nullcontext() if self._snapshot else self.one_snapshot():
                cast("Snapshot", self._snapshot).copy(address, out, self.connection, used)

        return self._copied(address, copy, source, whole=whole)

    def _from_lake(self, lake: LakeTable, source: Source, *, whole: bool) -> Prepared:
        return self._copied((lake.folder, lake.metadata), lake.copy, source, whole=whole)

    def _copied(self, table: Any, copy: Callable[[Path, Used], None], source: Source, *, whole: bool) -> Prepared:
        """The Parquet copy of a table that is no file; the same one however often it is asked for."""
        settings = () if whole else (*source.columns.items(), *source.exclude, *source.drop, *source.keep)
        key = (table, whole, settings)
        if key not in self._prepared:
            out = self.room.place(Path("table"), "table.parquet")
            copy(out, list if whole else partial(used_columns, source))
            self._prepared[key] = Prepared(str(out), "parquet")
        return self._prepared[key]

    def _prepare(self, path: str, member: str | None, source: Source) -> Prepared:
        if REMOTE in path:
            return Prepared(path, kind_of(path.partition("?")[0]), None)
        self._stamps[path] = _stamp(path)
        key = (path, self._stamps[path], member, source.encoding, source.header, source.names, source.skip_rows)
        if key not in self._prepared:
            self._prepared[key] = self._plain(Path(path), member, source)
        return self._prepared[key]

    def _plain(self, path: Path, member: str | None, source: Source) -> Prepared:
        file, kind, of_utf8 = path, kind_of(path.name), False
        while packing := packing_of(file):
            if packing == "duckdb":
                raise EngineError(f"'{path}' is a DuckDB file among others; expected one alone, as file.duckdb::table.")
            file = unpacked(file, packing, member, self.room)
            member, of_utf8 = None, packing in ("sheets", "sqlite")
            kind = kind_of(file.name)
        if member is not None:
            raise EngineError(f"'{path}{MEMBER}{member}' names a member, but '{path}' is a plain file.")
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES).lstrip().lower()
        if head.startswith(b"par1"):
            return Prepared(str(file), "parquet")
        if head.startswith(_WEB_PAGE) and kind in ("csv", "json", "sheets"):
            raise DataContractError(
                f"'{path}' is a web page or XML, whatever its name says; expected a table.",
                hint="open it in a spreadsheet and save it as CSV.",
            )
        if kind == "sheets" and not path.name.lower().endswith(".xls"):
            raise DataContractError(f"'{path}' is damaged: it is no Excel file; expected one.", hint="save it again.")
        # many shops write text and name it so that Excel opens it
        kind = "csv" if kind == "sheets" else kind
        if kind in ("csv", "json"):
            return self._text(file, path, kind, _known_as_utf8(source) if of_utf8 else source)
        return Prepared(str(file), kind)

    def _text(self, file: Path, path: Path, kind: FileKind, source: Source) -> Prepared:
        """A text file in UTF-8, and its header if it is CSV."""
        label = f"'{path}'"
        scan = scan_text(file, source.encoding, label)
        header = header_of(_start_of(file, scan.encoding, source), source, label) if kind == "csv" else None
        if header is not None:
            check_unique(header.names, label)
        skipped = header.lines_before if header is not None else 0
        if scan.plain and not skipped:
            return Prepared(str(file), kind, header)
        out = self.room.place(path, file.name)
        converted = to_utf8(file, out, scan.encoding, skip_lines=skipped, label=label)
        if scan.found:
            _warn_of_encoding(label, scan.encoding, converted.sample)
        return Prepared(str(out), kind, header)

    def _parquet_names(self, path: str) -> list[str]:
        """Column names as they are written, before DuckDB renames the second of two equal ones."""
        query = f"SELECT name, num_children FROM parquet_schema({quote_text(_literally(path))})"
        return _top_names(self.connection.execute(query).fetchall())

    def _parquet_columns(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """By file; of structures their fields."""
        schema = f"parquet_schema({listed(paths)}) WHERE num_children IS NULL"
        query = f"SELECT file_name, list(name) FROM {schema} GROUP BY file_name"
        return dict(self.connection.execute(query).fetchall()) if paths else {}

    def _check_decimals(self, paths: str, source: Source) -> None:
        """Refuse decimals that DuckDB reads as other numbers, where they are used."""
        query = f"SELECT DISTINCT name, precision FROM parquet_schema({paths}) WHERE precision > {_MOST_DIGITS}"
        mapped = {*source.columns.values(), *(name for name in TRANSACTIONS.names if name not in source.columns)}
        for name, digits in self.connection.execute(query).fetchall():
            if name in mapped:
                raise DataContractError(
                    f"column '{name}' of {source.label} is a decimal of {digits} digits; expected at most "
                    f"{_MOST_DIGITS}.",
                    hint=f"write it as decimal({_MOST_DIGITS}, 2) or as a double.",
                )

    def _table(self, path: str, member: str | None) -> str:
        """A table of a DuckDB file, attached for reading alone."""
        self._stamps[path] = _stamp(path)
        if path not in self._attached:
            alias = f"file_{next(self.room.numbers)}"
            self.connection.execute(f"ATTACH {quote_text(path)} AS {alias} (READ_ONLY)")
            self._attached[path] = alias
        alias = self._attached[path]
        if member is None:
            query = (
                "SELECT CASE WHEN table_schema = 'main' THEN '' ELSE table_schema || '.' END || table_name "
                f"FROM information_schema.tables WHERE table_catalog = {quote_text(alias)} ORDER BY 1"
            )
            names = [str(name) for (name,) in self.connection.execute(query).fetchall()]
            member = chosen_of(Path(path), "table", names, None)
        return ".".join((alias, *map(quote_name, member.split("."))))


def _known_as_utf8(source: Source) -> Source:
    """The settings of a source for a copy that is UTF-8 whatever the original was."""
    return replace(source, encoding="utf-8")


def _stamp(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


def _start_of(file: Path, encoding: str, source: Source) -> str:
    """The first lines of a text; the last letter may be cut in two."""
    with file.open("rb") as opened:
        data = opened.read(_FIRST_BYTES)
        if data.count(b"\n") < source.skip_rows + _FIRST_LINES:
            data += opened.read(LONGEST_HEADER - len(data))
    text = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True).decode(data)
    return text.removeprefix("\ufeff")


def _warn_of_encoding(label: str, encoding: str, sample: str | None) -> None:
    shown = f" (for example '{sample}')" if sample else ""
    warnings.warn(
        f"{label} is not UTF-8 and was read as {encoding}{shown}. If that is right, write it down: "
        f"--set transactions.encoding={encoding}",
        DataWarning,
        stacklevel=2,
    )


def csv_query(prepared: Sequence[Prepared], *, as_text: bool, named: str = "") -> str:
    """A query for CSV files joined by column name; files of one header are read together."""
    groups: dict[Header | None, list[str]] = {}
    for file in prepared:
        groups.setdefault(file.header, []).append(file.path)
    parts = [f"SELECT * FROM {_csv(header, paths, as_text=as_text, named=named)}" for header, paths in groups.items()]
    return parts[0] if len(parts) == 1 else " UNION ALL BY NAME ".join(parts)


def _csv(header: Header | None, paths: Sequence[str], *, as_text: bool, named: str) -> str:
    if header is None or not any(header.names):
        return f"read_csv({listed(paths)}, header=true, all_varchar=true, union_by_name=true{named})"
    form = f"header={str(header.named).lower()}, delim={quote_text(header.separator)}, quote='\"', escape='\"'"
    if not as_text:
        return f"read_csv({listed(paths)}, {form}, names=[{', '.join(map(quote_text, header.names))}])"
    columns = ", ".join(f"{quote_name(name)}: 'VARCHAR'" for name in header.names)
    # with every option given, DuckDB need not guess: its guess of a file with one broken line is another header
    return f"read_csv({listed(paths)}, auto_detect=false, {form}, columns={{{columns}}}{named})"


def listed(paths: Sequence[str]) -> str:
    """Paths as a list in SQL, none of which is taken for a pattern."""
    return "[" + ", ".join(quote_text(_literally(path)) for path in paths) + "]"


def _literally(path: str) -> str:
    """A path that DuckDB takes for no pattern; that of a remote address stays."""
    return path if REMOTE in path else "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


def _top_names(schema: list[tuple[Any, ...]]) -> list[str]:
    """Names of the columns of a flattened tree: the root comes first, every column before its own fields."""
    names, fields = [], 0
    for name, children in schema[1:]:
        if fields:
            fields -= 1
        else:
            names.append(str(name))
        fields += children or 0
    return names

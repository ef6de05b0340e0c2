"""Files that are read in parts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.engines.duckdb import kinds_of
from ltvml.engines.files.duckdb_files import csv_query, listed
from ltvml.engines.files.nested import with_fields
from ltvml.engines.kept.file_parts import numbers_sql, parts_of, rest_of, wanted_sql
from ltvml.engines.kept.parts import Part, Rows
from ltvml.engines.quoting import quote_text
from ltvml.engines.reading import FILE_NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.engines.base import Source
    from ltvml.engines.duckdb import DuckDBEngine
    from ltvml.engines.files.duckdb_files import Prepared
    from ltvml.engines.kept.file_parts import FilePart

_ROW = "file_row_number"


class FilesInParts:
    """The files of a source, which are Parquet or CSV.

    Parameters
    ----------
    engine : DuckDBEngine
    source : Source
    files : list of Prepared
        In the order of their numbers.
    labels : list of str
        The name of each in the source.
    """

    def __init__(self, engine: DuckDBEngine, source: Source, files: list[Prepared], labels: list[str]) -> None:
        self._engine, self._source, self._files, self._labels = engine, source, files, labels
        self._whole, self.columns = engine.opened(source)
        self._found: list[FilePart] = []

    def parts(self, known: Mapping[str, str]) -> list[Part]:
        """See `Parted`."""
        files = enumerate(zip(self._labels, self._files, strict=True), 1)
        self._found = [part for number, (label, file) in files for part in parts_of(number, label, file, known)]
        several = len(self._files) > 1
        return [part.part if several else Part(part.part.name, part.part.content) for part in self._found]

    def rows(self, number_of: Mapping[str, int]) -> Rows:
        """See `Parted`."""
        whole = self._whole
        types = [(name, str(native)) for name, native in zip(whole.columns, whole.types, strict=True)]
        shape = hashlib.sha256(json.dumps([one for one in types if one[0] != FILE_NUMBER]).encode()).hexdigest()
        parquet = self._files[0].kind == "parquet"
        query = self._parquet(number_of) if parquet else self._texts(number_of)
        rows = with_fields(self._engine.connection.sql(query))
        kinds = kinds_of(rows)
        return Rows(rows, kinds, shape)

    def words(self, wanted: int, total: int) -> tuple[Any, ...]:
        """See `Parted`."""
        return self._source.label, wanted, total, "parts of files"

    def _parquet(self, number_of: Mapping[str, int]) -> str:
        named = f", filename={FILE_NUMBER}_file" if len(self._files) > 1 else ""
        paths = listed([file.path for file in self._files])
        file = f"list_position([{self._places()}], {FILE_NUMBER}_file)" if named else "1"
        beside = f"{_ROW}, {FILE_NUMBER}_file" if named else _ROW
        number = numbers_sql(self._found, number_of, file, _ROW)
        return (
            f"SELECT * EXCLUDE ({beside}), {number} AS {FILE_NUMBER} FROM read_parquet({paths}, union_by_name=true, "
            f"file_row_number=true{named}) WHERE {wanted_sql(self._found, number_of, file, _ROW)}"
        )

    def _texts(self, number_of: Mapping[str, int]) -> str:
        """Files as a whole in one query, so that all of them decide on the columns; of others what was appended."""
        file = f"list_position([{self._places()}], {FILE_NUMBER}_file)"
        whole = csv_query(self._files, as_text=True, named=f", filename={FILE_NUMBER}_file")
        parts = [part for part in self._found if part.whole]
        number, wanted = (of(parts, number_of, file, "0") for of in (numbers_sql, wanted_sql))
        queries = [f"SELECT * EXCLUDE ({FILE_NUMBER}_file), {number} AS {FILE_NUMBER} FROM ({whole}) WHERE {wanted}"]
        for part in self._found:
            if not part.whole and part.part.name in number_of:
                text = self._files[part.part.file - 1]
                rest = rest_of(text, part.start, part.end, self._engine.room.place(Path("rest"), "rest.csv"))
                query = csv_query([rest], as_text=True)
                queries.append(f"SELECT *, CAST({number_of[part.part.name]} AS BIGINT) AS {FILE_NUMBER} FROM ({query})")
        return " UNION ALL BY NAME ".join(queries)

    def _places(self) -> str:
        return ", ".join(quote_text(file.path) for file in self._files)


def files_of_source(engine: DuckDBEngine, source: Source) -> FilesInParts | None:
    """The files of a source; None where it is none, or holds others than Parquet and CSV."""
    found = engine.files.prepared(source)
    if found is None or {file.kind for file in found.values()} not in ({"parquet"}, {"csv"}):
        return None
    return FilesInParts(engine, source, list(found.values()), list(found))

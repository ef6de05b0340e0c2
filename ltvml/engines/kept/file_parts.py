"""Files as parts: row groups of Parquet, files of text, and what was appended to a text since it was read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ltvml.engines.files.csv_header import Header
from ltvml.engines.kept.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ltvml.engines.files.duckdb_files import Prepared

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class FilePart:
    """A part of a file.

    Parameters
    ----------
    part : Part
    start, end : int
        Rows of a Parquet file, or bytes of a text, from and up to without.
    whole : bool
        Whether it is all of its file.
    """

    part: Part
    start: int
    end: int
    whole: bool


def parts_of(number: int, label: str, file: Prepared, known: Mapping[str, str]) -> list[FilePart]:
    """The parts of one file.

    Parameters
    ----------
    number : int
        Of the file.
    label : str
        Its name in the source, which is that of its copy where it was unpacked.
    file : Prepared
    known : mapping of str to str
        Name -> content, of parts that were kept.
    """
    found = list(_row_groups(label, Path(file.path))) if file.kind == "parquet" else list(_ranges(label, file, known))
    return [FilePart(Part(name, content, number), start, end, len(found) == 1) for name, content, start, end in found]


def _row_groups(label: str, path: Path) -> Iterator[tuple[str, str, int, int]]:
    """Name, content, first row and row after the last of each row group."""
    # a file that cannot be opened here is a fault that the engine explains
    metadata = pq.read_metadata(path)
    first = 0
    with path.open("rb") as opened:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            digest = hashlib.sha256(_form(metadata, group).encode())
            start, end = _extent(group)
            _add(digest, opened, start, end)
            yield f"{label}@{number}", digest.hexdigest(), first, first + group.num_rows
            first += group.num_rows


def _form(metadata: pq.FileMetaData, group: pq.RowGroupMetaData) -> str:
    """What decides how the bytes of a row group are read."""
    columns = (metadata.schema.column(place) for place in range(metadata.num_columns))
    said = ("path", "physical_type", "converted_type", "length", "precision", "scale")
    levels = ("max_definition_level", "max_repetition_level")
    types = [(str(one.logical_type), *(getattr(one, name) for name in (*said, *levels))) for one in columns]
    chunks = [group.column(place) for place in range(group.num_columns)]
    return repr((group.num_rows, types, [(one.compression, one.encodings, one.num_values) for one in chunks]))


def _extent(group: pq.RowGroupMetaData) -> tuple[int, int]:
    """First byte of a row group, and the one after its last."""
    starts, ends = [], []
    for place in range(group.num_columns):
        chunk = group.column(place)
        start = chunk.data_page_offset
        if chunk.has_dictionary_page and chunk.dictionary_page_offset:
            start = min(start, chunk.dictionary_page_offset)
        starts.append(start)
        ends.append(start + chunk.total_compressed_size)
    return min(starts, default=0), max(ends, default=0)


def _ranges(label: str, file: Prepared, known: Mapping[str, str]) -> Iterator[tuple[str, str, int, int]]:
    """Name, content, start and end of the ranges of a text: those that were kept, as far as they are the same."""
    path = Path(file.path)
    size, start = path.stat().st_size, 0
    form = repr((file.kind, file.header))
    with path.open("rb") as opened:
        while start < size:
            name = f"{label}@{start}"
            content, end = known.get(name, ""), int(known.get(name, "0:").partition(":")[0])
            if start < end <= size and can_be_continued(file):
                found, last = _content(opened, form, start, end)
                # a row that is not ended may go on in what was appended
                if found == content and (end == size or last == b"\n"):
                    yield name, content, start, end
                    start = end
                    continue
            yield name, _content(opened, form, start, size)[0], start, size
            return


def _content(opened: Any, form: str, start: int, end: int) -> tuple[str, bytes]:
    """Where a range of a text ends and the hash of it, and its last byte."""
    digest = hashlib.sha256(form.encode())
    last = _add(digest, opened, start, end)
    return f"{end}:{digest.hexdigest()}", last


def can_be_continued(file: Prepared) -> bool:
    """Whether what comes after some lines of a file can be read alone: its columns are named by their places."""
    header = file.header
    return isinstance(header, Header) and any(header.names) and "=" not in str(Path(file.path).parent)


def rest_of(file: Prepared, start: int, end: int, out: Path) -> Prepared:
    """A range of a text as a file of its own, which has no header."""
    assert file.header is not None
    with Path(file.path).open("rb") as opened, out.open("wb") as written:
        opened.seek(start)
        left = end - start
        while left and (data := opened.read(min(left, _CHUNK_BYTES))):
            written.write(data)
            left -= len(data)
    return replace(file, path=str(out), header=replace(file.header, named=False, lines_before=0))


def _add(digest: Any, opened: Any, start: int, end: int) -> bytes:
    """Add bytes of a file to a hash; gives the last one."""
    opened.seek(start)
    left, last = end - start, b""
    while left > 0 and (data := opened.read(min(left, _CHUNK_BYTES))):
        digest.update(data)
        left, last = left - len(data), data[-1:]
    return last


def numbers_sql(parts: Sequence[FilePart], number_of: Mapping[str, int], file: str, row: str) -> str:
    """SQL of the number of the part that a row of Parquet is in.

    Parameters
    ----------
    parts : sequence of FilePart
        All of the source.
    number_of : mapping of str to int
        Name of a part -> its number.
    file, row : str
        SQL of the number of the file, and of the row in it.
    """
    alone = {one.part.file: number_of.get(one.part.name, 0) for one in parts if one.whole}
    last = max((one.part.file for one in parts), default=0)
    listed = ", ".join(str(alone.get(number, 0)) for number in range(1, last + 1))
    cases = " ".join(
        f"WHEN {file} = {one.part.file} AND {row} >= {one.start} AND {row} < {one.end} THEN {number_of[one.part.name]}"
        for one in parts
        if not one.whole and one.part.name in number_of
    )
    other = f"CAST([{listed}][{file}] AS BIGINT)"
    return f"CASE {cases} ELSE {other} END" if cases else other


def wanted_sql(parts: Sequence[FilePart], names: Mapping[str, int], file: str, row: str) -> str:
    """SQL of the rows of some parts of Parquet files."""
    whole = [str(one.part.file) for one in parts if one.whole and one.part.name in names]
    ranges = [
        f"({file} = {one.part.file} AND {row} >= {one.start} AND {row} < {one.end})"
        for one in parts
        if not one.whole and one.part.name in names
    ]
    return " OR ".join([*([f"{file} IN ({', '.join(whole)})"] if whole else []), *ranges]) or "FALSE"


ERRORS = (OSError, pa.ArrowException)
"""Of a file that cannot be read in parts."""

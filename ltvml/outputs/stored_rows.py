"""Rows of a table that are looked at some at a time, where all of them together would not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART_ROWS = 500_000


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Parquet files that stay open, so that they are the same ones whatever is written in their place.

    Parameters
    ----------
    files : tuple of ParquetFile
        The parts of one table, at least one, in their order.
    """

    files: tuple[pq.ParquetFile, ...]

    @classmethod
    def of(cls, path: Path) -> StoredRows:
        """The rows of a file, or of the parts in a folder."""
        parts = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        return cls(tuple(pq.ParquetFile(part.absolute()) for part in parts))

    def parts(self) -> Iterator[pd.DataFrame]:
        """The rows, in their order; one part without rows where there are none."""
        if not any(file.metadata.num_rows for file in self.files):
            yield frame_of(self.files[0].schema_arrow.empty_table())
        for file in self.files:
            for batch in file.iter_batches(PART_ROWS):
                yield frame_of(pa.Table.from_batches([batch]))

    def whole(self) -> pd.DataFrame:
        """All rows at once."""
        return frame_of(pa.concat_tables([file.read() for file in self.files]))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A table with dates of eight bytes: as objects of Python they take five times that."""
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame


def give_back() -> None:
    """Return to the system what Arrow keeps for tables to come: after a large one it is as much as the table was."""
    pa.default_memory_pool().release_unused()


def parts_of(rows: pd.DataFrame | StoredRows) -> Iterator[pd.DataFrame]:
    """The rows some at a time."""
    return iter((rows,)) if isinstance(rows, pd.DataFrame) else rows.parts()

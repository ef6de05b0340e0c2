"""Delta and Iceberg tables whose current rows no list of files gives: read by the packages that know the formats."""

from __future__ import annotations

import errno
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ltvml.engines.files.containers import not_copied
from ltvml.engines.files.lakes import Lake, current_files, kind_of_folder
from ltvml.errors import DataContractError, DataWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Used = Callable[[Sequence[str]], Sequence[str]]

_METADATA = ".metadata.json"
_HINT = "version-hint.text"
# of Iceberg's own catalogs: v3.metadata.json and 00003-(uuid).metadata.json
_VERSION = re.compile(r"v?(\d+)(?:-.*)?\.metadata\.json")


@dataclass(frozen=True)
class LakeTable:
    """A table in a folder, and why its files alone do not give its rows.

    Parameters
    ----------
    kind : {"Delta", "Iceberg"}
    folder : Path
    refused : DataContractError
        What is said where the package is not installed.
    metadata : Path, optional
        The version of an Iceberg table that was named.
    """

    kind: Lake
    folder: Path
    refused: DataContractError
    metadata: Path | None = None

    def copy(self, out: Path, used: Used) -> None:
        """Write the columns of the current rows that are used as Parquet, batch by batch.

        Raises
        ------
        DataContractError
            If the package that reads such tables is missing or cannot read this one.
        """
        extra = self.kind.lower()
        try:
            batches = _delta(self.folder, used) if self.kind == "Delta" else _iceberg(self._current_metadata(), used)
            with pq.ParquetWriter(out, batches.schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
        except ImportError:
            raise DataContractError(self.refused.message, hint=f"pip install 'ltvml[{extra}]' reads it.") from None
        except DataContractError:
            raise
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise self._unreadable(error) from error
            raise not_copied(f"'{self.folder}'", out.parent, str(error)) from None
        # whatever a package raises of a table that is damaged, was moved, or is of a newer kind
        except Exception as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> DataContractError:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return DataContractError(
            f"{self.refused.message.rstrip('.')}. The package of ltvml[{self.kind.lower()}] could not read it either: "
            f"{reason}",
            hint="is the table complete, and where it was written? Or export its current version as Parquet.",
        )

    def _current_metadata(self) -> Path:
        """The file that describes the current version: that of the hint, or the only one of the highest number."""
        if self.metadata is not None:
            return self.metadata
        hint = self.folder / "metadata" / _HINT
        found = sorted((self.folder / "metadata").glob(f"*{_METADATA}"))
        numbers = {path: int(match[1]) for path in found if (match := _VERSION.fullmatch(path.name))}
        wanted = int(hint.read_text().strip()) if hint.exists() else max(numbers.values(), default=-1)
        latest = [path for path, number in numbers.items() if number == wanted]
        if len(latest) != 1:
            named = ", ".join(path.name for path in latest) or "none"
            raise DataContractError(
                f"'{self.folder}' is a Iceberg table, and its current version is not clear: expected one metadata file "
                f"of version {wanted}; found {named}.",
                hint=f"name the one that the catalog has: '{(latest or found or [self.folder])[0]}'.",
            )
        if not hint.exists():
            warnings.warn(
                f"'{self.folder}' is read as of {latest[0].name}, its latest version in the folder: a catalog may have "
                "another. To be sure, name the metadata file that the catalog has.",
                DataWarning,
                stacklevel=2,
            )
        return latest[0]


def lake_table(path: str) -> LakeTable | None:
    """The table that a path is, unless plain files give its rows; None for all else.

    Parameters
    ----------
    path : str
        A folder, or a metadata file of an Iceberg table.
    """
    place = Path(path)
    if place.name.endswith(_METADATA) and place.is_file():
        place, metadata = place.parent.parent, place
    else:
        metadata = None
    kind = kind_of_folder(place) if place.is_dir() else None
    if kind is None or kind == "Hudi":
        return None
    try:
        current_files(kind, place)
    except DataContractError as error:
        return LakeTable(kind, place, error, metadata)
    return None


def _delta(folder: Path, used: Used) -> pa.RecordBatchReader:
    from deltalake import DeltaTable

    table = DeltaTable(str(folder))
    names = [field.name for field in table.schema().fields]
    return _plain(pa.RecordBatchReader.from_stream(table.scan(columns=list(used(names)))))


def _iceberg(metadata: Path, used: Used) -> pa.RecordBatchReader:
    from pyiceberg.table import StaticTable

    table: Any = StaticTable.from_metadata(str(metadata))
    names = [field.name for field in table.schema().fields]
    return _plain(table.scan(selected_fields=tuple(used(names))).to_arrow_batch_reader())


def _plain(batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Texts as the type that every reader of Parquet knows."""
    fields = [field.with_type(pa.string()) if _is_text(field.type) else field for field in batches.schema]
    schema = pa.schema(fields)
    return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in batches))


def _is_text(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(dtype) or pa.types.is_large_string(dtype))

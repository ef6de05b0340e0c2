"""Months of a Postgres table that were read before: those that have not changed are taken from a folder.

The database hashes the rows of each month; a month with another hash is read again, whole. So a late order, a return, a
correction and a deletion are seen, whenever they happen, and the rows are those of a full read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from ltvml.engines.databases.connections import POSTGRES
from ltvml.engines.databases.copying import copy_text, texts_of
from ltvml.engines.quoting import quote_text
from ltvml.errors import ConfigError, DataWarning
from ltvml.locks import locked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from ltvml.engines.databases.addresses import Address

FORMAT = 1
STATE = "state.json"
_MONTH = "month_of_the_row_"
_LETTERS = 7
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """Where the months of a table are kept.

    Parameters
    ----------
    folder : Path
        Made if it is not there, for its owner alone.
    date_column : str
        Column of the table by whose year and month it is cut.
    """

    folder: Path
    date_column: str

    def months(
        self,
        connection: sa.Connection,
        address: Address,
        types: Mapping[str, str],
        duck: duckdb.DuckDBPyConnection,
    ) -> list[Path]:
        """Files that together have the rows of the table, all columns as text; those that have changed are read.

        Parameters
        ----------
        connection : Connection
            In one transaction.
        address : Address
        types : mapping of str to str
            Columns to read, and their types.
        duck : DuckDBPyConnection

        Raises
        ------
        ConfigError
            If the database is not Postgres.

        Warns
        -----
        DataWarning
            If what is kept is of another table, of other columns or of another version.
        """
        if connection.dialect.name != POSTGRES:
            raise ConfigError(f"transactions.incremental is set for {address}; expected a table of Postgres.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.folder):
            fingerprint = _fingerprint(connection, address, types, self.date_column)
            self._warn_of_another(fingerprint, address)
            wanted = _hashes(connection, address, list(types), self.date_column, fingerprint)
            missing = {month: name for month, (name, rows) in wanted.items() if not self._has(name, rows)}
            if missing:
                self._read(connection, address, list(types), missing, duck)
            read = sum(wanted[month][1] for month in missing)
            total = sum(rows for _, rows in wanted.values())
            _LOG.info("%s: %d of %d months read, %d of %d rows", address, len(missing), len(wanted), read, total)
            self._forget_others({name for name, _ in wanted.values()}, fingerprint)
            return [self.folder / name for name, _ in wanted.values()]

    def _warn_of_another(self, fingerprint: str, address: Address) -> None:
        try:
            known = json.loads((self.folder / STATE).read_text(encoding="utf-8"))["fingerprint"]
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            known = None
        if known != fingerprint:
            warnings.warn(
                f"what {self.folder} keeps is of another table, of other columns or of another version: all of "
                f"{address} is read.",
                DataWarning,
                stacklevel=2,
            )

    def _has(self, name: str, rows: int) -> bool:
        try:
            return bool(pq.read_metadata(self.folder / name).num_rows == rows)
        except (OSError, pa.ArrowInvalid):
            return False

    def _read(
        self,
        connection: sa.Connection,
        address: Address,
        names: Sequence[str],
        missing: Mapping[str, str],
        duck: duckdb.DuckDBPyConnection,
    ) -> None:
        """Read months in one query, and keep each in a file of its own, which appears whole."""
        month = _month_of(self.date_column)
        table = _table(address, names)
        select = sa.select(month.label(_MONTH), *table.c).where(month.in_(sorted(missing)))
        text = self.folder / "rows.csv.partial"
        try:
            copy_text(connection, select, text)
            duck.execute(f"CREATE OR REPLACE TEMP TABLE months_read AS FROM {texts_of(text, [_MONTH, *names])}")
        finally:
            text.unlink(missing_ok=True)
        for value, name in missing.items():
            partial = self.folder / f"{name}.partial"
            rows = f"SELECT * EXCLUDE {_MONTH} FROM months_read WHERE coalesce({_MONTH}, '') = {quote_text(value)}"
            duck.execute(f"COPY ({rows}) TO {quote_text(str(partial))} (FORMAT parquet, COMPRESSION zstd)")
            os.replace(partial, self.folder / name)  # noqa: PTH105
        duck.execute("DROP TABLE months_read")

    def _forget_others(self, names: set[str], fingerprint: str) -> None:
        state = self.folder / f"{STATE}.partial"
        state.write_text(json.dumps({"format": FORMAT, "fingerprint": fingerprint}), encoding="utf-8")
        state.replace(self.folder / STATE)
        for path in self.folder.glob("*.parquet*"):
            if path.name not in names:
                path.unlink()


def _fingerprint(connection: sa.Connection, address: Address, types: Mapping[str, str], date_column: str) -> str:
    server = connection.dialect.server_version_info
    content = [FORMAT, address.url, address.table, list(types.items()), date_column, list(server or ())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _hashes(
    connection: sa.Connection, address: Address, names: Sequence[str], date_column: str, fingerprint: str
) -> dict[str, tuple[str, int]]:
    """Month -> name of its file, which is a hash of its rows in any order, and how many they are."""
    table = _table(address, names)
    row = sa.cast(sa.func.row(*table.c), sa.Text)
    sums = [sa.func.sum(sa.cast(sa.func.hashtextextended(row, seed), sa.Numeric)) for seed in (0, 1)]
    month = _month_of(date_column)
    counted: sa.Select[Any] = sa.select(month, sa.func.count(), *sums).select_from(table).group_by(month)
    found: dict[str, tuple[str, int]] = {}
    for value, rows, *hashes in connection.execute(counted.order_by(month)):
        content = json.dumps([fingerprint, value, rows, *map(str, hashes)])
        found[value] = f"{hashlib.sha256(content.encode()).hexdigest()[:40]}.parquet", int(rows)
    return found


def _table(address: Address, names: Sequence[str]) -> Any:
    return sa.table(address.name, *map(sa.column, names), schema=address.schema)


def _month_of(date_column: str) -> Any:
    """Year and month of a date as it is written, 2024-01; of dates that are text, their first letters."""
    return sa.func.coalesce(sa.func.left(sa.cast(sa.column(date_column), sa.Text), _LETTERS), "")


def columns_read(paths: Sequence[Path]) -> str:
    """The rows of the files, as SQL."""
    return f"read_parquet([{', '.join(quote_text(str(path)) for path in paths)}])"

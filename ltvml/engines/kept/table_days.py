"""A table of Postgres that is read in parts, which are its days."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.engines.columns import mapped_columns, used_columns
from ltvml.engines.databases.copying import texts_of
from ltvml.engines.databases.days import DAY, copy_days, days_of
from ltvml.engines.databases.tables import of_any_size, write_parquet
from ltvml.engines.duckdb import kinds_of
from ltvml.engines.kept.parts import Part, Rows
from ltvml.engines.quoting import quote_text
from ltvml.engines.reading import FILE_NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.engines.base import Source
    from ltvml.engines.databases.addresses import Address
    from ltvml.engines.databases.tables import Snapshot
    from ltvml.engines.duckdb import DuckDBEngine


class TableInDays:
    """A table, within the transaction of a snapshot.

    Parameters
    ----------
    engine : DuckDBEngine
    source : Source
    address : Address
    snapshot : Snapshot
    """

    def __init__(self, engine: DuckDBEngine, source: Source, address: Address, snapshot: Snapshot) -> None:
        self._engine, self._source, self._address, self._snapshot = engine, source, address, snapshot
        self._date = str(source.columns.get("order_date", "order_date"))
        self._out = engine.room.place(Path("table"), "table.parquet")
        with snapshot.reading(address, self._out) as (connection, types):
            self.columns: Mapping[str, str] = mapped_columns(source, list(types))
            used = {name: types[name] for name in used_columns(source, list(types))}
            self._native = used
            self._days = days_of(connection, address, used, self._date)
        self._types = of_any_size(used, self._days.whole)

    def parts(self, known: Mapping[str, str]) -> list[Part]:
        """See `Parted`."""
        return [Part(day, content) for day, content in self._days.hashes.items()]

    def rows(self, number_of: Mapping[str, int]) -> Rows:
        """See `Parted`."""
        text = self._out.with_suffix(".csv")
        with self._snapshot.reading(self._address, self._out) as (connection, _):
            copy_days(connection, self._address, self._native, self._date, list(number_of), text)
            numbers = ", ".join(f"({quote_text(day)}, {number})" for day, number in number_of.items())
            # where no day is read there is still a table, of no rows; CSV has no empty text: no date is null there
            values = f"VALUES {numbers}" if numbers else "SELECT '', 0 WHERE FALSE"
            days = f"({values}) AS days(of_day, {FILE_NUMBER}) ON of_day = coalesce({DAY}, '')"
            table = f"{texts_of(text, [*self._types, DAY])} JOIN {days}"
            write_parquet(self._engine.connection, table, self._out, self._types, FILE_NUMBER)
            text.unlink()
        rows = self._engine.connection.sql(f"SELECT * FROM read_parquet({quote_text(str(self._out))})")
        shape = json.dumps([self._address.url, self._address.table, list(self._types.items())])
        return Rows(rows, kinds_of(rows), hashlib.sha256(shape.encode()).hexdigest())

    def words(self, wanted: int, total: int) -> tuple[Any, ...]:
        """See `Parted`."""
        return self._source.label, wanted, total, "days"

"""A table of Postgres by days: the database hashes the rows of each, and the rows of some days are read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ltvml.engines.databases.copying import copy_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ltvml.engines.databases.addresses import Address

DAY = "ltvml_day"
"""Column that is added to the rows of some days."""
_DAY, _MONTH = 10, 7
"""Letters of a date as it is written, 2024-01-31, that tell its day, and its month."""
_HAS_DAYS = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")
_WHOLE_NUMBER = "^-?[0-9]{1,38}$"


@dataclass(frozen=True)
class Days:
    """What the days of a table hold.

    Parameters
    ----------
    hashes : mapping of str to str
        Day -> a hash of its rows in any order, and of how many they are.
    whole : frozenset of str
        Columns of numbers of any size that are whole in every row.
    """

    hashes: Mapping[str, str]
    whole: frozenset[str]


def days_of(connection: sa.Connection, address: Address, types: Mapping[str, str], date_column: str) -> Days:
    """The days of a table, hashed by the database.

    Parameters
    ----------
    connection : Connection
    address : Address
    types : mapping of str to str
        Columns to read, and their types; "" for numbers of any size.
    date_column : str
        By whose year, month and day the table is cut; of dates that are text by their first letters.
    """
    table = _table(address, list(types))
    row = sa.cast(sa.func.row(*table.c), sa.Text)
    sums = [sa.func.sum(sa.cast(sa.func.hashtextextended(row, seed), sa.Numeric)) for seed in (0, 1)]
    free = [name for name, native in types.items() if not native]
    digits = (sa.cast(table.c[name], sa.Text).regexp_match(_WHOLE_NUMBER) for name in free)
    whole = [sa.func.coalesce(sa.func.bool_and(one), True) for one in digits]
    day = _day_of(date_column, types)
    counted: sa.Select[Any] = sa.select(day, sa.func.count(), *sums, *whole).select_from(table).group_by(day)
    server = list(connection.dialect.server_version_info or ())
    hashes, all_whole = {}, [True] * len(free)
    for value, rows, first, second, *of_day in connection.execute(counted.order_by(day)):
        content = json.dumps([server, date_column, int(rows), str(first), str(second)])
        hashes[str(value)] = hashlib.sha256(content.encode()).hexdigest()
        all_whole = [known and one for known, one in zip(all_whole, of_day, strict=True)]
    return Days(hashes, frozenset(name for name, one in zip(free, all_whole, strict=True) if one))


def copy_days(
    connection: sa.Connection,
    address: Address,
    types: Mapping[str, str],
    date_column: str,
    days: Sequence[str],
    out: Path,
) -> None:
    """Write the rows of some days as CSV text: the columns of `types`, then `DAY`."""
    day, table = _day_of(date_column, types), _table(address, list(types))
    copy_text(connection, sa.select(*table.c, day.label(DAY)).where(day.in_(sorted(days))), out)


def _table(address: Address, names: Sequence[str]) -> Any:
    return sa.table(address.name, *map(sa.column, names), schema=address.schema)


def _day_of(date_column: str, types: Mapping[str, str]) -> Any:
    letters = _DAY if types.get(date_column) in _HAS_DAYS else _MONTH
    return sa.func.coalesce(sa.func.left(sa.cast(sa.column(date_column), sa.Text), letters), "")

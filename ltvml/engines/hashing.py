"""The content of a table as one digest that does not depend on the engine or on the order of rows."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ltvml.hashing import DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.engines.dialect import Dialect

_FIRST_DIGITS = (1, 1 + DIGITS)
HASHES = tuple(f"hash_{first}" for first in _FIRST_DIGITS)


def content_statistics(names: Sequence[str], floats: Sequence[str], sql: Dialect) -> list[str]:
    """SQL aggregates of lines that do not depend on the order of rows: counts, sums, days and two sums of row hashes.

    Parameters
    ----------
    names : sequence of str
        All columns.
    floats : sequence of str
        Those that are floats: hashed to six decimals, since engines print floats differently.
    """
    return [*content_counts(), *content_hashes(names, floats, sql)]


def content_counts() -> list[str]:
    """Those of `content_statistics` that cost little."""
    return ["count(*) AS n", "sum(amount) AS amount", "min(day) AS first", "max(day) AS last"]


def content_hashes(names: Sequence[str], floats: Sequence[str], sql: Dialect) -> list[str]:
    """The sums of row hashes of `content_statistics`, which can be added up."""
    row = "concat_ws('|', " + ", ".join(_value_text(name, name in floats, sql) for name in names) + ")"
    return [f"sum({sql.hash_number(row, first)}) AS {name}" for first, name in zip(_FIRST_DIGITS, HASHES, strict=True)]


def _value_text(name: str, is_float: bool, sql: Dialect) -> str:
    value = f"TRY_CAST(round({sql.quote(name)} * 1000000) AS BIGINT)" if is_float else sql.quote(name)
    # a null must not look like an empty text
    return f"coalesce(CAST({value} AS {sql.text_type}), '~')"


def digest_of(names: Sequence[str], statistics: Mapping[str, Any]) -> str:
    """First 16 hexadecimal digits of SHA-256 over the columns and the statistics of their content."""
    numbers = {name: None if value is None else int(value) for name, value in statistics.items()}
    text = json.dumps([list(names), numbers], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

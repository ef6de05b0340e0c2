"""Frames of any library as Arrow tables, and batches of scores as Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from ltvml.engines.columns import check_unique
from ltvml.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.contracts import Dtype, Table

_ARROW: dict[Dtype, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "bool": pa.bool_(),
}


def frame_columns(frame: Any) -> list[str]:
    """Names of a frame of any library narwhals knows.

    Raises
    ------
    DataContractError
        If a name is there twice.
    EngineError
        If it is no frame.
    """
    if isinstance(frame, pd.DataFrame | pa.Table):
        names = list(frame.columns if isinstance(frame, pd.DataFrame) else frame.column_names)
        check_unique(names, f"the {type(frame).__name__}")
        return names
    return list(_wrapped(frame).collect_schema().names())


def to_arrow(frame: Any, names: Sequence[str] | None = None) -> pa.Table:
    """Columns of a frame as an Arrow table; a lazy frame is computed by its own library.

    Parameters
    ----------
    frame : pandas, Polars or Arrow frame, DuckDB relation, or anything narwhals knows
    names : sequence of str, optional
        All columns if not given.
    """
    wanted = frame_columns(frame) if names is None else list(names)
    if isinstance(frame, pd.DataFrame):
        return _pandas_to_arrow(frame[wanted])
    table = _wrapped(frame).select(wanted)
    if isinstance(table, nw.LazyFrame):
        table = table.collect("pyarrow")
    return table.to_arrow()


def _wrapped(frame: Any) -> Any:
    try:
        return nw.from_native(frame)
    except TypeError:
        raise EngineError(
            f"found a {type(frame).__name__} where a table was expected.",
            hint="give a path, a name registered with the engine, or a pandas, Polars, Arrow, DuckDB or Spark frame.",
        ) from None


def _pandas_to_arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.table({str(name): _series_to_arrow(frame[name]) for name in frame.columns})


def _series_to_arrow(series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        # Arrow asks pandas 3.1 for `.values`, which it warns of where there is a zone
        moments = pa.Array.from_pandas(series.dt.tz_convert("UTC").dt.tz_localize(None))
        return moments.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # a column of Python objects of several types, such as ids read as 1 and 'A2': their text is what they share
        return pa.Array.from_pandas(series.astype(str).where(series.notna()), type=pa.string())


def arrow_schema(table: Table) -> pa.Schema:
    """Arrow's types for a table of the contracts."""
    return pa.schema([(column.name, _ARROW[column.dtype]) for column in table.columns])


def to_contract(frame: pd.DataFrame, table: Table) -> pa.Table:
    """Scores with the names, order and types of their contract.

    Raises
    ------
    EngineError
        If a column is missing or cannot have its type.
    """
    schema = arrow_schema(table)
    missing = [name for name in schema.names if name not in frame]
    if missing:
        raise EngineError(
            f"{table.name}: the scored batch has the columns {', '.join(frame.columns)}; missing: {', '.join(missing)}."
        )
    try:
        return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise EngineError(f"{table.name}: a column of the scored batch has the wrong type: {error}.") from error

"""Tables that are computed again and again over a few other lines: planned once by DuckDB, then asked in milliseconds.

A plan of the features of learners takes DuckDB far longer than to run it on the orders of one customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw

from ltvml.engines.frames import arrow_schema, to_arrow
from ltvml.engines.quoting import quote_name
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    import pyarrow as pa

    from ltvml.contracts import Dtype, Table

LINES = "request_lines"
# what the lines held when a question was planned, or that there were none, must decide nothing of later answers
_BY_STATISTICS = "statistics_propagation,compressed_materialization,empty_result_pullup"
_DUCKDB: dict[Dtype, str] = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "date": "DATE",
    "bool": "BOOLEAN",
}


class Prepared:
    """Questions to lines that change while the questions stay.

    The lines of one request lie in the same table as those of the next: replace them when all answers are there.
    Different questions may be asked at once, from a thread each, as each has a connection of its own.

    Parameters
    ----------
    columns : contracts.Table
        Of the lines.
    frames : mapping of str to pandas frame
        Small tables that questions join, by name.
    """

    def __init__(self, columns: Table, frames: Mapping[str, pd.DataFrame]) -> None:
        self.schema: pa.Schema = arrow_schema(columns)
        # one thread: a customer has too few orders to share out
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute(f"SET disabled_optimizers = '{_BY_STATISTICS}'")
        types = ", ".join(f"{quote_name(one.name)} {_DUCKDB[one.dtype]}" for one in columns.columns)
        self._connection.execute(f"CREATE TABLE {LINES} ({types})")
        for name, frame in frames.items():
            self._connection.from_arrow(to_arrow(frame)).create(name)
        self._plans: dict[str, duckdb.DuckDBPyConnection] = {}

    def table(self, name: str = LINES) -> nw.LazyFrame[Any]:
        """The lines, or a small table, as the expressions of a question see them."""
        found: nw.LazyFrame[Any] = nw.from_native(self._connection.table(name))
        return found

    def plan(self, name: str, question: nw.LazyFrame[Any]) -> None:
        """Plan a question once, under a name."""
        sql: Callable[[], str] = nw.to_native(question).sql_query
        self._plans[name] = self._connection.cursor()
        self._plans[name].execute(f"PREPARE question AS {sql()}")

    def forget(self, name: str) -> None:
        """Drop a plan."""
        self._plans.pop(name).close()

    def ask(self, name: str) -> pd.DataFrame:
        """The answer for the lines that are there now.

        Raises
        ------
        DataContractError
            If a sum of them is beyond what the engine can hold.
        """
        try:
            frame: pd.DataFrame = self._plans[name].execute("EXECUTE question").to_arrow_table().to_pandas()
        except duckdb.DataError as error:
            raise DataContractError(
                f"the lines hold numbers that cannot be added up: {error}; expected smaller ones."
            ) from None
        # an index of Arrow texts makes a new text at each look at a column
        frame.columns = frame.columns.astype(object)
        return frame

    def replace_lines(self, lines: pa.Table) -> None:
        """Put other lines in the place of those that are there."""
        self._connection.execute(f"DELETE FROM {LINES}")
        self._connection.from_arrow(lines).insert_into(LINES)

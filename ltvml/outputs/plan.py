"""The files of a plan: everybody as Parquet, the contacts to make as CSV.

How the CSV is kept safe to open is told in `spreadsheet.py`; the Parquet holds every text as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ltvml.contracts import OUTREACH
from ltvml.engines.frames import arrow_schema
from ltvml.outputs.planned_contacts import chosen
from ltvml.outputs.spreadsheet import with_columns, write_csv
from ltvml.words.phrases import named

if TYPE_CHECKING:
    from pathlib import Path


PLAN_FILE, CONTACTS_FILE = "outreach.parquet", "outreach.csv"
CONTACT_COLUMNS = (
    *("rank", "customer_id", "action", "purpose", "channel", "due_date", "item", "reason"),
    *("expected_value", "cost", "ev_basis", "action_key", "channel_key"),
)
"""Of the CSV: `contracts.OUTREACH`, the action and the channel in words, and last the names that Parquet has."""
MONEY_DIGITS = 4
GROUP_ROWS = 1 << 20
"""Rows of a group of the Parquet file."""


def write_plan(
    folder: Path, plan: pd.DataFrame, *, language: str, byte_order_mark: bool, more: pd.DataFrame | None = None
) -> None:
    """Write both files; the same plan gives the same bytes.

    Parameters
    ----------
    folder : Path
        There already.
    plan : (n,) frame
        contracts.OUTREACH, everybody.
    language : str
        Of the names and reasons in the CSV.
    byte_order_mark : bool
        Whether the CSV begins with the mark by which spreadsheets know UTF-8.
    more : frame, optional
        `customer_id` and further columns of the CSV.
    """
    write_everybody(folder / PLAN_FILE, plan)
    rows = with_columns(contacts_to_make(plan, language), more)
    write_csv(folder / CONTACTS_FILE, rows, byte_order_mark=byte_order_mark)


def write_everybody(path: Path, plan: pd.DataFrame) -> None:
    """Write the plan with the columns and types of `contracts.OUTREACH`."""
    schema = arrow_schema(OUTREACH)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, max(len(plan), 1), GROUP_ROWS):
            rows = plan.iloc[first : first + GROUP_ROWS]
            columns = [_column(rows[field.name], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def contacts_to_make(plan: pd.DataFrame, language: str) -> pd.DataFrame:
    """The rows of the CSV, by rank.

    Parameters
    ----------
    plan : (n,) frame
        contracts.OUTREACH.
    language : str
        Of the names of actions and channels.

    Returns
    -------
    (m,) frame
        `CONTACT_COLUMNS`; texts as they are, not yet safe for a spreadsheet.
    """
    rows = chosen(plan).sort_values("rank", kind="stable")
    keys = {f"{name}_key": rows[name].astype("str") for name in ("action", "channel")}
    words = {name: _in_words(keys[f"{name}_key"], name, language) for name in ("action", "channel")}
    money = {name: rows[name].astype("float64").round(MONEY_DIGITS) for name in ("expected_value", "cost")}
    due = pd.to_datetime(rows["due_date"]).dt.strftime("%Y-%m-%d")
    made = rows.assign(**keys, **words, **money, due_date=due)
    return made[list(CONTACT_COLUMNS)].reset_index(drop=True)


def _in_words(keys: pd.Series, kind: str, language: str) -> pd.Series:
    return keys.map({key: named(kind, key, language) for key in keys.unique()})


def _column(values: pd.Series, dtype: pa.DataType) -> pa.Array:
    if pa.types.is_string(dtype):
        # texts lie in Arrow already: as objects of Python they would take several times that
        texts = pa.array(values.astype("str").array, pa.large_string())
        return (texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts).cast(dtype)
    if pa.types.is_date(dtype):
        return pa.Array.from_pandas(pd.to_datetime(values)).cast(dtype)
    return pa.Array.from_pandas(values.to_numpy(), type=dtype)

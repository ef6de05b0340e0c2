"""The service contacts of a plan as files: everything as Parquet, and what is to be made as CSV, by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ltvml.contracts import TASKS
from ltvml.engines.frames import arrow_schema
from ltvml.outputs.spreadsheet import with_columns, write_csv
from ltvml.outreach.experiment.holdout import TREAT
from ltvml.window import dates_of
from ltvml.words.phrases import named

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.arrays import Words

TASKS_FILE, TO_DO_FILE = "tasks.parquet", "tasks.csv"
TO_DO_COLUMNS = ("due_date", "customer_id", "action", "item", "channel", "reason", "until_date", "action_key")


def task_rows(scheduled: pd.DataFrame, reasons: Words) -> pd.DataFrame:
    """Scheduled tasks as rows of `contracts.TASKS`.

    Parameters
    ----------
    scheduled : (m,) frame
        As `service.schedule.schedule` gives it.
    reasons : (m,) array of str
    """
    days = {"due_date": "day", "from_date": "due_day", "until_date": "until_day"}
    dates = {ours: dates_of(scheduled[theirs].astype(float)).astype("datetime64[s]") for ours, theirs in days.items()}
    return scheduled.assign(**dates, reason=reasons)[list(TASKS.names)]


def write_tasks(
    folder: Path, tasks: pd.DataFrame, *, language: str, byte_order_mark: bool, more: pd.DataFrame | None = None
) -> None:
    """Write both files; the same tasks give the same bytes.

    Parameters
    ----------
    folder : Path
        There already.
    tasks : frame
        contracts.TASKS.
    language : str
        Of the names in the CSV.
    byte_order_mark : bool
        Whether the CSV begins with the mark by which spreadsheets know UTF-8.
    more : frame, optional
        `customer_id` and further columns of the CSV.
    """
    table = pa.Table.from_pandas(tasks[list(TASKS.names)], schema=arrow_schema(TASKS), preserve_index=False)
    pq.write_table(table.replace_schema_metadata(), folder / TASKS_FILE, compression="zstd")
    write_csv(folder / TO_DO_FILE, with_columns(to_do(tasks, language), more), byte_order_mark=byte_order_mark)


def to_do(tasks: pd.DataFrame, language: str) -> pd.DataFrame:
    """The tasks to make, by day and customer, with the names of actions and channels in a language."""
    rows = tasks[tasks["suppressed_by"].isna()].sort_values(["due_date", "customer_id"], kind="stable")
    keys = rows["action"].astype("str")
    words = {
        name: rows[name].astype("str").map({key: named(name, str(key), language) for key in rows[name].unique()})
        for name in ("action", "channel")
    }
    days = {name: pd.to_datetime(rows[name]).dt.strftime("%Y-%m-%d") for name in ("due_date", "until_date")}
    return rows.assign(**words, **days, action_key=keys)[list(TO_DO_COLUMNS)].reset_index(drop=True)


def read_tasks(folder: Path) -> pd.DataFrame:
    """The tasks of a plan; none where it was written before there were any."""
    path = folder / TASKS_FILE
    return pd.read_parquet(path.absolute()) if path.exists() else pd.DataFrame(columns=list(TASKS.names))


def with_tasks(plan: pd.DataFrame, tasks: pd.DataFrame) -> pd.DataFrame:
    """Everything that is contacted: the offers of a plan and its tasks, which are made in both arms."""
    if tasks.empty:
        return plan
    return pd.concat([plan.astype(object), tasks.assign(group=TREAT).astype(object)], ignore_index=True)

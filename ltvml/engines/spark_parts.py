"""Work on parts of the customers where the parts are: Spark's workers write what they made, and report in brief."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ltvml.hashing import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame, SparkSession

    from ltvml.engines.base import Work

PART_ROWS = 100_000
"""Customers in a part, about: what a worker holds at once."""
SAMPLED = 50
"""Ids a part that its bounds are read from: parts differ by a seventh in size."""
PART, REPORT = "ltvml_part", "ltvml_report"


def part_bounds(ids: Sequence[str], parts: int) -> NDArray[np.object_]:
    """Ids at which parts of about equal size begin; the first part has none.

    Parameters
    ----------
    ids : sequence of n str
        A sample, in any order.
    parts : int

    Returns
    -------
    (m,) array of str
        Ascending, at most parts - 1.
    """
    ordered = np.array(sorted(ids), dtype=object)
    cuts = np.arange(1, parts) * len(ordered) // parts
    return np.unique(ordered[cuts]) if len(ordered) else ordered


def share_of_sample(customers: int, parts: int) -> int:
    """The bucket, see `ltvml.hashing`, below which an id is in the sample."""
    wanted = SAMPLED * parts
    return int(-(-BUCKETS * wanted // max(customers, wanted)))


def part_of(bounds: NDArray[np.object_]) -> Callable[[Column], Column]:
    """The part of an id, as a Spark expression; Python and Spark both order text by its code points."""
    from pyspark.sql.functions import lit, pandas_udf

    if not len(bounds):
        return lambda ids: lit(0)
    number: Callable[[Column], Column] = pandas_udf(
        lambda ids: pd.Series(np.searchsorted(bounds, ids.to_numpy(dtype=object), side="right")), "int"
    )
    return number


def reports_of(table: DataFrame, beside: DataFrame | None, work: Work, part: Callable[[Column], Column]) -> list[bytes]:
    """Run `work` on each part of the customers, on the worker that has it.

    Parameters
    ----------
    table : DataFrame
        One row a customer.
    beside : DataFrame, optional
        Rows of the same customers.
    work : callable
        Of the number of a part, its rows and those beside, each by ascending id; gives bytes.
    part : callable
        See `part_of`.

    Returns
    -------
    list of bytes
        In the order of the parts.
    """
    types = f"{PART} int, {REPORT} binary"
    groups = _grouped(table, part)
    if beside is None:
        done = groups.applyInArrow(_alone(work), types)
    else:
        done = groups.cogroup(_grouped(beside, part)).applyInArrow(_together(work), types)
    rows = done.toArrow().sort_by(PART)
    return [report.as_py() for report in rows[REPORT]]


def are_seen(session: SparkSession, folder: Path) -> bool:
    """Whether all workers that can be asked see a folder of the driver, and may write into it."""
    master = session.sparkContext.master
    if master.startswith("local") and not master.startswith("local-cluster"):
        return True
    token = folder / f".seen-{uuid.uuid4().hex}"
    token.touch()
    try:
        tasks = 2 * session.sparkContext.defaultParallelism
        asked = session.range(0, tasks, 1, tasks).mapInArrow(_looking(str(token)), "seen boolean")
        return all(asked.toArrow()["seen"].to_pylist())
    finally:
        token.unlink()


def _grouped(table: DataFrame, part: Callable[[Column], Column]) -> Any:
    return table.withColumn(PART, part(table["customer_id"])).groupBy(PART)


def _alone(work: Work) -> Callable[[Any, pa.Table], pa.Table]:
    def done(key: Any, rows: pa.Table) -> pa.Table:
        return _report(work, key, rows, None)

    return done


def _together(work: Work) -> Callable[[Any, pa.Table, pa.Table], pa.Table]:
    def done(key: Any, rows: pa.Table, beside: pa.Table) -> pa.Table:
        return _report(work, key, rows, beside)

    return done


def _report(work: Work, key: Any, rows: pa.Table, beside: pa.Table | None) -> pa.Table:
    number = key[0].as_py()
    others = None if beside is None else beside.drop_columns(PART).to_pandas()
    report = work(number, rows.drop_columns(PART).to_pandas(), others)
    return pa.table({PART: pa.array([number], pa.int32()), REPORT: pa.array([report], pa.binary())})


def _looking(token: str) -> Callable[[Any], Iterator[pa.RecordBatch]]:
    def seen(batches: Any) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.record_batch({"seen": pa.array([_writable_beside(Path(token))] * batch.num_rows)})

    return seen


def _writable_beside(token: Path) -> bool:
    trial = token.with_name(f".seen-{uuid.uuid4().hex}")
    try:
        if not token.exists():
            return False
        trial.touch()
        trial.unlink()
    except OSError:
        return False
    return True

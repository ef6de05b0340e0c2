"""Parts of the customers on Spark's workers: who is in which part, and what a worker is given of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
import pyarrow as pa
import pytest

from ltvml.engines import spark_parts
from ltvml.engines.spark_parts import _looking, _writable_beside, part_bounds, share_of_sample
from ltvml.errors import LtvmlWarning
from ltvml.hashing import BUCKETS, buckets_of

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from pyspark.sql import SparkSession

# a part of 50 sampled ids or more: its size has a standard error of a seventh
FOUR_STANDARD_ERRORS = 4 / 7


def test_parts_of_a_sample_by_hash_are_of_about_equal_size() -> None:
    ids = [f"{number:x}" for number in np.random.default_rng(1).integers(0, 2**40, 20_000)]
    below = share_of_sample(len(ids), 8)
    sample = [one for one, bucket in zip(ids, buckets_of(ids, "parts"), strict=True) if bucket < below]
    bounds = part_bounds(sample, 8)
    sizes = np.bincount(np.searchsorted(bounds, np.array(ids, dtype=object), side="right"))
    assert len(sizes) == 8
    np.testing.assert_allclose(sizes, len(ids) / 8, rtol=FOUR_STANDARD_ERRORS)


def test_a_small_shop_is_sampled_whole_and_one_part_has_no_bounds() -> None:
    assert share_of_sample(100, 4) == BUCKETS
    assert len(part_bounds(["b", "a"], 1)) == 0
    assert part_bounds(["d", "a", "c", "b"], 2).tolist() == ["c"]
    # more parts than ids: no part twice
    assert part_bounds(["a", "b"], 5).tolist() == ["a", "b"]


def _contents(number: int, rows: pd.DataFrame, beside: pd.DataFrame | None) -> bytes:
    of_others = [] if beside is None else beside["customer_id"].tolist()
    return json.dumps([number, rows["customer_id"].tolist(), of_others]).encode()


def test_a_worker_that_cannot_see_or_write_says_so(tmp_path: Path) -> None:
    token = tmp_path / "token"
    assert not _writable_beside(token)
    token.touch()
    assert _writable_beside(token)
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
    hidden = pa.record_batch({"id": [0, 1]})
    (answer,) = _looking(str(tmp_path / "elsewhere" / "token"))([hidden])
    assert answer.column("seen").to_pylist() == [False, False]


@pytest.mark.spark
def test_scores_go_through_the_driver_where_a_worker_cannot_write(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ltvml.engines import spark as spark_engine

    engine = spark_engine.SparkEngine(spark)
    assert engine.workers(tmp_path / "staging") is engine
    monkeypatch.setattr(spark_engine, "are_seen", lambda session, folder: False)
    with pytest.warns(LtvmlWarning, match=f"cannot write into {tmp_path}: scores pass through the driver"):
        assert engine.workers(tmp_path / "staging") is None


@pytest.mark.spark
def test_each_part_gets_its_customers_and_their_rows_beside(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ltvml.engines.spark import SparkEngine

    monkeypatch.setattr(spark_parts, "PART_ROWS", 25)
    engine = SparkEngine(spark)
    # code points, not a language's order: é after z, A before a
    ids = sorted([*(f"{n:03d}" for n in range(96)), "A", "a", "z", "é"])
    pairs = [(one, item) for one in ids[::2] for item in ("soap", "tea")]

    def parts(order: list[int], pieces: int) -> list[tuple[int, list[str], list[str]]]:
        customers = spark.createDataFrame([(ids[i],) for i in order], "customer_id string").repartition(pieces)
        beside = spark.createDataFrame(pairs, "customer_id string, item string").repartition(pieces)
        reports = engine.reports_of(nw.from_native(customers), nw.from_native(beside), _contents, customers=len(ids))
        return [(number, sorted(rows), sorted(others)) for number, rows, others in map(json.loads, reports)]

    found = parts(list(range(len(ids))), 1)
    assert [number for number, _, _ in found] == [0, 1, 2, 3]
    assert [one for _, rows, _ in found for one in rows] == ids
    assert [one for _, _, others in found for one in others] == [one for one, _ in pairs]
    assert all(set(others) <= set(rows) for _, rows, others in found)
    assert parts(list(range(len(ids)))[::-1], 3) == found

"""Scores that workers wrote part by part, read by all that reads scores: as those that were written in one piece.

The workers here are this process, so that the same orders give both.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.spark_parts import part_bounds
from ltvml.errors import DataContractError
from ltvml.outputs.past_scores import past_scores
from ltvml.outputs.scores import read_scores
from ltvml.run_directory import manifest_of
from ltvml.window import as_date, day_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import narwhals as nw

    from ltvml.engines.base import Work

pytestmark = pytest.mark.slow

THEN, NOW = "2020-10-31", "2020-12-31"
PARTS = 3
TABLES = ("customers", "replenishment", "probabilities")
# totals are added part by part: the last digits of a sum depend on the order
AGREE = 1e-12


@dataclass(frozen=True)
class WorkersHere:
    """Parts of the customers one after the other, their rows in no order."""

    engine: DuckDBEngine

    def reports_of(
        self, table: nw.LazyFrame[Any], beside: nw.LazyFrame[Any] | None, work: Work, *, customers: int
    ) -> list[bytes]:
        rows, others = self.engine.collect(table).sample(frac=1, random_state=1), self.engine.collect(beside)
        assert len(rows) == customers
        bounds = part_bounds(rows["customer_id"].tolist(), PARTS)
        return [work(n, _part(rows, bounds, n), _part(others, bounds, n)) for n in range(PARTS)]


def _part(rows: pd.DataFrame, bounds: Any, number: int) -> pd.DataFrame:
    ids = rows["customer_id"].to_numpy(dtype=object)
    return rows[np.searchsorted(bounds, ids, side="right") == number]


@pytest.fixture
def shop(place, groceries: pd.DataFrame) -> Any:
    place.write(groceries)
    place.configure(
        "orders.csv",
        window={"cutoff": NOW, "churn_horizon": 60},
        alerts={"rise": 0.01, "beyond": 0.01},
        outreach={"capacity": 60, "channels": {"email": {"cost": 0.01}}},
        output={"dir": "out", "formats": ["parquet", "csv"], "write_to": {"url": "sqlite:///results.db"}},
        max_age=1000,
    )
    return place


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(DuckDBEngine, "workers", lambda engine, folder: WorkersHere(engine))


def run(place: Any, *arguments: str) -> dict[str, Any]:
    result = place.run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def whole_line(place: Any) -> dict[str, Any]:
    """Scores of two cutoffs, the second compared with the first, and what is made of them."""
    run(place, "score", "--cutoff", THEN)
    scored = run(place, "score")
    run(place, "outreach")
    return {name: scored[name] for name in ("customers", "totals", "churn_bands", "replenishment")} | {
        "watch": run(place, "watch")["state"],
        "written": {one["table"]: one["rows"] for one in run(place, "write")["tables"]},
    }


def test_scores_in_parts_are_those_in_one_piece_and_so_is_what_is_made_of_them(shop, workers, tmp_path: Path) -> None:
    run(shop, "fit", "--cutoff", THEN)
    expected = whole_line(shop)
    (shop.folder / "out" / "scores").rename(tmp_path / "whole")
    plan = pd.read_parquet("out/outreach/2020-12-31/outreach.parquet")
    shutil.rmtree("out/watch")
    workers()
    found = whole_line(shop)
    assert found.pop("totals") == pytest.approx(expected.pop("totals"), rel=AGREE)
    assert found == expected
    for cutoff in (THEN, NOW):
        for name in TABLES:
            parts = shop.folder / "out" / "scores" / cutoff / f"{name}.parquet"
            assert [path.name for path in sorted(parts.iterdir())] == [f"part-{n:05d}.parquet" for n in range(PARTS)]
            one = pd.read_parquet(tmp_path / "whole" / cutoff / f"{name}.parquet")
            pd.testing.assert_frame_equal(pd.read_parquet(parts), one)
            csv = parts.with_suffix(".csv")
            assert csv.read_text() == (tmp_path / "whole" / cutoff / csv.name).read_text()
    # the alerts are there to compare
    assert pd.read_parquet(parts.with_name("customers.parquet"))["risk_alert"].notna().any()
    pd.testing.assert_frame_equal(pd.read_parquet("out/outreach/2020-12-31/outreach.parquet"), plan)
    (past, latest), notes = past_scores(shop.folder / "out" / "scores", until=day_number(NOW))
    assert not notes
    assert len(past.rows()) == past.customers
    assert {7, 60} <= set(latest.windows)

    before = shop.listing()
    run(shop, "score")
    changed = [name for name, content in shop.listing().items() if content != before[name] and "scores" in name]
    assert changed == []

    part = shop.folder / "out" / "scores" / NOW / "customers.parquet" / "part-00001.parquet"
    shutil.copy(part, part.with_name("part-00007.parquet"))
    with pytest.raises(DataContractError, match=r"part-00007\.parquet was added after it was written"):
        read_scores(part.parents[1], as_date(NOW))
    assert "customers.parquet/part-00001.parquet" in manifest_of(part.parents[1])["files"]

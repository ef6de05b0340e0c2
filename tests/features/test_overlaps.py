"""Exports that overlap: said with their numbers, dropped on request, and parts of one table left alone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataWarning
from ltvml.features.ledger import Ledger, Rules
from ltvml.features.transactions import check
from ltvml.window import Window

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = Window("2024-03-31")


def shop(rows: int = 600) -> pd.DataFrame:
    """Orders of two lines over three months; some have two equal lines."""
    draw = np.random.default_rng(1)
    orders = rows // 2
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.sort(draw.integers(0, 91, orders)), unit="D")
    frame = pd.DataFrame(
        {
            "customer_id": draw.integers(0, 60, orders).astype(str),
            "order_date": days.strftime("%Y-%m-%d"),
            "order_id": [f"o{number}" for number in range(orders)],
        }
    )
    lines = pd.concat([frame, frame]).sort_values("order_id", kind="stable").reset_index(drop=True)
    return lines.assign(product_id=draw.integers(0, 6, rows).astype(str), amount=draw.choice([5.0, 9.99, 20.0], rows))


def ledger_of(folder: Path, ending: str = "csv", **rules: str) -> Ledger:
    engine = DuckDBEngine(threads=1)
    path = f"{folder}/*.{ending}"
    return check(engine, engine.read(Source(path)), WINDOW, Rules(source=path, **rules)).ledger  # type: ignore[arg-type]


def write(folder: Path, parts: list[pd.DataFrame], ending: str = "csv") -> None:
    for number, part in enumerate(parts, start=1):
        path = folder / f"export{number}.{ending}"
        if ending == "csv":
            part.to_csv(path, index=False)
        elif ending == "parquet":
            part.to_parquet(path, index=False)
        else:
            part.to_json(path, orient="records", lines=True)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_exports_that_overlap_are_said_with_days_files_and_money_and_dropped_exactly(
    tmp_path: Path, ending: str
) -> None:
    frame = shop()
    date = frame["order_date"]
    twice = frame[date.between("2024-02-01", "2024-02-05")]
    write(tmp_path, [frame[date <= "2024-02-05"], frame[date >= "2024-02-01"]], ending)
    with pytest.warns(DataWarning) as said:
        ledger_of(tmp_path, ending)
    message = next(text for text in map(str, (warning.message for warning in said)) if "more than one file" in text)
    assert (
        f"{twice['order_id'].nunique()} orders from {twice['order_date'].min()} to {twice['order_date'].max()}"
        in message
    )
    assert f"(export1.{ending} to export2.{ending}) with equal lines: {len(twice)} rows" in message
    assert f"{twice['amount'].sum():,.2f}" in message
    assert "--set transactions.duplicates=drop" in message
    dropped = ledger_of(tmp_path, ending, duplicates="drop")
    assert dropped.reasons == {"duplicate": len(twice)}
    assert (dropped.used, dropped.money_used) == (len(frame), round(100 * frame["amount"].sum()))


def test_parts_of_one_table_are_not_spoken_of_and_their_copies_dropped_as_in_one_file(tmp_path: Path) -> None:
    frame = shop()
    first = np.random.default_rng(2).random(len(frame)) < 0.5
    write(tmp_path, [frame[first], frame[~first]])
    copies = int(frame.duplicated().sum())
    assert copies > 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ledger_of(tmp_path)
        assert ledger_of(tmp_path, duplicates="drop").reasons == {"duplicate": copies}


def test_monthly_files_have_no_day_in_common(tmp_path: Path) -> None:
    frame = shop()
    write(tmp_path, [part for _, part in frame.groupby(frame["order_date"].str[:7])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ledger_of(tmp_path).used == len(frame)

"""How orders went is read and counted alike on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
from narwhals import from_native

from ltvml.engines.base import Source
from ltvml.features.behaviour import days_as_of
from ltvml.features.experience import experience
from ltvml.inputs.experience import with_experience
from ltvml.window import Window, day_number

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.engines.base import Engine

WINDOW = Window("2024-06-30")
WRITTEN = """user,ts,net,stars,complaint,promised_date,delivered_date,experience_date
a,2024-01-01,10,5,yes,2024-01-03,2024-01-04,2024-02-01
b,2024-01-01,10,four,No,2024-01-03,2024-01-03,
c,2024-01-01,10,,,2024-01-03,,
d,2024-01-01,10,3.5,maybe,,2024-01-09,soon
e,2024-01-01,10,1,是,soon,2023-12-20,2023-01-01
"""


def test_cells_are_read_as_people_write_them(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(WRITTEN, encoding="utf-8")
    columns = {"customer_id": "user", "order_date": "ts", "amount": "net", "rating": "stars"}
    lines = engine.read(Source(source=str(tmp_path / "orders.csv"), columns=columns))
    found = engine.collect(lines).sort_values("customer_id").reset_index(drop=True)
    assert found["fault"].isna().all()
    day = day_number("2024-01-01")
    expected = {
        "rating": [5.0, None, None, 3.5, 1.0],
        "complaint": [1, 0, None, None, 1],
        "late": [1, 0, None, None, None],
        # the day of the order where none is given, none where it cannot be read, never before the order
        "noted_day": [day + 31, day, day, None, day],
        "delivered_day": [day + 3, day + 2, day, day + 8, day],
        "unclear": [None, "rating", None, "complaint experience_date", "promised_date"],
    }
    for name, values in expected.items():
        assert [None if pd.isna(one) else one for one in found[name]] == values, name


def test_columns_that_mean_something_else_are_left_alone(engine: Engine) -> None:
    orders = pd.DataFrame({"customer_id": ["a"], "order_date": ["2024-01-01"], "amount": [1.0]})
    orders = orders.assign(late=pd.Timestamp("2024-01-01"), delivered_date=True)
    assert not {"late", "delivered_day"} & set(
        engine.read(Source(source=engine.table(orders))).collect_schema().names()
    )


def test_experience_is_the_same_as_on_polars(engine: Engine) -> None:
    draw, rows = np.random.default_rng(5), 400
    day = WINDOW.cutoff_day + 30 - draw.integers(0, 300, rows)
    frame = pd.DataFrame(
        {
            "customer_id": draw.integers(0, 60, rows).astype(str),
            "day": day,
            "amount": np.where(draw.random(rows) < 0.1, -1, 1) * draw.integers(0, 40, rows),
            "rating": pd.Series(draw.integers(1, 60, rows) / 10).where(draw.random(rows) > 0.2),
            "complaint": pd.Series(draw.integers(0, 2, rows)).where(draw.random(rows) > 0.2).astype("Int64"),
            "late": pd.Series(draw.integers(0, 2, rows)).astype("Int64"),
            "noted_day": pd.Series(day + draw.integers(0, 20, rows)).where(draw.random(rows) > 0.1).astype("Int64"),
        }
    )

    def known(table: object) -> object:
        lines, _ = with_experience(engine, table, {})
        return experience(lines, days_as_of(lines, WINDOW), WINDOW, has_returns=True)

    expected = known(from_native(pl.from_pandas(frame).lazy())).collect("pandas").to_native()
    found = engine.collect(known(engine.table(frame)))
    assert len(found) > 30
    assert found.drop(columns="customer_id").notna().sum().min() > 30
    first, second = (one.sort_values("customer_id").reset_index(drop=True) for one in (found, expected))
    pd.testing.assert_frame_equal(first, second, check_dtype=False, rtol=1e-12)

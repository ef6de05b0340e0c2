"""What was read before and has not changed is not sent again, and the rows are those of a full read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ltvml.config import Config
from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, DataWarning
from ltvml.inputs.orders import source_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server

TABLE = """
    CREATE TABLE orders AS SELECT
        ('c' || n % 97) AS customer_id, timestamp '2023-01-01' + n * interval '7 hours' AS order_date,
        (n % 50 + 0.25)::numeric AS amount, n AS order_id, NULL::text AS "weird % name", n % 3 = 0 AS gift
    FROM generate_series(1, 1500) AS n
"""
CHANGES = {
    "a new order": "INSERT INTO orders VALUES ('new', '2024-03-20', 5, 9001, NULL, false)",
    "a late order": "INSERT INTO orders VALUES ('c1', '2023-02-03', 7, 9002, NULL, false)",
    "a late return": "INSERT INTO orders VALUES ('c1', '2023-02-03', -7, 9002, NULL, false)",
    "a correction that keeps count and sum": "UPDATE orders SET customer_id = 'c2' WHERE order_id = 30",
    "a deletion": "DELETE FROM orders WHERE order_id BETWEEN 700 AND 720",
    "a day that moves to another month": "UPDATE orders SET order_date = '2023-09-09' WHERE order_id = 31",
    "two rows that change places": "UPDATE orders SET amount = CASE order_id WHEN 40 THEN 41.25 ELSE 40.25 END "
    "WHERE order_id IN (40, 41)",
    "dates that are none": "INSERT INTO orders VALUES ('c3', NULL, 1, 9003, 'x', NULL), "
    "('c3', 'infinity', 1, 9004, '', NULL)",
    "a number with decimals among whole ones": "UPDATE orders SET amount = 3.333 WHERE order_id = 50",
    "a month that is gone": "DELETE FROM orders WHERE order_date < '2023-02-01'",
    "a row twice": "INSERT INTO orders SELECT * FROM orders WHERE order_id = 800",
    "nothing": "SELECT 1",
}


def source(server: Server, state: Path | None, **settings: object) -> Source:
    return Source(f"{server.url}::orders", exclude=("gift",), state=state, **settings)


def fingerprint(of: Source) -> str:
    engine = DuckDBEngine(threads=1)
    return engine.fingerprint(engine.read(of))


def rows_read(caplog: pytest.LogCaptureFixture) -> list[tuple[int, ...]]:
    """Months read, months, rows read, rows: of each read."""
    found = [record.args[1:] for record in caplog.records if record.name.endswith("months")]
    caplog.clear()
    return found


@pytest.fixture
def state(postgres: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """What a first read kept."""
    caplog.set_level(logging.INFO)
    postgres.run(TABLE)
    folder = tmp_path / "kept"
    assert fingerprint(source(postgres, folder)) == fingerprint(source(postgres, None))
    assert rows_read(caplog) == [(15, 15, 1500, 1500)]
    return folder


def test_every_change_is_seen_and_the_rows_are_those_of_a_full_read(
    postgres: Server, state: Path, caplog: pytest.LogCaptureFixture
):
    for change, statement in CHANGES.items():
        postgres.run(statement)
        assert fingerprint(source(postgres, state)) == fingerprint(source(postgres, None)), change
        ((months, _, rows, total),) = rows_read(caplog)
        assert months <= (0 if change == "nothing" else 2), change
        assert rows < total / 4, change


def test_after_any_changes_in_any_order_the_rows_are_those_of_a_full_read(postgres: Server, state: Path):
    random = np.random.default_rng(5)
    for _ in range(6):
        for order in random.integers(1, 1500, size=3):
            amount = random.integers(-20, 60)
            postgres.run(
                [
                    f"DELETE FROM orders WHERE order_id = {order}",
                    f"UPDATE orders SET amount = {amount} WHERE order_id = {order}",
                    f"INSERT INTO orders VALUES ('c{order % 97}', timestamp '2023-01-01' + {order} * interval "
                    f"'8 hours', {amount}, {order}, NULL, NULL)",
                ][random.integers(3)]
            )
        assert fingerprint(source(postgres, state)) == fingerprint(source(postgres, None))


def test_a_file_that_is_damaged_or_gone_is_read_again(postgres: Server, state: Path, caplog: pytest.LogCaptureFixture):
    first, second = sorted(state.glob("*.parquet"))[:2]
    first.write_bytes(b"PAR1 cut off")
    second.unlink()
    (state / "of_a_killed_run.parquet.partial").write_bytes(b"x")
    assert fingerprint(source(postgres, state)) == fingerprint(source(postgres, None))
    assert rows_read(caplog)[0][:2] == (2, 15)
    assert not list(state.glob("*.partial"))


def test_what_was_kept_of_other_columns_or_another_version_is_not_used_and_that_is_said(
    postgres: Server, state: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    other = {"columns": {"channel": "weird % name"}}
    with pytest.warns(DataWarning, match="of other columns or of another version: all of"):
        assert fingerprint(source(postgres, state, **other)) == fingerprint(source(postgres, None, **other))
    assert rows_read(caplog)[0][:2] == (15, 15)
    monkeypatch.setattr("ltvml.engines.databases.months.FORMAT", 2)
    with pytest.warns(DataWarning, match="another version"):
        fingerprint(source(postgres, state, **other))
    postgres.run("ALTER TABLE orders ALTER COLUMN amount TYPE double precision")
    with pytest.warns(DataWarning, match="of other columns"):
        fingerprint(source(postgres, state, **other))


def test_an_empty_table_keeps_nothing(postgres: Server, state: Path):
    postgres.run("DELETE FROM orders")
    with pytest.raises(Exception, match="has no rows"):
        fingerprint(source(postgres, state))
    assert not list(state.glob("*.parquet"))


def test_the_setting_keeps_its_folder_among_the_results_and_is_for_postgres():
    transactions = {"source": "postgresql://h/shop::orders", "incremental": True}
    config = Config.model_validate({"transactions": transactions, "output": {"dir": "results"}})
    assert str(source_of(config.orders, None).state) == "results/orders_read"
    for other in ("orders.csv", "mysql://h/shop::orders", None):
        with pytest.raises(ConfigError, match="expected a table of Postgres"):
            Config.model_validate({"transactions": {"source": other, "incremental": True}})

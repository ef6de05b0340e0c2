"""Results in tables of a database: what is in the files is in the tables, once, or nothing has changed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

import ltvml
from ltvml.config import Config
from ltvml.engines.databases.addresses import Address
from ltvml.engines.databases.connections import connected
from ltvml.errors import ConfigError, DataContractError, OutputError
from ltvml.outputs.sink import write_rows
from ltvml.workflows.write import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.postgres import Server

CUTOFF = "2020-12-31"
NONE: dict[str, str | None] = {"replenishment": None, "plan": None}
TABLES = {"customers": "out.customers", "replenishment": "out.items", "plan": "out.plan", "probabilities": "chances"}


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, groceries: pd.DataFrame, config_of: Callable[..., Config]
) -> Path:
    """Scores and a plan of one night."""
    folder = tmp_path_factory.mktemp("written")
    config = config_of(folder)
    ltvml.fit(config, transactions=groceries)
    ltvml.score(config, transactions=groceries)
    ltvml.plan_outreach(config, transactions=groceries)
    return folder


def config_for(folder: Path, url: str, tables: Mapping[str, str | None] = TABLES) -> Config:
    output = {"dir": str(folder), "write_to": {"url": url, "tables": tables}}
    return Config.model_validate({"window": {"cutoff": CUTOFF}, "output": output})


def rows_of(server: Server, table: str) -> pd.DataFrame:
    import psycopg

    with psycopg.connect(host=str(server.socket), user=server.user, dbname="postgres") as connection:
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY customer_id, 1, 2, 3")
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description], dtype=object)


def test_the_tables_hold_what_the_files_hold_to_the_bit(postgres: Server, results: Path):
    report = write(config_for(results, postgres.url))
    for name, table in {"customers": "out.customers", "replenishment": "out.items", "probabilities": "chances"}.items():
        file = pd.read_parquet(results / "scores" / CUTOFF / f"{name}.parquet", dtype_backend="pyarrow")
        expected = file.sort_values(list(file.columns[:2])).astype(object).where(lambda cells: cells.notna(), None)
        found = rows_of(postgres, table).sort_values(list(file.columns[:2]))
        assert len(found) > 100
        assert found[list(file.columns)].to_numpy().tolist() == expected.to_numpy().tolist()
        assert {str(day) for day in found["cutoff"]} == {CUTOFF}
    counts = {one.table: (one.rows, one.replaced, one.created) for one in report.tables}
    assert counts["out.customers"] == (len(rows_of(postgres, "out.customers")), 0, True)


def test_the_table_of_the_plan_holds_the_contacts_to_make_alone(postgres: Server, results: Path):
    write(config_for(results, postgres.url))
    plan = pd.read_parquet(results / "outreach" / CUTOFF / "outreach.parquet")
    made = plan[plan["suppressed_by"].isna() & (plan["group"] == "treat")]
    assert 0 < len(made) < len(plan)
    found = rows_of(postgres, "out.plan")
    assert sorted(found["customer_id"]) == sorted(made["customer_id"])
    assert found["suppressed_by"].isna().all()


def test_writing_twice_is_writing_once_and_other_cutoffs_stay(postgres: Server, results: Path):
    config = config_for(results, postgres.url)
    write(config)
    postgres.run("INSERT INTO out.customers (cutoff, customer_id) VALUES ('2020-12-30', 'of another night')")
    before = {table: rows_of(postgres, table) for table in TABLES.values()}
    report = write(config)
    assert all(one.rows == one.replaced and not one.created for one in report.tables)
    for table, rows in before.items():
        pd.testing.assert_frame_equal(rows_of(postgres, table), rows)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
def test_two_runs_at_once_leave_the_rows_of_one(
    kind: str, there: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}" if kind == "sqlite" else request.getfixturevalue("postgres").url
    day = pd.Timestamp(CUTOFF).date()
    rows = pa.table({"cutoff": [day] * 5000, "customer_id": [str(number) for number in range(5000)]})
    if there:
        write_rows(url, {"t": rows}, day)
    with ThreadPoolExecutor(4) as runs:
        written = list(runs.map(lambda _: write_rows(url, {"t": rows}, day), range(4)))
    assert sorted(one.replaced for (one,) in written) == [5000 if there else 0, 5000, 5000, 5000]
    with connected(Address(url)) as connection:
        assert connection.execute(sa.text("SELECT count(*), count(DISTINCT customer_id) FROM t")).one() == (5000, 5000)


def test_a_database_that_fails_in_the_middle_keeps_the_rows_it_had(postgres: Server, results: Path):
    config = config_for(results, postgres.url)
    write(config)
    # customers and items come before the plan, whose rows are refused
    postgres.run("ALTER TABLE out.plan ADD CONSTRAINT nobody CHECK (customer_id = 'nobody') NOT VALID")
    postgres.run("UPDATE out.customers SET churn_risk = 7")
    with pytest.raises(OutputError, match=r"nobody.*no row was changed") as failed:
        write(config)
    assert failed.value.exit_code == 8
    assert postgres.run("SELECT min(churn_risk), max(churn_risk) FROM out.customers") == [(7, 7)]


def test_a_server_that_goes_away_while_it_is_written_to_keeps_the_rows_it_had(postgres: Server):
    day = pd.Timestamp(CUTOFF).date()
    few = pa.table({"cutoff": [day], "customer_id": ["before"]})
    write_rows(postgres.url, {"t": few}, day)
    postgres.run(
        "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.customer_id = '900' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER leaves BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION leave()",
    )
    many = pa.table({"cutoff": [day] * 2000, "customer_id": [str(number) for number in range(2000)]})
    with pytest.raises(OutputError, match=r"no row was changed[\s\S]*write again"):
        write_rows(postgres.url, {"t": many}, day)
    assert postgres.run("SELECT customer_id FROM t") == [("before",)]


def test_a_table_with_other_columns_is_refused_by_name(postgres: Server, results: Path):
    config = config_for(results, postgres.url)
    postgres.run("CREATE SCHEMA out", "CREATE TABLE out.customers (cutoff date, customer_id text, mine int)")
    with pytest.raises(OutputError, match=r"lacks n_orders, .*; has mine, which ltvml does not write"):
        write(config)
    assert postgres.run("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'out'") == [(1,)]
    postgres.run("DROP TABLE out.customers")
    write(config)
    postgres.run("ALTER TABLE out.customers DROP COLUMN churn_risk")
    with pytest.raises(OutputError, match="lacks churn_risk") as lacking:
        write(config)
    # the hint is the statement that helps
    postgres.run(str(lacking.value.hint))
    assert write(config).tables
    postgres.run("ALTER TABLE out.customers ALTER COLUMN n_orders TYPE text")
    with pytest.raises(OutputError, match="has text in n_orders, where ltvml writes a whole number"):
        write(config)


def test_a_user_without_rights_and_a_server_that_is_not_there_are_one_error(postgres: Server, results: Path):
    postgres.run("CREATE ROLE reader LOGIN", "GRANT USAGE ON SCHEMA public TO reader")
    tables = NONE | {"customers": "customers"}
    with pytest.raises(OutputError, match=r"permission denied[\s\S]*may this user create"):
        write(config_for(results, postgres.url.replace("shop@", "reader@"), tables))
    with pytest.raises(OutputError, match="could not be opened"):
        write(config_for(results, "postgresql://127.0.0.1:1/shop", tables))
    postgres.run("DROP OWNED BY reader", "DROP ROLE reader")


def test_sqlite_is_written_to_in_the_same_way(results: Path, tmp_path: Path):
    path = tmp_path / "shop.db"
    config = config_for(results, f"sqlite:///{path}", NONE | {"customers": "customers", "replenishment": "items"})
    for replaced in (False, True):
        report = write(config)
        assert [bool(one.replaced) for one in report.tables] == [replaced, replaced]
    scores = pd.read_parquet(results / "scores" / CUTOFF / "customers.parquet")
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT customer_id, cutoff, churn_risk FROM customers ORDER BY 1").fetchall()
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'full'); END")
        connection.execute("UPDATE customers SET churn_risk = 7")
    expected = scores.sort_values("customer_id")[["customer_id", "churn_risk"]].to_numpy().tolist()
    assert [[customer, risk] for customer, _, risk in found] == expected
    with pytest.raises(OutputError, match="full; no row was changed"):
        write(config)
    assert connection.execute("SELECT DISTINCT churn_risk FROM customers").fetchall() == [(7,)]
    connection.close()


def test_what_is_not_there_or_not_of_one_run_is_refused(results: Path, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with pytest.raises(ConfigError, match=r"output.write_to.url is missing"):
        write(Config.model_validate({"window": {"cutoff": CUTOFF}}))
    with pytest.raises(ConfigError, match=r"nothing of `ltvml score`"):
        write(config_for(results, url), pd.Timestamp("2020-12-30").date())
    copied = tmp_path / "copied"
    shutil.copytree(results, copied)
    manifest = copied / "outreach" / CUTOFF / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"fingerprint": "of other orders"}))
    with pytest.raises(DataContractError, match="made from other orders"):
        write(config_for(copied, url))
    (copied / "scores" / CUTOFF / "customers.parquet").write_bytes(b"cut")
    with pytest.raises(DataContractError, match=r"customers.parquet was changed after it was written"):
        write(config_for(copied, url))
    alone = tmp_path / "alone"
    shutil.copytree(results / "scores", alone / "scores")
    with pytest.raises(ConfigError, match=r"nothing of `ltvml outreach`"):
        write(config_for(alone, url))
    assert not (tmp_path / "shop.db").exists()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"url": "postgresql://a:secret@h/db"}, "holds a password"),
        ({"url": "out.csv"}, "is no database"),
        ({"url": "bigquery://p/d"}, "cannot undo what was written"),
        ({"url": "postgresql://h/db::orders"}, "is no database"),
        ({"tables": {"customers": "t", "plan": "t"}}, "two results have one table"),
        ({"tables": {"scores": "t"}}, "customers"),
    ],
)
def test_a_target_that_is_none_is_refused_before_anything_is_computed(target: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message) as refused:
        Config.model_validate({"output": {"write_to": target}})
    assert "secret" not in str(refused.value)


def test_the_command_prints_what_it_wrote(results: Path, tmp_path: Path, place):
    place.configure("orders.csv", output={"dir": str(results), "write_to": {"url": f"sqlite:///{tmp_path / 's.db'}"}})
    result = place.run("write")
    assert result.exit_code == 0, result.stderr
    assert "ltvml_customers" in result.stdout
    tables = json.loads(place.run("write", "--json").stdout)["tables"]
    assert {one["table"]: one["rows"] == one["replaced"] for one in tables} == dict.fromkeys(
        ["ltvml_customers", "ltvml_plan", "ltvml_replenishment"], True
    )

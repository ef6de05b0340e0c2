"""What an incremental read gives is what a full read gives, whatever happens to the orders and to what was kept."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.errors import ConfigError, LtvmlError
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres import Server

CUTOFF = "2024-03-01"
BASE = {"timezone": None, "exclude": ["test"], "drop": {"status": ["cancelled"]}}
FORMS = ("parquet", "groups", "csv", "gzip", "parts", "csv parts", "hive")
OF_INCREMENTAL = re.compile("transactions.incremental|keeps |could not keep")


def shop(random: np.random.Generator, rows: int, first: str = "2023-06-01", days: int = 270) -> pd.DataFrame:
    """Orders with returns, corrections, copies, faults and nobodies."""
    day = pd.Timestamp(first) + pd.to_timedelta(random.integers(0, days * 24, rows), unit="h")
    customer = [f"c{number}" for number in random.integers(0, 40, rows)]
    amount = random.choice(
        [5.0, 7.5, 20.0, 33.33, 0.0, -5.0, -7.5, -20.0], rows, p=[0.2] * 3 + [0.15, 0.05] + [0.2 / 3] * 3
    )
    frame = pd.DataFrame(
        {
            "customer_id": customer,
            "order_date": day.strftime("%Y-%m-%d %H:%M:%S"),
            "amount": [f"{value:.2f}" for value in amount],
            "order_id": [f"o{number}" for number in random.integers(0, rows // 2, rows)],
            "product_id": [f"p{number}" for number in random.integers(0, 5, rows)],
            "quantity": random.integers(1, 4, rows).astype(float),
            "status": random.choice(["paid", "cancelled", "refunded"], rows, p=[0.9, 0.08, 0.02]),
            "test": random.choice([False, True], rows, p=[0.95, 0.05]),
        }
    )
    frame.loc[random.random(rows) < 0.1, "customer_id"] = None
    frame.loc[random.random(rows) < 0.01, "order_date"] = "no day"
    frame.loc[random.random(rows) < 0.01, "amount"] = "?"
    return pd.concat([frame, frame.sample(rows // 20, random_state=int(random.integers(1000)))], ignore_index=True)


def write(frame: pd.DataFrame, place: Path, form: str) -> str:
    """Write orders in a form, and give the source: parts that stay the same keep their bytes."""
    if form == "parquet":
        frame.to_parquet(place / "orders.parquet", index=False)
        return "orders.parquet"
    if form == "groups":
        frame.to_parquet(place / "orders.parquet", index=False, row_group_size=100)
        return "orders.parquet"
    if form in ("csv", "gzip"):
        name = "orders.csv" if form == "csv" else "orders.csv.gz"
        frame.to_csv(place / name, index=False)
        return name
    folder = place / "orders"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for month, rows in frame.groupby(frame["order_date"].str[:7]):
        name = re.sub("[^0-9-]", "x", str(month))
        if form == "hive":
            (folder / f"month={name}").mkdir()
            rows.to_parquet(folder / f"month={name}" / "data.parquet", index=False)
        elif form == "parts":
            rows.to_parquet(folder / f"{name}.parquet", index=False)
        else:
            rows.to_csv(folder / f"{name}.csv", index=False)
    return "orders"


def changed(frame: pd.DataFrame, random: np.random.Generator, kind: str) -> pd.DataFrame:
    """Orders after something has happened to them."""
    some = frame.index[random.integers(0, len(frame), 3)]
    if kind == "a day more":
        return pd.concat([frame, shop(random, 30, "2024-02-27", 3)], ignore_index=True)
    if kind == "late rows":
        return pd.concat([frame, shop(random, 5)], ignore_index=True)
    if kind == "returns of old orders":
        back = frame.loc[some].assign(amount="-7.50", order_date="2024-02-29 10:00:00")
        return pd.concat([frame, back], ignore_index=True)
    if kind == "corrections":
        return frame.assign(amount=frame["amount"].where(~frame.index.isin(some), "11.00"))
    if kind == "another customer":
        return frame.assign(customer_id=frame["customer_id"].where(~frame.index.isin(some), "c7"))
    if kind == "deletions":
        return frame.drop(some).reset_index(drop=True)
    if kind == "another order of rows":
        return frame.sample(frac=1, random_state=1, ignore_index=True)
    if kind == "copies":
        return pd.concat([frame, frame.loc[some]], ignore_index=True)
    if kind == "excluded by the user":
        back = frame.loc[some].assign(amount="-" + frame.loc[some, "amount"].str.strip("-"), status="cancelled")
        return pd.concat([frame, back], ignore_index=True)
    assert kind == "nothing", kind
    return frame


CHANGES = (
    *("a day more", "late rows", "returns of old orders", "corrections", "another customer", "deletions"),
    *("another order of rows", "copies", "excluded by the user", "nothing"),
)


def config_of(source: str, *, incremental: bool, cutoff: str = CUTOFF, **settings: Any) -> Config:
    transactions = {**BASE, **settings.pop("transactions", {}), "source": source, "incremental": incremental}
    values = {"transactions": transactions, "window": {"cutoff": cutoff}, "engine": {"threads": 1}, **settings}
    return Config.model_validate(values)


def said_of_it(source: str, **settings: Any) -> list[str]:
    """What an incremental read says of its being one."""
    config = config_of(source, incremental=True, **settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_orders(config.orders, config.window, None, Steps(None))
    return [str(one.message) for one in caught if OF_INCREMENTAL.search(str(one.message))]


def read(source: str, *, incremental: bool, cutoff: str = CUTOFF, **settings: Any) -> dict[str, Any]:
    """All that a read gives, in an order of its own; or its error."""
    config = config_of(source, incremental=incremental, cutoff=cutoff, **settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            intake = read_orders(config.orders, config.window, None, Steps(None))
        except LtvmlError as error:
            return {"error": str(error), "kind": type(error).__name__}
    collect = intake.engine.collect
    lines, days = collect(intake.lines), collect(intake.days)
    return {
        "fingerprint": intake.fingerprint,
        "ledger": intake.ledger.to_dict(),
        "words": str(intake.ledger),
        "said": [str(one.message) for one in caught if not OF_INCREMENTAL.search(str(one.message))],
        "horizon": intake.window.churn_horizon,
        "customers": intake.customers,
        "lines": lines.sort_values(list(lines), ignore_index=True).to_csv(),
        "days": days[sorted(days)].sort_values(["customer_id", "day"], ignore_index=True).to_csv(),
        "notes": intake.attribute_notes,
    }


def assert_same(source: str, why: Any = None, **settings: Any) -> dict[str, Any]:
    now, full = (read(source, incremental=one, **settings) for one in (True, False))
    assert now == full, why
    return now


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "ltvml")


@pytest.fixture
def how_much(caplog: pytest.LogCaptureFixture) -> Callable[[], tuple[int, int]]:
    """Rows that the last read took from the source, and customers that were checked again; -1 where it read all."""

    def told() -> tuple[int, int]:
        rows = [record.args[-1] for record in caplog.records if "of %d %s read" in str(record.msg)]
        customers = [record.args[-1] for record in caplog.records if "are checked again" in str(record.msg)]
        caplog.clear()
        return (rows[-1], customers[-1]) if customers else (-1, -1)

    return told


def after_changes(form: str, changes: tuple[str, ...], place: Path) -> None:
    """Compare after each of some changes in an order of their own."""
    random = np.random.default_rng(FORMS.index(form))
    frame = shop(random, 300)
    assert_same(write(frame, place, form))
    for change in random.permutation(changes):
        frame = changed(frame, random, str(change))
        assert_same(write(frame, place, form), change)


@pytest.mark.parametrize("form", FORMS)
def test_after_some_changes_an_incremental_read_is_a_full_read(form: str, tmp_path: Path):
    place = FORMS.index(form)
    after_changes(form, tuple(CHANGES[(3 * place + number) % len(CHANGES)] for number in range(3)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv parts", "groups"])
def test_after_every_change_an_incremental_read_is_a_full_read(form: str, tmp_path: Path):
    after_changes(form, CHANGES, tmp_path)


def test_four_nights_with_late_orders_and_returns_are_four_full_reads(tmp_path: Path):
    random = np.random.default_rng(3)
    frame = shop(random, 600, days=290)
    for night in range(4):
        frame = changed(frame, random, str(random.choice(["late rows", "returns of old orders", "nothing"])))
        cutoff = str((pd.Timestamp(CUTOFF) + pd.Timedelta(days=night)).date())
        assert_same(write(frame, tmp_path, "csv parts"), night, cutoff=cutoff)


def test_a_night_reads_what_was_added_and_checks_the_customers_in_it(tmp_path: Path, how_much: Any):
    random = np.random.default_rng(5)
    frame = shop(random, 2000)
    frame["customer_id"] = frame["customer_id"].where(frame["customer_id"] != "c1", "c2")
    new = shop(random, 20, "2024-02-28", 1).assign(customer_id="c1", order_date="2024-02-28 10:00:00")
    whole = pd.concat([frame, new], ignore_index=True)
    for form, most in (("csv", len(new)), ("parts", 400), ("hive", 400), ("parquet", len(whole))):
        shutil.rmtree("out", ignore_errors=True)
        source = write(frame, tmp_path, form)
        read(source, incremental=True)
        assert how_much() == (len(frame), frame["customer_id"].nunique())
        write(whole, tmp_path, form)
        read(source, incremental=True)
        rows, customers = how_much()
        assert (rows <= most, customers) == (True, 1), form
        read(source, incremental=True)
        assert how_much() == (0, 0)


def test_groups_of_rows_that_stay_are_not_read_again(tmp_path: Path, how_much: Any):
    random = np.random.default_rng(6)
    frame = shop(random, 950).head(950)
    read(write(frame, tmp_path, "groups"), incremental=True)
    how_much()
    more = pd.concat([frame, shop(random, 30, "2024-02-28", 1)], ignore_index=True)
    assert_same(write(more, tmp_path, "groups"))
    assert how_much()[0] == len(more) - 900


@pytest.mark.parametrize(
    "settings",
    [
        {"transactions": {"normalize_ids": ["lower"]}},
        {"transactions": {"returns": "drop"}},
        {"transactions": {"duplicates": "drop"}},
        {"transactions": {"keep": {"status": ["paid"]}, "drop": {}}},
        {"transactions": {"not_customers": ["c3"]}},
        {"transactions": {"max_bad_share": 0.9}},
        {"value": {"decimals": 0}},
    ],
)
def test_other_settings_read_all_and_that_is_said(settings: dict[str, Any], tmp_path: Path, how_much: Any):
    frame = shop(np.random.default_rng(8), 300)
    source = write(frame, tmp_path, "parts")
    assert_same(source)
    (said,) = said_of_it(source, **settings)
    assert re.search("keeps is of other settings.*: all of 'orders' is read", said)
    assert how_much()[0] == len(frame)
    assert_same(source, **settings)


def test_ids_that_are_merged_are_merged_in_what_was_kept(tmp_path: Path):
    frame = shop(np.random.default_rng(9), 300)
    source = write(frame, tmp_path, "csv parts")
    assert_same(source)
    for pairs in ("a,b\nc1,c2\n", "a,b\nc1,c2\nc2,c9\n", "a,b\nc4,c2\n"):
        Path("ids.csv").write_text(pairs)
        found = assert_same(source, identities={"source": "ids.csv"})
        assert ",c9," not in found["lines"] or "c9" not in pairs
    frame = pd.concat([frame, shop(np.random.default_rng(10), 20)], ignore_index=True)
    assert_same(write(frame, tmp_path, "csv parts"), identities={"source": "ids.csv"})


def test_a_new_column_and_a_column_of_another_type_read_all(tmp_path: Path):
    frame = shop(np.random.default_rng(11), 300)
    source = write(frame, tmp_path, "parts")
    assert_same(source)
    with_channel = frame.assign(channel="shop")
    write(with_channel, tmp_path, "parts")
    assert "channel" in assert_same(source)["lines"]
    write(with_channel.assign(quantity=1, customer_id=range(len(frame))), tmp_path, "parts")
    assert_same(source)


def test_overlapping_exports_are_found_in_what_was_kept(tmp_path: Path):
    frame = shop(np.random.default_rng(12), 400)
    (tmp_path / "orders").mkdir()
    frame.to_csv("orders/1.csv", index=False)
    frame.tail(100).assign(order_id="other").to_csv("orders/2.csv", index=False)
    assert_same("orders")
    frame.tail(150).to_csv("orders/0.csv", index=False)
    found = assert_same("orders")
    assert any("are in more than one file" in one for one in found["said"])
    assert any("0.csv" in one for one in found["said"])
    assert_same("orders", transactions={"duplicates": "drop"})


def test_attributes_of_customers_are_those_of_a_full_read(tmp_path: Path):
    frame = shop(np.random.default_rng(13), 300)
    source = write(frame, tmp_path, "parquet")
    table = pd.DataFrame({"customer_id": [f"c{number}" for number in range(30)], "town": ["a", "b", "c"] * 10})
    table.to_csv("customers.csv", index=False)
    settings = {"customers": {"source": "customers.csv"}, "attributes": {"customers": ["town"]}}
    assert_same(source, **settings)
    table.assign(town="d").to_csv("customers.csv", index=False)
    assert "d" in assert_same(source, **settings)["lines"]


def test_how_orders_went_is_that_of_a_full_read(tmp_path: Path):
    random = np.random.default_rng(14)
    frame = shop(random, 300)
    frame["rating"] = random.choice(["1", "5", "good", ""], len(frame))
    frame["complaint"] = random.choice(["yes", "no", "perhaps"], len(frame))
    source = write(frame, tmp_path, "csv")
    assert any("cells cannot be read" in one for one in assert_same(source)["said"])
    frame = pd.concat([frame, frame.head(20).assign(rating="bad")], ignore_index=True)
    assert_same(write(frame, tmp_path, "csv"))


@pytest.mark.parametrize("wrong", ["byte", "log", "cut", "gone", "state", "format", "empty"])
def test_what_was_damaged_is_not_used_and_that_is_said(wrong: str, tmp_path: Path, how_much: Any):
    random = np.random.default_rng(15)
    frame = shop(random, 300)
    source = write(frame, tmp_path, "parts")
    read(source, incremental=True)
    frame = changed(frame, random, "a day more")
    write(frame, tmp_path, "parts")
    read(source, incremental=True)
    folder = Path("out/orders_read")
    (kept,), (log,) = folder.glob("*.duckdb"), folder.glob("*.wal")
    if wrong in ("byte", "log"):
        target = kept if wrong == "byte" else log
        data = bytearray(target.read_bytes())
        data[len(data) // 2] ^= 1
        target.write_bytes(data)
    elif wrong == "cut":
        kept.write_bytes(kept.read_bytes()[:-4096])
    elif wrong == "gone":
        kept.unlink()
    else:
        state = json.loads((folder / "state.json").read_text())
        texts = {"state": "{", "format": json.dumps(state | {"format": 99}), "empty": "{}"}
        (folder / "state.json").write_text(texts[wrong])
    how_much()
    (said,) = said_of_it(source)
    assert re.search("keeps is (damaged|of another version).*: all of 'orders' is read", said)
    assert how_much()[0] == len(frame)
    assert_same(source)
    assert len(list(folder.iterdir())) == 2


def test_what_was_kept_by_another_release_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how_much: Any):
    frame = shop(np.random.default_rng(16), 200)
    source = write(frame, tmp_path, "csv")
    read(source, incremental=True)
    monkeypatch.setattr("ltvml.inputs.kept_orders.version", lambda _: "0.0.9")
    how_much()
    assert_same(source)
    assert how_much()[0] == len(frame)


def test_an_earlier_cutoff_reads_all_and_leaves_what_is_kept(tmp_path: Path, how_much: Any):
    frame = shop(np.random.default_rng(17), 300)
    source = write(frame, tmp_path, "csv")
    read(source, incremental=True)
    before = {path.name: path.read_bytes() for path in Path("out/orders_read").iterdir()}
    how_much()
    assert_same(source, cutoff="2023-12-01")
    assert how_much() == (-1, -1)
    assert {path.name: path.read_bytes() for path in Path("out/orders_read").iterdir()} == before


def test_orders_that_are_refused_are_refused_in_the_same_words(tmp_path: Path):
    frame = shop(np.random.default_rng(18), 300)
    source = write(frame, tmp_path, "csv")
    assert_same(source)
    for wrong in (
        frame.assign(order_date=frame["order_date"].str.replace("-", "/")),
        frame.assign(amount="many"),
        frame.assign(amount=frame["amount"].where(frame.index > 5, "1e999")),
        frame.assign(currency=["EUR", "USD"] * (len(frame) // 2) + ["EUR"] * (len(frame) % 2)),
        frame.head(0),
        frame.drop(columns="customer_id"),
    ):
        assert "error" in assert_same(write(wrong, tmp_path, "csv"))
    assert "error" not in assert_same(write(frame, tmp_path, "csv"))


def test_a_text_that_goes_on_in_its_last_line_is_read_as_a_whole(tmp_path: Path):
    head = "customer_id,order_date,amount,status,test\n"
    rows = "".join(f"c{number % 9},2024-01-{1 + number % 28:02d},{number}.5,paid,false\n" for number in range(60))
    Path("orders.csv").write_text(head + rows + "c1,2024-02-01,7")
    assert_same("orders.csv", transactions={"drop": {}})
    Path("orders.csv").write_text(head + rows + "c1,2024-02-01,75,paid,false\nc2,2024-02-02,8,paid,false\n")
    assert_same("orders.csv", transactions={"drop": {}})


def test_what_cannot_be_kept_is_read_and_said(tmp_path: Path):
    frame = shop(np.random.default_rng(19), 200)
    source = write(frame, tmp_path, "csv")
    Path("out").mkdir()
    Path("out/orders_read").write_text("a file where the folder was to be")
    (said,) = said_of_it(source)
    assert "could not keep what was read" in said
    assert_same(source)


def test_what_cannot_be_read_in_parts_is_read_as_a_whole_and_said(tmp_path: Path):
    frame = shop(np.random.default_rng(23), 200)
    source = write(frame.assign(file_row_number=1), tmp_path, "parquet")
    (said,) = said_of_it(source)
    assert "transactions.incremental had no effect on 'orders.parquet'" in said
    assert_same(source)
    Path("orders.parquet").write_bytes(Path("orders.parquet").read_bytes()[:-20] + b"PAR1")
    assert assert_same(source)["kind"] == "EngineError"


def test_a_source_that_has_no_parts_is_read_and_said(tmp_path: Path):
    shop(np.random.default_rng(20), 200).to_json("orders.jsonl", orient="records", lines=True)
    (said,) = said_of_it("orders.jsonl")
    assert "has no effect on 'orders.jsonl'" in said
    assert_same("orders.jsonl")


def test_the_setting_is_refused_where_it_would_have_no_effect():
    for other in ("mysql://h/shop::orders", "sqlite:///shop.db::orders", None):
        with pytest.raises(ConfigError, match="expected Parquet or CSV files, or a table of Postgres"):
            Config.model_validate({"transactions": {"source": other, "incremental": True}})
    with pytest.raises(ConfigError, match="explain one another"):
        Config.model_validate({"transactions": {"source": "a.csv", "incremental": True, "amount_is": "order"}})


def killed_while(name: str, source: str) -> None:
    """Read in this process until something is called, and end then as by SIGKILL."""
    from ltvml.engines.kept import lines, state

    place = {"replace": Path, "compare": lines.KeptLines, "keep": lines.KeptLines, "_copied": state}[name]
    setattr(place, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    read(source, incremental=True)


@pytest.mark.parametrize("name", ["compare", "keep", "_copied", "replace"])
def test_a_run_that_is_killed_leaves_what_was_kept(name: str, tmp_path: Path):
    random = np.random.default_rng(21)
    frame = shop(random, 200)
    source = write(frame, tmp_path, "csv")
    read(source, incremental=True)
    write(changed(frame, random, "late rows"), tmp_path, "csv")
    process = multiprocessing.get_context("spawn").Process(target=killed_while, args=(name, source))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert_same(source)
    assert len(list(Path("out/orders_read").iterdir())) <= 3


def nights(source: str, cutoffs: list[str], barrier: Any, answers: Any) -> None:
    for cutoff in cutoffs:
        barrier.wait(60)
        answers.put((cutoff, read(source, incremental=True, cutoff=cutoff)["fingerprint"]))


def test_two_runs_at_once_read_what_a_full_read_reads(tmp_path: Path):
    source = write(shop(np.random.default_rng(22), 300), tmp_path, "parts")
    cutoffs = ["2024-02-01", "2024-02-20"]
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(2), spawn.Queue()
    runs = [spawn.Process(target=nights, args=(source, cutoffs, barrier, answers)) for _ in range(2)]
    for run in runs:
        run.start()
    found = [answers.get(timeout=60) for _ in range(4)]
    for run in runs:
        run.join(60)
    full = {cutoff: read(source, incremental=False, cutoff=cutoff)["fingerprint"] for cutoff in cutoffs}
    assert {(cutoff, full[cutoff]) for cutoff in cutoffs} == set(found)
    assert_same(source)


TABLE = """
    CREATE TABLE orders AS SELECT
        ('c' || n % 97) AS customer_id, timestamp '2023-01-01' + n * interval '7 hours' AS order_date,
        (n % 50 + 0.25)::numeric AS amount, n::numeric AS order_id, NULL::text AS "weird % name", n % 3 = 0 AS test,
        'paid' AS status
    FROM generate_series(1, 1500) AS n
"""
STATEMENTS = {
    "a new order": "INSERT INTO orders VALUES ('new', '2024-02-20', 5, 9001, NULL, false, 'paid')",
    "a late order": "INSERT INTO orders VALUES ('c1', '2023-02-03', 7, 9002, NULL, false, 'paid')",
    "a late return": "INSERT INTO orders VALUES ('c1', '2023-02-03', -7, 9002, NULL, false, 'paid')",
    "a correction that keeps count and sum": "UPDATE orders SET customer_id = 'c2' WHERE order_id = 31",
    "a deletion": "DELETE FROM orders WHERE order_id BETWEEN 700 AND 720",
    "a day that moves": "UPDATE orders SET order_date = '2023-09-09' WHERE order_id = 32",
    "two rows that change places": "UPDATE orders SET amount = CASE order_id WHEN 40 THEN 41.25 ELSE 40.25 END "
    "WHERE order_id IN (40, 41)",
    "dates that are none": "INSERT INTO orders VALUES ('c3', NULL, 1, 9003, 'x', NULL, 'paid'), "
    "('c3', 'infinity', 1, 9004, '', NULL, 'paid')",
    "a number with decimals among whole ones": "UPDATE orders SET order_id = 3.5 WHERE order_id = 50",
    "a long number among whole ones": "UPDATE orders SET order_id = 12345678901234567890 WHERE order_id = 3.5",
    "a month that is gone": "DELETE FROM orders WHERE order_date < '2023-02-01'",
    "a row twice": "INSERT INTO orders SELECT * FROM orders WHERE order_id = 800",
    "another type": "ALTER TABLE orders ALTER COLUMN amount TYPE double precision",
    "nothing": "SELECT 1",
}


def test_every_change_of_a_table_is_seen(postgres: Server, how_much: Any):
    postgres.run(TABLE)
    source = f"{postgres.url}::orders"
    assert_same(source)
    assert how_much()[0] == 1500
    for change, statement in STATEMENTS.items():
        postgres.run(statement)
        assert_same(source, change)
        rows, customers = how_much()
        if "number" not in change and change != "another type":
            assert rows < 40, change
            assert (customers == 0) == (change == "nothing")


def test_after_any_changes_of_a_table_in_any_order_the_read_is_a_full_one(postgres: Server):
    postgres.run(TABLE)
    random, source = np.random.default_rng(5), f"{postgres.url}::orders"
    for night in range(3):
        for order in random.integers(1, 1500, size=3):
            amount = random.integers(-20, 60)
            postgres.run(
                [
                    f"DELETE FROM orders WHERE order_id = {order}",
                    f"UPDATE orders SET amount = {amount} WHERE order_id = {order}",
                    f"INSERT INTO orders VALUES ('c{order % 97}', timestamp '2023-01-01' + {order} * interval "
                    f"'8 hours', {amount}, {order}, NULL, NULL, 'paid')",
                ][random.integers(3)]
            )
        assert_same(source, night, cutoff=f"2024-02-{night + 10}")


def test_a_table_without_rows_is_refused_as_it_is_in_full(postgres: Server):
    postgres.run(TABLE)
    source = f"{postgres.url}::orders"
    assert_same(source)
    postgres.run("DELETE FROM orders")
    assert "has no rows" in assert_same(source)["error"]

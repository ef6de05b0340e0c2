"""CPU seconds of `ltvml run` by where the orders are, how much of them is read, and where the night is tracked.

    python benchmarks/night_cost.py online_retail_2/transactions.parquet --postgres postgresql://shop@/postgres

A model is fitted with `--fast` up to the day before the first night. Then for each way nights follow one another, each
a process of its own, with the lines that were known that evening: a Parquet file is written anew, a folder gets a file
of the day, a table of Postgres gets the lines of the day. The table is dropped and made by this script. `--copies`
makes a shop of so many times the lines, customers and orders; the model stays that of one. A night is without a plan
unless `--plan` is given. All are incremental; the last one is run again in full from the same folder, so that the two
stand beside each other, and their scores must be the same bytes. Time is user and system time of the process and its
children, without that of the database; the first night is told apart: it has nothing kept, and nothing to watch.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml
from nights import FIRST, SHOP

TABLE = "orders_of_nights"


@dataclass(frozen=True)
class Way:
    """Where the orders are, and the tracker."""

    place: str
    tracking: str = "none"


WAYS = (Way("folder"), Way("file"), Way("postgres"), Way("folder", "local"), Way("folder", "mlflow"))


class Shop:
    """Orders that are put where a night finds them.

    Parameters
    ----------
    source : Path
        Parquet file.
    copies : int
        Of every customer.
    url : str or None
        Of a database of Postgres.
    """

    def __init__(self, source: Path, copies: int, url: str | None) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        named = ", ".join(f"{name} || '-' || copy AS {name}" for name in ("customer_id", "order_id"))
        copied = f"SELECT * EXCLUDE copy REPLACE ({named}) FROM '{source}', range({copies}) AS copies(copy)"
        self.lines = copied if copies > 1 else f"SELECT * FROM '{source}'"
        self.url = url

    def put(self, place: str, folder: Path, *, since: dt.date | None, until: dt.date) -> None:
        """Add the lines of the days from `since` (all where it is None) and before `until`."""
        wanted = f"order_date < DATE '{until}'"
        fresh = wanted if since is None else f"{wanted} AND order_date >= DATE '{since}'"
        if place == "file":
            self.connection.execute(f"COPY ({self.lines} WHERE {wanted}) TO '{folder / 'orders.parquet'}'")
        elif place == "folder":
            (folder / "orders").mkdir(exist_ok=True)
            self.connection.execute(f"COPY ({self.lines} WHERE {fresh}) TO '{folder / 'orders' / f'{until}.parquet'}'")
        else:
            self._insert(fresh, anew=since is None)

    def _insert(self, fresh: str, *, anew: bool) -> None:
        import psycopg

        assert self.url is not None
        columns = self.connection.sql(f"{self.lines} LIMIT 0")
        types = {
            "VARCHAR": "text",
            "DOUBLE": "double precision",
            "BIGINT": "bigint",
            "INTEGER": "integer",
            "BOOLEAN": "boolean",
        }
        listed = ", ".join(
            f'"{name}" {types.get(str(native), "timestamp")}'
            for name, native in zip(columns.columns, columns.types, strict=True)
        )
        with tempfile.TemporaryDirectory() as place, psycopg.connect(self.url) as connection:
            if anew:
                connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
                connection.execute(f"CREATE TABLE {TABLE} ({listed})")
            text = Path(place) / "rows.csv"
            self.connection.execute(f"COPY ({self.lines} WHERE {fresh}) TO '{text}' (HEADER false)")
            with connection.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT csv)") as copied, text.open("rb") as rows:
                while data := rows.read(1 << 20):
                    copied.write(data)


def seconds_of(folder: Path, *arguments: str) -> float:
    """CPU seconds of a command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "ltvml.cli", *arguments, "--json", "--quiet"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def nights_of(way: Way, fitted: Path, shop: Shop, number: int) -> tuple[list[float], float]:
    """CPU seconds of each night of a way, incremental, and of the last one in full."""
    folder = Path(shutil.copytree(fitted, fitted.parent / f"{way.place}_{way.tracking}"))
    values: dict[str, Any] = yaml.safe_load((folder / "ltvml.yaml").read_text())
    values["tracking"] = {"backend": way.tracking}
    source = {"file": "orders.parquet", "folder": "orders", "postgres": f"{shop.url}::{TABLE}"}[way.place]
    values["transactions"] |= {"source": source, "incremental": True}
    (folder / "ltvml.yaml").write_text(yaml.safe_dump(values))
    found: list[float] = []
    before, last = folder.parent / "before", dt.date.min
    for night in range(number):
        last = FIRST + dt.timedelta(days=night)
        shop.put(way.place, folder, since=last if night else None, until=last + dt.timedelta(days=1))
        if night == number - 1:
            shutil.copytree(folder / "out", before)
        found.append(seconds_of(folder, "run", "--cutoff", str(last)))
    made = (folder / "out" / "scores" / str(last) / "customers.parquet").read_bytes()
    shutil.rmtree(folder / "out")
    before.rename(folder / "out")
    full = seconds_of(folder, "run", "--cutoff", str(last), "--set", "transactions.incremental=false")
    assert (folder / "out" / "scores" / str(last) / "customers.parquet").read_bytes() == made
    shutil.rmtree(folder)
    return found, full


def main() -> None:
    """Read the arguments, run the nights, and print a line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--postgres", help="URL of a database in which a table may be made; left out without one")
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--ways", nargs="*", default=[f"{way.place}:{way.tracking}" for way in WAYS])
    parser.add_argument("--plan", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "fitted"
        folder.mkdir()
        values = yaml.safe_load(SHOP.read_text(encoding="utf-8"))
        if not given.plan:
            del values["outreach"]
        values["transactions"]["source"] = "orders.parquet"
        values |= {"tracking": {"backend": "none"}, "output": {"dir": "out"}, "engine": {"threads": given.threads}}
        (folder / "ltvml.yaml").write_text(yaml.safe_dump(values))
        Shop(given.source, 1, None).put("file", folder, since=None, until=FIRST)
        fit = seconds_of(folder, "fit", "--fast", "--cutoff", str(FIRST - dt.timedelta(days=1)))
        print(f"fit --fast: {fit:.1f} CPU s", flush=True)
        (folder / "orders.parquet").unlink()
        shop = Shop(given.source, given.copies, given.postgres)
        for way in WAYS:
            if f"{way.place}:{way.tracking}" not in given.ways or (way.place == "postgres" and given.postgres is None):
                continue
            (first, *others), full = nights_of(way, folder, shop, given.nights)
            print(
                f"{way.place:8s} {way.tracking:6s}  first {first:5.1f}; incremental "
                + " ".join(f"{one:5.1f}" for one in others)
                + f"; in full {full:5.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

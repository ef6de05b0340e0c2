"""CPU seconds of `ltvml run` by where the orders are, how much of them is read, and where the night is tracked.

    python benchmarks/night_cost.py online_retail_2/transactions.parquet --postgres postgresql://shop@/postgres

A model is fitted with `--fast` up to the day before the first night. Then for each way nights follow one another, each
a process of its own, with the lines that were known that evening: a Parquet file is written anew, a table of Postgres
gets the lines of the day. The table is dropped and made by this script. A night is without a plan unless `--plan` is
given. Time is user and system time of the process and its children, without that of the database; the first night of a
way is told apart: it has nothing kept, and nothing to watch.
"""

from __future__ import annotations

import argparse
import contextlib
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

import pandas as pd
import sqlalchemy as sa
import yaml
from nights import FIRST, SHOP

TABLE = "orders_of_nights"


@dataclass(frozen=True)
class Way:
    """Where the orders are, whether what was read is kept, and the tracker."""

    place: str
    incremental: bool
    tracking: str


WAYS = (
    Way("postgres", False, "none"),
    Way("postgres", True, "none"),
    Way("file", False, "none"),
    Way("file", False, "local"),
    Way("file", False, "mlflow"),
)


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


def write(lines: pd.DataFrame, engine: sa.Engine, *, anew: bool) -> None:
    """Put lines into the table of Postgres, which is made where it is `anew`."""
    if anew:
        lines.head(0).to_sql(TABLE, engine, index=False, if_exists="replace")
    with contextlib.closing(engine.raw_connection()) as connection:
        with connection.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT csv)") as copied:
            copied.write(lines.to_csv(index=False, header=False))
        connection.commit()


def nights_of(way: Way, fitted: Path, orders: pd.DataFrame, url: str | None, number: int) -> list[float]:
    """CPU seconds of each night of a way, in a copy of the folder with the model."""
    folder = Path(shutil.copytree(fitted, fitted.parent / f"{way.place}_{way.incremental}_{way.tracking}"))
    values: dict[str, Any] = yaml.safe_load((folder / "ltvml.yaml").read_text())
    values["tracking"] = {"backend": way.tracking}
    engine = None
    if way.place == "postgres":
        assert url is not None
        values["transactions"] |= {"source": f"{url}::{TABLE}", "incremental": way.incremental}
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    (folder / "ltvml.yaml").write_text(yaml.safe_dump(values))
    found, known = [], None
    for place in range(number):
        cutoff = pd.Timestamp(FIRST + dt.timedelta(days=place))
        new = orders["order_date"] < cutoff + pd.Timedelta(days=1)
        if engine is None:
            orders[new].to_parquet(folder / "orders.parquet", index=False)
        else:
            fresh = orders[new if known is None else new & ~known]
            write(fresh, engine, anew=known is None)
        known = new
        found.append(seconds_of(folder, "run", "--cutoff", str(cutoff.date())))
    return found


def main() -> None:
    """Read the arguments, run the nights, and print a line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--postgres", help="URL of a database in which a table may be made; left out without one")
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--plan", action="store_true")
    given = parser.parse_args()
    orders = pd.read_parquet(given.source)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "fitted"
        folder.mkdir()
        values = yaml.safe_load(SHOP.read_text(encoding="utf-8"))
        if not given.plan:
            del values["outreach"]
        values["transactions"]["source"] = "orders.parquet"
        values |= {"tracking": {"backend": "none"}, "output": {"dir": "out"}}
        (folder / "ltvml.yaml").write_text(yaml.safe_dump(values))
        orders[orders["order_date"] < pd.Timestamp(FIRST)].to_parquet(folder / "orders.parquet", index=False)
        fit = seconds_of(folder, "fit", "--fast", "--cutoff", str(FIRST - dt.timedelta(days=1)))
        print(f"fit --fast: {fit:.1f} CPU s; {len(orders):,} lines", flush=True)
        for way in WAYS:
            if way.place == "postgres" and given.postgres is None:
                continue
            first, *others = nights_of(way, folder, orders, given.postgres, given.nights)
            kind = "incremental" if way.incremental else "full"
            print(
                f"{way.place:8s} {kind:11s} {way.tracking:6s}  first {first:5.1f}; then "
                + " ".join(f"{one:5.1f}" for one in others),
                flush=True,
            )


if __name__ == "__main__":
    main()

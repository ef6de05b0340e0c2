"""Thirty nights of a shop by `ltvml run`, five of them killed with SIGKILL, beside thirty that were not.

    python benchmarks/nights.py online_retail_2/transactions.parquet --nights 30 --kills 5 --seed 1 --share 0.05

Two folders begin with the same model, fitted up to the day before the first night. One runs every night to its end. In
the other some nights are killed at a random step on files (making, renaming, removing, opening), and run again as a
scheduler would. Afterwards every table of scores and plans, the log of contacts and what watch found must be the same
bytes in both. `--share` takes a share of the customers, by the hash of their ids. Printed, too: CPU seconds and steps
of each night, and what was not done again after a kill.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml
from kills import Tree, counted, differences, is_left_out

FIRST = dt.date(2011, 9, 11)
SHOP = Path(__file__).resolve().parents[1] / "configs" / "online_retail.yaml"
OF_A_NIGHT = ("nights",)
"""Folders that hold times: what ran when is no table."""


@dataclass
class Folder:
    """A current folder with a configuration, in which nights are run.

    Parameters
    ----------
    place : Path
    said : Path
        Receives what the last run printed.
    cpu : list of float
        Seconds of each run.
    """

    place: Path
    said: Path
    cpu: list[float] = field(default_factory=list)

    def run(self, *arguments: str, at: int | None = None) -> tuple[int, int]:
        """Run a command in a process of its own; gives its exit code and its steps on files.

        Parameters
        ----------
        *arguments : str
        at : int, optional
            Step on files at which it is killed.
        """
        steps, before = self.said.with_suffix(".steps"), resource.getrusage(resource.RUSAGE_CHILDREN)
        child = os.fork()
        if child == 0:
            self._become(arguments, at, steps)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu.append(used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime)
        return code, int(steps.read_text()) if code == 0 else 0

    def _become(self, arguments: tuple[str, ...], at: int | None, steps: Path) -> None:
        """The command line in this process, which ends with it."""
        code = 70
        try:
            os.chdir(self.place)
            out = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(out, stream)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
            found = counted(at)
            from ltvml.cli.app import app

            code = app(list(arguments), standalone_mode=False) or 0
        finally:
            steps.write_text(str(found[0]))
            sys.stdout.flush()
            os._exit(code)

    def tables(self) -> Tree:
        """What the nights left: scores, plans, what watch found, and the log of contacts."""
        out = self.place / "out"
        names = (path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file())
        kept = (name for name in names if not is_left_out(name) and name.parts[0] not in OF_A_NIGHT)
        return {str(name): (out / name).read_bytes() for name in kept}

    def states(self) -> dict[str, str]:
        """The state of each step of the night that ran last."""
        lines = [json.loads(line) for line in self.said.read_text().splitlines() if line.startswith("{")]
        return {line["step"]: line["state"] for line in lines if "step" in line}


def nights(
    source: Path, folder: Path, *, number: int, kills: int, seed: int, config: Path = SHOP, share: float = 1.0
) -> list[str]:
    """Run the nights in both folders, and name every file that is not the same.

    Parameters
    ----------
    source : Path
        Orders.
    folder : Path
        Empty.
    number, kills : int
        Nights, and how many of them are killed.
    seed : int
        Of which and when.
    config : Path
        Configuration of the shop.
    share : float
        Of the customers.
    """
    preload()
    clean, killed = (Folder(folder / name, folder / f"{name}.said") for name in ("clean", "killed"))
    begin(clean.place, source, config, share)
    code, _ = clean.run("fit", "--fast", "--cutoff", str(FIRST - dt.timedelta(days=1)))
    assert code == 0, clean.said.read_text()
    shutil.copytree(clean.place, killed.place)
    draw = random.Random(seed)
    when = sorted(draw.sample(range(number), kills))
    for place in range(number):
        cutoff = str(FIRST + dt.timedelta(days=place))
        arguments = ("run", "--cutoff", cutoff, "--json", "--quiet")
        code, steps = clean.run(*arguments)
        assert code == 0, clean.said.read_text()
        line = f"{cutoff}  {clean.cpu[-1]:5.1f} CPU s, {steps} steps on files"
        if place in when:
            at = draw.randint(1, steps)
            code, _ = killed.run(*arguments, at=at)
            line += f"; killed at step {at} (exit code {code})"
        code, _ = killed.run(*arguments)
        assert code == 0, killed.said.read_text()
        if place in when:
            again = [name for name, state in killed.states().items() if state == "unchanged"]
            line += f"; unchanged: {', '.join(again) or 'none'}"
        one, other = clean.tables(), killed.tables()
        different = differences(other, one)
        print(f"{line}; {len(one)} files so far, {len(different)} differ", flush=True)
    print(f"{number} nights with {kills} kills beside {number} without")
    return different


def begin(place: Path, source: Path, config: Path, share: float) -> None:
    """Write the configuration of the shop, and the orders of a share of its customers, into a new folder."""
    place.mkdir(parents=True)
    if share < 1:
        orders = pd.read_parquet(source)
        places = orders["customer_id"].astype("string").fillna("").map(lambda name: zlib.crc32(name.encode()) / 2**32)
        source = place.parent / "orders.parquet"
        orders[(places < share).to_numpy()].to_parquet(source, index=False)
    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    values["transactions"]["source"] = str(source.absolute())
    values |= {"tracking": {"backend": "local"}, "output": {"dir": "out"}}
    (place / "ltvml.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")


def preload() -> None:
    """Import what the jobs need once, so that the processes of the nights have it."""
    import lightgbm  # noqa: F401

    import ltvml.workflows.fit
    import ltvml.workflows.plan
    import ltvml.workflows.run
    import ltvml.workflows.watch  # noqa: F401


def main() -> None:
    """Read the arguments, run the nights, and exit with 1 where a file differs."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--config", type=Path, default=SHOP)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = nights(
            given.source,
            Path(folder),
            number=given.nights,
            kills=given.kills,
            seed=given.seed,
            config=given.config,
            share=given.share,
        )
    print("the same bytes" if not found else f"different: {found}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

"""Runs killed with SIGKILL at random moments: the old result or the new one, a log that agrees, nothing left behind.

    python benchmarks/kills.py --kills 200 --seed 1

A small shop; `fit`, `score`, `outreach` and `outreach measure`, each with and without an earlier result, tracked by
MLflow in a SQLite store and, for the second half, in local files. Half of the kills come at a random time, half at a
random step on files (making, renaming, removing, opening). After each kill:

1. every result is, byte for byte, the one before or the one of a run that was not killed;
2. the same command again succeeds and gives the bytes of a run that was not killed, log of contacts included;
3. no run stays RUNNING in the store, no model PENDING, and no temporary folder or lock is left.

A killed plan is followed at times by the plan of the next day, which must be that of the results it found.
"""

from __future__ import annotations

import argparse
import atexit
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.config.document import STATE_FOLDER
from ltvml.datasets.simulate import simulate_transactions

if TYPE_CHECKING:
    import pandas as pd

CUTOFF, NEXT_DAY, LAST_DAY = "2020-12-31", "2021-01-01", "2021-02-28"
FIRST, LATER = "2021-02-10", "2021-02-20"
PLAN, RULES = f"out/outreach/{CUTOFF}", "out/outreach/stage_rules.json"
LONGEST = 120.0
ON_FILES = ("os.mkdir", "os.rename", "os.rmdir", "os.remove", "os.truncate", "shutil.rmtree", "open", "sqlite3.connect")
MODELS = {"churn": "closed_form", "value": "purchase_times_spend", "replenishment": "gamma_renewal"}
Tree = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    """A command on a state: what was there before, and what a run that is not killed leaves."""

    name: str
    arguments: tuple[str, ...]
    before: Path
    after: Tree
    seconds: float
    steps: int


@dataclass
class Shop:
    """The current folder of all runs, and a folder in which copies of its states are kept.

    Parameters
    ----------
    folder : Path
        Empty.
    backend : {"mlflow", "local"}
    customers : int
    """

    folder: Path
    backend: str
    customers: int = 300
    cases: list[Case] = field(default_factory=list)
    tomorrow: dict[tuple[bytes | None, ...], Tree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work, self.temporary = self.folder / "work", self.folder / "temporary"
        for place in (self.work, self.temporary):
            place.mkdir(parents=True)
        orders_of(self.customers).to_csv(self.work / "orders.csv", index=False)
        config = {
            "transactions": {"source": "orders.csv", "columns": {"category": "category"}},
            "window": {"cutoff": CUTOFF},
            "models": MODELS,
            "season": "off",
            "outreach": {"capacity": 40, "holdout": 0.3},
            "tracking": {"backend": self.backend},
        }
        (self.work / "ltvml.yaml").write_text(json.dumps(config))

    def prepare(self) -> None:
        """Run everything once, and keep the state before and after each command."""
        self._case("fit, first", "fit")
        self._case("fit again", "fit", "--set", "value.margin=0.5")
        self._done("fit")
        self._case("score, first", "score")
        self._case("score again", "score", "--set", "output.formats=[parquet,csv]")
        self._done("score", "--set", f"window.cutoff={NEXT_DAY}")
        self._done("score")
        nothing = self._keep("nothing")
        self._case("plan, first", "outreach")
        self._case("plan again", "outreach", "--set", "outreach.capacity=25")
        self._tomorrow(nothing)
        measure = ("outreach", "measure", "--plan", PLAN, "--set", f"window.cutoff={LAST_DAY}", "--until")
        self._case("measure, first", *measure, FIRST)
        self._case("measure again", *measure, LATER)

    def _case(self, name: str, *arguments: str) -> None:
        """Keep the state, run the command, and keep what it left; the state is then that after it."""
        before = self._keep(name)
        steps, start = self.folder / "steps", time.perf_counter()
        assert self.run(arguments, count=steps) == 0, self.said()
        seconds = time.perf_counter() - start
        self.cases.append(Case(name, arguments, before, self.results(), seconds, int(steps.read_text())))

    def _tomorrow(self, nothing: Path) -> None:
        """What the plan of the next day is, by what it finds of that of the cutoff."""
        again = next(case for case in self.cases if case.name == "plan again")
        for state in ("nothing", "rules", "planned", "planned again"):
            self.restore(nothing if state in ("nothing", "rules") else again.before)
            if state == "rules":
                # the limits of the stages are kept just before the plan is in place
                (self.work / RULES).parent.mkdir()
                shutil.copy(again.before / RULES, self.work / RULES)
            if state == "planned again":
                self._done(*again.arguments)
            found = known_tomorrow(self.results())
            self._done("outreach", "--set", f"window.cutoff={NEXT_DAY}")
            self.tomorrow[found] = self.results()
        self.restore(again.before)

    def _done(self, *arguments: str) -> None:
        assert self.run(arguments) == 0, self.said()

    def _keep(self, name: str) -> Path:
        return Path(shutil.copytree(self.work, self.folder / "states" / name.replace(" ", "-").replace(",", "")))

    def restore(self, state: Path) -> None:
        """Put the current folder back to a state."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(state, self.work)
        for left in self.temporary.iterdir():
            shutil.rmtree(left, ignore_errors=True)

    def results(self) -> Tree:
        """Files of the results, without hidden ones and those of the tracker."""
        out = self.work / "out"
        return {
            str(path.relative_to(out)): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file() and not is_left_out(path.relative_to(out))
        }

    def said(self) -> str:
        """What the last run printed."""
        return (self.folder / "said").read_text()

    def run(
        self,
        arguments: tuple[str, ...],
        *,
        after: float | None = None,
        at: int | None = None,
        count: Path | None = None,
    ) -> int:
        """Run a command in a process of its own.

        Parameters
        ----------
        arguments : tuple of str
        after : float, optional
            Seconds after which it is killed.
        at : int, optional
            Step on files at which it kills itself.
        count : Path, optional
            File for the number of its steps.

        Returns
        -------
        int
            Its exit code; -9 where it was killed.
        """
        child = os.fork()
        if child == 0:
            self._become(arguments, at, count)
        start = time.monotonic()
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            elapsed = time.monotonic() - start
            if elapsed > (after if after is not None else LONGEST):
                os.kill(child, signal.SIGKILL)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                assert after is not None, f"{arguments} hangs: {self.said()}"
                return code
            time.sleep(0.002)

    def _become(self, arguments: tuple[str, ...], at: int | None, count: Path | None) -> None:
        """The command line in this process, which ends with it."""
        code = 70
        try:
            os.chdir(self.work)
            said = os.open(self.folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(said, stream)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
            tempfile.tempdir = str(self.temporary)
            os.environ["TMPDIR"] = str(self.temporary)
            steps = counted(at)
            from ltvml.cli.app import app

            # without its own way to end, an exit is what it returns
            code = app(list(arguments), standalone_mode=False) or 0
        finally:
            atexit._run_exitfuncs()
            if count is not None:
                count.write_text(str(steps[0]))
            sys.stdout.flush()
            os._exit(code)


def counted(at: int | None) -> list[int]:
    """Count the steps on files of this process from now on, and kill it at one of them."""
    steps = [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ON_FILES and (event != "open" or writes(arguments)):
            steps[0] += 1
            if steps[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return steps


def writes(arguments: tuple[Any, ...]) -> bool:
    """Whether a file is opened to be written, or a folder to be locked."""
    _, mode, flags = arguments
    return (isinstance(mode, str) and any(letter in mode for letter in "wax+")) or mode is None or bool(flags & 1)


def orders_of(customers: int) -> pd.DataFrame:
    """Orders of a small shop up to eight weeks after the cutoff."""
    ages = np.random.default_rng(1).integers(60, 400, customers)
    orders = simulate_transactions(
        customers, T=ages, cutoff=LAST_DAY, model="mbg_nbd", r=0.6, alpha=40, a=0.8, b=2.5, random_state=4
    )
    return orders.assign(category=np.random.default_rng(2).choice(["coffee", "soap", "tea"], len(orders)))


def is_hidden(path: Path) -> bool:
    """Whether a part of the path begins with a dot."""
    return any(part.startswith(".") for part in path.parts)


def is_left_out(path: Path) -> bool:
    """Whether a file is hidden, the tracker's, or says when a model was promoted, as no two runs do alike.

    Nor do two incremental runs keep their lines in the same places of a DuckDB file.
    """
    dated = path.parts[0] == "champion" and path.name in ("promotion.json", "manifest.json")
    return dated or path.parts[0] == STATE_FOLDER or is_tracked(path) or is_hidden(path)


def is_tracked(path: Path) -> bool:
    """Whether a file is the tracker's."""
    return path.parts[0] in ("runs", "mlartifacts") or path.parts[0].startswith(("mlflow.db", ".mlflow.db"))


def known_tomorrow(results: Tree) -> tuple[bytes | None, ...]:
    """What the plan of the next day finds: the plan of the cutoff, and the limits of the stages."""
    return results.get(f"outreach/{CUTOFF}/manifest.json"), results.get("outreach/stage_rules.json")


def folders_of(results: Tree) -> dict[str, Tree]:
    """The results by the folder that is replaced as a whole: bundle, scores and plans by cutoff, measure."""
    found: dict[str, Tree] = collections.defaultdict(dict)
    for name, content in results.items():
        parts = Path(name).parts
        depth = 1 if parts[0] in ("bundle", "champion") else 3 if "measure" in parts else 2
        found["/".join(parts[:depth])][name] = content
    return found


def strays(shop: Shop) -> list[str]:
    """Hidden files and folders among the results, and temporary ones."""
    out = shop.work / "out"
    hidden = [str(path) for path in out.rglob(".*") if not is_tracked(path.relative_to(out))]
    partial = [str(path) for path in (out / "runs").glob(".*")]
    return hidden + partial + [str(path) for path in shop.temporary.iterdir()]


def unfinished(shop: Shop) -> list[str]:
    """Runs and models of the store that are still being written."""
    store = shop.work / "out" / "mlflow.db"
    if not store.exists():
        return []
    with contextlib.closing(sqlite3.connect(store)) as connection:
        runs = connection.execute("SELECT run_uuid, status FROM runs WHERE status = 'RUNNING'").fetchall()
        # 1 is PENDING
        models = connection.execute("SELECT model_id, status FROM logged_models WHERE status = 1").fetchall()
    return [f"{name} {status}" for name, status in (*runs, *models)]


def differences(found: Tree, expected: Tree) -> list[str]:
    """Names of files that are not the same."""
    return [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]


@dataclass
class Outcome:
    """One kill: where, what was found, and what is wrong."""

    case: str
    moment: str
    state: str
    faults: list[str]


def kill_once(shop: Shop, case: Case, draw: random.Random) -> Outcome:
    """Kill a command at a random moment, look, and run it again."""
    shop.restore(case.before)
    old = shop.results()
    if draw.random() < 0.5:
        moment = draw.uniform(0.0, 1.05 * case.seconds)
        code, words = shop.run(case.arguments, after=moment), f"after {moment:.3f} s"
    else:
        step = draw.randint(1, case.steps)
        code, words = shop.run(case.arguments, at=step), f"at step {step} of {case.steps}"
    faults = [] if code in (0, -signal.SIGKILL) else [f"exit code {code}: {shop.said()}"]
    found = shop.results()
    state = "old" if not differences(found, old) else "new" if not differences(found, case.after) else "between"
    old_folders, new_folders = folders_of(old), folders_of(case.after)
    for name, content in folders_of(found).items():
        if content not in (old_folders.get(name), new_folders.get(name)):
            faults.append(f"{name} is neither old nor new: {differences(content, new_folders.get(name, {}))[:3]}")
    faults += [f"{name} is gone" for name in old_folders if name not in folders_of(found)]
    if case.name.startswith("plan") and draw.random() < 0.5:
        arguments, expected = ("outreach", "--set", f"window.cutoff={NEXT_DAY}"), shop.tomorrow[known_tomorrow(found)]
        words += ", then the next day"
    else:
        arguments, expected = case.arguments, case.after
    code = shop.run(arguments)
    if code != 0:
        faults.append(f"the next run ends with {code}: {shop.said()[-600:]}")
    if different := differences(shop.results(), expected):
        faults.append(f"the next run left other bytes: {different[:5]}")
    faults += [f"left: {path}" for path in strays(shop)]
    faults += [f"unfinished: {name}" for name in unfinished(shop)]
    return Outcome(case.name, words, state, faults)


def kills(folder: Path, *, number: int, seed: int, backend: str = "mlflow", customers: int = 300) -> list[Outcome]:
    """Kill runs of a shop, the commands in turn.

    Parameters
    ----------
    folder : Path
        Empty.
    number : int
        Of kills.
    seed : int
    backend : {"mlflow", "local"}
    customers : int
    """
    preload(backend)
    shop, draw = Shop(folder, backend, customers), random.Random(seed)
    shop.prepare()
    found = []
    for turn in range(number):
        outcome = kill_once(shop, shop.cases[turn % len(shop.cases)], draw)
        found.append(outcome)
        print(f"{turn + 1:4d}  {outcome.case:15s} {outcome.moment:32s} {outcome.state:8s}", *outcome.faults, flush=True)
    return found


def preload(backend: str) -> None:
    """Import what the commands import, so that each run is a fork that begins at once."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import lightgbm  # noqa: F401

    import ltvml.cli.app
    import ltvml.workflows.fit
    import ltvml.workflows.measure
    import ltvml.workflows.plan
    import ltvml.workflows.score  # noqa: F401

    if backend == "mlflow":
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow
            import mlflow.pyfunc
            import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def main() -> None:
    """Kill, and print what was found."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--customers", type=int, default=300)
    given = options.parse_args()
    outcomes = []
    for backend, number in (("mlflow", (given.kills + 1) // 2), ("local", given.kills // 2)):
        # not one that goes by itself: each fork would take it away at its end
        folder = Path(tempfile.mkdtemp(prefix="kills-"))
        outcomes += kills(folder, number=number, seed=given.seed, backend=backend, customers=given.customers)
        shutil.rmtree(folder)
    states = collections.Counter(outcome.state for outcome in outcomes)
    bad = [outcome for outcome in outcomes if outcome.faults]
    print(f"\n{len(outcomes)} kills: {dict(states)}; {len(bad)} with faults")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()

"""The night in one command: what is done is not done again, what changed is, and a killed night ends as a clean one."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ltvml.config.sections import RetrainSettings
from ltvml.locks import only_run_on
from ltvml.workflows.run import retraining
from tests.conftest import Place

OUT = Path("out")
NIGHT, NEXT = "2020-11-10", "2020-11-11"
TABLES = ("customers.parquet", "probabilities.parquet", "outreach.parquet", "outreach.csv")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, orders):
    """A folder with a champion and a plan that is configured."""
    folder = tmp_path_factory.mktemp("fitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first = Place(folder)
        first.write(orders)
        Path("stop.csv").write_text("customer_id\n001\n")
        first.configure("orders.csv", outreach={"capacity": 20, "opt_outs": "stop.csv"})
        assert first.run("fit", "--cutoff", "2020-10-31").exit_code == 0
    return folder


@pytest.fixture
def shop(place, fitted):
    """A copy of it, the current folder."""
    shutil.copytree(fitted, place.folder, dirs_exist_ok=True)
    return place


def night(shop: Place, *arguments: str, cutoff: str = NIGHT, code: int = 0) -> dict[str, dict]:
    """Run a night, and give its lines by step."""
    result = shop.run("run", "--cutoff", cutoff, "--json", *arguments)
    assert result.exit_code == code, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {line.get("step", "night" if "night" in line else "error"): line for line in lines}


def states(lines: dict[str, dict]) -> dict[str, str]:
    return {name: line["state"] for name, line in lines.items() if "step" in line}


def tables(cutoff: str = NIGHT) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(OUT.rglob("*")) if path.name in TABLES and cutoff in str(path)
    }


def test_a_night_ends_with_scores_and_a_plan_and_a_second_run_does_nothing(shop):
    first = night(shop)
    assert states(first) == dict.fromkeys(("validate", "watch", "retrain", "score", "outreach"), "done")
    assert first["score"]["counts"]["customers"] == len(pd.read_parquet(OUT / "scores" / NIGHT / "customers.parquet"))
    summary = (OUT / "nights" / f"{NIGHT}.txt").read_text()
    assert f"Night of {NIGHT}: done." in summary
    before = shop.listing()
    assert set(states(night(shop)).values()) == {"unchanged"}
    assert shop.listing() == before | {k: v for k, v in shop.listing().items() if k.endswith(f"{NIGHT}.json")}
    assert (OUT / "nights" / f"{NIGHT}.txt").read_text() == summary


def test_what_changed_is_done_again_and_says_why(shop):
    night(shop)
    # a line after the cutoff changes the file, and nothing that the night has seen
    known = Path("orders.csv").read_text()
    Path("orders.csv").write_text(f"{known}001,2020-12-30,5.0\n")
    again = night(shop)
    assert states(again) == {"validate": "done"} | dict.fromkeys(("watch", "retrain", "score", "outreach"), "unchanged")
    assert "orders changed" in again["validate"]["words"]
    Path("orders.csv").write_text(f"{known}001,2020-11-01,5.0\n")
    again = night(shop)
    assert again["score"]["state"] == again["outreach"]["state"] == "done"
    assert again["score"]["words"] == "done again: orders changed"


def test_an_incremental_night_ends_as_a_full_one(shop, fitted):
    keeps = ("--set", "transactions.incremental=true")
    assert shop.run("validate", "--cutoff", NIGHT, *keeps).exit_code == 0
    more = "001,2020-11-11,5.0\n002,2020-06-01,7.0\n001,2020-11-11,-2.0\n"
    Path("orders.csv").write_text(Path("orders.csv").read_text() + more)
    counts = [night(shop, *keeps, cutoff=NEXT)["validate"]["counts"]]
    by_state = tables(NEXT)
    assert (OUT / "orders_read" / "state.json").is_file()
    shutil.rmtree(OUT)
    shutil.copytree(fitted / "out", OUT)
    counts.append(night(shop, cutoff=NEXT)["validate"]["counts"])
    assert (counts[0], by_state) == (counts[1], tables(NEXT))


def test_a_customer_who_opts_out_after_the_run_is_not_contacted_by_the_next_run_of_the_night(shop):
    night(shop)
    contacts = pd.read_csv(OUT / "outreach" / NIGHT / "outreach.csv", dtype=str)
    stopped = contacts["customer_id"].iloc[0]
    Path("stop.csv").write_text(f"customer_id\n001\n{stopped}\n")
    again = night(shop)
    assert "tables changed" in again["outreach"]["words"]
    assert stopped not in set(pd.read_csv(OUT / "outreach" / NIGHT / "outreach.csv", dtype=str)["customer_id"])


def test_scores_that_are_gone_or_were_changed_are_made_again(shop):
    night(shop)
    made = tables()
    shutil.rmtree(OUT / "scores" / NIGHT)
    again = night(shop)
    assert f"scores/{NIGHT} is missing or was changed" in again["score"]["words"]
    assert tables() == made


PHASES = {
    "reading": ("ltvml.inputs.orders.check", []),
    "scoring": ("ltvml.workflows.score.write_replenishment", ["validate", "watch", "retrain"]),
    "planning": ("ltvml.workflows.plan.gather", ["validate", "watch", "retrain", "score"]),
    "recording": ("ltvml.workflows.run.record", ["validate", "watch", "retrain", "score", "outreach"]),
}


def test_ctrl_c_is_exit_code_130_in_every_phase_and_the_next_run_goes_on_from_there(shop, monkeypatch):
    def interrupted(*arguments, **named):
        raise KeyboardInterrupt

    for phase, (place, done) in PHASES.items():
        with monkeypatch.context() as patch:
            patch.setattr(place, interrupted)
            result = shop.run("run", "--cutoff", NIGHT, "--json")
        assert result.exit_code == 130, (phase, result.stderr)
        steps = [json.loads(line)["step"] for line in result.stdout.splitlines() if '"step"' in line]
        assert steps == done, phase
        assert [name for name in shop.listing() if name.endswith(".partial")] == []
    assert set(states(night(shop)).values()) == {"unchanged"}
    assert len(tables()) == 4


def test_a_night_loads_nothing_that_it_does_not_use():
    jobs = (
        "import ltvml.cli.app, ltvml.workflows.run, ltvml.workflows.watch, ltvml.workflows.score, ltvml.workflows.plan"
    )
    unused = ["scipy.stats", "scipy.signal", "lightgbm", "sklearn", "sqlalchemy", "mlflow", "ltvml.workflows.fit"]
    script = f"import sys\n{jobs}\nprint(sorted(set({unused}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


KILLED = """
import os, signal, sys
from ltvml.workflows import run as job
at = sys.argv[1]
step = job.Night._ended
def dies(self, record):
    ended = step(self, record)
    if record.step == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return ended
job.Night._ended = dies
sys.argv = ["ltvml", "run", "--cutoff", sys.argv[2], "--json", "--quiet"]
from ltvml.cli import main
main()
"""


@pytest.mark.parametrize("step", ["validate", "score"])
def test_a_killed_night_goes_on_where_it_stopped_and_ends_as_a_clean_one(shop, fitted, step):
    dead = subprocess.run([sys.executable, "-c", KILLED, step, NIGHT], check=False, capture_output=True, env=os.environ)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    assert json.loads((OUT / "nights" / f"{NIGHT}.json").read_text())["state"] == "running"
    lines = night(shop)
    done = ("validate", "watch", "retrain", "score", "outreach")
    assert [states(lines)[name] for name in done[: done.index(step) + 1]] == ["unchanged"] * (done.index(step) + 1)
    assert lines["outreach"]["state"] == "done"
    killed = tables()
    shutil.rmtree(OUT)
    shutil.copytree(fitted / "out", OUT)
    night(shop)
    assert killed == tables()


def test_a_night_that_has_not_ended_is_named_by_the_next(shop):
    record = {"format": "ltvml.night", "format_version": 1, "cutoff": NIGHT, "state": "running", "steps": []}
    (OUT / "nights").mkdir()
    (OUT / "nights" / f"{NIGHT}.json").write_text(json.dumps(record))
    assert night(shop, cutoff=NEXT)["night"]["unfinished"] == [NIGHT]
    # once: a night that can never be made would be named for ever
    assert night(shop, cutoff="2020-11-12")["night"]["unfinished"] == []


def test_a_night_that_has_not_come_is_refused_before_anything_is_written(shop):
    """Every customer would look inactive by then, and be contacted as such."""
    later = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=3)).isoformat()
    assert later in night(shop, cutoff=later, code=2)["error"]["error"]["message"]
    assert not (OUT / "nights").exists()


def test_two_at_once_are_exit_code_9(shop):
    with only_run_on((OUT / "nights").resolve(), command="ltvml run", wait=0):
        lines = night(shop, "--set", "output.wait=0", code=9)
    assert "ltvml run" in lines["error"]["error"]["message"]
    assert not (OUT / "scores").exists()


def test_orders_that_were_cut_stop_the_night_before_anybody_is_scored(shop, orders):
    night(shop)
    orders[orders["customer_id"] > "150"].to_csv("orders.csv", index=False)
    lines = night(shop, cutoff=NEXT, code=3)
    assert lines["watch"]["state"] == "failed"
    assert "Orders are missing" in lines["error"]["error"]["message"]
    assert not (OUT / "scores" / NEXT).exists()
    assert not (OUT / "outreach" / NEXT).exists()
    assert "failed with exit code 3" in (OUT / "nights" / f"{NEXT}.txt").read_text()
    # the feed is mended: the same night goes on
    orders.to_csv("orders.csv", index=False)
    assert night(shop, cutoff=NEXT)["outreach"]["state"] == "done"


def test_the_policy_fits_again_compares_and_says_what_became_of_it(shop):
    lines = night(shop, "--set", "retrain.on=age", "--set", "retrain.every=10")
    counts = lines["retrain"]["counts"]
    assert (counts["decision"], counts["age"]) == ("age", 10)
    assert counts["outcome"] in ("serves", "worse", "unknown")
    serving = json.loads((OUT / "champion" / "bundle.json").read_text())["version"]
    assert (serving == counts["fitted"]) == (counts["outcome"] == "serves")
    assert lines["score"]["counts"]["model"] == serving
    assert set(states(night(shop, "--set", "retrain.on=age", "--set", "retrain.every=10")).values()) == {"unchanged"}


def test_without_a_model_the_policy_makes_one_and_no_policy_is_an_error(shop):
    for folder in ("bundle", "champion"):
        shutil.rmtree(OUT / folder)
    lines = night(shop, code=7)
    assert "ltvml fit" in lines["error"]["error"]["message"]
    lines = night(shop, "--set", "retrain.on=[drift]")
    assert (lines["retrain"]["counts"]["decision"], lines["retrain"]["counts"]["outcome"]) == ("first", "serves")


@pytest.mark.parametrize(
    ("age", "state", "decision"),
    [
        (None, "", "first"),
        (89, "fine", "young"),
        (90, "fine", "age"),
        (27, "retrain", "pause"),
        (28, "retrain", "drift"),
    ],
)
def test_the_policy_by_age_and_state(age, state, decision):
    assert retraining(RetrainSettings(on=("age", "drift")), age=age, state=state) == decision
    assert retraining(RetrainSettings(), age=age, state=state) == "off"


def test_the_summary_is_mailed_in_the_language_of_the_shop_or_is_an_error(shop):
    result = shop.run("run", "--cutoff", NIGHT, "--set", "outreach.language=zh", "--summary", "mail.txt")
    assert result.exit_code == 0
    assert f"{NIGHT}的夜间任务：完成。" in Path("mail.txt").read_text(encoding="utf-8")
    result = shop.run("run", "--cutoff", NIGHT, "--summary", "no/such/folder.txt")
    assert result.exit_code == 8
    assert "could not write the summary" in result.stderr


def test_a_tracking_store_that_is_away_is_exit_code_6_after_the_results(shop, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/no/mlflow.db")
    lines = night(shop, "--set", "tracking.backend=mlflow", code=6)
    assert lines["outreach"]["state"] == "done"
    assert "error" in lines["night"]["tracking"]
    assert (OUT / "outreach" / NIGHT / "outreach.csv").exists()


def test_a_night_that_was_not_recorded_is_recorded_by_the_next_run_which_does_nothing_else(shop, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/no/mlflow.db")
    night(shop, "--set", "tracking.backend=mlflow", code=6)
    kept = ("--set", "tracking.backend=local")
    again = night(shop, *kept)
    assert set(states(again).values()) == {"unchanged"}
    run = again["night"]["tracking"]["run_id"]
    (found,) = [path for path in (OUT / "runs").rglob("*.json") if run in str(path) and "high_risk" in path.read_text()]
    assert f"night {NIGHT}" in found.read_text()
    assert night(shop, *kept)["night"]["tracking"].get("run_id") is None


def test_without_a_section_outreach_nobody_is_contacted(shop):
    shop.configure("orders.csv")
    assert "outreach" not in states(night(shop))
    assert not (OUT / "outreach").exists()


def test_a_database_receives_the_night_and_a_second_run_sends_nothing(shop):
    target = "sqlite:///night.db"
    lines = night(shop, "--set", f"output.write_to.url={target}")
    scored = pd.read_parquet(OUT / "scores" / NIGHT / "customers.parquet")
    with contextlib.closing(sqlite3.connect("night.db")) as found:
        tables = [name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: found.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    assert len(scored) in counts.values()
    assert lines["write"]["counts"]["rows"] == sum(counts.values())
    assert night(shop, "--set", f"output.write_to.url={target}")["write"]["state"] == "unchanged"

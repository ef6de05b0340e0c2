"""What `ltvml outreach` refuses, and what it says: in words, with exit codes, and nothing written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.run_directory import file_hash
from tests.conftest import CUTOFF, Place, shop_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANS = Path("out/outreach")
# a plan that waits when its tables are written, so that it can be killed there
STOPS_MIDWAY = """
import sys, time
from ltvml.workflows import plan
write = plan.write_tables
def stop(*arguments):
    write(*arguments)
    print("writing", file=sys.__stdout__, flush=True)
    time.sleep(60)
plan.write_tables = stop
sys.argv[1:] = ["outreach", "--set", "outreach.capacity=5"]
from ltvml.cli import main
main()
"""


@dataclass(frozen=True)
class Ready(Place):
    """A folder with orders, a bundle and its scores."""

    def given(self, **keys: Any) -> None:
        self.configure("orders.csv", **keys)

    def table(self, name: str, rows: list[dict[str, Any]]) -> str:
        pd.DataFrame(rows).to_csv(self.folder / name, index=False)
        return name

    def plans(self) -> dict[str, bytes]:
        return {name: content for name, content in self.listing().items() if "outreach" in name}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Place(tmp_path_factory.mktemp("scored"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place.folder)
        place.write(shop_of(300))
        for command in ("fit", "score"):
            assert place.run(command).exit_code == 0
    return place.folder


@pytest.fixture
def ready(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ready]:
    folder = shutil.copytree(scored, tmp_path / "shop")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return Ready(folder)


def test_orders_alone_are_enough_and_what_is_missing_is_said(ready: Ready):
    result = ready.run("outreach", "--json")
    assert result.exit_code == 0, result.stderr
    given = json.loads(result.stdout)
    known = " ".join(given["missing"])
    assert "The orders name no items" in known
    assert "companion_offer is skipped: it needs the column companion" in known
    assert given["customers"] == 300
    assert given["contacts"]


def test_the_report_is_within_80_columns(ready: Ready):
    result = ready.run("outreach")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert f"plan  out/outreach/{CUTOFF}\n" in result.stdout


def test_contacts_of_strangers_and_of_the_future_are_counted_and_said(ready: Ready):
    rows = [
        {"customer_id": "nobody", "channel": "email", "sent_at": "2020-12-01"},
        {"customer_id": "001", "channel": "email", "sent_at": "2021-06-01"},
        {"customer_id": "001", "channel": "email", "sent_at": "2020-12-01"},
    ]
    ready.given(contacts={"source": ready.table("contacts.csv", rows)})
    result = ready.run("outreach")
    assert result.exit_code == 0, result.stderr
    known = " ".join(result.stdout.split())
    assert "Contacts: 1 of 3 rows excluded: the customer is not in the orders." in known
    assert f"Contacts: 1 of 3 rows excluded: sent_at is after {CUTOFF}." in known


def test_contradictory_settings_are_told_all_together(ready: Ready):
    action = {"name": "gift", "purpose": "win_back", "channels": ["email"], "rule": "win_back"}
    ready.given(
        outreach={
            "capacity": 0,
            "actions": [action],
            "caps": {"total_7": 5, "total_28": 2, "channel_7": {"fax": 1}},
            "holdout": 1.5,
            "tags": {"spender_share": 3},
        }
    )
    result = ready.run("outreach")
    assert result.exit_code == 2
    known = " ".join(result.stderr.split())
    for words in (
        "action gift: no cost; expected money per contact",
        "capacity 0; expected 1 contact a run or more",
        "caps: 5 contacts in 7 days but 2 in 28 days",
        "channel 'fax' is not known",
        "1.5; expected a share from 0 to below 1",
        "tags.spender_share is 3",
    ):
        assert words in known
    assert ready.plans() == {}


def test_rules_that_name_missing_columns_are_told_together_with_the_nearest(ready: Ready):
    action = {"name": "thanks", "rule": "tagged", "column": "cores", "purpose": "vip_care", "cost": 1}
    ready.given(
        outreach={
            "tags": {"rules": {"core": "n_order >= 3", "risky": "chrun_risk > 0.5"}},
            "actions": ["default", action | {"channels": ["email"]}],
        }
    )
    result = ready.run("outreach")
    assert result.exit_code == 2
    known = " ".join(result.stderr.split())
    for words in (
        "tags.rules.core: there is no column 'n_order'; did you mean 'n_orders'?",
        "tags.rules.risky: there is no column 'chrun_risk'; did you mean 'churn_risk'?",
        "action thanks: there is no column 'cores'; did you mean 'core'?",
    ):
        assert words in known
    assert ready.plans() == {}


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        ("contacts", [{"who": "001", "sent_at": "2020-12-01"}], "missing: customer_id, channel"),
        ("contacts", [{"customer_id": "001", "channel": "email", "sent_at": "1/12/20"}], "no readable sent_at"),
        ("customers", [{"customer_id": "001"}, {"customer_id": "001"}], "repeats a customer"),
        (
            "contacts",
            [{"customer_id": "001", "channel": "email", "sent_at": "2020-12-01", "status": "teleported"}],
            "the column status holds 'teleported' in line 2; expected a state such as sent",
        ),
        (
            "contacts",
            [{"customer_id": "001", "channel": "email", "sent_at": "2020-12-01", "opened": "perhaps"}],
            "the column opened holds 'perhaps' in line 2; expected true or false",
        ),
        (
            "customers",
            [{"customer_id": "001", "has_email": "perhaps"}],
            "the column has_email holds 'perhaps' in line 2",
        ),
        ("opt_outs", [{"customer_id": "001", "channel": "fax"}], "the column channel holds 'fax' in line 2"),
        ("opt_outs", [{"who": "001"}], "missing: customer_id"),
        ("disliked", [{"customer_id": "001"}], "missing: channel"),
    ],
)
def test_a_table_that_is_not_what_it_should_be_is_refused(ready: Ready, name: str, rows: list[Any], words: str):
    source = ready.table(f"{name}.csv", rows)
    ready.given(**({name: {"source": source}} if name in ("contacts", "customers") else {"outreach": {name: source}}))
    result = ready.run("outreach")
    assert result.exit_code == 3, result.stderr
    assert words in " ".join(result.stderr.split())
    assert ready.plans() == {}


STAGES = {"baby": {"column": "born", "items": {0: "one", 180: "two"}}}


@pytest.mark.parametrize(
    ("outreach", "words"),
    [
        (
            {"cadence": {"dated": {"baby": {"column": "brn", "items": {0: "one"}}}}},
            "no column 'brn'; did you mean 'born'",
        ),
        (
            {"cadence": {"care": {"baby": {"column": "brn", "items": {0: "one"}}}}},
            "no column 'brn'; did you mean 'born'",
        ),
        ({"cadence": {"points_column": "pionts"}}, "cadence.points_column: there is no column 'pionts'; did you mean"),
        ({"tags": {"rules": {"soon": "days_until(brn) < 30"}}}, "tags.rules.soon: there is no column 'brn'"),
        ({"items": {"succeeds": {"two": "one", "one": "two"}}}, "one, two replace each other in a loop"),
        (
            {"cadence": {"dated": {"baby": {"column": "born", "items": {0: "one", 90: "two", 180: "one"}}}}},
            "names 'one' for more than one age: the chain would be a loop",
        ),
        ({"items": {"deny": ["one"], "only_if": {"one": "n_orders > 1"}}}, "one is denied and named under allow"),
        ({"items": {"deny": ["one"], "allow": ["one", "two"]}}, "one is denied and named under allow"),
        ({"items": {"deny": ["two"], "succeeds": {"two": "one"}}}, "two is denied and named under allow"),
        (
            {"items": {"deny": ["two"]}, "cadence": {"dated": STAGES}},
            "two is denied and announced by cadence.dated.baby",
        ),
        (
            {"actions": [{"name": "x", "purpose": "win_back", "rule": "tagged", "column": "n_orders", "cost": 1}]},
            "action x: the column n_orders holds",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_named_and_nothing_is_written(
    ready: Ready, outreach: dict[str, Any], words: str
):
    rows = [{"customer_id": "001", "born": "2020-02-03", "points": "2020-12-30"}]
    ready.given(customers={"source": ready.table("customers.csv", rows)}, outreach=outreach)
    result = ready.run("outreach")
    assert result.exit_code == 2, result.stderr
    assert words in " ".join(result.stderr.split())
    assert ready.plans() == {}


def test_a_table_that_is_not_there_is_refused(ready: Ready):
    ready.given(contacts={"source": "nowhere.csv"})
    result = ready.run("outreach")
    assert result.exit_code == 2
    assert "nowhere.csv" in result.stderr
    assert ready.plans() == {}


def test_without_scores_the_command_that_makes_them_is_named(ready: Ready):
    shutil.rmtree("out/scores")
    result = ready.run("outreach")
    assert result.exit_code == 2
    assert "there are no scores in" in " ".join(result.stderr.split())
    assert "ltvml score" in result.stderr
    assert ready.plans() == {}


def test_scores_of_another_cutoff_are_none(ready: Ready):
    result = ready.run("outreach", "--set", "window.cutoff=2021-01-02")
    assert result.exit_code == 2
    assert "expected those of 2021-01-02" in " ".join(result.stderr.split())
    shutil.copytree(f"out/scores/{CUTOFF}", "out/scores/2021-01-02")
    result = ready.run("outreach", "--set", "window.cutoff=2021-01-02")
    assert result.exit_code == 2
    assert f"are of {CUTOFF}; expected those of 2021-01-02" in " ".join(result.stderr.split())
    assert ready.plans() == {}


def test_scores_of_another_bundle_are_refused(ready: Ready):
    Path("out/scores").rename("kept")
    ready.write(shop_of(250))
    assert ready.run("fit").exit_code == 0
    Path("kept").rename("out/scores")
    result = ready.run("outreach", "--model", "challenger")
    assert result.exit_code == 2
    assert "expected the same" in " ".join(result.stderr.split())
    assert ready.plans() == {}


def test_scores_of_orders_that_have_changed_are_refused(ready: Ready):
    orders = pd.read_csv("orders.csv", dtype={"customer_id": str})
    ready.write(pd.concat([orders, orders.head(1).assign(customer_id="late")]))
    result = ready.run("outreach")
    assert result.exit_code == 3
    assert "they have changed since" in " ".join(result.stderr.split())
    assert ready.plans() == {}


def test_a_plan_that_was_measured_is_not_replaced(ready: Ready):
    assert ready.run("outreach", "--set", "outreach.holdout=0.5").exit_code == 0
    orders = pd.read_csv("orders.csv", dtype={"customer_id": str})
    came = orders.groupby("customer_id").head(1).head(40).assign(order_date="2021-01-28")
    ready.write(pd.concat([orders, came]))
    result = ready.run("outreach", "measure", "--plan", f"out/outreach/{CUTOFF}")
    assert result.exit_code == 0, result.stderr
    before = ready.plans()
    result = ready.run("outreach")
    assert result.exit_code == 8
    assert "holds measure besides" in " ".join(result.stderr.split())
    assert ready.plans() == before


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_plan_that_is_killed_leaves_the_old_one_and_the_next_sweeps_up(ready: Ready):
    assert ready.run("outreach").exit_code == 0
    before = ready.listing()
    run = subprocess.Popen(
        [sys.executable, "-c", STOPS_MIDWAY], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "writing\n"
    run.send_signal(signal.SIGKILL)
    run.communicate()
    left = ready.listing()
    assert {path: left[path] for path in before} == before
    assert len(left) > len(before)
    assert ready.run("outreach").exit_code == 0
    assert ready.listing() == before


@pytest.mark.slow
def test_two_plans_at_once_leave_one_whole_plan(ready: Ready):
    command = [sys.executable, "-m", "ltvml.cli", "outreach", "--quiet", "--set"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    runs = [subprocess.Popen([*command, f"outreach.capacity={n}"], env=environment) for n in (3, 9)]
    assert [run.wait() for run in runs] == [0, 0]
    folder = PLANS / CUTOFF
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {name: file_hash(folder / name) for name in manifest["files"]} == manifest["files"]
    assert manifest["contacts"] in (3, 9)
    assert {path.name for path in PLANS.iterdir()} == {CUTOFF, "planned.csv", "stage_rules.json"}

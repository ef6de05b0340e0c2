"""What is served is what was promoted: the first fit, then only a challenger that is not worse, or a forced one."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ltvml.bundle.bundle import Bundle
from tests.conftest import Place

OUT = Path("out")
LATER = ("--cutoff", "2020-12-31")
EARLY = ("--cutoff", "2020-06-30")
CUT = ("--set", "transactions.source=cut.csv")


@pytest.fixture(scope="module")
def states(tmp_path_factory, orders):
    """Folders to begin with: one champion, the same with a later fit, and one with a fit on orders that were cut."""
    begun = tmp_path_factory.mktemp("states")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        first = Place(begun / "served")
        first.folder.mkdir()
        patch.chdir(first.folder)
        first.write(orders)
        assert first.run("fit", *EARLY).exit_code == 0
        for name, arguments in {"waiting": LATER, "cut": (*CUT, "--cutoff", "2020-07-15")}.items():
            folder = Path(shutil.copytree(first.folder, begun / name))
            patch.chdir(folder)
            # a feed that lost every later order of a customer: nobody seems to come back
            orders.sort_values("order_date").drop_duplicates("customer_id").to_csv("cut.csv", index=False)
            assert Place(folder).run("fit", *arguments).exit_code == 0
    return begun


@pytest.fixture
def served(place, states):
    """A folder with a champion, fitted half a year before the last order."""
    shutil.copytree(states / "served", place.folder, dirs_exist_ok=True)
    return place


@pytest.fixture
def waiting(place, states):
    """The same, with a fit on all orders that waits."""
    shutil.copytree(states / "waiting", place.folder, dirs_exist_ok=True)
    return place


@pytest.fixture
def cut(place, states):
    """The same, with a fit on the first order of each customer that waits."""
    shutil.copytree(states / "cut", place.folder, dirs_exist_ok=True)
    return place


def version(folder: str) -> str:
    return Bundle.load(OUT / folder).version


def promoted(place, *arguments: str) -> dict:
    result = place.run("promote", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_later_fit_waits_and_scores_are_those_of_the_champion(served):
    first = version("champion")
    again = served.run("fit", *LATER)
    assert "not used before `ltvml promote`" in " ".join(again.stdout.split())
    assert version("bundle") != first == version("champion")
    scored = served.run("score", *LATER)
    assert scored.exit_code == 0
    assert "ltvml promote" in scored.stderr
    assert set(served.scores()["model_version"]) == {first}


def test_challenger_champion_and_a_folder_name_a_model(waiting):
    for name, expected in (("challenger", "bundle"), ("champion", "champion"), ("out/bundle", "bundle")):
        assert waiting.run("score", *LATER, "--model", name).exit_code == 0
        assert set(waiting.scores()["model_version"]) == {version(expected)}
    planned = json.loads(waiting.run("score", *LATER, "--model", "challenger", "--json").stdout)
    assert planned["model_version"] == version("bundle")


def test_there_is_no_challenger_before_a_second_fit(served):
    result = served.run("score", *LATER, "--model", "challenger")
    assert result.exit_code == 2
    assert "has no challenger" in result.stderr


def test_a_challenger_that_is_not_worse_is_promoted_with_who_when_and_why(waiting):
    first = version("champion")
    report = promoted(waiting, *LATER, "--by", "Ada")
    assert report["promoted"], report["words"]
    assert version("champion") == version("bundle") != first
    record = json.loads((OUT / "champion" / "promotion.json").read_text())
    assert (record["who"], record["before"], record["forced"]) == ("Ada", first, False)
    assert record["when"].startswith("20")
    assert {one["role"] for one in record["comparison"]["roles"]} == {"repurchase", "value"}
    assert set(waiting.run("score", *LATER) and waiting.scores()["model_version"]) == {version("bundle")}
    assert not promoted(waiting, *LATER)["promoted"]


def test_a_rollback_brings_back_the_champion_before_and_says_so(waiting):
    first = version("champion")
    before = (OUT / "champion" / "purchase.json").read_bytes()
    assert promoted(waiting, *LATER)["promoted"]
    report = promoted(waiting, "--rollback", "--reason", "wrong reminders")
    assert report["promotion"]["why"] == "wrong reminders"
    assert version("champion") == first
    assert (OUT / "champion" / "purchase.json").read_bytes() == before
    nothing = waiting.run("promote", "--rollback")
    assert nothing.exit_code == 2
    assert "it is the first" in nothing.stderr


def test_a_challenger_that_is_worse_stays_out_unless_it_is_forced_with_a_reason(cut):
    served, champion = cut, version("champion")
    report = promoted(served, *LATER)
    assert not report["promoted"]
    assert any(one["worse"] for one in report["comparisons"])
    assert version("champion") == champion
    refused = served.run("promote", *LATER, "--force")
    assert refused.exit_code == 2
    assert "--reason" in refused.stderr
    assert version("champion") == champion
    forced = promoted(served, *LATER, "--force", "--reason", "a test of the alarm")
    assert forced["promoted"]
    assert forced["promotion"]["forced"]
    assert version("champion") == version("bundle") != champion


def test_windows_are_judged_by_models_that_had_not_seen_them(waiting):
    words = promoted(waiting, *LATER)["words"]
    assert any("fitted again on the orders up to then: challenger" in word for word in words)
    assert not any("fitted again on the orders up to then: champion" in word for word in words)


def test_a_challenger_of_another_shop_is_refused_and_nothing_is_promoted(served, orders):
    elsewhere = orders.assign(order_date=pd.to_datetime(orders["order_date"]) - pd.Timedelta(days=210))
    elsewhere.to_csv("elsewhere.csv", index=False)
    before = (OUT / "champion" / "promotion.json").read_bytes()
    more = ("--set", "transactions.source=elsewhere.csv", "--set", "output.dir=other")
    assert served.run("fit", "--cutoff", "2020-05-31", *more).exit_code == 0
    for force in ((), ("--force", "--reason", "sure")):
        result = served.run("promote", *LATER, "--model", "other/bundle", *force)
        assert result.exit_code == 7
        assert "another shop" in result.stderr
    priced = ("--set", "value.currency=EUR", "--set", "output.dir=euro")
    assert served.run("fit", *EARLY, *priced).exit_code == 0
    assert served.run("fit", "--cutoff", "2020-07-01", "--set", "value.currency=GBP").exit_code == 0
    assert promoted(served, *LATER, "--force", "--reason", "pounds")["promoted"]
    result = served.run("promote", *LATER, "--model", "euro/bundle")
    assert result.exit_code == 7
    assert "EUR" in result.stderr
    assert before != (OUT / "champion" / "promotion.json").read_bytes()


def test_a_folder_of_an_earlier_release_serves_its_last_fit_and_says_so(served):
    shutil.rmtree(OUT / "champion")
    old = version("bundle")
    result = served.run("score", *LATER)
    assert result.exit_code == 0
    assert "No model was promoted" in result.stderr
    assert served.run("fit", *LATER).exit_code == 0
    # what served until now serves on, although nobody had promoted it
    assert version("champion") == old != version("bundle")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--rollback",), 2, "it is the first"),
        (("--rollback", "--force", "--reason", "x"), 2, "expected one of them"),
        (("--model", "nowhere"), 7, "holds no bundle.json"),
        (("--model", "models:/ltvml@challenger"), 6, "tracking is off"),
        (("--cutoff", "2020-01-31", "--model", "out/bundle"), 0, ""),
        (("--cutoff", "soon"), 2, "expected yesterday, today or YYYY-MM-DD"),
    ],
)
def test_bad_input_is_one_error_and_promotes_nothing(served, arguments, code, says):
    before = {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    result = served.run("promote", *arguments)
    assert result.exit_code == code, result.stderr
    assert says in result.stderr
    assert {path: path.read_bytes() for path in OUT.rglob("*") if path.is_file()} == before


def test_a_cutoff_before_a_fit_is_refused(waiting):
    result = waiting.run("promote", "--cutoff", "2020-09-30")
    assert result.exit_code == 2
    assert "is before that of the bundle" in result.stderr


def test_no_model_is_an_error_with_the_command_that_makes_one(place, orders):
    place.write(orders)
    result = place.run("promote", *LATER)
    assert result.exit_code == 2
    assert "ltvml fit" in result.stderr
    assert not OUT.exists()


@pytest.mark.parametrize("fault", ["gone", "damaged"])
def test_nothing_takes_the_place_of_a_champion_that_is_lost(waiting, fault):
    assert waiting.run("promote", "--force", "--reason", "a second champion").exit_code == 0
    newest = version("bundle")
    if fault == "gone":
        shutil.rmtree(OUT / "champion")
    else:
        (OUT / "champion" / "bundle.json").write_text("{")
    for command in (("score", *LATER), ("promote",), ("promote", "--rollback")):
        assert waiting.run(*command).exit_code in (2, 7), command
    assert "ltvml promote --force" in waiting.run("promote").stderr
    assert waiting.run("fit", "--cutoff", "2020-10-31").exit_code == 0
    # a new fit waits, as any other
    assert waiting.run("score", *LATER).exit_code == 7
    assert version("bundle") != newest
    assert waiting.run("promote", "--force", "--reason", "restored by hand").exit_code == 0
    assert waiting.run("score", *LATER).exit_code == 0


def test_a_registry_that_is_away_leaves_the_folder_promoted_and_exits_with_6(served, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////dev/null/no/mlflow.db")
    shutil.rmtree(OUT / "champion")
    result = served.run("promote", *LATER, "--set", "tracking.backend=mlflow")
    assert result.exit_code == 6
    assert "but its alias was not moved" in result.stderr
    assert version("champion") == version("bundle")


def test_an_alias_that_a_killed_promotion_left_behind_is_moved_by_the_next_one(served, monkeypatch):
    moved = []

    class Registry:
        def promote(self, bundle_version, tags):
            moved.append((bundle_version, tags["promoted_why"]))

    record = json.loads((OUT / "champion" / "promotion.json").read_text())
    monkeypatch.setattr("ltvml.workflows.promote.tracker_for", lambda *_, **__: Registry())
    result = served.run("promote", *LATER)
    assert (result.exit_code, moved) == (0, [(version("champion"), record["why"])])
    assert json.loads((OUT / "champion" / "promotion.json").read_text()) == record


# the command line, killed as soon as it comes to a function
KILLED = """
import importlib, os, signal, sys
room, name = sys.argv[1].rsplit(".", 1)
def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(importlib.import_module(room), name, killed)
sys.argv[1:] = sys.argv[2:]
from ltvml.cli import main
main()
"""


def killed_at(function: str, *arguments: str) -> None:
    command = [sys.executable, "-c", KILLED, function, "promote", "--quiet", *arguments]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "already"),
    [
        ("ltvml.outputs.champion.write_json", False),  # while the champion before is kept
        ("ltvml.run_directory._put_in_place", False),
        ("ltvml.workflows.promote._recorded", True),  # before the alias
    ],
)
def test_a_promotion_that_is_killed_leaves_one_whole_champion_and_the_next_one_heals(waiting, function, already):
    first = version("champion")
    killed_at(function, *LATER, "--force", "--reason", "a try")
    assert version("champion") == (version("bundle") if already else first)
    assert waiting.run("score", *LATER).exit_code == 0
    assert promoted(waiting, *LATER)["promoted"] is not already
    assert version("champion") == version("bundle")
    assert [path for path in OUT.rglob(".*") if path.suffix in (".partial", ".previous")] == []
    assert promoted(waiting, "--rollback")["promotion"]["version"] == first


def test_a_rollback_that_is_killed_before_the_alias_is_ended_by_naming_the_champion(waiting, monkeypatch):
    first = version("champion")
    assert promoted(waiting, *LATER)["promoted"]
    killed_at("ltvml.workflows.promote._recorded", "--rollback")
    moved = []

    class Registry:
        def promote(self, bundle_version, tags):
            moved.append(bundle_version)

    monkeypatch.setattr("ltvml.workflows.promote.tracker_for", lambda *_, **__: Registry())
    assert not promoted(waiting, *LATER, "--model", "champion")["promoted"]
    assert moved == [first] == [version("champion")]


@pytest.mark.slow
def test_of_two_promotions_at_once_one_promotes_and_the_other_finds_it_done(waiting):
    first = version("champion")
    command = [sys.executable, "-m", "ltvml.cli", "promote", "--json", "--quiet", *LATER]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(run.communicate(timeout=300)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(one["promoted"] for one in said) == [False, True]
    assert json.loads((OUT / "champion" / "promotion.json").read_text())["before"] == first


def test_a_fit_that_ends_while_models_are_compared_is_not_promoted_unseen(waiting, states, monkeypatch):
    first, champion = version("champion"), waiting.listing()

    def meanwhile(*_):
        shutil.copytree(states / "cut" / OUT / "bundle", OUT / "bundle", dirs_exist_ok=True)
        return (), ("compared",)

    monkeypatch.setattr("ltvml.workflows.promote.compared", meanwhile)
    result = waiting.run("promote", *LATER, "--force", "--reason", "a try")
    assert result.exit_code == 9
    assert "another run has replaced it" in " ".join(result.stderr.split())
    assert version("champion") == first
    assert [name for name in waiting.listing() if name not in champion and "champions" not in name] == []


def test_a_clock_that_went_back_forgets_no_champion_that_a_rollback_needs(waiting, monkeypatch):
    first = version("champion")
    monkeypatch.setattr("ltvml.outputs.champion.MOST_KEPT", 1)
    monkeypatch.setattr("ltvml.workflows.promote.now", lambda: "1990-01-01T00:00:00+00:00")
    assert promoted(waiting, *LATER)["promotion"]["when"].startswith("1990")
    assert promoted(waiting, "--rollback")["promotion"]["version"] == first

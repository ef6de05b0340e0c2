"""A short round of benchmarks/kills.py, and the ways in which a run can end that leave time to clear up."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import CUTOFF, Place, shop_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")]
COMMAND = (sys.executable, "-m", "ltvml.cli")
# a run that waits after its orders are read, with its locks and temporary folders
STOPS = """
import sys, time
from ltvml.workflows import score
read = score.read_orders
def stop(*arguments):
    read(*arguments)
    print("reading", file=sys.__stdout__, flush=True)
    time.sleep(60)
score.read_orders = stop
sys.argv[1:] = ["score", *sys.argv[1:]]
from ltvml.cli import main
main()
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Place(tmp_path_factory.mktemp("fitted"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place.folder)
        place.write(shop_of(200))
        assert place.run("fit").exit_code == 0
    return place.folder


@pytest.fixture
def shop(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A fitted shop, and a folder of its own for all that is temporary."""
    folder = shutil.copytree(fitted, tmp_path / "shop")
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return Place(folder)


@pytest.fixture
def waiting(shop: Place) -> Iterator[subprocess.Popen[str]]:
    """A score that holds its output."""
    with subprocess.Popen(
        [sys.executable, "-c", STOPS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "reading\n"
        yield run
        run.kill()


def left(shop: Place) -> list[str]:
    """Hidden files among the results, and temporary ones."""
    temporary = Path(os.environ["TMPDIR"])
    return [str(path) for path in (*(shop.folder / "out").rglob(".*"), *temporary.iterdir())]


@pytest.mark.parametrize("backend", ["mlflow", "local"])
def test_a_killed_run_leaves_old_or_new_and_the_next_one_the_same_bytes(tmp_path: Path, backend: str) -> None:
    script = (
        "import sys, kills; from pathlib import Path\n"
        "found = kills.kills(Path(sys.argv[1]), number=8, seed=5, backend=sys.argv[2], customers=150)\n"
        "sys.exit('\\n'.join(str(one) for one in found if one.faults) or 0)\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1] / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "kills"), backend],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_end_clears_up_and_has_the_exit_code_of_its_signal(
    shop: Place, waiting: subprocess.Popen[str], number: signal.Signals, code: int
) -> None:
    before = {name for name in shop.listing() if "/." not in name}
    waiting.send_signal(number)
    _, said = waiting.communicate()
    assert waiting.returncode == code, said
    assert "Traceback" not in said
    assert set(shop.listing()) == before
    assert left(shop) == []


def test_a_second_run_says_for_whom_it_waits_and_gives_up_with_exit_code_9(
    shop: Place, waiting: subprocess.Popen[str]
) -> None:
    result = shop.run("score", "--set", "output.wait=0")
    assert result.exit_code == 9
    assert f"still being written by `ltvml score` (process {waiting.pid}, since" in " ".join(result.stderr.split())
    assert shop.run("score", "--set", "output.wait=3600", "--set", "window.cutoff=2021-01-01").exit_code == 0


def test_a_second_run_goes_on_when_the_first_is_killed_and_clears_up_behind_it(
    shop: Place, waiting: subprocess.Popen[str]
) -> None:
    with subprocess.Popen([*COMMAND, "score"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as second:
        assert second.stderr is not None
        assert f"is being written by `ltvml score` (process {waiting.pid}, since" in second.stderr.readline()
        waiting.kill()
        waiting.communicate()
        assert second.wait() == 0, second.stderr.read()
    assert left(shop) == []


def test_a_reader_that_goes_away_ends_the_run_with_141_after_its_results(shop: Place) -> None:
    for arguments in (["score"], ["score", "--json"], ["config", "schema"]):
        with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.close()
            assert run.stderr is not None
            said = run.stderr.read().decode()
        assert run.returncode == 141, said
        assert "Traceback" not in said
    assert (shop.folder / "out" / "scores" / CUTOFF / "manifest.json").exists()
    assert left(shop) == []


@pytest.mark.parametrize("command", [["fit"], ["score"], ["outreach"]])
def test_a_full_disk_is_exit_code_8_and_leaves_nothing(shop: Place, command: list[str]) -> None:
    for earlier in ("score", "outreach"):
        assert shop.run(earlier).exit_code == 0
    before = shop.listing()
    done = subprocess.run(
        [*COMMAND, *command, "--set", "output.formats=[csv,parquet]", "--set", "outreach.capacity=3"],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode == 8, done.stderr
    assert "An earlier result is unchanged" in done.stderr
    assert shop.listing() == before
    assert left(shop) == []


def test_the_results_of_two_scores_at_once_are_of_one_of_them(shop: Place) -> None:
    runs = [
        subprocess.Popen([*COMMAND, "score", "--quiet", "--set", f"max_age={age}"], stderr=subprocess.DEVNULL)
        for age in (100, 200)
    ]
    assert [run.wait() for run in runs] == [0, 0]
    manifest = json.loads((shop.folder / "out" / "scores" / CUTOFF / "manifest.json").read_text())
    assert manifest["config"]["max_age"] in (100, 200)
    assert left(shop) == []

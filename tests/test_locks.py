from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from ltvml.errors import BusyError, LtvmlWarning
from ltvml.locks import locked, only_run_on, running_file
from ltvml.run_directory import sweep_results
from ltvml.scratch import PREFIX, scratch_folder, sweep_scratch, temporary_files_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folder")
LONG, SHORT = 30.0, 1.0
"""Seconds: longer and shorter than any wait of these tests."""
HOLDS = """
import sys, time
from pathlib import Path
from ltvml.locks import only_run_on
with only_run_on(Path(sys.argv[1]), command="ltvml fit", wait=0):
    print("holding", flush=True)
    time.sleep(float(sys.argv[2]))
"""
SCRATCH = """
import sys, time
from pathlib import Path
from ltvml.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "spilled").write_text("rows")
    print(folder, flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def other(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs a script, once it has printed its first line."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_waits_and_says_for_whom(tmp_path: Path) -> None:
    said = r"bundle is being written by `ltvml fit` \(process \d+, since \d{4}-\d\d-\d\d .+\); waiting up to 30 seconds"
    with (
        other(HOLDS, tmp_path / "bundle", SHORT),
        pytest.warns(LtvmlWarning, match=said),
        only_run_on(tmp_path / "bundle", command="ltvml fit", wait=LONG),
    ):
        assert running_file(tmp_path / "bundle").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_waits_in_vain_says_who_holds_the_output_and_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    with (
        other(HOLDS, tmp_path / "bundle", LONG) as process,
        pytest.raises(BusyError, match=rf"still being written by `ltvml fit` \(process {process.pid}, since") as caught,
        only_run_on(tmp_path / "bundle", command="ltvml fit", wait=0),
    ):
        pytest.fail("the body must not run")
    assert caught.value.exit_code == 9


def test_the_lock_of_a_killed_run_blocks_nobody_and_its_file_goes(tmp_path: Path) -> None:
    with other(HOLDS, tmp_path / "bundle", LONG) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert running_file(tmp_path / "bundle").exists()
    with only_run_on(tmp_path / "bundle", command="ltvml fit", wait=0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_killed_run_on_another_output_is_swept_and_that_of_a_live_one_stays(tmp_path: Path) -> None:
    with other(HOLDS, tmp_path / "2020-12-30", LONG) as dead, other(HOLDS, tmp_path / "2020-12-31", LONG):
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        sweep_results(tmp_path)
        assert list(tmp_path.iterdir()) == [running_file(tmp_path / "2020-12-31")]


def test_runs_on_two_outputs_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with (
        only_run_on(tmp_path / "2020-12-30", command="ltvml score", wait=0),
        only_run_on(tmp_path / "2020-12-31", command="ltvml score", wait=0),
    ):
        assert len(list(tmp_path.iterdir())) == 2


def test_folders_that_were_made_for_the_lock_alone_go_with_it(tmp_path: Path) -> None:
    with only_run_on(tmp_path / "out" / "scores" / "2020-12-31", command="ltvml score", wait=0):
        assert (tmp_path / "out" / "scores").is_dir()
    assert list(tmp_path.iterdir()) == []


def test_readers_share_a_lock_that_a_writer_cannot_take(tmp_path: Path) -> None:
    with (
        locked(tmp_path, shared=True),
        locked(tmp_path, shared=True),
        pytest.raises(BlockingIOError),
        locked(tmp_path, wait=False),
    ):
        pytest.fail("the body must not run")


def test_what_a_killed_process_called_temporary_is_swept_and_that_of_a_live_one_stays(tmp_path: Path) -> None:
    with other(SCRATCH, tmp_path) as dead, other(SCRATCH, tmp_path) as live:
        assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        with scratch_folder(tmp_path) as mine:
            assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2
            assert mine.is_dir()
        assert live.poll() is None
        assert [path.read_text() for path in tmp_path.rglob("spilled")] == ["rows"]


def test_a_scratch_folder_may_hold_results_and_be_locked(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder, locked(folder, wait=False), locked(folder.parent, wait=False):
        assert list(folder.iterdir()) == []


def test_folders_of_a_user_whose_name_is_alike_stay(tmp_path: Path) -> None:
    for name in ("ltvml-december", "ltvml-scratch-notes", "ltvml-demo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.txt").write_text("dear")
    (tmp_path / "ltvml-results1").mkdir(mode=0o755)
    # an empty one of a release before
    (tmp_path / "ltvml-a1b2c3d4").mkdir(mode=0o700)
    before = sorted(path.name for path in tmp_path.iterdir())
    sweep_scratch(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name for name in before if name != "ltvml-a1b2c3d4"]


def test_libraries_make_their_temporary_files_where_they_are_swept(tmp_path: Path) -> None:
    import tempfile

    before = tempfile.gettempdir()
    with temporary_files_in(tmp_path), tempfile.NamedTemporaryFile() as file:
        assert os.path.dirname(file.name) == str(tmp_path)  # noqa: PTH120
    assert tempfile.gettempdir() == before

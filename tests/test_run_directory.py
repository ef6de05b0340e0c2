from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from ltvml.errors import OutputError
from ltvml.run_directory import run_directory, write_manifest

if TYPE_CHECKING:
    from pathlib import Path


def write(final: Path, text: str) -> None:
    with run_directory(final) as folder:
        (folder / "result.txt").write_text(text)
        write_manifest(folder, {"what": "a test"})


def test_a_finished_run_replaces_the_one_before_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    write(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_failing_run_leaves_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    with pytest.raises(RuntimeError, match="half way"), run_directory(tmp_path / "run") as folder:
        (folder / "result.txt").write_text("half")
        raise RuntimeError("half way")
    assert (tmp_path / "run" / "result.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_is_an_output_error_and_leaves_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    with pytest.raises(OutputError, match="No space left"), run_directory(tmp_path / "run"):
        raise OSError(28, "No space left on device")
    assert (tmp_path / "run" / "result.txt").read_text() == "old"


def test_a_killed_run_leaves_the_one_before_and_the_next_run_sweeps_up(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from ltvml.run_directory import run_directory
        with run_directory(Path(sys.argv[1])) as folder:
            (folder / "result.txt").write_text("half")
            print("writing", flush=True)
            time.sleep(60)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "run" / "result.txt").read_text() == "old"
    write(tmp_path / "run", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_killed_between_its_two_renames_is_recovered(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write(tmp_path / "run", "old")
    (tmp_path / "run").rename(tmp_path / f".run.{dead.pid}.previous")
    with pytest.raises(RuntimeError), run_directory(tmp_path / "run"):
        raise RuntimeError
    assert (tmp_path / "run" / "result.txt").read_text() == "old"


def test_a_folder_that_ltvml_did_not_write_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("dear")
    with pytest.raises(OutputError, match="will not replace"):
        write(tmp_path / "photos", "new")
    assert (tmp_path / "photos" / "holiday.jpg").read_text() == "dear"


def test_a_file_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError, match="is a file"):
        write(tmp_path / "run", "new")


def test_two_runs_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from ltvml.run_directory import run_directory, write_manifest
        for turn in range(40):
            with run_directory(Path(sys.argv[1])) as folder:
                (folder / "result.txt").write_text(sys.argv[2])
                write_manifest(folder, {"turn": turn})
        """
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run"), name]) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert (tmp_path / "run" / "result.txt").read_text() in {"a", "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_manifest_names_every_file_with_its_hash(tmp_path: Path) -> None:
    write(tmp_path / "run", "abc")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["files"] == {"result.txt": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write(tmp_path / "locked" / "run", "new")

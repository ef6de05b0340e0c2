from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ltvml.run_directory as run_directories
from ltvml.errors import ConfigError, OutputError
from ltvml.run_directory import (
    alone_on,
    changed_files,
    listed,
    manifest_of,
    reading,
    replace_text,
    run_directory,
    sweep_results,
    write_manifest,
)


def write(final: Path, text: str) -> None:
    with run_directory(final, kind="test") as folder:
        (folder / "result.txt").write_text(text)
        write_manifest(folder, "test", {"what": "a test"})


def test_a_finished_run_replaces_the_one_before_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    write(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_failing_run_leaves_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    with pytest.raises(TypeError):
        write(tmp_path / "run", 3)  # type: ignore[arg-type]
    assert (tmp_path / "run" / "result.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_is_an_output_error_and_leaves_the_one_before(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    with pytest.raises(OutputError, match="No space left"), run_directory(tmp_path / "run", kind="test"):
        raise OSError(28, "No space left on device")
    assert (tmp_path / "run" / "result.txt").read_text() == "old"


def test_a_killed_run_leaves_the_one_before_and_the_next_run_sweeps_up(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from ltvml.run_directory import run_directory
        with run_directory(Path(sys.argv[1]), kind="test") as folder:
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
    write(tmp_path / "run", "old")
    (tmp_path / "run").rename(tmp_path / ".run.previous")
    with pytest.raises(RuntimeError), run_directory(tmp_path / "run", kind="test"):
        raise RuntimeError
    assert (tmp_path / "run" / "result.txt").read_text() == "old"


def test_a_result_that_a_killed_run_moved_aside_is_there_for_the_next_reader(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    (tmp_path / "run").rename(tmp_path / ".run.previous")
    with reading(tmp_path / "run"):
        assert (tmp_path / "run" / "result.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_reader_never_finds_a_place_without_a_result(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from ltvml.run_directory import run_directory, write_manifest
        for turn in range(150):
            with run_directory(Path(sys.argv[1]), kind="test") as folder:
                (folder / "result.txt").write_text(str(turn))
                write_manifest(folder, "test", {})
        """
    )
    missing = looks = 0
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run")]) as writer:
        while writer.poll() is None:
            missing, looks = missing + (not (tmp_path / "run").exists()), looks + 1
    assert writer.returncode == 0
    assert looks > 100
    # where the system cannot swap two folders there is such a moment, and readers of ltvml wait for its end
    assert missing == 0 or not sys.platform.startswith("linux")


def test_without_a_swap_the_earlier_result_is_moved_aside_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_directories, "_exchanged", lambda one, other: False)
    write(tmp_path / "run", "old")
    write(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_killed_runs_left_of_other_results_is_swept_too(tmp_path: Path) -> None:
    for name in ("2020-12-30", "2020-12-31"):
        write(tmp_path / "scores" / name, name)
    (tmp_path / "scores" / ".2020-12-30.0a1b2c3d.partial").mkdir()
    (tmp_path / "scores" / ".planned.csv.0a1b2c3d.partial").write_text("half")
    (tmp_path / "scores" / "2020-12-30").rename(tmp_path / "scores" / ".2020-12-30.previous")
    for name in (".mine.previous", ".cache.partial"):
        (tmp_path / "scores" / name).mkdir()
    sweep_results(tmp_path)
    found = sorted(path.name for path in (tmp_path / "scores").iterdir())
    assert found == [".cache.partial", ".mine.previous", "2020-12-30", "2020-12-31"]
    assert (tmp_path / "scores" / "2020-12-30" / "result.txt").read_text() == "2020-12-30"


def test_a_file_that_was_changed_or_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    assert changed_files(tmp_path / "run", manifest_of(tmp_path / "run")) == []
    (tmp_path / "run" / "result.txt").write_text("edited")
    assert changed_files(tmp_path / "run", manifest_of(tmp_path / "run")) == [
        "result.txt was changed after it was written"
    ]
    (tmp_path / "run" / "result.txt").unlink()
    assert changed_files(tmp_path / "run", manifest_of(tmp_path / "run")) == ["result.txt is missing"]


def test_a_folder_that_ltvml_did_not_write_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("dear")
    with pytest.raises(OutputError, match="will not be replaced"):
        write(tmp_path / "photos", "new")
    assert (tmp_path / "photos" / "holiday.jpg").read_text() == "dear"


def test_a_manifest_of_another_program_does_not_make_a_folder_ours(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "manifest.json").write_text('{"name": "a web app", "kind": "test"}')
    with pytest.raises(OutputError, match=r"has no manifest\.json of ltvml"):
        write(tmp_path / "site", "new")
    assert (tmp_path / "site" / "manifest.json").read_text() == '{"name": "a web app", "kind": "test"}'


def test_a_result_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    with (
        pytest.raises(OutputError, match="holds test; expected an earlier result of scores"),
        run_directory(tmp_path / "run", kind="scores"),
    ):
        pytest.fail("the body must not run")
    assert (tmp_path / "run" / "result.txt").read_text() == "old"


@pytest.mark.parametrize("name", ["notes.txt", "nested/run/result.txt"])
def test_a_result_that_somebody_added_to_is_not_replaced(tmp_path: Path, name: str) -> None:
    write(tmp_path / "run", "old")
    (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "run" / name).write_text("dear")
    with pytest.raises(OutputError, match=f"holds {name.partition('/')[0]} besides"):
        write(tmp_path / "run", "new")
    assert (tmp_path / "run" / name).read_text() == "dear"


def test_what_the_system_leaves_in_a_result_does_not_keep_it(tmp_path: Path) -> None:
    write(tmp_path / "run", "old")
    (tmp_path / "run" / ".DS_Store").write_bytes(b"\0")
    write(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result.txt").read_text() == "new"


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result.txt").read_text() == "new"


def test_a_symbolic_link_stays_one_and_what_it_points_at_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "disk" / "run", "old")
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "run")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "run" / "result.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "link"]


@pytest.mark.parametrize("name", ["a b", "[run]", "run*", "läuft", "run.d", ".hidden", "a'b"])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, "old")
    write(tmp_path / name, "new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OutputError, match="is a file"):
        write(tmp_path / "run", "new")


def test_a_run_does_not_sweep_up_one_that_still_writes(tmp_path: Path) -> None:
    with run_directory(tmp_path / "run", kind="test") as slow:
        write(tmp_path / "run", "quick")
        (slow / "result.txt").write_text("slow")
        write_manifest(slow, "test", {})
    assert (tmp_path / "run" / "result.txt").read_text() == "slow"


def test_two_runs_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from ltvml.run_directory import replace_text, run_directory, write_manifest
        for turn in range(40):
            with run_directory(Path(sys.argv[1]), kind="test") as folder:
                (folder / "result.txt").write_text(sys.argv[2])
                write_manifest(folder, "test", {"turn": turn})
        """
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "run"), name]) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert (tmp_path / "run" / "result.txt").read_text() in {"a", "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_replaced_text_is_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("old", "new"):
        replace_text(tmp_path / "effects.json", text)
    assert (tmp_path / "effects.json").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["effects.json"]


def test_a_text_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not write"):
        replace_text(tmp_path / "nowhere" / "effects.json", "text")


def test_the_manifest_names_every_file_with_its_hash(tmp_path: Path) -> None:
    write(tmp_path / "run", "abc")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["files"] == {"result.txt": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write(tmp_path / "locked" / "run", "new")


def test_a_table_in_parts_is_checked_part_by_part_and_for_parts_that_are_not_its_own(tmp_path: Path) -> None:
    with run_directory(tmp_path / "run", kind="test") as folder:
        (folder / "table.parquet").mkdir()
        for number in (0, 1):
            (folder / "table.parquet" / f"part-{number}.parquet").write_text(str(number))
        write_manifest(folder, "test", {})
    folder = tmp_path / "run"
    manifest = manifest_of(folder)
    assert listed(manifest, "table.parquet") == ["table.parquet/part-0.parquet", "table.parquet/part-1.parquet"]
    assert listed(manifest, "table") == []
    assert changed_files(folder, manifest, ["table.parquet"]) == []
    (folder / "table.parquet" / "part-0.parquet").write_text("other")
    (folder / "table.parquet" / "part-1.parquet").unlink()
    (folder / "table.parquet" / "part-2.parquet").write_text("more")
    assert changed_files(folder, manifest, ["table.parquet", "gone.parquet"]) == [
        "table.parquet/part-2.parquet was added after it was written",
        "table.parquet/part-0.parquet was changed after it was written",
        "table.parquet/part-1.parquet is missing",
        "gone.parquet is missing",
    ]
    write(folder, "the next run replaces a folder with parts")


@pytest.mark.parametrize("address", ["s3://shop/scores", "hdfs://name:8020/x", "file:///srv/x", "dbfs:/x", "gs://b"])
def test_an_address_is_no_folder_to_write_into(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = "results cannot be written to .*: expected a folder of this machine"
    with pytest.raises(ConfigError, match=said), alone_on(Path(address), command="ltvml score", wait=0):
        pass
    assert list(tmp_path.iterdir()) == []
    with alone_on(Path("a: b"), command="ltvml score", wait=0):
        pass

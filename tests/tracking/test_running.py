from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ltvml.tracking.running import LONGEST, is_dead, this_process

SAYS = "from ltvml.tracking.running import this_process; print(this_process(), flush=True); input()"
NOW = time.time()


def test_this_process_lives() -> None:
    assert not is_dead(this_process(), started=NOW)
    # however long ago it began to record
    assert not is_dead(this_process(), started=NOW - 2 * LONGEST)


def test_a_process_is_dead_when_it_is_killed_and_before_it_is_cleared_away() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SAYS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        tag = run.stdout.readline().strip()
        assert not is_dead(tag, started=NOW)
        run.kill()
        time.sleep(0.5)
        assert is_dead(tag, started=NOW)
    assert is_dead(tag, started=NOW)


def test_another_process_of_the_same_number_is_not_taken_for_it() -> None:
    machine, number, _ = this_process().split(" ")
    assert is_dead(f"{machine} {number} another-boot:1", started=NOW)


@pytest.mark.parametrize("tag", [None, "", "of a release to come", "0a1b2c3d4e5f 1 boot:1"])
def test_a_run_of_another_machine_or_release_is_dead_after_a_day(tag: str | None) -> None:
    assert not is_dead(tag, started=NOW - LONGEST / 2)
    assert is_dead(tag, started=NOW - 2 * LONGEST)


def test_the_tag_does_not_name_the_machine() -> None:
    import platform

    assert platform.node() not in this_process()

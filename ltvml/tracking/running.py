"""Which process writes a run, so that the runs of dead ones are closed, and never those of live ones.

A run carries the machine, the process and when that process began: a number that another process has got since is not
taken for it. A machine is named by a hash, since its name may be that of a person.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from pathlib import Path

PROCESS = "ltvml.process"
"""The tag of a run."""
LONGEST = 3 * 24 * 60 * 60.0
"""Seconds after which a run of another machine is dead: it began with its job, and to record that takes minutes."""
_PROC = Path("/proc")
_BEGAN, _STATE, _ZOMBIE = 19, 0, "Z"
"""Places in /proc/<pid>/stat behind the name of the program."""


def this_process() -> str:
    """The value of the tag: machine, process, and when it began."""
    return f"{_machine()} {os.getpid()} {_began(os.getpid())}"


def is_dead(process: str | None, *, started: float) -> bool:
    """Whether the process of a run has ended.

    Parameters
    ----------
    process : str or None
        The tag of the run; None where it has none, as those of releases before.
    started : float
        When the run began, in seconds since 1970-01-01.
    """
    machine, _, rest = (process or "").partition(" ")
    number, _, began = rest.partition(" ")
    if machine == _machine() and number.isdigit():
        return _began(int(number)) != began
    return time.time() - started > LONGEST


def _machine() -> str:
    """A machine, or a container on it: numbers of processes mean something inside it alone."""
    try:
        inside = (_PROC / "self" / "ns" / "pid").readlink().name
    except OSError:
        inside = ""
    return hashlib.sha256(f"{platform.node()} {inside}".encode()).hexdigest()[:12]


def _began(number: int) -> str:
    """When a process began, as the system counts; empty where there is none, or it only waits to be cleared away."""
    if not (_PROC / "self" / "stat").exists():
        return "alive" if _answers(number) else ""
    try:
        # the name of the program, in brackets, may hold anything
        facts = (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if facts[_STATE] == _ZOMBIE else f"{boot}:{facts[_BEGAN]}"


def _answers(number: int) -> bool:
    """Whether there is a process of this number."""
    if sys.platform == "win32":
        # a signal would end it there
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Locks that end with the process that holds them, whatever ends it: a dead run never keeps another one waiting."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import sys
import time
import warnings
from typing import TYPE_CHECKING

from ltvml.errors import BusyError, LtvmlWarning

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOK_AGAIN = 0.2
"""Seconds between two looks at a lock that another run holds."""
_UNKNOWN_HERE = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a file or folder that is there.

    Parameters
    ----------
    path : Path
    wait : bool
        Whether to wait for another run that holds it.
    shared : bool
        Whether others that share it may hold it too.

    Raises
    ------
    BlockingIOError
        If another run holds it and `wait` is false.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        _flock(handle, wait=wait, shared=shared)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def only_run_on(output: Path, *, command: str, wait: float) -> Iterator[None]:
    """Keep other runs away from an output until this one has ended; a second one waits, and says for whom.

    The lock is a file beside the output, `.<name>.running`, which goes with the run. The lock of a run that was killed
    is free; its file is taken over.

    Parameters
    ----------
    output : Path
        File or folder that the run writes; it need not be there.
    command : str
        What runs, for those who wait.
    wait : float
        Longest time to wait for another run, in seconds.

    Raises
    ------
    BusyError
        If another run still holds the output after that time.
    OSError
        If the folder above cannot be made or written.
    """
    path = running_file(output)
    made = _missing_parents(path.parent)
    try:
        handle = _taken(path, output, command, wait)
        try:
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(_owner(command)).encode())
            yield
        finally:
            # removed while it is held: who has opened it meanwhile sees that it is gone, and makes a new one
            path.unlink(missing_ok=True)
            os.close(handle)
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def running_file(output: Path) -> Path:
    """The file that a run on `output` holds."""
    return output.parent / f".{output.name}.running"


def forget_dead(path: Path) -> None:
    """Remove the file of `only_run_on` where the run that made it is dead."""
    with contextlib.suppress(OSError), locked(path, wait=False):
        path.unlink()


def _taken(path: Path, output: Path, command: str, wait: float) -> int:
    """An open handle that holds the lock of `path`."""
    until, said = time.monotonic() + wait, False
    while True:
        handle = _opened(path)
        try:
            _flock(handle, wait=False)
            if _is(path, handle):
                return handle
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(handle)
                raise _busy(path, output, command, wait) from None
            if not said:
                said = True
                warnings.warn(
                    LtvmlWarning(f"{output} is being written by {_who(path)}; waiting up to {wait:,.0f} seconds."),
                    stacklevel=2,
                )
            time.sleep(LOOK_AGAIN)
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _opened(path: Path) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # the run that made the folder may take it away again in between
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


def _is(path: Path, handle: int) -> bool:
    """Whether `path` still is the file that was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _busy(path: Path, output: Path, command: str, wait: float) -> BusyError:
    waited = f" after {wait:,.0f} seconds" if wait else ""
    return BusyError(
        f"{output} is still being written by {_who(path)}{waited}; expected to be alone. Nothing was changed by this "
        f"`{command}`.",
        hint="run it again when the other run has ended, or wait longer with output.wait=3600 (seconds).",
    )


def _owner(command: str) -> dict[str, str | int]:
    now = dt.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return {"pid": os.getpid(), "command": command, "since": now}


def _who(path: Path) -> str:
    """The run that holds a lock, in words; it may have ended by now, or not have written its name yet."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"`{owner['command']}` (process {owner['pid']}, since {owner['since']})"
    except (OSError, ValueError, LookupError, TypeError):
        return "another run"


def _missing_parents(folder: Path) -> list[Path]:
    """Folders that are not there yet, the deepest first."""
    return [parent for parent in (folder, *folder.parents) if not parent.exists()]


if sys.platform == "win32":

    def _flock(handle: int, *, wait: bool, shared: bool = False) -> None:
        """Windows locks no folder: two runs into one place at once are not kept apart there."""

else:

    def _flock(handle: int, *, wait: bool, shared: bool = False) -> None:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            # some file systems, mostly of networks, have no locks: the run goes on without
            if error.errno not in _UNKNOWN_HERE:
                raise

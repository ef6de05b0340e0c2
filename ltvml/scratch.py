"""Temporary folders that go with the process: one that was killed leaves them, and the next one takes them away."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ltvml.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "ltvml-scratch-"
INSIDE = Path("unlocked", "files")
# folders of releases before, which nobody locked: an empty one belongs to nobody
_EARLIER = re.compile(r"ltvml-[a-z0-9_]{8}")
_PRIVATE = 0o700


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None, *, prefix: str = PREFIX) -> Iterator[Path]:
    """A new folder for the length of a block, locked so that others can tell it from that of a dead process.

    Parameters
    ----------
    parent : Path, optional
        The folder for temporary files of the system by default.
    prefix : str
        Of its name; other folders of this prefix that no process holds are removed.
    """
    parent = parent if parent is not None else Path(tempfile.gettempdir())
    sweep_scratch(parent, prefix)
    with contextlib.ExitStack() as held:
        folder = _made(held, parent, prefix)
        # whoever gets it may lock it, or the folder above it
        inside = folder / INSIDE
        inside.mkdir(parents=True)
        try:
            yield inside
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let libraries make all that they call temporary in `folder`, for the length of a block."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


if sys.platform == "win32":

    def sweep_scratch(parent: Path, prefix: str = PREFIX) -> None:
        """Windows does not tell the folder of a dead process from that of a live one: all stay."""

else:

    def sweep_scratch(parent: Path, prefix: str = PREFIX) -> None:
        """Remove the temporary folders that dead processes left in `parent`."""
        ours = re.compile(re.escape(prefix) + "[a-z0-9_]{8}")
        for folder in parent.glob(f"{prefix}*"):
            if ours.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                # those of other users and of live processes stay
                with contextlib.suppress(OSError), locked(folder, wait=False):
                    shutil.rmtree(folder, ignore_errors=True)
        for folder in parent.glob("ltvml-*") if prefix == PREFIX else ():
            with contextlib.suppress(OSError):
                if _EARLIER.fullmatch(folder.name) and folder.stat().st_mode & 0o777 == _PRIVATE:
                    folder.rmdir()


def _made(held: contextlib.ExitStack, parent: Path, prefix: str) -> Path:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        # a sweep may come between the making and the lock
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            held.enter_context(locked(folder, wait=False))
            if folder.exists():
                return folder

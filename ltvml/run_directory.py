"""A folder that appears whole or not at all.

Results are written beside their final place and renamed into it when complete: a killed run leaves the old result.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import sys
import uuid
from typing import TYPE_CHECKING, Any

from ltvml.errors import OutputError

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = "ltvml.run"


@contextlib.contextmanager
def run_directory(final: Path, *, kind: str) -> Iterator[Path]:
    """Give a staging folder; on success it replaces `final`, on any error it is removed.

    Parameters
    ----------
    final : Path
        Where the folder belongs. An earlier result of the same kind is replaced; nothing else is.
    kind : str
        What the folder holds, as its manifest says: `bundle`, `scores`.

    Raises
    ------
    OutputError
        If the place cannot be written, is full, or holds something else.
    """
    # a symbolic link stays one: what it points at is replaced
    final = final.resolve()
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            with alone_in(final.parent):
                _sweep(final)
                _refuse_other(final, kind)
                staging = held.enter_context(_staging(final))
            yield staging
            with alone_in(final.parent):
                _refuse_other(final, kind)
                _put_in_place(staging, final)
    except OSError as error:
        raise OutputError(
            f"could not write {final}: {error.strerror or error}.",
            hint="check that the folder is writable and the disk has room. An earlier result is unchanged.",
        ) from error


def write_manifest(folder: Path, kind: str, values: Mapping[str, Any]) -> None:
    """Write `manifest.json`: what the folder is, `values`, and the SHA-256 of every file in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
    write_json(folder / MANIFEST, {"format": FORMAT, "kind": kind, **values, "files": hashes})


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `values` as indented JSON with a newline at the end."""
    path.write_text(as_json(values), encoding="utf-8")


def as_json(values: Mapping[str, Any]) -> str:
    """Indented JSON with a newline at the end."""
    return json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def replace_text(path: Path, text: str) -> None:
    """Write a file beside its place and rename it there: a reader finds the old text or the new one, whole.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    staging = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        try:
            staging.write_text(text, encoding="utf-8")
            staging.replace(path)
        finally:
            staging.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"could not write {path}: {error.strerror or error}.",
            hint="check that the folder is writable and the disk has room. The earlier file is unchanged.",
        ) from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _staging(final: Path) -> Iterator[Path]:
    """A new folder beside `final`, locked while its run lives, so that others can tell it from a dead one's."""
    staging = final.parent / f".{final.name}.{uuid.uuid4().hex[:8]}.partial"
    staging.mkdir()
    try:
        with _locked(staging, wait=False):
            yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, final: Path) -> None:
    previous = _previous(final)
    with contextlib.suppress(FileNotFoundError):
        final.rename(previous)
    try:
        staging.rename(final)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            previous.rename(final)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _sweep(final: Path) -> None:
    """Clear up after runs that were killed; the result of one killed between its two renames is brought back."""
    previous = _previous(final)
    if previous.exists() and not final.exists():
        previous.rename(final)
    shutil.rmtree(previous, ignore_errors=True)
    for leftover in final.parent.glob(f".{glob.escape(final.name)}.*.partial"):
        with contextlib.suppress(OSError), _locked(leftover, wait=False):
            shutil.rmtree(leftover)


def _previous(final: Path) -> Path:
    return final.parent / f".{final.name}.previous"


def _refuse_other(final: Path, kind: str) -> None:
    """Refuse to replace what is not an earlier result of this kind, whole and alone."""
    if final.exists() and not final.is_dir():
        raise OutputError(f"{final} is a file; expected a folder to write results into.", hint="name another folder.")
    inside = {path.name for path in final.iterdir()} if final.is_dir() else set()
    if not inside:
        return
    manifest = _manifest_of(final)
    # files of the operating system, such as .DS_Store, do not count
    foreign = {name for name in inside - _written(manifest) if not name.startswith(".")}
    if manifest.get("kind") != kind:
        content = f"holds {manifest['kind']}" if "kind" in manifest else f"has no {MANIFEST} of ltvml"
        expected = f"an earlier result of {kind}"
    elif foreign:
        content, expected = f"holds {', '.join(sorted(foreign)[:5])} besides", "what ltvml wrote alone"
    else:
        return
    raise OutputError(
        f"{final} is not empty and {content}; expected {expected}: it will not be replaced.",
        hint="name a new or empty folder, or one that an earlier run of the same command wrote.",
    )


def _manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; empty where ltvml did not write it."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else {}


def _written(manifest: Mapping[str, Any]) -> set[str]:
    """Names at the top of a folder that its manifest lists."""
    return {MANIFEST, *(name.partition("/")[0] for name in manifest.get("files", ()))}


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait for other runs that rename in `folder`."""
    with _locked(folder, wait=True):
        yield


if sys.platform == "win32":

    @contextlib.contextmanager
    def _locked(folder: Path, *, wait: bool) -> Iterator[None]:
        """Windows locks no folder: two runs into one place at once are not kept apart there."""
        yield

else:

    @contextlib.contextmanager
    def _locked(folder: Path, *, wait: bool) -> Iterator[None]:
        """Hold the lock of a folder, which ends with the process whatever ends it.

        Raises
        ------
        BlockingIOError
            If another run holds it and `wait` is false.
        """
        handle = os.open(folder, os.O_RDONLY)
        try:
            with _where_locks_are_known():
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield
        finally:
            os.close(handle)


@contextlib.contextmanager
def _where_locks_are_known() -> Iterator[None]:
    """Go on without a lock on the file systems, mostly of networks, that have none."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise

"""A folder that appears whole or not at all.

Results are written beside their final place and renamed into it when complete: a killed run leaves the old result.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import sys
import uuid
from typing import TYPE_CHECKING, Any

from ltvml.errors import ConfigError, OutputError
from ltvml.locks import forget_dead, locked, only_run_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = "ltvml.run"
# `s3://shop/scores` as a path, which would be a folder called `s3:` here
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_PARTIAL = re.compile(r"\.(.+)\.[0-9a-f]{8}\.partial")
_PREVIOUS = re.compile(r"\.(.+)\.previous")
_FILE_OF_A_RUN = re.compile(r"\.(.+)\.running")
# of the system calls that swap two names: renameat2 on Linux, renamex_np on macOS
_HERE, _EXCHANGE = -100, 2


@contextlib.contextmanager
def alone_on(*outputs: Path, command: str, wait: float, under: Path | None = None) -> Iterator[None]:
    """Keep other runs away from outputs for the length of a job, after clearing up behind those that were killed.

    Parameters
    ----------
    outputs : Path
        Folders that the job writes, the outermost first.
    command : str
        What runs, for those who wait.
    wait : float
        Longest time to wait for another run, in seconds.
    under : Path, optional
        Folder of all results: what killed runs left in it is removed.

    Raises
    ------
    ConfigError
        If one is an address, such as that of an object store.
    BusyError
        If another run still holds one of them after that time.
    OutputError
        If the folder above one cannot be written.
    """
    with contextlib.ExitStack() as held:
        for output in outputs:
            _refuse_address(output)
            try:
                held.enter_context(only_run_on(output.resolve(), command=command, wait=wait))
            except OSError as error:
                raise _unwritable(output, error) from error
        if under is not None:
            sweep_results(under)
        yield


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
                _sweep(final.parent)
                _refuse_other(final, kind)
                staging = held.enter_context(_staging(final))
            yield staging
            with alone_in(final.parent):
                _refuse_other(final, kind)
                _put_in_place(staging, final)
    except ConnectionError:
        # a server, or the Java of Spark, that the job was talking to: no fault of the folder
        raise
    except OSError as error:
        raise _unwritable(final, error) from error


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Keep a result as it is while its files are read; one that a killed run moved aside is brought back first.

    Parameters
    ----------
    folder : Path
        A folder that `run_directory` writes; there may be none.
    """
    folder = folder.resolve()
    _bring_back(folder)
    with contextlib.ExitStack() as held:
        # no folder above, or one that may not be opened: nothing there is replaced meanwhile either
        with contextlib.suppress(OSError):
            held.enter_context(locked(folder.parent, shared=True))
        yield


def changed_files(folder: Path, manifest: Mapping[str, Any], names: Iterable[str] | None = None) -> list[str]:
    """Files of a result that are missing or not as its manifest says, each with what was found.

    Parameters
    ----------
    folder : Path
    manifest : mapping
        As `manifest_of` gives it.
    names : iterable of str, optional
        Files to look at, and folders of parts with all that is in them; all that the manifest lists by default.
    """
    files: Mapping[str, str] = manifest.get("files", {})
    found = []
    wanted = list(files)
    if names is not None:
        wanted = []
        for name in names:
            there = {path.relative_to(folder).as_posix() for path in (folder / name).rglob("*") if path.is_file()}
            found += [f"{extra} was added after it was written" for extra in sorted(there - set(files))]
            wanted += listed(manifest, name) or [name]
    for name in wanted:
        if not (folder / name).is_file():
            found.append(f"{name} is missing")
        elif file_hash(folder / name) != files.get(name):
            found.append(f"{name} was changed after it was written")
    return found


def listed(manifest: Mapping[str, Any], name: str) -> list[str]:
    """The files of a table: the one of its name, or its parts in a folder of that name; none where it is not there."""
    return [file for file in manifest.get("files", ()) if file == name or file.startswith(f"{name}/")]


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

    The caller is alone in the folder, see `alone_in`: a sweep would take the file beside for one of a dead run.

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


def sweep_results(folder: Path) -> None:
    """Clear up after runs that were killed, in a folder of results, in those inside it and in those inside them."""
    for parent in (folder, *folder.glob("*/"), *folder.glob("*/*/")):
        with contextlib.suppress(OSError):
            if any(_is_leftover(path.name) for path in parent.iterdir()):
                with alone_in(parent):
                    _sweep(parent)


@contextlib.contextmanager
def _staging(final: Path) -> Iterator[Path]:
    """A new folder beside `final`, locked while its run lives, so that others can tell it from a dead one's."""
    staging = final.parent / f".{final.name}.{uuid.uuid4().hex[:8]}.partial"
    staging.mkdir()
    try:
        with locked(staging, wait=False):
            yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, final: Path) -> None:
    if final.exists() and _exchanged(staging, final):
        # what is in the staging folder now is the earlier result, which goes with it
        return
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


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two folders in one step, so that there is no moment without a result; False where that is not known."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform != "win32" else None
    paths = os.fsencode(one), os.fsencode(other)
    if swap := getattr(libc, "renameat2", None):
        return bool(swap(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0)
    if swap := getattr(libc, "renamex_np", None):
        return bool(swap(*paths, _EXCHANGE) == 0)
    return False


def _sweep(parent: Path) -> None:
    """Remove what killed runs left in a folder; a result of one killed between its two renames is brought back.

    The caller is alone in the folder.
    """
    for path in list(parent.iterdir()):
        if _FILE_OF_A_RUN.fullmatch(path.name):
            forget_dead(path)
        elif (moved := _PREVIOUS.fullmatch(path.name)) and manifest_of(path):
            if not (parent / moved[1]).exists():
                path.rename(parent / moved[1])
            shutil.rmtree(path, ignore_errors=True)
        elif _PARTIAL.fullmatch(path.name):
            # that of a live run is locked
            with contextlib.suppress(OSError), locked(path, wait=False):
                _removed(path)


def _is_leftover(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in (_PARTIAL, _PREVIOUS, _FILE_OF_A_RUN))


def _removed(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _bring_back(final: Path) -> None:
    """Undo the first rename of a run that was killed before its second one."""
    if final.exists() or not _previous(final).exists():
        return
    with contextlib.suppress(OSError), alone_in(final.parent):
        if not final.exists():
            _previous(final).rename(final)


def _previous(final: Path) -> Path:
    return final.parent / f".{final.name}.previous"


def _refuse_address(output: Path) -> None:
    if output.parts and _SCHEME.fullmatch(output.parts[0]):
        scheme, *rest = output.parts
        raise ConfigError(
            f"results cannot be written to {scheme}//{'/'.join(rest)}: expected a folder of this machine.",
            hint="mount the store as a folder, copy the results there afterwards, or write tables (output.write_to).",
        )


def _unwritable(final: Path, error: OSError) -> OutputError:
    return OutputError(
        f"could not write {final}: {error.strerror or error}.",
        hint="check that the folder is writable and the disk has room. An earlier result is unchanged.",
    )


def _refuse_other(final: Path, kind: str) -> None:
    """Refuse to replace what is not an earlier result of this kind, whole and alone."""
    if final.exists() and not final.is_dir():
        raise OutputError(f"{final} is a file; expected a folder to write results into.", hint="name another folder.")
    inside = {path.name for path in final.iterdir()} if final.is_dir() else set()
    if not inside:
        return
    manifest = manifest_of(final)
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


def manifest_of(folder: Path) -> dict[str, Any]:
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
    """Wait for other runs that rename in `folder`, or read from it."""
    with locked(folder):
        yield

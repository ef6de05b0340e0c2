"""A folder that appears whole or not at all.

Results are written beside their final place and renamed into it when complete: a killed run leaves the old result.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANIFEST = "manifest.json"


@contextlib.contextmanager
def run_directory(final: Path) -> Iterator[Path]:
    """Give a staging folder; on success it replaces `final`, on any error it is removed.

    Parameters
    ----------
    final : Path
        Where the folder belongs. A folder that is there already is replaced if ltvml wrote it (it has a manifest).

    Raises
    ------
    OutputError
        If the place cannot be written, is full, or holds something that ltvml did not write.
    """
    final = final.absolute()
    try:
        _recover(final)
        _refuse_foreign(final)
        staging = _staging(final)
        try:
            yield staging
            _put_in_place(staging, final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"could not write {final}: {error.strerror or error}.",
            hint="is the folder writable, and is there room on the disk? What was there before is untouched.",
        ) from error


def write_manifest(folder: Path, values: Mapping[str, Any]) -> None:
    """Write `manifest.json`: `values`, and the SHA-256 of every file in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
    write_json(folder / MANIFEST, {**values, "files": hashes})


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `values` as indented JSON with a newline at the end."""
    path.write_text(json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _staging(final: Path) -> Path:
    final.parent.mkdir(parents=True, exist_ok=True)
    for leftover in final.parent.glob(f".{final.name}.*.partial"):
        if not _running(leftover.name.split(".")[-2]):
            shutil.rmtree(leftover, ignore_errors=True)
    staging = final.parent / f".{final.name}.{os.getpid()}.partial"
    staging.mkdir()
    return staging


def _put_in_place(staging: Path, final: Path) -> None:
    previous = final.parent / f".{final.name}.{os.getpid()}.previous"
    while True:
        with contextlib.suppress(FileNotFoundError):
            final.rename(previous)
        try:
            staging.rename(final)
        except OSError:
            # another run put its result there between the two renames: it is the older one now
            if not final.exists():
                with contextlib.suppress(FileNotFoundError):
                    previous.rename(final)
                raise
            shutil.rmtree(previous, ignore_errors=True)
            continue
        shutil.rmtree(previous, ignore_errors=True)
        return


def _recover(final: Path) -> None:
    """Bring back the result of a run that was killed between its two renames."""
    for previous in final.parent.glob(f".{final.name}.*.previous"):
        if _running(previous.name.split(".")[-2]):
            continue
        if final.exists():
            shutil.rmtree(previous, ignore_errors=True)
        else:
            previous.rename(final)


def _refuse_foreign(final: Path) -> None:
    if final.exists() and not final.is_dir():
        raise OutputError(f"{final} is a file; expected a folder to write results into.", hint="name another folder.")
    if final.is_dir() and not (final / MANIFEST).exists() and any(final.iterdir()):
        raise OutputError(
            f"{final} is not empty and holds no {MANIFEST}: ltvml did not write it and will not replace it.",
            hint="name a new or empty folder, or one that an earlier run wrote.",
        )


def _running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        return True
    return True

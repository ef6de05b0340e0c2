"""Objects of an S3 bucket, fetched into the temporary folder: from there on they are files like others."""

from __future__ import annotations

import errno
import os
import shutil
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.engines.files.containers import not_copied
from ltvml.errors import ConfigError, EngineError
from ltvml.passwords import without_password

if TYPE_CHECKING:
    from ltvml.engines.files.containers import Room

_SCHEMES = ("s3://", "s3a://")
_SECONDS_TO_CONNECT, _SECONDS_TO_ANSWER, _ATTEMPTS = 10, 60, 3
_CHUNK = 1 << 20
_CREDENTIALS = (
    "user and key come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws (AWS_PROFILE) or the role of the "
    "machine; AWS_ENDPOINT_URL names another service than Amazon's."
)


def in_bucket(path: str) -> bool:
    """Whether a path is in an S3 bucket."""
    return path.lower().startswith(_SCHEMES)


def fetched(path: str, room: Room) -> str:
    """The local path that stands for an object, a folder of objects or a pattern, which are copied below `room`.

    Raises
    ------
    ConfigError
        If the address holds a key.
    EngineError
        If there is no such object, it may not be read, or there is no room for it.
    """
    place = path.partition("://")[2].rstrip("/")
    bucket = place.partition("/")[0]
    if "@" in bucket or ":" in bucket:
        raise ConfigError(f"{without_password(path)} holds a key; expected an address without one.", hint=_CREDENTIALS)
    root = room.place(Path("objects"), "objects")
    try:
        store = _store(bucket)
        found = _objects(store, place)
        if not found:
            raise EngineError(f"'{path}' matches no object.", hint=_CREDENTIALS)
        for name in found:
            _copy(store, name, root)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise not_copied(f"'{path}'", root.parent, error.strerror or str(error)) from None
        reason = without_password(str(error).strip().splitlines()[0])
        raise EngineError(f"'{path}' could not be read: {reason}.", hint=_CREDENTIALS) from None
    return str(root / place)


def _store(bucket: str) -> Any:
    # only who reads from a bucket waits for it
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region or (None if endpoint else fs.resolve_s3_region(bucket)),
        connect_timeout=_SECONDS_TO_CONNECT,
        request_timeout=_SECONDS_TO_ANSWER,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )


def _objects(store: Any, place: str) -> list[str]:
    """Names of the objects that a pattern may mean: the glob of the copies leaves out what it does not."""
    from pyarrow import fs

    parts = place.split("/")
    wild = [number for number, part in enumerate(parts) if any(sign in part for sign in "*?[")]
    start = "/".join(parts[: wild[0]]) if wild else place
    info = store.get_file_info(start) if "/" in start else None
    if info is not None and info.type == fs.FileType.File:
        return [start]
    if info is not None and info.type == fs.FileType.NotFound:
        return []
    files = [
        one.path for one in store.get_file_info(fs.FileSelector(start, recursive=True)) if one.type == fs.FileType.File
    ]
    # an empty folder between two slashes is one of no depth
    pattern = place.replace("**/", "*")
    return sorted(name for name in files if not wild or fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*"))


def _copy(store: Any, name: str, root: Path) -> None:
    out = root / name
    if ".." in out.parts:
        raise EngineError(f"the object '{name}' has '..' in its name; expected none.", hint="copy it under another.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with store.open_input_stream(name) as content, out.open("wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)

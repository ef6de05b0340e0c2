"""A tracking library kept within bounds while ltvml calls it: what it prints, how long it waits, where it writes."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SQLITE = "sqlite:///"
# MLflow makes a new store in 3 seconds, on a busy machine in 20
LOCK_SECONDS = 60.0


@contextlib.contextmanager
def environment(fixed: Mapping[str, str], defaults: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the length of a block; `defaults` only where the user set nothing."""
    wanted = {key: value for key, value in defaults.items() if key not in os.environ} | dict(fixed)
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextlib.contextmanager
def silenced(*names: str) -> Iterator[None]:
    """Keep these loggers silent for the length of a block, unless ltvml itself is logging at debug level.

    A failure arrives as an exception, which holds the same information.
    """
    debugging = logging.getLogger("ltvml").isEnabledFor(logging.DEBUG)
    loggers = [] if debugging else [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def sqlite_file(uri: str) -> Path | None:
    """Give the absolute path of a SQLite store; None for any other store."""
    if not uri.startswith(SQLITE):
        return None
    return Path(uri.removeprefix(SQLITE).partition("?")[0]).absolute()


def check_writable(database: Path) -> None:
    """Write to a SQLite file and take it back, making the file and its folder where there are none.

    MLflow would try ten times for a minute before the same error.

    Raises
    ------
    OSError, sqlite3.Error
        If the file cannot be made or written, or is no database.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(database, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE ltvml_probe (x)")
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def one_at_a_time(database: Path) -> Iterator[None]:
    """Keep other processes waiting that would open the same SQLite store, for the length of a block.

    Two that make a new store at once break each other's migrations. The lock is SQLite's own, on a file beside the
    store: it goes with the process that holds it.

    Raises
    ------
    sqlite3.Error
        If the lock cannot be made, or is not given within `LOCK_SECONDS`.
    """
    lock = database.with_name(f".{database.name}.lock")
    with contextlib.closing(sqlite3.connect(lock, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield

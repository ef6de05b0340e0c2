"""Threads that learners may use: as many as the machine grants, or those that the configuration allows."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALLOWED: ContextVar[int | None] = ContextVar("threads_allowed", default=None)


def granted(wanted: int) -> int:
    """Threads to start where `wanted` could be used: at least 1.

    Examples
    --------
    >>> with at_most(3):
    ...     granted(8), granted(2)
    (3, 2)
    """
    return max(min(wanted, _ALLOWED.get() or cores()), 1)


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Allow so many threads inside the block; without a number, as many as there are cores."""
    before = _ALLOWED.set(threads)
    try:
        yield
    finally:
        _ALLOWED.reset(before)

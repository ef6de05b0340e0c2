"""How much memory this process may use: that of the machine, or less where its control group says so."""

from __future__ import annotations

import os
from pathlib import Path

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
SHARE = 0.5
"""Of the memory, for tables that DuckDB holds: what scores and plans a table in Python needs its part."""


def default_limit() -> str | None:
    """DuckDB's memory limit where the configuration has none, like 12000MB; None where the memory is not known."""
    memory = usable_memory()
    return None if memory is None else f"{max(int(SHARE * memory) // 10**6, 100)}MB"


def usable_memory() -> int | None:
    """Bytes; None where the system does not tell."""
    found = [size for size in (_of_machine(), *map(_of_group, _LIMITS)) if size is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _of_group(path: Path) -> int | None:
    """The limit of a container; none where it says max, or a number beyond all memory."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None

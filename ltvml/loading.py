"""LightGBM without what it loads beside itself: scikit-learn, which takes ten times as long to load as LightGBM.

LightGBM looks for scikit-learn when it is loaded, and offers estimators of its kind where it is there. The command
line has no use for them; whoever imports ltvml in a program of his own may have.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKLEARN = "sklearn"
_process = {"ours": False}


def process_is_ours() -> None:
    """Say that no program but the command line uses this process."""
    _process["ours"] = True


@contextmanager
def lightgbm_alone() -> Iterator[None]:
    """Within the block LightGBM is loaded alone, where the process is ours and neither of the two is loaded."""
    alone = _process["ours"] and _SKLEARN not in sys.modules
    if alone:
        # how Python is told that there is no such module
        sys.modules[_SKLEARN] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if alone:
            del sys.modules[_SKLEARN]

"""Fixtures of the whole suite; real data is reached through `shared` alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# workers of the suite share the cores: a thread that waits for its turn must not keep one busy
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data beside the checkout: `shared/data`, `shared/reference`."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no folder `shared` beside the checkout: the tests on real data are skipped")
    return SHARED

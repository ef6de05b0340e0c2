"""How a workflow says how far it is; the command line draws it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress(Protocol):
    """Told of each step: its name, how much is done, and of how much where that is known."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` is done of `step`."""


class Steps:
    """The steps of one workflow: announces each, and keeps how long it took.

    Parameters
    ----------
    progress : Progress, optional

    Attributes
    ----------
    seconds : dict of str to float
        Wall-clock time by step.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step, and its end; a step that is taken twice takes the sum of both."""
        self.advance(name, 0, None)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.advance(name, 1, 1)

    def advance(self, name: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` is done of a step."""
        if self._progress is not None:
            self._progress(name, done, total)

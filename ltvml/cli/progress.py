"""Progress of long steps, drawn on stderr where that is a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBars:
    """A `workflows.progress.Progress`: one bar a step; a step without a total pulses until the next one starts."""

    def __init__(self) -> None:
        self._display: Progress | None = None
        self._steps: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Draw that `done` of `total` is done of `step`."""
        display = self._display = self._display or _started_display()
        if step not in self._steps:
            self._finish_pulsing(display)
            self._steps[step] = display.add_task(step, total=total)
        display.update(self._steps[step], completed=done, total=total)

    def stop(self) -> None:
        """Leave the bars as they are and give the terminal back; a later call starts anew."""
        if self._display is not None:
            self._finish_pulsing(self._display)
            self._display.stop()
        self._display, self._steps = None, {}

    def _finish_pulsing(self, display: Progress) -> None:
        """Fill the bars whose total was never known."""
        for task in display.tasks:
            if task.total is None:
                display.update(task.id, total=1, completed=1)


def _started_display() -> Progress:
    """Rich's bars on stderr, running."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    display = Progress(*columns, console=Console(stderr=True), redirect_stdout=False)
    display.start()
    return display


def progress_bars(*, quiet: bool) -> ProgressBars | None:
    """Bars, or None where stderr is no terminal or output is quiet."""
    return ProgressBars() if sys.stderr.isatty() and not quiet else None

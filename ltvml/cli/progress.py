"""Progress of long steps on stderr: bars where that is a terminal, a line a step where it is a file or a log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import typer

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


class StepLines:
    """A `workflows.progress.Progress` for logs: a line when a step ends, with the seconds that it took."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Remember when `step` began; say so when `done` reaches `total`."""
        now = time.perf_counter()
        if total is None or done < total:
            self._started.setdefault(step, now)
        elif step in self._started:
            typer.echo(f"{step}: {now - self._started.pop(step):.1f} s", err=True)

    def stop(self) -> None:
        """Forget the steps that did not end: what stopped them is said elsewhere."""
        self._started = {}


def shown_progress(*, quiet: bool) -> ProgressBars | StepLines | None:
    """Bars on a terminal, lines elsewhere; None where output is quiet."""
    if quiet:
        return None
    return ProgressBars() if sys.stderr.isatty() else StepLines()

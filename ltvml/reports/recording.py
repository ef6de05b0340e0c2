"""Record a finished job with the tracker: the results are safe before, and stay if the tracker fails."""

from __future__ import annotations

import platform
import warnings
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ltvml.errors import LtvmlWarning, TrackingError
from ltvml.tracking.choose import tracker_for
from ltvml.tracking.items import of_shop
from ltvml.words.phrases import phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ltvml.config.sections import OutputSettings, TrackingSettings
    from ltvml.tracking.base import Logged
    from ltvml.tracking.items import Run

SHAPING = ("ltvml", "numpy", "scipy", "pandas", "duckdb", "narwhals")


NOT_KEPT = Path("(not kept: no output folder was given)")
"""Stands for the folder of a result that lives in memory alone."""


@dataclass(frozen=True)
class Recorded:
    """Where a job was recorded, or why it was not.

    Parameters
    ----------
    logged : Logged, optional
        None where tracking is off or failed.
    error : TrackingError, optional
    """

    logged: Logged | None = None
    error: TrackingError | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        if self.error is not None:
            return {"error": self.error.message}
        return vars(self.logged).copy() if self.logged is not None else {}

    def lines(self, language: str = "en") -> list[tuple[str, str]]:
        """Names and values for a report."""
        words = phrases(language)
        if self.error is not None:
            return [(words["label.tracking"], words["tracking.failed"])]
        if self.logged is None:
            return []
        model = [(words["label.model"], self.logged.model_uri)] if self.logged.model_uri else []
        return [(words["label.tracked"], self.logged.store), (words["label.run"], self.logged.run_id), *model]


class Recordable(Protocol):
    """A report that can be recorded."""

    @property
    def recorded(self) -> Recorded:
        """Where the job was recorded, or why it was not."""

    def tracked(self) -> Mapping[str, Any]:
        """What the tracker keeps: no person, and no path of a person's data."""


R = TypeVar("R", bound=Recordable)


def record(
    report: R, tracking: TrackingSettings, output: OutputSettings, run_of: Callable[[Mapping[str, Any]], Run]
) -> R:
    """Log the report; a tracker that fails is a warning here, and exit code 6 on the command line.

    Parameters
    ----------
    report : Recordable
        Of a job whose results are already written.
    tracking : TrackingSettings
    output : OutputSettings
        Its folder holds the store of a local tracker.
    run_of : callable
        Turns `report.tracked()` into a run.

    Returns
    -------
    Recordable
        The report with `recorded` filled in.
    """
    try:
        folder = Path(output.dir).absolute()
        tracker = tracker_for(tracking.backend, experiment=tracking.experiment, folder=folder)
        run = of_shop(run_of(report.tracked()), tracking.shop or tracking.experiment)
        recorded = Recorded(tracker.log(run))
    except TrackingError as error:
        warnings.warn(LtvmlWarning(f"the results are written, but the run was not tracked: {error}"), stacklevel=3)
        recorded = Recorded(error=error)
    return replace(report, recorded=recorded)  # type: ignore[type-var]


def versions() -> dict[str, str]:
    """Versions of what shapes a result, for the manifest."""
    return {"python": platform.python_version(), **{name: version(name) for name in SHAPING}}

"""What every tracker does, the tracker that does nothing, and the choice of one by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ltvml.errors import TrackingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ltvml.tracking.items import Run

Backend = Literal["mlflow", "local", "none"]


@dataclass(frozen=True)
class Logged:
    """Where a run was recorded.

    Parameters
    ----------
    run_id : str
    store : str
        The place that lists the runs: an absolute URI or folder.
    artifacts : str
        The place of the run's files.
    model_uri : str or None
        What `fetch` and `ltvml score --model` take; None where the run held no model.
    alias : str or None
        `champion` or `challenger`, where the tracker has a registry.
    """

    run_id: str
    store: str
    artifacts: str
    model_uri: str | None = None
    alias: str | None = None


class Tracker(Protocol):
    """A place that keeps runs."""

    def log(self, run: Run) -> Logged | None:
        """Record a run with its children; None where nothing is kept.

        Raises
        ------
        TrackingError
            If the place cannot be reached or written.
        """

    def fetch(self, model_uri: str, folder: Path) -> Path:
        """Copy a logged bundle into `folder`, and say where it lies there.

        Parameters
        ----------
        model_uri : str
            `models:/name@alias`, `models:/name/3` or `runs:/id`.
        folder : Path
            An existing folder.

        Raises
        ------
        TrackingError
            If there is no such model, or the place cannot be reached.
        """

    def promote(self, bundle_version: str, tags: Mapping[str, str]) -> Moved | None:
        """Let the alias champion name the registered version of a bundle; None where there is no registry.

        Parameters
        ----------
        bundle_version : str
        tags : mapping of str to str
            Written to the version: who promoted it, when and why.

        Raises
        ------
        TrackingError
            If no version holds the bundle, or the place cannot be reached; the alias stays where it was.
        """


@dataclass(frozen=True)
class Moved:
    """An alias that was moved.

    Parameters
    ----------
    model_uri : str
        The version that it names now, as `models:/name/3`.
    before : str or None
        The version that it named before.
    """

    model_uri: str
    before: str | None = None


class NullTracker:
    """Keeps nothing (`tracking.backend: none`, or `--no-mlflow`)."""

    def log(self, run: Run) -> None:
        """Forget the run."""

    def promote(self, bundle_version: str, tags: Mapping[str, str]) -> None:
        """Do nothing: there is no registry."""

    def fetch(self, model_uri: str, folder: Path) -> Path:
        """Refuse: nothing was kept.

        Raises
        ------
        TrackingError
            Always.
        """
        raise TrackingError(
            f"'{model_uri}' names a tracked model, and tracking is off; expected a bundle folder.",
            hint="name the folder, for example out/bundle, or set tracking.backend to mlflow.",
        )

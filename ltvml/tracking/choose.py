"""The tracker that a configuration selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from ltvml.errors import ConfigError
from ltvml.tracking.base import Backend, NullTracker, Tracker

if TYPE_CHECKING:
    from pathlib import Path


def tracker_for(backend: str, *, experiment: str, folder: Path) -> Tracker:
    """Choose the tracker that `tracking.backend` names.

    Parameters
    ----------
    backend : {"mlflow", "local", "none"}
    experiment : str
        Name of the experiment, and of the registered model.
    folder : Path
        Where a local store lives: `mlflow.db` and `mlartifacts`, or `runs`.

    Raises
    ------
    ConfigError
        If the backend is not known.
    """
    # each tracker is imported where it is chosen: mlflow takes seconds, and `none` needs nothing
    if backend == "mlflow":
        from ltvml.tracking.mlflow import MlflowTracker

        return MlflowTracker(experiment, folder)
    if backend == "local":
        from ltvml.tracking.local import LocalTracker

        return LocalTracker(folder)
    if backend == "none":
        return NullTracker()
    raise ConfigError(f"tracking.backend is '{backend}'; expected one of {', '.join(get_args(Backend))}.")

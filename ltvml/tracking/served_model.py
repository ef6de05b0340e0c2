"""The model that MLflow loads and serves: this file itself is logged (models from code), beside the bundle's text.

It is executed by MLflow, and never imported by ltvml. Where ltvml is not installed, the source that was logged with
the model takes its place.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pandas as pd  # noqa: TC002  # mlflow reads the type hints of `predict`, and warns where it finds none

with warnings.catch_warnings():
    # mlflow warns about its own type hints while it is imported
    warnings.filterwarnings("ignore", module=r"mlflow\.")
    from mlflow.exceptions import MlflowException
    from mlflow.models import set_model
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
    from mlflow.pyfunc import PythonModel


class ServedBundle(PythonModel):  # type: ignore[misc]  # mlflow has no types here
    """A bundle behind the interface of a pyfunc."""

    def load_context(self, context: Any) -> None:
        """Load the bundle among the model's artifacts."""
        try:
            from ltvml.bundle.bundle import Bundle
        except ModuleNotFoundError:
            sys.path.append(unpacked(context.artifacts["source"]))
            from ltvml.bundle.bundle import Bundle

        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score summary rows: the customer scores, as `ltvml score` writes them; dates as ISO text, numbers double.

        Raises
        ------
        MlflowException
            With the column that cannot be used: of all exceptions, the only one whose words MLflow's server passes on.
        """
        from ltvml.errors import DataContractError
        from ltvml.tracking.served_rows import summary_of, travelling

        try:
            rows = summary_of(model_input, self.bundle.summary_columns)
            return travelling(self.bundle.score(rows), self.bundle.window.horizons)
        except DataContractError as error:
            raise MlflowException(error.message, error_code=INVALID_PARAMETER_VALUE) from error


def unpacked(archive: str) -> str:
    """Unpack the source of ltvml into a new folder that goes when the process does."""
    folder = tempfile.mkdtemp(prefix="ltvml-source-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.unpack_archive(archive, folder)
    return folder


set_model(ServedBundle())

"""The model that MLflow loads and serves: this file itself is logged (models from code), beside the bundle's text.

It is executed by MLflow, and never imported by ltvml. Where ltvml is not installed, the source that was logged with
the model takes its place.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    # mlflow warns about its own type hints while it is imported
    warnings.filterwarnings("ignore", module=r"mlflow\.")
    from mlflow.models import set_model
    from mlflow.pyfunc import PythonModel

if TYPE_CHECKING:
    import pandas as pd


class ServedBundle(PythonModel):  # type: ignore[misc]  # mlflow has no types here
    """A bundle behind the interface of a pyfunc."""

    def load_context(self, context: Any) -> None:
        """Load the bundle among the model's artifacts."""
        if importlib.util.find_spec("ltvml") is None:
            sys.path.append(context.artifacts["source"])
        from ltvml.bundle import Bundle

        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Customer scores of summary rows, as `ltvml score` writes them; dates as ISO text, numbers double."""
        from ltvml.tracking.served_rows import summary_of, travelling

        return travelling(self.bundle.score(summary_of(model_input, self.bundle.summary_columns)))


set_model(ServedBundle())

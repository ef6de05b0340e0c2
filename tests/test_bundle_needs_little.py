"""A bundle scores on a worker that has numpy, scipy, pandas and lightgbm only."""

from __future__ import annotations

import subprocess
import sys

# narwhals is not here: lightgbm brings it along, and import-linter sees to it that models do not use it
ABSENT = (
    "duckdb",
    "lifetimes",
    "matplotlib",
    "mlflow",
    "pyarrow",
    "pydantic",
    "pyspark",
    "rich",
    "sklearn",
    "typer",
    "yaml",
)
IMPORT_ALL = f"""
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import ltvml.bundle.bundle
import ltvml.models

names = [found.name for found in pkgutil.walk_packages(ltvml.models.__path__, "ltvml.models.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_bundle_and_every_model_load_without_the_rest_of_the_dependencies() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0

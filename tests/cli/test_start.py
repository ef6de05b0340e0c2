"""`ltvml --help` must be there at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "numpy",
    "pandas",
    "scipy",
    "duckdb",
    "narwhals",
    "pyarrow",
    "pydantic",
    "yaml",
    "rich",
    "matplotlib",
    "sklearn",
    "lightgbm",
    "mlflow",
    "pyspark",
]
LOADED = """
import sys
from ltvml.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end
print("loaded:", *sorted({name.split(".")[0] for name in sys.modules} & set(%r)), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> set[str]:
    """The heavy packages in memory when the command has ended."""
    run = subprocess.run([sys.executable, "-c", LOADED % HEAVY, *arguments], capture_output=True, text=True, check=True)
    return set(run.stderr.split()[1:])


def test_help_loads_nothing_heavy():
    assert loaded_by("--help") == set()


@pytest.mark.parametrize("command", [["fit"], ["score"], ["demo"], ["config"], ["models"], ["outreach"]], ids="".join)
def test_help_of_a_command_loads_at_most_what_typer_reads_options_with(command):
    assert loaded_by(*command, "--help") <= {"pydantic"}


def test_reading_a_configuration_loads_no_engine_and_no_model(tmp_path):
    (tmp_path / "ltvml.yaml").write_text("window: {cutoff: 2011-09-10}\n", encoding="utf-8")
    arguments = ["config", "show", "--config", str(tmp_path / "ltvml.yaml"), "--quiet"]
    assert loaded_by(*arguments) <= {"numpy", "pydantic", "yaml"}

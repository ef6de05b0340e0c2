"""The package as a user gets it: built, installed in another folder and run far from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import ltvml
from benchmarks.fit import CHOICES, choices, differences

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the unpacked wheel; its dependencies are those of the running environment."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)]
    _run([*pip, str(wheel)], cwd=folder)
    return folder


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "ltvml").rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} <= names
    assert "ltvml/py.typed" in names
    assert "ltvml/datasets/files/ATTRIBUTION.md" in names


def test_nothing_but_the_package_is_in_the_wheel(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"ltvml", f"ltvml-{ltvml.__version__}.dist-info"}


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert _ltvml(["--version"], installed, tmp_path) == f"ltvml {ltvml.__version__}\n"


def test_the_demo_with_model_selection_runs_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    """The one run of the whole demo, selection and all: tests/workflows/test_demo.py names its models.

    Its choices are those of the fit in which every model was trained in full, see tests/backtesting/test_choice.py.
    """
    out = "my: demo #1"
    text = _ltvml(["demo", "--out", out, "--no-mlflow"], installed, tmp_path)
    # the absolute path of the local store cannot be broken
    assert max(len(line) for line in text.splitlines() if str(tmp_path) not in line) <= 80
    assert "Churn model: A stack of closed_form" in " ".join(text.split())
    assert {path.name for path in tmp_path.iterdir()} == {out}
    before = json.loads(CHOICES.read_text(encoding="utf-8"))["demo"]
    assert differences(before, choices(ltvml.Bundle.load(tmp_path / out / "bundle"))) == []
    scores = pd.read_parquet(tmp_path / out / "scores" / "2011-09-10" / "customers.parquet")
    assert (scores["predicted_ltv_lo"] <= scores["predicted_ltv_hi"]).all()
    for place in ("bundle", "scores/2011-09-10/plots/predicted_ltv.png"):
        assert f"{out}/{place}" in text or place in text
        assert (tmp_path / out / place).exists()


def _ltvml(arguments: list[str], installed: Path, folder: Path) -> str:
    where = _run([sys.executable, "-c", "import ltvml; print(ltvml.__file__)"], cwd=folder, path=installed)
    assert Path(where.strip()).is_relative_to(installed)
    return _run([sys.executable, "-m", "ltvml.cli", *arguments], cwd=folder, path=installed)


def _run(command: list[str], *, cwd: Path, path: Path | None = None) -> str:
    """Standard output of a command that must succeed; `path` goes before everything else on the import path."""
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout

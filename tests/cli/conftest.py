"""A command line with stand-ins for the workflows: only what the command does around them is tried here."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, field
from typing import Any

import pytest
from typer.testing import CliRunner

from ltvml.cli.app import app


@dataclass(frozen=True)
class StandIn:
    """A report."""

    values: dict[str, Any] = field(default_factory=lambda: {"customers": 3})
    recorded: Any = field(default_factory=lambda: types.SimpleNamespace(error=None))

    def to_dict(self) -> dict[str, Any]:
        return self.values

    def text(self) -> str:
        return "three customers"


@pytest.fixture
def workflow(monkeypatch):
    """Replace the workflow of a command; gives the list of its calls."""

    def replace(name, behave=lambda *args, **kwargs: StandIn(), *, function=None):
        calls = []

        def stand_in(*args, **kwargs):
            calls.append((args, kwargs))
            return behave(*args, **kwargs)

        module = types.ModuleType(f"ltvml.workflows.{name}")
        setattr(module, function or name, stand_in)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        import ltvml.workflows

        monkeypatch.setattr(ltvml.workflows, name, module, raising=False)
        return calls

    return replace


@pytest.fixture
def ltvml(tmp_path, monkeypatch):
    """Run `ltvml` in an empty folder that holds a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "ltvml.yaml").write_text("window: {cutoff: 2011-09-10}\n", encoding="utf-8")
    return lambda *args: CliRunner().invoke(app, list(args))


@pytest.fixture
def report():
    """Make a report from its values."""
    return StandIn

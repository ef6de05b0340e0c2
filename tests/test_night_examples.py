"""The examples of docs/night: their commands and options exist; the image comes from the lock, and has no rights."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import pytest
import typer

from ltvml.cli.app import app

NIGHT = Path(__file__).resolve().parents[1] / "docs" / "night"
COMMAND = re.compile(r"\bltvml ((?:[a-z]+ )+)((?:--[a-z-]+(?:[ =](?!--)\S+)? ?)*)")
ROOT = typer.main.get_command(app)


def commands_of(text: str) -> list[tuple[str, list[str]]]:
    """Command and options of each call of ltvml."""
    calls = [(match[1].split()[0], re.findall(r"--[a-z-]+", match[2])) for match in COMMAND.finditer(text)]
    return [(name, options) for name, options in calls if options]


@pytest.mark.parametrize("example", ["crontab", "ltvml-night.service", "airflow_dag.py", "Dockerfile"])
def test_every_command_of_an_example_exists_with_its_options(example):
    calls = commands_of((NIGHT / example).read_text(encoding="utf-8"))
    assert calls
    for name, options in calls:
        command = ROOT.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options) <= known, name


def test_the_image_is_made_from_the_lock_names_no_registry_and_has_no_rights():
    lines = (NIGHT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert images
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image in images)
    installs = [line for line in lines if "pip install" in line]
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users
    assert users[-1] not in ("root", "0")
    assert lines.index(f"USER {users[-1]}") > max(place for place, line in enumerate(lines) if line.startswith("RUN"))


def test_the_units_and_the_dag_can_be_read():
    for unit in ("ltvml-night.service", "ltvml-night.timer"):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read(NIGHT / unit)
        assert "Unit" in parser
    ast.parse((NIGHT / "airflow_dag.py").read_text(encoding="utf-8"))

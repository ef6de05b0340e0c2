"""The examples of docs/night: their commands and options exist; the image comes from the lock, and has no rights."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import typer

from ltvml.cli.app import app

CHECKOUT = Path(__file__).resolve().parents[1]
NIGHT = CHECKOUT / "docs" / "night"
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
    # what is built from its source fetches what builds it, by no hash
    assert all("--only-binary :all:" in line or "--no-index" in line for line in installs)
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users
    assert users[-1] not in ("root", "0")
    assert lines.index(f"USER {users[-1]}") > max(place for place, line in enumerate(lines) if line.startswith("RUN"))


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments of each line of the Dockerfile."""
    lines = (NIGHT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name.isupper()]


def test_the_image_installs_what_builds_the_wheel_from_the_lock(tmp_path):
    """What hatchling says that it needs, as its own release tells it."""
    (pick,) = (rest for name, rest in instructions() if name == "RUN" and rest.startswith("awk"))
    shutil.copy(CHECKOUT / "requirements-dev.lock", tmp_path)
    subprocess.run(pick, shell=True, cwd=tmp_path, check=True)
    lock = (tmp_path / "lock").read_text(encoding="utf-8")
    needed = {re.split(r"[^\w-]", text)[0] for text in metadata.requires("hatchling") or ()}
    needed -= {"tomli"}  # for Pythons before 3.11
    assert set(re.findall(r"^([a-z-]+)==", lock, flags=re.MULTILINE)) == needed | {"hatchling"}
    assert lock.count("--hash=") >= len(needed)


@pytest.mark.slow
def test_what_the_image_copies_is_enough_to_build_and_install_the_command(tmp_path):
    """The lines of the Dockerfile that need no registry, in folders in place of the image's."""
    build, wheels, target = tmp_path / "build", tmp_path / "wheels", tmp_path / "installed"
    build.mkdir()
    for rest in (rest for name, rest in instructions() if name == "COPY" and not rest.startswith("--from")):
        *sources, _ = shlex.split(rest)
        for source in sources:
            found = CHECKOUT / source
            assert found.exists(), source
            if found.is_dir():
                shutil.copytree(found, build / source, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                shutil.copy(found, build)
    runs = [rest.partition(" && ")[0] for name, rest in instructions() if name == "RUN"]
    (wheel,) = (shlex.split(run) for run in runs if run.startswith("pip wheel"))
    (install,) = (shlex.split(run) for run in runs if "--find-links" in run)
    for command in (wheel, [*install, "--target", str(target)]):
        said = [str(wheels) if word == "/wheels" else word for word in command]
        subprocess.run([sys.executable, "-m", *said], cwd=build, check=True, capture_output=True)
    (built,) = wheels.iterdir()
    entry = next(name for name in zipfile.ZipFile(built).namelist() if name.endswith("entry_points.txt"))
    (entrypoint,) = (rest for name, rest in instructions() if name == "ENTRYPOINT")
    assert entrypoint == '["ltvml"]'
    assert "ltvml = " in zipfile.ZipFile(built).read(entry).decode()
    assert (target / "ltvml" / "cli").is_dir()


def test_the_units_are_what_systemd_expects(tmp_path):
    program = tmp_path / ".venv" / "bin" / "ltvml"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = []
    for unit in ("ltvml-night.service", "ltvml-night.timer"):
        text = (NIGHT / unit).read_text(encoding="utf-8")
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string(text)
        assert "Unit" in parser
        units.append(tmp_path / unit)
        units[-1].write_text(text.replace("/srv/shop", str(tmp_path)))
    if (systemd := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd-analyze: the units are read as INI files only")
    done = subprocess.run([systemd, "verify", *map(str, units)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class _FailedError(Exception):
    """Stand-in for what Airflow tries again."""


class _FinalError(Exception):
    """Stand-in for what Airflow does not try again."""


@pytest.fixture
def dag(monkeypatch) -> dict[str, Any]:
    """What the DAG asks of Airflow, noted by stand-ins: Airflow itself is no part of the tests."""
    called: dict[str, Any] = {}

    class DAG:
        def __init__(self, name: str, **settings: Any) -> None:
            called["dag"] = settings

        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None: ...

    class BashOperator:
        def __init__(self, **given: Any) -> None:
            called["task"] = self
            vars(self).update(given)

        def get_env(self, context: object) -> None: ...

    def stand_in(name: str, **members: Any) -> None:
        for above in (name[: place.start()] for place in re.finditer(r"\.", name)):
            monkeypatch.setitem(sys.modules, above, sys.modules.get(above, ModuleType(above)))
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

    failures = {"AirflowException": _FailedError, "AirflowFailException": _FinalError}
    stand_in("airflow.providers.common.compat.sdk", DAG=DAG, **failures)
    stand_in("airflow.providers.standard.operators.bash", BashOperator=BashOperator)
    stand_in("pendulum", datetime=lambda *day, tz: day, duration=lambda **parts: parts)
    source = NIGHT / "airflow_dag.py"
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), {})
    return called


def test_the_dag_is_one_task_that_scores_the_day_before_it(dag):
    """Nights that were missed while the DAG was off are not made up for: a plan of last week helps nobody."""
    assert dag["dag"]["max_active_runs"] == 1
    assert dag["dag"]["catchup"] is False
    command = dag["task"].bash_command
    # of Airflow 3 an interval of a cron schedule has no length: its start is no day before
    assert "data_interval_end" in command
    assert "subtract(days=1)" in command
    assert re.sub(r"{{.*?}}", "2011-09-10", command) == ".venv/bin/ltvml run --json --cutoff 2011-09-10"


@pytest.mark.parametrize("code", [2, 3, 7])
def test_the_dag_does_not_try_again_what_would_fail_again(dag, code):
    dag["task"].subprocess_hook = SimpleNamespace(run_command=lambda *_, **__: SimpleNamespace(exit_code=code))
    with pytest.raises(_FinalError, match=str(code)):
        dag["task"].execute({})


@pytest.mark.parametrize("code", [1, 6, 8, 9, 70, 130, 143, -9])
def test_the_dag_tries_again_what_may_pass(dag, code):
    dag["task"].subprocess_hook = SimpleNamespace(run_command=lambda *_, **__: SimpleNamespace(exit_code=code))
    with pytest.raises(_FailedError, match=str(code)):
        dag["task"].execute({})


def test_the_dag_and_the_unit_agree_on_what_is_not_tried_again(dag):
    unit = (NIGHT / "ltvml-night.service").read_text(encoding="utf-8")
    (codes,) = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, flags=re.MULTILINE)
    assert tuple(int(code) for code in codes.split()) == type(dag["task"]).execute.__globals__["NOT_AGAIN"]

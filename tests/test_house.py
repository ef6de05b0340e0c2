"""The rules of the house, so that the one command of the README runs all of them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (sys.executable, "-m")
LOCKS = ("requirements.lock", "requirements-dev.lock")
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")

CHECKS = {
    "ruff finds nothing": (*PYTHON, "ruff", "check"),
    "every file is formatted": (*PYTHON, "ruff", "format", "--check"),
    "types hold in strict mode": (*PYTHON, "mypy"),
    "imports point down": (str(Path(sys.executable).with_name("lint-imports")), "--no-cache"),
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_the_tree_passes(command: tuple[str, ...]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_no_two_files_import_each_other_not_even_for_their_types() -> None:
    graph = grimp.build_graph("ltvml", cache_dir=None, exclude_type_checking_imports=False)
    files = sorted(name for name in graph.modules if not graph.find_children(name))
    circles = {
        tuple(sorted((name, other)))
        for name in files
        for other in graph.find_modules_directly_imported_by(name)
        if graph.chain_exists(importer=other, imported=name)
    }
    assert circles == set()


def test_the_page_of_columns_is_what_the_contracts_say() -> None:
    page = _tool("columns_page").page()
    committed = (ROOT / "docs" / "columns.md").read_text(encoding="utf-8")
    assert committed == page, "run `python tools/columns_page.py`"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_versions_with_hashes_and_nothing_else(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not (PINNED.match(line) or HASH.match(line))] == []
    assert sum(bool(HASH.match(line)) for line in lines) >= sum(bool(PINNED.match(line)) for line in lines)


def test_the_lock_to_run_is_part_of_the_lock_to_develop() -> None:
    to_run, to_develop = (_pins(lock) for lock in LOCKS)
    assert to_run.items() <= to_develop.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locked_versions_are_within_the_declared_ranges(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    if lock == "requirements-dev.lock":
        extras = project["project"]["optional-dependencies"]
        wanted += [*project["build-system"]["requires"], *extras["spark"], *extras["notebooks"], *extras["dev"]]
    pins = _pins(lock)
    for requirement in map(Requirement, wanted):
        if requirement.name != "ltvml":
            assert requirement.specifier.contains(pins[requirement.name.lower()]), requirement


def test_the_continuous_check_runs_the_line_of_the_readme() -> None:
    line = _marked("test line")
    assert "-r requirements-dev.lock" in line
    assert ".venv/bin/pytest" in line.rpartition("&&")[2]
    assert "<!-- test line -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_page_of_the_documents_that_a_page_links_to_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = {(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text("utf-8"))}
    assert links
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def _pins(lock: str) -> dict[str, Version]:
    """Versions that this Python takes from a lock, by package."""
    found = map(PINNED.match, (ROOT / lock).read_text(encoding="utf-8").splitlines())
    return {
        match["name"]: Version(match["version"])
        for match in found
        if match and (match["marker"] is None or Marker(match["marker"]).evaluate())
    }


def _marked(name: str) -> str:
    """The one line of code that the README marks with `<!-- name -->`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n```sh\n(.+)\n```", readme)
    assert found is not None, f"README.md has no line marked '{name}'"
    return found[1]


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""The documentation: it builds without a warning, asks nothing of a network, and its code runs."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from configuration_page import PAGE, page

from ltvml.models import registry

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FETCHED = re.compile(r"""<(?:script|img|link)[^>]*?(?:src|href)=["'](?:https?:)?//""")


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path):
    pytest.importorskip("mkdocstrings", reason="no mkdocs: the site is not built")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, timeout=120
    )
    assert (built.returncode, built.stderr) == (0, "")
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    assert [path.name for path in pages if FETCHED.search(path.read_text(encoding="utf-8"))] == []


def test_the_page_of_the_configuration_is_that_of_the_code():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tools/configuration_page.py"


@pytest.mark.parametrize("name", ["coming_from.md"])
def test_code_of_a_guide_runs(name):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, name, "exec"), {})


@pytest.mark.parametrize("name", ["models.md"])
def test_examples_of_a_guide_print_what_they_say(name):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name, name, 0)
    assert len(examples.examples) > 20
    printed: list[str] = []
    doctest.DocTestRunner(verbose=False).run(examples, out=printed.append)
    assert printed == []


def test_every_purchase_and_spend_model_has_its_chapter():
    heads = " ".join(re.findall(r"^## (.*)$", (DOCS / "models.md").read_text(encoding="utf-8"), re.M)).split()
    assert {*registry.names("purchase"), *registry.names("spend")} <= set(heads)


def test_every_command_is_in_the_page_of_commands():
    from ltvml.cli.app import app

    known = [command.name or command.callback.__name__ for command in app.registered_commands]
    known += [group.name for group in app.registered_groups]
    listed = re.findall(r"^ltvml ([a-z]+)", (DOCS / "commands.md").read_text(encoding="utf-8"), re.M)
    assert set(known) <= set(listed)


def test_every_file_that_the_readme_names_is_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in target]
    assert len(named) > 15
    assert [target for target in named if not (ROOT / target).exists()] == []


def test_commands_of_the_guides_exist():
    from ltvml.cli.app import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    shell = [
        block for path in DOCS.glob("*.md") for block in re.findall(r"```sh\n(.*?)```", path.read_text("utf-8"), re.S)
    ]
    named = {word for block in shell for word in re.findall(r"^ltvml ([a-z]+)", block, re.M)}
    assert named
    assert named <= known

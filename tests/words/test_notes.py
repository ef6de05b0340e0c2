"""Notes and warnings are sentences: a capital in front, unless a key stands there, and a full stop behind."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ltvml
from ltvml.models.base import Diagnosis
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.reports.fit import _model_facts
from ltvml.words.text import capitalised, sentence

PACKAGE = Path(ltvml.__file__).parent
SAYS = ("warn", "notes.append", "LOG.warning", "LOG.exception")


def text_of(node: ast.AST) -> str:
    """The words of a string in the code, with `{}` where a value goes; empty for what is no string there."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def said() -> list[tuple[str, str]]:
    """Where each warning and note is made, and its words."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith(SAYS):
                found.append((f"{path.relative_to(PACKAGE)}:{node.lineno}", text_of(node.args[0])))
    return [(place, text) for place, text in found if text]


def test_warnings_and_notes_in_the_code_are_sentences():
    found = said()
    assert len(found) > 25
    # a value in front or behind is its own business: most are whole sentences
    assert [one for one in found if capitalised(one[1]) != one[1]] == []
    assert [one for one in found if not one[1].endswith((".", "?", "{}", "%s"))] == []


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ("the history is cut off on the left", "The history is cut off on the left."),
        ("p_alive is left empty.", "p_alive is left empty."),
        ("transactions.date_format names the month alone", "transactions.date_format names the month alone."),
        ("sales of the café rose", "Sales of the café rose."),
        ("复购率上升", "复购率上升。"),
    ],
)
def test_a_finding_becomes_a_sentence_of_its_language(found, shown):
    assert sentence(found) == shown


def test_what_a_fit_found_out_about_itself_is_shown_as_sentences():
    model = BGNBD()
    model.params_, model.diagnosis_ = {}, Diagnosis(messages=("few repeat buyers (3)", "Already whole."))
    assert _model_facts(model)["messages"] == ["Few repeat buyers (3).", "Already whole."]

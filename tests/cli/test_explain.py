"""What `ltvml explain` hands to its workflow."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import ANY


def test_help_teaches_by_example_within_80_columns(ltvml):
    result = ltvml("explain", "--help")
    assert result.exit_code == 0
    assert "Examples:\n    ltvml explain" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert all(option in result.stdout for option in ("--json", "--quiet", "--debug", "--model", "--set"))


def test_explain_hands_on_the_customer_as_text_and_the_model(ltvml, workflow):
    calls = workflow("explain")
    assert ltvml("explain", "00123", "--model", "models:/ltvml@champion", "--plot", "a.png").exit_code == 0
    (_, customer), options = calls[0]
    assert customer == "00123"
    assert options == {"model": "models:/ltvml@champion", "plot": Path("a.png"), "progress": ANY}


def test_explain_without_a_customer_is_a_usage_error(ltvml, workflow):
    calls = workflow("explain")
    assert ltvml("explain").exit_code == 2
    assert calls == []


def test_explain_prints_one_document_of_json(ltvml, workflow):
    workflow("explain")
    assert json.loads(ltvml("explain", "7", "--json").stdout) == {"customers": 3}

"""What `ltvml outreach` hands to its workflows, and what it refuses before they start."""

from __future__ import annotations

import datetime as dt
import json
import sys
import types
from pathlib import Path
from unittest.mock import ANY

import pytest

COMMANDS = ["outreach", "outreach plan", "outreach measure"]
SWITCHES = ("--config", "--set", "--out", "--no-mlflow", "--json", "--quiet", "--debug")


@pytest.fixture
def measured(monkeypatch, report):
    """Replace the workflow of `measure`; gives the list of its calls."""
    calls = []

    def measure_outreach(config, **options):
        calls.append((config, options))
        return report()

    module = types.ModuleType("ltvml.workflows.measure")
    module.measure_outreach = measure_outreach
    monkeypatch.setitem(sys.modules, module.__name__, module)
    import ltvml.workflows

    monkeypatch.setattr(ltvml.workflows, "measure", module, raising=False)
    return calls


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example_within_80_columns(ltvml, command):
    result = ltvml(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Examples:\n    ltvml {command}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_both_commands_have_the_switches_of_a_run(ltvml, command):
    text = ltvml(*command.split(), "--help").stdout
    assert [switch for switch in SWITCHES if switch not in text] == []


def test_the_list_of_commands_shows_both_in_full(ltvml):
    text = ltvml("outreach", "-h").stdout.split("Examples:")[0]
    assert "  plan " in text
    assert "  measure " in text
    assert "..." not in text.split("Commands:")[1]


@pytest.mark.parametrize("words", [["outreach"], ["outreach", "plan"]], ids=" ".join)
def test_outreach_alone_is_outreach_plan(ltvml, workflow, words):
    calls = workflow("plan", function="plan_outreach")
    result = ltvml(*words, "--set", "outreach.capacity=7", "--model", "models:/ltvml@champion", "--out", "lists")
    assert (result.exit_code, result.stdout) == (0, "three customers\n")
    ((config,), options) = calls[0]
    assert (config.cutoff, config.outreach.capacity) == (dt.date(2011, 9, 10), 7)
    assert options == {"model": "models:/ltvml@champion", "out": Path("lists"), "progress": ANY}


def test_outreach_without_any_option_plans(ltvml, workflow):
    calls = workflow("plan", function="plan_outreach")
    assert ltvml("outreach").exit_code == 0
    assert calls[0][1] == {"model": None, "out": None, "progress": ANY}


def test_outreach_prints_one_document_of_json(ltvml, workflow):
    workflow("plan", function="plan_outreach")
    assert json.loads(ltvml("outreach", "--json").stdout) == {"customers": 3}


def test_quiet_prints_nothing(ltvml, workflow):
    workflow("plan", function="plan_outreach")
    assert ltvml("outreach", "-q").stdout == ""


@pytest.mark.parametrize(("words", "backend"), [([], "mlflow"), (["--no-mlflow"], "local")])
def test_no_mlflow_records_the_plan_in_files(ltvml, workflow, words, backend):
    calls = workflow("plan", function="plan_outreach")
    ltvml("outreach", *words)
    assert calls[0][0][0].tracking.backend == backend


def test_measure_hands_on_the_plan_and_the_last_full_day(ltvml, measured):
    folder = "out/outreach/2011-09-10"
    assert ltvml("outreach", "measure", "--plan", folder, "--until", "2011-10-08", "--no-mlflow").exit_code == 0
    (config, options) = measured[0]
    assert config.tracking.backend == "local"
    assert options == {"plan": Path(folder), "until": "2011-10-08", "out": None, "progress": ANY}


def test_measure_without_a_plan_is_a_usage_error(ltvml, measured):
    result = ltvml("outreach", "measure")
    assert (result.exit_code, measured) == (2, [])
    assert "--plan" in result.stderr


def test_a_misspelt_command_names_the_nearest_one_and_plans_nothing(ltvml, workflow):
    calls = workflow("plan", function="plan_outreach")
    result = ltvml("outreach", "mesure", "--plan", "x")
    assert (result.exit_code, calls) == (2, [])
    assert "measure" in result.stderr


def test_an_unknown_option_is_a_usage_error(ltvml, workflow):
    calls = workflow("plan", function="plan_outreach")
    assert (ltvml("outreach", "--capacity", "3").exit_code, calls) == (2, [])


def test_contradictory_settings_are_refused_together_before_anything_starts(ltvml, workflow):
    calls = workflow("plan", function="plan_outreach")
    Path("shop.yaml").write_text(
        "window: {cutoff: 2011-09-10}\n"
        "outreach:\n"
        "  capacity: 0\n"
        "  caps: {total_7: 5, total_28: 4}\n"
        "  actions: [{name: hello, purpose: win_back, channels: [email], rule: win_back}]\n",
        encoding="utf-8",
    )
    result = ltvml("outreach", "--config", "shop.yaml", "--json")
    assert (result.exit_code, calls) == (2, [])
    assert json.loads(result.stdout)["error"]["faults"] == [
        "outreach: action hello: no cost; expected money per contact, 0 or more. Give an estimate if it is not known.",
        "outreach: capacity 0; expected 1 contact a run or more, or none to have no limit.",
        "outreach: caps: 5 contacts in 7 days but 4 in 28 days; expected no more in 7 days than in 28.",
    ]


def test_the_schema_lists_the_keys_of_outreach(ltvml):
    text = ltvml("config", "schema").stdout
    assert "outreach.capacity = 500\n" in text
    assert 'outreach.actions = ["default"]\n' in text
    assert "outreach.caps.total_7 = 2\n" in text
    assert max(map(len, text.splitlines())) <= 80

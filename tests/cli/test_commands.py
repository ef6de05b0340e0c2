"""What each command hands to its workflow."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from unittest.mock import ANY

import pytest

COMMANDS = [
    "demo",
    "init",
    "validate",
    "backtest",
    "fit",
    "score",
    "forecast",
    "cohorts",
    "watch",
    "report",
    "explain",
    "promote",
    "run",
    "simulate",
    "write",
    "models",
    "config show",
    "config schema",
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_teaches_by_example_within_80_columns(ltvml, command):
    result = ltvml(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Examples:\n    ltvml {command}".rstrip() in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_same_switches(ltvml, command):
    text = ltvml(*command.split(), "--help").stdout
    assert all(option in text for option in ("--json", "--quiet", "--debug"))


def test_the_list_of_commands_is_not_cut_off(ltvml):
    assert "..." not in ltvml("--help").stdout.split("Examples:")[0].replace("[ARGS]...", "")


def test_the_version_is_that_of_the_package(ltvml):
    from ltvml import __version__

    assert ltvml("--version").stdout == f"ltvml {__version__}\n"


def test_an_unknown_option_is_a_usage_error(ltvml):
    result = ltvml("fit", "--horizon", "3")
    assert (result.exit_code, result.stdout) == (2, "")


def test_fit_reads_the_configuration_of_the_current_folder(ltvml, workflow):
    calls = workflow("fit")
    assert ltvml("fit").exit_code == 0
    (config,), _ = calls[0]
    assert config.cutoff == dt.date(2011, 9, 10)


def test_fit_reads_the_configuration_it_is_given_and_the_overrides_on_top(ltvml, workflow):
    calls = workflow("fit")
    Path("shop.yaml").write_text("window: {cutoff: 2012-01-01}\n", encoding="utf-8")
    ltvml("fit", "-c", "shop.yaml", "--set", "window.churn_horizon=56", "--set", "models.purchase=bg_nbd")
    (config,), _ = calls[0]
    assert (config.cutoff, config.window.churn_horizon) == (dt.date(2012, 1, 1), 56)
    assert config.models.purchase.name == "bg_nbd"


@pytest.mark.parametrize("command", ["fit", "score"])
@pytest.mark.parametrize(("configured", "used"), [("mlflow", "local"), ("local", "local"), ("none", "none")])
def test_no_mlflow_turns_mlflow_into_files_and_leaves_the_rest(ltvml, workflow, command, configured, used):
    calls = workflow(command)
    ltvml(command, "--no-mlflow", "--set", f"tracking.backend={configured}")
    assert calls[0][0][0].tracking.backend == used


def test_score_hands_on_the_model_and_the_folder(ltvml, workflow):
    calls = workflow("score")
    ltvml("score", "--model", "models:/ltvml@champion", "--out", "tonight")
    assert calls[0][1] == {"model": "models:/ltvml@champion", "out": Path("tonight"), "progress": ANY}


@pytest.mark.parametrize(("options", "backend"), [([], "mlflow"), (["--no-mlflow"], "local")])
def test_the_demo_needs_no_configuration(ltvml, workflow, options, backend):
    calls = workflow("demo")
    Path("ltvml.yaml").unlink()
    assert ltvml("demo", "--out", "here", *options).exit_code == 0
    assert calls[0][1] == {"out": Path("here"), "tracking": backend, "progress": ANY}


def test_validate_prints_its_report(ltvml, workflow):
    workflow("validate")
    assert ltvml("validate").stdout == "three customers\n"


def test_without_a_configuration_a_command_says_how_to_get_one(ltvml, workflow):
    workflow("fit")
    Path("ltvml.yaml").unlink()
    result = ltvml("fit")
    assert result.exit_code == 2
    assert "no configuration at 'ltvml.yaml'" in result.stderr
    assert "ltvml init" in result.stderr


def test_config_show_prints_all_defaults_as_a_configuration_that_loads_again(ltvml):
    text = ltvml("config", "show").stdout
    Path("shown.yaml").write_text(text, encoding="utf-8")
    assert ltvml("config", "show", "-c", "shown.yaml").stdout == text


def test_config_show_as_json_holds_the_same(ltvml):
    import yaml

    assert json.loads(ltvml("config", "show", "--json").stdout) == yaml.safe_load(ltvml("config", "show").stdout)


def test_config_schema_names_every_key_with_its_default(ltvml):
    text = ltvml("config", "schema").stdout
    assert 'window.churn_horizon = "auto"\n' in text
    assert max(map(len, text.splitlines())) <= 80


def test_config_schema_as_json_is_a_json_schema(ltvml):
    schema = json.loads(ltvml("config", "schema", "--json").stdout)
    assert schema["additionalProperties"] is False
    assert "churn_horizon" in schema["$defs"]["WindowSettings"]["properties"]


def test_models_are_listed_by_role_with_what_auto_stands_for(ltvml):
    text = ltvml("models").stdout
    assert [line.split()[0] for line in text.splitlines() if line.startswith("models.")] == [
        "models.purchase",
        "models.spend",
        "models.churn",
        "models.value",
        "models.replenishment",
    ]
    assert "(auto: the model that did best in backtests)" in text
    assert "  lightgbm_hazard" in text


def test_models_as_json_name_the_same(ltvml):
    document = json.loads(ltvml("models", "--json").stdout)
    assert {"bg_nbd", "mbg_nbd"} <= document["models"]["purchase"].keys()
    assert (
        document["auto"]["purchase"]
        == "bg_nbd or mbg_nbd, the likelier, unless pareto_nbd, bg_cnbd or mbg_cnbd does better in backtests"
    )

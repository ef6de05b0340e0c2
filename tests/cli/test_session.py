"""What every command does around its workflow: streams, exit codes, warnings, logs."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import types
import warnings

import pytest

from ltvml import errors


def interrupted_query():
    """What DuckDB makes of Ctrl-C in a query, and the engine of that."""
    error, query = errors.EngineError("could not count the lines"), RuntimeError("Query interrupted")
    query.__cause__, error.__cause__ = KeyboardInterrupt(), query
    return error


def raiser(error):
    def behave(*args, **kwargs):
        raise error

    return behave


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.LtvmlError("no"), 1),
        (errors.ConfigError("no"), 2),
        (errors.DataContractError("no"), 3),
        (errors.ConvergenceError("no"), 4),
        (errors.EngineError("no"), 5),
        (errors.TrackingError("no"), 6),
        (errors.BundleError("no"), 7),
        (errors.OutputError("no"), 8),
        (OSError(28, "No space left on device"), 8),
        (KeyError("x"), 70),
        (KeyboardInterrupt(), 130),
        (interrupted_query(), 130),
        (BrokenPipeError(), 141),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_way_to_end_has_its_exit_code(ltvml, workflow, error, code):
    workflow("fit", raiser(error))
    assert ltvml("fit").exit_code == code


def test_an_error_is_a_message_and_a_hint_on_stderr_and_no_traceback(ltvml, workflow):
    workflow("fit", raiser(errors.EngineError("no file 'x'.", hint="is it there?")))
    result = ltvml("fit")
    assert result.stderr == "error: no file 'x'.\nhint: is it there?\n"
    assert result.stdout == ""


def test_debug_shows_the_traceback(ltvml, workflow):
    workflow("fit", raiser(errors.EngineError("no file 'x'.")))
    assert "Traceback" in ltvml("fit", "--debug").stderr


def test_an_unexpected_exception_is_called_a_bug(ltvml, workflow):
    workflow("fit", raiser(KeyError("spend")))
    result = ltvml("fit")
    assert result.stderr.startswith("error: this is a bug in ltvml: KeyError: 'spend'\n")
    assert "Traceback" not in result.stderr


def test_a_result_goes_to_stdout_and_nothing_else_does(ltvml, workflow, report):
    def noisy(*args, **kwargs):
        print("a library speaks")
        return report()

    workflow("fit", noisy)
    result = ltvml("fit")
    assert result.stdout == "three customers\n"
    assert "a library speaks" in result.stderr


def test_json_is_one_document_and_nothing_else(ltvml, workflow, report):
    def noisy(*args, **kwargs):
        print("a library speaks")
        warnings.warn(errors.FitWarning("a is large"), stacklevel=1)
        return report()

    workflow("fit", noisy)
    assert json.loads(ltvml("fit", "--json").stdout) == {"customers": 3}


def test_a_result_that_is_no_json_is_a_bug_and_not_half_a_document(ltvml, workflow, report):
    workflow("fit", lambda *args, **kwargs: report({"gini": float("nan")}))
    result = ltvml("fit", "--json")
    assert result.exit_code == 70
    assert json.loads(result.stdout)["error"]["type"] == "ValueError"


def test_an_error_with_json_is_one_document_too(ltvml, workflow):
    workflow("fit", raiser(errors.DataContractError("2 rows", hint="look", counts={"bad_date": 2})))
    assert json.loads(ltvml("fit", "--json").stdout) == {
        "error": {
            "type": "DataContractError",
            "message": "2 rows",
            "hint": "look",
            "exit_code": 3,
            "counts": {"bad_date": 2},
        }
    }


def test_the_faults_of_a_configuration_are_a_list_in_json(ltvml, workflow):
    workflow("fit")
    result = ltvml("fit", "--set", "window.cutof=1", "--set", "valu={}", "--json")
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["error"]["faults"]) == 2


def test_quiet_prints_no_result_and_no_progress_but_warnings(ltvml, workflow, report):
    def warns(*args, **kwargs):
        assert kwargs["progress"] is None
        warnings.warn(errors.DataWarning("rows excluded"), stacklevel=1)
        return report()

    workflow("fit", warns)
    result = ltvml("fit", "--quiet")
    assert (result.stdout, result.stderr) == ("", "warning: rows excluded\n")


def test_quiet_json_still_prints_the_document(ltvml, workflow):
    workflow("fit")
    assert json.loads(ltvml("fit", "--quiet", "--json").stdout) == {"customers": 3}


def test_a_warning_is_shown_once_and_as_a_sentence(ltvml, workflow, report):
    def warns(*args, **kwargs):
        for _ in range(3):
            warnings.warn(errors.FitWarning("a is large"), stacklevel=1)
        return report()

    workflow("fit", warns)
    assert ltvml("fit").stderr == "warning: a is large\n"


def test_warnings_and_logging_are_as_before_afterwards(ltvml, workflow):
    workflow("fit")
    before = (
        warnings.showwarning,
        warnings.filters[:],
        logging.getLogger("ltvml").handlers[:],
        logging.getLogger("ltvml").level,
    )
    ltvml("fit", "--debug")
    logger = logging.getLogger("ltvml")
    assert (warnings.showwarning, warnings.filters[:], logger.handlers[:], logger.level) == before


@pytest.mark.parametrize(("options", "shown"), [([], False), (["--debug"], True)])
def test_debug_shows_the_log(ltvml, workflow, options, shown, report):
    def logs(*args, **kwargs):
        logging.getLogger("ltvml.engines").debug("opened")
        return report()

    workflow("fit", logs)
    assert ("DEBUG ltvml.engines: opened" in ltvml("fit", *options).stderr) is shown


def test_a_run_that_was_not_tracked_shows_its_result_and_exits_with_6(ltvml, workflow, report):
    failed = types.SimpleNamespace(error=errors.TrackingError("no store"))
    workflow("fit", lambda *args, **kwargs: report(recorded=failed))
    result = ltvml("fit")
    assert (result.exit_code, result.stdout) == (6, "three customers\n")


def test_a_reader_that_goes_away_leaves_no_complaint():
    lines = subprocess.run(
        f"{sys.executable} -m ltvml.cli config schema | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert lines.stderr == ""


@pytest.mark.parametrize("option", [(), ("--debug",), ("--json",)], ids=["plain", "debug", "json"])
@pytest.mark.parametrize("error", [errors.ConfigError, errors.TrackingError, RuntimeError])
def test_no_password_of_an_address_is_printed_whatever_raised_it(ltvml, workflow, error, option):
    workflow("fit", raiser(error("no store at postgresql://me:hu/sh?@host/db?sslpassword=quiet")))
    result = ltvml("fit", *option)
    assert "host/db" in result.stderr
    assert not {word for word in ("hu/sh", "quiet") if word in result.stderr + result.stdout}


def test_a_faulty_address_of_the_configuration_is_printed_without_its_password(ltvml):
    result = ltvml("config", "show", "--set", "tracking.backend=http://me:hush@host/mlflow?x=1", "--json")
    assert result.exit_code == 2
    assert "hush" not in result.stderr + result.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_terminal_cannot_show_is_escaped(tmp_path, encoding):
    (tmp_path / "c.yaml").write_text('output: {dir: "茶 \\ud800"}\n', encoding="utf-8")
    command = [sys.executable, "-m", "ltvml.cli", "config", "show", "--config", str(tmp_path / "c.yaml")]
    ran = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": encoding}, check=False)
    assert ran.returncode in (0, 2)
    assert b"Traceback" not in ran.stderr
    assert b"\\u8336" in ran.stdout + ran.stderr or b"\\ud800" in ran.stdout + ran.stderr

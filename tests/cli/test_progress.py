"""Bars on stderr where somebody looks at them, a line a step in a log."""

from __future__ import annotations

import io
import re
import sys

import pytest

from ltvml.cli.progress import ProgressBars, StepLines, shown_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def open_terminal(monkeypatch):
    """Make stderr a terminal; pytest swaps stderr between a fixture and its test, so the test must open it."""

    def replace():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    monkeypatch.setenv("TERM", "xterm")
    return replace


def test_lines_in_place_of_bars_where_stderr_is_no_terminal():
    assert isinstance(shown_progress(quiet=False), StepLines)
    assert shown_progress(quiet=True) is None


def test_a_step_has_one_line_when_it_ends_and_none_before(capsys):
    lines = StepLines()
    lines("backtest", 0, None)
    for done in range(4):
        lines("backtest repurchase", done, 3)
    assert re.fullmatch(r"backtest repurchase: \d+\.\d s\n", capsys.readouterr().err)
    lines("backtest", 1, 1)
    lines.stop()
    assert re.fullmatch(r"backtest: \d+\.\d s\n", capsys.readouterr().err)


def test_a_step_that_is_taken_twice_has_two_lines_with_their_own_seconds(capsys):
    lines = StepLines()
    for _ in range(2):
        lines("fit replenishment", 0, None)
        lines("fit replenishment", 1, 1)
    assert capsys.readouterr().err.count("fit replenishment: 0.0 s\n") == 2


def test_a_step_that_an_error_stopped_has_no_line(capsys):
    lines = StepLines()
    lines("fit", 0, None)
    lines.stop()
    lines("fit", 1, 1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("quiet", "drawn"), [(False, True), (True, False)])
def test_quiet_draws_no_bars_on_a_terminal(open_terminal, quiet, drawn):
    open_terminal()
    assert isinstance(shown_progress(quiet=quiet), ProgressBars) is drawn


def test_each_step_has_its_bar_and_what_was_done(open_terminal):
    terminal = open_terminal()
    bars = ProgressBars()
    bars("read", 0, None)
    bars("score", 50, 200)
    bars("score", 200, 200)
    bars.stop()
    last_frame = terminal.getvalue().split("read")[-1]
    assert "200/200" in last_frame
    assert "score" in last_frame


def test_stopping_twice_does_no_harm(open_terminal):
    terminal = open_terminal()
    bars = ProgressBars()
    bars.stop()
    bars("read", 1, 1)
    bars.stop()
    bars.stop()
    assert "read" in terminal.getvalue()

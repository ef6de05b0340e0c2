"""Bars on stderr, where somebody looks at them."""

from __future__ import annotations

import io
import sys

import pytest

from ltvml.cli.progress import ProgressBars, progress_bars


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


def test_no_bars_where_stderr_is_no_terminal():
    assert progress_bars(quiet=False) is None


@pytest.mark.parametrize(("quiet", "drawn"), [(False, True), (True, False)])
def test_quiet_draws_no_bars_on_a_terminal(open_terminal, quiet, drawn):
    open_terminal()
    assert (progress_bars(quiet=quiet) is not None) is drawn


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

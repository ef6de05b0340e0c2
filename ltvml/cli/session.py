"""What every command does around its workflow: results to stdout, all else to stderr, errors to exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import typer

from ltvml.cli.progress import shown_progress
from ltvml.errors import (
    SPARK_ENDED,
    SPARK_ENDED_HINT,
    EngineError,
    LtvmlError,
    LtvmlWarning,
    OutputError,
    ended_by,
    spark_ended,
)
from ltvml.passwords import without_password, without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ltvml.cli.progress import ProgressBars, StepLines
    from ltvml.config import Config
    from ltvml.reports.recording import Recorded

BUG_EXIT_CODE = 70
INTERRUPTED_EXIT_CODE = 130
BROKEN_PIPE_EXIT_CODE = 141
TERMINATED_EXIT_CODE = 143


class Report(Protocol):
    """The result of a workflow, to be read by people and by programs."""

    def to_dict(self) -> dict[str, Any]:
        """As values that JSON can hold."""

    def text(self) -> str:
        """In words, within 80 columns."""


class RunReport(Report, Protocol):
    """The report of a job whose results are written, and which was recorded or not."""

    @property
    def recorded(self) -> Recorded:
        """Where the run was recorded, or why it was not."""


@dataclass(frozen=True)
class Document:
    """A report made of what is at hand."""

    values: dict[str, Any]
    words: str

    def to_dict(self) -> dict[str, Any]:
        """The values."""
        return self.values

    def text(self) -> str:
        """The words."""
        return self.words


@dataclass(frozen=True)
class Session:
    """One run of a command.

    Parameters
    ----------
    stdout : text stream
        Where the result goes; meanwhile `sys.stdout` is stderr, so that no library can print into it.
    as_json, quiet, debug : bool
        The options of that name.
    progress : ProgressBars, StepLines or None
        To be handed to the workflow.
    lines : bool
        Whether every JSON document is one line, for a job of several steps.
    """

    stdout: TextIO
    as_json: bool
    quiet: bool
    debug: bool
    progress: ProgressBars | StepLines | None
    lines: bool = False

    def line(self, values: dict[str, Any]) -> None:
        """Print a step that has ended, with `as_json` alone."""
        if self.as_json:
            self._stop_progress()
            self._print_json(values)
            self.stdout.flush()

    def show(self, report: Report) -> None:
        """Print the result: JSON, or text, or nothing with `quiet`."""
        self._stop_progress()
        if self.as_json:
            self._print_json(report.to_dict())
        elif not self.quiet:
            typer.echo(report.text(), file=self.stdout)
        self.stdout.flush()

    def fail(self, error: BaseException, message: str, *, hint: str | None, exit_code: int) -> typer.Exit:
        """Print what went wrong on stderr, and with `as_json` on stdout too; gives the exit to raise."""
        self._stop_progress()
        # whatever the message quotes, from whichever library: the last place where it can be masked
        message, hint = without_password(message), None if hint is None else without_password(hint)
        if self.debug:
            typer.echo(without_password("".join(traceback.format_exception(error))), err=True, nl=False)
        _say("error", message, colour="red")
        if hint:
            _say("hint", hint, colour="cyan")
        if self.as_json:
            fault = {"type": type(error).__name__, "message": message, "hint": hint, "exit_code": exit_code}
            # where stdout itself is full or closed there is nowhere left to print
            with contextlib.suppress(OSError, ValueError):
                self._print_json({"error": without_passwords(fault | _details(error), "source")})
        return typer.Exit(exit_code)

    def _print_json(self, values: dict[str, Any]) -> None:
        """One document; NaN is no JSON, and would break its reader rather than us."""
        typer.echo(json.dumps(values, indent=None if self.lines else 2, allow_nan=False), file=self.stdout)

    def _stop_progress(self) -> None:
        if self.progress is not None:
            self.progress.stop()


@contextlib.contextmanager
def session(*, as_json: bool, quiet: bool, debug: bool, lines: bool = False) -> Iterator[Session]:
    """Run the body of a command; every way it can end has its exit code.

    Parameters
    ----------
    as_json, quiet, debug : bool
        The options of that name.
    lines : bool
        Whether every JSON document is one line.

    Raises
    ------
    typer.Exit
        Where the body raised: with the error's own code for a `LtvmlError`, 8 where a file could not be written (a full
        disk), 130 where it was interrupted, 141 where the reader of stdout went away, 143 where it was asked to end and
        70 where it is a bug.
    """
    for stream in (sys.stdout, sys.stderr):
        _escape_what_cannot_be_shown(stream)
    job = Session(sys.stdout, as_json, quiet, debug, shown_progress(quiet=quiet), lines)
    with contextlib.redirect_stdout(sys.stderr), _warnings_in_words(), _logs_on_stderr(debug), _ended_by_exception():
        try:
            yield job
        except BrokenPipeError:
            _discard(job.stdout)
            raise typer.Exit(BROKEN_PIPE_EXIT_CODE) from None
        except BaseException as error:
            # the exits of Typer itself are exceptions too, and no bug; those of Python itself are nobody's
            if isinstance(error, typer.Exit | SystemExit | GeneratorExit):
                raise
            raise _failed(job, error) from None
        finally:
            job._stop_progress()


def _failed(job: Session, error: BaseException) -> typer.Exit:
    """Say how the body ended; gives the exit to raise."""
    end = ended_by(error)
    if isinstance(end, KeyboardInterrupt):
        return job.fail(end, "interrupted.", hint=None, exit_code=INTERRUPTED_EXIT_CODE)
    if isinstance(end, Terminated):
        return job.fail(end, "terminated.", hint=None, exit_code=TERMINATED_EXIT_CODE)
    if isinstance(error, LtvmlError):
        return job.fail(error, error.message, hint=error.hint, exit_code=error.exit_code)
    if spark_ended(error):
        return job.fail(error, SPARK_ENDED, hint=SPARK_ENDED_HINT, exit_code=EngineError.exit_code)
    if isinstance(error, OSError):
        hint = "check that the disk has room and that you may write to the folder."
        return job.fail(error, f"could not write the file: {error}", hint=hint, exit_code=OutputError.exit_code)
    advice = None if job.debug else "please report it with the output of --debug."
    message = f"this is a bug in ltvml: {type(error).__name__}: {error}"
    return job.fail(error, message, hint=advice, exit_code=BUG_EXIT_CODE)


def show_run(job: Session, report: RunReport) -> None:
    """Print the report; where the results are safe but the run could not be recorded, exit with 6."""
    job.show(report)
    if report.recorded.error is not None:
        raise typer.Exit(report.recorded.error.exit_code)


def read_config(
    path: Path, overrides: list[str] | None, *, cutoff: str | None = None, no_mlflow: bool = False
) -> Config:
    """The configuration that the options name; `no_mlflow` turns the backend mlflow into local files.

    Raises
    ------
    ConfigError
        With all faults of the file, or if the cutoff is no day.
    """
    from ltvml.config import load_config

    config, more = load_config(path, overrides or ()), list[str]()
    if cutoff is not None:
        from ltvml.window import named_day

        more.append(f"window.cutoff={named_day(cutoff, config.transactions.timezone)}")
    if no_mlflow and config.tracking.backend == "mlflow":
        more.append("tracking.backend=local")
    return load_config(path, [*(overrides or ()), *more]) if more else config


def _details(error: BaseException) -> dict[str, Any]:
    """What an error knows besides its message: the faults of a configuration, rows by rule."""
    known = {name: getattr(error, name, None) for name in ("faults", "counts")}
    return {name: value for name, value in known.items() if value}


def _say(label: str, message: str, *, colour: str) -> None:
    """`label: message` on stderr, the label coloured where stderr is a terminal."""
    plain = False if "NO_COLOR" in os.environ else None
    shown = without_password(message)
    typer.echo(typer.style(f"{label}:", fg=colour, bold=True) + f" {shown}", err=True, color=plain)


@contextlib.contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Show each `LtvmlWarning` once as a sentence; other warnings stay as Python shows them."""
    shown: set[str] = set()
    show_others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if not issubclass(category, LtvmlWarning):
            show_others(message, category, *place, **options)
        elif str(message) not in shown:
            shown.add(str(message))
            _say("warning", str(message), colour="yellow")

    with warnings.catch_warnings():
        warnings.simplefilter("always", LtvmlWarning)
        warnings.showwarning = show
        yield


class Terminated(BaseException):
    """The process was asked to end, as schedulers do before they kill it."""


@contextlib.contextmanager
def _ended_by_exception() -> Iterator[None]:
    """Let SIGTERM unwind the job, so that its locks and temporary folders go; a handler of somebody else stays."""
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    def end(number: int, frame: object) -> None:
        raise Terminated

    if mine:
        signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _AsWarning(logging.Formatter):
    """A line of the log as other warnings look."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


@contextlib.contextmanager
def _logs_on_stderr(debug: bool) -> Iterator[None]:
    """Send ltvml's own log to stderr: warnings, or everything with `debug`."""
    logger, handler = logging.getLogger("ltvml"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s") if debug else _AsWarning())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _escape_what_cannot_be_shown(stream: TextIO) -> None:
    """Have a stream print what its encoding lacks as an escape: a name of a product is no reason to stop."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _discard(stream: TextIO) -> None:
    """Point a broken stream at nothing, or Python complains when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

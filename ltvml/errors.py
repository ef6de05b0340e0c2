"""One tree of errors: each has its exit code, and states what was found, what was expected and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ltvml.agreement import agreed

if TYPE_CHECKING:
    from collections.abc import Mapping


class LtvmlError(Exception):
    """Any error of ltvml.

    Parameters
    ----------
    message : str
        What was found and what was expected.
    hint : str, optional
        What to try next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = agreed(message)
        super().__init__(self.message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class ConfigError(LtvmlError, ValueError):
    """The configuration, or an option of a command, cannot be used."""

    exit_code = 2


class DataContractError(LtvmlError, ValueError):
    """The data do not meet the contract; `counts` holds the rows by rule."""

    exit_code = 3

    def __init__(self, message: str, hint: str | None = None, counts: Mapping[str, int] | None = None) -> None:
        super().__init__(message, hint)
        self.counts = dict(counts or {})


class ConvergenceError(LtvmlError, RuntimeError):
    """A model found no optimum that could be trusted."""

    exit_code = 4


class EngineError(LtvmlError, RuntimeError):
    """The engine could not read or compute a table."""

    exit_code = 5


class TrackingError(LtvmlError, RuntimeError):
    """The run could not be recorded; the results themselves are safe."""

    exit_code = 6


class BundleError(LtvmlError, ValueError):
    """A bundle is damaged, not written by ltvml, or of a newer format."""

    exit_code = 7


class OutputError(LtvmlError, RuntimeError):
    """A result could not be written; an earlier result is unchanged."""

    exit_code = 8


class BusyError(LtvmlError, RuntimeError):
    """Another run still writes the same output; nothing was changed."""

    exit_code = 9


def ended_by(error: BaseException) -> BaseException | None:
    """What asked the process to end, where that is how an error came about; None where the error is one.

    An engine that is interrupted in a query raises an error of its own, caused by the interruption.

    Examples
    --------
    >>> query = RuntimeError("Query interrupted")
    >>> query.__cause__ = KeyboardInterrupt()
    >>> ended_by(query), ended_by(RuntimeError("disk full"))
    (KeyboardInterrupt(), None)
    """
    seen: BaseException | None = error
    while seen is not None and isinstance(seen, Exception):
        seen = seen.__cause__ or seen.__context__
    return None if isinstance(seen, GeneratorExit | SystemExit) else seen


SPARK_ENDED = "Spark ended before its answer: the process of Java is gone."
SPARK_ENDED_HINT = (
    "was it killed, or out of memory (spark.driver.memory in engine.conf)? An earlier result is unchanged."
)


def spark_ended(error: BaseException) -> bool:
    """Whether an error is of the bridge to Java, which found nobody at its other end."""
    # an error of Java itself brings its trace; without Java there is no answer, and no class that it is said to have
    is_nobody = type(error).__name__ == "Py4JError" and "Trace:" not in str(error)
    if not (is_nobody or type(error).__name__ == "Py4JNetworkError" or isinstance(error, ConnectionError)):
        return False
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("py4j."):
            return True
        trace = trace.tb_next
    return False


class LtvmlWarning(UserWarning):
    """Something in the input or the fit needs attention; the results are still valid."""

    def __init__(self, message: str) -> None:
        super().__init__(agreed(message))


class DataWarning(LtvmlWarning):
    """The data look unusual: rows were excluded, or the data end before the cutoff."""


class FitWarning(LtvmlWarning):
    """A fit is poorly identified; the message names what could not be estimated."""

"""One tree of errors: each owns its exit code, and tells what was found, what was expected and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class LtvmlError(Exception):
    """Anything that ltvml refuses to do.

    Parameters
    ----------
    message : str
        What was found and what was expected.
    hint : str, optional
        What to try next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


class ConfigError(LtvmlError, ValueError):
    """The configuration, or an option of a command, cannot be used."""

    exit_code = 2


class DataContractError(LtvmlError, ValueError):
    """The rows handed in break the contract; `counts` holds the rows by rule."""

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
    """A bundle is damaged, foreign or of a newer format."""

    exit_code = 7


class OutputError(LtvmlError, RuntimeError):
    """A result could not be written; what was there before is untouched."""

    exit_code = 8


class LtvmlWarning(UserWarning):
    """Something looks broken, and the answer is still right."""


class DataWarning(LtvmlWarning):
    """The data look odd: rows set aside, or data that end before the cutoff."""


class FitWarning(LtvmlWarning):
    """A fit is poorly identified; the message names what is not known."""

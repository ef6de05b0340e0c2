"""Models by role and name. A model's name is its file's name: a new file in the folder of a role is a new model.

Folders are read as text and a model is imported only when it is asked for, so that listing them loads no library.
"""

from __future__ import annotations

import ast
import difflib
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ltvml.errors import BundleError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ltvml.models.base import Model

ROOM = Path(__file__).parent


def available(role: str) -> dict[str, str]:
    """Models of a role that a name alone can make.

    Parameters
    ----------
    role : str
        The name of a folder: purchase, spend, value, ...

    Returns
    -------
    dict
        First line of the docstring by name, in alphabetical order.

    Raises
    ------
    ConfigError
        If there is no such role.

    Examples
    --------
    >>> list(available("purchase"))
    ['bg_nbd', 'lifetimes_bg_nbd', 'mbg_nbd']
    """
    found = model_definitions(role)
    return {name: first_line(found[name]) for name in sorted(found) if needs_no_argument(found[name])}


def model_class(role: str, name: str) -> type[Model]:
    """Import a model.

    Raises
    ------
    ConfigError
        If the role or the name is unknown; the nearest known name is suggested.
    """
    found = model_definitions(role)
    if name not in found:
        raise unknown("model", name, found, place=f"role '{role}'")
    module = import_module(f"ltvml.models.{role}.{name}")
    return cast("type[Model]", getattr(module, found[name].name))


def make(role: str, name: str, **params: Any) -> Model:
    """Make an unfitted model.

    Raises
    ------
    ConfigError
        If the role, the name or a parameter is unknown.

    Examples
    --------
    >>> make("purchase", "bg_nbd")
    BGNBD()
    """
    chosen = model_class(role, name)
    try:
        return chosen(**params)
    except TypeError as error:
        raise ConfigError(
            f"model '{name}' cannot be made with {params}: {error}.",
            hint=f"`{chosen.__name__}` documents its parameters.",
        ) from error


def load(values: Mapping[str, Any]) -> Model:
    """The fitted model that `to_dict` wrote.

    Raises
    ------
    BundleError
        If no model of that role and name is known, or the format is newer than this ltvml.
    """
    try:
        chosen = model_class(str(values.get("role")), str(values.get("name")))
    except ConfigError as error:
        raise BundleError(
            error.message, hint="was the bundle written by a newer ltvml? upgrade, or fit again."
        ) from error
    return chosen.from_dict(values)


@cache
def model_definitions(role: str) -> dict[str, ast.ClassDef]:
    """Class of each model of a role by name, as source.

    Raises
    ------
    ConfigError
        If there is no such role.
    """
    if role not in roles():
        raise unknown("role", role, roles(), place="models")
    definitions = {path.stem: class_named(path) for path in (ROOM / role).glob("*.py")}
    return {name: definition for name, definition in definitions.items() if definition is not None}


def roles() -> list[str]:
    """Names of the folders beside this file that hold modules."""
    return sorted(path.parent.name for path in ROOM.glob("*/__init__.py"))


def class_named(path: Path) -> ast.ClassDef | None:
    """The class whose attribute `name` is the name of the file; None where the file holds maths."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return next((node for node in body if isinstance(node, ast.ClassDef) and given_name(node) == path.stem), None)


def given_name(definition: ast.ClassDef) -> str | None:
    """Value of the line `name = "..."` in the body of a class."""
    for line in definition.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "name":
            return str(ast.literal_eval(line.value)) if isinstance(line.value, ast.Constant) else None
    return None


def needs_no_argument(definition: ast.ClassDef) -> bool:
    """Whether every argument of `__init__` has a default; a wrapper of other models has not."""
    makers = [line for line in definition.body if isinstance(line, ast.FunctionDef) and line.name == "__init__"]
    return all(len(maker.args.args) - 1 <= len(maker.args.defaults) for maker in makers)


def first_line(definition: ast.ClassDef) -> str:
    """First line of the docstring of a class."""
    return (ast.get_docstring(definition) or "").partition("\n")[0]


def unknown(what: str, name: str, known: Iterable[str], *, place: str) -> ConfigError:
    """The error that names what is there, and the nearest of it."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return ConfigError(
        f"there is no {what} '{name}' in {place}; expected one of {', '.join(names)}.",
        hint=f"did you mean '{near[0]}'?" if near else None,
    )

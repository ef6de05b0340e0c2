"""What a person reads: one folder a language, in it one file a part, each a table from keys to templates.

What is in braces is filled in. A part of a sentence begins small and has no full stop. A new language is one more
folder beside `en`: it is found by its name. A test holds the keys and the placeholders of all languages together.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def languages() -> tuple[str, ...]:
    """Names of the languages that have a folder, in order.

    Examples
    --------
    >>> languages()
    ('en', 'zh')
    """
    return tuple(sorted(module.name for module in iter_modules(__path__)))


@cache
def phrases(language: str) -> Mapping[str, str]:
    """Give the table of a language, all its parts together.

    Raises
    ------
    ConfigError
        If there is no such language.

    Examples
    --------
    >>> phrases("en")["stage.lapsed"]
    'lapsed'
    """
    if language not in languages():
        raise ConfigError(f"outreach.language is '{language}'; expected one of {', '.join(languages())}.")
    return {key: phrase for part in parts(language).values() for key, phrase in part.items()}


def parts(language: str) -> dict[str, Mapping[str, str]]:
    """Give the tables of a language by the name of their file.

    Examples
    --------
    >>> parts("en")["names"]["tag.advocate"]
    'advocate'
    """
    folder = import_module(f"{__name__}.{language}")
    return {name: import_module(f"{folder.__name__}.{name}").PHRASES for _, name, _ in iter_modules(folder.__path__)}


def named(kind: str, name: str, language: str) -> str:
    """Say the name of an action, purpose, channel, stage, stock status, suppression or tag.

    Parameters
    ----------
    kind : str
        What is named, the first part of the key: `action`, `purpose`, `channel`, `stage`, `stock`, `suppressed`, `tag`.
    name : str
        As the tables hold it; one of the user's own is printed as it is, without underscores.
    language : str

    Examples
    --------
    >>> named("action", "win_back", "zh"), named("action", "birthday_card", "en")
    ('客户召回', 'birthday card')
    """
    return phrases(language).get(f"{kind}.{name}", name.replace("_", " "))

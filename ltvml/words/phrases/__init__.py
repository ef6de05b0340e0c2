"""What outreach reads like: one file a language, each the same table from keys to templates.

A new language is one more file beside `en.py`: it is found by its name. A test holds the keys and the placeholders of
all languages together.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def languages() -> tuple[str, ...]:
    """Names of the languages that have a file, in order.

    Examples
    --------
    >>> languages()
    ('en', 'zh')
    """
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def phrases(language: str) -> Mapping[str, str]:
    """Give the table of a language.

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
    table: Mapping[str, str] = import_module(f"{__name__}.{language}").PHRASES
    return table


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

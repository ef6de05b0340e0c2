"""From a YAML file and `key=value` overrides to a `Config`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ltvml.config.document import Config
from ltvml.errors import ConfigError
from ltvml.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, where YAML itself would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, each key of which is there once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} is there twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


# on and off are words, as in YAML 1.2: `season: off` is the word off, not false
UniqueKeyLoader.yaml_implicit_resolvers = {
    letter: [rule for rule in rules if letter not in "oO" or rule[0] != "tag:yaml.org,2002:bool"]
    for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Parameters
    ----------
    path : str or Path
        A YAML (or JSON) file. Relative paths inside it start at the current folder, not at the file.
    overrides : sequence of str, optional
        `key=value` with a dotted key, like `window.cutoff=2011-09-10`; values are read as YAML, and the last one wins.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not YAML (with the line), or has faults: all are listed, with their paths.
    """
    values = parse_yaml(read_text(Path(path)), name=str(path))
    for override in overrides:
        values = overridden(values, override)
    return Config.model_validate(values)


def read_text(path: Path) -> str:
    """Text of a configuration file.

    Raises
    ------
    ConfigError
        If there is no such file, or it is no readable text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"no configuration at '{path}'{_sibling(path)}.", hint="`ltvml init ORDERS_FILE` writes one."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"'{path}' is not text in UTF-8: byte {error.start} is {error.object[error.start]:#04x}."
        ) from None
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}.") from None


def _sibling(path: Path) -> str:
    """The YAML file of the same folder that was probably meant."""
    if not path.parent.is_dir():
        return ""
    return did_you_mean(
        path.name, [found.name for found in path.parent.iterdir() if found.suffix in {".yaml", ".yml", ".json"}]
    )


def parse_yaml(text: str, *, name: str) -> dict[str, Any]:
    """A mapping from YAML text; empty text is an empty mapping.

    Raises
    ------
    ConfigError
        If the text is not YAML, with line and column, or holds something other than keys.
    """
    try:
        # UniqueKeyLoader is a SafeLoader: no tag of YAML builds an object
        values = yaml.load(text, Loader=UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}{_place(error)}: {_problem(error)}.", hint=_yaml_hint(text)) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{name} holds {type(values).__name__} {str(values)[:40]!r}; expected sections like `window:`."
        )
    return values


def _place(error: yaml.YAMLError) -> str:
    """`, line 3, column 7`, where YAML knows it."""
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    """What YAML stumbled over, in one line."""
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _yaml_hint(text: str) -> str:
    """What to look at first in text that is not YAML."""
    if "\t" in text:
        return "indent with spaces; YAML takes no tabs."
    return "is a colon, a quote or a bracket missing on this line or the one before?"


def overridden(values: dict[str, Any], override: str) -> dict[str, Any]:
    """`values` with one `key=value` on top; `values` itself is left as it was.

    Raises
    ------
    ConfigError
        If the override has no `=`, its value is not YAML, or its key leads through something other than a section.

    Examples
    --------
    >>> overridden({"window": {"cutoff": "2011-09-10"}}, "window.churn_horizon=90")
    {'window': {'cutoff': '2011-09-10', 'churn_horizon': 90}}
    """
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError(f"--set {override}: expected KEY=VALUE, like --set window.cutoff=2011-09-10.")
    try:
        value = yaml.load(text, Loader=UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML: {_problem(error)}.") from None
    return _with_value(values, parts, value, override)


def _with_value(values: dict[str, Any], parts: Sequence[str], value: Any, override: str) -> dict[str, Any]:
    """A copy of `values` where the path `parts` holds `value`."""
    first, *rest = parts
    if not rest:
        return {**values, first: value}
    below = values.get(first)
    if below is not None and not isinstance(below, dict):
        raise ConfigError(
            f"--set {override}: {first} is {below!r}; expected a section of keys there.",
            hint=f"set the whole of it: --set '...{first}={{name: {below}, ...}}'.",
        )
    return {**values, first: _with_value(below or {}, rest, value, override)}

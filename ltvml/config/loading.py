"""From a YAML file and `key=value` overrides to a `Config`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ltvml.config.document import Config
from ltvml.errors import ConfigError
from ltvml.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


LONGEST_FILE = 1_000_000
"""Bytes of a configuration file; long lists belong into a table of their own."""
MOST_NODES, DEEPEST = 20_000, 40
"""Values of a configuration, each alias counted as all that it stands for, and levels within each other."""


_LONGEST_KEY, _LONGEST_TYPED = 1_000, 80
_OF_SPARK = ("engine", "conf")
_SHORT = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}
_KINDS = {"timestamp": "date", "int": "number", "float": "number", "bool": "true or false", "binary": "base64 text"}
_HALF_A_LETTER = re.compile("[\ud800-\udfff]")


class BoundedLoader(yaml.SafeLoader):
    """Safe YAML of bounded size: refuses a key given twice, and what a few aliases or brackets blow up.

    YAML itself keeps the last of two keys, and builds whatever 350 bytes of aliases of aliases stand for.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sizes: dict[int, int] = {}
        self._nodes = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node, counted."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark: yaml.Mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, mark)
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.constructor.ConstructorError(
                None, None, f"values are nested more than {DEEPEST} levels deep", mark
            )
        before = self._nodes
        self._count(1, mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[id(node)] = self._nodes - before
        return node

    def _alias(self, name: str | None, mark: yaml.Mark) -> yaml.Node | None:
        """The node that an alias stands for, counted once more with all that it holds."""
        node: yaml.Node | None = super().compose_node(None, 0)
        if id(node) not in self._sizes:
            raise yaml.constructor.ConstructorError(
                None, None, f"the alias *{name} is within the value that it stands for", mark
            )
        self._count(self._sizes[id(node)], mark)
        return node

    def _count(self, nodes: int, mark: yaml.Mark) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise yaml.constructor.ConstructorError(
                None, None, f"there are more than {MOST_NODES:,} values, aliases written out", mark
            )

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node; text that looks like a number or date and is none is an error of YAML."""
        # "\ud800" is half of a letter, which no file and no terminal can hold
        if isinstance(node, yaml.ScalarNode) and _HALF_A_LETTER.search(node.value):
            problem = f"{_cut(ascii(node.value))} holds half of a letter; expected text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        try:
            # a number to base 60 takes time with the square of its length
            if isinstance(node, yaml.ScalarNode) and node.tag in _SHORT and len(node.value) > _LONGEST_KEY:
                raise ValueError
            return super().construct_object(node, deep=deep)
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
            kind = node.tag.rpartition(":")[2]
            text = str(node.value) if isinstance(node, yaml.ScalarNode) else "this value"
            problem = f"{_cut(text)} is no {_KINDS.get(kind, kind)}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, each key of which is there once."""
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "expected keys with values here", node.start_mark)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} is there twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode) and (length := len(key.value)) > _LONGEST_KEY:
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key has {length:,} characters; expected at most {_LONGEST_KEY}", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


# on and off are words, as in YAML 1.2: `season: off` is the word off, not false
BoundedLoader.yaml_implicit_resolvers = {
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
        with path.open("rb") as file:
            # a device has no end
            content = file.read(LONGEST_FILE + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"no configuration at '{path}'{_sibling(path)}.", hint="`ltvml init ORDERS_FILE` writes one."
        ) from None
    except OSError as error:
        raise ConfigError(f"'{path}' cannot be read: {error.strerror}.") from None
    if len(content) > LONGEST_FILE:
        raise ConfigError(
            f"'{path}' is longer than {LONGEST_FILE:,} bytes; expected a configuration.",
            hint="name the configuration with --config, and the orders in it as transactions.source.",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"'{path}' is not text in UTF-8: byte {error.start} is {error.object[error.start]:#04x}."
        ) from None


def _sibling(path: Path) -> str:
    """The YAML file of the same folder that was probably meant."""
    try:
        beside = [found.name for found in path.parent.iterdir() if found.suffix in {".yaml", ".yml", ".json"}]
    except OSError:
        return ""
    return did_you_mean(path.name, beside)


def parse_yaml(text: str, *, name: str) -> dict[str, Any]:
    """A mapping from YAML text; empty text is an empty mapping.

    Raises
    ------
    ConfigError
        If the text is not YAML, with line and column, or holds something other than keys.
    """
    try:
        # BoundedLoader is a SafeLoader: no tag of YAML builds an object
        values = yaml.load(text, Loader=BoundedLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}{_place(error)}: {_problem(error)}.", hint=_yaml_hint(text, error)) from None
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


def _yaml_hint(text: str, error: yaml.YAMLError) -> str | None:
    """What to look at first in text that is not YAML."""
    if isinstance(error, yaml.constructor.ConstructorError):
        # the form is right, and the message says what is not
        return None
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
    >>> overridden({}, "transactions.thousands=,")
    {'transactions': {'thousands': ','}}
    >>> overridden({}, "engine.conf.spark.sql.shuffle.partitions=8")
    {'engine': {'conf': {'spark.sql.shuffle.partitions': 8}}}
    """
    key, equals, text = override.partition("=")
    parts, option = _path_of(key.strip()), f"--set {_cut(override)}"
    if not equals or not all(parts) or len(parts) > DEEPEST:
        raise ConfigError(f"{option}: expected KEY=VALUE, like --set window.cutoff=2011-09-10.")
    try:
        # a shell takes off the quotes that YAML needs around a comma, a blank or a pattern such as %d/%m/%Y
        value = text if _is_bare(text) else yaml.load(text, Loader=BoundedLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{option}: the value is not YAML: {_problem(error)}.") from None
    return _with_value(values, parts, value, option)


def _path_of(key: str) -> list[str]:
    """Names of the sections and of the key; settings of Spark have dots of their own."""
    start = ".".join(_OF_SPARK)
    if not key.startswith(f"{start}."):
        return key.split(".")
    return [*_OF_SPARK, key.removeprefix(f"{start}.").strip("'\"")]


def _is_bare(text: str) -> bool:
    return text.startswith("%") or (len(text) == 1 and not text.isalnum() and text != "~")


def _with_value(values: dict[str, Any], parts: Sequence[str], value: Any, option: str) -> dict[str, Any]:
    """A copy of `values` where the path `parts` holds `value`; `option` is how it was given."""
    first, *rest = parts
    if not rest:
        return {**values, first: value}
    below = values.get(first)
    if below is not None and not isinstance(below, dict):
        raise ConfigError(
            f"{option}: {first} is {_cut(repr(below))}; expected a section of keys there.",
            hint=f"set the whole of it: --set '...{first}={{name: {_cut(str(below))}, ...}}'.",
        )
    return {**values, first: _with_value(below or {}, rest, value, option)}


def _cut(text: str) -> str:
    """A text that a user typed, cut where it is too long for a message."""
    return text if len(text) <= _LONGEST_TYPED else text[:_LONGEST_TYPED] + "..."

"""All faults of a configuration as one `ConfigError`: each with its path, what was found and what was expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from ltvml.errors import ConfigError, LtvmlError
from ltvml.nearest import nearest
from ltvml.passwords import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


LONGEST_VALUE = 60
MOST_FAULTS = 50
"""Faults that are worded; a file that is no configuration has thousands of the same kind."""
DECLARED: dict[type, type[BaseModel]] = {}
"""Frozen dataclass that a key holds: the section of its fields; `config.declared` fills it."""


class FaultyConfigError(ConfigError):
    """Faults of a configuration; `faults` holds one line each, `more` counts those that are not worded."""

    def __init__(self, faults: Sequence[str], more: int = 0) -> None:
        found = len(faults) + more
        noun = "fault" if found == 1 else "faults"
        rest = [f"  and {more:,} more"] if more else []
        super().__init__(
            "\n".join([f"{found:,} {noun} in the configuration:", *(f"  {fault}" for fault in faults), *rest]),
            hint="`ltvml config schema` lists every key with its meaning.",
        )
        self.faults = tuple(faults)


def config_error(error: ValidationError, section: type[BaseModel]) -> FaultyConfigError:
    """The faults that pydantic found in `section`, in our words."""
    found = error.errors()
    worded = [line for fault in found[:MOST_FAULTS] for line in fault_lines(fault, section)]
    return FaultyConfigError(worded, more=len(found[MOST_FAULTS:]))


def fault_lines(fault: ErrorDetails, section: type[BaseModel]) -> list[str]:
    """`path: what is wrong`, in one line; one line each where a section found several faults in itself."""
    path = ".".join(cut(str(part)) for part in fault["loc"])
    reason = fault.get("ctx", {}).get("error")
    words = reason.faults if isinstance(reason, FaultyConfigError) else [_wording(fault, section)]
    return [f"{path}: {wording}" if path else wording for wording in words]


def _wording(fault: ErrorDetails, section: type[BaseModel]) -> str:
    """What is wrong with one key."""
    found = shortened(fault["input"])
    match fault["type"]:
        case "extra_forbidden":
            return _unknown_key(fault["loc"], section)
        case "missing":
            return "missing; this key is required here"
        case "literal_error":
            return _unknown_word(fault["input"], fault["ctx"]["expected"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected a section of keys; found {found}"
        case "tuple_type":
            return f"expected a list, like [a, b]; found {found}"
        case "value_error":
            reason = fault["ctx"]["error"]
            return reason.message if isinstance(reason, LtvmlError) else str(reason)
        case _:
            return f"{fault['msg'].replace('Input should be', 'expected', 1)}; found {found}"


def _unknown_key(location: Sequence[int | str], section: type[BaseModel]) -> str:
    """An unknown key, with the nearest one beside it, or the section it belongs to, or all there are."""
    name = str(location[-1])
    siblings = tuple(_fields_at(section, location[:-1]))
    if near := nearest(name, siblings):
        return f"unknown key; did you mean {near}?"
    elsewhere = [key.path for key in keys_of(section) if key.path.rpartition(".")[2] == name]
    if elsewhere:
        return f"unknown key here; did you mean {elsewhere[0]}?"
    return f"unknown key; expected one of {', '.join(siblings)}"


def _unknown_word(found: Any, expected: str) -> str:
    """A value that is not among the allowed words."""
    words = expected.replace("'", "")
    near = nearest(str(found), words.replace(" or ", ", ").split(", "))
    return f"expected {words}; found {shortened(found)}" + (f"; did you mean {near}?" if near else "")


def _fields_at(section: type[BaseModel], location: Sequence[int | str]) -> Mapping[str, Any]:
    """Fields of the section at `location`."""
    for part in location:
        section = section_within(section, str(part)) or section
    return section.model_fields


def shortened(value: Any) -> str:
    """`value` as it would be typed, cut to one short line."""
    return cut(without_password(repr(value)))


def cut(text: str) -> str:
    """`text`, or its beginning where it is too long for a line."""
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


@dataclass(frozen=True)
class Key:
    """One key of the configuration.

    Parameters
    ----------
    path : str
        Dotted, like `window.cutoff`.
    default : object
        Value where the file is silent, as plain values.
    meaning : str
        What it does, in words.
    is_section : bool
        It holds keys of its own.
    """

    path: str
    default: Any
    meaning: str
    is_section: bool


def keys_of(section: type[BaseModel], prefix: str = "") -> list[Key]:
    """All keys below `section`, in the order of the file.

    Examples
    --------
    >>> from ltvml.config import Config
    >>> [key.path for key in keys_of(Config)][:3]
    ['transactions', 'transactions.source', 'transactions.columns']
    """
    keys = []
    for name, field in section.model_fields.items():
        below = _section_of_keys(section, name)
        meaning = " ".join((field.description or "").split())
        keys.append(
            Key(prefix + name, _plain(field.get_default(call_default_factory=True)), meaning, below is not None)
        )
        keys += keys_of(below, f"{prefix}{name}.") if below else []
    return keys


def subsection(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Section that the key `name` of `section` holds, or None where it holds a value."""
    held = section.model_fields[name].annotation if name in section.model_fields else None
    return next(_sections_in(held), None) if isinstance(held, type) and not get_args(held) else None


def section_within(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    """As `subsection`, and where the key holds a list or a mapping of sections, the section of its entries."""
    if name not in section.model_fields:
        return None
    return next(_sections_in(section.model_fields[name].annotation), None)


def _sections_in(held: Any) -> Iterator[type[BaseModel]]:
    if isinstance(held, type) and not get_args(held):
        section = DECLARED.get(held, held)
        if issubclass(section, BaseModel):
            yield section
    for part in get_args(held):
        yield from _sections_in(part)


def _section_of_keys(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    """As `subsection`, but a section with a key it cannot do without, like a model's name, counts as a value."""
    below = subsection(section, name)
    return None if below is None or any(field.is_required() for field in below.model_fields.values()) else below


def _plain(value: Any) -> Any:
    """A default as it would be written in the file."""
    if type(value) in DECLARED:
        value = DECLARED[type(value)].model_construct(**vars(value))
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value

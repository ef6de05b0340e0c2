"""Every key of a section and the sections below it: path, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    return held if isinstance(held, type) and issubclass(held, BaseModel) else None


def section_within(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    """As `subsection`, and where the key holds a list or a mapping of sections, the section of its entries."""
    if name not in section.model_fields:
        return None
    return next(_sections_in(section.model_fields[name].annotation), None)


def _sections_in(held: Any) -> Iterator[type[BaseModel]]:
    if isinstance(held, type) and not get_args(held) and issubclass(held, BaseModel):
        yield held
    for part in get_args(held):
        yield from _sections_in(part)


def _section_of_keys(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    """As `subsection`, but a section with a key it cannot do without, like a model's name, counts as a value."""
    below = subsection(section, name)
    return None if below is None or any(field.is_required() for field in below.model_fields.values()) else below


def _plain(value: Any) -> Any:
    """A default as it would stand in the file."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value

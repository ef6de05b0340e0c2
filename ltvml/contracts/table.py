"""What a table is: columns with a name, a type and a meaning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Dtype = Literal["string", "int64", "float64", "date", "bool"]


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, its type and what it means."""

    name: str
    dtype: Dtype
    meaning: str
    required: bool = True


@dataclass(frozen=True)
class Table:
    """A named table with its columns in order."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The names that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def number(name: str, meaning: str, *, required: bool = True) -> Column:
    """A column of fractions."""
    return Column(name, "float64", meaning, required=required)

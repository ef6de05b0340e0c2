"""The attributes that a named model reads: covariates and groups, by the names that the orders give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltvml.contracts import OF_CUSTOMERS
from ltvml.errors import ConfigError
from ltvml.models import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIRST = "first_"


def named_columns(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that the params of a model name, each once, in order."""
    asked = [params[argument] for argument in ALL if params.get(argument) is not None]
    return tuple(dict.fromkeys(name for names in asked for name in ([names] if isinstance(names, str) else names)))


def with_found_columns(role: str, params: Mapping[str, Any], found: Iterable[str]) -> dict[str, Any]:
    """The params with each column as the customers have it.

    Parameters
    ----------
    role : str
        purchase or spend; named in an error.
    params : mapping
        Of the configuration: `channel` may stand for `first_channel`, `tier` for a column of the table of customers.
    found : iterable of str
        Attributes that there are.

    Raises
    ------
    ConfigError
        If an attribute is not there.

    Examples
    --------
    >>> with_found_columns("purchase", {"covariates": ("channel", "tier")}, ["first_channel", "attribute_tier"])
    {'covariates': ['first_channel', 'attribute_tier']}
    """
    known = list(found)
    columns = {name: _column(role, name, known) for name in named_columns(params)}
    return {
        argument: value
        if argument not in ALL or value is None
        else columns[value]
        if isinstance(value, str)
        else [columns[name] for name in value]
        for argument, value in params.items()
    }


def _column(role: str, name: str, known: list[str]) -> str:
    for column in (name, f"{OF_CUSTOMERS}{name}", f"{FIRST}{name}"):
        if column in known:
            return column
    raise ConfigError(
        f"models.{role}.params names the attribute '{name}'; found {', '.join(known) or 'no attributes'}.",
        hint="attributes are those of the first order (channel, country, category, ...) where the orders have such a "
        "column, and those of attributes.customers.",
    )


ALL = frozenset(argument for known in registry.AROUND.values() for argument in known)
"""Arguments that name attributes."""

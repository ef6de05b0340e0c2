"""The user's columns by our names: found, missing or there twice."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING

from ltvml.contracts import ONE, TRANSACTIONS
from ltvml.engines.values.status_words import speaks_of_status
from ltvml.errors import ConfigError, DataContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.engines.base import Source

_SHOWN = 20
_LONGEST_SHOWN = 60


def check_unique(names: Sequence[str], label: str) -> None:
    """Refuse a table that has one name twice; case makes no difference, blank names are let pass.

    Raises
    ------
    DataContractError
        If a name is there twice.
    """
    seen = Counter(str(name).casefold() for name in names if str(name).strip())
    twice = sorted({str(name) for name in names if seen[str(name).casefold()] > 1})
    if twice:
        raise DataContractError(
            f"{label} has duplicate columns: {', '.join(twice)}; expected each name once.",
            hint="rename or remove one of them: ltvml does not choose between two columns of one name.",
            counts={name: seen[name.casefold()] for name in twice},
        )


def mapped_columns(source: Source, names: Sequence[str]) -> dict[str, str]:
    """Our name -> the user's column, for every column of the contract that the source has.

    Raises
    ------
    ConfigError
        If the mapping names something that is not in the contract.
    DataContractError
        If a required or mapped column, or one of `exclude`, `keep` or `drop`, is missing (the nearest name is
        suggested), or if amounts are totals of orders, and there is no order_id.
    """
    unknown = [name for name in source.columns if name not in TRANSACTIONS.names]
    if unknown:
        raise ConfigError(
            f"transactions.columns has '{unknown[0]}'{_nearest(unknown[0], TRANSACTIONS.names)}; "
            f"expected {', '.join(TRANSACTIONS.names)}."
        )
    wanted = {name: str(source.columns.get(name, name)) for name in TRANSACTIONS.names}
    needed = {name: column for name, column in wanted.items() if name in {*TRANSACTIONS.required, *source.columns}}
    if counts_lines(source, names):
        del needed["amount"]
    others = {f"{key}: {name}": name for key in ("exclude", "drop", "keep") for name in getattr(source, key)}
    _check_present({**needed, **others}, names, source.label)
    found = {name: column for name, column in wanted.items() if column in names}
    if source.amount_is == "order" and "order_id" not in found:
        raise DataContractError(
            f"transactions.amount_is is 'order', and {source.label} has no order_id; expected the order of each line.",
            hint="map it, for example --set transactions.columns.order_id=basket, or set amount_is: line.",
        )
    return found


def used_columns(source: Source, names: Sequence[str]) -> list[str]:
    """Columns of a source that are looked at: the others need not leave the database or frame that they are in.

    Raises
    ------
    ConfigError, DataContractError
        As `mapped_columns`.
    """
    mapped = mapped_columns(source, names).values()
    states = [name for name in names if speaks_of_status(str(name))]
    return list(dict.fromkeys((*mapped, *source.exclude, *source.drop, *source.keep, *states)))


def counts_lines(source: Source, names: Sequence[str]) -> bool:
    """Whether each line is worth 1: `columns.amount` is 1, and no column has that name."""
    return str(source.columns.get("amount")) == ONE and ONE not in names


def _check_present(needed: dict[str, str], names: Sequence[str], label: str) -> None:
    missing = {ours: theirs for ours, theirs in needed.items() if theirs not in names}
    if not missing:
        return
    found = "; ".join(f"'{theirs}' (for {ours}){_nearest(theirs, names)}" for ours, theirs in missing.items())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    shown = ", ".join(map(_shortened, names[:_SHOWN])) + more
    raise DataContractError(
        f"{label} has no column {found}. It has: {shown}.",
        hint="map your own names in transactions.columns, for example {customer_id: user, order_date: ts}.",
        counts=dict.fromkeys(missing, 0),
    )


def _shortened(name: object) -> str:
    """A column name on one line, its end cut off where it is longer than any name."""
    text = " ".join(str(name).split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _nearest(name: str, names: Sequence[str]) -> str:
    by_case = {str(known).casefold(): str(known) for known in names}
    near = difflib.get_close_matches(name.casefold(), by_case, n=1)
    return f", nearest is '{by_case[near[0]]}'" if near else ""

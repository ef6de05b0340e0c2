"""Several files as one table: a column that is used has to be in each of them.

Files are joined by the names of their columns, so one without a column would have empty cells there: its rows would
lose their customer or their money without a word.
"""

from __future__ import annotations

import warnings
from pathlib import PurePath
from typing import TYPE_CHECKING

from ltvml.contracts import TRANSACTIONS
from ltvml.engines.files.csv_header import looks_like_row
from ltvml.errors import DataContractError, DataWarning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ltvml.engines.base import Source

_NEEDED = (*TRANSACTIONS.required, "amount")
_FILES_SHOWN, _NAMES_SHOWN, _LONGEST_NAME = 3, 12, 40


def check_same_columns(columns: Mapping[str, str], names: Mapping[str, Collection[str]], source: Source) -> None:
    """Refuse a file without the customer, the date or the amount that others have; say what else one lacks.

    Parameters
    ----------
    columns : mapping
        Our name -> the user's column, as found in all files together.
    names : mapping
        File -> its columns. Case makes no difference, as when they are joined.
    source : Source

    Raises
    ------
    DataContractError
        If a file lacks a column that is needed.

    Warns
    -----
    DataWarning
        If files lack a column that is used.
    """
    held = {file: {name.casefold() for name in (*of_file, *_keys(file))} for file, of_file in names.items()}
    for ours, theirs in columns.items():
        lacking = _lacking(theirs, held)
        if lacking and ours in _NEEDED:
            raise _refused(ours, theirs, lacking, names, source)
    _warn_of_others({theirs: _named(theirs, ours) for ours, theirs in columns.items()} | _of_rules(source), held)


def _keys(file: str) -> Iterable[str]:
    """Columns that the folders of a file name, as in month=2024-01."""
    return (part.partition("=")[0] for part in PurePath(file).parts[:-1] if "=" in part)


def _named(theirs: str, ours: str) -> str:
    return f"'{theirs}'" if theirs == ours else f"'{theirs}' (for {ours})"


def _of_rules(source: Source) -> dict[str, str]:
    """Column -> how a message calls it; those of `transactions.exclude`, `drop` and `keep`."""
    return {
        str(name): f"'{name}' (of transactions.{key})"
        for key in ("exclude", "drop", "keep")
        for name in getattr(source, key)
    }


def _lacking(column: str, held: Mapping[str, Collection[str]]) -> list[str]:
    """Files without a column, nor its structure or the field that it is; none where no file has it."""
    name = column.casefold()
    wanted = {name, name.partition(".")[0], name.rpartition(".")[2]}
    lacking = [file for file, names in held.items() if wanted.isdisjoint(names)]
    return lacking if len(lacking) < len(held) else []


def _refused(
    ours: str, theirs: str, lacking: list[str], names: Mapping[str, Collection[str]], source: Source
) -> DataContractError:
    found = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..." for name in names[lacking[0]]]
    more = f" and {len(found) - _NAMES_SHOWN} more" if len(found) > _NAMES_SHOWN else ""
    hint = "rename the column there, or let transactions.source name the files of orders alone."
    if looks_like_row(found):
        hint = f"the first line of '{lacking[0]}' looks like a row: give every file a header."
    lack = f"{len(lacking):,} of {len(names):,} files lack column {_named(theirs, ours)} in {source.label}"
    has = f"The first of them has: {', '.join(found[:_NAMES_SHOWN])}{more}."
    return DataContractError(
        f"{lack}: {_listed(lacking)}. {has} Expected the same columns in every file.",
        hint=hint,
        counts={"files": len(lacking)},
    )


def _warn_of_others(used: Mapping[str, str], held: Mapping[str, Collection[str]]) -> None:
    by_files: dict[tuple[str, ...], list[str]] = {}
    for column, called in used.items():
        if lacking := _lacking(column, held):
            by_files.setdefault(tuple(lacking), []).append(called)
    for files, columns in by_files.items():
        warnings.warn(
            f"{len(files):,} of {len(held):,} files lack column{'s' if len(columns) > 1 else ''} {', '.join(columns)}: "
            f"{_listed(files)}. Cells there count as empty.",
            DataWarning,
            stacklevel=2,
        )


def _listed(files: Iterable[str]) -> str:
    given = [f"'{file}'" for file in files]
    more = f" and {len(given) - _FILES_SHOWN:,} more" if len(given) > _FILES_SHOWN else ""
    return ", ".join(given[:_FILES_SHOWN]) + more

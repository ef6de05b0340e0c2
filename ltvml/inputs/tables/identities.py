"""Ids that are one person: pairs of ids merged into persons, however long the chain.

A person is named by the smallest of its ids as text, so that the name depends on neither the order of the rows nor on
which id buys first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ltvml.engines.values.identity import normalised_id
from ltvml.errors import DataContractError
from ltvml.inputs.tables.small_tables import missing_columns, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ltvml.config.sections import IdentitySettings, TransactionSettings
    from ltvml.engines.base import Engine
    from ltvml.engines.values.identity import IdRule

_GIVEN, _PERSON = "identity_given_", "identity_person_"


@dataclass(frozen=True, eq=False)
class Persons:
    """Which ids are one person.

    Parameters
    ----------
    aliases : dict of str to str
        Id -> the person that it is, for ids that are not the name of their person.
    ids, persons, largest : int
        Different ids in the pairs, persons that they are, and ids of the person that has the most.
    skipped : int
        Rows without two ids of customers.
    """

    aliases: dict[str, str] = field(default_factory=dict)
    ids: int = 0
    persons: int = 0
    largest: int = 0
    skipped: int = 0

    def person_of(self, ids: pd.Series) -> pd.Series:
        """The person of each id; an id in no pair is its own person."""
        return ids.map(self.aliases).where(ids.isin(list(self.aliases)), ids)

    def __str__(self) -> str:
        left = f"; {self.skipped:,} rows without two ids" if self.skipped else ""
        return f"{self.ids:,} ids are {self.persons:,} persons, at most {self.largest:,} ids each{left}"


def read_persons(settings: IdentitySettings, orders: TransactionSettings) -> Persons:
    """Persons from the table of pairs; none where the configuration names no table.

    Parameters
    ----------
    settings : IdentitySettings
        `config.identities`.
    orders : TransactionSettings
        `config.transactions`: its `normalize_ids` and `not_customers` hold for the pairs, too.

    Raises
    ------
    ConfigError
        If the table cannot be read.
    DataContractError
        If a column is missing, or a person would have more than `identities.most_ids` ids.
    """
    if settings.source is None:
        return Persons()
    table = read_table(settings.source, "identities.source").rename(columns={v: k for k, v in settings.columns.items()})
    if words := missing_columns(settings.source, table, ("a", "b")):
        raise DataContractError(words, hint="map them: identities.columns: {a: your column, b: your other column}.")
    nobody = {value.strip().lower() for value in orders.not_customers}
    first, second = (ids_of_orders(table[name], orders.normalize_ids, nobody) for name in ("a", "b"))
    paired = (first.notna() & second.notna()).to_numpy()
    return persons_of_pairs(
        first[paired].tolist(),
        second[paired].tolist(),
        most_ids=settings.most_ids,
        skipped=int((~paired).sum()),
        label=settings.source,
    )


def persons_of_pairs(
    first: Sequence[str], second: Sequence[str], *, most_ids: int, skipped: int = 0, label: str = "identities"
) -> Persons:
    """Connected groups of ids, each named by its smallest.

    Parameters
    ----------
    first, second : sequence of str
        Ids that are one person, pair by pair; loops and repeated pairs are fine.
    most_ids : int
        A person of more ids is an error: one id, such as a shared telephone, holds strangers together.
    skipped : int
        Rows that are no pair, to be counted.
    label : str
        The table in messages.

    Raises
    ------
    DataContractError

    Examples
    --------
    >>> persons_of_pairs(["m7", "b"], ["b", "a@x.org"], most_ids=10).aliases
    {'b': 'a@x.org', 'm7': 'a@x.org'}
    """
    names = np.array(sorted({*first, *second}), dtype=object)
    if not len(names):
        return Persons(skipped=skipped)
    place = {name: number for number, name in enumerate(names)}
    left, right = (np.array([place[name] for name in side]) for side in (first, second))
    links = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(len(names), len(names)))
    count, group = connected_components(links, directed=False)
    sizes = np.bincount(group, minlength=count)
    if sizes.max() > most_ids:
        _refuse_hub(names, group, sizes, left, right, most_ids, label)
    # names are sorted: the first of a group is its smallest
    smallest = np.full(count, len(names))
    np.minimum.at(smallest, group, np.arange(len(names)))
    person = names[smallest[group]]
    aliases = {str(name): str(of) for name, of in zip(names, person, strict=True) if name != of}
    return Persons(aliases, len(names), int(count), int(sizes.max()), skipped)


def with_persons(engine: Engine, lines: nw.LazyFrame[Any], persons: Persons) -> nw.LazyFrame[Any]:
    """Lines in which every id is that of its person."""
    if not persons.aliases:
        return lines
    frame = pd.DataFrame({_GIVEN: list(persons.aliases), _PERSON: list(persons.aliases.values())}, dtype="str")
    names = lines.collect_schema().names()
    joined = lines.join(engine.table(frame), left_on="customer_id", right_on=_GIVEN, how="left")
    merged = joined.with_columns(nw.coalesce(nw.col(_PERSON), nw.col("customer_id")).alias("customer_id"))
    return engine.keep(merged.select(names))


def ids_of_orders(column: pd.Series, rules: Sequence[IdRule], nobody: set[str]) -> pd.Series:
    """Ids as the orders have them; null where there is none, or where it stands for nobody."""
    texts = column.astype("str").str.replace(r"^(\d+)\.0$", r"\1", regex=True) if _is_float(column) else column
    given = texts.astype(object).where(column.notna() & (texts.astype("str").str.strip() != ""), None)
    read = given.map(lambda text: None if text is None else normalised_id(str(text), rules))
    return read.where(~read.astype("str").str.strip().str.lower().isin(nobody), None)


def _is_float(column: pd.Series) -> bool:
    return bool(pd.api.types.is_float_dtype(column))


def _refuse_hub(
    names: NDArray[Any],
    group: NDArray[Any],
    sizes: NDArray[Any],
    left: NDArray[Any],
    right: NDArray[Any],
    most_ids: int,
    label: str,
) -> None:
    too_large = np.flatnonzero(sizes > most_ids)
    partners = np.bincount(np.concatenate([left, right]), minlength=len(names))
    hub = int(np.argmax(np.where(group == sizes.argmax(), partners, -1)))
    raise DataContractError(
        f"{label}: {len(too_large):,} persons would have more than {most_ids} ids, the largest {sizes.max():,}, in "
        f"which '{names[hub]}' stands in {partners[hub]:,} pairs; expected at most {most_ids} (identities.most_ids).",
        hint=f"is '{names[hub]}' shared, like a switchboard or guest@shop? Leave its pairs out; or, if it is one "
        f"person: --set identities.most_ids={sizes.max()}.",
        counts={"persons": len(too_large)},
    )

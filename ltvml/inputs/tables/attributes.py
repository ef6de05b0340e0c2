"""What the table of customers knows of a customer at the first order, joined to the lines of the orders.

Only columns that `attributes.customers` names are read: a table of customers says how things are today, and a column
that is updated later would tell a past cutoff its future. They stay texts here; a fit finds out which are numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from ltvml.contracts import OF_CUSTOMERS
from ltvml.errors import ConfigError, DataContractError
from ltvml.inputs.tables.customer_ids import CustomerIds, with_customer_id
from ltvml.inputs.tables.identities import ids_of_orders
from ltvml.inputs.tables.small_tables import missing_columns, read_table, with_columns

if TYPE_CHECKING:
    from ltvml.config.sections import OrderSettings
    from ltvml.engines.base import Engine
    from ltvml.inputs.tables.identities import Persons


def with_attributes(
    engine: Engine, lines: nw.LazyFrame[Any], settings: OrderSettings, persons: Persons
) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """Lines with a column `attribute_<name>` for each of `attributes.customers`, and what is unusual about them.

    Parameters
    ----------
    engine : Engine
    lines : lazy frame
        Lines that are used, with the ids of persons.
    settings : OrderSettings
        `config.orders`.
    persons : Persons
        Which ids were merged.

    Raises
    ------
    ConfigError
        If attributes are named and there is no table, or it cannot be read.
    DataContractError
        If a column is missing, a customer has two rows, or no customer of the orders has one.
    """
    names = settings.attributes.customers
    if not names:
        return lines, ()
    table, merged = read_attribute_table(settings, persons)
    has = f"{OF_CUSTOMERS}row"
    joined = engine.keep(lines.join(engine.table(table.assign(**{has: 1})), on="customer_id", how="left"))
    counts = joined.group_by("customer_id").agg(nw.col(has).max().cast(nw.Int64))
    counted = engine.collect(counts.select(nw.len().cast(nw.Int64).alias("all"), nw.col(has).sum().cast(nw.Int64)))
    customers, known = int(counted["all"].iloc[0]), int(counted[has].fillna(0).iloc[0])
    if not known:
        raise DataContractError(
            f"{settings.customers.source}: none of its {len(table):,} rows names one of the {customers:,} customers of "
            f"the orders (its first id is '{table['customer_id'].iloc[0]}'), so attributes.customers has no effect.",
            hint="the column customer_id must hold the ids of the orders; map it under customers.columns.",
        )
    return joined.drop(has), (*merged, *_without_row(customers - known, customers))


def read_attribute_table(settings: OrderSettings, persons: Persons) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """`customer_id` as the orders have it and the attributes as text, one row a customer; and a note on merged rows.

    Raises
    ------
    ConfigError, DataContractError
        See `with_attributes`.
    """
    names, path = settings.attributes.customers, settings.customers.source
    if path is None:
        raise ConfigError(
            f"attributes.customers names {', '.join(names)}, but customers.source names no table; expected one.",
            hint="add customers: {source: customers.csv}, or leave attributes.customers empty.",
        )
    orders = settings.transactions
    table = read_table(path, "customers.source")
    table = table.rename(columns={his: ours for ours, his in settings.customers.columns.items() if his in table})
    table = with_columns(table, ("customer_id",), names)
    ids = CustomerIds(pd.Index([]), orders.columns.get("customer_id", "customer_id"))
    table = with_customer_id(table, ids, path) if "customer_id" not in table else table
    if words := missing_columns(path, table, ("customer_id", *names)):
        raise DataContractError(words, hint="map them under customers.columns (ours: your column).")
    nobody = {value.strip().lower() for value in orders.not_customers}
    known = table.assign(customer_id=ids_of_orders(table["customer_id"], orders.normalize_ids, nobody))
    known = known[known["customer_id"].notna()]
    _refuse_repeated(path, known["customer_id"])
    person = known["customer_id"].map(lambda one: persons.aliases.get(one, one))
    repeated = int(person.duplicated().sum())
    columns = {f"{OF_CUSTOMERS}{name}": _texts(known[name]) for name in names}
    rows = pd.DataFrame({"customer_id": person, **columns}).drop_duplicates("customer_id", ignore_index=True)
    note = (
        f"{path}: {repeated:,} rows are of persons who have an earlier row under another id; the first row counts.",
    )
    return rows.astype("str"), note if repeated else ()


def _refuse_repeated(path: str, ids: pd.Series) -> None:
    twice = ids[ids.duplicated()]
    if len(twice):
        raise DataContractError(
            f"{path}: {len(twice):,} of {len(ids):,} rows repeat a customer_id (first: '{twice.iloc[0]}'); expected "
            "one row per customer.",
            hint="keep the row that held at the first order.",
            counts={"repeated_customers": len(twice)},
        )


def _without_row(missing: int, customers: int) -> tuple[str, ...]:
    if not missing:
        return ()
    return (
        f"{missing:,} of {customers:,} customers have no row in customers.source; what attributes.customers names is "
        "missing for them, and they are scored as customers about whom it is not known.",
    )


def _texts(values: pd.Series) -> pd.Series:
    """Values as text, whole numbers without a decimal point; null where there is none."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("str").str.strip().where(values.notna()).replace("", None)

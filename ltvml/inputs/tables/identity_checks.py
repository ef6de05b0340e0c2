"""What the ids of customers look like: one person under several ids, many persons under one, ids that never repeat.

Each check is a query over the customers, and none over the lines unless the ids never repeat.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals as nw

from ltvml.contracts import TRANSACTIONS
from ltvml.engines.values.minor_units import money
from ltvml.errors import DataWarning
from ltvml.inputs.first_look.whole_file import PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from ltvml.engines.base import Engine, Source

_FEW = 20
"""With fewer customers nothing stands out."""
_LARGE_SHARE, _TIMES_NEXT = 0.05, 20
# an id that is a number may be a customer's: it stands for nobody where it has this many times the mean value
_TIMES_MEAN = 10
_NEARLY_ALL, _FEW_ORDERS = 0.5, 10
_MOST_TESTS = 0.05
_MOST_LISTED = 1_000
_SHOWN, _LISTED = 3, 5
_TEST_ADDRESS = "^(test|demo|example|noemail|no-?reply|guest|gast)[0-9]*@|@(test|example)[.]"
_OF_CUSTOMERS = ("customer", "client", "user", "member", "buyer", "shopper", "email", "kunde", "cliente", "acheteur")
_MOST_COLUMNS = 5


class _Top(NamedTuple):
    """Customers and their value, minor units."""

    customers: int
    orders: int
    value: float


def warn_of_ids(engine: Engine, days: nw.LazyFrame[Any], source: Source) -> None:
    """Say what is odd about the ids, with numbers and the setting to write.

    Parameters
    ----------
    engine : Engine
    days : lazy frame
        Purchase days.
    source : Source

    Warns
    -----
    DataWarning
    """
    by_id = nw.col("value").sum().cast(nw.Float64).alias("value"), nw.len().cast(nw.Int64).alias("orders")
    customers = days.group_by("customer_id").agg(*by_id)
    found = engine.collect(customers.select(*_totals(), *_odd_ids())).fillna(0).iloc[0]
    top = _Top(int(found["customers"]), int(found["orders"]), float(found["value"]))
    odd = found["untrimmed"] or found["capitals"] or found["numbers"]
    if odd or found["nobody"] or found["largest"] > _LARGE_SHARE * top.value:
        customers = engine.keep(customers)
    if odd:
        _warn_of_spellings(engine, _as_written(customers), top.customers)
    nobody = _warn_of_nobody(engine, customers, top, source) if found["nobody"] else set()
    if found["largest"] > _LARGE_SHARE * top.value:
        _warn_of_outlier(engine, customers, top, source, nobody)
    if top.customers == top.orders and top.customers >= _FEW:
        _warn_of_single_orders(engine, source, top.customers)


def _totals() -> list[nw.Expr]:
    return [
        nw.len().cast(nw.Int64).alias("customers"),
        nw.col("orders").sum().cast(nw.Int64).alias("orders"),
        nw.col("value").sum().alias("value"),
        nw.col("value").max().alias("largest"),
    ]


def _odd_ids() -> list[nw.Expr]:
    """Ids that are not written in the plainest way: without them no two ids can be alike."""
    name = nw.col("customer_id")
    odd = {
        "untrimmed": name != name.str.strip_chars(" "),
        "capitals": name != name.str.to_lowercase(),
        # '1' begins all other numbers, and a name that begins with a letter ends in no .0 that counts
        "numbers": ((name < "1") & name.str.contains("^ *0+[0-9]")) | name.str.ends_with(".0"),
        "nobody": _is_nobody(),
    }
    return [condition.cast(nw.Int64).sum().alias(word) for word, condition in odd.items()]


def _is_nobody() -> nw.Expr:
    lower = nw.col("customer_id").str.strip_chars(" ").str.to_lowercase()
    address = nw.col("customer_id").str.contains("@", literal=True) & lower.str.contains(_TEST_ADDRESS)
    return lower.is_in(sorted(PLACEHOLDERS)) | address


def _as_written(customers: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    trimmed = nw.col("customer_id").str.strip_chars(" ")
    lower = trimmed.str.to_lowercase()
    whole = lower.str.replace_all("[.]0+$", "").str.replace_all("^0+", "")
    digits = lower.str.contains("^[0-9]+([.]0+)?$")
    return customers.select(
        "customer_id", trim=trimmed, lower=lower, number=nw.when(digits).then(whole).otherwise(lower)
    )


def _warn_of_spellings(engine: Engine, written: nw.LazyFrame[Any], customers: int) -> None:
    names = ("trim", "lower", "number")
    counted = engine.collect(written.select(*(nw.col(name).n_unique().cast(nw.Int64) for name in names))).iloc[0]
    left = [customers, *(int(counted[name]) for name in names)]
    rules = [name for name, before, after in zip(names, left, left[1:], strict=False) if after < before]
    if not rules:
        return
    alike = written.group_by("number").agg(
        nw.len().cast(nw.Int64).alias("ids"),
        nw.col("customer_id").min().alias("first"),
        nw.col("customer_id").max().alias("last"),
    )
    pairs = engine.collect(alike.filter(nw.col("ids") > 1).sort("number").head(1))
    example = f"'{pairs['first'].iloc[0]}' and '{pairs['last'].iloc[0]}'"
    _say(
        f"column for customer_id: {customers:,} ids are {left[-1]:,} where letter case, blanks, leading zeros and .0 "
        f"do not count, like {example}: one customer may be counted as several. If they are the same: "
        f"--set transactions.normalize_ids=[{','.join(rules)}]."
    )


def _warn_of_nobody(engine: Engine, customers: nw.LazyFrame[Any], top: _Top, source: Source) -> set[str]:
    words = customers.filter(_is_nobody())
    # more than that are addresses of a made-up file, and not looked at
    enough = int(_MOST_TESTS * top.customers) + 1
    found = engine.collect(words.sort("value", "customer_id", descending=[True, False]).head(_MOST_LISTED + enough))
    number = found["customer_id"].str.contains(r"^ *-?[0-9]+ *$")
    usual = _TIMES_MEAN * top.value / max(top.customers, 1)
    stands_out = (found["value"] > usual) & (top.customers >= _FEW)
    has_all = (found["value"] > _NEARLY_ALL * top.value) & (found["orders"] >= _FEW_ORDERS)
    found = found[~number | stands_out | has_all]
    # in a made-up file everybody lives at example.com
    made_up = found["customer_id"].str.contains("@", regex=False)
    if made_up.sum() > _MOST_TESTS * top.customers:
        found = found[~made_up]
    if not len(found):
        return set()
    if has_all.any():
        _warn_of_other_column(engine, source, top.customers)
    ids = found["customer_id"].tolist()
    listed = ", ".join(f"'{name}'" for name in ids[:_SHOWN]) + (
        f" and {len(ids) - _SHOWN} more" if ids[_SHOWN:] else ""
    )
    looks = "looks like a placeholder" if len(ids) == 1 else "look like placeholders"
    _say(
        f"column for customer_id: {listed} {looks} and no customer, with {_part(found, top, source)}. "
        f"If so: {_not_customers(ids[:_LISTED])}{' and the others' if ids[_LISTED:] else ''}."
    )
    return set(ids)


def _warn_of_outlier(engine: Engine, customers: nw.LazyFrame[Any], top: _Top, source: Source, nobody: set[str]) -> None:
    found = engine.collect(customers.sort("value", "customer_id", descending=[True, False]).head(2))
    if len(found) < 2 or top.customers < _FEW or found["customer_id"].iloc[0] in nobody:
        return
    first, second = found["value"]
    if first > _LARGE_SHARE * top.value and first > _TIMES_NEXT * max(second, 0):
        name = found["customer_id"].iloc[0]
        _say(
            f"column for customer_id: '{name}' alone has {_part(found.head(1), top, source)}, more than {_TIMES_NEXT} "
            f"times the next: one customer, or an id for all who have none? If so: {_not_customers([name])}."
        )


def _warn_of_single_orders(engine: Engine, source: Source, customers: int) -> None:
    """Where each customer has one order: whether another column names customers who come back."""
    used = source.columns.get("customer_id", "customer_id")
    for other in _other_columns(engine, source):
        if _FEW <= other.customers < other.orders:
            _say(
                f"column for customer_id: each of the {customers:,} ids of '{used}' has a single order, and the "
                f"{other.customers:,} of '{other.column}' have {other.orders:,} purchase days: is that the customer? "
                f"If so: {_customer_column(other.column)}."
            )
            return


def _warn_of_other_column(engine: Engine, source: Source, customers: int) -> None:
    """Where nearly all is of one id that stands for nobody: whether another column names customers."""
    for other in _other_columns(engine, source):
        if other.customers >= max(_FEW, 2 * customers):
            _say(
                f"column for customer_id: the column '{other.column}' has {other.customers:,} different ids: is that "
                f"the customer? If so: {_customer_column(other.column)}."
            )
            return


class _Other(NamedTuple):
    """Another column as the customer: its ids and their purchase days."""

    column: str
    customers: int
    orders: int


def _other_columns(engine: Engine, source: Source) -> Iterator[_Other]:
    """The columns whose names speak of customers, read as the customer's id."""
    mapped = set(source.columns.values())
    named = [
        column.name
        for column in engine.columns_of(source)
        if column.kind in ("text", "integer", "number")
        and column.name not in mapped
        and column.name not in TRANSACTIONS.names
        and any(word in column.name.casefold() for word in _OF_CUSTOMERS)
    ]
    # two customers may have one name
    for column in sorted(named, key=lambda name: "name" in name.casefold())[:_MOST_COLUMNS]:
        lines = engine.read(replace(source, columns={**source.columns, "customer_id": column}))
        used_by = lines.filter(nw.col("fault").is_null()).select("customer_id", "day").unique()
        counts = used_by.group_by("customer_id").agg(nw.len().cast(nw.Int64).alias("days"))
        totals = nw.len().cast(nw.Int64).alias("ids"), nw.col("days").sum().cast(nw.Int64).alias("days")
        found = engine.collect(counts.select(*totals)).fillna(0).iloc[0]
        yield _Other(column, int(found["ids"]), int(found["days"]))


def _customer_column(column: str) -> str:
    written = column.replace("'", "''")
    return f"--set \"transactions.columns.customer_id='{written}'\""


def _part(found: pd.DataFrame, top: _Top, source: Source) -> str:
    value = float(found["value"].sum())
    share = f"{100 * value / top.value:.3g} %" if top.value > 0 else "an unknown share"
    days, amount = int(found["orders"].sum()), money(round(value), source.decimals)
    return f"{days:,} purchase days and {amount} ({share} of the value)"


def _not_customers(ids: list[str]) -> str:
    listed = ",".join("'" + name.replace("'", "''") + "'" for name in ids)
    return f'--set "transactions.not_customers=[{listed}]"'


def _say(message: str) -> None:
    warnings.warn(message, DataWarning, stacklevel=4)

"""Whose rows these are: ids of a small table held against the customers that are known.

An id counts as the customer of the same id, or of the same id under `transactions.normalize_ids`, or as the person that
`identities` merges it with; else as the one whose id is the same number (`12.0` and `12`) once blanks
at its ends are gone. Where contacts are held back, an id that differs in nothing but letter case, blanks or leading
zeros counts too, and an address of e-mail always does: who refuses must not be contacted for a capital letter.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ltvml.engines.values.identity import normalised_id
from ltvml.errors import DataContractError, DataWarning
from ltvml.inputs.tables.small_tables import folded
from ltvml.words.sentence import Name, Sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.config.sections import TransactionSettings
    from ltvml.engines.values.identity import IdRule

FEWEST = 0.5
"""Share of the rows that match a customer below which a table is warned of."""
ID_NAMES = (
    "customerid", "customer", "customernumber", "customerno", "customercode", "customerkey", "custid", "cust",
    "customeruniqueid", "clientid", "client", "userid", "user", "memberid", "member", "buyerid", "buyer", "shopperid",
    "accountid", "account", "contactid", "personid", "subscriberid", "id", "email", "emailaddress", "customeremail",
    "mail", "phone", "phonenumber", "mobile", "kundennummer", "kundenid", "kunde", "kundennr", "clienteid", "cliente",
    "idcliente", "idclient", "numeroclient", "客户id", "客户编号", "会员id", "会员编号", "会员号", "用户id", "买家id",
    "手机号", "邮箱",
)  # fmt: skip
"""Names under which tables hold the customer's id, letters and digits only."""
_NUMBER = r"^(\d+)\.0+$"
_QUOTES = "'=\""
"""By these a spreadsheet is made to keep an id as it is: '007 or ="007"."""
_INVISIBLE = r"[\s\u200b-\u200f\u2060\ufeff]+"


@dataclass(frozen=True, eq=False)
class CustomerIds:
    """The customers that are known, and what else they are called.

    Parameters
    ----------
    known : (n,) index of str
        Ids as the scores have them.
    column : str
        What the orders call the column of ids.
    rules : tuple of {"lower", "trim", "number"}
        `transactions.normalize_ids`, under which the orders were read.
    aliases : mapping of str to str
        Other ids of the same persons, as `identities` has them: alias to known id.
    """

    known: pd.Index
    column: str = "customer_id"
    rules: tuple[IdRule, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, known: Collection[str] | pd.Series, settings: TransactionSettings, aliases: Mapping[str, str] | None = None
    ) -> Self:
        """Those of a table of customers, under the settings of the orders."""
        column = settings.columns.get("customer_id", "customer_id")
        return cls(pd.Index(known), column, tuple(settings.normalize_ids), aliases or {})

    @cached_property
    def names(self) -> pd.DataFrame:
        """Every id of every customer: `name`, and the `customer_id` that it stands for."""
        own = self.known.unique().astype(object)
        table = pd.DataFrame({"name": own, "customer_id": own})
        other = pd.DataFrame({"name": list(self.aliases), "customer_id": list(self.aliases.values())}, dtype=object)
        other = other[other["customer_id"].isin(own) & ~other["name"].isin(own)]
        return pd.concat([table, other], ignore_index=True)

    @cached_property
    def as_numbers(self) -> pd.Series:
        """The names without blanks at their ends and decimal points."""
        return _as_number(self.names["name"])

    @cached_property
    def loosened(self) -> pd.Series:
        """The names without letter case, blanks and leading zeros."""
        return loosened(self.names["name"])


@dataclass(frozen=True)
class Matched:
    """Rows of a table, and the customers that they name.

    Parameters
    ----------
    row : (m,) array of int
        Position in the table; a row may name several customers whose ids are alike.
    customer_id : (m,) array of object
        Known ids.
    alike : (k,) array of int
        Positions of the rows whose id is written otherwise than the customer's.
    """

    row: NDArray[np.int64]
    customer_id: NDArray[np.object_]
    alike: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """Rows that name a customer."""
        return len(np.unique(self.row))

    @property
    def customers(self) -> int:
        """Customers that are named."""
        return len(pd.unique(self.customer_id))


def match_ids(given: pd.Series, ids: CustomerIds, *, loosely: bool = False) -> Matched:
    """The customers that the rows of a table name.

    Parameters
    ----------
    given : (n,) series
        Ids as the table writes them; null where there is none.
    ids : CustomerIds
    loosely : bool
        Whether letter case, blanks and leading zeros are overlooked.

    Examples
    --------
    >>> ids = CustomerIds(pd.Index(["12", "b"]))
    >>> found = match_ids(pd.Series(["12.0", " b", "B", "z"]), ids, loosely=True)
    >>> found.row.tolist(), found.customer_id.tolist()
    ([0, 1, 2], ['12', 'b', 'b'])
    >>> match_ids(pd.Series(["B", "b "]), ids).row.tolist()
    [1]
    """
    texts = given.astype(object).reset_index(drop=True)
    texts = texts[texts.notna()].astype("str")
    found = [_pairs(texts, texts, ids.names["name"], ids)]
    if len(left := _without(texts, found)) and ids.rules:
        normal = left.map(lambda text: normalised_id(text, ids.rules))
        found.append(_pairs(left, normal, ids.names["name"], ids))
    if len(left := _without(texts, found)):
        found.append(_pairs(left, _as_number(left), ids.as_numbers, ids))
    if loosely:
        left = texts[texts.index.isin(_without(texts, found).index) | texts.str.contains("@", regex=False)]
        found += [_pairs(left, loosened(left), ids.loosened, ids)] if len(left) else []
    pairs = pd.concat(found, ignore_index=True).drop_duplicates(["row", "customer_id"])
    pairs = pairs.sort_values("row", kind="stable")
    same = pairs["given"].to_numpy(dtype=object) == pairs["name"].to_numpy(dtype=object)
    rows = pairs["row"].to_numpy(dtype=np.int64)
    return Matched(rows, pairs["customer_id"].to_numpy(dtype=object), np.setdiff1d(rows[~same], rows[same]))


def _without(texts: pd.Series, found: Sequence[pd.DataFrame]) -> pd.Series:
    """The ids that no pair has yet."""
    return texts[~texts.index.isin(np.concatenate([pairs["row"].to_numpy() for pairs in found]))]


def _pairs(given: pd.Series, keys: pd.Series, names: pd.Series, ids: CustomerIds) -> pd.DataFrame:
    """Rows and customers whose keys are equal."""
    left = pd.DataFrame({"key": keys.astype(object), "row": given.index, "given": given.astype(object)})
    right = ids.names.assign(key=names.astype(object))
    return left.merge(right, on="key")[["row", "given", "name", "customer_id"]]


def alike_note(found: Matched, table: str) -> tuple[str, ...]:
    """A sentence on the rows whose ids are written otherwise than the customers', where there are some."""
    if not (rows := len(found.alike)):
        return ()
    return (Sentence.of("note.alike", table=Name("table", table), rows=rows),)


def loosened(ids: pd.Series) -> pd.Series:
    """Ids without letter case, blanks, leading zeros and widths of letters.

    Examples
    --------
    >>> loosened(pd.Series([" Ann@X.com", "007", "７.0"])).tolist()
    ['ann@x.com', '7', '7']
    """
    texts = ids.astype("str").str.normalize("NFKC").str.casefold().str.replace(_INVISIBLE, "", regex=True)
    return _as_number(texts.str.strip(_QUOTES)).str.replace(r"^0+(?=.)", "", regex=True)


def _as_number(ids: pd.Series) -> pd.Series:
    """Ids without blanks at their ends, whole numbers without a decimal point."""
    return ids.astype("str").str.strip().str.replace(_NUMBER, r"\1", regex=True)


def with_customer_id(table: pd.DataFrame, ids: CustomerIds, path: str, *, loosely: bool = False) -> pd.DataFrame:
    """The table with a column `customer_id`, also where it is called as in the orders, or as ids usually are.

    Of several such columns it is the one that names the most customers. A table without any is left as it is.

    Parameters
    ----------
    table : frame
    ids : CustomerIds
    path : str
        The table in messages.
    loosely : bool
        See `match_ids`.

    Raises
    ------
    DataContractError
        If `customer_id` names nobody and another column does.
    """
    usual = {folded(ids.column), *ID_NAMES}
    others = [name for name in map(str, table) if name != "customer_id" and folded(name) in usual]
    if "customer_id" not in table and len(others) == 1:
        return table.rename(columns={others[0]: "customer_id"})
    tried = [name for name in ("customer_id", *others) if name in table]
    if not others or not len(table) or not tried:
        return table
    rows = {name: match_ids(table[name], ids, loosely=loosely).rows for name in tried}
    best = max(tried, key=lambda name: rows[name])
    if "customer_id" not in table:
        return table.rename(columns={best: "customer_id"})
    if rows["customer_id"] == 0 and rows[best]:
        raise DataContractError(
            f"{path}: no customer_id is one of the orders, and {rows[best]:,} of {len(table):,} rows have one in the "
            f"column {best}.",
            hint=f"call the column {best} customer_id, and the other one something else.",
        )
    return table


def named_otherwise(table: pd.DataFrame, ids: CustomerIds) -> pd.DataFrame:
    """The table with the customer of another column of ids, such as `email`, in rows whose `customer_id` names nobody.

    Parameters
    ----------
    table : frame
        With customer_id.
    ids : CustomerIds
    """
    others = [name for name in map(str, table) if name != "customer_id" and folded(name) in ID_NAMES]
    written = table["customer_id"].astype(object).to_numpy(copy=True)
    for name in others if len(table) else ():
        known = match_ids(pd.Series(written, dtype=object), ids, loosely=True).row
        found = match_ids(table[name], ids, loosely=True)
        new = ~np.isin(found.row, known)
        written[found.row[new]] = found.customer_id[new]
    return table.assign(customer_id=written) if others else table


def warn_of_strangers(found: Matched, given: pd.Series, ids: CustomerIds, path: str, *, must: bool) -> None:
    """Say so where a table is about others than the customers of the orders.

    A table of a larger company may name few customers of one shop, and rightly none where its ids look like theirs.

    Parameters
    ----------
    found : Matched
    given : (n,) series
        Ids of the table.
    ids : CustomerIds
    path : str
        The table in messages.
    must : bool
        Whether a table whose ids are unlike those of all customers is an error, if it names none of them.

    Raises
    ------
    DataContractError
        If the table names no customer, and none of its ids has the form of a customer's.
    DataWarning
        If fewer than half of its rows name a customer.
    """
    rows = len(given)
    if not rows or found.rows >= FEWEST * rows:
        return
    known = ids.known
    example = f"its first id is '{given.dropna().iloc[0]}', " if given.notna().any() else "its ids are empty, "
    words = f"{path}: {found.rows:,} of {rows:,} rows name a customer of the orders"
    like = f"{example}one of the orders '{known[0]}'" if len(known) else f"{example}there is no customer"
    if must and found.rows == 0 and not set(_forms(given.dropna())) & set(_forms(known)):
        raise DataContractError(
            f"{words}: {like}; expected ids of the orders.",
            hint="the column customer_id must hold the ids of the orders; a table of pairs (identities.source) says "
            "whose other ids are, such as addresses of e-mail.",
            counts={"strangers": rows},
        )
    warnings.warn(
        DataWarning(f"{words} ({like}). The other rows have no effect; check that the ids are those of the orders."),
        stacklevel=2,
    )


def _forms(ids: Any) -> list[str]:
    """Ids by their kind: a letter for letters, a digit for each digit."""
    texts = pd.Series(ids, dtype=object).astype("str").str.strip().str.replace(_NUMBER, r"\1", regex=True)
    return texts.str.replace(r"[^\W\d_]+", "a", regex=True).str.replace(r"\d", "9", regex=True).unique().tolist()

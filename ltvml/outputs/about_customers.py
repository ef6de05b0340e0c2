"""What a team wants to see beside each contact of a list: `contracts.ABOUT_CUSTOMERS`, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.beside import beside
from ltvml.words.phrases import named, phrases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.arrays import Words

KEYS = ["customer_id", "item"]
EARLIEST, LATEST = 8, 20
"""First and last hour of the day at which two hours of sending may begin: a message at night wakes people up."""


def about_customers(
    contacts: pd.DataFrame,
    customers: pd.DataFrame,
    tags: pd.DataFrame,
    pairs: pd.DataFrame | None,
    *,
    language: str,
    also: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row a customer and item of the contacts, with `contracts.ABOUT_CUSTOMERS` and the columns of `also`.

    Parameters
    ----------
    contacts : frame
        customer_id, item (null: none).
    customers : frame
        One row a customer: stage, last_order_date, and stock_status, preferred_channel where they are known; with the
        columns of `also`.
    tags : frame
        One row a customer: customer_id and one column a tag.
    pairs : frame, optional
        customer_id, item, stock_status.
    language : str
    also : sequence of str
        Columns of the customers.
    names : mapping of str to str, optional
        What items are called, by item.

    Returns
    -------
    frame
        customer_id, item (blank: none) and the columns; no customer and item twice.
    """
    rows = contacts[KEYS].astype(object).fillna({"item": ""}).astype(str).drop_duplicates(ignore_index=True)
    at, tagged = (beside(rows, table) for table in (customers, tags))
    liked = at if "preferred_channel" in at else tagged
    shown = rows.assign(
        item_name=rows["item"].map(lambda item: (names or {}).get(item, item)),
        stage=_in_words("stage", at["stage"], language),
        tags=_tags(tagged, language),
        last_order=pd.to_datetime(at["last_order_date"]).dt.strftime("%Y-%m-%d"),
        stock=_in_words("stock", _stock(rows, at, pairs), language),
        hour=hours_to_send(tagged["active_hours"], tags["active_hours"]) if "active_hours" in tags else "",
        preferred_channel=_in_words("channel", liked.get("preferred_channel"), language, len(rows)),
    )
    return shown.assign(**{name: at[name] for name in also if name not in shown})


def _in_words(kind: str, names: pd.Series | Words | None, language: str, n: int = 0) -> Words:
    given = pd.Series(np.full(n, "") if names is None else names, dtype=object).fillna("").astype(str)
    words = {name: named(kind, name, language) if name else "" for name in given.unique()}
    return np.asarray(given.map(words).to_numpy(dtype=object))


def _tags(tagged: pd.DataFrame, language: str) -> list[str]:
    """The tags of each row that hold, in the order of the table."""
    flags = [name for name in tagged if name != "customer_id" and tagged[name].isin([True, False]).all()]
    words = [named("tag", str(name), language) for name in flags]
    between = phrases(language)["items.between"]
    holds = tagged[flags].to_numpy(dtype=bool)
    return [between.join(word for word, held in zip(words, row, strict=True) if held) for row in holds]


def _stock(rows: pd.DataFrame, at: pd.DataFrame, pairs: pd.DataFrame | None) -> Words:
    """Status of the item of each row; of the one due first where the row names none."""
    first = at["stock_status"].astype("str") if "stock_status" in at else pd.Series(None, index=at.index, dtype=object)
    if pairs is None:
        return np.asarray(first.where(rows["item"].eq(""), None).to_numpy(dtype=object))
    known = pairs[[*KEYS, "stock_status"]].astype({name: str for name in KEYS})
    own = rows.merge(known, on=KEYS, how="left")["stock_status"]
    return np.asarray(own.where(rows["item"].ne(""), first).to_numpy(dtype=object))


def hours_to_send(own: pd.Series, shop: pd.Series) -> Words:
    """Two hours in which to send to each customer, (n,): the own active hours, else the shop's, and never at night.

    Parameters
    ----------
    own, shop : series of str
        Active hours, such as "18-20", of the customers asked for and of all; null where not known.

    Examples
    --------
    >>> hours_to_send(pd.Series(["10-12", "23-01", None]), pd.Series(["18-20", "18-20", "10-12"])).tolist()
    ['10-12', '20-22', '18-20']
    """
    usual = shop.dropna().mode()
    hours = own.astype(object).where(own.notna(), usual.iloc[0] if len(usual) else "")
    return np.asarray(hours.map(_by_day).to_numpy(dtype=object))


def _by_day(hours: str) -> str:
    """The same two hours, or the nearest ones between 8 and 22."""
    if not hours:
        return ""
    begins = int(hours[:2])
    # the small hours belong to the evening before
    begins = LATEST if begins < EARLIEST - 4 else min(max(begins, EARLIEST), LATEST)
    return f"{begins:02d}-{begins + 2:02d}"

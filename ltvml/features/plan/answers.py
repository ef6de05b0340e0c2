"""Orders that came in the days after a contact, for the tag of customers who answer campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.features.split import seen

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.window import Window


def answered_orders(
    days: nw.LazyFrame[Any], contacts: nw.LazyFrame[Any], window: Window, *, within: int
) -> nw.LazyFrame[Any]:
    """Purchase days of each customer in the `within` days after a contact: customer_id, orders_after (int64).

    Customers without such a day have no row; a day after two contacts counts once.

    Parameters
    ----------
    days : lazy frame
        Purchase days of `returns.customer_days`.
    contacts : lazy frame
        customer_id, contact_day (days since 1970-01-01).
    window : Window
    within : int
    """
    both = seen(days, window).select("customer_id", "day").join(contacts, on="customer_id", how="inner")
    after = nw.col("day") - nw.col("contact_day")
    once = both.filter(after > 0, after <= within).select("customer_id", "day").unique()
    return once.group_by("customer_id").agg(nw.len().cast(nw.Int64).alias("orders_after"))


def days_after_contacts(contacts: pd.DataFrame, *, until: int, within: int) -> pd.Series:
    """How many days up to `until` lie in the `within` days after a contact, by customer_id; each day once.

    Parameters
    ----------
    contacts : frame
        customer_id, contact_day.
    until : int
        Last day that counts, days since 1970-01-01.
    within : int

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "contact_day": [10, 13, 28]})
    >>> days_after_contacts(log, until=30, within=7).to_dict()
    {'a': 10, 'b': 2}
    """
    ordered = contacts[["customer_id", "contact_day"]].drop_duplicates().sort_values(["customer_id", "contact_day"])
    following = ordered.groupby("customer_id")["contact_day"].shift(-1).fillna(until).clip(upper=until)
    covered = (following - ordered["contact_day"]).clip(lower=0, upper=within)
    return covered.groupby(ordered["customer_id"]).sum().astype("int64")

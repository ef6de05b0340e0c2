"""Orders after contacts, by hand and against customers of whom it is known who answers."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl

from ltvml.features.plan.answers import answered_orders, days_after_contacts
from ltvml.outreach.customers.tags import answering
from ltvml.outreach.settings import TagRules
from ltvml.window import Window

WINDOW = Window("2024-06-30")
DAY = WINDOW.cutoff_day


def orders_after(days: pd.DataFrame, log: pd.DataFrame, within: int = 7) -> dict[str, int]:
    lazy = [nw.from_native(pl.from_pandas(frame).lazy()) for frame in (days, log)]
    found = answered_orders(*lazy, WINDOW, within=within).collect("pandas").to_native()
    return dict(zip(found["customer_id"], found["orders_after"], strict=True))


def test_an_order_counts_once_in_the_days_after_contacts_and_not_on_the_day_itself() -> None:
    days = pd.DataFrame({"customer_id": [*"aaaab"], "day": [DAY - n for n in (20, 13, 12, 2, 5)]})
    log = pd.DataFrame({"customer_id": [*"aaab"], "contact_day": [DAY - n for n in (20, 16, 15, 30)]})
    assert orders_after(days, log) == {"a": 2}
    assert days_after_contacts(log, until=DAY, within=7).to_dict() == {"a": 12, "b": 7}


def test_what_comes_after_the_cutoff_changes_nothing() -> None:
    days = pd.DataFrame({"customer_id": ["a"] * 2, "day": [DAY, DAY + 1]})
    log = pd.DataFrame({"customer_id": ["a"], "contact_day": [DAY - 1]})
    assert orders_after(days, log) == {"a": 1}
    assert days_after_contacts(log, until=DAY, within=7).to_dict() == {"a": 1}


def test_who_buys_thrice_as_often_after_contacts_is_found_and_who_does_not_is_not() -> None:
    draw = np.random.default_rng(3)
    n, span, within = 400, 360, 7
    answers = np.arange(n) < n // 2
    contact = np.sort(draw.integers(0, span - within, (n, 16)), axis=1)
    after = np.zeros((n, span), dtype=bool)
    for step in range(1, within + 1):
        np.put_along_axis(after, contact + step, True, axis=1)
    # an order every thirty days; three times as many after a contact, for those who answer
    bought = draw.random((n, span)) < (1 / 30) * np.where(after & answers[:, None], 3, 1)
    who, day = np.nonzero(bought)
    days = pd.DataFrame({"customer_id": who.astype(str), "day": DAY - span + 1 + day})
    log = pd.DataFrame(
        {"customer_id": np.repeat(np.arange(n), 16).astype(str), "contact_day": (contact + DAY - span + 1).ravel()}
    )
    covered = days_after_contacts(log, until=DAY, within=within)
    assert covered.loc["7"] == after[7].sum()
    found = pd.DataFrame({"customer_id": covered.index, "expected": covered.to_numpy() / span})
    found["orders_after"] = found["customer_id"].map(orders_after(days, log)).fillna(0)
    found["expected"] *= found["customer_id"].map(days["customer_id"].value_counts()).fillna(0)
    tagged = np.isin(np.arange(n).astype(str), list(answering(None, found, DAY, TagRules())))
    # a quarter of the orders of those who do not answer fall after contacts by chance: few reach one and a half times
    assert tagged[answers].mean() > 3 * tagged[~answers].mean()
    assert tagged[~answers].mean() < 0.15

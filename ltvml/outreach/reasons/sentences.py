"""Why each customer is on the list, in words that a sales assistant can use.

A reason is a sentence of a few parts. Each part has several forms, from the most to the least informative: the
first of which every fact is known is used. A part of which no form is known is left out, so that a missing number is
never printed. The forms are phrases (`phrases/en`), the names in their braces are facts (`facts.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.reasons.facts import Facts
from ltvml.words.spoken import Spoken, fill, names_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.arrays import Places, Words
    from ltvml.outreach.customers.ladder import Ladder

    Parts = tuple[tuple[str, ...], ...]

SO_FAR = ("silence.once", "silence.orders")
RISK = ("risk",)
SENTENCES: dict[str, Parts] = {
    "second_order_offer": (("first_order", *SO_FAR), ("climb.first",)),
    "membership_invitation": (("second_order", *SO_FAR), ("climb.second",), ("climb.turn",)),
    "replenishment_reminder": (
        ("item.usual", "item.last_gap", "item.bought", "item.due"),
        ("item.likely_chance", "item.likely", "item.perhaps_chance", "item.perhaps"),
    ),
    "companion_offer": (("companion.next", "companion.lift", "companion.follows", "companion.new"), SO_FAR),
    "win_back": (("silence.rhythm", *SO_FAR), RISK, ("stake",)),
    "vip_care": (("best.spent", "best.orders", "best"), ("last_order", *SO_FAR), RISK),
    "points_expiry": (("expiry.date", "expiry"), SO_FAR),
    "delivery_check": (("delivery",),),
    "use_check": (("use.item", "use"),),
    "feedback_request": (("feedback.item", "feedback"),),
    "transition_reminder": (("transition",),),
    "care_message": (("care",),),
}
"""By reason: the parts of its sentence, each with its forms."""
BY_PURPOSE = {
    "second_order": "second_order_offer",
    "replenishment": "replenishment_reminder",
    "cross_sell": "companion_offer",
    "win_back": "win_back",
    "vip_care": "vip_care",
}
"""Phrases for an action of the user's own, by its queue."""
ANY_ACTION: Parts = (("listed",), SO_FAR)
ONLY_THE_ACTION: Parts = (("listed",),)
PAIR_COLUMNS = (
    *("last_order_date", "n_orders", "mean_gap_days", "replenishment_lo", "replenishment_hi"),
    *("p_reorder_28", "p_reorder_horizon", "stock_status"),
)


def reasons(
    plan: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    pairs: pd.DataFrame | None = None,
    companions: pd.DataFrame | None = None,
    ladder: Ladder | None = None,
    language: str = "en",
    currency: str | None = None,
    churn_horizon: int | None = None,
    names: Mapping[str, str] | None = None,
) -> Words:
    """Why each row of a plan is there, one sentence a row.

    Parameters
    ----------
    plan : (n, ...) frame
        As `plan.plan` gives it, with the key of a phrase as `reason`: customer_id, action, purpose, due_date, item,
        reason.
    customers : frame
        contracts.CUSTOMER_SCORES, one row a customer; a column that is not there is a fact that is not known.
    pairs : frame, optional
        contracts.REPLENISHMENT; with `mean_gap_days` (of the customer and the item) a reminder states how long the item
        usually lasts.
    companions : frame, optional
        As `companions.recommend` gives it; of several ranks all may be there.
    ladder : Ladder, optional
    language : str
        One of `phrases.languages()`.
    currency : str, optional
        Code, such as EUR; amounts have none without.
    churn_horizon : int, optional
        Days that `churn_risk` is about; without it the risk is not mentioned.
    names : mapping of str to str, optional
        What items are called.

    Returns
    -------
    (n,) array of str
        None where the row has no action. Days past are counted up to the cutoff.

    Raises
    ------
    ConfigError
        If there is no such language.
    DataContractError
        If a customer, or a customer and item, is there twice.

    Examples
    --------
    >>> row = {"customer_id": ["a"], "action": ["win_back"], "purpose": ["win_back"], "reason": ["win_back"]}
    >>> last = pd.to_datetime(["2011-07-08"])
    >>> seen = {"customer_id": ["a"], "n_orders": [9], "last_order_date": last, "mean_gap_days": [21.3]}
    >>> reasons(pd.DataFrame(row), pd.DataFrame(seen))[0]
    '9 orders so far, the last on 8 July 2011.'
    """
    spoken = Spoken.of(language, currency)
    rows = _plain(plan)
    facts = Facts(
        rows=rows,
        customers=_beside(rows, customers, ["customer_id"]),
        pairs=_beside(rows, pairs, ["customer_id", "item"], keep=PAIR_COLUMNS),
        companions=_beside(rows, _offers(companions), ["customer_id", "item"]),
        spoken=spoken,
        language=language,
        ladder=ladder,
        churn_horizon=churn_horizon,
        names=names or {},
    )
    stated = np.full(len(rows), None, dtype=object)
    for parts, places in _by_sentence(rows):
        stated[places] = _sentences(facts.part(places), parts)
    return stated


def _plain(plan: pd.DataFrame) -> pd.DataFrame:
    """The rows with columns of texts in place of categories, numbered from 0."""
    absent = {name: None for name in ("item", "due_date") if name not in plan}
    rows = plan.assign(**absent).reset_index(drop=True)
    return rows.astype({name: "str" for name in ("customer_id", "action", "purpose", "item", "reason")})


def _beside(
    rows: pd.DataFrame, table: pd.DataFrame | None, keys: list[str], keep: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Values of a table for each row, null where it has none; `keep` are the columns that matter, all by default."""
    if table is None or not set(keys) <= set(rows):
        return pd.DataFrame(index=rows.index)
    kept = table[[*keys, *(name for name in keep if name in table)]] if keep else table
    found = rows[keys].merge(kept.astype({key: "str" for key in keys}), on=keys, how="left")
    if (more := len(found) - len(rows)) > 0:
        raise DataContractError(
            f"reasons: {more} rows too many with the same {' and '.join(keys)}; expected one of each."
        )
    return found.drop(columns=keys)


def _offers(companions: pd.DataFrame | None) -> pd.DataFrame | None:
    """Companions by customer and item; the item itself stays, as a sign that it was recommended."""
    return None if companions is None else companions.assign(item=companions["companion"])


def _by_sentence(rows: pd.DataFrame) -> list[tuple[Parts, Places]]:
    """Rows of one sentence together; rows without an action are in none."""
    has_action = rows["action"].notna()
    own = rows["reason"].where(rows["reason"].isin(list(SENTENCES)))
    key = own.fillna(rows["purpose"].map(BY_PURPOSE)).fillna("")[has_action]
    # by label: the rows are numbered from 0
    groups = key.groupby(key, sort=True).groups
    return [(SENTENCES.get(str(name), ANY_ACTION), labels.to_numpy(dtype=np.intp)) for name, labels in groups.items()]


def _sentences(facts: Facts, parts: Parts) -> Words:
    stated = _parts(facts, parts)
    silent = np.flatnonzero(pd.isna(stated))
    if len(silent):
        stated[silent] = _parts(facts.part(silent), ONLY_THE_ACTION)
    return np.asarray(stated + facts.spoken("end"), dtype=object)


def _parts(facts: Facts, parts: Parts) -> Words:
    """The parts one after another, None where there is nothing to say."""
    phrases, between = facts.spoken.phrases, facts.spoken("between")
    wanted = {name for forms in parts for form in forms for name in names_in(phrases[form])}
    known = {name: facts[name] for name in sorted(wanted)}
    stated = np.full(len(facts.rows), None, dtype=object)
    for forms in parts:
        begun = ~pd.isna(stated)
        following = _first_known([phrases[form] for form in forms], known, len(stated))
        leading = _first_known([capital(phrases[form]) for form in forms], known, len(stated))
        more = ~pd.isna(following)
        stated[more & begun] = stated[more & begun] + between + following[more & begun]
        stated[more & ~begun] = leading[more & ~begun]
    return stated


def _first_known(templates: list[str], known: Mapping[str, Words], rows: int) -> Words:
    """Of each row the first template whose facts are all known, filled in; None where there is none."""
    stated = np.full(rows, None, dtype=object)
    for template in templates:
        names = names_in(template)
        given = np.flatnonzero(pd.isna(stated) & ~np.any([pd.isna(known[name]) for name in names], axis=0))
        if len(given):
            stated[given] = fill(template, {name: known[name][given] for name in names}) if names else template
    return stated


def capital(template: str) -> str:
    """The template as it begins a sentence; one that begins with a fact stays.

    Examples
    --------
    >>> capital("ordered {ago}"), capital("{orders} so far")
    ('Ordered {ago}', '{orders} so far')
    """
    return template[:1].upper() + template[1:]

"""Facts that reasons use: one a customer, in words, None where it is not known or would not be true.

| fact | is | known where |
|---|---|---|
| last_day | date of the last order | the customer is |
| silent_since | the same | the cutoff is later |
| item_day | date of the item's last purchase | the pair of customer and item is |
| item_gap | mean days between purchases of the item | pairs have `mean_gap_days`, and three purchases |
| only_gap | the one gap between purchases of the item | pairs have `mean_gap_days`, and two purchases |
| window | 10 to 90 % dates of the reorder | the pair has them, and the item is not given up |
| lift | how much oftener than others | its whole interval is above 1 |
| first_share, second_share | ladder: share of those with one, two orders who bought again | the customer has so many |
| turn | order from which the ladder is flat | the customer has fewer orders |
| likely_window | the same | and the item is likelier bought again within 28 days than not |
| value | value at risk | above 0.5 |

Days are named by their dates: a plan is read days after the cutoff, when "2 days ago" is no longer true.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.window import days_of
from ltvml.words.phrases import named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array, Mask, Words
    from ltvml.outreach.customers.ladder import Ladder
    from ltvml.words.spoken import Spoken


BEST = "champion"
CHANCE_DAYS = 28
EVEN = 0.5
USUAL_ORDERS = 3
"""Fewer have one gap, which shows no habit."""
LEAST_VALUE = 0.5
EXPIRY = "points_expiry_date"
ABOUT = "about_date"


@dataclass(frozen=True, eq=False)
class Facts:
    """Rows of a plan, each beside what is known of its customer, its item and its companion.

    Parameters
    ----------
    rows : (n, ...) frame
        contracts.OUTREACH.
    customers, pairs, companions : (n, ...) frames
        Aligned with the rows; null where there is none.
    spoken : Spoken
    language : str
    ladder : Ladder, optional
    churn_horizon : int, optional
        Days that `churn_risk` is about.
    names : mapping of str to str
        What items are called; an item that is not there is called by its id.
    """

    rows: pd.DataFrame
    customers: pd.DataFrame
    pairs: pd.DataFrame
    companions: pd.DataFrame
    spoken: Spoken
    language: str
    ladder: Ladder | None = None
    churn_horizon: int | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Words:
        """A fact in words, shape (n,)."""
        return FACTS[name](self)

    def part(self, places: NDArray[np.intp]) -> Facts:
        """The facts of some of the rows."""
        return replace(
            self,
            rows=self.rows.iloc[places],
            customers=self.customers.iloc[places],
            pairs=self.pairs.iloc[places],
            companions=self.companions.iloc[places],
        )

    @cached_property
    def cutoff(self) -> Array:
        """Last day seen, days since 1970-01-01; NaN for an unknown customer."""
        return self.last_day + self.silence

    @cached_property
    def last_day(self) -> Array:
        """Day of the last order, days since 1970-01-01."""
        return dates(self.customers, "last_order_date")

    @cached_property
    def silence(self) -> Array:
        """Days from the last order to the cutoff."""
        return numbers(self.customers, "days_since_last")

    @cached_property
    def orders(self) -> Array:
        """Number of orders."""
        return numbers(self.customers, "n_orders")


def numbers(frame: pd.DataFrame, name: str) -> Array:
    """A column as floats; NaN where it is null or not there."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(frame[name].to_numpy(dtype=float, na_value=np.nan))


def dates(frame: pd.DataFrame, name: str) -> Array:
    """A column of dates as days since 1970-01-01; NaN where it is null or not there."""
    return by_distinct_date(frame[name]) if name in frame else np.full(len(frame), np.nan)


def by_distinct_date(column: pd.Series) -> Array:
    """Day numbers of dates of any kind, each distinct date converted once."""
    codes, distinct = pd.factorize(column)
    return np.append(days_of(np.asarray(distinct)), np.nan)[codes]


def texts(frame: pd.DataFrame, name: str) -> Words:
    """A column as texts; None where it is null or not there."""
    if name not in frame:
        return np.full(len(frame), None, dtype=object)
    column = frame[name].astype(object)
    return np.array(column.where(column.notna(), None), dtype=object)


def where(known: Mask, values: Array) -> Array:
    """The values, NaN where they are not known."""
    return np.where(known, values, np.nan)


def _item_gap(facts: Facts, *, least: int, most: float) -> Array:
    bought = numbers(facts.pairs, "n_orders")
    return where((bought >= least) & (bought <= most), numbers(facts.pairs, "mean_gap_days"))


def _window(facts: Facts, *, likely: bool = False) -> Words:
    given = texts(facts.pairs, "stock_status") != "lapsed"
    if likely:
        # within the days that the sentence quotes, and not within a longer horizon
        chance = numbers(facts.pairs, f"p_reorder_{CHANCE_DAYS}")
        given &= np.where(np.isnan(chance), numbers(facts.pairs, "p_reorder_horizon"), chance) >= EVEN
    ends = [where(given, dates(facts.pairs, f"replenishment_{end}")) for end in ("lo", "hi")]
    return facts.spoken.window(*ends)


def _share(facts: Facts, rung: int) -> Words:
    """Share of the customers with so many orders who bought again, for those who have so many."""
    if facts.ladder is None or rung > len(facts.ladder.share):
        return _unknown(facts)
    return facts.spoken.percent(where(facts.orders == rung, np.full(len(facts.rows), facts.ladder.share[rung - 1])))


def _unknown(facts: Facts) -> Words:
    return np.full(len(facts.rows), None, dtype=object)


def _within(facts: Facts) -> Words:
    return _days(facts, None if facts.ladder is None else facts.ladder.within)


def _turn(facts: Facts) -> Words:
    point = None if facts.ladder is None else facts.ladder.turning_point
    return (
        _unknown(facts)
        if point is None
        else facts.spoken.count(where(facts.orders < point, np.full(len(facts.rows), point)))
    )


def _until(facts: Facts, days: int | None) -> Words:
    """The last of so many days after the cutoff."""
    return facts.spoken.full_date(facts.cutoff + (np.nan if days is None else float(days)))


def _days(facts: Facts, days: int | None) -> Words:
    return facts.spoken.days(np.full(len(facts.rows), np.nan if days is None else float(days)))


def _follows(facts: Facts) -> Words:
    """The owned item that the companion follows, where at least one customer bought the companion after it."""
    follows = texts(facts.companions, "follows")
    if "later" in facts.companions:
        follows[~(numbers(facts.companions, "later") > 0)] = None
    return called(facts, follows)


def called(facts: Facts, items: Words) -> Words:
    """What items are called; None where there is none."""
    return np.array([None if item is None else facts.names.get(item, item) for item in items], dtype=object)


def _replaces(facts: Facts) -> Words:
    """The owned item that the offered one takes the place of."""
    return called(facts, texts(facts.companions, "replaces"))


def _lift(facts: Facts) -> Words:
    sure = numbers(facts.companions, "lift_lo") > 1
    return facts.spoken.times(where(sure, numbers(facts.companions, "lift")))


def _new_item(facts: Facts) -> Words:
    """The item, where it is the companion that was recommended."""
    return called(facts, texts(facts.companions, "companion"))


def _of_best(facts: Facts, values: Array) -> Array:
    """Numbers of the best customers, NaN for others."""
    return where(texts(facts.customers, "rfm_segment") == BEST, values)


def _rhythm(facts: Facts) -> Array:
    return where(facts.orders >= USUAL_ORDERS, numbers(facts.customers, "mean_gap_days"))


def _spent(facts: Facts) -> Words:
    spent = numbers(facts.customers, "historic_value")
    return facts.spoken.money(where(spent > 0, spent))


def _value(facts: Facts) -> Words:
    value = numbers(facts.customers, "value_at_risk")
    return facts.spoken.money(where(value >= LEAST_VALUE, value))


def _about(facts: Facts, otherwise: Array) -> Array:
    """Day that a task is about: of the purchase, the change or the expiry; an offer has none of its own."""
    return dates(facts.rows, ABOUT) if ABOUT in facts.rows else otherwise


def _expiry(facts: Facts) -> Words:
    expiry = _about(facts, dates(facts.customers, EXPIRY))
    return facts.spoken.date(where(expiry > facts.cutoff, expiry))


def _action(facts: Facts) -> Words:
    codes, names = pd.factorize(texts(facts.rows, "action"))
    return np.array([*(named("action", str(name), facts.language) for name in names), None], dtype=object)[codes]


FACTS: dict[str, Callable[[Facts], Words]] = {
    "last_day": lambda facts: facts.spoken.full_date(facts.last_day),
    "silent_since": lambda facts: facts.spoken.full_date(where(facts.silence >= 1, facts.last_day)),
    "every": lambda facts: facts.spoken.every(_rhythm(facts)),
    "orders": lambda facts: facts.spoken.orders(facts.orders),
    "first_day": lambda facts: facts.spoken.full_date(where(facts.orders == 1, facts.last_day)),
    "second_day": lambda facts: facts.spoken.full_date(where(facts.orders == 2, facts.last_day)),
    "first_share": lambda facts: _share(facts, 1),
    "second_share": lambda facts: _share(facts, 2),
    "within": _within,
    "turn": _turn,
    "item": lambda facts: called(facts, texts(facts.rows, "item")),
    "item_gap": lambda facts: facts.spoken.days(_item_gap(facts, least=USUAL_ORDERS, most=np.inf)),
    "only_gap": lambda facts: facts.spoken.days(_item_gap(facts, least=2, most=2)),
    "item_day": lambda facts: facts.spoken.full_date(dates(facts.pairs, "last_order_date")),
    "window": _window,
    "likely_window": lambda facts: _window(facts, likely=True),
    "chance": lambda facts: facts.spoken.percent(numbers(facts.pairs, f"p_reorder_{CHANCE_DAYS}")),
    "chance_until": lambda facts: facts.spoken.date(facts.cutoff + CHANCE_DAYS),
    "new_item": _new_item,
    "follows": _follows,
    "replaces": _replaces,
    "lift": _lift,
    "risk": lambda facts: facts.spoken.percent(numbers(facts.customers, "churn_risk")),
    "churn_until": lambda facts: _until(facts, facts.churn_horizon),
    "value": _value,
    "best_orders": lambda facts: facts.spoken.orders(_of_best(facts, facts.orders)),
    "best_day": lambda facts: facts.spoken.full_date(_of_best(facts, facts.last_day)),
    "spent": _spent,
    "since": lambda facts: facts.spoken.month_of_year(dates(facts.customers, "first_order_date")),
    "expiry": _expiry,
    "ordered": lambda facts: facts.spoken.date(_about(facts, facts.last_day)),
    "due": lambda facts: facts.spoken.date(_about(facts, dates(facts.rows, "due_date"))),
    "action": _action,
}
"""By name, as used in the braces of the phrases."""

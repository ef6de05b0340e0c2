"""The sentence of each idea, with the customer's own numbers: one short function an idea."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

from ltvml.bundle.typical import mean_order_value, usual_gap
from ltvml.contracts import BEHAVIOUR, COUNT_WINDOWS, DERIVED, SPEND_WINDOWS
from ltvml.models.design import column
from ltvml.words.reason_words import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from ltvml.bundle.typical import Typical
    from ltvml.words.reason_words import Words

YOUNG = 60
"""Days since the first order up to which a customer is spoken of as new."""


@dataclass(frozen=True)
class Case:
    """One idea about one customer.

    Parameters
    ----------
    own : dict of str to float
        The customer's columns, as in `Typical`, and T; NaN where not known.
    typical : Typical
    leading : str
        The column of the idea that weighs most.
    raises : bool
        Whether it raises churn risk.
    """

    own: Mapping[str, float]
    typical: Typical
    leading: str
    raises: bool

    def __getitem__(self, name: str) -> float:
        """The customer's own number; NaN where not known."""
        return self.own.get(name, np.nan)

    @property
    def once(self) -> bool:
        """Whether there is one order only."""
        return self["frequency"] == 0

    @property
    def gap(self) -> float:
        """Days usually between two orders: the median where it is known."""
        return self["usual_gap"] if isnan(self["gap_median"]) else self["gap_median"]

    def window(self, lengths: tuple[int, ...]) -> int:
        """The window that says best what the leading column says, days: its own, or twice its half-life."""
        days = int(found[0]) if (found := re.findall(r"(\d+)d$", self.leading)) else lengths[-1]
        meant = 2 * days if "half_life" in self.leading else days
        return min(lengths, key=lambda length: abs(length - meant))


def rows_of(X: pd.DataFrame) -> list[dict[str, float]]:
    """What `Case` asks of each customer of a frame."""
    names = (*DERIVED.names, *(name for name in BEHAVIOUR.names if name in X))
    columns = {name: column(X, name) for name in names}
    columns |= {"usual_gap": usual_gap(X), "order_value": mean_order_value(X), "T": column(X, "T")}
    return [{name: float(values[row]) for name, values in columns.items()} for row in range(len(X))]


def sentence(group: str, case: Case, words: Words) -> str:
    """The sentence of an idea of `groups.GROUPS` about a customer."""
    return SENTENCES[group](case, words)


def _silence(case: Case, words: Words) -> str:
    silence, typical = case["days_since_last"], case.typical["days_since_last"]
    if case.once:
        return words("silence.once", silence=words.days(silence))
    # the comparison that speaks for what is said: a long silence of an early bird may be short for this shop
    if (silence > case.gap) == case.raises or (silence > typical) != case.raises:
        return words("silence.usual", silence=words.days(silence), gap=words.every(case.gap))
    return words("silence.shop", silence=words.days(silence), typical=plain(typical))


def _rhythm(case: Case, words: Words) -> str:
    if case.once:
        return words("rhythm.once")
    gap, last, silence = (words.days(days) for days in (case.gap, case["gap_last"], case["days_since_last"]))
    if case.leading == "gap_last" and last != gap:
        return words("rhythm.last", last=last, gap=gap)
    # a quick buyer is safer than others, and sooner lost when silent
    if (case.gap < case.typical["usual_gap"]) == case.raises:
        return words("rhythm.long" if case.raises else "rhythm.short", gap=gap, silence=silence)
    return words("rhythm.usual", gap=gap, typical=plain(case.typical["usual_gap"]))


def _order_count(case: Case, words: Words) -> str:
    orders = words.orders(case["frequency"] + 1)
    if case["T"] <= YOUNG and not case.once:
        return words("order_count.young", orders=orders, age=words.days(case["T"]))
    if case.raises and case["frequency"] > case.typical["frequency"]:
        return words("order_count.silent", orders=orders, silence=words.days(case["days_since_last"]))
    return words("order_count", orders=orders, typical=f"{case.typical['frequency'] + 1:,.0f}")


def _recent_orders(case: Case, words: Words) -> str:
    window = case.window(tuple(days for days in COUNT_WINDOWS if f"orders_{days}d" in case.own))
    count, typical = case[f"orders_{window}d"], case.typical[f"orders_{window}d"]
    given = {"orders": words.orders(count), "window": words.days(window)}
    if count >= 2 and not case.raises:
        return words("recent_orders.pace", pace=words.pace(window / count), **given)
    return words("recent_orders.shop", typical=f"{typical:,.0f}", **given)


def _recent_spend(case: Case, words: Words) -> str:
    window = case.window(tuple(days for days in SPEND_WINDOWS if f"spend_{days}d" in case.own))
    name = f"spend_{window}d"
    if case[name] == 0:
        return words("recent_spend.none", window=words.days(window))
    return words("recent_spend", window=words.days(window), **_against_the_shop(case, name, words))


def _total_spend(case: Case, words: Words) -> str:
    return words("total_spend", **_against_the_shop(case, "historic_value", words))


def _order_value(case: Case, words: Words) -> str:
    return words("order_value", **_against_the_shop(case, "order_value", words))


def _tenure(case: Case, words: Words) -> str:
    age = words.days(case["T"])
    if case.once or case["T"] <= YOUNG:
        return words("tenure", age=age)
    return words("tenure.span", age=age, span=words.days(case["recency"]))


def _order_size(case: Case, words: Words) -> str:
    own, typical = case["lines_per_order"], case.typical["lines_per_order"]
    return words("order_size", lines=f"{own:,.0f}", ratio=words.ratio(own, typical, f"{typical:,.0f}"))


def _price(case: Case, words: Words) -> str:
    return words("price", **_against_the_shop(case, "unit_price_mean", words))


def _variety(case: Case, words: Words) -> str:
    name = {"categories_distinct": "categories", "channels_distinct": "channels"}.get(case.leading, "products")
    own, typical = case[f"{name}_distinct"], case.typical[f"{name}_distinct"]
    given = {"count": f"{own:,.0f}", "typical": f"{typical:,.0f}"}
    return words(f"variety.{name}", ratio=words.ratio(own, typical, given["typical"]), **given)


def _returns(case: Case, words: Words) -> str:
    share = case["returns_share"]
    return words("returns.some", percent=max(round(100 * share), 1)) if share > 0 else words("returns.none")


def _discounts(case: Case, words: Words) -> str:
    if not case["discount_share"] > 0:
        return words("discounts.none")
    return words("discounts.some", **_percent_against_the_shop(case, "discount_share"))


def _hour(case: Case, words: Words) -> str:
    return words("hour", hour=f"{case['hour_mean']:.0f}", typical=f"{case.typical['hour_mean']:.0f}")


def _weekday(case: Case, words: Words) -> str:
    if case.leading == "weekend_share":
        return words("weekday.weekend", **_percent_against_the_shop(case, "weekend_share"))
    return words("weekday.habit", **_percent_against_the_shop(case, "weekday_top_share"))


def _last_year(case: Case, words: Words) -> str:
    days = case.window((30, 90))
    own = case[f"orders_year_ago_{days}d"]
    if isnan(own):
        return words("last_year.young")
    typical = f"{case.typical[f'orders_year_ago_{days}d']:,.0f}"
    return words("last_year.orders", orders=words.orders(own), window=words.days(days), typical=typical)


def _season(case: Case, words: Words) -> str:
    return words("season")


def _against_the_shop(case: Case, name: str, words: Words) -> dict[str, str]:
    own, typical = case[name], case.typical[name]
    return {"amount": words.money(own), "ratio": words.ratio(own, typical, words.money(typical))}


def _percent_against_the_shop(case: Case, name: str) -> dict[str, str]:
    return {"percent": f"{100 * case[name]:.0f}", "typical": f"{100 * case.typical[name]:.0f}"}


SENTENCES: dict[str, Callable[[Case, Words], str]] = {
    "silence": _silence,
    "rhythm": _rhythm,
    "order_count": _order_count,
    "recent_orders": _recent_orders,
    "recent_spend": _recent_spend,
    "total_spend": _total_spend,
    "order_value": _order_value,
    "tenure": _tenure,
    "order_size": _order_size,
    "price": _price,
    "variety": _variety,
    "returns": _returns,
    "discounts": _discounts,
    "hour": _hour,
    "weekday": _weekday,
    "last_year": _last_year,
    "season": _season,
}
"""How each idea of `groups.GROUPS` is said."""

"""The sentence of each idea, with the customer's own numbers: one short function an idea."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

from ltvml.bundle.typical import mean_order_value, usual_gap
from ltvml.contracts import BEHAVIOUR, COUNT_WINDOWS, DERIVED, OF_CUSTOMERS, SPEND_WINDOWS, is_attribute
from ltvml.models.design import column
from ltvml.words.text import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from ltvml.bundle.typical import Typical
    from ltvml.words.spoken import Spoken

YEAR = 364
"""Days before the cutoff on which the days of a year ago begin, see `contracts.BEHAVIOUR`."""
YOUNG = 60
"""Days since the first order up to which a customer is called new."""


@dataclass(frozen=True)
class Case:
    """One idea about one customer.

    Parameters
    ----------
    own : dict of str to float
        The customer's columns, as in `Typical`, T and cutoff_day; NaN where not known.
    typical : Typical
    leading : str
        The column of the idea that weighs most.
    raises : bool
        Whether it raises churn risk.
    known : dict of str to str or float
        The customer's attributes; absent where not known.
    """

    own: Mapping[str, float]
    typical: Typical
    leading: str
    raises: bool
    known: Mapping[str, str | float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        """The customer's own number; NaN where not known."""
        return self.own.get(name, np.nan)

    @property
    def once(self) -> bool:
        """Whether there is one order only."""
        return self["frequency"] == 0

    def day(self, before: float, words: Spoken) -> str:
        """The date so many days before the cutoff."""
        return words.one(words.full_date, self["cutoff_day"] - before)

    @property
    def gap(self) -> float:
        """Mean days between two orders, the usual gap that a plan uses too."""
        return self["usual_gap"]

    def window(self, lengths: tuple[int, ...]) -> int:
        """The window that describes the leading column best, days: its own, or twice its half-life."""
        days = int(found[0]) if (found := re.findall(r"(\d+)d$", self.leading)) else lengths[-1]
        meant = 2 * days if "half_life" in self.leading else days
        return min(lengths, key=lambda length: abs(length - meant))


def rows_of(X: pd.DataFrame) -> list[dict[str, float]]:
    """What `Case` needs of each customer of a frame."""
    names = (*DERIVED.names, *(name for name in BEHAVIOUR.names if name in X))
    columns = {name: column(X, name) for name in names}
    columns |= {"usual_gap": usual_gap(X), "order_value": mean_order_value(X)}
    columns |= {name: column(X, name) for name in ("T", "cutoff_day")}
    return [{name: float(values[row]) for name, values in columns.items()} for row in range(len(X))]


def known_of(X: pd.DataFrame) -> list[dict[str, str | float]]:
    """The attributes of each customer of a frame, as `Attributes.apply` gives them; those that are missing left out."""
    columns = {str(name): X[name].tolist() for name in X if is_attribute(str(name))}
    rows = ({name: values[row] for name, values in columns.items()} for row in range(len(X)))
    return [{name: value for name, value in row.items() if value is not None and value == value} for row in rows]


def sentence(group: str, case: Case, words: Spoken) -> str:
    """The sentence of an idea of `groups.GROUPS` about a customer."""
    return SENTENCES[group](case, words)


def _silence(case: Case, words: Spoken) -> str:
    silence, typical = case["days_since_last"], case.typical["days_since_last"]
    if case.once:
        return words("why.silence.once", last_day=case.day(silence, words))
    # the comparison that supports the sentence: a long silence of an early bird may be short for this shop
    if (silence > case.gap) != case.raises and (silence > typical) == case.raises:
        return words(
            "why.silence.shop",
            silence=_days(silence, words),
            last_day=case.day(silence, words),
            typical=_days(typical, words),
        )
    every = words.one(words.every, case.gap)
    if silence > case.gap:
        return words("silence.rhythm", every=every, silent_since=case.day(silence, words))
    return words("why.silence.short", every=every, last_day=case.day(silence, words))


def _window(case: Case, days: int, words: Spoken) -> dict[str, str]:
    return {"window": _days(days, words), "cutoff": case.day(0, words)}


def _days(days: float, words: Spoken) -> str:
    return words.one(words.days, days)


def _rhythm(case: Case, words: Spoken) -> str:
    if case.once:
        return words("why.rhythm.once")
    gap, last, silence = (_days(days, words) for days in (case.gap, case["gap_last"], case["days_since_last"]))
    if case.leading == "gap_last" and last != gap:
        return words("why.rhythm.last", last=last, gap=gap)
    every = words.one(words.every, case.gap)
    # a quick buyer is safer than others, and sooner lost when silent
    if (case.gap < case.typical["usual_gap"]) == case.raises:
        return words("why.rhythm.long" if case.raises else "why.rhythm.short", every=every, silence=silence)
    return words("why.rhythm.usual", every=every, typical=_days(case.typical["usual_gap"], words))


def _order_count(case: Case, words: Spoken) -> str:
    orders = words.one(words.orders, case["frequency"] + 1)
    if case["T"] <= YOUNG and not case.once:
        return words("why.order_count.young", orders=orders, first_day=case.day(case["T"], words))
    if case.raises and case["frequency"] > case.typical["frequency"]:
        return words("why.order_count.silent", orders=orders, last_day=case.day(case["days_since_last"], words))
    return words("why.order_count", orders=orders, typical=words.one(words.count, case.typical["frequency"] + 1))


def _recent_orders(case: Case, words: Spoken) -> str:
    window = case.window(tuple(days for days in COUNT_WINDOWS if f"orders_{days}d" in case.own))
    count, typical = case[f"orders_{window}d"], case.typical[f"orders_{window}d"]
    given = {"orders": words.one(words.orders, count), **_window(case, window, words)}
    if count >= 2 and not case.raises:
        return words("why.recent_orders.pace", pace=words.pace(window / count), **given)
    return words("why.recent_orders.shop", typical=words.one(words.count, typical), **given)


def _recent_spend(case: Case, words: Spoken) -> str:
    window = case.window(tuple(days for days in SPEND_WINDOWS if f"spend_{days}d" in case.own))
    name = f"spend_{window}d"
    if case[name] == 0:
        return words("why.recent_spend.none", **_window(case, window, words))
    return words("why.recent_spend", **_window(case, window, words), **_against_the_shop(case, name, words))


def _total_spend(case: Case, words: Spoken) -> str:
    return words("why.total_spend", **_against_the_shop(case, "historic_value", words))


def _order_value(case: Case, words: Spoken) -> str:
    return words("why.order_value", **_against_the_shop(case, "order_value", words))


def _tenure(case: Case, words: Spoken) -> str:
    first_day = case.day(case["T"], words)
    if case.once or case["T"] <= YOUNG:
        return words("why.tenure", first_day=first_day)
    return words("why.tenure.span", first_day=first_day, span=_days(case["recency"], words))


def _order_size(case: Case, words: Spoken) -> str:
    own, typical = case["lines_per_order"], case.typical["lines_per_order"]
    return words(
        "why.order_size",
        lines=words.one(words.count, own),
        ratio=words.ratio(own, typical, words.one(words.count, typical)),
    )


def _price(case: Case, words: Spoken) -> str:
    return words("why.price", **_against_the_shop(case, "unit_price_mean", words))


def _variety(case: Case, words: Spoken) -> str:
    name = {"categories_distinct": "categories", "channels_distinct": "channels"}.get(case.leading, "products")
    own, typical = case[f"{name}_distinct"], case.typical[f"{name}_distinct"]
    given = {"count": words.one(words.count, own), "typical": words.one(words.count, typical)}
    return words(f"why.variety.{name}", ratio=words.ratio(own, typical, given["typical"]), **given)


def _returns(case: Case, words: Spoken) -> str:
    share = case["returns_share"]
    return (
        words("why.returns.some", percent=words.one(words.percent, share)) if share > 0 else words("why.returns.none")
    )


def _discounts(case: Case, words: Spoken) -> str:
    if not case["discount_share"] > 0:
        return words("why.discounts.none")
    return words("why.discounts.some", **_percent_against_the_shop(case, "discount_share", words))


def _hour(case: Case, words: Spoken) -> str:
    return words("why.hour", hour=f"{case['hour_mean']:.0f}", typical=f"{case.typical['hour_mean']:.0f}")


def _weekday(case: Case, words: Spoken) -> str:
    if case.leading == "weekend_share":
        return words("why.weekday.weekend", **_percent_against_the_shop(case, "weekend_share", words))
    return words("why.weekday.habit", **_percent_against_the_shop(case, "weekday_top_share", words))


def _last_year(case: Case, words: Spoken) -> str:
    days = case.window((30, 90))
    own, year_ago = case[f"orders_year_ago_{days}d"], case.day(YEAR, words)
    if isnan(own):
        return words("why.last_year.young", year_ago=year_ago)
    typical = words.one(words.count, case.typical[f"orders_year_ago_{days}d"])
    return words(
        "why.last_year.orders",
        orders=words.one(words.orders, own),
        window=_days(days, words),
        year_ago=year_ago,
        typical=typical,
    )


def _season(case: Case, words: Spoken) -> str:
    return words("why.season")


def _attributes(case: Case, words: Spoken) -> str:
    own, typical = case.known.get(case.leading), case.typical.known(case.leading)
    given = {"name": attribute_name(case.leading, words), "value": attribute_value(case.leading, own, words)}
    if isinstance(typical, str):
        return words("why.attribute", typical=typical, **given)
    return words("why.attribute.number", typical=attribute_value(case.leading, typical, words), **given)


def attribute_name(name: str, words: Spoken) -> str:
    """An attribute in words; a column of the table of customers keeps its own name."""
    return name.removeprefix(OF_CUSTOMERS) if name.startswith(OF_CUSTOMERS) else words(f"attribute.{name}")


def attribute_value(name: str, value: str | float | None, words: Spoken) -> str:
    """The value of an attribute in words."""
    if value is None:
        return words("attribute.unknown")
    if isinstance(value, str):
        return value
    if name.endswith(("_complaint", "_late")):
        return words("attribute.yes" if value else "attribute.no")
    if "rating" in name:
        return number(value)
    return words.one(words.percent if name.endswith(("share", "_returned")) else words.count, value)


def _against_the_shop(case: Case, name: str, words: Spoken) -> dict[str, str]:
    own, typical = case[name], case.typical[name]
    return {"amount": words.one(words.money, own), "ratio": words.ratio(own, typical, words.one(words.money, typical))}


def _percent_against_the_shop(case: Case, name: str, words: Spoken) -> dict[str, str]:
    own, typical = (words.one(words.percent, share) for share in (case[name], case.typical[name]))
    return {"percent": own, "typical": typical}


SENTENCES: dict[str, Callable[[Case, Spoken], str]] = {
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
    "attributes": _attributes,
}
"""The sentence of each idea of `groups.GROUPS`."""

"""The summary and the returns rule again, row by row in plain Python: slow, short and written from the docstrings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One row: minor units, integer day."""

    customer: str
    day: int
    amount: int
    order: str | None = None


def sale_day(line: Line, lines: list[Line]) -> int:
    """The latest day of the order of a return, up to the return; else its own day."""
    own = [
        other.day
        for other in lines
        if other.amount >= 0
        and other.day <= line.day
        and other.order is not None
        and (other.customer, other.order) == (line.customer, line.order)
    ]
    return max(own, default=line.day)


def purchase_days(lines: list[Line], cutoff: int) -> tuple[dict[tuple[str, int], int], int]:
    """Value of each (customer, purchase day), and the number of lines set aside."""
    lines = [line for line in lines if line.day <= cutoff]
    days: dict[tuple[str, int], list[int]] = defaultdict(list)
    for line in lines:
        day = line.day if line.amount >= 0 else sale_day(line, lines)
        days[line.customer, day].append(line.amount)
    values: dict[tuple[str, int], int] = {}
    aside = 0
    for customer, day in sorted(days):
        amounts = days[customer, day]
        if sum(amounts) > 0 or min(amounts) >= 0:
            values[customer, day] = sum(amounts)
            continue
        earlier = [known for known in values if known[0] == customer]
        if earlier:
            values[max(earlier)] += sum(amounts)
        else:
            aside += len(amounts)
    return values, aside


def summary(values: dict[tuple[str, int], int], cutoff: int) -> dict[str, tuple[float, ...]]:
    """frequency, recency, T, monetary_value, first_order_value, historic_value of each customer, in minor units."""
    found = {}
    for customer in {customer for customer, _ in values}:
        days = sorted(day for known, day in values if known == customer)
        money = [values[customer, day] for day in days]
        repeat = sum(money[1:]) / (len(days) - 1) if len(days) > 1 else 0.0
        found[customer] = (len(days) - 1, days[-1] - days[0], cutoff - days[0], repeat, money[0], sum(money))
    return found

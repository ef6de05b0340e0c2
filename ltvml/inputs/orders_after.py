"""The orders that came after a plan, up to the end of every window that has closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.features.returns import customer_days
from ltvml.features.split import held_out
from ltvml.features.transactions import check
from ltvml.inputs.orders import agreed_currency, engine_of, rules_of, source_of
from ltvml.inputs.tables.identities import read_persons, with_persons
from ltvml.window import WEEK, Window, date_of, day_number
from ltvml.words.sentence import Name, Sentence

if TYPE_CHECKING:
    import datetime as dt

    from ltvml.config.sections import OrderSettings
    from ltvml.engines.base import Engine
    from ltvml.features.transactions import Checked
    from ltvml.inputs.plan_folder import PlanFolder


@dataclass(frozen=True, eq=False)
class OrdersAfter:
    """The orders that came after a plan.

    Parameters
    ----------
    plan : PlanFolder
    engine : Engine
    checked : Checked
        Orders up to the end of the last window that has closed.
    until : date
        Day up to which the orders are complete.
    windows : dict of str to int
        Days of each action whose window has closed.
    decimals : int
        Digits of the minor unit.
    notes : tuple of str
        What is unusual or was excluded.
    """

    plan: PlanFolder
    engine: Engine
    checked: Checked
    until: dt.date
    windows: dict[str, int]
    decimals: int
    notes: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Content hash of the lines that are used."""
        return self.engine.fingerprint(self.checked.lines)

    @property
    def end_day(self) -> int:
        """Last day of the longest window that has closed."""
        return self.plan.cutoff_day + max(self.windows.values())

    def spent(self, days: int) -> pd.Series:
        """Net value, currency units, of each customer with a purchase day in (cutoff, cutoff + days]."""
        came = held_out(self.checked.lines, Window(self.plan.cutoff), days)
        bought = customer_days(came, has_returns=self.checked.ledger.has_returns)
        total = bought.group_by("customer_id").agg(nw.col("value").sum().cast(nw.Int64))
        found: pd.Series = self.engine.collect(total).set_index("customer_id")["value"]
        return found.astype("float64") / float(10**self.decimals)


def orders_after(
    settings: OrderSettings, plan: PlanFolder, transactions: Any, until: dt.date | str | None
) -> OrdersAfter:
    """Read the orders that came after a plan.

    Parameters
    ----------
    settings : OrderSettings
        `config.orders`.
    plan : PlanFolder
    transactions : frame or None
        In place of `transactions.source`.
    until : date, optional
        Day up to which the orders are complete; that of the last order by default.

    Raises
    ------
    ConfigError, EngineError
    DataContractError
        If the rows break the contract, or no window of the plan has closed.
    """
    engine = engine_of(settings, transactions)
    lines = engine.read(source_of(settings, transactions))
    lines = with_persons(engine, lines, read_persons(settings.identities, settings.transactions))
    last = day_number(until) if until is not None else _last_day(engine, lines, plan)
    closed = {action: days for action, days in plan.window_days.items() if plan.cutoff_day + days <= last}
    if not closed:
        _refuse_open(plan, last)
    end = plan.cutoff_day + max(closed.values())
    checked = check(engine, lines, Window(date_of(end)), rules_of(settings))
    agreed_currency(settings.value.currency, engine, checked.lines)
    notes = (*_still_open(plan, closed, last), *_quiet(engine, checked, end))
    return OrdersAfter(plan, engine, checked, date_of(last), closed, settings.value.decimals, notes)


def _last_day(engine: Engine, lines: nw.LazyFrame[Any], plan: PlanFolder) -> int:
    readable = lines.filter(nw.col("fault").is_null()).select(nw.col("day").max().alias("last"))
    last = engine.collect(readable)["last"].iloc[0]
    # where no row can be read at all, the check reports why
    return int(last) if pd.notna(last) else plan.cutoff_day + max(plan.window_days.values())


def _refuse_open(plan: PlanFolder, last: int) -> None:
    first = date_of(plan.cutoff_day + min(plan.window_days.values()))
    raise DataContractError(
        f"the plan of {plan.cutoff} cannot be measured yet: the orders are complete up to {date_of(last)}, and the "
        f"first window of an action ends on {first}.",
        hint=f"measure again with orders up to {first} or later.",
    )


def _still_open(plan: PlanFolder, closed: dict[str, int], last: int) -> list[str]:
    return [
        Sentence.of(
            "note.measure.open", action=Name("action", action), ends=date_of(plan.cutoff_day + days), last=date_of(last)
        )
        for action, days in plan.window_days.items()
        if action not in closed
    ]


def _quiet(engine: Engine, checked: Checked, end: int) -> list[str]:
    """A note where the orders seem to end before the windows do, and one that is dated ahead hides it."""
    if checked.ledger.last_day is None or checked.ledger.last_day <= end:
        return []
    last = int(engine.collect(checked.lines.select(nw.col("day").max().alias("last")))["last"].iloc[0])
    if end - last <= WEEK:
        return []
    return [Sentence.of("note.measure.quiet", days=end - last, end=date_of(end))]

"""The replenishment role: which column names the items, which model serves, and why the role is withheld."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.backtesting.item_history import ItemHistory
from ltvml.backtesting.items import WITHIN, ItemBacktest, ItemBacktester
from ltvml.bundle.replenishment import ReminderRules, Replenishment, renewal_within
from ltvml.config import AUTO
from ltvml.errors import ConfigError, DataContractError, DataWarning
from ltvml.evaluation.date_intervals import DateWindow
from ltvml.evaluation.item_measures import misjudged_statuses
from ltvml.features.items.days import items_in_two_categories, rows_with_odd_quantity, rows_without_item
from ltvml.inputs.tables.products import contents_of, days_per_unit_of, unknown_items
from ltvml.models.replenishment.stock import StockRules
from ltvml.words.text import known

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import narwhals as nw
    import pandas as pd

    from ltvml.backtesting.history import History
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake
    from ltvml.progress import Steps


OFF = "replenishment.item is off"
NO_ITEM = "the orders have no category or product_id column"
TOO_MANY_NAMED = 5


@dataclass(frozen=True)
class ItemRole:
    """What the fit found of replenishment.

    Parameters
    ----------
    fitted : Replenishment, optional
    backtest : ItemBacktest, optional
        None where the configuration names the model.
    history : ItemHistory, optional
        What it was fitted on.
    withheld : str
        Why there is none; empty where there is.
    notes : tuple of str
        What is odd about the items of the orders, with counts.
    """

    fitted: Replenishment | None = None
    backtest: ItemBacktest | None = None
    history: ItemHistory | None = None
    withheld: str = ""
    notes: tuple[str, ...] = ()

    @property
    def column(self) -> str | None:
        """Column of the lines that names the items; None where there is no history of them."""
        return None if self.history is None else self.history.item

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        found = known(self.backtest.to_dict()) if self.backtest is not None else {"withheld": self.withheld}
        return found | {"notes": list(self.notes)}


def item_column(config: Config, found: Collection[str]) -> tuple[str | None, str]:
    """The column of the lines that names items, or None and why.

    Raises
    ------
    ConfigError
        If the configuration names a column that the orders lack.
    """
    given = config.replenishment.item
    if given == "off":
        return None, OFF
    if given == "auto":
        column = next((name for name in ("category", "product_id") if name in found), None)
        return column, "" if column else NO_ITEM
    if given not in found:
        raise ConfigError(
            f"replenishment.item is {given}, but the orders have no column {given}.",
            hint=f"map it under transactions.columns ({given}: your column), or set replenishment.item to auto or off.",
        )
    return given, ""


def fit_item_role(config: Config, history: History, steps: Steps, *, every_role: bool = False) -> ItemRole:
    """Backtest where the model is left to `auto`, and fit the model that serves.

    Parameters
    ----------
    config : Config
    history : History
    steps : Steps
    every_role : bool
        Backtest even where the model is named.

    Raises
    ------
    ConfigError
        If the configuration names an item column that is not there.

    Warns
    -----
    DataWarning
        If `days_per_unit` names items that no order has.
    """
    column, why_not = item_column(config, history.intake.lines.collect_schema().names())
    if column is None:
        return ItemRole(withheld=why_not)
    given = config.replenishment
    items = ItemHistory(history, column, days_per_unit_of(given.days_per_unit), contents_of(config.products))
    stock = StockRules(given.lead_days, given.depleted_from, given.lapsed_from)
    backtester = ItemBacktester(items, steps, stock, given.horizon, config.random_state)
    with steps.step("check items"):
        notes = tuple(item_notes(history.intake, column, items.contents))
    try:
        with steps.step("fit replenishment"):
            items.renewal(history.cutoff_day)
    except DataContractError as error:
        return ItemRole(withheld=error.message.rstrip("."), notes=notes)
    warn_of_unknown(items)
    backtest = None
    if every_role or config.models.replenishment.name == AUTO:
        with steps.step("backtest replenishment"):
            backtest = backtester.backtest()
        if backtest.cutoffs and (words := misjudged_statuses(backtest.statuses, WITHIN)):
            notes = (*notes, words)
    with steps.step("fit replenishment"):
        return ItemRole(serving(config, backtester, backtest, column), backtest, items, notes=notes)


def serving(config: Config, backtester: ItemBacktester, backtest: ItemBacktest | None, column: str) -> Replenishment:
    """The model that serves, fitted at the cutoff."""
    given, choice = config.replenishment, config.models.replenishment
    day = backtester.items.history.cutoff_day
    held = backtest if choice.name == AUTO else None
    model = backtester.fitted(held.champion, day) if held else backtester.fitted(choice.name, day, **choice.params)
    return Replenishment(
        model=model,
        renewal=renewal_within(model) or backtester.items.renewal(day),
        item=column,
        horizon=given.horizon,
        stock=backtester.stock,
        reminders=ReminderRules(given.min_buyers, given.min_repeat_share),
        all_pairs=given.all_pairs,
        window=held.window if held else DateWindow(),
        selection=held.selection if held else None,
    )


def warn_of_unknown(items: ItemHistory) -> None:
    """Warn of items of `days_per_unit` that no order has: a wrong name would otherwise do nothing."""
    unknown = unknown_items(items.days_per_unit, items.known(items.history.cutoff_day)["item"])
    if unknown:
        named = ", ".join(unknown[:TOO_MANY_NAMED]) + (", ..." if len(unknown) > TOO_MANY_NAMED else "")
        warnings.warn(
            DataWarning(
                f"replenishment.days_per_unit: items not found in the orders ({len(unknown):,}): {named}; expected "
                "item names as in the orders."
            ),
            stacklevel=4,
        )


IN_SEVERAL = {
    "category": "each row counts in the category of that row",
    "product_id": "their prior comes from the products of the first category by name",
}


def item_notes(intake: Intake, item: str, contents: pd.DataFrame | None) -> Iterator[str]:
    """Give a sentence for each kind of row that takes part otherwise than its reader may think.

    Parameters
    ----------
    intake : Intake
    item : str
        Column of the lines that names the item.
    contents : frame, optional
        What is inside the products, see `ItemHistory`.
    """
    inside = None if contents is None else intake.engine.table(contents)
    names, used = intake.lines.collect_schema().names(), f"{intake.ledger.used:,} rows"
    if without := _count(intake, rows_without_item(intake.lines, item, contents=inside)):
        yield f"{without:,} of {used} have no {item} and are excluded from replenishment."
    if "quantity" in names and (odd := _count(intake, rows_with_odd_quantity(intake.lines))):
        yield (
            f"{odd:,} of {used} have a quantity of 0, below 0, or of a billion and more; replenishment treats it as "
            "missing."
        )
    if {"product_id", "category"} <= set(names):
        yield from _several_categories(intake, item)


def _several_categories(intake: Intake, item: str) -> Iterator[str]:
    found = intake.engine.collect(items_in_two_categories(intake.lines)).iloc[0]
    if found["products"]:
        yield (
            f"{found['products']:,} of the products are found in more than one category (first: {found['first']}); "
            f"{IN_SEVERAL[item]}."
        )


def _count(intake: Intake, table: nw.LazyFrame[Any]) -> int:
    return int(intake.engine.collect(table)["rows"].iloc[0])

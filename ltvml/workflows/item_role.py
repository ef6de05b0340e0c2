"""The replenishment role: which column names the items, which model serves, and why the role is withheld."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.config import AUTO
from ltvml.errors import ConfigError, DataContractError, DataWarning
from ltvml.evaluation.date_intervals import DateWindow
from ltvml.models.replenishment.stock import StockRules
from ltvml.replenishment import ReminderRules, Replenishment, renewal_within
from ltvml.workflows.fit_report import known
from ltvml.workflows.item_contest import ItemContest, ItemJudge
from ltvml.workflows.item_history import ItemHistory
from ltvml.workflows.item_notes import item_notes
from ltvml.workflows.products import contents_of, days_per_unit_of, unknown_items

if TYPE_CHECKING:
    from collections.abc import Collection

    from ltvml.config import Config
    from ltvml.workflows.history import History
    from ltvml.workflows.progress import Steps

OFF = "replenishment.item is off"
NO_ITEM = "the orders name neither a category nor a product"
TOO_MANY_NAMED = 5


@dataclass(frozen=True)
class ItemRole:
    """What the fit found of replenishment.

    Parameters
    ----------
    fitted : Replenishment, optional
    contest : ItemContest, optional
        None where the model was named.
    history : ItemHistory, optional
        What it was fitted on.
    withheld : str
        Why there is none; empty where there is.
    notes : tuple of str
        What is odd about the items of the orders, with counts.
    """

    fitted: Replenishment | None = None
    contest: ItemContest | None = None
    history: ItemHistory | None = None
    withheld: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        found = known(self.contest.to_dict()) if self.contest is not None else {"withheld": self.withheld}
        return found | {"notes": list(self.notes)}


def item_column(config: Config, found: Collection[str]) -> tuple[str | None, str]:
    """The column of the lines that names items, or None and why.

    Raises
    ------
    ConfigError
        If the configuration names a column that the orders lack.
    """
    told = config.replenishment.item
    if told == "off":
        return None, OFF
    if told == "auto":
        column = next((name for name in ("category", "product_id") if name in found), None)
        return column, "" if column else NO_ITEM
    if told not in found:
        raise ConfigError(
            f"replenishment.item is {told}, and the orders have no such column.",
            hint=f"map it under transactions.columns ({told}: your column), or set replenishment.item to auto or off.",
        )
    return told, ""


def fit_item_role(config: Config, history: History, steps: Steps, *, every_role: bool = False) -> ItemRole:
    """Hold the contest where the model is left to `auto`, and fit the model that serves.

    Parameters
    ----------
    config : Config
    history : History
    steps : Steps
    every_role : bool
        Hold the contest even where the model is named.

    Raises
    ------
    ConfigError
        If the configuration names an item column that is not there.

    Warns
    -----
    DataWarning
        If `days_per_unit` speaks of items that nobody has bought.
    """
    column, why_not = item_column(config, history.intake.lines.collect_schema().names())
    if column is None:
        return ItemRole(withheld=why_not)
    told = config.replenishment
    items = ItemHistory(history, column, days_per_unit_of(config), contents_of(config))
    stock = StockRules(told.lead_days, told.depleted_from, told.lapsed_from)
    judge = ItemJudge(items, steps, stock, told.horizon, config.random_state)
    with steps.step("check items"):
        notes = tuple(item_notes(history.intake, column, items.contents_table))
    try:
        with steps.step("fit replenishment"):
            items.renewal(history.cutoff_day)
    except DataContractError as error:
        return ItemRole(withheld=error.message.rstrip("."), notes=notes)
    warn_of_unknown(items)
    contest = None
    if every_role or config.models.replenishment.name == AUTO:
        with steps.step("judge replenishment"):
            contest = judge.contest()
    with steps.step("fit replenishment"):
        return ItemRole(serving(config, judge, contest, column), contest, items, notes=notes)


def serving(config: Config, judge: ItemJudge, contest: ItemContest | None, column: str) -> Replenishment:
    """The model that serves, fitted at the cutoff."""
    told, choice = config.replenishment, config.models.replenishment
    day = judge.items.history.cutoff_day
    held = contest if choice.name == AUTO else None
    model = judge.fitted(held.champion, day) if held else judge.fitted(choice.name, day, **choice.params)
    return Replenishment(
        model=model,
        renewal=renewal_within(model) or judge.items.renewal(day),
        item=column,
        horizon=told.horizon,
        stock=judge.stock,
        reminders=ReminderRules(told.min_buyers, told.min_repeat_share),
        all_pairs=told.all_pairs,
        window=held.window if held else DateWindow(),
        election=held.election if held else None,
    )


def warn_of_unknown(items: ItemHistory) -> None:
    """Say which items of `days_per_unit` nobody has bought: a wrong name would otherwise do nothing."""
    unknown = unknown_items(items.days_per_unit, items.known(items.history.cutoff_day)["item"])
    if unknown:
        named = ", ".join(unknown[:TOO_MANY_NAMED]) + (", ..." if len(unknown) > TOO_MANY_NAMED else "")
        warnings.warn(
            DataWarning(
                f"replenishment.days_per_unit names {len(unknown)} items that nobody has bought ({named}); expected "
                "names as the orders write them."
            ),
            stacklevel=4,
        )

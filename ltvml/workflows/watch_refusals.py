"""Orders that nothing is judged by: those that are cut, or that end before the cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.errors import DataContractError
from ltvml.window import date_of

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.inputs.orders import Intake
    from ltvml.outputs.past_scores import PastScores
    from ltvml.workflows.watched import Watched

CUT_SHARE = 0.01
"""Share of customers or lines that may be missing, as corrections and merged ids take some away."""
SILENT_BUYERS = 20
"""Expected in the days without an order up to the cutoff, beyond which the orders are taken to be cut."""


def refuse_cut(newest: PastScores, intake: Intake) -> None:
    """Refuse orders with fewer customers or lines than were scored, and those of another shop.

    Raises
    ------
    DataContractError
    """
    until = nw.col("day") <= newest.cutoff_day
    counted = intake.days.filter(until).select(nw.col("customer_id").n_unique().cast(nw.Int64).alias("customers"))
    lines = intake.lines.filter(until).select(nw.len().cast(nw.Int64).alias("lines"))
    customers = int(intake.engine.collect(counted)["customers"].iloc[0])
    used = int(intake.engine.collect(lines)["lines"].iloc[0])
    scored = {"customers": newest.customers, "order lines": int(newest.manifest["ledger"]["used"])}
    for name, now in (("customers", customers), ("order lines", used)):
        if now < (1 - CUT_SHARE) * scored[name]:
            raise DataContractError(
                f"the orders have {now:,} {name} up to {date_of(newest.cutoff_day)}; the scores of that day were made "
                f"from {scored[name]:,}. Orders are missing, so nothing was judged.",
                hint="read the whole file, or set output.dir to the folder of this shop.",
            )


def refuse_silent(watched: Watched, levels: pd.DataFrame) -> None:
    """Refuse orders that end so long before the cutoff that buyers would be counted as lost.

    Raises
    ------
    DataContractError
    """
    silent = watched.today - watched.record.last_day
    if levels.empty or silent < 2:
        return
    daily = float(levels["expected"].sum()) / float(levels["days"].sum())
    if daily * silent > SILENT_BUYERS:
        raise DataContractError(
            f"the last order is of {date_of(watched.record.last_day)}, {silent} days before the cutoff "
            f"{date_of(watched.today)}, and about {daily * silent:,.0f} buyers were expected since. Orders are "
            "missing, so nothing was judged.",
            hint="set window.cutoff to the last day with complete orders, or bring the orders up to date.",
        )

"""The plots of the purchase model of a fit: what it expects of the shop's own past, and what it says of histories."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ltvml.bundle.rfm import weighted_quantiles
from ltvml.evaluation.purchase_tracking import (
    Cohort,
    has_counts,
    held_out_by_frequency,
    over_histories,
    purchase_counts,
    track,
)
from ltvml.features.season import daily_counts
from ltvml.models.season.counts import DailyCounts
from ltvml.plots import purchases as plots
from ltvml.plots.letters import written_in
from ltvml.window import date_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ltvml.backtesting.history import History
    from ltvml.inputs.orders import Intake
    from ltvml.models.purchase.in_operational_time import InOperationalTime

FEWEST_DRAWN, MOST_DRAWN = 5, 40
"""Repeat purchases that a grid of histories reaches to, at least and at most."""
FEWEST_REPEATERS = 50
"""Customers who had come back at the start of a holdout, below which it is not drawn."""


def purchase_plots(
    purchase: InOperationalTime, intake: Intake, patterns: pd.DataFrame, *, language: str = "en"
) -> dict[str, Axes]:
    """The plots of the purchase model, by name.

    Parameters
    ----------
    purchase : InOperationalTime
    intake : Intake
    patterns : frame
        frequency, recency, T, count.
    language : str
    """
    given = (purchase, intake, patterns, language)
    return tracking_plots(*given) | history_plots(*given)


def tracking_plots(
    purchase: InOperationalTime, intake: Intake, patterns: pd.DataFrame, language: str
) -> dict[str, Axes]:
    """Repeat purchases week by week, so far, and by customer: actual, and expected from the first purchases."""
    name, cutoff = purchase.model.name, intake.window.cutoff_day
    counts = DailyCounts.from_frame(intake.engine.collect(daily_counts(intake.days, intake.window)), cutoff)
    days = counts.days.astype(float)
    cohort = Cohort(days, counts.first_orders, days, counts.orders - counts.first_orders)
    figures = dict[str, "Axes"]()
    if len(weeks := cohort.weeks(cutoff)) > 1:
        table = track(purchase, cohort, weeks)
        figures["repeat_purchases"] = plots.weekly_tracking(table, model=name, language=language)
        figures["cumulative_purchases"] = plots.cumulative_tracking(table, model=name, language=language)
    if not has_counts(purchase):
        return figures
    seen = patterns.assign(cutoff_day=cutoff)
    spread = purchase_counts(purchase, seen, seen["count"])
    return figures | {"purchase_counts": plots.purchase_counts_plot(spread, model=name, language=language)}


def history_plots(
    purchase: InOperationalTime, intake: Intake, patterns: pd.DataFrame, language: str
) -> dict[str, Axes]:
    """P(alive) and expected purchases over the histories that customers of typical age have."""
    age = float(weighted_quantiles(patterns["T"], patterns["count"], [0.75])[0])
    repeat = patterns[patterns["frequency"] > 0]
    if age < 1 or repeat.empty:
        return {}
    most = np.clip(weighted_quantiles(repeat["frequency"], repeat["count"], [0.99])[0], FEWEST_DRAWN, MOST_DRAWN)
    grid = partial(over_histories, purchase, age=age, most=int(most), cutoff_day=intake.window.cutoff_day)
    horizon, figures = intake.window.ltv_horizon, dict[str, "Axes"]()
    if "p_alive" not in purchase.diagnosis_.withheld:
        figures["p_alive"] = plots.alive_by_history(grid(), language=language)
    if "expected_purchases" not in purchase.diagnosis_.withheld:
        figures["expected_purchases"] = plots.purchases_by_history(
            grid(horizon=horizon), horizon=horizon, language=language
        )
    return figures


def held_out_plots(history: History, *, language: str = "en") -> dict[str, Axes]:
    """Purchases of the last churn horizon by what was bought before, as the closed form expected them at its start.

    Parameters
    ----------
    history : History
    language : str

    Returns
    -------
    dict of str to Axes
        None where the shop is younger than two such horizons, or too few customers had come back by then.
    """
    horizon = history.intake.window.churn_horizon
    day = history.cutoff_day - horizon
    if day - history.first_day < horizon:
        return {}
    patterns = history.held_out_patterns(day)
    came_back = patterns["frequency"] > 0
    if patterns["count"][came_back].sum() < FEWEST_REPEATERS:
        return {}
    model = history.closed_form(day).purchase
    table = held_out_by_frequency(model, patterns, patterns["held_out"], horizon, patterns["count"])
    words = written_in(language)
    when = words("plot.held_out.days", days=words.one(words.days, horizon), date=str(date_of(history.cutoff_day)))
    figure = plots.held_out_plot(table, model=model.model.name, horizon=when, language=language)
    return {"held_out_purchases": figure}

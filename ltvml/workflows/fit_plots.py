"""The plots of a fit: the season, repeat purchases week by week, and who is still a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from ltvml.evaluation import plots
from ltvml.features.season import daily_counts
from ltvml.models.season_counts import DailyCounts
from ltvml.rfm import weighted_quantiles

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ltvml.bundle import Bundle
    from ltvml.models.purchase.in_operational_time import InOperationalTime
    from ltvml.workflows.intake import Intake

    Array = NDArray[np.float64]

FEWEST_CUSTOMERS = 20


def save_fit_plots(folder: Path, bundle: Bundle, intake: Intake, patterns: pd.DataFrame) -> tuple[Path, ...]:
    """Write the plots that the data allow; returns their paths.

    Parameters
    ----------
    folder : Path
    bundle : Bundle
    intake : Intake
    patterns : frame
        frequency, recency, T, count.
    """
    figures: dict[str, Figure] = {}
    if patterns["count"].sum() >= FEWEST_CUSTOMERS and (patterns["frequency"] > 0).any():
        figures = purchase_plots(cast("InOperationalTime", bundle.roles.purchase), intake, patterns)
    if (season := bundle.record.season).source != "off":
        figures["season"] = plots.season_curve(season.index, words=season.reason)
    for name, figure in figures.items():
        plots.save(figure, folder / f"{name}.png")
    return tuple(folder / f"{name}.png" for name in figures)


def purchase_plots(purchase: InOperationalTime, intake: Intake, patterns: pd.DataFrame) -> dict[str, Figure]:
    """The plots of the purchase model, by name."""
    tracking = {"repeat_purchases": tracking_plot(purchase, intake)}
    if "p_alive" in purchase.diagnosis_.withheld:
        return tracking
    return tracking | {"p_alive": alive_plot(purchase, patterns, intake.window.cutoff_day)}


def tracking_plot(purchase: InOperationalTime, intake: Intake) -> Figure:
    """Repeat purchases a week, actual and expected from the first purchases, up to the cutoff."""
    counts = DailyCounts.from_frame(
        intake.engine.collect(daily_counts(intake.days, intake.window)), intake.window.cutoff_day
    )
    return plots.weekly_tracking(
        counts.days,
        counts.orders - counts.first_orders,
        purchase.expected_repeats(counts.first_orders, counts.days.astype(float)),
        cutoff_day=intake.window.cutoff_day,
        model=purchase.model.name,
    )


def alive_plot(purchase: InOperationalTime, patterns: pd.DataFrame, cutoff_day: int) -> Figure:
    """P(alive) over the histories that customers of typical age have."""
    age = float(weighted_quantiles(patterns["T"], patterns["count"], [0.75])[0])
    repeat = patterns[patterns["frequency"] > 0]
    most = int(np.clip(weighted_quantiles(repeat["frequency"], repeat["count"], [0.99])[0], 5, 40))

    def alive(frequency: Array, recency: Array) -> Array:
        histories = {"frequency": frequency, "recency": recency, "T": age, "cutoff_day": cutoff_day}
        return purchase.probability_alive(pd.DataFrame(histories))

    frequencies, recencies, probability = plots.alive_grid(alive, most=most, age=age)
    return plots.alive_by_history(probability, frequencies=frequencies, recencies=recencies, age=age)

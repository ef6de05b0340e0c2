"""Pictures of cohorts: who comes back, how soon, and what a customer has brought and is expected to bring.

Each takes the report of `ltvml.cohorts`, or its frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter

from ltvml.plots.figures import GRID, INK, PERCENT, QUIET, SHADES, canvas, figure_of, foot, in_currency
from ltvml.plots.letters import written_in
from ltvml.words.text import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ltvml.window import CalendarPeriod
    from ltvml.words.spoken import Spoken

MOST_COHORTS, MOST_CURVES, WRITTEN = 24, 8, 13
DARK = 0.5
"""Share of the scale above which letters are white."""
DAYS = {"week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4}
SIZE = 7.5


class HasCohorts(Protocol):
    """A report of cohorts: what its pictures read."""

    @property
    def periods(self) -> pd.DataFrame:
        """Rows of `contracts.COHORT_PERIODS`."""

    @property
    def cohorts(self) -> pd.DataFrame:
        """Rows of `contracts.COHORTS`."""

    @property
    def by(self) -> CalendarPeriod:
        """Length of a period."""

    @property
    def currency(self) -> str | None:
        """Of the amounts."""

    @property
    def horizon(self) -> int:
        """Days that predicted values reach."""


def cohort_map(
    of: HasCohorts | pd.DataFrame, *, by: CalendarPeriod | None = None, language: str = "en", ax: Axes | None = None
) -> Axes:
    """Share of each cohort that ordered in each period since its first: a heat map, the newest cohort at the top.

    The first period, in which all of them ordered, and periods that had not ended by the cutoff are left blank.

    Parameters
    ----------
    of : CohortReport or frame
        A frame of rows of `contracts.COHORT_PERIODS`.
    by : {"week", "month", "quarter"}, optional
        With a frame: month where absent.
    language : str
    ax : Axes, optional
    """
    words, (periods, by) = written_in(language), periods_of(of, by)
    unit = words(f"plot.unit.{by}")
    shown = periods[periods["closed"] & (periods["age"] > 0)]
    square = shown.pivot(index="cohort", columns="age", values="retention").tail(MOST_COHORTS)[::-1]
    axes = canvas(words("plot.cohorts.title", unit=unit), words("plot.cohorts.first"), ax=ax)
    if square.empty:
        return _nothing(axes, words)
    values = square.to_numpy(dtype=float)
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    image = axes.imshow(values, cmap=SHADES, vmin=0, vmax=max(top, 0.01), aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(square)), [str(name) for name in square.index], fontsize=8)
    axes.set_xticks(range(square.shape[1]), [str(age) for age in square.columns], fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(13, integer=True))
    axes.set_xlabel(words("plot.cohorts.across", unit=unit))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _age(square.columns, at)))
    axes.grid(visible=False)
    if square.shape[1] <= WRITTEN:
        for (row, column), share in np.ndenumerate(values):
            if np.isfinite(share):
                colour = "white" if share > DARK * top else INK
                axes.text(column, row, percent(share), ha="center", va="center", fontsize=SIZE, color=colour)
    bar = figure_of(axes).colorbar(image, ax=axes, format=PERCENT)
    bar.outline.set_visible(False)
    return axes


def value_curves(
    of: HasCohorts | pd.DataFrame,
    *,
    by: CalendarPeriod | None = None,
    currency: str | None = None,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Value a customer by periods since the first order, one line a cohort, the latest ones darkest.

    Of a report with predictions each line goes on, dashed, to what is predicted within the horizon of value, with the
    80 % interval at its end. Values are net, times margin.

    Parameters
    ----------
    of : CohortReport or frame
        A frame of rows of `contracts.COHORT_PERIODS`, which holds no predictions.
    by : {"week", "month", "quarter"}, optional
        With a frame: month where absent.
    currency : str or None
        With a frame.
    language : str
    ax : Axes, optional
    """
    words, (periods, by) = written_in(language), periods_of(of, by)
    money = currency if isinstance(of, pd.DataFrame) else of.currency
    axes = canvas(words("plot.curves.title"), in_currency(words("plot.curves.up"), money), ax=ax)
    if not _curves(axes, periods, "cumulative_margin_per_customer"):
        return _nothing(axes, words)
    axes.set_xlabel(words("plot.cohorts.across", unit=words(f"plot.unit.{by}")))
    if not isinstance(of, pd.DataFrame) and _predicted(axes, of):
        foot(axes, words("plot.curves.predicted", days=words.one(words.days, of.horizon)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return _finished(axes, words)


def time_to_second_order(
    of: HasCohorts | pd.DataFrame, *, by: CalendarPeriod | None = None, language: str = "en", ax: Axes | None = None
) -> Axes:
    """Share of each cohort that has ordered a second time, by periods since the first order; arguments as above."""
    words, (periods, by) = written_in(language), periods_of(of, by)
    unit = words(f"plot.unit.{by}")
    axes = canvas(words("plot.second.title", unit=unit), words("plot.second.up"), ax=ax)
    if not _curves(axes, periods, "repeat_rate"):
        return _nothing(axes, words)
    axes.set_xlabel(words("plot.cohorts.across", unit=unit))
    axes.yaxis.set_major_formatter(PERCENT)
    return _finished(axes, words)


def periods_of(of: HasCohorts | pd.DataFrame, by: CalendarPeriod | None) -> tuple[pd.DataFrame, CalendarPeriod]:
    """The table of cohorts and periods, and their length."""
    return (of, by or "month") if isinstance(of, pd.DataFrame) else (of.periods, of.by)


def _curves(axes: Axes, periods: pd.DataFrame, column: str) -> int:
    """A line for each of some cohorts, evenly from the first to the last; how many there are."""
    closed = periods[periods["closed"] & periods[column].notna()]
    names = closed["cohort"].drop_duplicates().tolist()
    if not names:
        return 0
    chosen = [names[place] for place in np.unique(np.linspace(0, len(names) - 1, MOST_CURVES).round().astype(int))]
    for place, name in enumerate(chosen):
        curve = closed[closed["cohort"] == name]
        shade = SHADES(0.3 + 0.7 * place / max(len(chosen) - 1, 1))
        axes.plot(
            curve["age"],
            curve[column],
            color=shade,
            linewidth=1.7,
            label=str(name),
            marker="." if len(curve) == 1 else "",
        )
    return len(chosen)


def _predicted(axes: Axes, of: HasCohorts) -> bool:
    """Lines that go on to the predicted value of a customer, with their intervals; whether there are any."""
    known = of.cohorts.set_index("cohort").to_dict("index")
    ahead, found = of.horizon / DAYS[of.by], False
    for line in list(axes.get_lines()):
        row = known[str(line.get_label())]
        if not np.isfinite(float(row["predicted_value"])):
            continue
        x, y = (float(np.asarray(values)[-1]) for values in line.get_data())
        # the curve ends with the last period that had ended; the value so far with the cutoff
        so_far, each = float(row["margin_per_customer"]), 1 / float(row["customers"])
        middle, low, high = (so_far + each * float(row[f"predicted_value{end}"]) for end in ("", "_lo", "_hi"))
        colour = cast("str", line.get_color())
        axes.plot([x, x + ahead], [y, middle], color=colour, linewidth=1.3, linestyle="--")
        axes.plot([x + ahead] * 2, [low, high], color=colour, linewidth=2.4, alpha=0.6, solid_capstyle="butt")
        found = True
    return found


def _finished(axes: Axes, words: Spoken) -> Axes:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.dataLim.y0 < 0 else 0.0)
    title = words("plot.cohorts.first")
    axes.legend(frameon=False, fontsize=8, title=title, title_fontsize=8, labelcolor=QUIET, edgecolor=GRID)
    return axes


def _nothing(axes: Axes, words: Spoken) -> Axes:
    axes.text(0.5, 0.5, words("plot.cohorts.none"), ha="center", transform=axes.transAxes)
    axes.set_axis_off()
    return axes


def _age(ages: pd.Index, at: float) -> str:
    place = round(at)
    return str(ages[place]) if 0 <= place < len(ages) and abs(at - place) < 0.01 else ""

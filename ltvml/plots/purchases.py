"""The plots of a purchase model: each takes a fitted model with what it is compared with, or a table of it.

The tables are those of `evaluation.purchase_tracking`; a model is any purchase model of the package, on a clock or not.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from ltvml.errors import DataContractError
from ltvml.evaluation.purchase_tracking import (
    Cohort,
    HistoryGrid,
    LikelihoodSurface,
    alive_through_time,
    gap_shares,
    held_out_by_frequency,
    likelihood_surface,
    over_histories,
    purchase_counts,
    track,
)
from ltvml.models.base import PurchaseModel
from ltvml.models.purchase.unit import check_unit
from ltvml.plots.figures import ACCENT, INK, MAIN, PERCENT, QUIET, SHADES, canvas, dated, figure_of
from ltvml.plots.letters import written_in
from ltvml.window import as_date, date_of, day_number, days_of
from ltvml.words.text import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import Formatter
    from numpy.typing import ArrayLike

    from ltvml.arrays import Ints
    from ltvml.words.spoken import Spoken

REGIONS = {"50 %": -0.693, "80 %": -1.609, "95 %": -2.996}
"""Log-likelihood at the edge of joint confidence regions of two parameters: half the quantile of chi-square with 2."""
FARTHEST = -5.0
"""Log-likelihood below the estimate at which the shading ends."""
WIDE = 8
"""Ratio of a parameter's values above which ticks are powers."""
AGE, MOST, GAP_BINS = 365.0, 20, 30
"""A grid of histories: days since the first purchase, and repeat purchases; groups of gaps."""


def weekly_tracking(
    of: PurchaseModel | pd.DataFrame,
    orders: pd.DataFrame | None = None,
    *,
    cutoff: dt.date | str | float | None = None,
    model: str = "",
    dates: bool = True,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Repeat purchases period by period: what happened, and what is expected from the first purchases alone.

    Parameters
    ----------
    of : PurchaseModel or frame
        A fitted model, or a table as `track` gives it.
    orders : frame, optional
        With a model: customer_id and order_date of the customers, up to the last day drawn.
    cutoff : date or float, optional
        End of the time that the model was fitted on; what lies after is a holdout, of customers who came before it.
    model : str
        Name of the model, for the legend; its own by default.
    dates : bool
        Whether ends of a table are days since 1970-01-01.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a model comes without orders.
    """
    words, table = written_in(language), tracked(of, orders, cutoff)
    axes = canvas(words("plot.tracking.week" if dates else "plot.tracking.period"), words("plot.purchases"), ax=ax)
    _two_lines(axes, table, "", words, model=called(of, model, words), dates=dates)
    _cutoff(axes, cutoff, words)
    return axes


def cumulative_tracking(
    of: PurchaseModel | pd.DataFrame,
    orders: pd.DataFrame | None = None,
    *,
    cutoff: dt.date | str | float | None = None,
    model: str = "",
    dates: bool = True,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Repeat purchases so far: what happened, and what is expected; arguments as in `weekly_tracking`."""
    words, table = written_in(language), tracked(of, orders, cutoff)
    axes = canvas(words("plot.tracking.so_far"), words("plot.purchases"), ax=ax)
    _two_lines(axes, table, "cumulative_", words, model=called(of, model, words), dates=dates)
    last = table.iloc[-1]
    off = last["cumulative_expected"] / last["cumulative_actual"] - 1 if last["cumulative_actual"] else np.nan
    if np.isfinite(off):
        axes.set_title(words("plot.tracking.off", off=f"{100 * off:+.1f} %"), loc="right", color=QUIET, fontsize=9)
    _cutoff(axes, cutoff, words)
    return axes


def tracked(
    of: PurchaseModel | pd.DataFrame, orders: pd.DataFrame | None, cutoff: dt.date | str | float | None
) -> pd.DataFrame:
    """The table of `track`: as given, or of a model week by week up to the last order.

    Raises
    ------
    DataContractError
        If a model comes without orders.
    """
    if isinstance(of, pd.DataFrame):
        return of
    if orders is None:
        raise_missing(of, "orders, a frame of customer_id and order_date")
    until = float(np.nanmax(days_of(pd.to_datetime(orders["order_date"]).to_numpy())))
    cohort = Cohort.of_orders(orders, born_by=None if cutoff is None else date_of(int(day_of(cutoff))))
    return track(of, cohort, cohort.weeks(until))


def held_out_plot(
    of: PurchaseModel | pd.DataFrame,
    X: pd.DataFrame | None = None,
    held_out: ArrayLike | None = None,
    *,
    horizon: float | str = "",
    sample_weight: ArrayLike | None = None,
    model: str = "",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Purchases in a holdout by the number of repeat purchases before it, mean a customer.

    Parameters
    ----------
    of : PurchaseModel or frame
        A fitted model, or a table as `held_out_by_frequency` gives it.
    X : (n, ...) frame, optional
        With a model: histories at the start of the holdout.
    held_out : (n,) array, optional
        With a model: purchases of each in the holdout.
    horizon : float or str
        Length of the holdout in days, or in words; a model needs the number.
    sample_weight : (n,) array, optional
    model : str
        Name of the model, for the legend; its own by default.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a model comes without histories, purchases or a horizon.
    """
    words = written_in(language)
    if isinstance(of, pd.DataFrame):
        table = of
    elif X is None or held_out is None or isinstance(horizon, str):
        raise_missing(of, "X, held_out and a horizon in days")
    else:
        table = held_out_by_frequency(of, X, held_out, horizon, sample_weight)
    when = horizon if isinstance(horizon, str) else words.one(words.days, horizon)
    title = words("plot.held_out.title", horizon=when or words("plot.held_out.horizon"))
    axes = canvas(title, words("plot.held_out.up"), ax=ax)
    labels = _counts_with_more(table["frequency"].to_numpy())
    names = [f"{label}\n{count:,}" for label, count in zip(labels, table["customers"], strict=True)]
    _pairs(axes, table, names, called(of, model, words), words)
    axes.set_xlabel(words("plot.held_out.across"))
    return axes


def purchase_counts_plot(
    of: PurchaseModel | pd.DataFrame,
    X: pd.DataFrame | None = None,
    sample_weight: ArrayLike | None = None,
    *,
    model: str = "",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """How many customers made each number of repeat purchases, beside the number expected from their ages.

    Parameters
    ----------
    of : PurchaseModel or frame
        A fitted model, or a table as `purchase_counts` gives it.
    X : (n, ...) frame, optional
        With a model: histories.
    sample_weight : (n,) array, optional
    model : str
        Name of the model, for the legend; its own by default.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a model comes without histories.
    """
    words = written_in(language)
    if isinstance(of, pd.DataFrame):
        table = of
    elif X is None:
        raise_missing(of, "X, the histories")
    else:
        table = purchase_counts(of, X, sample_weight)
    axes = canvas(words("plot.counts.title"), words("plot.customers"), ax=ax)
    _pairs(axes, table, _counts_with_more(table["frequency"].to_numpy()), called(of, model, words), words)
    axes.set_xlabel(words("plot.counts.across"))
    return axes


def gaps_plot(
    of: PurchaseModel | pd.DataFrame,
    X: pd.DataFrame | None = None,
    gaps: ArrayLike | None = None,
    *,
    edges: ArrayLike | None = None,
    model: str = "",
    unit: str = "day",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """How the gaps between two purchases of a customer spread, beside those that the model expects.

    Parameters
    ----------
    of : PurchaseModel or frame
        A fitted model, or a table as `gap_shares` gives it.
    X : (n, ...) frame, optional
        With a model: histories, of which the ages are read.
    gaps : (m,) array, optional
        With a model: observed gaps.
    edges : (k + 1,) array, optional
        Edges of the groups; thirty up to the 99 % quantile by default.
    model : str
        Name of the model, for the legend; its own by default.
    unit : str
        Of the gaps.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a model comes without histories or gaps.
    """
    words = written_in(language)
    if isinstance(of, pd.DataFrame):
        table = of
    elif X is None or gaps is None:
        raise_missing(of, "X and gaps")
    else:
        groups = (
            np.linspace(0, np.ceil(np.quantile(np.asarray(gaps, dtype=float), 0.99)), GAP_BINS + 1)
            if edges is None
            else edges
        )
        table = gap_shares(of, X, gaps, groups)
    axes = canvas(words("plot.gaps.title"), words("plot.gaps.up"), ax=ax)
    bounds = np.append(table["low"].to_numpy(), table["high"].to_numpy()[-1])
    expected = words("plot.expected_by", model=called(of, model, words))
    axes.stairs(table["actual"].to_numpy(), bounds, fill=True, color=MAIN, alpha=0.35, label=words("plot.actual"))
    axes.stairs(table["expected"].to_numpy(), bounds, color=ACCENT, linewidth=1.8, label=expected)
    axes.set_xlim(bounds[0], bounds[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(words("plot.gaps.across", unit=units(unit, words)))
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False)
    return axes


def alive_by_history(
    of: PurchaseModel | HistoryGrid,
    *,
    age: float = AGE,
    most: int = MOST,
    cutoff_day: float | None = None,
    unit: str = "day",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """P(alive) by how often and how lately a customer bought, light to dark from 0 to 1.

    Parameters
    ----------
    of : PurchaseModel or HistoryGrid
        A fitted model, or a grid of P(alive) as `over_histories` gives it.
    age : float
        With a model: time since the first purchase.
    most : int
        With a model: largest number of repeat purchases.
    cutoff_day : float, optional
        With a model on a clock: day on which the customers are that old.
    unit : str
        Of the times.
    language : str
    ax : Axes, optional
    """
    words = written_in(language)
    grid = of if isinstance(of, HistoryGrid) else over_histories(of, age=age, most=most, cutoff_day=cutoff_day)
    title = words("plot.alive.title", age=f"{grid.age:,.0f}", unit=units(unit, words))
    return _by_history(grid, title, unit, words, most=1.0, form=PERCENT, ax=ax)


def purchases_by_history(
    of: PurchaseModel | HistoryGrid,
    *,
    horizon: float,
    age: float = AGE,
    most: int = MOST,
    cutoff_day: float | None = None,
    unit: str = "day",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Purchases expected within a horizon by how often and how lately a customer bought.

    Parameters
    ----------
    of : PurchaseModel or HistoryGrid
        A fitted model, or a grid of expected purchases.
    horizon : float
    age, most, cutoff_day, unit, language, ax
        As in `alive_by_history`.
    """
    words = written_in(language)
    grid = of
    if not isinstance(grid, HistoryGrid):
        grid = over_histories(grid, age=age, most=most, horizon=horizon, cutoff_day=cutoff_day)
    across = {"horizon": f"{horizon:,.0f}", "age": f"{grid.age:,.0f}", "unit": units(unit, words)}
    title, most_shown = words("plot.alive.expected", **across), float(grid.values.max()) or 1.0
    return _by_history(grid, title, unit, words, most=most_shown, form=StrMethodFormatter("{x:g}"), ax=ax)


def alive_path(
    of: PurchaseModel | pd.DataFrame,
    purchases: ArrayLike | None = None,
    *,
    until: dt.date | str | float | None = None,
    customer: str = "",
    dates: bool = True,
    unit: str = "day",
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """P(alive) of one customer through time; each purchase is a mark at the foot.

    Parameters
    ----------
    of : PurchaseModel or frame
        A fitted model, or a table as `alive_through_time` gives it.
    purchases : (m,) array, optional
        With a model: dates of all purchases, or their times in the unit of the model where `dates` is false.
    until : date or float, optional
        With a model: the last day drawn.
    customer : str
    dates : bool
        Whether times are days since 1970-01-01.
    unit : str
        Of the times where they are not.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a model comes without purchases or their end, or the customer has no purchase by then.
    """
    words = written_in(language)
    if isinstance(of, pd.DataFrame):
        table = of
    elif purchases is None or until is None:
        raise_missing(of, "purchases and until, the last day")
    else:
        if dates:
            check_unit(type(of).__name__, getattr(of, "unit_", None), "day")
        times = days_of(pd.to_datetime(np.asarray(purchases)).to_numpy()) if dates else purchases
        table = alive_through_time(of, times, day_of(until))
    title = words("plot.path.title", customer=customer) if customer else words("plot.path.anybody")
    axes = canvas(title, "", ax=ax)
    if dates:
        dated(axes, words)
    _path(axes, table)
    axes.set_xlabel(words("plot.path.marks") if dates else words("plot.path.across", unit=units(unit, words)))
    return axes


def _path(axes: Axes, table: pd.DataFrame) -> None:
    times = table["time"].to_numpy()
    axes.fill_between(times, table["p_alive"], color=MAIN, alpha=0.15, linewidth=0)
    axes.plot(times, table["p_alive"], color=MAIN, linewidth=1.8)
    bought = table["purchase"].to_numpy(dtype=bool)
    axes.vlines(times[bought], 0, 0.05, color=ACCENT, linewidth=1.4)
    last = (times[-1], float(table["p_alive"].iloc[-1]))
    axes.plot(*last, "o", color=ACCENT, markersize=6)
    axes.annotate(percent(last[1]), last, xytext=(8, 0), textcoords="offset points", va="center", color=ACCENT)
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_formatter(PERCENT)


def likelihood_contours(
    of: PurchaseModel | LikelihoodSurface,
    X: pd.DataFrame | None = None,
    names: tuple[str, str] | None = None,
    sample_weight: ArrayLike | None = None,
    *,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Confidence regions of two parameters by profile likelihood; a long ridge: only a ratio is known.

    Parameters
    ----------
    of : PurchaseModel or LikelihoodSurface
    X : (n, ...) frame, optional
        With a model: the histories that it was fitted on.
    names : (str, str), optional
        With a model: the two parameters.
    sample_weight : (n,) array, optional
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a model comes without histories or names.
    """
    if isinstance(of, LikelihoodSurface):
        surface = of
    elif X is None or names is None:
        raise_missing(of, "X and the names of two parameters")
    else:
        surface = likelihood_surface(of, X, names, sample_weight)
    words, (first, second) = written_in(language), surface.names
    axes = canvas(words("plot.likelihood.title", first=first, second=second), second, size=(6.5, 5.2), ax=ax)
    levels, place = list(REGIONS.values())[::-1], (surface.first, surface.second, surface.below)
    axes.contourf(*place, levels=np.linspace(FARTHEST, 0.0, 24), cmap=SHADES, vmin=FARTHEST, vmax=-FARTHEST)
    lines = axes.contour(*place, levels=levels, colors=INK, linewidths=1.0, linestyles="solid")
    axes.clabel(lines, fmt={level: name for name, level in REGIONS.items()}, fontsize=8)
    axes.plot(*surface.estimate, "o", color=ACCENT, markersize=6)
    axes.set_xscale("log")
    axes.set_yscale("log")
    drawn = surface.below > FARTHEST
    for axis, values in ((axes.xaxis, surface.first[drawn]), (axes.yaxis, surface.second[drawn])):
        wide = values.max() > WIDE * values.min()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if wide else MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(f"{first}\n{words('plot.likelihood.across')}")
    axes.grid(visible=False)
    return axes


def raise_missing(of: object, wanted: str) -> NoReturn:
    """Refuse something to draw that is neither a table nor a model with what it is compared with.

    Raises
    ------
    DataContractError
    """
    if isinstance(of, PurchaseModel):
        raise DataContractError(f"{type(of).__name__} came alone; expected beside it {wanted}.")
    raise DataContractError(f"found {type(of).__name__}; expected a fitted purchase model, or a table to draw.")


def called(of: object, name: str, words: Spoken) -> str:
    """Name of a model for the legend: as given, or its own."""
    return name or str(getattr(getattr(of, "model", of), "name", words("plot.the_model")))


def day_of(when: dt.date | str | float) -> float:
    """A date as days since 1970-01-01; a number as it is."""
    return float(day_number(as_date(when))) if isinstance(when, (str, dt.date)) else float(when)


def units(unit: str, words: Spoken) -> str:
    """A unit of time in the plural; one that has no phrase with an s."""
    return words.phrases.get(f"plot.unit.{unit}", f"{unit}s")


def _two_lines(axes: Axes, table: pd.DataFrame, of: str, words: Spoken, *, model: str, dates: bool) -> None:
    """The actual and the expected of a tracking table; a week is drawn where it ends."""
    if dates:
        dated(axes, words)
    times = table["end"].to_numpy()
    expected = words("plot.expected_by", model=model)
    axes.plot(times, table[f"{of}actual"], color=INK, linewidth=1.4, label=words("plot.actual"))
    axes.plot(times, table[f"{of}expected"], color=ACCENT, linewidth=1.8, label=expected)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.legend(frameon=False, loc="best")


def _cutoff(axes: Axes, cutoff: dt.date | str | float | None, words: Spoken) -> None:
    """A line where the time of the fit ends."""
    if cutoff is not None:
        at = day_of(cutoff)
        axes.axvline(at, color=QUIET, linewidth=1.0, linestyle="--")
        axes.annotate(
            words("plot.tracking.fit"), (at, 1), xycoords=("data", "axes fraction"), xytext=(4, -10),
            textcoords="offset points", color=QUIET, fontsize=8,
        )  # fmt: skip


def _pairs(axes: Axes, table: pd.DataFrame, names: list[str], model: str, words: Spoken) -> None:
    """Actual and expected side by side, one pair a row."""
    position, expected = np.arange(len(table)), words("plot.expected_by", model=model)
    axes.bar(position - 0.2, table["actual"], width=0.4, color=MAIN, label=words("plot.actual"))
    axes.bar(position + 0.2, table["expected"], width=0.4, color=ACCENT, label=expected)
    axes.set_xticks(position, names)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.legend(frameon=False)


def _counts_with_more(frequency: Ints) -> list[str]:
    """Labels of 0, 1, 2, ... of which the last stands for so many or more."""
    return [*(str(count) for count in frequency[:-1]), f"{frequency[-1]}+"]


def _by_history(
    grid: HistoryGrid, title: str, unit: str, words: Spoken, *, most: float, form: Formatter, ax: Axes | None
) -> Axes:
    axes = canvas(title, words("plot.alive.up", unit=units(unit, words)), ax=ax)
    silence = grid.age - grid.recencies
    image = axes.pcolormesh(
        grid.frequencies, silence, grid.values, cmap=SHADES, vmin=0, vmax=most, shading="nearest", rasterized=True
    )
    axes.set_xlabel(words("plot.counts.across"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False)
    bar = figure_of(axes).colorbar(image, ax=axes, format=form)
    bar.outline.set_visible(False)
    return axes

"""Pictures of replenishment: how long items last, and how well the stock status predicts the next purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ltvml.errors import DataContractError
from ltvml.models.replenishment.renewal import Renewal
from ltvml.plots.figures import ACCENT, GRID, INK, MAIN, PERCENT, QUIET, canvas
from ltvml.plots.letters import status_in, written_in
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from ltvml.arrays import Array
    from ltvml.backtesting.item_role import ItemRole
    from ltvml.models.replenishment.gamma_renewal import GammaRenewal
    from ltvml.words.spoken import Spoken


COLUMNS = 3
MOST_PAIRS = 1000
LONGEST = 0.9
POINTS = 40
HALF = 0.5
NAME_WIDTH = 26


def replenishment_curve(
    of: ItemRole, item: str, *, name: str = "", language: str = "en", ax: Axes | None = None
) -> Axes:
    """Share of the gaps of one item that are still open after so many days: observed and expected.

    What was observed is the Kaplan-Meier estimate, which counts the gaps still open; what the model says is what the
    renewal expected of the same gaps, see `expected_share`.

    Parameters
    ----------
    of : ItemRole
        `report.items` of a backtest.
    item : str
    name : str
        What the item is called.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If there is no replenishment, or no such item.
    """
    if of.fitted is None or of.history is None:
        raise DataContractError(f"there is no replenishment to draw: {of.withheld or 'nothing was fitted'}")
    rows = of.fitted.items()
    found = rows[rows["item"] == item]
    if found.empty:
        raise DataContractError(
            f"the item '{item}' was not fitted; expected one of {', '.join(rows['item'].head(10))}."
        )
    words, day = written_in(language), of.history.history.cutoff_day
    axes = canvas("", "", ax=ax)
    pairs, gaps = (table[table["item"] == item] for table in (of.history.rows(day), of.history.gaps(day)))
    draw_item(axes, found.iloc[0].to_dict() | {"item_name": name or item}, pairs, gaps, of.fitted.renewal, words)
    axes.set_xlabel(words("plot.items.across"), color=QUIET)
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    return axes


def learned_curve(
    items: pd.DataFrame, pairs: pd.DataFrame, gaps: pd.DataFrame, renewal: GammaRenewal, *, language: str = "en"
) -> Figure:
    """The curves of `replenishment_curve` of several items, one panel each.

    Parameters
    ----------
    items : frame
        Rows of `Replenishment.items` to draw.
    pairs, gaps : frames
        As `PairHistory` takes them, gaps scaled in `pairs`.
    renewal : GammaRenewal
    language : str
    """
    words, rows = written_in(language), -(-len(items) // COLUMNS)
    figure = Figure(figsize=(9, 2.6 * rows + 0.6), layout="constrained")
    figure.suptitle(words("plot.items.title"), x=0.02, ha="left", color=INK, fontweight="bold")
    panels = np.atleast_1d(figure.subplots(rows, COLUMNS, sharey=True)).ravel()
    for axes, item in zip(panels, items.to_dict("records"), strict=False):
        own, theirs = (table[table["item"] == item["item"]] for table in (pairs, gaps))
        draw_item(axes, item, own, theirs, renewal, words)
    for axes in panels[len(items) :]:
        axes.set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    figure.supxlabel(words("plot.items.across"), color=QUIET, fontsize=9)
    return figure


def draw_item(
    axes: Axes, item: dict[Any, Any], pairs: pd.DataFrame, gaps: pd.DataFrame, renewal: GammaRenewal, words: Spoken
) -> None:
    """One panel."""
    closed, still_open = gaps["gap"].to_numpy(dtype=float), pairs["elapsed"].to_numpy(dtype=float)
    longest = max(float(np.quantile(np.concatenate([closed, still_open]), LONGEST)), 2.0)
    days, share = kaplan_meier(closed, still_open)
    shown = days <= longest
    observed = words("plot.items.observed")
    axes.step(days[shown], share[shown], where="post", color=QUIET, linewidth=1.2, label=observed)
    times = np.linspace(0, longest, POINTS)
    expected = expected_share(renewal, pairs, gaps, times)
    axes.plot(times, expected, color=MAIN, linewidth=1.8, label=words("plot.items.model"))
    name = str(item.get("item_name", item["item"]))
    axes.set_title(name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 1]}…", fontsize=9, color=INK, loc="left")
    learned = {name: f"{item[name]:.{digits}f}" for name, digits in (("regularity", 1), ("elasticity", 2))}
    given = f"{half_are_back(days, share, words)}\n{words('plot.items.learned', **learned)}"
    axes.text(0.97, 0.95, given, transform=axes.transAxes, ha="right", va="top", fontsize=8, color=QUIET)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.tick_params(colors=QUIET, labelsize=8)
    axes.grid(color=GRID, linewidth=0.6)
    for side, edge in axes.spines.items():
        edge.set_visible(side in ("left", "bottom"))
        edge.set_color(GRID)


def half_are_back(days: Array, share: Array, words: Spoken) -> str:
    """When half of the buyers have come back, open gaps counted: where the observed curve falls to one half."""
    below = np.flatnonzero(share <= HALF)
    return (
        words("plot.items.half", days=words.one(words.days, days[below[0]]))
        if len(below)
        else words("plot.items.fewer")
    )


def expected_share(renewal: GammaRenewal, pairs: pd.DataFrame, gaps: pd.DataFrame, times: Array) -> Array:
    """What the Kaplan-Meier estimate of the gaps should be according to the renewal, (m,).

    From one time to the next, the mean over the gaps that are still open of the chance not to end in between, given
    what the gaps of the same customer before it had shown: the expected events of the counting process (Andersen,
    Borgan, Gill & Keiding 1993). A mean of survival curves is another number: who buys often has many gaps and short
    ones, and those who are slow are still at their first.

    Parameters
    ----------
    pairs, gaps : frames
        Of one item; closed gaps in any order, as the renewal does not tell one order from another.
    times : (m,) array
        Days, from 0 on.
    """
    spells = spells_of(pairs.iloc[:: max(len(pairs) // MOST_PAIRS, 1)], gaps, renewal)
    # the longest first: those at risk at a time are the first rows
    spells = spells.sort_values("lasted", ascending=False, kind="stable", ignore_index=True)
    state, scale = renewal.state(spells), renewal.items_.scale(spells)
    at_risk = np.searchsorted(-spells["lasted"].to_numpy(dtype=float), -times, side="left")
    share, open_now = np.ones(len(times)), np.ones(len(spells))
    for place, rows in enumerate(at_risk[:-1]):
        known = Renewal(*(values[:rows] for values in (state.kappa, state.A, state.B, state.pi, state.elapsed)))
        then = (1 - known.pi) + known.pi * known.tail(times[place + 1] / scale[:rows])
        share[place + 1] = share[place] * (float(np.mean(then / open_now[:rows])) if rows else 1.0)
        open_now = then
    return share


def spells_of(pairs: pd.DataFrame, gaps: pd.DataFrame, renewal: GammaRenewal) -> pd.DataFrame:
    """Every gap, closed or open: `lasted` (days), and what was known of the customer x item when it began."""
    closed = gaps[gaps["customer_id"].isin(pairs["customer_id"])].rename(columns={"quantity": "last_quantity"})
    # gaps come in order of length; the renewal takes any order for as likely, but not one that looks at the lengths
    closed = closed.sample(frac=1, random_state=0).assign(elapsed=0.0, lasted=closed["gap"])
    scaled = closed["gap"] / renewal.items_.scale(closed)
    before = scaled.groupby(closed["customer_id"])
    closed = closed.assign(n_gaps=before.cumcount(), gap_sum=before.cumsum() - scaled)
    columns = ["item", "n_gaps", "gap_sum", "elapsed", "last_quantity", "lasted"]
    return pd.concat([closed[columns], pairs.assign(lasted=pairs["elapsed"], elapsed=0.0)[columns]], ignore_index=True)


def kaplan_meier(closed: Array, still_open: Array) -> tuple[Array, Array]:
    """Share that outlasts each day, with gaps still open counted for as long as they were seen.

    Parameters
    ----------
    closed, still_open : (n,) and (m,) arrays
        Days.

    Returns
    -------
    days, share : arrays
        Kaplan & Meier (1958), JASA 53.

    Examples
    --------
    >>> days, share = kaplan_meier(np.array([1.0, 3.0]), np.array([2.0]))
    >>> days.tolist(), share.tolist()
    ([0.0, 1.0, 3.0], [1.0, 0.6666666666666667, 0.0])
    """
    days, ended = np.unique(closed, return_counts=True)
    every = np.sort(np.concatenate([closed, still_open]))
    at_risk = len(every) - np.searchsorted(every, days, side="left")
    share = np.cumprod(1 - ended / at_risk)
    return np.concatenate([[0.0], days]), np.concatenate([[1.0], share])


def status_rates(table: pd.DataFrame, *, within: int = 28, language: str = "en", ax: Axes | None = None) -> Axes:
    """Share that bought again within the window by stock status, and what was predicted.

    Parameters
    ----------
    table : frame
        As `item_measures.status_table` gives it: `report.items.backtest.statuses`.
    within : int
        Days.
    language : str
    ax : Axes, optional
    """
    found, words = table.set_index("status"), written_in(language)
    title = words("plot.status.title", days=words.one(words.days, within))
    axes = canvas(title, words("plot.status.up"), ax=ax)
    place = np.arange(len(found))
    for offset, column, colour, label in (
        (-0.2, f"predicted_{within}", QUIET, words("plot.status.predicted")),
        (0.2, f"bought_{within}", ACCENT, words("plot.status.bought")),
    ):
        bars = axes.bar(place + offset, found[column], width=0.38, color=colour, label=label)
        axes.bar_label(bars, fmt=lambda share: percent(share, 1), fontsize=8, color=INK)
    names = [f"{status_in(words, str(status))}\n{pairs:,}" for status, pairs in found["pairs"].items()]
    axes.set_xticks(place, names)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False)
    return axes


DRAWN = 6


def item_figures(
    items: ItemRole, names: Mapping[str, str] | None = None, *, language: str = "en"
) -> dict[str, Axes | Figure]:
    """The plots that the role allows, by name; `names` are what items are called."""
    if items.fitted is None or items.history is None:
        return {}
    table, day = items.fitted.items(), items.history.history.cutoff_day
    table = table[table["buyers"] > 0].head(DRAWN)
    table = table.assign(item_name=table["item"].map(lambda item: (names or {}).get(item, item)))
    rows, gaps = items.history.rows(day), items.history.gaps(day)
    figures: dict[str, Axes | Figure] = {
        "replenishment_items": learned_curve(table, rows, gaps, items.fitted.renewal, language=language)
    }
    if items.backtest is not None and items.backtest.cutoffs:
        figures["replenishment_status"] = status_rates(items.backtest.statuses, language=language)
    return figures

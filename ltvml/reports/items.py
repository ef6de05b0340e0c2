"""The backtest of replenishment, in words and as one long table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ltvml.inputs.item_names import with_item_names
from ltvml.outputs.spreadsheet import safe_rows
from ltvml.plots import figures as plots
from ltvml.plots.items import item_figures
from ltvml.window import date_of
from ltvml.words.text import paragraph, percent, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ltvml.backtesting.item_role import ItemRole
    from ltvml.backtesting.items import ItemBacktest


HEAD = "Replenishment: which items are bought again, and when?"
SHOWN = {"log_loss": "log-loss", "auc": "AUC", "average_precision": "precision", "ece": "ECE"}
WINDOWS_SHOWN = (7, 28)


def item_text(items: ItemRole) -> str:
    """The section of a backtest on replenishment, within 80 columns."""
    lines = [HEAD, "=" * len(HEAD), *(f"{paragraph(note)}\n" for note in items.notes)]
    if items.backtest is None:
        return "\n".join([*lines, paragraph(f"Not fitted: {items.withheld}.")])
    backtest = items.backtest
    if not backtest.cutoffs:
        return "\n".join([*lines, _selection(backtest)])
    parts = [_cutoffs(backtest), _boards(backtest), _selection(backtest), _statuses(backtest)]
    parts += [_first(backtest), _dates(backtest)]
    return "\n".join([*lines, "\n\n".join(part for part in parts if part)])


def _selection(backtest: ItemBacktest) -> str:
    return paragraph(f"Replenishment model: {backtest.selection.words}")


def item_measures(items: ItemRole) -> pd.DataFrame:
    """Every measure of replenishment at every cutoff, as the long table of a backtest has them."""
    backtest = items.backtest
    columns = ["role", "cutoff", "segment", "candidate", "measure", "value", "customers"]
    if backtest is None or not backtest.cutoffs:
        return pd.DataFrame(columns=columns)
    measures = backtest.measures
    names = measures["measure"] + "_" + measures["within"].astype(str)
    cutoffs = [date_of(day) for day in measures["origin"]]
    long = measures.assign(role="replenishment", cutoff=cutoffs, measure=names, customers=measures["pairs"])
    return pd.concat([long[columns], _date_rows(backtest)[columns]], ignore_index=True)


def _date_rows(backtest: ItemBacktest) -> pd.DataFrame:
    if backtest.dates.empty:
        return pd.DataFrame(columns=["role", "cutoff", "segment", "candidate", "measure", "value", "customers"])
    long = backtest.dates.melt(id_vars=["candidate", "cutoff", "returns"], var_name="measure", value_name="value")
    return long.assign(role="replenishment date", segment="bought again", customers=long["returns"].astype(int))


def _cutoffs(backtest: ItemBacktest) -> str:
    dates = ", ".join(date_of(fold.origin).isoformat() for fold in backtest.cutoffs)
    pairs = sum(len(fold.wait) for fold in backtest.cutoffs)
    return paragraph(f"Backtest cutoffs {dates}; {pairs:,} customer x item pairs. Bought again within 7 and 28 days:")


def _boards(backtest: ItemBacktest) -> str:
    board = backtest.board[backtest.board["within"].isin(WINDOWS_SHOWN)]
    rows = [
        [
            str(row["within"]),
            ("* " if row["candidate"] == backtest.champion else "  ") + str(row["candidate"]),
            *(f"{row[name]:.4f}" for name in SHOWN),
        ]
        for row in board.to_dict("records")
    ]
    return table(["days", "", *SHOWN.values()], rows, left=2)


def _statuses(backtest: ItemBacktest) -> str:
    rows = [
        [
            str(row["status"]),
            f"{row['pairs']:,}",
            *(percent(row[f"{what}_{days}"], 1) for days in WINDOWS_SHOWN for what in ("predicted", "bought")),
        ]
        for row in backtest.statuses.to_dict("records")
    ]
    header = ["", "pairs", *(f"{what} {days}" for days in WINDOWS_SHOWN for what in ("predicted", "bought"))]
    given = paragraph(
        "Stock status at the cutoff: share predicted to be bought again within 7 and 28 days, and share bought."
    )
    return f"{given}\n\n{table(header, rows)}"


def _first(backtest: ItemBacktest) -> str:
    found = backtest.first_reminders
    if found.empty:
        return ""
    wide = found.pivot(index="candidate", columns="first", values="precision").sort_values(found["first"].max())
    rows = [[str(name), *(percent(share, 1) for share in row)] for name, row in list(wide.iterrows())[::-1]]
    board = table(["", *(f"top {count:,}" for count in wide.columns)], rows)
    return f"Share of the top reminders followed by a purchase within 7 days:\n\n{board}"


def _dates(backtest: ItemBacktest) -> str:
    if backtest.dates.empty:
        return ""
    mean = backtest.dates.drop(columns="cutoff").groupby("candidate").mean().sort_values("mae")
    rows = [
        [
            str(name),
            f"{row['mae']:.1f}",
            percent(row["within_3_days"], 1),
            percent(row["within_7_days"], 1),
            percent(row["covered"], 1),
            f"{row['width']:.0f}",
        ]
        for name, row in mean.iterrows()
    ]
    given = paragraph(
        f"Dates of pairs bought again within {backtest.horizon} days: mean days between the median date and the "
        "purchase, shares within 3 and 7 days of it, and coverage and width (days) of the 10-90 % window."
    )
    board = table(["", "days off", "+-3 days", "+-7 days", "in window", "width"], rows)
    return f"{given}\n\n{board}\n\n{paragraph(backtest.window.words)}"


ITEMS_FILE = "items.csv"


def observed_gaps(items: ItemRole) -> pd.DataFrame:
    """Days between two purchases of one item by one customer, up to the cutoff: item, gap."""
    if items.history is None:
        return pd.DataFrame({"item": pd.Series(dtype=str), "gap": pd.Series(dtype=float)})
    return items.history.gaps(items.history.history.cutoff_day)


def gap_words(items: ItemRole) -> tuple[str, ...]:
    """The median of those days over all items, as a sentence; none where nothing was bought twice."""
    gaps = observed_gaps(items)["gap"]
    return (f"Items bought again: after a median of {gaps.median():.0f} days.",) if len(gaps) else ()


def table_of_items(items: ItemRole) -> pd.DataFrame:
    """The items as fitted, with `median_gap_days`: the median of the days that were observed between two purchases.

    The fitted `cycle_days` counts those who have not come back yet, and is longer where many are slow.
    """
    assert items.fitted is not None
    table, gaps = items.fitted.items(), observed_gaps(items)
    table.insert(
        list(table).index("cycle_days"), "median_gap_days", table["item"].map(gaps.groupby("item")["gap"].median())
    )
    return table


def save_items(
    staging: Path, items: ItemRole, names: Mapping[str, str] | None = None, *, language: str = "en"
) -> tuple[Path, ...]:
    """The table of the items, and their plots; nothing where the role was not fitted. Returns the plots.

    `names` are what items are called.
    """
    if items.fitted is None:
        return ()
    safe_rows(with_item_names(table_of_items(items), names or {})).to_csv(staging / ITEMS_FILE, index=False)
    figures = item_figures(items, names, language=language)
    for name, figure in figures.items():
        plots.save(figure, staging / "plots" / f"{name}.png")
    return tuple(staging / "plots" / f"{name}.png" for name in figures)

"""One customer's story in a picture: the orders, the items, when each is due again, and the contact that is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from ltvml.errors import DataContractError
from ltvml.plots.figures import ACCENT, INK, canvas, wrapped
from ltvml.plots.letters import status_in, written_in
from ltvml.plots.timeline import (
    BOUGHT,
    DATES,
    DUE,
    FRAME,
    ROW,
    WIDTH,
    draw_cutoff,
    draw_purchases,
    draw_window,
    draw_words,
    dress,
    explain,
    last_drawn,
    legend_of,
    refuse_missing,
    shortened,
)
from ltvml.window import date_of, day_number, days_of
from ltvml.words.text import percent

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from ltvml.words.spoken import Spoken


PLANNED = ("customer_id", "action", "channel", "due_date", "item", "reason", "suppressed_by")
MOST_ITEMS = 6
DIAMOND = 8.0
FOOT = 0.5


def customer_story(
    customer_id: str,
    purchases: pd.DataFrame,
    due: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    cutoff: dt.date | str,
    history_days: int = 365,
    names: Mapping[str, str] | None = None,
    language: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """What a customer bought when, when each item is due again, and what is planned.

    All orders are on top, below them the item of the contact, then the items that the customer bought most often. The
    first purchase after the cutoff, if there is one, is drawn hollow: it is what came, unseen by the model.

    Parameters
    ----------
    customer_id : str
    purchases : frame
        `customer_id`, `item`, `order_date`; one row a line or a day, of this customer and of others.
    due : frame
        Rows of `contracts.REPLENISHMENT`, of this customer and of others.
    plan : frame
        Rows of `contracts.OUTREACH`; the reason is printed below the plot.
    cutoff : date
        Last day that the models saw.
    history_days : int
        Days drawn before the cutoff; earlier purchases are counted on the left.
    names : mapping of str to str, optional
        What actions, channels and suppressions are called; what the language calls them if not given.
    language : str
    ax : Axes, optional

    Raises
    ------
    DataContractError
        If a column is missing, or the customer has not bought anything up to the cutoff.

    Examples
    --------
    >>> customer_story("12347", orders, replenishment, plan, cutoff="2011-09-10")         # doctest: +SKIP
    """
    for frame, needed, what in ((purchases, BOUGHT, "purchases"), (due, DUE, "due"), (plan, PLANNED, "plan")):
        refuse_missing(frame, needed, what)
    seen_to = day_number(cutoff)
    bought, own_due, contact = (frame[frame["customer_id"] == customer_id] for frame in (purchases, due, plan))
    days = pd.DataFrame({"item": bought["item"].to_numpy(), "day": days_of(bought["order_date"].to_numpy())})
    if not (days["day"] <= seen_to).any():
        raise DataContractError(f"customer '{customer_id}' bought nothing up to {cutoff}; expected one order or more.")
    items, words = items_drawn(days[days["day"] <= seen_to], contact), written_in(language)
    shown = (float(seen_to - history_days), last_drawn(own_due[own_due["item"].isin(items)], seen_to))
    size = (WIDTH, ROW * (1 + len(items)) + FRAME + FOOT)
    axes = canvas(words("plot.story.title", customer=customer_id), "", size=size, ax=ax)
    dress(axes, [words("plot.story.all"), *map(shortened, items)], shown, words)
    draw_cutoff(axes, seen_to, words)
    draw_purchases(axes, 0, np.unique(days["day"]), shown=shown, seen_to=seen_to)
    for place, item in enumerate(items, start=1):
        draw_item(axes, place, own_due[own_due["item"] == item], words)
        draw_purchases(axes, place, np.unique(days.loc[days["item"] == item, "day"]), shown=shown, seen_to=seen_to)
    height = explain(axes, [*legend_of(words), *draw_contact(axes, contact, items, names or {}, words)], columns=2)
    reason = wrapped(given(contact, names or {}, words))
    axes.set_xlabel(reason, color=INK, fontsize=9.5, loc="left", labelpad=height - 10)
    return axes


def items_drawn(seen: pd.DataFrame, contact: pd.DataFrame) -> list[str]:
    """The item of the contact, then those bought on most days; ties by name."""
    times = seen.drop_duplicates().groupby("item").size().rename("days").reset_index()
    by_days = times.sort_values(["days", "item"], ascending=[False, True])["item"].tolist()
    wanted = contact["item"].dropna().astype(str).tolist()
    return list(dict.fromkeys([*wanted, *by_days]))[:MOST_ITEMS]


def draw_item(axes: Axes, place: int, due: pd.DataFrame, words: Spoken) -> None:
    """The window of an item and its words; nothing where no reorder is predicted."""
    for row in due.to_dict("records"):
        draw_window(axes, place, days_of([row[name] for name in DATES]))
        draw_words(axes, place, percent(row["p_reorder_28"]), status_in(words, str(row["stock_status"])))


def draw_contact(
    axes: Axes, contact: pd.DataFrame, items: list[str], names: Mapping[str, str], words: Spoken
) -> list[Line2D]:
    """A diamond on the day of the contact, in the row of its item; its entry in the legend, none without a contact."""
    made = contact[contact["action"].notna() & contact["suppressed_by"].isna()]
    if made.empty:
        return []
    row = made.iloc[0]
    place = items.index(str(row["item"])) + 1 if pd.notna(row["item"]) else 0
    mark: dict[str, Any] = {"marker": "D", "color": ACCENT, "markeredgecolor": INK, "linestyle": ""}
    axes.plot(days_of([row["due_date"]]), [place], markersize=DIAMOND, zorder=6, **mark)
    return [Line2D([], [], markersize=DIAMOND * 0.7, label=named(row, names, words), **mark)]


def named(row: pd.Series, names: Mapping[str, str], words: Spoken) -> str:
    """The contact in words: what, by which way, when."""
    day = date_of(int(days_of([row["due_date"]])[0]))
    action, channel = (called(kind, row[kind], names, words) for kind in ("action", "channel"))
    return words("plot.story.contact", action=action, channel=channel, date=str(day))


def called(kind: str, name: object, names: Mapping[str, str], words: Spoken) -> str:
    """What an action, a channel or a suppression is called."""
    return names.get(str(name)) or words.name(kind, str(name))


def given(contact: pd.DataFrame, names: Mapping[str, str], words: Spoken) -> str:
    """Why the customer is contacted, or why not."""
    if contact.empty:
        return words("plot.story.unplanned")
    row = contact.iloc[0]
    reason = str(row["reason"]) if pd.notna(row["reason"]) else ""
    if pd.isna(row["suppressed_by"]):
        return reason
    return f"{words('plot.story.held', why=called('suppressed', row['suppressed_by'], names, words))} {reason}".rstrip()

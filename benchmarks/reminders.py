"""Are reminders in time? Recall and precision against true run-outs, in weekly runs.

    python benchmarks/reminders.py [--shared ../shared/data] [--weeks 8]

The renewal is fitted at the first run, which sees nothing later, and scores every customer x item each week. A reminder
is due `lead_days` before the predicted run-out and is sent on its day of that week, unless the item was bought first:
once a purchase, or in each week while it is due. A run-out counts where the item is bought again, the history was
regular (4 or more purchases, coefficient of variation of the gaps under .35), and its last seven days lie in the weeks.
The simulated shops know the truth; of Complete Journey, whose items with a repeat share above one half are shown, the
next purchase takes its place. Bar: recall .85 at precision .5 for regular items.

One reminder a purchase cannot reach that where gaps scatter by a fifth: of Gamma gaps of shape 20 and mean 30 days,
whose mean were known exactly, the best seven days hold `best_week` = 41 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from replenishment import journey
from scipy import special

from ltvml.datasets import simulate_baby_brand
from ltvml.datasets.simulate_renewals import KEYS, Renewals, SimulatedItem, simulate_renewals
from ltvml.evaluation.reminders import WEEK, ReminderMeasures, reminder_measures
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.stock import StockRules, stock_status

if TYPE_CHECKING:
    from collections.abc import Iterator


FEWEST, MOST_VARIATION = 4, 0.35
LEAST_SHARE, HORIZON = 0.5, 91.0
JOURNEY_FIRST = 210


def best_week(shape: float, mean: float) -> float:
    """Largest share of Gamma gaps that end within one week: the recall of one reminder that knows the gap's mean."""
    starts = np.arange(0.0, 3 * mean, 0.1)
    reached = special.gammainc(shape, np.stack([starts, starts + WEEK]) * shape / mean)
    return float((reached[1] - reached[0]).max())


def reminders_due(X: pd.DataFrame, model: GammaRenewal, rules: StockRules) -> pd.DataFrame:
    """Rows of `X` to be reminded of in the week ahead, with `day`: when."""
    cutoff = X["cutoff_day"].to_numpy()
    run_out = cutoff + np.maximum(np.ceil(model.date(X, (0.5,), HORIZON)[:, 0]), 1)
    status = stock_status(X, model.items_, rules)
    day = np.where(status == "depleted", cutoff + 1, np.maximum(run_out - rules.lead_days, cutoff + 1))
    return X.assign(day=day.astype(int))[(day <= cutoff + WEEK) & (status != "lapsed")]


def weekly(renewals: Renewals, model: GammaRenewal, first: int, weeks: int, *, once: bool) -> pd.DataFrame:
    """Reminders sent: customer_id, item, bought, day."""
    sent = pd.DataFrame(columns=[*KEYS, "bought", "day"])
    for cutoff in range(first, first + weeks * WEEK, WEEK):
        X = renewals.pairs(cutoff, model.items_.elasticity)
        due = reminders_due(X, model, StockRules()).rename(columns={"last_day": "bought"})
        wait = pd.Series(renewals.waits(X), index=X.index)
        # who bought before the day of the reminder is not reminded: the list of the day is read on the day
        due = due[wait[due.index] >= due["day"] - cutoff][[*KEYS, "bought", "day"]]
        sent = pd.concat([sent, due])
    sent = sent.drop_duplicates([*KEYS, "bought"]) if once else sent
    return sent.astype({"bought": int, "day": int})


def regular_packs(days: pd.DataFrame, first: int, weeks: int) -> pd.DataFrame:
    """Packs whose run-out lies in the weeks (or that were not bought again), of regular buyers as known before it."""
    by = days.sort_values([*KEYS, "day"]).groupby(KEYS)["day"]
    packs = days.sort_values([*KEYS, "day"]).assign(used_up=by.shift(-1), before=by.cumcount() + 1, gap=by.diff())
    past = packs.groupby(KEYS)["gap"].expanding()
    variation = (past.std() / past.mean()).reset_index(level=[0, 1], drop=True)
    packs = packs.assign(variation=variation).rename(columns={"day": "bought"})
    until = first + weeks * WEEK
    inside = packs["used_up"].between(first + WEEK, until) | (packs["used_up"].isna() & (packs["bought"] <= until))
    kept = inside & (packs["before"] >= FEWEST) & (packs["variation"] < MOST_VARIATION)
    return packs.loc[kept, [*KEYS, "bought", "used_up"]]


def measured(renewals: Renewals, first: int, weeks: int, *, once: bool) -> ReminderMeasures:
    model = GammaRenewal().fit(renewals.history(first))
    sent = weekly(renewals, model, first, weeks, once=once)
    return reminder_measures(sent, regular_packs(renewals.days, first, weeks))


def the_brand() -> tuple[Renewals, int]:
    orders = simulate_baby_brand(4000, random_state=0).orders
    start = orders["order_date"].min()
    day = (orders["order_date"] - start).dt.days
    rows = orders.assign(day=day, item=orders["category"])
    days = rows.groupby([*KEYS, "day"], as_index=False)["quantity"].sum()
    return Renewals(days, ()), int(day.max()) - 180


def the_case(buyers: int = 800) -> tuple[Renewals, int]:
    item = SimulatedItem("coffee", buyers, kappa=20.0, a=400.0, b=600.0, pi=0.85, elasticity=0.0, packs=(1.0,))
    return simulate_renewals(buyers, [item], end_day=900, entry_days=600, random_state=0), 600


def repeated_items(renewals: Renewals, cutoff: int) -> Renewals:
    """The items that most of their buyers had bought twice by the cutoff."""
    counts = renewals.pairs(cutoff).assign(again=lambda pairs: pairs["n_gaps"] > 0).groupby("item")["again"]
    table = counts.agg(["mean", "size"])
    kept = table.index[(table["mean"] > LEAST_SHARE) & (table["size"] >= 30)]
    return Renewals(renewals.days[renewals.days["item"].isin(kept)].reset_index(drop=True), ())


def cases(shared: Path | None) -> Iterator[tuple[str, Renewals, int]]:
    yield "800 buyers, 30 days, 15 % leave", *the_case()
    yield "baby brand, categories", *the_brand()
    if shared:
        yield (
            "Complete Journey, repeat share > .5",
            repeated_items(journey(shared, "category"), JOURNEY_FIRST),
            JOURNEY_FIRST,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, help="folder of real data, with complete_journey inside")
    parser.add_argument("--weeks", type=int, default=8)
    given = parser.parse_args()
    print(f"best week of gaps of shape 20, mean 30 days: {best_week(20, 30):.3f}")
    print(f"{'':36} {'sent':9} {'run-outs':>9} {'recall':>7} {'reminders':>10} {'precision':>10} {'of all':>7}")
    for name, renewals, first in cases(given.shared):
        for once in (True, False):
            found = measured(renewals, first, given.weeks, once=once)
            print(
                f"{name:36} {'once' if once else 'each week':9} {found.run_outs:9,} {found.recall:7.3f} "
                f"{found.reminders:10,} {found.precision:10.3f} {found.precision_of_all:7.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""How often `ltvml watch` raises a false alarm, and how soon it sees that a shop sells a fifth less.

    python benchmarks/watch.py [shops of each kind] [seed] [folder of the table and the plot]

Shops drawn from the MBG/NBD, three years long, customers joining evenly; with a season they live on its clock. The
closed form is fitted after two years (`fast`, models named: the level's usual error is the prior of 5 %); scores are
of each week of the third year, as a nightly job leaves them. A month counts as a false alarm where the state of a
stationary shop is not `fine` in any week of it; the state is not reset by an alarm. A shock takes a fifth of all repeat
purchases away (or adds as many) from a random day on, between the 60th and the 240th after the fit; it counts as found
where the level's alarm in that direction begins within 91 days, the churn horizon; shops in which it stood already are
counted and left out.

Thresholds are those of theory (`evaluation/level_watch.py`, `stability.py`). The statistic of the level was chosen on
60 shops of 3,000 customers of seeds 101 and 11 each. What was found is in docs/operate.md.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ltvml.clock import SLOTS, OperationalTime, day_of_year, with_mean_one
from ltvml.datasets.simulate import CDNOW_SPEND, order_values, simulate_customers
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.evaluation.data_drift import Periods, purchase_drifts
from ltvml.evaluation.judged_scores import Buyers, loss_against_promise
from ltvml.evaluation.level_watch import DAYS_A_MONTH, noise_of_weeks, watch_level
from ltvml.evaluation.past_levels import past_levels
from ltvml.evaluation.promise import level_spread
from ltvml.evaluation.purchase_record import PurchaseRecord
from ltvml.evaluation.stability import judged
from ltvml.evaluation.verdict import verdict
from ltvml.features.season import daily_counts, early_buyer_counts
from ltvml.models.closed_form import likelier_purchase_model
from ltvml.models.season.counts import DailyCounts, EarlyBuyers
from ltvml.models.season.season import find_season
from ltvml.window import WEEK, Window, date_of, day_number

if TYPE_CHECKING:
    from ltvml.models.base import PurchaseModel

START, FIT, LENGTH = day_number("2018-01-01"), 730, 1095
HORIZON, SHOCK = 91, 0.2
WEEKS = (LENGTH - FIT) // WEEK
PARAMETERS = {"r": 0.8, "alpha": 40.0, "a": 0.8, "b": 3.0}
SLOT = np.arange(SLOTS)
SEASONS = {
    "no season": np.ones(SLOTS),
    "season": with_mean_one(
        1 + 0.3 * np.sin(2 * np.pi * (SLOT - 200) / SLOTS) + 0.6 * np.exp(-0.5 * ((SLOT - 345) / 12) ** 2)
    ),
}
CUSTOMERS = (3_000, 5_000, 10_000)


@dataclass(frozen=True)
class Week:
    """What a watch says at the end of a week after the fit."""

    state: str
    alarm: str | None


def shop(rng: np.random.Generator, season: np.ndarray, customers: int) -> pd.DataFrame:
    """Purchase days of a shop, days from its first one; repeat purchases are marked."""
    elapsed = np.append(0.0, np.cumsum(season[day_of_year(START + np.arange(LENGTH))]))
    born = rng.uniform(0, LENGTH, customers)
    clock = np.interp(born, np.arange(LENGTH + 1.0), elapsed)
    drawn = simulate_customers(customers, T=elapsed[-1] - clock, random_state=rng, model="mbg_nbd", **PARAMETERS)
    later = np.interp(clock[drawn.purchases.customer] + drawn.purchases.time, elapsed, np.arange(LENGTH + 1.0))
    rows = pd.DataFrame(
        {
            "customer": np.concatenate([np.arange(customers), drawn.purchases.customer]),
            "day": np.floor(np.concatenate([born, later])).astype(int),
            "repeat": np.r_[np.zeros(customers, bool), np.ones(len(later), bool)],
        }
    )
    return rows.assign(value=order_values(customers, rows["customer"].to_numpy(), CDNOW_SPEND, rng)[1])


def shocked(rng: np.random.Generator, rows: pd.DataFrame, day: int, change: float) -> pd.DataFrame:
    """A share of the repeat purchases from a day on taken away, or as many put beside them one to two weeks later."""
    hit = rows["repeat"] & (rows["day"] >= day) & (rng.random(len(rows)) < abs(change))
    if change < 0:
        return rows[~hit]
    more = rows[hit]
    return pd.concat([rows, more.assign(day=more["day"] + rng.integers(7, 15, len(more)))]).query(f"day < {LENGTH}")


def record_of(rows: pd.DataFrame) -> PurchaseRecord:
    """The same as a watch reads it."""
    days = rows.groupby(["customer", "day"], as_index=False)["value"].sum()
    ids = days["customer"].astype(str).str.zfill(6)
    return PurchaseRecord.of(
        pd.DataFrame({"customer_id": ids, "day": days["day"] + START, "value": days["value"]}), decimals=0
    )


def fitted(record: PurchaseRecord, season: str) -> PurchaseModel:
    """The closed form as of the end of the second year, as `ltvml fit --fast` fits it."""
    cutoff = START + FIT - 1
    X = record.summary(cutoff)
    plain = likelier_purchase_model(X, OperationalTime())
    if season == "no season":
        return plain
    engine, window = DuckDBEngine(), Window(date_of(cutoff))
    table = engine.table(pd.DataFrame({"customer_id": record.customer.astype(str), "day": record.day}))
    counts = DailyCounts.from_frame(engine.collect(daily_counts(table, window)), cutoff)
    early = EarlyBuyers.from_frame(engine.collect(early_buyer_counts(table, window)))
    return likelier_purchase_model(X, find_season(counts, early, plain.model).clock)


def weeks(record: PurchaseRecord, model: PurchaseModel, last: int = WEEKS) -> list[Week]:
    """What a watch says at the end of each week of the third year, up to the last that is asked for."""
    cutoff = START + FIT - 1
    noise = noise_of_weeks(record.repeats_by_week(cutoff, weeks=52))
    usual = past_levels(record, model, cutoff, noise=noise)
    buyers, losses = [], {}
    for week in range(last):
        day = cutoff + WEEK * week
        X = record.summary(day)
        survival = model.survival_function(X, [WEEK, HORIZON])
        wait, _ = record.after(X["customer_id"], day)
        buyers.append(Buyers.of((wait <= WEEK).astype(float), 1 - survival[:, 0]))
        if week % (HORIZON // WEEK) == 0:
            season, error = usual.over(day, HORIZON)
            losses[day] = loss_against_promise(
                (wait <= HORIZON).astype(float),
                1 - survival[:, 1],
                (),
                season=season,
                error=error,
            )
    return [at_week(week, record, cutoff, buyers, losses, noise, usual) for week in range(1, last + 1)]


def at_week(week, record, cutoff, buyers, losses, noise, usual) -> Week:
    """What a watch says after so many weeks."""
    today, seen = cutoff + WEEK * week, buyers[:week]
    actual, expected, variance = ([getattr(one, name) for one in seen] for name in ("actual", "expected", "variance"))
    cutoffs, spread = cutoff + WEEK * np.arange(week), level_spread(())
    level = watch_level(cutoffs, actual, expected, variance, days=WEEK, spread=spread, noise=noise, usual=usual)
    ended = [day for day in losses if day + HORIZON <= today]
    loss = [(date_of(ended[-1]), losses[ended[-1]])] if ended else []
    periods = Periods.of(record, fitted=cutoff, today=today, days=HORIZON)
    drifts = judged(purchase_drifts(record, periods, fitted=cutoff)) if periods else ()
    changed = None if level.changed_at is None else date_of(cutoff + WEEK * level.changed_at + 1)
    return Week(verdict(level, changed, loss, drifts).state, level.alarm)


def one_shop(rng: np.random.Generator, season: str, customers: int) -> dict[str, float]:
    """False alarms of a stationary shop, and when a shock in each direction was found in the same shop."""
    rows = shop(rng, SEASONS[season], customers)
    record = record_of(rows)
    model = fitted(record, season)
    found = weeks(record, model)
    month = (np.arange(1, WEEKS + 1) * WEEK / DAYS_A_MONTH).astype(int)
    alarmed = np.array([one.state != "fine" for one in found])
    months = np.unique(month[month < 12])
    expected = record.repeats_by_week(START + FIT - 1, weeks=13).mean()
    row: dict[str, float] = {
        "repeats a week": float(expected),
        "months": len(months),
        "alarm months": sum(alarmed[month == one].any() for one in months),
        "level months": sum(np.array([w.alarm is not None for w in found])[month == one].any() for one in months),
        "alarms": int(alarmed[0]) + int((alarmed[1:] & ~alarmed[:-1]).sum()),
    }
    shock = FIT + int(rng.integers(60, 241))
    for name, change, side in (("drop", -SHOCK, "down"), ("rise", SHOCK, "up")):
        last = min(WEEKS, -(-(shock + HORIZON + 28 - FIT) // WEEK))
        after = weeks(record_of(shocked(rng, rows, shock, change)), model, last)
        ends = FIT + WEEK * np.arange(1, last + 1)
        alarms = [(e - shock, one.alarm == side) for e, one in zip(ends, after, strict=True)]
        there = [days for days, alarm in alarms if days > 0 and alarm]
        # an alarm that stood before the shock has found nothing
        stood = any([alarm for days, alarm in alarms if days <= 0][-1:])
        row[name] = np.nan if stood else float(there[0]) if there else np.inf
    return row


def main(shops: int = 50, seed: int = 1, folder: str = "") -> None:
    """Print the table, and write it with the plot where a folder is named."""
    rows = []
    for customers, season in itertools.product(CUSTOMERS, SEASONS):
        rng, kind = np.random.default_rng([seed, customers, len(season)]), f"{customers:,}, {season}"
        rows += [{"kind": kind, **one_shop(rng, season, customers)} for _ in range(shops)]
        print(table(pd.DataFrame(rows)).tail(1).to_string(header=len(rows) == shops), flush=True)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(Path(folder) / "shops.csv", index=False)
        plot(pd.DataFrame(rows)).savefig(Path(folder) / "watch.png", dpi=120)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a kind."""
    found = rows.groupby("kind", sort=False)
    shown = {
        "shops": found.size(),
        "repeats a week": found["repeats a week"].mean().round(),
        "alarm months": found["alarm months"].sum() / found["months"].sum(),
        "of level": found["level months"].sum() / found["months"].sum(),
        "new alarms a month": found["alarms"].sum() / found["months"].sum(),
    }
    for name in ("drop", "rise"):
        shown[f"{name} in {HORIZON}"] = found[name].apply(lambda days: (days.dropna() <= HORIZON).mean())
        shown[f"{name} median"] = found[name].median()
        shown[f"{name} stood"] = found[name].apply(lambda days: days.isna().sum())
    return pd.DataFrame(shown).round(3)


def plot(rows: pd.DataFrame) -> Figure:
    """Share of the shops whose drop was found, by days since the shock."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    days = np.arange(0, 127)
    for kind, some in rows.groupby("kind", sort=False):
        axes.plot(days, [(some["drop"] <= one).mean() for one in days], label=kind)
    axes.axvline(HORIZON, color="#444444", linestyle=":", linewidth=1)
    axes.axhline(0.9, color="#444444", linestyle=":", linewidth=1)
    axes.set(xlabel="days since a fifth fewer purchases", ylabel="share of shops with the alarm", ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*(int(one) for one in given[:2]), *given[2:])

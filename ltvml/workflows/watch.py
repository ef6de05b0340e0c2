"""Watch: scores of earlier cutoffs and the orders that came since; whether the models still keep what they promised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from ltvml.contracts import WATCHED_DRIFT, WATCHED_LEVELS, WATCHED_SCORES
from ltvml.engines.frames import to_contract
from ltvml.errors import ConfigError, DataContractError
from ltvml.evaluation.data_drift import LOOK, WEEKS_A_YEAR, Periods, purchase_drifts
from ltvml.evaluation.judged_scores import (
    Buyers,
    date_coverage,
    inside_interval,
    loss_against_promise,
    promised,
)
from ltvml.evaluation.level_watch import LevelWatch, noise_of_weeks, watch_level
from ltvml.evaluation.past_levels import PastLevels, past_levels
from ltvml.evaluation.promise import level_spread, measures_of
from ltvml.evaluation.purchase_record import PurchaseRecord, discounted
from ltvml.evaluation.stability import drift_of_share, judged
from ltvml.evaluation.verdict import verdict
from ltvml.features.sample import sampled_days
from ltvml.inputs.orders import read_orders
from ltvml.outputs.customers import TableFiles
from ltvml.outputs.past_scores import PastScores, past_scores
from ltvml.plots.figures import save
from ltvml.plots.watch import watch_plot
from ltvml.progress import Progress, Steps
from ltvml.reports.recording import record, versions
from ltvml.reports.watch import WatchReport
from ltvml.run_directory import alone_on, run_directory, write_json, write_manifest
from ltvml.threads import at_most
from ltvml.tracking.items import watch_run
from ltvml.window import WEEK, as_date, date_of, dates_of, day_number, days_of
from ltvml.words.sentence import Sentence, Share
from ltvml.workflows.score import as_fitted, bundle_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.evaluation.judged_scores import AgainstPromise
    from ltvml.evaluation.promise import Promise
    from ltvml.evaluation.stability import Drift
    from ltvml.inputs.orders import Intake

NAME = "watch"
PLOT = "plots/watch.png"
STATE_FILE = "state.json"
MOST_JUDGED, MOST_OPEN = 26, 13
"""Cutoffs of the table, a week apart: those whose horizon has ended, and those that are looked at before."""
FEWEST_BUYERS = 20
"""Expected in a window of the level, on average: below it a count is too skewed for a normal law."""
CUT_SHARE = 0.01
"""Share of customers or lines that may be missing, as corrections and merged ids take some away."""
SILENT_BUYERS = 20
"""Expected in the days without an order up to the cutoff, beyond which the orders are taken to be cut."""


@dataclass(frozen=True, eq=False)
class Watched:
    """What the signs were made from.

    Parameters
    ----------
    bundle : Bundle
    record : PurchaseRecord
        Of the sampled customers.
    today : int
        Day number of the cutoff.
    annual_rate : float
        Of discount.
    """

    bundle: Bundle
    record: PurchaseRecord
    today: int
    annual_rate: float

    @property
    def promises(self) -> tuple[Promise, ...]:
        """What past cutoffs showed of the bundle."""
        return self.bundle.record.promises

    @cached_property
    def noise(self) -> float:
        """Variance of weekly counts before the fit over that of independent customers."""
        weeks = self.record.repeats_by_week(self.bundle.fitted_window.cutoff_day, weeks=WEEKS_A_YEAR)
        return noise_of_weeks(weeks)

    @cached_property
    def usual(self) -> PastLevels:
        """How far the purchase model was off in each season of the year before the fit."""
        fitted = self.bundle.fitted_window.cutoff_day
        return past_levels(self.record, self.bundle.roles.purchase, fitted, noise=self.noise)

    @property
    def spread(self) -> float:
        """Usual error of the level, as a logarithm."""
        return float(np.hypot(level_spread(self.of_churn), self.usual.error))

    def loss(self, one: PastScores, bought: Array, chance: Array) -> AgainstPromise:
        """Log-loss of scores whose horizon has ended, beside what was promised."""
        season = self.usual.ratio(one.cutoff_day, one.horizon)
        return loss_against_promise(bought, chance, self.of_churn, season=season, error=self.usual.error)

    @property
    def of_churn(self) -> tuple[Promise, ...]:
        """The promises of churn."""
        return tuple(one for one in self.promises if one.role == "repurchase")


def watch(
    config: Config,
    *,
    of: dt.date | str | None = None,
    model: str | Path | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> WatchReport:
    """Judge scores of earlier cutoffs by the orders up to the cutoff, and say whether the models still serve.

    Parameters
    ----------
    config : Config
        Its cutoff is the day up to which the orders are complete.
    of : date, optional
        Judge the scores of this cutoff alone; the state is that of all scores.
    model : str, Path or Bundle, optional
        The bundle that serves; see `score`.
    out : Path, optional
        Folder of the results; `<output.dir>/watch/<cutoff>` by default.
    transactions : frame, optional
        In place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    WatchReport
        `state` is fine, look or retrain; `reasons` say why.

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    results = Path(config.output.dir)
    folder = Path(out) if out is not None else results / NAME / config.cutoff.isoformat()
    with (
        alone_on(folder, command="ltvml watch", wait=config.output.wait, under=results),
        at_most(config.engine.threads),
    ):
        bundle = bundle_of(config, model)
        return _watch(config, bundle, None if of is None else as_date(of), transactions, folder, Steps(progress))


def _watch(
    config: Config, bundle: Bundle, of: dt.date | None, transactions: Any, folder: Path, steps: Steps
) -> WatchReport:
    config, bundle = as_fitted(config, bundle)
    found, notes = past_scores(Path(config.output.dir) / "scores", until=day_number(config.cutoff))
    wanted = found if of is None else only(found, of)
    intake = read_orders(config.orders, config.window, transactions, steps)
    with steps.step("watch"):
        refuse_cut(found[-1], intake)
        days = sampled_days(intake.engine, intake.days, customers=intake.customers)
        purchases = PurchaseRecord.of(days, decimals=config.value.decimals)
        watched = Watched(bundle, purchases, intake.window.cutoff_day, config.value.annual_discount_rate)
        level, levels = level_of(watched, found)
        refuse_silent(watched, levels)
        scores = judged_table(watched, wanted)
        drifts, periods = drifts_of(watched, intake)
        state = verdict(level, changed_on(level, levels), last_loss(watched, found), drifts)
    report = WatchReport(
        folder.absolute(),
        bundle,
        intake,
        state,
        level,
        levels,
        scores,
        drift_table(drifts, periods),
        notes=(*notes, *notes_of(watched, found, level, periods)),
        seconds=steps.seconds,
        language=config.outreach.language,
    )
    with steps.step("write"), run_directory(folder, kind=NAME) as staging:
        for name, contract, rows in report.tables_by_contract():
            with TableFiles(staging, contract, name, config.output.formats) as files:
                files.write(to_contract(rows, contract))
        write_json(staging / STATE_FILE, report.verdict_dict())
        save(watch_plot(levels, scores, threshold=level.threshold), staging / PLOT)
        write_manifest(staging, NAME, _manifest(report, config))
    with steps.step("track"):
        return record(report, config.tracking, config.output, watch_run)


def only(found: Sequence[PastScores], of: dt.date) -> tuple[PastScores, ...]:
    """The scores of one cutoff.

    Raises
    ------
    ConfigError
        If they were never written.
    """
    if these := tuple(one for one in found if one.cutoff_day == day_number(of)):
        return these
    first, last = (date_of(one.cutoff_day) for one in (found[0], found[-1]))
    raise ConfigError(
        f"there are no scores of {of}; found {len(found):,} cutoffs from {first} to {last}.",
        hint=f"name one of them, or run `ltvml score --set window.cutoff={of}` with the bundle of that time.",
    )


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


def rows_of(watched: Watched, one: PastScores) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """Scores of the sampled customers, their wait, and their later purchases.

    Raises
    ------
    DataContractError
        If hardly a customer is in the orders: they are of another shop.
    """
    rows = one.rows()
    known = rows["customer_id"].isin(watched.record.names)
    alike = min(one.customers, len(watched.record.names))
    if int(known.sum()) < alike / 2:
        raise DataContractError(
            f"{one.folder}: {int(known.sum()):,} of {one.customers:,} customers are in the orders; expected the scores "
            "of this shop.",
            hint="set output.dir to the folder of this shop.",
        )
    kept = rows[known].reset_index(drop=True)
    return (kept, *watched.record.after(kept["customer_id"], one.cutoff_day))


def spaced(found: Sequence[PastScores], days: int) -> list[PastScores]:
    """The first, and then each that is at least some days after the one before."""
    kept: list[PastScores] = []
    for one in found:
        if not kept or one.cutoff_day >= kept[-1].cutoff_day + days:
            kept.append(one)
    return kept


def level_of(watched: Watched, found: Sequence[PastScores]) -> tuple[LevelWatch, pd.DataFrame]:
    """Buyers over expected since the bundle serves, in windows that do not overlap.

    Returns
    -------
    LevelWatch
    frame
        Rows of `contracts.WATCHED_LEVELS`.
    """
    served = [one for one in found if one.version == watched.bundle.version]
    days = window_length(watched, served)
    chain = [one for one in spaced(served, days) if one.cutoff_day + days <= watched.today]
    usual = watched.usual
    counted = []
    for one in chain:
        rows, wait, _ = rows_of(watched, one)
        came = Buyers.of(wait <= days, rows[f"p_buy_{days}"].to_numpy(dtype=float))
        counted.append(came.usually(usual.ratio(one.cutoff_day, days)))
    actual, expected, variance = (
        np.array([getattr(one, name) for one in counted], dtype=float) for name in ("actual", "expected", "variance")
    )
    level = watch_level(actual, expected, variance, days=days, spread=watched.spread, noise=watched.noise)
    starts = np.array([one.cutoff_day for one in chain], dtype=float)
    table = level.table.assign(cutoff=dates_of(starts), until=dates_of(starts + days), days=days)
    return level, table.assign(threshold=level.threshold)[list(WATCHED_LEVELS.names)]


def window_length(watched: Watched, served: Sequence[PastScores]) -> int:
    """Days of a window: as the scores are apart, and with buyers enough to be counted."""
    if not served:
        return WEEK
    windows = [days for days in served[0].windows if all(days in one.windows for one in served)]
    apart = float(np.median(np.diff([one.cutoff_day for one in served]))) if len(served) > 1 else 1.0
    first = max((days for days in windows if days <= apart), default=windows[0])
    rows, *_ = rows_of(watched, served[0])
    for days in (days for days in windows if days >= first):
        if float(rows[f"p_buy_{days}"].sum()) >= FEWEST_BUYERS:
            return days
    return windows[-1]


def changed_on(level: LevelWatch, levels: pd.DataFrame) -> dt.date | None:
    """First day of the change of the level, where there is one."""
    if level.changed_at is None:
        return None
    return date_of(int(days_of(levels["cutoff"].to_numpy())[level.changed_at]) + 1)


def judged_table(watched: Watched, found: Sequence[PastScores]) -> pd.DataFrame:
    """Rows of `contracts.WATCHED_SCORES`: the newest cutoffs, a week apart, with the measures of what has come."""
    ended = [one for one in found if one.cutoff_day + one.horizon <= watched.today]
    running = [one for one in found if one.cutoff_day + one.horizon > watched.today]
    newest = [*_newest(ended, MOST_JUDGED), *_newest(running, MOST_OPEN)]
    rows = [judge(watched, one) for one in newest if one.cutoff_day + one.windows[0] <= watched.today]
    return pd.DataFrame([row for row in rows if row], columns=list(WATCHED_SCORES.names))


def _newest(found: Sequence[PastScores], most: int) -> list[PastScores]:
    """The newest, a week apart, the oldest of them first."""
    return spaced(found, WEEK)[-most:]


def judge(watched: Watched, one: PastScores) -> dict[str, Any]:
    """A row of `contracts.WATCHED_SCORES`: at the churn horizon, or at the longest window that has ended."""
    rows, wait, later = rows_of(watched, one)
    elapsed = watched.today - one.cutoff_day
    days = max(window for window in one.windows if window <= elapsed)
    chance, bought = rows[f"p_buy_{days}"].to_numpy(dtype=float), (wait <= days).astype(float)
    buyers = Buyers.of(bought, chance)
    found: dict[str, Any] = {
        "cutoff": dates_of([one.cutoff_day])[0],
        "model_version": one.version,
        "days": days,
        "ended": days == one.horizon,
        "customers": len(rows),
        "buyers": buyers.actual,
        "expected_buyers": buyers.expected,
        "expected_sd": float(np.sqrt(buyers.variance)),
        "level": buyers.actual / buyers.expected if buyers.expected > 0 else np.nan,
        **measures_of("repurchase", bought, chance),
    }
    if days == one.horizon:
        found |= _promised_of_churn(watched, one, bought, chance)
        low, high = (
            days_of(rows[name].to_numpy()) - one.cutoff_day for name in ("next_purchase_lo", "next_purchase_hi")
        )
        found["date_coverage"], found["date_returns"] = date_coverage(wait, low, high, horizon=days)
    if one.cutoff_day + one.ltv_horizon <= watched.today:
        found |= _value(watched, one, rows, later)
    return found


def _promised_of_churn(watched: Watched, one: PastScores, bought: Any, chance: Any) -> dict[str, Any]:
    """What the bundle promised, if it is the one that scored."""
    if one.version != watched.bundle.version or not 0 < bought.sum() < len(bought):
        return {}
    given = watched.of_churn
    against = watched.loss(one, bought, chance)
    return {
        "log_loss_promised": promised("repurchase", "log_loss", given),
        "excess_loss_promised": against.promised,
        "worse": against.worse,
        "ece_promised": promised("repurchase", "ece", given),
    }


def _value(watched: Watched, one: PastScores, rows: pd.DataFrame, later: pd.DataFrame) -> dict[str, Any]:
    """Measures of the value, of scores whose LTV horizon has ended."""
    came = discounted(
        later, customers=len(rows), horizon=one.ltv_horizon, annual_rate=watched.annual_rate, margin=one.margin
    )
    predicted = rows["predicted_ltv"].to_numpy(dtype=float)
    known = np.isfinite(predicted)
    low, high = (rows[f"predicted_ltv_{end}"].to_numpy(dtype=float) for end in ("lo", "hi"))
    same = one.version == watched.bundle.version
    return {
        "value": float(came[known].sum()),
        "expected_value": float(predicted[known].sum()),
        **measures_of("value", came[known], predicted[known]),
        **({"gini_promised": promised("value", "gini", watched.promises)} if same else {}),
        **({"decile_mape_promised": promised("value", "decile_mape", watched.promises)} if same else {}),
        "value_coverage": inside_interval(came, low, high),
    }


def last_loss(watched: Watched, found: Sequence[PastScores]) -> tuple[dt.date, AgainstPromise] | None:
    """The loss of the last scores of this bundle whose horizon has ended, of those whose horizons do not overlap."""
    served = [one for one in found if one.version == watched.bundle.version]
    apart = spaced(served, served[0].horizon) if served else []
    ended = [one for one in apart if one.cutoff_day + one.horizon <= watched.today]
    if not ended:
        return None
    rows, wait, _ = rows_of(watched, ended[-1])
    bought = (wait <= ended[-1].horizon).astype(float)
    if not 0 < bought.sum() < len(bought):
        return None
    chance = rows[f"p_buy_{ended[-1].horizon}"].to_numpy(dtype=float)
    return date_of(ended[-1].cutoff_day), watched.loss(ended[-1], bought, chance)


def drifts_of(watched: Watched, intake: Intake) -> tuple[tuple[Drift, ...], Periods | None]:
    """Drift of the data at the last look, and the periods compared; none before the first look."""
    fitted = watched.bundle.fitted_window
    periods = Periods.of(watched.record, fitted=fitted.cutoff_day, today=watched.today, days=fitted.churn_horizon)
    if periods is None:
        return (), None
    found = purchase_drifts(watched.record, periods, fitted=fitted.cutoff_day)
    return judged([*found, *missing_drifts(intake, periods)]), periods


MAY_BE_MISSING = ("product_id", "category", "quantity", "channel", "country")


def missing_drifts(intake: Intake, periods: Periods) -> list[Drift]:
    """Share of the customers of a period with a line that lacks a column, for each column that the orders have."""
    there = set(intake.lines.collect_schema().names())
    found = []
    for name in (name for name in MAY_BE_MISSING if name in there):
        counts = []
        for last in (periods.before, periods.now):
            inside = intake.lines.filter(nw.col("day") > last - periods.days, nw.col("day") <= last)
            lacks = nw.col(name).is_null().cast(nw.Int64).max().alias("lacks")
            by_customer = inside.group_by("customer_id").agg(lacks)
            total = by_customer.select(
                nw.col("lacks").sum().cast(nw.Int64).alias("lacking"), nw.len().cast(nw.Int64).alias("customers")
            )
            row = intake.engine.collect(total).iloc[0]
            counts.append((0 if pd.isna(row["lacking"]) else int(row["lacking"]), int(row["customers"])))
        found.append(drift_of_share(f"share_missing_{name}", *counts))
    return found


def drift_table(drifts: Sequence[Drift], periods: Periods | None) -> pd.DataFrame:
    """Rows of `contracts.WATCHED_DRIFT`."""
    if periods is None:
        return pd.DataFrame(columns=list(WATCHED_DRIFT.names))
    ends = {"before": periods.before, "now": periods.now}
    days = {f"{name}_from": dates_of([end - periods.days + 1])[0] for name, end in ends.items()}
    days |= {f"{name}_to": dates_of([end])[0] for name, end in ends.items()}
    return pd.DataFrame([days | vars(one) for one in drifts], columns=list(WATCHED_DRIFT.names))


def notes_of(
    watched: Watched, found: Sequence[PastScores], level: LevelWatch, periods: Periods | None
) -> tuple[Sentence, ...]:
    """What is not known yet, and what was left out."""
    notes = []
    version = watched.bundle.version
    served = [one for one in found if one.version == version]
    others = len(found) - len(served)
    if others:
        notes.append(Sentence.of("watch.other_bundles", cutoffs=others, version=version))
    if not served:
        notes.append(Sentence.of("watch.no_own_scores", version=version))
    elif served[0].cutoff_day + served[0].horizon > watched.today:
        first = date_of(served[0].cutoff_day + served[0].horizon)
        notes.append(
            Sentence.of("watch.first_judged", cutoff=date_of(served[0].cutoff_day).isoformat(), day=str(first))
        )
    if not watched.of_churn:
        notes.append(Sentence.of("watch.no_promise", spread=Share(level.spread, 1)))
    if np.isfinite(level.windows_to_see):
        days = int(np.ceil(level.windows_to_see)) * level.days
        notes.append(Sentence.of("watch.power", days=days))
    elif len(level.table):
        notes.append(Sentence.of("watch.no_power", spread=Share(level.spread, 1)))
    if periods is None:
        first_look = date_of(watched.bundle.fitted_window.cutoff_day + LOOK)
        notes.append(Sentence.of("watch.first_look", day=str(first_look)))
    return tuple(notes)


def _manifest(report: WatchReport, config: Config) -> dict[str, Any]:
    return {
        "model_version": report.bundle.version,
        "cutoff": report.intake.window.cutoff.isoformat(),
        "state": report.state,
        "config": config.to_dict(),
        "fingerprint": report.intake.fingerprint,
        "ledger": report.intake.ledger.to_dict(),
        "versions": versions(),
    }

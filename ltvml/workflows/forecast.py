"""Forecast: purchases and revenue by week or month, of the customers of today and of those still to come."""

from __future__ import annotations

import calendar
import datetime as dt
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ltvml.backtesting.backtest import spend_named
from ltvml.backtesting.forecast import (
    GROUPS,
    MEASURES,
    MOST_COHORTS,
    QUARTER,
    Takings,
    Worth,
    borders_of,
    judged_days,
    new_customers,
    past_forecast,
    past_origins,
    summed,
)
from ltvml.backtesting.history import History
from ltvml.contracts import FORECAST, Column, Table
from ltvml.engines.frames import to_contract
from ltvml.errors import ConfigError, EngineError
from ltvml.evaluation.forecast_errors import HIGH, PRIOR_WINDOWS, Checked, ForecastErrors, check_forecasts
from ltvml.inputs.orders import read_orders
from ltvml.inputs.without_effect import far_horizons
from ltvml.models.season.season import expected_repeats
from ltvml.outputs.customers import TableFiles
from ltvml.plots.figures import save
from ltvml.plots.forecast import forecast_plot
from ltvml.progress import Progress, Steps
from ltvml.reports.forecast import ForecastReport, Newcomer
from ltvml.reports.recording import record, versions
from ltvml.run_directory import alone_on, run_directory, write_manifest
from ltvml.tracking.items import forecast_run
from ltvml.value import discounted_purchases, period_ends
from ltvml.window import DAYS_PER_MONTH, LONGEST_HORIZON, WEEK, as_date, daily_discount_rate, date_of, dates_of
from ltvml.words.spoken import Spoken
from ltvml.workflows.score import as_fitted, bundle_of, rows_to_score

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from ltvml.arrays import Array, Ints
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.evaluation.forecast_errors import PastForecast
    from ltvml.inputs.orders import Intake

By = Literal["week", "month"]
PERIODS: dict[By, int] = {"week": 13, "month": 12}
MOST_PERIODS = 260
COHORT_SPREAD = 0.2
"""Prior standard deviation of the logarithm of what cohorts of a quarter buy, over what is expected of them."""
FEWEST_REPEATS = 20
PLOT = "plots/forecast.png"
NAME = "forecast"


def forecast(
    config: Config,
    *,
    by: By = "week",
    periods: int | None = None,
    until: dt.date | str | None = None,
    model: str | Path | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> ForecastReport:
    """Expect purchases and revenue by period. The models are those of a fit; nothing of them is fitted again.

    Parameters
    ----------
    config : Config
    by : {"week", "month"}
        Weeks are seven days from the day after the cutoff; months are those of the calendar, the first from that day.
    periods : int, optional
        13 weeks or 12 months by default.
    until : date, optional
        Last day of the forecast, in place of `periods`; the period that holds it ends there.
    model : str, Path or Bundle, optional
        As in `score`; the promoted model of `output.dir` by default.
    out : Path, optional
        Folder of the forecast; `<output.dir>/forecast/<cutoff>` by default.
    transactions : frame, optional
    progress : callable, optional

    Returns
    -------
    ForecastReport

    Raises
    ------
    ConfigError
        If the periods cannot be made.
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    ends = period_days(config.cutoff, by=by, periods=periods, until=until)
    results = Path(config.output.dir)
    folder = Path(out) if out is not None else results / NAME / config.cutoff.isoformat()
    with alone_on(folder, command="ltvml forecast", wait=config.output.wait, under=results):
        return _forecast(config, bundle_of(config, model), ends, by, folder, transactions, Steps(progress))


def _forecast(
    config: Config, bundle: Bundle, ends: Ints, by: By, folder: Path, transactions: Any, steps: Steps
) -> ForecastReport:
    config, bundle = as_fitted(config, bundle)
    intake = read_orders(config.orders, config.window, transactions, steps).near()
    with steps.step("check"):
        past, takings, judged = past_forecasts(config, bundle, intake, ends)
        days = int(judged[-1])
    with steps.step("forecast"):
        today = customers_of_today(intake, bundle, ends, decimals=config.value.decimals)
        table = forecast_table(today, takings, bundle, past, ends, days)
        newcomer = newcomer_value(takings, bundle)
    words = Spoken.of(config.outreach.language, bundle.money.currency)
    checked = {
        measure: check_forecasts(past["all", measure], days=days, ends=judged.astype(float)) for measure in MEASURES
    }
    totals = totals_of(table, takings, past, ends, days)
    report = ForecastReport(
        folder.absolute(),
        bundle,
        intake,
        table,
        newcomer,
        checked,
        totals,
        notes=(*notes_of(takings, checked, intake, int(ends[-1]), words), *outside_notes(totals, words)),
        seconds=steps.seconds,
        by=by,
        language=config.outreach.language,
    )
    with steps.step("write"), run_directory(folder, kind=NAME) as staging:
        with TableFiles(staging, FORECAST, NAME, config.output.formats) as files:
            files.write(to_contract(table, FORECAST))
        history = takings.between("value", slice(None), takings.first_day - 1, takings.cutoff_day)
        currency, language = bundle.money.currency, config.report.language
        drawn = forecast_plot(table, history, cutoff_day=takings.cutoff_day, currency=currency, language=language)
        save(drawn, staging / PLOT)
        write_manifest(staging, NAME, _manifest(report, config))
    with steps.step("track"):
        return record(report, config.tracking, config.output, forecast_run)


def period_days(cutoff: dt.date, *, by: By, periods: int | None, until: dt.date | str | None) -> Ints:
    """Days from the cutoff to the end of each period, (m,).

    Raises
    ------
    ConfigError
        If both a number and a last day are given, or they make no period, or too many.
    """
    if by not in PERIODS:
        raise ConfigError(f"by is {by!r}; expected week or month.")
    if periods is not None and until is not None:
        raise ConfigError("periods and until are both given; expected one of them.")
    if periods is not None and not 1 <= periods <= MOST_PERIODS:
        raise ConfigError(f"periods is {periods:,}; expected 1 to {MOST_PERIODS}.")
    last = None if until is None else (as_date(until) - cutoff).days
    if last is not None and not 1 <= last <= LONGEST_HORIZON:
        raise ConfigError(
            f"until is {until}; expected a day after the cutoff {cutoff}, at most {LONGEST_HORIZON:,} days after it."
        )
    number = periods or (MOST_PERIODS if last is not None else PERIODS[by])
    ends: Ints = WEEK * np.arange(1, number + 1) if by == "week" else month_ends(cutoff, number)
    if last is None:
        return ends
    if last > ends[-1]:
        raise ConfigError(f"until is {until}, more than {MOST_PERIODS} periods away.", hint="by month reaches further.")
    return np.asarray(np.r_[ends[ends < last], last])


def month_ends(cutoff: dt.date, number: int) -> Ints:
    """Days from the cutoff to the ends of calendar months; a cutoff at the end of one begins with the next."""
    first = cutoff + dt.timedelta(days=1)
    months = [divmod(first.month - 1 + ahead, 12) for ahead in range(number)]
    last = [
        dt.date(first.year + years, month + 1, calendar.monthrange(first.year + years, month + 1)[1])
        for years, month in months
    ]
    return np.array([(day - cutoff).days for day in last])


def past_forecasts(
    config: Config, bundle: Bundle, intake: Intake, ends: Ints
) -> tuple[dict[tuple[str, str], list[PastForecast]], Takings, Ints]:
    """What past cutoffs would have forecast, by group and measure; the takings; and the ends of the judged periods."""
    decimals = config.value.decimals
    history = History(
        intake,
        decimals,
        with_season=bundle.record.season.source != "off",
        purchase=config.models.purchase.name,
        purchase_params=dict(config.models.purchase.params),
        spend=spend_named(config),
        spend_params=dict(config.models.spend.params),
    )
    first, cutoff = history.first_day, history.cutoff_day
    days = judged_days(cutoff - first, int(ends[-1]))
    inside = ends[ends <= days]
    by_period = inside if len(inside) else np.array([max(days, 1)])
    origins = past_origins(cutoff, first, int(by_period[-1]) if days else 0)
    takings = Takings.of(intake, borders_of(origins, cutoff, first), decimals=decimals)
    found = [past_forecast(history, takings, origin, by_period) for origin in origins]
    keys = [(group, measure) for group in GROUPS for measure in MEASURES]
    return {key: [one[key] for one in found] for key in keys}, takings, by_period


def customers_of_today(intake: Intake, bundle: Bundle, ends: Ints, *, decimals: int) -> dict[str, Array]:
    """Purchases and revenue of all customers seen, up to each end: summed batch by batch."""
    names = {measure: [f"{measure}_{end}" for end in ends.tolist()] for measure in MEASURES}
    columns = [Column(name, "float64", "") for measure in MEASURES for name in names[measure]]
    schema = Table("futures", (Column("customer_id", "string", "customer"), *columns))
    sums = {measure: np.zeros(len(ends)) for measure in MEASURES}
    rows = rows_to_score(intake, bundle, decimals=decimals)
    expected, seen = intake.customers, 0

    def sink(batch: pa.Table) -> None:
        nonlocal seen
        seen += batch.num_rows
        frame = batch.to_pandas()
        for measure in MEASURES:
            sums[measure] += np.nansum(frame[names[measure]].to_numpy(dtype=float), axis=0)

    intake.engine.map_batches(rows, functools.partial(bundle.future, ends=ends.tolist()), schema, sink)
    if seen != expected:
        raise EngineError(
            f"{seen:,} of {expected:,} customers were forecast; expected all of them.",
            hint="this is a fault of ltvml or of the engine: please report it.",
        )
    return sums


def forecast_table(
    today: dict[str, Array],
    takings: Takings,
    bundle: Bundle,
    past: dict[tuple[str, str], list[PastForecast]],
    ends: Ints,
    days: int,
) -> pd.DataFrame:
    """Rows of `contracts.FORECAST`: the customers of today, the new ones, and both."""
    purchase: Any = bundle.roles.purchase
    everybody, cutoff = slice(None), takings.cutoff_day
    first = takings.between("first_orders", everybody, takings.first_day - 1, cutoff)
    new = new_customers(first, purchase, Worth.at(takings, cutoff), day=cutoff, ahead=int(ends[-1]))
    arrivals = summed(new.arrivals, ends)
    values = {
        "today": {measure: np.diff(today[measure], prepend=0.0) for measure in MEASURES},
        "new": {"purchases": summed(new.purchases, ends), "revenue": summed(new.revenue, ends)},
    }
    values["all"] = {measure: values["today"][measure] + values["new"][measure] for measure in MEASURES}
    starts = np.r_[0, ends[:-1]] + 1
    # a shop that seems to have stopped may sell nothing at all
    sells = float(not takings.silence().unusual)
    parts = []
    for group in GROUPS:
        part = {
            "group": group,
            "period": np.arange(1, len(ends) + 1),
            "from_date": dates_of(cutoff + starts),
            "to_date": dates_of(cutoff + ends),
            "new_customers": np.full(len(ends), np.nan) if group == "today" else arrivals,
        }
        for measure in MEASURES:
            errors = ForecastErrors.fit(past[group, measure], days=days)
            point = values[group][measure]
            low, high = errors.bounds(np.maximum(point, 0.0), ends=ends.astype(float))
            part |= {measure: point, f"{measure}_lo": low * sells, f"{measure}_hi": high}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def totals_of(
    table: pd.DataFrame, takings: Takings, past: dict[tuple[str, str], list[PastForecast]], ends: Ints, days: int
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Sum over the periods with its interval, by group and measure."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    sells = float(not takings.silence().unusual)
    for group in GROUPS:
        rows, found[group] = table[table["group"] == group], {}
        for measure in MEASURES:
            total = np.array([float(rows[measure].sum())])
            errors = ForecastErrors.fit(past[group, measure], days=days)
            low, high = errors.bounds(np.maximum(total, 0.0), ends=np.array([float(ends[-1])]))
            found[group][measure] = (float(total[0]), float(low[0]) * sells, float(high[0]))
    return found


def newcomer_value(takings: Takings, bundle: Bundle) -> Newcomer:
    """What a customer who joins right after the cutoff is expected to buy in the LTV horizon, the first purchase too.

    The interval is that of the mean of a cohort: cohorts of the last quarters are compared with what was expected of
    them, and s^2 = (k var + 2 x .2^2) / (k + 1) of the logarithms of k cohorts, t with k + 1 degrees of freedom.
    """
    purchase: Any = bundle.roles.purchase
    horizon, cutoff, money = bundle.window.ltv_horizon, takings.cutoff_day, bundle.money
    worth = Worth.at(takings, cutoff)
    rate = daily_discount_rate(money.annual_discount_rate)
    ends = period_ends(horizon, DAYS_PER_MONTH if rate else np.inf)
    newcomer = pd.DataFrame({"cutoff_day": [float(cutoff)], "frequency": [0.0], "recency": [0.0], "T": [0.0]})
    expected = purchase.expected_purchases_at(newcomer, ends)
    repeats, discounted = float(expected[0, -1]), float(discounted_purchases(expected, ends, rate)[0])
    levels = cohort_errors(takings, purchase)
    k = len(levels)
    spread = k * float(np.var(levels)) if k else 0.0
    level = np.sqrt((spread + PRIOR_WINDOWS * COHORT_SPREAD**2) / (k + 1))
    reach = float(np.exp(stdtrit(k + 1, HIGH) * level * np.sqrt(1 + 1 / max(k, 1))))
    first, later = money.margin * worth.first, money.margin * worth.newcomer
    return Newcomer(
        horizon=horizon,
        purchases=1 + repeats,
        purchases_lo=1 + repeats / reach,
        purchases_hi=1 + repeats * reach,
        value=first + later * discounted,
        value_lo=(first + later * discounted / reach) / np.sqrt(reach),
        value_hi=(first + later * discounted * reach) * np.sqrt(reach),
        first_order=worth.first,
        cohorts=k,
    )


def cohort_errors(takings: Takings, purchase: Any) -> Array:
    """Logarithm of repeat purchases over expected ones, for the cohorts of the last quarters that had enough."""
    found = []
    cutoff = takings.cutoff_day
    for back in range(1, MOST_COHORTS):
        until, after = cutoff - QUARTER * back, cutoff - QUARTER * (back + 1)
        if after not in takings.borders or until not in takings.borders:
            continue
        cohort = takings.joined(after, until)
        arrivals = takings.between("first_orders", cohort, after, cutoff)
        made = float((takings.between("orders", cohort, after, cutoff) - arrivals).sum())
        days = after + 1.0 + np.arange(len(arrivals))
        elapsed = purchase.clock.between(np.full(len(days), days[0]), days)
        expected = float(expected_repeats(purchase.model, arrivals, elapsed).sum())
        if min(made, expected) >= FEWEST_REPEATS:
            found.append(np.log(made / expected))
    return np.array(found)


GROWING, LOOKBACK = 3.0, 91


def notes_of(
    takings: Takings, checked: dict[str, Checked], intake: Intake, days: int, words: Spoken
) -> tuple[str, ...]:
    """What a reader must know: a shop that is silent or grows fast, a forecast beyond the orders, nothing checked."""
    daily = takings.between("orders", slice(None), takings.first_day - 1, takings.cutoff_day)
    silence = takings.silence()
    notes = [*far_horizons(intake, [(words("forecast.reach"), days)], words)]
    if silence.unusual:
        last = str(date_of(takings.cutoff_day - silence.days))
        notes.append(words("forecast.silent", days=words.one(words.days, silence.days), last=last))
    recent, before = daily[-LOOKBACK:].sum(), daily[-2 * LOOKBACK : -LOOKBACK].sum()
    if len(daily) >= 2 * LOOKBACK and before > 0 and recent >= GROWING * before:
        notes.append(words("forecast.growing", times=words.one(words.times, recent / before)))
    if not checked["purchases"].cutoffs:
        notes.append(words("forecast.unchecked"))
    elif checked["purchases"].cutoffs == 1:
        notes.append(words("forecast.once"))
    return tuple(notes)


def _manifest(report: ForecastReport, config: Config) -> dict[str, Any]:
    return {
        "model_version": report.bundle.version,
        "config": config.to_dict(),
        "fingerprint": report.intake.fingerprint,
        "ledger": report.intake.ledger.to_dict(),
        "periods": int(report.table["period"].max()),
        "versions": versions(),
    }


def outside_notes(totals: dict[str, dict[str, tuple[float, float, float]]], words: Spoken) -> Iterator[str]:
    """Name each total at the end of its interval: past forecasts were off to one side, and by more than they vary."""
    for group in GROUPS:
        for measure, (total, low, high) in totals[group].items():
            if total > 0 and total in (low, high):
                end = words("forecast.high" if total == high else "forecast.low")
                what = f"{words(f'label.{group}')}, {words(f'forecast.{measure}')}"
                yield words("forecast.outside", what=what, end=end)

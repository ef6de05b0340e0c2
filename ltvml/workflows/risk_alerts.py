"""Whose churn risk rose since the last earlier scores, by silence or by what happened.

Two comparisons with the same models. The first is with the risk as it was scored then. The second is with the risk that
the same orders give today: what was known then and nothing since, so that only the waiting is in it. What is above the
second is news: a return, a complaint, an order unlike the others.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd

from ltvml.contracts import Column, Table
from ltvml.features.behaviour import days_as_of
from ltvml.outputs.earlier_scores import SAME_SHOP, RiskAlerts, earlier_scores
from ltvml.window import day_number
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from ltvml.bundle.bundle import Bundle
    from ltvml.config.sections import AlertSettings
    from ltvml.engines.base import Engine
    from ltvml.inputs.orders import Intake
    from ltvml.outputs.earlier_scores import EarlierScores

RISKS = Table("risks", (Column("customer_id", "string", "customer"), Column("churn_risk", "float64", "as scored")))


def risk_alerts(
    asked: AlertSettings,
    intake: Intake,
    bundle: Bundle,
    folder: Path,
    rows: Callable[[Intake, Bundle], nw.LazyFrame[Any]],
) -> RiskAlerts:
    """Find the earlier scores, and score again what was known then.

    Parameters
    ----------
    asked : AlertSettings
    intake : Intake
    bundle : Bundle
        Asked for the horizons of the scores.
    folder : Path
        Of the new scores.
    rows : callable
        Of the customers to score, of an intake.
    """
    if not asked.compare:
        return RiskAlerts()
    found, why = earlier_scores(folder, version=bundle.version, window=bundle.window.at(intake.window.cutoff))
    if found is None:
        return RiskAlerts(why=why)
    if (share := share_there(found, intake.engine, intake.days)) < SAME_SHOP:
        return RiskAlerts(
            why=f"{found.cutoff}: {percent(share)} of their customers are there with the same first order; expected "
            f"{percent(SAME_SHOP)} or more, those of the same shop"
        )
    before = found.customers.set_index("customer_id")["churn_risk"]
    waited = waited_risks(intake, bundle, found, rows)
    return RiskAlerts(found.cutoff, before, waited, asked.rise, asked.beyond)


def share_there(found: EarlierScores, engine: Engine, days: nw.LazyFrame[Any]) -> float:
    """Share of the earlier customers who are there with the same first order, counted where the customers are.

    Parameters
    ----------
    found : EarlierScores
    engine : Engine
    days : lazy frame
        `customer_id` and `day`, of the orders read now.
    """
    if found.customers.empty:
        return 0.0
    now = days.group_by("customer_id").agg(nw.col("day").min().alias("first_now"))
    both = engine.table(found.first_days()).join(now, on="customer_id", how="inner")
    same = both.filter(nw.col("first_then") == nw.col("first_now")).select(nw.len().cast(nw.Int64).alias("customers"))
    return int(engine.collect(same)["customers"].iloc[0]) / len(found.customers)


def waited_risks(
    intake: Intake, bundle: Bundle, found: EarlierScores, rows: Callable[[Intake, Bundle], nw.LazyFrame[Any]]
) -> pd.Series:
    """Risk today of the orders known at the earlier cutoff, of the customers who have news since, by customer_id."""
    then = day_number(found.cutoff)
    names = intake.lines.collect_schema().names()
    dates = [name for name in ("noted_day", "delivered_day") if name in names]
    is_news = nw.col("day") > then
    for name in dates:
        is_news = is_news | (nw.col(name) > then)
    with_news = intake.lines.filter(is_news).select("customer_id").unique()
    known = intake.lines.filter(nw.col("day") <= then).join(with_news, on="customer_id", how="inner")
    for name in dates:
        known = known.with_columns(nw.when(nw.col(name) <= then).then(nw.col(name)).alias(name))
    known = intake.engine.keep(known)
    days = intake.engine.keep(days_as_of(known, intake.window, has_returns=intake.ledger.has_returns))
    as_then = replace(intake, lines=known, days=days, read=None)
    if not int(intake.engine.collect(days.select(nw.len().cast(nw.Int64).alias("days")))["days"].iloc[0]):
        return pd.Series(dtype="float64")
    parts: list[pd.DataFrame] = []

    def sink(batch: pa.Table) -> None:
        parts.append(batch.to_pandas())

    intake.engine.map_batches(rows(as_then, bundle), functools.partial(_risk, bundle=bundle), RISKS, sink)
    return pd.concat(parts, ignore_index=True).set_index("customer_id")["churn_risk"]


def _risk(summary: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": summary["customer_id"], "churn_risk": bundle.churn_risk(summary)})

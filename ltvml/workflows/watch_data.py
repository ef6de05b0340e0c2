"""Drift of the data: the customers of the last months beside those of the same season inside what the fit has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from ltvml.contracts import WATCHED_DRIFT
from ltvml.evaluation.data_drift import Periods, purchase_drifts
from ltvml.evaluation.stability import drift_of_share, judged
from ltvml.window import dates_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.evaluation.stability import Drift
    from ltvml.inputs.orders import Intake
    from ltvml.workflows.watched import Watched

MAY_BE_MISSING = ("product_id", "category", "quantity", "channel", "country")


def drifts_of(watched: Watched, intake: Intake) -> tuple[tuple[Drift, ...], Periods | None]:
    """Drift of the data at the last look, and the periods compared; none before the first look."""
    fitted = watched.bundle.fitted_window
    periods = Periods.of(watched.record, fitted=fitted.cutoff_day, today=watched.today, days=fitted.churn_horizon)
    if periods is None:
        return (), None
    found = purchase_drifts(watched.record, periods, fitted=fitted.cutoff_day)
    return judged([*found, *missing_drifts(intake, periods)]), periods


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

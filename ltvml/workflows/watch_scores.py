"""Scores of earlier cutoffs beside what came: the measures of each cutoff, and promises that were broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.contracts import WATCHED_SCORES
from ltvml.evaluation.judged_scores import (
    Buyers,
    coverage_against_promise,
    date_coverage,
    gini_against_promise,
    inside_interval,
    promised,
)
from ltvml.evaluation.promise import measures_of
from ltvml.evaluation.purchase_record import discounted
from ltvml.window import WEEK, date_of, dates_of, days_of
from ltvml.workflows.watched import Watched, rows_of, spaced

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.evaluation.judged_scores import AgainstPromise
    from ltvml.outputs.past_scores import PastScores

MOST_JUDGED, MOST_OPEN = 26, 13
"""Cutoffs of the table, a week apart: those whose horizon has ended, and those that are looked at before."""


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
    came = _came(watched, one, rows, later)
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


def promises_of(watched: Watched, found: Sequence[PastScores]) -> list[tuple[dt.date, AgainstPromise]]:
    """The last scores of this bundle whose horizon has ended beside what was promised; horizons do not overlap."""
    pairs: list[tuple[dt.date, AgainstPromise | None]] = []
    if (one := _last(watched, found, "horizon")) is not None:
        pairs += [(date_of(one.cutoff_day), kept) for kept in _of_churn(watched, one)]
    if (one := _last(watched, found, "ltv_horizon")) is not None:
        pairs += [(date_of(one.cutoff_day), kept) for kept in _of_value(watched, one)]
    return [(cutoff, kept) for cutoff, kept in pairs if kept is not None]


def _last(watched: Watched, found: Sequence[PastScores], horizon: str) -> PastScores | None:
    served = [one for one in found if one.version == watched.bundle.version]
    apart = spaced(served, getattr(served[0], horizon)) if served else []
    ended = [one for one in apart if one.cutoff_day + getattr(one, horizon) <= watched.today]
    return ended[-1] if ended else None


def _of_churn(watched: Watched, one: PastScores) -> list[AgainstPromise | None]:
    """Loss, and coverage of the date windows."""
    rows, wait, _ = rows_of(watched, one)
    bought = (wait <= one.horizon).astype(float)
    if not 0 < bought.sum() < len(bought):
        return []
    low, high = (days_of(rows[f"next_purchase_{end}"].to_numpy()) - one.cutoff_day for end in ("lo", "hi"))
    chance = rows[f"p_buy_{one.horizon}"].to_numpy(dtype=float)
    inside = date_coverage(wait, low, high, horizon=one.horizon)
    return [watched.loss(one, bought, chance), coverage_against_promise("dates", *inside)]


def _of_value(watched: Watched, one: PastScores) -> list[AgainstPromise | None]:
    """Gini, and coverage of the intervals."""
    rows, _, later = rows_of(watched, one)
    came, predicted = _came(watched, one, rows, later), rows["predicted_ltv"].to_numpy(dtype=float)
    low, high = (rows[f"predicted_ltv_{end}"].to_numpy(dtype=float) for end in ("lo", "hi"))
    known, bounded = np.isfinite(predicted), int((np.isfinite(low) & np.isfinite(high)).sum())
    return [
        gini_against_promise(came[known], predicted[known], watched.promises),
        coverage_against_promise("values", inside_interval(came, low, high), bounded),
    ]


def _came(watched: Watched, one: PastScores, rows: pd.DataFrame, later: pd.DataFrame) -> Array:
    """Discounted value that came within the LTV horizon, (n,)."""
    return discounted(
        later, customers=len(rows), horizon=one.ltv_horizon, annual_rate=watched.annual_rate, margin=one.margin
    )

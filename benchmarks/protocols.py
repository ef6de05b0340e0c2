"""Do the scores hold? Fit and score real shops cut at a cutoff, and compare with what came after.

    python -m benchmarks.protocols ../shared/data E2 E5

Five protocols on three shops: normalised Gini, decile error and bias of `predicted_ltv`; AUC, log-loss and calibration
error of `churn_risk`; how many customers and decile totals lie within the 80 % intervals; and how far the date of the
next purchase was off among those who came back, beside the textbook BG/NBD and one constant day for everybody. Nothing
after the cutoff is handed to ltvml. The data are not part of the package.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import ltvml
from ltvml.errors import LtvmlWarning
from ltvml.evaluation import metrics


@dataclass(frozen=True)
class Protocol:
    """A shop, a cutoff and a horizon in days."""

    folder: str
    cutoff: str
    horizon: int


PROTOCOLS = {
    "E1": Protocol("cdnow", "1997-09-30", 273),
    "E2": Protocol("cdnow", "1998-03-31", 91),
    "E3": Protocol("online_retail_2", "2011-09-10", 90),
    "E4": Protocol("online_retail_2", "2010-12-09", 365),
    "E5": Protocol("complete_journey", "2017-12-03", 28),
}
SET_ASIDE = ["dup_sheet_overlap", "is_cancellation", "is_adjustment", "is_non_product"]
COLUMNS = ["customer_id", "order_id", "order_date", "product_id", "category", "quantity", "amount"]


def orders_of(data: Path, protocol: Protocol) -> pd.DataFrame:
    """Lines of a shop, cleaned as the protocols say."""
    lines = pd.read_parquet(data / protocol.folder / "transactions.parquet")
    lines = lines[lines["customer_id"].notna()]
    if "sheet" in lines:
        lines = lines[~lines[SET_ASIDE].any(axis=1) & (lines["quantity"] > 0) & (lines["unit_price"] > 0)]
    lines = lines[lines["amount"] > 0] if protocol.folder != "cdnow" else lines
    return lines[[name for name in COLUMNS if name in lines]]


def run(data: Path, protocol: Protocol) -> dict[str, float]:
    """All figures of one protocol."""
    orders, cutoff = orders_of(data, protocol), pd.Timestamp(protocol.cutoff)
    day = orders["order_date"].dt.normalize()
    past = orders[day <= cutoff]
    future = orders[(day > cutoff) & (day <= cutoff + pd.Timedelta(days=protocol.horizon))]
    with tempfile.TemporaryDirectory() as folder:
        config = ltvml.Config.model_validate(
            {
                "window": {
                    "cutoff": protocol.cutoff,
                    "churn_horizon": protocol.horizon,
                    "ltv_horizon": protocol.horizon,
                },
                "value": {"annual_discount_rate": 0.0},
                "tracking": {"backend": "none"},
                "output": {"dir": folder},
            }
        )
        start = time.perf_counter()
        fitted = ltvml.fit(config, transactions=past)
        seconds = time.perf_counter() - start
        scores = pd.read_parquet(ltvml.score(config, transactions=past).folder / "customers.parquet")
    spend = future.groupby("customer_id")["amount"].sum().reindex(scores["customer_id"]).fillna(0.0).to_numpy()
    wait = ((future.groupby("customer_id")["order_date"].min().dt.normalize() - cutoff).dt.days).reindex(
        scores["customer_id"]
    )
    print(*(f"  {words}" for words in fitted.bundle.record.words), sep="\n")
    return {
        "fit_s": seconds,
        **value_figures(fitted.bundle, scores, spend),
        **churn_figures(scores, (spend > 0).astype(float)),
        **date_figures(past, scores, wait.to_numpy(dtype=float), protocol),
    }


def value_figures(bundle: ltvml.Bundle, scores: pd.DataFrame, spend: np.ndarray) -> dict[str, float]:
    """Ranking, level and intervals of `predicted_ltv`."""
    predicted, intervals = scores["predicted_ltv"].to_numpy(), bundle.record.intervals
    found = {
        "gini": metrics.normalised_gini(spend, predicted),
        "decile_mape": metrics.decile_mape(spend, predicted),
        "bias": metrics.relative_bias(spend, predicted),
    }
    if intervals is None:
        return found
    return found | {
        "inside_80": float(intervals.inside(predicted, spend).mean()),
        "deciles_inside": float(intervals.deciles_inside(predicted, spend).mean()),
    }


def churn_figures(scores: pd.DataFrame, bought: np.ndarray) -> dict[str, float]:
    """Ranking and calibration of `churn_risk`."""
    p = np.clip(1 - scores["churn_risk"].to_numpy(), 1e-6, 1 - 1e-6)
    return {
        "auc": metrics.auc(bought, p),
        "log_loss": metrics.log_loss(bought, p),
        "ece": metrics.expected_calibration_error(bought, p),
    }


def date_figures(past: pd.DataFrame, scores: pd.DataFrame, wait: np.ndarray, protocol: Protocol) -> dict[str, float]:
    """Days that the date was off, and the share inside its window, among those who came back within the horizon."""
    back, cutoff = np.isfinite(wait), pd.Timestamp(protocol.cutoff)
    given, low, high = (
        (pd.to_datetime(scores[name]) - cutoff).dt.days.to_numpy(dtype=float)
        for name in ("next_purchase_date", "next_purchase_lo", "next_purchase_hi")
    )
    summary = ltvml.customer_summary(past, protocol.cutoff).set_index("customer_id").loc[scores["customer_id"]]
    textbook = np.ceil(ltvml.BGNBD().fit(summary).next_purchase(summary, [0.5], protocol.horizon)[:, 0])
    earlier = returns_before(past, cutoff, protocol.horizon)
    return {
        "date_mae": float(np.abs(given - wait)[back].mean()),
        "date_mae_bg_nbd": float(np.abs(textbook - wait)[back].mean()),
        "date_mae_constant": float(np.abs(np.median(earlier) - wait)[back].mean()),
        "date_inside_80": float(((wait >= low) & (wait <= high))[back].mean()),
    }


def returns_before(past: pd.DataFrame, cutoff: pd.Timestamp, horizon: int) -> np.ndarray:
    """Waits of those who came back in the last window of this length that closed before the cutoff."""
    day, origin = past["order_date"].dt.normalize(), cutoff - pd.Timedelta(days=horizon)
    known = set(past.loc[day <= origin, "customer_id"])
    later = past[(day > origin) & past["customer_id"].isin(known)]
    waits = (later.groupby("customer_id")["order_date"].min().dt.normalize() - origin).dt.days
    return waits.to_numpy(dtype=float) if len(waits) else np.array([horizon / 2])


def main() -> None:
    """Run the protocols that are named, or all."""
    data, *names = sys.argv[1:]
    # what a shop's data are like is not the question here
    warnings.simplefilter("ignore", LtvmlWarning)
    for name in names or PROTOCOLS:
        figures = run(Path(data), PROTOCOLS[name])
        print(name, " ".join(f"{key}={value:.4g}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()

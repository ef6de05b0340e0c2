"""Figures of one case: what serves beside every single candidate, in the window after the cutoff."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import ltvml
from ltvml.backtesting.backtest import history_of
from ltvml.backtesting.roles import candidates_at_cutoff
from ltvml.evaluation import influence, metrics
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from past_cutoffs.cases import Case

SERVES = "serves"
CHURN_SINGLE = ("bg_nbd", "closed_form", "mbg_nbd", "recency", "logistic", "lightgbm_binary", "mix")
VALUE_SINGLE = (
    "closed_form",
    "closed_form_all_orders",
    "past_spend",
    "lightgbm_tweedie",
    "lightgbm_two_stage",
    "mix",
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What every candidate said of the customers at the cutoff, and what they did.

    Parameters
    ----------
    bought, spend : (n,) array
    churn, value : dict of str to (n,) array
        Probability of a purchase and expected value, by candidate and `serves`.
    bundle : Bundle
    seconds : float
        Processor seconds of the fit.
    """

    bought: np.ndarray
    spend: np.ndarray
    churn: Mapping[str, np.ndarray]
    value: Mapping[str, np.ndarray]
    bundle: Bundle
    seconds: float


def config_of(case: Case, folder: str) -> Config:
    """The default configuration, replenishment off."""
    return ltvml.Config.model_validate(
        {
            "window": {"cutoff": case.cutoff, "churn_horizon": case.horizon, "ltv_horizon": case.horizon},
            "value": {"annual_discount_rate": 0.0},
            "replenishment": {"item": "off"},
            "tracking": {"backend": "none"},
            "output": {"dir": folder},
        }
    )


def outcome_of(case: Case, orders: pd.DataFrame) -> Outcome:
    """Fit on the orders up to the cutoff, and look at those after it."""
    cutoff, day = pd.Timestamp(case.cutoff), orders["order_date"].dt.normalize()
    past = orders[day <= cutoff]
    future = orders[(day > cutoff) & (day <= cutoff + pd.Timedelta(days=case.horizon))]
    with tempfile.TemporaryDirectory() as folder:
        config = config_of(case, folder)
        started = time.process_time()
        bundle = ltvml.fit(config, transactions=past).bundle
        seconds = time.process_time() - started
        intake = read_orders(config.orders, config.window, past, Steps(None))
        history = history_of(config, intake)
        customers = history.customers(history.cutoff_day)
        candidates = candidates_at_cutoff(config, history, case.horizon)
        churn = {
            name: 1 - train().churn_risk(customers, case.horizon)
            for name, train in candidates.repurchase().items()
            if name in CHURN_SINGLE
        }
        value = {
            name: train().expected_value(customers, case.horizon)
            for name, train in candidates.value().items()
            if name in VALUE_SINGLE
        }
    scores = bundle.score(customers)
    spend = future.groupby("customer_id")["amount"].sum().reindex(scores["customer_id"]).fillna(0.0).to_numpy()
    bought = scores["customer_id"].isin(future["customer_id"]).to_numpy(dtype=float)
    churn[SERVES] = 1 - scores["churn_risk"].to_numpy(dtype=float)
    value[SERVES] = scores["predicted_ltv"].to_numpy(dtype=float)
    return Outcome(bought, spend, churn, value, bundle, seconds)


def figures(case: Case, found: Outcome) -> dict[str, float | str]:
    """One row: `<measure>:<candidate>`, and `<measure>_error:<candidate>` of the paired difference from what serves."""
    chosen = {selection.role: selection.champion for selection in found.bundle.record.selections}
    row: dict[str, float | str] = {
        "case": case.name,
        "shop": case.shop,
        "customers": len(found.bought),
        "rate": float(found.bought.mean()),
        "seconds": found.seconds,
        "churn_champion": chosen.get("repurchase", ""),
        "value_champion": chosen.get("value", ""),
    }
    for name, p in found.churn.items():
        row |= {
            f"log_loss:{name}": metrics.log_loss(found.bought, p),
            f"ece:{name}": metrics.expected_calibration_error(found.bought, p),
            f"level:{name}": float(p.mean() - found.bought.mean()),
            f"log_loss_error:{name}": _error(influence.log_loss, found.bought, found.churn[SERVES], p),
        }
    for name, v in found.value.items():
        row |= {
            f"gini:{name}": metrics.normalised_gini(found.spend, v),
            f"decile_mape:{name}": metrics.decile_mape(found.spend, v),
            f"bias:{name}": metrics.relative_bias(found.spend, v),
            f"gini_error:{name}": _error(influence.normalised_gini, found.spend, found.value[SERVES], v),
        }
    return row | coverage_of(found)


def coverage_of(found: Outcome) -> dict[str, float]:
    """Shares inside the 80 % intervals: of customers, of the totals of tenths, and whether the total of all is."""
    intervals, value = found.bundle.record.intervals, found.value[SERVES]
    if intervals is None:
        return {}
    low, high = intervals.total_bounds(value)
    return {
        "inside": float(intervals.inside(value, found.spend).mean()),
        "tenths_inside": float(intervals.deciles_inside(value, found.spend).mean()),
        "total_inside": float(low <= found.spend.sum() <= high),
    }


def _error(measure: object, actual: np.ndarray, served: np.ndarray, other: np.ndarray) -> float:
    gap = influence.difference(measure(actual, served), measure(actual, other))  # type: ignore[operator]
    return float(np.sqrt(np.sum(gap.influence**2)))

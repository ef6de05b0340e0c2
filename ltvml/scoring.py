"""From fitted models and one summary row a customer to the customer table: functions of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.contracts import CUSTOMER_SCORES
from ltvml.value import value_if_buys
from ltvml.window import dates_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.models.base import PurchaseModel, RepurchaseModel, SpendModel, ValueModel
    from ltvml.rfm import RFM
    from ltvml.window import Window

    Array = NDArray[np.float64]

CHURN_BANDS = ((1 / 3, "low"), (2 / 3, "medium"), (np.inf, "high"))
DATE_QUANTILES = {"next_purchase_date": 0.5, "next_purchase_lo": 0.1, "next_purchase_hi": 0.9}


@dataclass(frozen=True)
class Roles:
    """The fitted model of each role."""

    purchase: PurchaseModel
    repurchase: RepurchaseModel
    spend: SpendModel
    value: ValueModel


def customer_scores(X: pd.DataFrame, roles: Roles, window: Window, *, margin: float, rfm: RFM, version: str) -> pd.DataFrame:
    """The customer table of `contracts.CUSTOMER_SCORES`.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`, days and currency units.
    roles : Roles
    window : Window
        Gives the horizons; the cutoff of each row is its own `cutoff_day`.
    margin : float
        Share of the net value that is kept.
    rfm : RFM
    version : str
        Content hash of the bundle.

    Returns
    -------
    (n, ...) frame
        Same order of rows as `X`.
    """
    columns = {
        **history(X),
        **purchases(X, roles, window),
        **money(X, roles, window, margin),
        **repurchase(X, roles.repurchase, window),
    }
    columns["total_value"] = columns["historic_value"] * margin + columns["predicted_ltv"]
    columns["rfm_segment"] = rfm.segments(
        days_since_last=columns["days_since_last"], n_orders=columns["n_orders"], historic_value=columns["historic_value"]
    )
    columns["data_status"] = data_status(X, withheld_by(roles))
    columns["model_version"] = np.full(len(X), version)
    scores = pd.DataFrame({name: columns[name] for name in CUSTOMER_SCORES.names})
    return without(scores, withheld_by(roles))


def history(X: pd.DataFrame) -> dict[str, NDArray]:
    """What is known of the past, from the summary alone."""
    cutoff, age, recency = (X[name].to_numpy(dtype="int64") for name in ("cutoff_day", "T", "recency"))
    frequency = X["frequency"].to_numpy(dtype="int64")
    first = cutoff - age
    return {
        "customer_id": X["customer_id"].to_numpy(),
        "cutoff": dates_of(cutoff),
        "n_orders": frequency + 1,
        "first_order_date": dates_of(first),
        "last_order_date": dates_of(first + recency),
        "days_since_last": age - recency,
        "mean_gap_days": np.divide(recency, frequency, out=np.full(len(X), np.nan), where=frequency > 0),
        "historic_value": X["historic_value"].to_numpy(dtype=float),
    }


def purchases(X: pd.DataFrame, roles: Roles, window: Window) -> dict[str, NDArray]:
    """Purchases and their worth in the LTV horizon."""
    return {
        "p_alive": roles.purchase.probability_alive(X),
        "expected_purchases": roles.purchase.expected_purchases(X, window.ltv_horizon),
        "expected_order_value": roles.spend.expected_spend(X),
    }


def money(X: pd.DataFrame, roles: Roles, window: Window, margin: float) -> dict[str, NDArray]:
    """Predicted value, and the part of it that goes if the customer does."""
    predicted = margin * roles.value.expected_value(X, window.ltv_horizon)
    silent = margin * roles.value.expected_value_if_silent(X, window.ltv_horizon, silence=window.churn_horizon)
    churn_risk = roles.repurchase.churn_risk(X, window.churn_horizon)
    return {
        "predicted_ltv": predicted,
        "value_at_risk": churn_risk * value_if_buys(predicted, silent, churn_risk),
    }


def repurchase(X: pd.DataFrame, model: RepurchaseModel, window: Window) -> dict[str, NDArray]:
    """Churn risk and the dates: readings of one survival curve."""
    churn_risk = model.churn_risk(X, window.churn_horizon)
    days = model.next_purchase(X, tuple(DATE_QUANTILES.values()), window.churn_horizon)
    # a purchase t days after the end of the cutoff falls on day ceil(t), and never on the cutoff itself
    ahead = np.clip(np.ceil(days), 1, window.churn_horizon)
    dates = dates_of(X["cutoff_day"].to_numpy(dtype=float)[:, None] + ahead)
    columns = {name: dates[:, position] for position, name in enumerate(DATE_QUANTILES)}
    due = np.where(churn_risk > 0.5, np.datetime64("NaT", "D"), columns["next_purchase_date"])
    return {"churn_risk": churn_risk, "churn_band": churn_band(churn_risk), **columns, "replenishment_date": due}


def churn_band(churn_risk: Array) -> NDArray[np.str_]:
    """`low` below 1/3, `medium` to 2/3 inclusive, `high` above, shape (n,)."""
    low, high = CHURN_BANDS[0][0], CHURN_BANDS[1][0]
    return np.select([churn_risk < low, churn_risk <= high], ["low", "medium"], default="high")


def withheld_by(roles: Roles) -> dict[str, str]:
    """Columns that the fits do not identify, with the reason of each."""
    reasons: dict[str, str] = {}
    for model in (roles.purchase, roles.repurchase, roles.spend, roles.value):
        reasons |= model.diagnosis_.withheld
    return reasons


def without(scores: pd.DataFrame, withheld: Mapping[str, str]) -> pd.DataFrame:
    """The table with the withheld columns null; types stay."""
    empty = {"date": np.datetime64("NaT", "D"), "float64": np.nan, "string": None}
    for name in withheld:
        scores[name] = pd.Series(empty[CUSTOMER_SCORES[name].dtype], index=scores.index, dtype=scores[name].dtype)
    return scores


def data_status(X: pd.DataFrame, withheld: Mapping[str, str]) -> NDArray[np.str_]:
    """`ok`, or why a field is withheld or to be read with care, shape (n,)."""
    reasons = [f"{name} withheld: {reason}" for name, reason in withheld.items()]
    in_debt = X["historic_value"].to_numpy(dtype=float) < 0
    return np.where(in_debt, "; ".join(["returns exceed purchases", *reasons]), "; ".join(reasons) or "ok")

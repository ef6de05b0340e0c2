"""From fitted models and one summary row a customer to the customer table: functions of a frame."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ltvml.contracts import CUSTOMER_SCORES, customer_table, horizon_columns
from ltvml.value import value_if_buys
from ltvml.window import dates_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ltvml.arrays import Array
    from ltvml.bundle.levels import Levels
    from ltvml.bundle.rfm import RFM
    from ltvml.bundle.track_record import TrackRecord
    from ltvml.evaluation.calibration import Calibration
    from ltvml.evaluation.intervals import ValueIntervals
    from ltvml.models.base import PurchaseModel, RepurchaseModel, SpendModel, ValueModel
    from ltvml.window import Window


LOW_RISK, HIGH_RISK = 1 / 3, 2 / 3
MEDIAN = 0.5
DATES = ("next_purchase_date", "next_purchase_lo", "next_purchase_hi")
# null by their meaning: one purchase has no gap, and where no purchase is the likelier outcome no date is promised
NULL_BY_MEANING = (
    "mean_gap_days",
    "replenishment_date",
    "replenishment_item",
    "replenishment_probability",
    "stock_status",
    "risk_change",
    "risk_alert",
)
FITTED_BEFORE = "the bundle is of an earlier version, whose intervals are for its own horizon alone; fit again"
# columns of the main horizons that answer the questions of `contracts.horizon_columns`, in its order
SAME_QUESTION = ("churn_risk", "expected_purchases", "predicted_ltv", "predicted_ltv_lo", "predicted_ltv_hi")
# columns that are read off another one, and go with it
READ_FROM = {
    "churn_risk": (
        "churn_band",
        "next_purchase_date",
        "next_purchase_lo",
        "next_purchase_hi",
        "replenishment_date",
        "value_at_risk",
    ),
    "predicted_ltv": ("predicted_ltv_lo", "predicted_ltv_hi", "total_value", "value_at_risk"),
}


@dataclass(frozen=True)
class Roles:
    """The fitted model of each role."""

    purchase: PurchaseModel
    repurchase: RepurchaseModel
    spend: SpendModel
    value: ValueModel


@dataclass(frozen=True)
class Predicted:
    """The curves that several columns are read from: each learner is asked once, since a score waits for learners.

    Parameters
    ----------
    survival : callable
        Times in days -> P(no purchase within each), (n, m), without the correction that past cutoffs taught.
    value : callable
        Days of silence -> value in the LTV horizon given them, (n,), in currency, before the margin.
    margin : float
        Share of the net value that is kept.
    calibration : Calibration
        Of the probability of a purchase within `calibrated_at` days.
    calibrated_at : int
        Churn horizon of the fit.
    tied : bool
        Whether expected purchases follow the chance to buy; in bundles of earlier versions they do not.
    """

    survival: Callable[[ArrayLike], Array]
    value: Callable[[float], Array]
    margin: float
    calibration: Calibration
    calibrated_at: int
    tied: bool

    @classmethod
    def of(
        cls,
        X: pd.DataFrame,
        roles: Roles,
        window: Window,
        *,
        margin: float,
        record: TrackRecord,
        calibrated_at: int,
        tied: bool,
    ) -> Self:
        """Predictions for the customers of `X`, (n, ...)."""
        # who asks for the risk alone does not wait for the learner of the value
        by_silence = functools.cache(lambda: roles.value.value_by_silence(X, window.ltv_horizon))
        curve = roles.repurchase.curve(X)
        return cls(curve, lambda silence: by_silence()(silence), margin, record.calibration, calibrated_at, tied)

    @cached_property
    def at_calibration(self) -> tuple[Array, Array]:
        """P(no purchase within the churn horizon of the fit), without and with its correction, each (n,)."""
        given = self.survival([self.calibrated_at])[:, 0]
        return given, 1 - self.calibration.apply(1 - given)

    @cached_property
    def _kept(self) -> dict[tuple[str, float], Array]:
        # several columns are read at the same few days, and a learner takes longest to ask
        return {}

    def _once(self, what: str, days: float, found: Callable[[float], Array]) -> Array:
        if (what, days) not in self._kept:
            self._kept[what, days] = found(days)
        return self._kept[what, days]

    def churn_risk(self, days: float) -> Array:
        """P(no purchase within some days), shape (n,).

        Up to the horizon at which the correction was learned the chance of a purchase keeps its ratio to the one there;
        beyond it the survival does. So the curve starts at 1, passes through the corrected risk, and never rises.
        """
        return self._once("churn_risk", days, self._churn_risk)

    def margin_value(self, silence: float = 0.0) -> Array:
        """Value that is kept, given some days of silence, shape (n,)."""
        return self._once("margin_value", silence, lambda days: self.margin * self.value(days))

    def _churn_risk(self, days: float) -> Array:
        given, corrected = self.at_calibration
        risk = given if days == self.calibrated_at else self.survival([days])[:, 0]
        if self.calibration.method == "none":
            return risk
        if days <= self.calibrated_at:
            share = np.divide(1 - risk, 1 - given, out=np.ones_like(risk), where=given < 1)
            return np.asarray(1 - (1 - corrected) * np.minimum(share, 1.0))
        share = np.divide(risk, given, out=np.ones_like(risk), where=given > 0)
        return np.asarray(corrected * np.minimum(share, 1.0))


def customer_scores(
    X: pd.DataFrame,
    roles: Roles,
    window: Window,
    *,
    margin: float,
    rfm: RFM,
    record: TrackRecord,
    version: str,
    windows: Sequence[int] = (),
    watched: Sequence[int] = (),
    fitted: Window | None = None,
    levels: Levels | None = None,
) -> pd.DataFrame:
    """The customer table of `contracts.customer_table`.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`, days and currency units.
    roles : Roles
    window : Window
        Gives the horizons asked for; the cutoff of each row is its own `cutoff_day`.
    margin : float
        Share of the net value that is kept.
    rfm : RFM
    record : TrackRecord
        Intervals and corrections that past cutoffs taught.
    version : str
        Content hash of the bundle.
    windows : sequence of int
        Days; the columns of `chances` are added for each.
    watched : sequence of int
        Days; `p_buy_<w>` alone is added for each.
    fitted : Window, optional
        Horizons that the record was learned for; those of `window` by default.
    levels : Levels, optional
        Carries the intervals to other horizons; without them they are known at the fitted one alone.

    Returns
    -------
    (n, ...) frame
        Same order of rows as `X`.
    """
    learned = fitted or window
    predicted = Predicted.of(
        X, roles, window, margin=margin, record=record, calibrated_at=learned.churn_horizon, tied=levels is not None
    )
    dates = repurchase(X, roles.repurchase, window, record, predicted)
    columns = {
        **history(X),
        **purchases(X, roles, window, predicted),
        **money(window, predicted),
        **dates,
        "model_version": np.full(len(X), version),
        # a bundle knows no earlier scores: `score` fills them in
        "risk_change": np.full(len(X), np.nan),
        "risk_alert": np.full(len(X), None, dtype=object),
    }
    columns["total_value"] = columns["historic_value"] * margin + columns["predicted_ltv"]
    past = {name: columns[name] for name in ("days_since_last", "n_orders", "historic_value")}
    columns |= {"rfm_segment": rfm.segments(**past), **rfm.scores(**past)}
    columns |= value_interval(columns["predicted_ltv"], intervals_at(window.ltv_horizon, record, learned, levels))
    for days in window.horizons:
        intervals = intervals_at(days, record, learned, levels)
        columns |= at_horizon(X, roles, days, predicted=predicted, intervals=intervals)
    withheld = withheld_by(roles, record, window) | withheld_intervals(window, record, learned, levels)
    scores = without(pd.DataFrame({name: finite(values) for name, values in columns.items()}, index=X.index), withheld)
    scores["data_status"] = data_status(scores, withheld)
    scores = scores[list(customer_table(window.horizons).names)]
    added = chances(X, predicted, windows=windows, watched=watched)
    return scores.assign(**{str(name): added[name] for name in added if name not in scores})


def at_horizon(
    X: pd.DataFrame, roles: Roles, days: int, *, predicted: Predicted, intervals: ValueIntervals | None
) -> dict[str, NDArray[Any]]:
    """The columns of one of `window.horizons`, see `contracts.horizon_columns`.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`.
    roles : Roles
    days : int
    predicted : Predicted
        Of the same rows.
    intervals : ValueIntervals, optional
        For this horizon.
    """
    value = predicted.margin * roles.value.expected_value(X, days)
    interval = value_interval(value, intervals)
    expected = expected_purchases(X, roles.purchase, predicted, [days])[:, 0]
    values = (predicted.churn_risk(days), expected, value, *interval.values())
    return dict(zip((column.name for column in horizon_columns(days)), values, strict=True))


def intervals_at(days: int, record: TrackRecord, learned: Window, levels: Levels | None) -> ValueIntervals | None:
    """The intervals that past cutoffs taught, for some horizon; None where it is another and nothing carries them."""
    if record.intervals is None or days == learned.ltv_horizon:
        return record.intervals
    if levels is None:
        return None
    return levels.carry(record.intervals, learned=learned.ltv_horizon, asked=days)


def future(X: pd.DataFrame, roles: Roles, predicted: Predicted, ends: Sequence[int]) -> pd.DataFrame:
    """Purchases and undiscounted net value of each customer up to the end of each of m periods.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`.
    roles : Roles
    predicted : Predicted
        Of the same rows.
    ends : sequence of m int
        Days after the cutoff.

    Returns
    -------
    (n, 1 + 2 m) frame
        customer_id, `purchases_<end>` and `revenue_<end>`.
    """
    expected = expected_purchases(X, roles.purchase, predicted, ends)
    value = undiscounted(roles.value).expected_value_at(X, ends)
    columns = {f"purchases_{end}": expected[:, place] for place, end in enumerate(ends)}
    columns |= {f"revenue_{end}": value[:, place] for place, end in enumerate(ends)}
    return pd.DataFrame({"customer_id": X["customer_id"].to_numpy(), **columns})


def undiscounted(model: ValueModel) -> ValueModel:
    """The same fitted model, whose values are not discounted."""
    plain = copy.copy(model)
    if hasattr(plain, "discount_rate"):
        plain.discount_rate = 0.0
    return plain


def withheld_intervals(window: Window, record: TrackRecord, learned: Window, levels: Levels | None) -> dict[str, str]:
    """Interval columns of horizons that nothing carries the intervals to, with the reason."""
    if record.intervals is None or levels is not None:
        return {}
    asked = {"predicted_ltv": window.ltv_horizon, **{f"predicted_ltv_{days}": days for days in window.horizons}}
    names = [f"{name}_{end}" for name, days in asked.items() if days != learned.ltv_horizon for end in ("lo", "hi")]
    return dict.fromkeys(names, FITTED_BEFORE)


def chances(
    X: pd.DataFrame, predicted: Predicted, *, windows: Sequence[int], watched: Sequence[int] = ()
) -> pd.DataFrame:
    """Chance to buy within some windows, and the expected value of a purchase within them.

    With V the margin value in the LTV horizon and B a purchase within w days of the cutoff,

        p_buy_<w> = P(B),    value_gain_<w> = E[V | B] - E[V | not B].

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`.
    predicted : Predicted
        Of the same rows.
    windows : sequence of int
        w, days.
    watched : sequence of int
        Further days, of which the chance alone is given.

    Returns
    -------
    (n, ...) frame
        customer_id, and for each w `p_buy_<w>` and `value_gain_<w>` (currency), in the same order of rows.
    """
    columns: dict[str, NDArray[Any]] = {"customer_id": X["customer_id"].to_numpy()}
    for days in windows:
        value = predicted.margin_value()
        chance = np.clip(1 - predicted.churn_risk(days), 0.0, 1.0)
        silent = predicted.margin_value(silence=days)
        columns[f"p_buy_{days}"] = chance
        columns[f"value_gain_{days}"] = value_if_buys(value, silent, 1 - chance, least=silent) - silent
    for days in (days for days in watched if days not in windows):
        columns[f"p_buy_{days}"] = np.clip(1 - predicted.churn_risk(days), 0.0, 1.0)
    return pd.DataFrame({name: finite(values) for name, values in columns.items()}, index=X.index)


def history(X: pd.DataFrame) -> dict[str, NDArray[Any]]:
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


def expected_purchases(
    X: pd.DataFrame, purchase: PurchaseModel, predicted: Predicted, horizons: Sequence[float]
) -> Array:
    """Expected purchase days within each horizon, shape (n, m): the purchase model's, given that there is one at all.

    With E and F the purchase model's expected purchases and its chance of one or more within h days, and P the chance
    that the scores give,

        E[N] = P E / F

    so that nobody is expected to buy less often than the chance to buy once, and who is likelier to come back than the
    purchase model knows is expected to buy more often. It rises with h, as E / F and P do.

    Parameters
    ----------
    X : (n, ...) frame
        Columns of `contracts.SUMMARY`.
    purchase : PurchaseModel
    predicted : Predicted
        Of the same rows.
    horizons : sequence of m floats
        h, days.
    """
    expected = purchase.expected_purchases_at(X, horizons)
    if not predicted.tied:
        return expected
    chance = 1 - purchase.survival_function(X, horizons)
    given = np.stack([1 - predicted.churn_risk(days) for days in horizons], axis=1)
    ratio = np.divide(given, chance, out=np.ones_like(chance), where=chance > 0)
    return np.asarray(expected * ratio)


def purchases(X: pd.DataFrame, roles: Roles, window: Window, predicted: Predicted) -> dict[str, NDArray[Any]]:
    """Purchases and their value in the LTV horizon."""
    return {
        "p_alive": roles.purchase.probability_alive(X),
        "expected_purchases": expected_purchases(X, roles.purchase, predicted, [window.ltv_horizon])[:, 0],
        "expected_order_value": roles.spend.expected_spend(X),
    }


def money(window: Window, predicted: Predicted) -> dict[str, NDArray[Any]]:
    """Predicted value, and the part of it that is lost if the customer does not buy within the churn horizon.

    value_at_risk = E[V] - E[V | no purchase in the churn horizon], within [0, E[V]]: it adds up over customers, and can
    never be more than what is there.
    """
    value, silent = predicted.margin_value(), predicted.margin_value(silence=window.churn_horizon)
    return {"predicted_ltv": value, "value_at_risk": np.clip(value - silent, 0.0, np.maximum(value, 0.0))}


def value_interval(predicted: Array, intervals: ValueIntervals | None) -> dict[str, NDArray[Any]]:
    """10 and 90 % quantile of the value of each customer; NaN where past cutoffs taught none."""
    unknown = np.full(len(predicted), np.nan)
    low, high = intervals.bounds(predicted) if intervals is not None else (unknown, unknown)
    return {"predicted_ltv_lo": low, "predicted_ltv_hi": high}


def repurchase(
    X: pd.DataFrame, model: RepurchaseModel, window: Window, record: TrackRecord, predicted: Predicted
) -> dict[str, NDArray[Any]]:
    """Churn risk and the dates: readings of one survival curve.

    A correction of the probability at the horizon scales the curve within it, so that the quantiles of the date, given
    a purchase within the horizon, stay as they are.
    """
    churn_risk = predicted.churn_risk(window.churn_horizon)
    earlier, later = record.dates.levels
    days = model.next_purchase(X, (MEDIAN, earlier, later), window.churn_horizon)
    # a purchase t days after the end of the cutoff falls on day ceil(t), and never on the cutoff itself
    ahead = np.clip(np.ceil(days), 1, window.churn_horizon)
    dates = dates_of(X["cutoff_day"].to_numpy(dtype=float)[:, None] + ahead)
    columns = {name: dates[:, position] for position, name in enumerate(DATES)}
    due = np.where(churn_risk > 0.5, np.datetime64("NaT", "D"), columns["next_purchase_date"])
    return {
        "churn_risk": churn_risk,
        "churn_band": churn_band(churn_risk),
        **columns,
        "replenishment_date": due,
        # a row of a customer knows no items: `replenishment.with_next_due` fills these in
        "replenishment_item": np.full(len(X), None, dtype=object),
        "replenishment_probability": np.full(len(X), np.nan),
        "stock_status": np.full(len(X), None, dtype=object),
    }


def churn_band(churn_risk: Array) -> NDArray[np.str_]:
    """`low` below 1/3, `medium` to 2/3 inclusive, `high` above, shape (n,)."""
    return np.select([churn_risk < LOW_RISK, churn_risk <= HIGH_RISK], ["low", "medium"], default="high")


def finite(values: NDArray[Any]) -> NDArray[Any]:
    """`values` with NaN in place of infinity; what is no float stays as it is."""
    return np.where(np.isfinite(values), values, np.nan) if values.dtype.kind == "f" else values


def withheld_by(roles: Roles, record: TrackRecord, window: Window | None = None) -> dict[str, str]:
    """Columns that the fits do not identify, in the order of the table, with the reason of each.

    A column of one of the window's horizons goes with the column that answers the same question at the main horizon.
    """
    reasons: dict[str, str] = dict(record.withheld)
    for model in (roles.purchase, roles.repurchase, roles.spend, roles.value):
        reasons = model.diagnosis_.withheld | reasons
    for source, columns in READ_FROM.items():
        if source in reasons:
            reasons = dict.fromkeys(columns, reasons[source]) | reasons
    horizons = window.horizons if window is not None else ()
    for days in horizons:
        names = (column.name for column in horizon_columns(days))
        pairs = zip(names, SAME_QUESTION, strict=True)
        reasons |= {name: reasons[main] for name, main in pairs if main in reasons}
    return {name: reasons[name] for name in customer_table(horizons).names if name in reasons}


def without(scores: pd.DataFrame, withheld: Mapping[str, str]) -> pd.DataFrame:
    """The table with the withheld columns null; types stay."""
    empty = {"date": np.datetime64("NaT", "D"), "float64": np.nan, "string": None}
    kinds = {column.name: column.dtype for column in CUSTOMER_SCORES.columns}
    nulls = {
        name: pd.Series(empty[kinds.get(name, "float64")], index=scores.index, dtype=scores[name].dtype)
        for name in withheld
    }
    return scores.assign(**nulls)


def data_status(scores: pd.DataFrame, withheld: Mapping[str, str]) -> NDArray[np.object_]:
    """`ok`, or why a field is withheld or to be read with care.

    Parameters
    ----------
    scores : (n, ...) frame
    withheld : mapping
        Columns that are null for all customers, with the reason of each.

    Returns
    -------
    (n,) array of str
    """
    in_debt = scores["historic_value"].to_numpy(dtype=float) < 0
    debt = np.where(in_debt, "returns exceed purchases; ", "")
    for_all = "".join(f"{phrase}; " for phrase in withheld_in_words(withheld))
    status = debt.astype(object) + for_all + unknown_in_words(scores, withheld)
    return np.array([words.removesuffix("; ") or "ok" for words in status], dtype=object)


def unknown_in_words(scores: pd.DataFrame, withheld: Mapping[str, str]) -> NDArray[np.object_]:
    """Name the columns that are null for a customer without being withheld or null by their meaning, shape (n,)."""
    watched = np.array([name for name in scores if name not in withheld and name not in NULL_BY_MEANING])
    unknown = scores[watched].isna().to_numpy()
    # eight columns a byte: rows of truth values are slow to sort
    packed = np.ascontiguousarray(np.packbits(unknown, axis=1))
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, pattern = np.unique(keys, return_index=True, return_inverse=True)
    names = [", ".join(watched[unknown[row]]) for row in first]
    words = np.array(
        [f"{each} left empty: the model gives no finite number; " if each else "" for each in names], dtype=object
    )
    return words[pattern]


def withheld_in_words(withheld: Mapping[str, str]) -> list[str]:
    """One phrase a reason, with the columns it takes away."""
    columns: dict[str, list[str]] = {}
    for name, reason in withheld.items():
        columns.setdefault(reason, []).append(name)
    return [f"{', '.join(names)} left empty: {reason}" for reason, names in columns.items()]

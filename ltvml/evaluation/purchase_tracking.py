"""How a purchase model's expectations compare with what customers did, as tables that the plots draw.

Week by week from the customers' first purchases (tracking), by how often they had bought before a holdout, and in how
many purchases each of them made. Every function takes a fitted model and histories or times in the unit of its fit; a
model on a clock (`InOperationalTime`) is tracked in calendar days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.models.maximise import Evaluation, maximise
from ltvml.models.purchase.highest_peak import inverse_information
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.kinds import KindsOfCustomers
from ltvml.models.purchase.parametric import ParametricPurchaseModel
from ltvml.models.purchase.unit import check_unit
from ltvml.window import WEEK, as_date, day_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array
    from ltvml.models.base import PurchaseModel

MOST_AGES = 60
"""Ages at which the distribution of the number of purchases is computed."""
MOST_APART = 50.0
"""Factor around an estimate beyond which no likelihood is drawn."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Customers by the time of their first purchase, and their repeat purchases, on one clock.

    Parameters
    ----------
    births : (n,) array
        Times of first purchases.
    customers : (n,) array
        How many customers were born at each.
    times : (m,) array
        Times of repeat purchases.
    purchases : (m,) array
        How many there were at each.
    unit : str, optional
        Of the times, where it is known: a model that was fitted on another one is refused.
    """

    births: Array
    customers: Array
    times: Array
    purchases: Array
    unit: str | None = None

    @classmethod
    def of_times(cls, births: ArrayLike, purchases: ArrayLike) -> Cohort:
        """A cohort of one birth a customer, (n,), and one time a repeat purchase, (m,)."""
        born, bought = (np.unique(np.asarray(times, dtype=float), return_counts=True) for times in (births, purchases))
        return cls(born[0], born[1].astype(float), bought[0], bought[1].astype(float))

    @classmethod
    def of_orders(cls, orders: pd.DataFrame, *, born_by: dt.date | str | None = None) -> Cohort:
        """Customers of a table of orders in days since 1970-01-01; orders of one customer and day are one purchase.

        Parameters
        ----------
        orders : frame
            customer_id, order_date.
        born_by : date, optional
            Only customers whose first purchase lies on or before that day, such as the cutoff of the fit.

        Raises
        ------
        DataContractError
            If a column is missing, a date cannot be read, or nobody is left.
        """
        if missing := [name for name in ("customer_id", "order_date") if name not in orders]:
            raise DataContractError(f"the orders lack {', '.join(missing)}; expected customer_id and order_date.")
        dates = pd.to_datetime(orders["order_date"], format="ISO8601", errors="coerce")
        if unread := int(dates.isna().sum()):
            raise DataContractError(
                f"{unread:,} of {len(orders):,} order_date are no date; expected 2024-12-31 or dates."
            )
        day = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
        days = pd.DataFrame({"customer": orders["customer_id"].to_numpy(), "day": day}).drop_duplicates()
        first = days.groupby("customer")["day"].transform("min")
        if born_by is not None:
            kept = first <= day_number(as_date(born_by))
            days, first = days.loc[kept], first.loc[kept]
        if days.empty:
            raise DataContractError(f"no customer of the orders bought by {born_by}; expected at least one.")
        born = days["day"] == first
        return replace(cls.of_times(days.loc[born, "day"], days.loc[~born, "day"]), unit="day")

    def weeks(self, until: float) -> Array:
        """Ends of the whole weeks from the day of the first birth to a day, both included."""
        before = self.births.min() - 1
        return np.asarray(before + WEEK * np.arange(1.0, (until - before) // WEEK + 1))


def track(model: PurchaseModel, cohort: Cohort, ends: ArrayLike) -> pd.DataFrame:
    """Repeat purchases of a cohort, period by period: what happened, and what is expected from the births alone.

    Parameters
    ----------
    model : PurchaseModel
    cohort : Cohort
        On the clock of the model: its unit of time, or days since 1970-01-01 for a model on a clock.
    ends : (m,) array
        End of each period, ascending; a purchase at an end belongs to the period.

    Returns
    -------
    (m, 5) frame
        end; actual and expected of the period, from the end before it or from the first birth; cumulative_actual and
        cumulative_expected.

    Raises
    ------
    DataContractError
        If the ends do not ascend, or the model was fitted on times in another unit than the cohort's.
    """
    check_unit(type(model).__name__, getattr(model, "unit_", None), cohort.unit)
    ends = np.asarray(ends, dtype=float)
    if (np.diff(ends) <= 0).any():
        raise DataContractError("the ends of the periods do not ascend; expected each after the one before.")
    order = np.argsort(cohort.times)
    bought = np.concatenate([[0.0], np.cumsum(cohort.purchases[order])])
    actual = bought[np.searchsorted(cohort.times[order], ends, side="right")]
    expected = model.expected_of_cohort(cohort.births, ends, cohort.customers)
    return pd.DataFrame(
        {
            "end": ends,
            "actual": np.diff(actual, prepend=0.0),
            "expected": np.diff(expected, prepend=0.0),
            "cumulative_actual": actual,
            "cumulative_expected": expected,
        }
    )


def held_out_by_frequency(
    model: PurchaseModel,
    X: pd.DataFrame,
    held_out: ArrayLike,
    horizon: float,
    sample_weight: ArrayLike | None = None,
    *,
    most: int = 7,
) -> pd.DataFrame:
    """Purchases in a holdout by the number of repeat purchases before it, actual and expected, mean a customer.

    Parameters
    ----------
    model : PurchaseModel
        Fitted to what came before.
    X : (n, ...) frame
        Histories at the start of the holdout; rows may be patterns with counts.
    held_out : (n,) array
        Purchases in the holdout: of each customer, or of all customers of the pattern.
    horizon : float
        Length of the holdout.
    sample_weight : (n,) array, optional
    most : int
        Customers with so many repeat purchases or more are one group.

    Returns
    -------
    (k, 4) frame
        frequency, customers, actual, expected.

    Raises
    ------
    DataContractError
        If there are no customers, or `held_out` is of another length.
    """
    check_some(X)
    if np.shape(held_out) != (len(X),):
        raise DataContractError(f"held_out has the shape {np.shape(held_out)}; expected one number a row, ({len(X)},).")
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    frequency = np.minimum(X["frequency"].to_numpy(dtype=float), most).astype(np.int64)
    expected = weight * model.expected_purchases(X, horizon)
    sums = (
        pd.DataFrame({"customers": weight, "actual": np.asarray(held_out, dtype=float), "expected": expected})
        .groupby(frequency)
        .sum()
    )
    means = sums.div(sums["customers"], axis=0).assign(customers=sums["customers"].round().astype(np.int64))
    return means.rename_axis("frequency").reset_index()


def purchase_counts(
    model: PurchaseModel, X: pd.DataFrame, sample_weight: ArrayLike | None = None, *, most: int = 7
) -> pd.DataFrame:
    """How many customers made each number of repeat purchases, and how many are expected to from their ages alone.

    Parameters
    ----------
    model : PurchaseModel
    X : (n, ...) frame
        Histories; rows may be patterns with counts.
    sample_weight : (n,) array, optional
    most : int
        So many or more are one group.

    Returns
    -------
    (most + 1, 3) frame
        frequency, actual, expected; both sum to the number of customers.
    """
    check_some(X)
    within, X = plain(model, X)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    capped = np.minimum(X["frequency"].to_numpy(dtype=float), most).astype(np.int64)
    ages, place = np.unique(X["T"].to_numpy(dtype=float), return_inverse=True)
    customers = np.bincount(place, weights=weight)
    # the curve over ages is smooth: of many ages some are asked, and lines drawn between them
    asked = ages[np.unique(np.linspace(0, len(ages) - 1, MOST_AGES).astype(np.int64))]
    at = np.concatenate([within.pmf(within.newcomers(), np.arange(most), float(age)) for age in asked])
    expected = np.array([customers @ np.interp(ages, asked, probability) for probability in at.T])
    return pd.DataFrame(
        {
            "frequency": np.arange(most + 1),
            "actual": np.bincount(capped, weights=weight, minlength=most + 1),
            "expected": np.append(expected, customers.sum() - expected.sum()),
        }
    )


def gap_shares(
    model: PurchaseModel,
    X: pd.DataFrame,
    gaps: ArrayLike,
    edges: ArrayLike,
    *,
    random_state: int = 0,
    draws: int = 20_000,
) -> pd.DataFrame:
    """Gaps between two purchases of a customer: how they spread, beside those of customers drawn from the model.

    Drawn customers are seen as long as the real ones, so that long gaps are cut off alike.

    Parameters
    ----------
    model : PurchaseModel
    X : (n, ...) frame
        Histories; only their ages are used.
    gaps : (m,) array
        Observed gaps, in the unit of `X`.
    edges : (k + 1,) array
        Edges of the groups; gaps outside count nowhere.
    random_state, draws : int
        Of the customers who are drawn.

    Returns
    -------
    (k, 4) frame
        low, high, actual, expected: shares of the gaps within the edges.
    """
    check_some(X)
    within, X = plain(model, X)
    rng = np.random.default_rng(random_state)
    ages = rng.choice(X["T"].to_numpy(dtype=float), draws)
    drawn = within.draw_newcomers(ages, random_state=rng).purchases
    first = np.diff(drawn.customer, prepend=-1) > 0
    simulated = np.where(first, drawn.time, np.diff(drawn.time, prepend=0.0))
    actual, edges = np.histogram(np.asarray(gaps, dtype=float), np.asarray(edges, dtype=float))
    expected = np.histogram(simulated, edges)[0]
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "actual": actual / max(actual.sum(), 1),
            "expected": expected / max(expected.sum(), 1),
        }
    )


def alive_through_time(
    model: PurchaseModel, purchases: ArrayLike, until: float, *, start: float = 0.0, points: int = 400
) -> pd.DataFrame:
    """P(alive) of one customer as the purchases came in, and in the silence after.

    Parameters
    ----------
    model : PurchaseModel
    purchases : (m,) array
        Times of the purchases, the first one included: since `start`, or days since 1970-01-01 for a model on a clock.
    until : float
        Last time.
    points : int
        Moments, evenly from the first purchase to `until`, to which the purchases are added.

    Returns
    -------
    (k, 4) frame
        time, frequency, p_alive, purchase: whether the row is the moment of a purchase.
    """
    times = np.unique(np.asarray(purchases, dtype=float))
    times = times[times <= until]
    if not len(times):
        raise DataContractError(f"the customer has no purchase by {until:g}; expected the first one at least.")
    moments = np.union1d(np.linspace(times[0], until, points), times)
    frequency = np.searchsorted(times, moments, side="right") - 1
    X = pd.DataFrame(
        {"frequency": frequency.astype(float), "recency": times[frequency] - times[0], "T": moments - times[0]}
    )
    whole = of_everybody(model)
    X = X.assign(cutoff_day=moments) if isinstance(whole, InOperationalTime) else X
    return pd.DataFrame(
        {
            "time": moments - start,
            "frequency": frequency,
            "p_alive": whole.probability_alive(X),
            "purchase": np.isin(moments, times),
        }
    )


@dataclass(frozen=True, eq=False)
class HistoryGrid:
    """A quantity over customers' histories of one age.

    Parameters
    ----------
    frequencies, recencies : arrays
        Repeat purchases, and time from first to last purchase.
    values : (n_recencies, n_frequencies) array
    age : float
        Time since the first purchase.
    """

    frequencies: Array
    recencies: Array
    values: Array
    age: float


def over_histories(
    model: PurchaseModel, *, age: float, most: int, horizon: float | None = None, cutoff_day: float | None = None
) -> HistoryGrid:
    """P(alive), or the purchases expected within a horizon, by how often and how lately a customer bought.

    Parameters
    ----------
    model : PurchaseModel
    age : float
        Time since the first purchase.
    most : int
        Largest number of repeat purchases.
    horizon : float, optional
        Expected purchases within it; P(alive) where absent.
    cutoff_day : float, optional
        Day on which the customers are that old; needed by a model on a clock.

    Raises
    ------
    DataContractError
        If a model on a clock is not told the day.
    """
    frequencies, recencies = np.arange(1.0, most + 1), np.linspace(age / 80, age, 80)
    x, t_x = np.meshgrid(frequencies, recencies)
    X = pd.DataFrame({"frequency": x.ravel(), "recency": t_x.ravel(), "T": age})
    model = of_everybody(model)
    if isinstance(model, InOperationalTime):
        if cutoff_day is None:
            raise DataContractError(
                "the model runs on a clock; expected cutoff_day, the day that the histories end on."
            )
        X = X.assign(cutoff_day=cutoff_day)
    values = model.probability_alive(X) if horizon is None else model.expected_purchases(X, horizon)
    return HistoryGrid(frequencies, recencies, values.reshape(x.shape), age)


@dataclass(frozen=True, eq=False)
class LikelihoodSurface:
    """Profile likelihood of two parameters: for each pair of values the others are the most likely ones.

    Parameters
    ----------
    names : (str, str)
    first, second : (m, m) arrays
        Values of the two parameters, along the axes of their confidence region.
    below : (m, m) array
        Log-likelihood less that of the estimate.
    estimate : (float, float)
    """

    names: tuple[str, str]
    first: Array
    second: Array
    below: Array
    estimate: tuple[float, float]


def likelihood_surface(
    model: PurchaseModel,
    X: pd.DataFrame,
    names: tuple[str, str],
    sample_weight: ArrayLike | None = None,
    *,
    reach: float = 4.0,
    points: int = 25,
) -> LikelihoodSurface:
    """Profile likelihood around the estimate: round where both parameters are known, a ridge where only a ratio is.

    The other parameters are maximised at each point, so that a level of it is the edge of a joint confidence region;
    with the others held at their estimates the region would be too small.

    Parameters
    ----------
    model : PurchaseModel
        Fitted on `X`.
    X : (n, ...) frame
    names : (str, str)
        Parameters to move.
    sample_weight : (n,) array, optional
    reach : float
        Standard errors to either side, along the long and the short axis of the region; at most a factor of 50.
    points : int
        On each axis.

    Raises
    ------
    DataContractError
        If the model has no such parameter.
    """
    within, X = plain(model, X)
    if len(set(names)) != 2 or not set(names) <= set(within.parameters):
        raise DataContractError(f"{names} was asked for; expected two of {', '.join(within.parameters)}.")
    likelihood = within._likelihood(within._grouped(X, sample_weight))
    at = np.log([within.params_[name] for name in within.parameters])
    best, places = likelihood(at), [within.parameters.index(name) for name in names]
    spread, axes = np.linalg.eigh(inverse_information(best.hessian)[np.ix_(places, places)])
    # a direction without information has no standard error
    width = np.minimum(reach * np.sqrt(np.maximum(spread, 0.0)), np.log(MOST_APART))
    steps = np.linspace(-1.0, 1.0, points)
    moved = np.einsum("ij,jkl->ikl", axes * width, np.stack(np.meshgrid(steps, steps)))
    below = np.empty((points, points))
    for cell in np.ndindex(below.shape):
        below[cell] = profiled(likelihood, at, best, places, moved[:, *cell]) - best.value
    first, second = np.exp(at[places][:, None, None] + moved)
    estimate = np.exp(at[places]).tolist()
    return LikelihoodSurface(names, first, second, below, (estimate[0], estimate[1]))


def check_some(X: pd.DataFrame) -> None:
    """Refuse a frame without customers.

    Raises
    ------
    DataContractError
    """
    if not len(X):
        raise DataContractError("there are no customers; expected at least one row.")


def plain(model: PurchaseModel, X: pd.DataFrame) -> tuple[ParametricPurchaseModel, pd.DataFrame]:
    """The model of all customers without its clock, with the histories on that clock.

    Raises
    ------
    DataContractError
        If it is a model of another package, which may know no distribution of purchases.
    """
    whole = of_everybody(model)
    if isinstance(whole, InOperationalTime):
        X, whole = whole.operational(X), whole.model
    if not isinstance(whole, ParametricPurchaseModel):
        raise DataContractError(
            f"{type(whole).__name__} has no distribution of purchases to draw; expected a purchase model of ltvml."
        )
    return whole, X


def has_counts(model: PurchaseModel) -> bool:
    """Whether the numbers of purchases have a distribution in this model: those of other packages may lack one."""
    whole = of_everybody(model)
    return isinstance(whole.model if isinstance(whole, InOperationalTime) else whole, ParametricPurchaseModel)


def of_everybody(model: PurchaseModel) -> PurchaseModel:
    """The model fitted to all customers, where kinds of customers differ: histories alone do not tell the kind."""
    if isinstance(model, InOperationalTime) and isinstance(model.model, KindsOfCustomers):
        return InOperationalTime(model.model.model, model.clock)
    return model.model if isinstance(model, KindsOfCustomers) else model


MOST_CLIMBS = 20


def profiled(
    likelihood: Callable[[Array], Evaluation], at: Array, best: Evaluation, places: list[int], moved: Array
) -> float:
    """The highest log-likelihood with some parameters moved away from the estimate and held there.

    Parameters
    ----------
    likelihood : callable of the (k,) log-parameters
    at : (k,) array
        The estimate, and what the likelihood says there: `best`.
    places : list of m int
        Parameters that are moved.
    moved : (m,) array
    """
    point, others = at.copy(), np.setdiff1d(np.arange(len(at)), places)
    point[places] += moved
    if not len(others):
        return likelihood(point).value

    def free(values: Array) -> Evaluation:
        point[others] = values
        found = likelihood(point)
        return Evaluation(found.value, found.gradient[others], found.hessian[np.ix_(others, others)])

    # where the quadratic at the estimate expects them
    slope = inverse_information(best.hessian[np.ix_(others, others)]) @ best.hessian[np.ix_(others, np.asarray(places))]
    start = at[others] + np.clip(slope @ moved, -np.log(MOST_APART), np.log(MOST_APART))
    return maximise(free, start, tolerance=1e-3, max_steps=MOST_CLIMBS).at.value

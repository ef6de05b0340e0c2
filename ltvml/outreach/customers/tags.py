"""Tags: short facts about a customer that a list can be filtered by, each from the tables that allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.beside import ascend, beside
from ltvml.outreach.customers.rules import user_tags
from ltvml.outreach.settings import TagRules
from ltvml.window import days_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas.api.extensions import ExtensionArray

    from ltvml.arrays import Array, Mask


TAGS = (
    "high_spender_week",
    "frequent_month",
    "discount_driven",
    "premium_leaning",
    "preferred_category",
    "preferred_channel",
    "active_hours",
    "stock_status",
    "due_in_month",
    "changing_stage",
    "activity_sensitive",
    "advocate",
)
HOURS = 24
LEAVING = ("lapsing", "lapsed")
PRIOR_ORDERS = 1.0
"""Orders at the usual pace that shrink the orders after contacts: two of one expected show nothing yet."""
LOYAL_BY = ("n_orders", "items", "first_order_date")
"""What makes an advocate where nobody knows who brought whom along: orders, different items, and for how long."""


def faults(rules: TagRules) -> list[str]:
    """Every setting that cannot be used, in words; empty where there is none.

    Expressions are checked against the columns of the customers, by `rules.rule_faults`.

    Examples
    --------
    >>> faults(TagRules(spender_share=3))
    ['tags.spender_share is 3; expected above 0 and below 1, for example 0.1.']
    """
    found = [
        f"tags.{name} is {getattr(rules, name):g}; expected above 0 and below 1, "
        f"for example {getattr(TagRules, name):g}."
        for name in ("spender_share", "discount_share", "loyal_share")
        if not 0 < getattr(rules, name) < 1
    ]
    least = {"month_orders": 1, "premium_lines": 1, "hour_orders": 1, "referrals": 1, "premium_index": 1}
    least |= {"due_days": 1, "answer_days": 1, "answer_index": 1}
    found += [
        f"tags.{name} is {getattr(rules, name):g}; expected at least {limit}, for example {getattr(TagRules, name):g}."
        for name, limit in least.items()
        if getattr(rules, name) < limit
    ]
    return found + [
        f"tags.{name} is {getattr(rules, name):g}; expected above 0, for example {getattr(TagRules, name):g}."
        for name in ("prior_lines", "prior_contacts")
        if not getattr(rules, name) > 0
    ]


def tags(
    customers: pd.DataFrame,
    *,
    cutoff_day: int,
    rules: TagRules | None = None,
    habits: pd.DataFrame | None = None,
    favourites: pd.DataFrame | None = None,
    hours: pd.DataFrame | None = None,
    contacts: pd.DataFrame | None = None,
    answers: pd.DataFrame | None = None,
    due: pd.Series | None = None,
    changing: pd.Series | None = None,
) -> pd.DataFrame:
    """One row a customer, one column a tag; a tag whose table is not there has no column.

    Parameters
    ----------
    customers : frame
        `customer_id` once each; where they are known `stock_status`, `referrals` (customers brought along), and for
        advocates without it `n_orders`, `items`, `first_order_date` and `stage`.
    cutoff_day : int
        Contacts after it are not read.
    rules : TagRules, optional
    habits, favourites, hours : frames, optional
        `features.habits.habits`, `most_bought` (by category) and `order_hours`.
    contacts : frame, optional
        The contacts log: `customer_id`, `channel`, `day`, `treated`, `opened`, `converted`.
    answers : frame, optional
        `customer_id`, `orders_after` (orders in the days after a contact) and `expected` (at the customer's own pace).
    due : series of str, optional
        Customers of whom an item runs out soon, as `due_within` finds them.
    changing : series of str, optional
        Customers for whom the next item of a dated attribute is about to fit.

    Returns
    -------
    frame
        `customer_id`, those of `TAGS` that the tables allow, and the user's own; rows as in `customers`.

    Raises
    ------
    DataContractError
        If a customer is there twice.
    ConfigError
        If a rule of the user cannot be used.

    Examples
    --------
    >>> frame = pd.DataFrame({"customer_id": ["a", "b"], "referrals": [0, 2]})
    >>> tags(frame, cutoff_day=0)["advocate"].tolist()
    [False, True]
    """
    chosen = rules or TagRules()
    if not ascend(customers, ["customer_id"]) and customers["customer_id"].duplicated().any():
        raise DataContractError("tags expect one row a customer; found a customer_id twice.")
    ids = customers["customer_id"].astype("str")
    columns: dict[str, object] = {}
    if habits is not None:
        columns |= _habit_tags(beside(customers, habits), chosen)
    if favourites is not None:
        columns["preferred_category"] = beside(customers, favourites)["item"]
    if contacts is not None:
        liked = preferred_channels(contacts, cutoff_day, chosen.prior_contacts)
        columns["preferred_channel"] = beside(customers, liked.rename("channel").reset_index())["channel"]
    if hours is not None:
        busiest = active_hours(hours, chosen.hour_orders)
        columns["active_hours"] = beside(customers, busiest.rename("hours").reset_index())["hours"]
    if "stock_status" in customers:
        columns["stock_status"] = customers["stock_status"]
    if due is not None:
        columns["due_in_month"] = ids.isin(due)
    if changing is not None:
        columns["changing_stage"] = ids.isin(changing)
    if answers is not None or contacts is not None:
        columns["activity_sensitive"] = ids.isin(answering(contacts, answers, cutoff_day, chosen))
    if "referrals" in customers:
        columns["advocate"] = _numbers(customers["referrals"]) >= chosen.referrals
    elif all(name in customers for name in LOYAL_BY):
        columns["advocate"] = loyal(customers, cutoff_day, chosen.loyal_share)
    made = pd.DataFrame({name: _values(columns[name]) for name in TAGS if name in columns}, index=customers.index)
    own = user_tags(customers, chosen.rules, taken=TAGS)
    return pd.concat([customers[["customer_id"]], made, own], axis=1)


def _values(column: object) -> NDArray[Any] | ExtensionArray:
    """Values without their labels; texts stay as they are."""
    return column.array if isinstance(column, pd.Series) else np.asarray(column)


def _habit_tags(habits: pd.DataFrame, rules: TagRules) -> dict[str, Mask]:
    found = {
        "high_spender_week": is_top(habits["week_value"], rules.spender_share),
        "frequent_month": _numbers(habits["month_orders"]) >= rules.month_orders,
    }
    if "discounted_lines" in habits:
        share = shrunk_rate(habits["discounted_lines"], habits["sold_lines"], prior=rules.prior_lines)
        found["discount_driven"] = share >= rules.discount_share
    if "price_index" in habits:
        enough = _numbers(habits["priced_lines"]) >= rules.premium_lines
        found["premium_leaning"] = enough & (_numbers(habits["price_index"]) >= rules.premium_index)
    return {name: np.asarray(flags, dtype=bool) for name, flags in found.items()}


def due_within(pairs: pd.DataFrame, cutoff_day: int, days: int) -> pd.Series:
    """Customers of whom an item runs out within so many days, or has run out; not one that they have given up.

    Parameters
    ----------
    pairs : (m, ...) frame
        The replenishment table: `customer_id`, `replenishment_date`, `stock_status`.
    cutoff_day : int
        Days since 1970-01-01.
    days : int

    Returns
    -------
    series of str
        A customer with several such items is there several times.
    """
    runs_out = days_of(pairs["replenishment_date"].to_numpy())
    return pairs.loc[(runs_out <= cutoff_day + days) & pairs["stock_status"].ne("lapsed").to_numpy(), "customer_id"]


def answering(
    contacts: pd.DataFrame | None, answers: pd.DataFrame | None, cutoff_day: int, rules: TagRules
) -> set[str]:
    """Customers who answer campaigns: by the log's responses, or by orders in the days after contacts.

    Either the shrunk response rate is `answer_index` times the pooled one, or (orders after + 1) / (expected + 1) is
    at least that, with the expected orders at the customer's own pace. A habit, not an effect: contacts that are sent
    when an order is near look like answers.
    """
    found: set[str] = set()
    if contacts is not None:
        trials = responses(contacts, cutoff_day)
        counts = trials.groupby("customer_id")["response"].agg(["size", "sum"])
        rates = shrunk_rate(counts["sum"], counts["size"], prior=rules.prior_contacts)
        pooled = trials["response"].mean()
        found |= set(counts.index[(rates >= rules.answer_index * pooled) & (rates > pooled)])
    if answers is not None:
        index = (answers["orders_after"] + PRIOR_ORDERS) / (answers["expected"] + PRIOR_ORDERS)
        found |= set(answers.loc[(index >= rules.answer_index) & (index > 1), "customer_id"].astype(str))
    return found


def loyal(customers: pd.DataFrame, cutoff_day: int, share: float) -> Mask:
    """Customers in the top share by orders, by different items and by time since the first order, and not leaving."""
    tenure = cutoff_day - days_of(customers["first_order_date"].to_numpy())
    best = is_top(customers["n_orders"], share) & is_top(customers["items"], share) & is_top(tenure, share)
    return best & ~customers["stage"].isin(LEAVING).to_numpy() if "stage" in customers else best


def is_top(values: ArrayLike, share: float) -> Mask:
    """Whether a value is among the largest `share` of those above 0; who ties with the last one in is in too.

    Examples
    --------
    >>> is_top([0, 1, 2, 3, 4, 4], 0.2).tolist()
    [False, False, False, False, True, True]
    """
    numbers = np.nan_to_num(np.asarray(values, dtype=float))
    spent = np.sort(numbers[numbers > 0])[::-1]
    if not len(spent):
        return np.zeros(len(numbers), dtype=bool)
    return np.asarray(numbers >= spent[int(np.ceil(share * len(spent))) - 1])


def shrunk_rate(successes: ArrayLike, trials: ArrayLike, *, prior: float) -> Array:
    """Mean of a Beta posterior, (x + m p) / (n + m), with p the pooled rate and m = `prior` trials; NaN without any.

    Parameters
    ----------
    successes, trials : (n,) arrays
        NaN counts as 0.
    prior : float
        m, above 0: the prior is Beta(m p, m (1 - p)).

    Returns
    -------
    (n,) array

    References
    ----------
    Efron & Morris (1975), "Data analysis using Stein's estimator and its generalizations", JASA 70.

    Examples
    --------
    >>> shrunk_rate([0, 10], [10, 10], prior=10).tolist()
    [0.25, 0.75]
    """
    x, n = (np.nan_to_num(np.asarray(values, dtype=float)) for values in (successes, trials))
    total = n.sum()
    return (x + prior * x.sum() / total) / (n + prior) if total else np.full(len(n), np.nan)


def responses(contacts: pd.DataFrame, cutoff_day: int) -> pd.DataFrame:
    """Contacts that could be answered: customer_id, channel, response (1 where opened or converted, else 0)."""
    answers = contacts[["opened", "converted"]].astype("boolean")
    is_trial = contacts["treated"].astype("boolean").fillna(True) & answers.notna().any(axis=1)
    log = contacts.loc[is_trial & (contacts["day"] <= cutoff_day), ["customer_id", "channel"]].astype("str")
    log["response"] = answers.loc[log.index].fillna(False).any(axis=1).astype("int64")
    return log


def channel_rates(contacts: pd.DataFrame, cutoff_day: int, prior: float) -> pd.DataFrame:
    """Shrunk response rate of each contacted customer in every channel of the log.

    A response is a contact that was opened or converted; a contact of which neither is known is no trial, nor is one
    that was held back. A channel that the customer was never contacted in has its pooled rate.

    Parameters
    ----------
    contacts : frame
        `customer_id`, `channel`, `day`, `treated`, `opened`, `converted`.
    cutoff_day : int
        Later contacts are not read.
    prior : float
        Contacts at the channel's pooled rate.

    Returns
    -------
    frame of float
        Index `customer_id`, one column a channel, both sorted.
    """
    log = responses(contacts, cutoff_day)
    counts = log.groupby(["customer_id", "channel"])["response"].agg(["size", "sum"]).unstack(fill_value=0)
    if counts.empty:
        return pd.DataFrame(index=pd.Index([], name="customer_id", dtype="str"))
    rates = {
        channel: shrunk_rate(counts["sum"][channel], counts["size"][channel], prior=prior)
        for channel in counts["size"].columns
    }
    return pd.DataFrame(rates, index=counts.index)


def preferred_channels(contacts: pd.DataFrame, cutoff_day: int, prior: float) -> pd.Series:
    """Channel of the highest shrunk rate, by customer_id; ties by name, customers never contacted are not there."""
    rates = channel_rates(contacts, cutoff_day, prior)
    if rates.empty:
        return pd.Series(index=rates.index, dtype="str")
    best = rates.to_numpy().argmax(axis=1)
    return pd.Series(rates.columns.to_numpy()[best], index=rates.index, dtype="str")


def active_hours(hours: pd.DataFrame, least_orders: int) -> pd.Series:
    """The two hours of the day with the most orders, such as "18-20", by customer_id; of ties the earliest.

    Parameters
    ----------
    hours : frame
        `customer_id`, `hour` (0 to 23), `orders`.
    least_orders : int
        Orders in all hours together that a customer needs; null with fewer.

    Examples
    --------
    >>> active_hours(pd.DataFrame({"customer_id": "a", "hour": [0, 9, 23], "orders": [2, 1, 2]}), 3).tolist()
    ['23-01']
    """
    codes, ids = pd.factorize(hours["customer_id"].astype("str"), sort=True)
    cells = codes * HOURS + hours["hour"].to_numpy(dtype="int64")
    counts = np.bincount(cells, weights=hours["orders"], minlength=len(ids) * HOURS).reshape(-1, HOURS)
    start = (counts + np.roll(counts, -1, axis=1)).argmax(axis=1) if len(ids) else np.array([], dtype="int64")
    names = np.array([f"{hour:02d}-{(hour + 2) % HOURS:02d}" for hour in range(HOURS)])
    found = pd.Series(names[start], index=pd.Index(ids, name="customer_id"), dtype="str")
    return found.where(counts.sum(axis=1) >= least_orders)


def _numbers(column: pd.Series) -> Array:
    return column.to_numpy(dtype=float, na_value=np.nan)

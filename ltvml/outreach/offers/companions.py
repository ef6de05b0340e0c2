"""What to offer next: the items that buyers of a customer's own items went on to buy.

For an ordered pair of items (a, b), from the counts of `features/companions.py`:

    n_ab  customers who first bought b on a later day than a
    T_ab  opportunities: first purchases of anything, after a, by customers who had a and not yet b
    E_ab  = T_ab sum_a n_ab / sum_a T_ab: what b's own rate, taken over the buyers of every other item, makes of them
    lift_ab ~ Gamma-Poisson posterior of n_ab / E_ab (`lifts.py`); its prior mean is learned from what was first bought
              on one day, s_ab against M_a M_b / sum M with M the items taken up beside: such baskets are many, and what
              is in season is in all of them

    score_cb = ln p_b + weight sum_a w_ca ln lift_ab / sqrt(sum_a w_ca),  a over the items of c, b not among them
    w_ca = 2^-(age of c's last purchase of a / memory_days)
    p_b  = (sum_t d_t n_bt + 1/2) / (sum_t d_t (N_t - B_bt) + 1/(2 p)),  d_t = 2^-(age of week t / popularity_days)

with n_bt the first purchases of b in week t, N_t the customers so far, B_bt those who owned b before, p the rate of all
items: the present rate at which those who do not own b take it up. First purchases alone would rank an item low when
nearly all customers own it, although the few others are the likeliest to buy it next.

The items of one customer are correlated evidence, so the evidence of n items counts as sqrt(n), not n; a
customer whose purchases are old is offered what other customers buy for the first time now. The form and its three
numbers were chosen on inner cutoffs of two shops; p_b took its present form after one look at the reported windows
(see `benchmarks/companions.py`).

An item that the customer has ever bought is never offered: that is replenishment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.offers.lifts import Lifts, learn_prior, posterior
from ltvml.outreach.offers.ownership import Ownership, Ranked, best_unowned, ownership
from ltvml.outreach.settings import CompanionSettings
from ltvml.window import WEEK

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from ltvml.arrays import Array


FEWEST_ITEMS = 2


def faults(settings: CompanionSettings) -> list[str]:
    """What is contradictory in the settings, in words; empty where nothing is.

    Examples
    --------
    >>> faults(CompanionSettings(most_items=1))
    ['companions.most_items is 1; expected at least 2, since a companion is another item.']
    """
    found = []
    if settings.min_buyers < 1:
        found.append(f"companions.min_buyers is {settings.min_buyers}; expected at least 1.")
    if settings.most_items < FEWEST_ITEMS:
        found.append(
            f"companions.most_items is {settings.most_items}; expected at least 2, since a companion is another item."
        )
    for name in ("memory_days", "popularity_days"):
        if not getattr(settings, name) > 0:
            found.append(f"companions.{name} is {getattr(settings, name)}; expected a half-life above 0 days.")
    if settings.weight < 0:
        found.append(f"companions.weight is {settings.weight}; expected 0 (the lifts count for nothing) or more.")
    if not 0 < settings.coverage < 1:
        found.append(f"companions.coverage is {settings.coverage}; expected between 0 and 1, for example 0.95.")
    return found


@dataclass(frozen=True)
class Companions:
    """Lifts between the items of a shop.

    Parameters
    ----------
    items : (K,) array of str
        In ascending order.
    later : Lifts of (K, K)
        Row a, column b: b taken up after a. The diagonal means nothing.
    together : Lifts of (K, K)
        b taken up on the day of a, against what baskets of that size hold; symmetric.
    n_later, n_together : (K, K) arrays
        n_ab and s_ab, the customers behind them.
    popularity : (K,) array
        First purchases, sum_t d_t n_bt.
    log_uptake : (K,) array
        ln p_b.
    """

    items: NDArray[np.object_]
    later: Lifts
    together: Lifts
    n_later: Array
    n_together: Array
    popularity: Array
    log_uptake: Array

    def log_lift(self) -> Array:
        """Logs of the posterior means of `later`, (K, K), 0 on the diagonal."""
        return _off_diagonal(np.log(self.later.mean))


def learn(
    pairs: pd.DataFrame,
    items: pd.DataFrame,
    buyers: pd.DataFrame,
    customers: pd.DataFrame,
    settings: CompanionSettings | None = None,
) -> Companions:
    """Lifts from counts.

    Parameters
    ----------
    pairs : frame
        `item`, `companion`, `same`, `later`, `earlier`, `lost` of `features.companions.pair_counts`.
    items : frame
        `item`, `beside`, `rest` of `item_counts`.
    buyers : frame
        `item`, `weeks`, `buyers` of `new_buyers`.
    customers : frame
        `weeks`, `customers` of `new_customers`.
    settings : CompanionSettings, optional

    Raises
    ------
    DataContractError
        If fewer than two items have enough buyers.

    Examples
    --------
    >>> pairs = pd.DataFrame({"item": ["cup"], "companion": ["tea"], "same": 2, "later": 1, "earlier": 9, "lost": 7})
    >>> items = pd.DataFrame({"item": ["cup", "tea"], "beside": [2, 2], "rest": [20, 30]})
    >>> buyers = pd.DataFrame({"item": ["cup", "tea"], "weeks": [0, 1], "buyers": [12, 15]})
    >>> customers = pd.DataFrame({"weeks": [1], "customers": [30]})
    >>> learn(pairs, items, buyers, customers).items
    array(['cup', 'tea'], dtype=object)
    """
    settings = settings or CompanionSettings()
    if len(items) < FEWEST_ITEMS:
        raise DataContractError(
            f"companions: {len(items)} items have at least {settings.min_buyers} buyers; expected two or more.",
            hint="lower outreach.companions.min_buyers, or use a coarser item such as category.",
        )
    sums = items.sort_values("item", ignore_index=True)
    names = sums["item"].to_numpy(dtype=object)
    same, later, lost = _tables(pairs, names)
    together, log_evidence = _together(same, sums["beside"].to_numpy(dtype=float))
    expected = _expected(later, sums["rest"].to_numpy(dtype=float)[:, None] - lost)
    after = posterior(later, expected, learn_prior(later, expected, log_evidence), log_evidence)
    popularity, uptake = _uptake(_by_week(buyers, names), customers, settings.popularity_days)
    return Companions(names, after, together, later, same, popularity, np.log(uptake))


def recommend(
    companions: Companions,
    owned: pd.DataFrame,
    cutoff_day: int,
    settings: CompanionSettings | None = None,
    *,
    top: int = 1,
) -> pd.DataFrame:
    """The best companions of every customer.

    A customer's rows do not depend on who else is in the frame, nor on the order of rows.

    Parameters
    ----------
    companions : Companions
    owned : frame
        `customer_id`, `item`, `last_day` (day number of the last purchase): all items that a customer has bought.
    cutoff_day : int
        Day number.
    settings : CompanionSettings, optional
    top : int
        Companions a customer.

    Returns
    -------
    frame
        One row a customer and rank, in that order: `customer_id`, `rank` (from 1), `companion`, `score`, `follows` (the
        owned item that is the strongest evidence for it; null where its rate alone is), and of that pair: `lift`,
        `lift_lo`, `lift_hi`, `later` (customers who did so), `indicated` (lift_lo > 1). A customer who owns every item
        has no row.
    """
    settings = settings or CompanionSettings()
    age = cutoff_day - owned["last_day"].to_numpy(dtype=float)
    who = _evened(ownership(owned, companions.items, np.exp2(-age / settings.memory_days)))
    log_lift = settings.weight * companions.log_lift()
    ranked = best_unowned(who.weights, lambda rows: rows @ log_lift + companions.log_uptake, top=top)
    follows = _strongest(who.weights, log_lift, ranked.items)
    return _table(companions, who, ranked, follows, settings.coverage)


def _tables(pairs: pd.DataFrame, names: NDArray[np.object_]) -> tuple[Array, Array, Array]:
    """Counts `same`, `later`, `lost` as (K, K) arrays: a row fills two cells, and 0 where no customer has both."""
    index = pd.Index(names)
    rows, columns = index.get_indexer(pd.Index(pairs["item"])), index.get_indexer(pd.Index(pairs["companion"]))
    same, later, lost = (np.zeros((len(names), len(names))) for _ in range(3))
    for table, above, below in ((same, "same", "same"), (later, "later", "earlier"), (lost, "lost", "lost")):
        table[rows, columns] = pairs[above].to_numpy(dtype=float)
        table[columns, rows] = pairs[below].to_numpy(dtype=float)
    return same, later, lost


def _together(same: Array, beside: Array) -> tuple[Lifts, Array]:
    """Lifts within a day, and the log of their means relative to the mean of all."""
    expected = _off_diagonal(np.outer(beside, beside) / max(beside.sum(), 1.0))
    prior = learn_prior(same, expected)
    lifts = posterior(same, expected, prior)
    return lifts, _off_diagonal(np.log(lifts.mean) - prior.level)


def _expected(later: Array, opportunities: Array) -> Array:
    """E_ab: opportunities times b's own rate over the buyers of every other item."""
    open_to = _off_diagonal(opportunities.copy())
    own_rate = later.sum(axis=0) / np.maximum(open_to.sum(axis=0), 1.0)
    return np.asarray(open_to * own_rate)


def _by_week(buyers: pd.DataFrame, names: NDArray[np.object_]) -> Array:
    """First purchases n_bt, shape (K, weeks), the newest week first."""
    weeks = buyers["weeks"].to_numpy(dtype="int64")
    table = np.zeros((len(names), 1 + weeks.max(initial=0)))
    table[pd.Index(names).get_indexer(pd.Index(buyers["item"])), weeks] = buyers["buyers"].to_numpy(dtype=float)
    return table


def _uptake(first: Array, customers: pd.DataFrame, half_life: float) -> tuple[Array, Array]:
    """Recent first purchases, and their rate p_b among those who do not own the item, each of shape (K,)."""
    n_weeks = first.shape[1]
    came = np.zeros(max(n_weeks, 1 + customers["weeks"].max()))
    came[customers["weeks"].to_numpy(dtype="int64")] = customers["customers"].to_numpy(dtype=float)
    so_far, owners = _from_the_oldest(came)[:n_weeks], _from_the_oldest(first) - first
    fading = np.exp2(-WEEK * np.arange(n_weeks) / half_life)
    popularity, without = first @ fading, (so_far - owners) @ fading
    # half a purchase at the rate of all items, so that no rate is 0
    return popularity, (popularity + 0.5) / (without + 0.5 * without.sum() / popularity.sum())


def _from_the_oldest(weeks: Array) -> Array:
    """Running sums along the last axis, which starts with the newest week."""
    return np.asarray(weeks[..., ::-1].cumsum(axis=-1)[..., ::-1])


def _off_diagonal(table: Array) -> Array:
    """The table itself, with zeros on its diagonal."""
    np.fill_diagonal(table, 0.0)
    return table


def _evened(who: Ownership) -> Ownership:
    """Weights of a customer over the square root of their sum."""
    totals = who.weights.sum(axis=1)
    scale = 1 / np.sqrt(np.where(totals > 0, totals, 1.0))
    evened = who.weights.copy()
    evened.data = evened.data * np.repeat(scale, np.diff(evened.indptr))
    return Ownership(who.customers, evened)


def _strongest(weights: sparse.csr_array, log_lift: Array, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The owned item that adds most to each chosen one, -1 where none adds; ties go to the first column.

    Parameters
    ----------
    weights : (n, K) sparse array
    log_lift : (K, K) array
    chosen : (n, top) array of int
    """
    rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    return np.stack([_strongest_for(weights, rows, log_lift, column) for column in chosen.T], axis=1)


def _strongest_for(
    weights: sparse.csr_array, rows: NDArray[np.int64], log_lift: Array, chosen: NDArray[np.int64]
) -> NDArray[np.int64]:
    added = weights.data * log_lift[weights.indices, chosen[rows]]
    best = np.zeros(weights.shape[0])
    np.maximum.at(best, rows, added)
    is_best = (added > 0) & (added == best[rows]) & (chosen[rows] >= 0)
    found = np.full(weights.shape[0], -1, dtype=np.int64)
    # from the last to the first, so that the first of equals stays
    found[rows[is_best][::-1]] = weights.indices[is_best][::-1]
    return found


def _table(
    companions: Companions, who: Ownership, ranked: Ranked, follows: NDArray[np.int64], coverage: float
) -> pd.DataFrame:
    n, top = ranked.items.shape
    offered, why = ranked.items.ravel(), follows.ravel()
    because = np.flatnonzero(why >= 0)
    numbers = {name: np.full(n * top, np.nan) for name in ("lift", "lift_lo", "lift_hi", "later")}
    pair = (why[because], offered[because])
    numbers["lift"][because] = companions.later.shape[pair] / companions.later.rate[pair]
    numbers["lift_lo"][because], numbers["lift_hi"][because] = companions.later.interval(*pair, coverage=coverage)
    numbers["later"][because] = companions.n_later[pair]
    return pd.DataFrame(
        {
            "customer_id": np.repeat(who.customers, top),
            "rank": np.tile(np.arange(1, top + 1), n),
            "companion": companions.items[offered],
            "score": ranked.scores.ravel(),
            "follows": pd.Series(companions.items, dtype="str").reindex(why).array,
            **numbers,
            "indicated": numbers["lift_lo"] > 1,
        }
    )[offered >= 0].reset_index(drop=True)

"""Offers made of items: bundles, upgrades and larger packs; each only where the orders support it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ltvml.outreach.offers.companions import Companions

STARS = 20
TIERS = 3
LARGEST_STEP = 2.0
"""An upgrade costs at most this many times the item it replaces."""
ELASTICITY = 0.5
PACK = 2.0


def bundles(companions: Companions, *, stars: int = STARS, coverage: float = 0.95) -> pd.DataFrame:
    """A star with the item that most surely goes into the same basket.

    The stars are the items with the highest present popularity; the complement of a star is the item with the highest
    lower bound of the lift within a day, and there is none where no bound is above 1.

    Parameters
    ----------
    companions : Companions
    stars : int
        Stars looked at.
    coverage : float
        Of the interval.

    Returns
    -------
    frame
        By falling popularity of the star, each pair once: `star`, `complement`, `together` (customers who first bought
        both on one day), `lift`, `lift_lo`, `lift_hi`.
    """
    # a stable sort of names in ascending order: ties go to the first name
    rows = np.argsort(-companions.popularity, kind="stable")[:stars]
    everything = np.arange(len(companions.items))
    lower, _ = companions.together.interval(rows[:, None], everything[None, :], coverage=coverage)
    lower[np.arange(len(rows)), rows] = -np.inf
    best = lower.argmax(axis=1)
    lo, hi = companions.together.interval(rows, best, coverage=coverage)
    table = pd.DataFrame(
        {
            "star": companions.items[rows],
            "complement": companions.items[best],
            "together": companions.n_together[rows, best].astype("int64"),
            "lift": companions.together.mean[rows, best],
            "lift_lo": lo,
            "lift_hi": hi,
        }
    )
    sure = table[table["lift_lo"] > 1]
    # a pair is one bundle, whichever of the two is the star
    pair = sure[["star", "complement"]].apply(lambda row: tuple(sorted(row)), axis=1) if len(sure) else pd.Series()
    return sure[~pair.duplicated().to_numpy()].reset_index(drop=True)


def with_prices(made: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Bundles with the usual prices of their items and of both together; null where an item has none.

    Parameters
    ----------
    made : (n, ...) frame
        As `bundles` gives it.
    prices : frame
        `item`, `price` of `features.plan.prices.item_prices`.

    Returns
    -------
    (n, ...) frame
        With `star_price`, `complement_price` and `price`, their sum: columns of `contracts.BUNDLES`.

    Examples
    --------
    >>> made = pd.DataFrame({"star": ["tea", "cup"], "complement": ["cup", "jam"]})
    >>> with_prices(made, pd.DataFrame({"item": ["tea", "cup"], "price": [2.5, 4.0]}))["price"].tolist()
    [6.5, nan]
    """
    usual = prices.set_index("item")["price"]
    both = {f"{name}_price": made[name].map(usual).astype(float) for name in ("star", "complement")}
    return made.assign(**both, price=both["star_price"] + both["complement_price"])


def price_tiers(category: ArrayLike, price: ArrayLike, buyers: ArrayLike, *, tiers: int = TIERS) -> NDArray[np.int64]:
    """Tier of a product's price within its category, from 0, the cheapest.

    tier = floor(tiers (B_below + b / 2) / B), with b the buyers of products at that price, B_below those of cheaper
    ones and B all of the category: equal prices share a tier, and each tier sells to about the same number.

    Parameters
    ----------
    category, price, buyers : (n,) arrays
    tiers : int

    Returns
    -------
    (n,) array of int

    Examples
    --------
    >>> price_tiers(["tea"] * 3, [2.0, 9.0, 4.0], [10, 10, 10])
    array([0, 2, 1])
    """
    table = pd.DataFrame({"category": np.asarray(category), "price": np.asarray(price, dtype=float)})
    table["buyers"] = np.asarray(buyers, dtype=float)
    prices = table.groupby(["category", "price"], as_index=False)["buyers"].sum()
    by_category = prices.groupby("category")["buyers"]
    share = (by_category.cumsum() - prices["buyers"] / 2) / by_category.transform("sum")
    prices["tier"] = np.minimum((tiers * share).astype("int64"), tiers - 1)
    placed = table.merge(prices[["category", "price", "tier"]], on=["category", "price"], how="left")
    return placed["tier"].to_numpy(dtype="int64")


def upgrades(
    companions: Companions, products: pd.DataFrame, *, largest_step: float = LARGEST_STEP, coverage: float = 0.95
) -> pd.DataFrame:
    """The higher-priced product of the same category that buyers of a product most surely bought later.

    b is an upgrade of a where both are of one category, b is one price tier above a, price_a < price_b <= largest_step
    price_a, and the lower bound of the lift of b after a is above 1; the highest lower bound is chosen.

    Parameters
    ----------
    companions : Companions
        Learned with products as items.
    products : frame
        `product_id`, `category`, `price`, `buyers`; products that are not among the items are left out of the
        offers, but count in the tiers.
    largest_step : float
    coverage : float
        Of the interval.

    Returns
    -------
    frame
        By product: `product_id`, `upgrade`, `price_ratio`, `moved` (customers who bought the upgrade after it), `lift`,
        `lift_lo`, `lift_hi`.

    Raises
    ------
    ConfigError
        If `largest_step` is not above 1.
    """
    if largest_step <= 1:
        raise ConfigError(f"upgrades.largest_step is {largest_step}; expected above 1, for example 2.")
    tier = price_tiers(products["category"], products["price"], products["buyers"])
    column = pd.Index(companions.items).get_indexer(pd.Index(products["product_id"]))
    known = products.assign(tier=tier, column=column)[column >= 0][["category", "price", "tier", "column"]]
    above = known.assign(tier=known["tier"] - 1).rename(columns={"price": "dearer", "column": "to"})
    pairs = known.merge(above, on=["category", "tier"])
    pairs = pairs[(pairs["dearer"] > pairs["price"]) & (pairs["dearer"] <= largest_step * pairs["price"])]
    at = pairs["column"].to_numpy(dtype="int64"), pairs["to"].to_numpy(dtype="int64")
    lo, hi = companions.later.interval(*at, coverage=coverage)
    table = pd.DataFrame(
        {
            "product_id": companions.items[at[0]],
            "upgrade": companions.items[at[1]],
            "price_ratio": (pairs["dearer"] / pairs["price"]).to_numpy(dtype=float),
            "moved": companions.n_later[at].astype("int64"),
            "lift": companions.later.mean[at],
            "lift_lo": lo,
            "lift_hi": hi,
        }
    )
    sure = table[table["lift_lo"] > 1].sort_values(["product_id", "lift_lo", "upgrade"], ascending=[True, False, True])
    return sure.drop_duplicates("product_id").reset_index(drop=True)


def stock_up(elasticities: pd.DataFrame, *, threshold: float = ELASTICITY, pack: float = PACK) -> pd.DataFrame:
    """Items of which a larger pack delays the next purchase nearly as much as it holds more.

    A gap grows as q^eta with the quantity q bought before it (`models/replenishment`). With eta = 1 a double pack lasts
    twice as long; with eta = 0 the next purchase comes when it would have come, and the pack sells nothing ahead.

    Parameters
    ----------
    elasticities : frame
        `item`, `elasticity` (eta, in [0, 1]); rows without one are left out.
    threshold : float
        The smallest eta that allows a pack.
    pack : float
        Size of the pack against the usual quantity, above 1.

    Returns
    -------
    frame
        By falling elasticity, ties by name: `item`, `elasticity`, `pack`, `lasts` = pack^eta (how many times the gap).

    Raises
    ------
    ConfigError
        If the threshold is outside (0, 1], or the pack is not above 1.

    Examples
    --------
    >>> stock_up(pd.DataFrame({"item": ["oats", "milk"], "elasticity": [1.0, 0.1]}))["lasts"].tolist()
    [2.0]
    """
    if not 0 < threshold <= 1 or pack <= 1:
        raise ConfigError(
            f"stock_up.threshold is {threshold} and stock_up.pack {pack}; expected above 0 up to 1, and above 1.",
            hint="with the defaults, 0.5 and 2, a double pack must last at least 1.4 times as long.",
        )
    allowed = elasticities.loc[elasticities["elasticity"] >= threshold, ["item", "elasticity"]]
    best = allowed.sort_values(["elasticity", "item"], ascending=[False, True], ignore_index=True)
    return best.assign(pack=pack, lasts=pack ** best["elasticity"])

"""A simulated grocer whose customers stop coming, and what each replenishment model learns from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.clock import OperationalTime
from ltvml.datasets.simulate_renewals import Renewals, SimulatedItem, simulate_renewals
from ltvml.models import registry
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.replenishment.by_period import ByPeriod
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.pair_features import with_features
from ltvml.models.replenishment.pair_snapshots import PairSnapshots

if TYPE_CHECKING:
    from ltvml.models.base import ReplenishmentModel

CUSTOMERS, CUTOFF, FOLLOW_UP = 1200, 420, 28
ORIGINS = (CUTOFF - 120, CUTOFF - 90, CUTOFF - 60, CUTOFF - 28)
# a multiplicative hash (Knuth), stable and spread over 32 bits
SPREAD, BUCKETS = 2_654_435_761, 2**32
ITEMS = (
    SimulatedItem("bread", 1100, kappa=1.2, a=2.0, b=25.0, pi=0.98, elasticity=0.1, group="food"),
    SimulatedItem("coffee", 1000, kappa=2.5, a=5.0, b=55.0, pi=0.9, elasticity=0.6, group="food"),
    SimulatedItem("filters", 600, kappa=6.0, a=6.0, b=50.0, pi=0.85, elasticity=0.3, group="ware"),
    SimulatedItem("soap", 800, kappa=1.5, a=3.0, b=90.0, pi=0.8, elasticity=0.8, group="ware"),
)


@dataclass(frozen=True)
class Grocer:
    """Purchases, and the columns of households and the models that stand on them."""

    renewals: Renewals

    def renewal_at(self, origin: int) -> GammaRenewal:
        return GammaRenewal().fit(self.renewals.history(origin))

    def purchase_at(self, origin: int) -> InOperationalTime:
        summary = self.household_at(origin).assign(cutoff_day=origin)
        return InOperationalTime(BGNBD(), OperationalTime()).fit(summary)

    def household_at(self, origin: int) -> pd.DataFrame:
        """Rhythm of each customer up to an origin: what the engine counts for the real ones."""
        seen = self.renewals.days[self.renewals.days["day"] <= origin]
        by = seen.groupby("customer_id")
        first, last, counts = by["day"].min(), by["day"].max(), seen.groupby(["customer_id", "item"]).size()
        return pd.DataFrame(
            {
                "frequency": by["day"].nunique() - 1,
                "recency": last - first,
                "T": origin - first,
                "items": by["item"].nunique(),
                "items_repeated": (counts > 1).groupby("customer_id").sum(),
                "item_days": by.size(),
            }
        ).reset_index()

    def rows_at(self, origin: int, renewal: GammaRenewal) -> pd.DataFrame:
        """Rows to score, with the gaps scaled for one renewal."""
        pairs = self.renewals.pairs(origin, renewal.items_.elasticity)
        return pairs.merge(self.household_at(origin), on="customer_id")

    def snapshots(self) -> PairSnapshots:
        frames, waits = [], []
        for origin in ORIGINS:
            renewal, purchase = self.renewal_at(origin), self.purchase_at(origin)
            X = self.rows_at(origin, renewal)
            wait = self.renewals.waits(X)
            frames.append(with_features(X, renewal, purchase))
            waits.append(np.where(wait <= FOLLOW_UP, wait, np.inf))
        X = pd.concat(frames, ignore_index=True)
        bucket = (X["customer_id"].astype(int).to_numpy() * SPREAD) % BUCKETS
        renewal, purchase = self.renewal_at(CUTOFF), self.purchase_at(CUTOFF)
        return PairSnapshots(X, np.concatenate(waits), bucket, FOLLOW_UP, renewal, purchase)


@cache
def the_grocer() -> Grocer:
    whole = simulate_renewals(CUSTOMERS, ITEMS, end_day=CUTOFF + 91, entry_days=250, random_state=11)
    # a customer who leaves stops buying everything at once, which no item alone can tell
    leaves = np.random.default_rng(12).exponential(300, CUSTOMERS)
    stays = whole.days["day"].to_numpy() <= 60 + leaves[whole.days["customer_id"].astype(int)]
    return Grocer(Renewals(whole.days[stays].reset_index(drop=True), whole.items))


@cache
def learned(name: str) -> ReplenishmentModel:
    model = registry.make("replenishment", name)
    return model.fit(the_snapshots() if isinstance(model, ByPeriod) else the_grocer().renewals.history(CUTOFF))


@cache
def the_snapshots() -> PairSnapshots:
    return the_grocer().snapshots()


@pytest.fixture(scope="session")
def grocer() -> Grocer:
    return the_grocer()


@pytest.fixture(scope="session")
def snapshots() -> PairSnapshots:
    return the_snapshots()


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """Rows of the cutoff, scaled for the renewal of the cutoff."""
    return the_grocer().rows_at(CUTOFF, the_snapshots().renewal)


@pytest.fixture(scope="session")
def truth(rows) -> np.ndarray:
    """Days to the next purchase of each row; inf without one."""
    return the_grocer().renewals.waits(rows)


@pytest.fixture
def model(name) -> ReplenishmentModel:
    """The fitted model of this `name`."""
    return learned(name)

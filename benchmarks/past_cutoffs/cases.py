"""The cases: a shop, a share of its customers, a cutoff and a horizon.

No window of a case ends after the cutoff of E2, E3 or E5 (`benchmarks/protocols.py`), so their test windows stay
unseen. The test windows of E1 and E4 are most of their data set: cases have other cutoffs and shorter horizons, but lie
inside them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from past_cutoffs.shops import SHOPS, START, simulate_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One past cutoff.

    Parameters
    ----------
    shop : str
        Folder of a real shop, or a name of `shops.SHOPS`.
    cutoff : str
    horizon : int
        Days.
    part : int
        Which draw of the simulated shop, or which part of a real shop's customers.
    """

    shop: str
    cutoff: str
    horizon: int
    part: int

    @property
    def name(self) -> str:
        """Unique, and fit for a file."""
        return f"{self.shop}-{self.cutoff}-{self.horizon}-{self.part}"


UNSEEN_FROM = {"cdnow": "1998-03-31", "online_retail_2": "2011-09-10", "complete_journey": "2017-12-03"}
PARTS = {"cdnow": 10, "online_retail_2": 4, "complete_journey": 2}
SET_ASIDE = ["dup_sheet_overlap", "is_cancellation", "is_adjustment", "is_non_product"]
REAL = {
    "cdnow": {
        "1997-05-31": (28, 60),
        "1997-07-15": (45, 91, 183),
        "1997-09-15": (28, 91),
        "1997-10-31": (60, 120),
        "1997-12-15": (30, 91),
        "1998-01-31": (45,),
    },
    "online_retail_2": {
        "2010-06-15": (45, 90),
        "2010-09-01": (30, 90, 180),
        "2010-11-20": (60, 120),
        "2011-02-15": (30, 90, 180),
        "2011-05-10": (45, 90, 120),
        "2011-07-10": (28, 60),
    },
    "complete_journey": {
        "2017-03-15": (14, 28),
        "2017-05-01": (28, 56),
        "2017-06-20": (7, 28, 91),
        "2017-08-15": (14, 60),
        "2017-10-01": (28, 56),
        "2017-11-01": (7, 28),
    },
}
# days after the start of the shop, and horizons
SIMULATED = {
    "stationary": {300: (45, 120), 540: (90, 180)},
    "drifting_quality": {330: (45, 120), 560: (60, 150)},
    "falling_rate": {330: (45, 120), 560: (60, 150)},
    "growth": {400: (45, 120), 600: (60, 90)},
    "promo_burst": {275: (30, 90), 350: (60, 120)},
    "young": {75: (30, 60), 130: (30, 45, 90)},
    "closed_cohort": {200: (60, 120), 420: (90, 180)},
    "season": {540: (60, 120), 690: (30, 90), 900: (60,)},
    "level_shock": {380: (60, 120), 430: (45, 90), 560: (90,)},
    "regular": {300: (30, 90), 540: (30, 90)},
    "once_a_year": {800: (90, 365), 1000: (180, 365)},
}


def cases() -> list[Case]:
    """All of them, a shop after the other in turn, so that a part of the list is a fair part."""
    by_shop = [*(list(_real(shop)) for shop in REAL), *(list(_simulated(shop)) for shop in SIMULATED)]
    longest = max(len(of_shop) for of_shop in by_shop)
    return [of_shop[place] for place in range(longest) for of_shop in by_shop if place < len(of_shop)]


def _real(shop: str) -> Iterator[Case]:
    for number, (cutoff, horizons) in enumerate(REAL[shop].items()):
        for place, horizon in enumerate(horizons):
            yield Case(shop, cutoff, horizon, part=(number + 3 * place) % PARTS[shop])


def _simulated(shop: str) -> Iterator[Case]:
    for draw in range(2):
        for day, horizons in SIMULATED[shop].items():
            cutoff = str((START + pd.Timedelta(days=day)).date())
            # the second draw is asked every other question, so that cases differ more than draws do
            yield from (Case(shop, cutoff, horizon, draw) for horizon in horizons[draw:])


def orders_of(case: Case, data: Path) -> pd.DataFrame:
    """All orders of the shop's part: customer_id, order_date, amount and what more there is of an order."""
    if case.shop in SHOPS:
        return simulate_shop(SHOPS[case.shop], seed=zlib.crc32(f"{case.shop}{case.part}".encode()))
    orders = _orders(data / case.shop / "transactions.parquet")
    return orders[orders["part"] % PARTS[case.shop] == case.part].drop(columns="part").reset_index(drop=True)


@lru_cache(maxsize=3)
def _orders(path: Path) -> pd.DataFrame:
    """Orders of a real shop, cleaned as in `benchmarks/protocols.py`, and a hash of the customer."""
    lines = pd.read_parquet(path)
    lines = lines[lines["customer_id"].notna()].assign(customer_id=lambda frame: frame["customer_id"].astype(str))
    if "sheet" in lines:
        lines = lines[~lines[SET_ASIDE].any(axis=1) & (lines["quantity"] > 0) & (lines["unit_price"] > 0)]
    lines = lines[lines["amount"] > 0] if path.parent.name != "cdnow" else lines
    if "order_id" in lines:
        keys = ["customer_id", "order_id", "order_date"]
        sums = {name: "sum" for name in ("amount", "quantity") if name in lines}
        lines = lines.groupby(keys, as_index=False, sort=True).agg(sums)
    kept = [name for name in ("customer_id", "order_id", "order_date", "amount", "quantity") if name in lines]
    names = lines["customer_id"].unique()
    hashed = pd.Series(np.array([zlib.crc32(name.encode()) for name in names]) % 2520, index=names)
    return lines[kept].assign(part=hashed.reindex(lines["customer_id"]).to_numpy())

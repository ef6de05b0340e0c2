"""Customers x items as known at any earlier day, and the renewals fitted there, each computed once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from ltvml.backtesting.history import BUCKETS
from ltvml.backtesting.sampled_customers import SAMPLE_SALT
from ltvml.features.items.days import item_days_around, item_days_as_of
from ltvml.features.items.gaps import item_gaps, item_outcomes
from ltvml.features.items.pairs import category_of_products, pairs
from ltvml.features.split import seen
from ltvml.models.replenishment.gamma_renewal import GammaRenewal
from ltvml.models.replenishment.item_fit import ELASTICITY
from ltvml.models.replenishment.pair_features import with_features
from ltvml.models.replenishment.pair_history import PairHistory, log_quantities
from ltvml.models.replenishment.pair_snapshots import PairSnapshots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.arrays import Array
    from ltvml.backtesting.history import History
    from ltvml.engines.base import Engine
    from ltvml.window import Window


PAIR = ["customer_id", "item"]
# a salt of its own: learners hold customers out, and sample them, by the bucket of the other
PAST_SALT = "past items"


@dataclass
class ItemHistory:
    """What was known of each customer x item on each day.

    Parameters
    ----------
    history : History
    item : str
        Column of the lines that names the item.
    days_per_unit : dict of str to float
        What the user knows of how long a unit lasts.
    contents : frame, optional
        `product_id`, `item`, `units`: what is inside the products.
    past_share : float
        Share of the customers, by their hash, who are looked at on days before the cutoff; see `sample_past`.
    """

    history: History
    item: str
    days_per_unit: dict[str, float] = field(default_factory=dict)
    contents: pd.DataFrame | None = None
    past_share: float = 1.0
    _item_days: dict[int, nw.LazyFrame[Any]] = field(default_factory=dict, repr=False)
    _gaps: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _known: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _renewals: dict[int, GammaRenewal] = field(default_factory=dict, repr=False)
    _parts: dict[tuple[int, int], tuple[pd.DataFrame, Array]] = field(default_factory=dict, repr=False)

    def sample_past(self, day: int, most: int) -> None:
        """Look at so few customers on earlier days that a day has `most` pairs or not many more.

        Parameters
        ----------
        day : int
            The oldest day that will be looked at; nothing after it decides the share.
        most : int
        """
        pairs_then = seen(self.history.sampled_lines, self._window(day)).select("customer_id", self.item).unique()
        count = self._engine.collect(pairs_then.select(nw.len().cast(nw.Int64).alias("pairs")))["pairs"].iloc[0]
        self.past_share = min(most / max(int(count), 1), 1.0)

    def known(self, day: int) -> pd.DataFrame:
        """Rows of `contracts.PAIRS` of the sampled customers as of a day, without elasticity, with `bucket`."""
        if day not in self._known:
            table = pairs(
                self._days(day), self.history.sampled_days(day), self._window(day), decimals=self.history.decimals
            )
            frame = self._engine.collect(self._engine.bucket(table, SAMPLE_SALT))
            self._known[day] = frame.sort_values(PAIR).reset_index(drop=True)
        return self._known[day]

    def gaps(self, day: int) -> pd.DataFrame:
        """Closed gaps of the sampled customers up to a day."""
        if day not in self._gaps:
            frame = self._engine.collect(item_gaps(self._days(day), self._window(day)))
            self._gaps[day] = frame.sort_values([*PAIR, "gap", "quantity"]).reset_index(drop=True)
        return self._gaps[day]

    def pair_history(self, day: int) -> PairHistory:
        """What a model may be fitted to at a day."""
        return PairHistory(self.known(day), self.gaps(day), self.groups(day), self.days_per_unit)

    def renewal(self, day: int) -> GammaRenewal:
        """The renewal fitted as of a day."""
        if day not in self._renewals:
            before = max((other for other in self._renewals if other < day), default=None)
            earlier = None if before is None else self._renewals[before]
            self._renewals[day] = GammaRenewal().fit(self.pair_history(day), earlier=earlier)
        return self._renewals[day]

    def rows(self, day: int) -> pd.DataFrame:
        """`known`, with gaps scaled by the elasticity of the renewal of that day."""
        return scaled(self.known(day), self.gaps(day), self.renewal(day))

    def wait(self, day: int, horizon: int, *, until: int) -> Array:
        """Days to the next purchase of the item within the horizon and up to `until`; inf where none, (n,)."""
        around = item_days_around(
            self.history.sampled_lines, self.item, self._window(day), horizon, until=until, **self._item_options
        )
        found = self._engine.collect(item_outcomes(around, self._window(day), horizon, until=until))
        joined = self.known(day)[PAIR].merge(found, on=PAIR, how="left")["wait"]
        return np.asarray(joined.fillna(np.inf), dtype=float)

    def snapshots(self, origins: Sequence[int], day: int, *, follow_up: int) -> PairSnapshots:
        """What learners may be trained on at `day`; every window closes on or before it."""
        parts = [self._part(origin, follow_up, until=day) for origin in origins]
        return PairSnapshots(
            X=pd.concat([rows for rows, _ in parts], ignore_index=True),
            wait=np.concatenate([wait for _, wait in parts]),
            bucket=np.concatenate([rows["bucket"].to_numpy() for rows, _ in parts]),
            follow_up=follow_up,
            renewal=self.renewal(day),
            purchase=self.history.closed_form(day).purchase,
        )

    def groups(self, day: int) -> dict[str, str]:
        """Category of each product as of a day, where products are the items and the orders name categories."""
        lines = seen(self.history.sampled_lines, self._window(day))
        if self.item != "product_id" or "category" not in lines.collect_schema().names():
            return {}
        table = self._engine.collect(category_of_products(lines))
        return dict(zip(table["item"], table["category"], strict=True))

    def _part(self, origin: int, follow_up: int, *, until: int) -> tuple[pd.DataFrame, Array]:
        """Rows of one origin; the same for everybody who sees its window closed."""
        until = min(until, origin + follow_up)
        if (origin, until) not in self._parts:
            rows = with_features(self.rows(origin), self.renewal(origin), self.history.closed_form(origin).purchase)
            self._parts[origin, until] = rows, self.wait(origin, follow_up, until=until)
        return self._parts[origin, until]

    @property
    def _engine(self) -> Engine:
        return self.history.sample_engine

    def _window(self, day: int) -> Window:
        return self.history.window(day)

    @cached_property
    def _past_lines(self) -> nw.LazyFrame[Any]:
        """Lines of the customers who are looked at on earlier days."""
        lines = self.history.sampled_lines
        if self.past_share == 1.0:
            return lines
        bucketed = self._engine.bucket(lines, PAST_SALT)
        return self._engine.keep(bucketed.filter(nw.col("bucket") < self.past_share * BUCKETS).drop("bucket"))

    def _days(self, day: int) -> nw.LazyFrame[Any]:
        if day not in self._item_days:
            lines = self.history.sampled_lines if day == self.history.cutoff_day else self._past_lines
            table = item_days_as_of(lines, self.item, self._window(day), **self._item_options)
            self._item_days[day] = self._engine.keep(table)
        return self._item_days[day]

    @cached_property
    def contents_table(self) -> nw.LazyFrame[Any] | None:
        """`contents` in the engine."""
        return None if self.contents is None else self._engine.table(self.contents)

    @property
    def _item_options(self) -> dict[str, Any]:
        return {"contents": self.contents_table, "has_returns": self.history.intake.ledger.has_returns}


def scaled(known: pd.DataFrame, gaps: pd.DataFrame, renewal: GammaRenewal) -> pd.DataFrame:
    """Pairs with `gap_sum` and `gap_log_sum` as the renewal scales gaps; the engine does the same for a score."""
    items = renewal.items_
    delay = items.points[items.codes(gaps["item"]), ELASTICITY] * log_quantities(gaps["quantity"])
    days = gaps["gap"].to_numpy(dtype=float)
    sums = gaps[PAIR].assign(gap_sum=days * np.exp(-delay), gap_log_sum=np.log(days) - delay).groupby(PAIR).sum()
    joined = known[PAIR].merge(sums.reset_index(), on=PAIR, how="left")
    return known.assign(gap_sum=joined["gap_sum"].fillna(0.0), gap_log_sum=joined["gap_log_sum"].fillna(0.0))

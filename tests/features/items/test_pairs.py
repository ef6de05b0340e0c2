"""The row of a customer x item: its own statistics beside those of the customer, counted again with pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import PAIRS
from ltvml.features.behaviour.table import days_as_of
from ltvml.features.items.days import item_days_as_of
from ltvml.features.items.pairs import category_of_products, pairs
from ltvml.features.summary import customer_summary
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import narwhals as nw

    from ltvml.engines.duckdb import DuckDBEngine

    LinesOf = Callable[..., nw.LazyFrame[Any]]

CUTOFF = 15_000
WINDOW = Window(date_of(CUTOFF))
CUSTOMERS, ITEMS, ROWS = 12, 5, 300
# a sum of gaps is kept to 2**-40 a gap
CLOSE = 1e-9
LENT = ["frequency", "recency", "T"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Purchases on random days on both sides of the cutoff; some rows name no item."""
    rng = np.random.default_rng(8)
    items = rng.choice([f"i{number}" for number in range(ITEMS)], ROWS).astype(object)
    items[rng.random(ROWS) < 0.1] = None
    rows = pd.DataFrame(
        {
            "customer_id": rng.choice([f"c{number:02}" for number in range(CUSTOMERS)], ROWS),
            "day": rng.integers(CUTOFF - 200, CUTOFF + 60, ROWS),
            "amount": rng.integers(1, 900, ROWS),
            "quantity": rng.integers(1, 4, ROWS).astype(float),
            "category": items,
        }
    )
    # a customer who never names an item
    rows.loc[rows["customer_id"] == "c11", "category"] = None
    return rows


@pytest.fixture(scope="module")
def table(engine: DuckDBEngine, frame: pd.DataFrame) -> Callable[..., pd.DataFrame]:
    lines = engine.table(frame.assign(fault=pd.Series(None, index=frame.index, dtype="str")))

    def made(elasticity: dict[str, float] | None = None) -> pd.DataFrame:
        etas = None
        if elasticity is not None:
            etas = engine.table(pd.DataFrame({"item": list(elasticity), "elasticity": list(elasticity.values())}))
        items = item_days_as_of(lines, "category", WINDOW, has_returns=False)
        days = days_as_of(lines, WINDOW, has_returns=False)
        found = engine.collect(pairs(items, days, WINDOW, elasticity=etas, decimals=2))
        return found.sort_values(["customer_id", "item"]).reset_index(drop=True)

    return made


def test_the_columns_are_those_of_the_contract(table):
    found = table()
    assert tuple(found) == PAIRS.names
    kinds = {"string": "OT", "int64": "i", "float64": "f"}
    assert all(found[column.name].dtype.kind in kinds[column.dtype] for column in PAIRS.columns)


def test_a_pair_is_counted_from_its_own_days_up_to_the_cutoff(table, frame):
    named = frame[frame["category"].notna() & (frame["day"] <= CUTOFF)]
    by_pair = named.groupby(["customer_id", "category"])["day"]
    found = table().set_index(["customer_id", "item"])
    assert (found["n_orders"] == by_pair.nunique()).all()
    assert (found["first_day"] == by_pair.min()).all()
    assert (found["last_day"] == by_pair.max()).all()
    assert (found["elapsed"] == CUTOFF - by_pair.max()).all()
    assert (found["gap_sum"] == by_pair.max() - by_pair.min()).all()
    assert len(found) == by_pair.ngroups


def test_the_household_counts_every_item_of_the_customer(table, frame):
    named = frame[frame["category"].notna() & (frame["day"] <= CUTOFF)]
    days = named.drop_duplicates(["customer_id", "category", "day"]).groupby(["customer_id", "category"]).size()
    by_customer = days.groupby("customer_id")
    found = table().drop_duplicates("customer_id").set_index("customer_id")
    assert (found["items"] == by_customer.size()).all()
    assert (found["items_repeated"] == (days > 1).groupby("customer_id").sum()).all()
    assert (found["item_days"] == by_customer.sum()).all()


def test_the_rhythm_is_that_of_the_summary_and_counts_rows_without_an_item(engine, table, frame):
    lines = engine.table(frame.assign(fault=pd.Series(None, index=frame.index, dtype="str")))
    days = days_as_of(lines, WINDOW, has_returns=False)
    summary = engine.collect(customer_summary(days, WINDOW, decimals=2)).set_index("customer_id")
    found = table().drop_duplicates("customer_id").set_index("customer_id")
    assert (found[LENT] == summary.loc[found.index, LENT]).all(axis=None)
    assert "c11" in summary.index
    assert "c11" not in found.index


def test_gaps_are_scaled_by_the_quantity_bought_before_each(table, frame):
    named = frame[frame["category"].notna() & (frame["day"] <= CUTOFF)]
    days = named.groupby(["customer_id", "category", "day"])["quantity"].sum().reset_index()
    gap = days.groupby(["customer_id", "category"])["day"].shift(-1) - days["day"]
    eta = days["category"].map({"i0": 0.5, "i1": 1.0}).fillna(0.0)
    scaled = (gap / days["quantity"] ** eta).groupby([days["customer_id"], days["category"]]).sum()
    found = table({"i0": 0.5, "i1": 1.0}).set_index(["customer_id", "item"])
    np.testing.assert_allclose(found["gap_sum"], scaled, rtol=CLOSE)


def test_a_product_has_the_first_of_its_categories_by_name(engine):
    lines = pd.DataFrame({"product_id": ["a", "a", "b", "c", None], "category": ["y", "x", "z", None, "w"]})
    found = engine.collect(category_of_products(engine.table(lines)))
    assert dict(zip(found["item"], found["category"], strict=True)) == {"a": "x", "b": "z"}

"""Names of products reach whoever reads a list; ids stay in their own column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import ltvml
from ltvml.datasets import simulate_baby_brand

if TYPE_CHECKING:
    from pathlib import Path

# where no installed font has Chinese letters a plot says so: tests/plots/test_letters.py
pytestmark = pytest.mark.filterwarnings("ignore:plots show:ltvml.errors.DataWarning")
NAMES = {
    "formula": "婴儿奶粉",
    "diapers": "纸尿裤",
    "care": "护理用品",
    "nutrition": "益生菌",
    "gear": "婴儿车",
}
CODES = {item: f"P{number}" for number, item in enumerate(NAMES, start=1)}
CODE = r"\bP\d\b"
CUTOFF = "2024-12-31"


@dataclass(frozen=True, eq=False)
class Shop:
    """Orders by product, and where the results are."""

    folder: Path
    orders: pd.DataFrame

    def config(self, **sections: Any) -> ltvml.Config:
        given: dict[str, Any] = {
            "window": {"cutoff": CUTOFF, "churn_horizon": 60, "ltv_horizon": 180},
            "season": "off",
            "models": {
                "purchase": "mbg_nbd",
                "churn": "closed_form",
                "value": "purchase_times_spend",
                "replenishment": "gamma_renewal",
            },
            "tracking": {"backend": "none"},
            "output": {"dir": str(self.folder / "out")},
            "outreach": {"ladder": {"draws": 50}, "language": "zh"},
        }
        return ltvml.Config.model_validate(given | sections)

    def planned(self, **sections: Any) -> Any:
        config = self.config(**sections)
        ltvml.fit(config, transactions=self.orders)
        ltvml.score(config, transactions=self.orders)
        return ltvml.plan_outreach(config, transactions=self.orders)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    orders = simulate_baby_brand(300, random_state=3).orders
    items = orders["category"].map(lambda name: name.split()[0])
    known = items.isin(list(NAMES))
    orders = orders[known].assign(product_id=items[known].map(CODES), item_name=items[known].map(NAMES))
    return Shop(tmp_path, orders.drop(columns="category").reset_index(drop=True))


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False)


def test_whoever_reads_a_plan_reads_names_and_finds_the_ids_beside_them(shop: Shop) -> None:
    report = shop.planned()
    contacts, tasks = read(report.folder, "outreach.csv"), read(report.folder, "tasks.csv")
    by_code = {CODES[item]: name for item, name in NAMES.items()}
    for table in (contacts, tasks):
        named = table[table["item"] != ""]
        assert len(named) > 0
        assert named["item_name"].tolist() == named["item"].map(by_code).tolist()
        assert not table["reason"].str.contains(CODE).any()
        shown = [name in why for name, why in zip(named["item_name"], named["reason"], strict=True)]
        assert all(shown)
    assert not pd.Series(report.text()).str.contains(CODE).any()
    items = pd.read_csv(shop.folder / "out" / "bundle" / "items.csv", dtype=str)
    assert dict(zip(items["item"], items["item_name"], strict=True)) == by_code
    # the plan itself keeps ids, by which the next run and the shop's systems know an item
    assert set(report.plan["item"].dropna().astype(str)) <= set(by_code)


def test_the_table_of_products_has_the_last_word(shop: Shop) -> None:
    table = pd.DataFrame({"product_id": list(CODES.values()), "name": [f"Brand {item}" for item in CODES]})
    table.to_csv(shop.folder / "products.csv", index=False)
    report = shop.planned(products={"source": str(shop.folder / "products.csv")}, outreach={"ladder": {"draws": 50}})
    contacts = read(report.folder, "outreach.csv")
    named = contacts[contacts["item"] != ""]
    assert named["item_name"].str.startswith("Brand ").all()
    assert len(named) > 0


def test_without_names_an_item_is_called_by_its_id(shop: Shop) -> None:
    nameless = Shop(shop.folder, shop.orders.drop(columns="item_name"))
    contacts = read(nameless.planned().folder, "outreach.csv")
    assert contacts["item_name"].tolist() == contacts["item"].tolist()

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import yaml
from families import OTHER

from ltvml.config import load_config
from ltvml.datasets import demo_config, online_retail, online_retail_lines, online_retail_products

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "build_online_retail.py"

# counted in the source with DuckDB, apart from the code that made the copy
ROWS, CUSTOMERS, WITHOUT_CUSTOMER, RETURN_LINES, ADJUSTMENTS = 1_044_847, 5_942, 235_287, 19_165, 6
TOTAL_GBP = 18_909_744.10
HALF_A_PENNY = 0.005

LARGEST_BYTES = 4_000_000
SMALLEST_NAMED_SHARE = 0.85


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return online_retail_lines()


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_online_retail", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_copy_holds_every_row_of_the_source_once(lines: pd.DataFrame) -> None:
    assert len(lines) == ROWS
    assert lines["customer_id"].nunique() == CUSTOMERS
    assert lines["customer_id"].isna().sum() == WITHOUT_CUSTOMER
    assert lines["order_id"].str.startswith("C").sum() == RETURN_LINES
    assert lines["is_adjustment"].sum() == ADJUSTMENTS
    assert lines["amount"].sum() == pytest.approx(TOTAL_GBP, abs=HALF_A_PENNY)


def test_amounts_are_whole_pence_with_the_sign_of_the_quantity(lines: pd.DataFrame) -> None:
    pence = (lines["amount"] * 100).round() / 100
    assert (lines["amount"] == pence).all()
    returned = lines[lines["order_id"].str.startswith("C") & (lines["quantity"] < 0)]
    assert (returned["amount"] <= 0).all()
    assert (returned["amount"] < 0).any()


def test_every_product_has_one_row_and_most_lines_a_named_family(lines: pd.DataFrame) -> None:
    products = pd.read_parquet(online_retail_products())
    assert products["product_id"].is_unique
    assert set(lines["product_id"]) == set(products["product_id"])
    goods = lines[~lines["is_non_product"]]
    assert (goods["category"] != OTHER).mean() >= SMALLEST_NAMED_SHARE


def test_the_data_fit_into_the_promised_size_and_carry_their_licence() -> None:
    folder = online_retail().parent
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LARGEST_BYTES
    attribution = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for fact in ("CC BY 4.0", "10.24432/C5CG6D", "id 502", "Changes made"):
        assert fact in attribution


def test_the_demo_configuration_is_valid_and_excludes_columns_that_exist(lines: pd.DataFrame) -> None:
    settings = yaml.safe_load(demo_config().read_text(encoding="utf-8"))
    assert set(settings["transactions"]["exclude"]) <= set(lines.columns)
    assert lines["order_date"].min().date() < settings["window"]["cutoff"] < lines["order_date"].max().date()
    assert load_config(demo_config()).window.churn_horizon == settings["window"]["churn_horizon"]


@pytest.mark.slow
def test_the_committed_copy_is_what_the_tool_makes(shared: Path, tool: ModuleType, tmp_path: Path) -> None:
    tool.build(shared / "data" / "online_retail_2", tmp_path)
    for name in ("transactions.parquet", "products.parquet"):
        committed = pd.read_parquet(online_retail().with_name(name))
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / name), committed)

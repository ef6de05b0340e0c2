"""Names of products, counted on both engines, and who has the last word."""

from __future__ import annotations

import narwhals as nw
import pandas as pd
import polars as pl
import pytest

from ltvml.config.sections import ProductSettings
from ltvml.errors import DataContractError
from ltvml.features.items.names import usual_names, written_names
from ltvml.inputs.item_names import named_items, with_item_names
from ltvml.inputs.tables.products import contents_of, names_of

LINES = pd.DataFrame(
    {
        "product_id": ["7", "7", "7", "8", "9", "9", None, "10"],
        "item_name": ["White mug", "WHITE MUG ", "White  mug", "泡泡浴", "b", "a", "nothing", None],
    }
)


def test_the_usual_name_is_the_most_frequent_one_without_its_blanks() -> None:
    lines = nw.from_native(pl.from_pandas(LINES).lazy())
    counted = written_names(lines).collect("pandas").to_native()
    assert usual_names(counted) == {"7": "White mug", "8": "泡泡浴", "9": "a"}


def test_names_stand_right_of_items_and_an_item_without_a_name_keeps_its_own() -> None:
    table = pd.DataFrame({"star": ["7"], "complement": ["10"], "lift": [2.0]})
    assert with_item_names(table, {"7": "Mug"}).to_dict("list") == {
        "star": ["7"],
        "star_name": ["Mug"],
        "complement": ["10"],
        "complement_name": ["10"],
        "lift": [2.0],
    }
    assert with_item_names(table, {}) is table
    assert named_items(pd.Series(["7", None]), {"7": "Mug"}).tolist()[0] == "Mug"


def test_a_table_of_products_may_hold_names_alone(tmp_path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("product_id,name\n0007, White  mug \n8,\n", "utf-8")
    settings = ProductSettings(source=str(path))
    assert names_of(settings) == {"0007": "White mug"}
    assert contents_of(settings) is None


def test_two_names_of_a_product_are_refused_and_a_product_in_two_rows_is_not(tmp_path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("product_id,contains,name\n7,tea,Box\n7,cups,Box\n", "utf-8")
    settings = ProductSettings(source=str(path))
    assert names_of(settings) == {"7": "Box"}
    assert contents_of(settings)["item"].tolist() == ["tea", "cups"]
    path.write_text("product_id,name\n7,Box\n7,Bag\n", "utf-8")
    with pytest.raises(DataContractError, match=r"1 product has more than one name \(first: '7'\)"):
        names_of(settings)


def test_a_table_with_neither_contents_nor_names_is_refused(tmp_path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("product_id,colour\n7,white\n", "utf-8")
    with pytest.raises(DataContractError, match="missing: contains"):
        names_of(ProductSettings(source=str(path)))

"""Items that are odd or not there: the role is withheld with its reason, or works and says how many rows are odd."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.errors import ConfigError, DataContractError, DataWarning
from tests.conftest import CUTOFF

if TYPE_CHECKING:
    from pathlib import Path

PAIR = ["customer_id", "item"]
NO_ITEM = "the orders have no category or product_id column"


def fitted(config: ltvml.Config, orders: pd.DataFrame) -> Any:
    """A fit that must not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ltvml.fit(config, transactions=orders)


def pairs_of(config: ltvml.Config, orders: pd.DataFrame, **options: Any) -> pd.DataFrame:
    report = ltvml.score(config, transactions=orders, **options)
    return pd.read_parquet(report.folder / "replenishment.parquet").set_index(PAIR)


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def config(config_of: Any, tmp_path: Path) -> ltvml.Config:
    return config_of(tmp_path, replenishment={"all_pairs": True})


def last_line_of(orders: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    """One more line on the last day of the window, of the first customer and coffee."""
    line = orders[orders["category"] == "coffee"].head(1)
    return pd.concat([orders, line.assign(order_date=pd.Timestamp(CUTOFF), **changes)], ignore_index=True)


class TestWithheld:
    def test_orders_without_items_are_fitted_and_scored_and_say_why_there_is_no_table(self, place, orders):
        place.write(orders)
        result = place.run("fit")
        assert result.exit_code == 0
        assert f"not fitted: {NO_ITEM}" in one_line(result.stdout)
        scored = place.run("score", "--json")
        assert scored.exit_code == 0
        assert json.loads(scored.stdout)["replenishment"]["rows"] == 0
        assert not list(place.folder.glob("out/scores/*/replenishment.*"))
        scores = place.scores()
        assert scores[["replenishment_item", "replenishment_probability", "stock_status"]].isna().all(axis=None)
        # without items the date is that of the next purchase
        likely = scores[scores["churn_risk"] <= 0.5]
        assert len(likely)
        assert (likely["replenishment_date"] == likely["next_purchase_date"]).all()

    def test_off_turns_the_role_off_and_changes_no_other_score(self, groceries, config_of, tmp_path):
        off = config_of(tmp_path / "off", replenishment={"item": "off"})
        assert fitted(off, groceries).bundle.without_replenishment == "replenishment.item is off"
        without = ltvml.score(off, transactions=groceries)
        assert not (without.folder / "replenishment.parquet").exists()
        on = config_of(tmp_path / "on")
        fitted(on, groceries)
        names = ["customer_id", "churn_risk", "predicted_ltv", "next_purchase_date", "rfm_segment"]
        both = [
            pd.read_parquet(report.folder / "customers.parquet")[names]
            for report in (without, ltvml.score(on, transactions=groceries))
        ]
        pd.testing.assert_frame_equal(*both, check_exact=True)

    def test_off_may_be_said_on_the_command_line(self, place, groceries):
        place.write(groceries)
        result = place.run("fit", "--set", "replenishment.item=off")
        assert result.exit_code == 0
        assert "not fitted: replenishment.item is off" in one_line(result.stdout)

    def test_items_bought_once_by_everybody_withhold_the_role(self, groceries, config):
        once = groceries.drop_duplicates(["customer_id", "category"], keep="last")
        report = fitted(config, once)
        assert report.bundle.without_replenishment == (
            f"none of the {len(once)} customers x items was bought twice; expected some repeats"
        )
        assert ltvml.score(config, transactions=once).items.rows == 0

    def test_items_that_nobody_names_withhold_the_role_and_the_rows_are_counted(self, groceries, config):
        report = fitted(config, groceries.assign(category=None))
        assert "was bought twice" in report.bundle.without_replenishment
        assert f"{len(groceries):,} of {len(groceries):,} rows have no category" in report.messages[0]

    def test_a_bundle_with_items_does_not_score_orders_without(self, place, groceries):
        place.write(groceries)
        assert place.run("fit").exit_code == 0
        place.write(groceries.drop(columns="category"))
        before = place.listing()
        result = place.run("score")
        assert result.exit_code == 3
        assert "the orders have no column 'category', which the items of the bundle come from" in result.stderr
        assert place.listing() == before

    def test_orders_to_score_that_leave_every_item_empty_give_an_empty_table(self, groceries, config):
        ltvml.fit(config, transactions=groceries)
        report = ltvml.score(config, transactions=groceries.assign(category=""))
        assert len(pd.read_parquet(report.folder / "replenishment.parquet")) == 0
        given = pd.read_parquet(report.folder / "customers.parquet")
        assert len(given) == groceries["customer_id"].nunique()
        assert given[["replenishment_date", "replenishment_item", "stock_status"]].isna().all(axis=None)


class TestItemColumn:
    def test_a_column_that_the_orders_lack_is_a_fault_of_the_configuration(self, place, groceries):
        place.write(groceries.drop(columns="category"))
        result = place.run("fit", "--set", "replenishment.item=category")
        assert result.exit_code == 2
        assert "replenishment.item is category, but the orders have no column category" in result.stderr
        assert "transactions.columns" in result.stderr
        assert place.run("fit").exit_code == 0

    def test_a_name_that_is_no_column_of_ours_is_refused_with_those_that_are(self, place, groceries):
        place.write(groceries)
        result = place.run("fit", "--set", "replenishment.item=categories")
        assert result.exit_code == 2
        assert "expected auto, category, product_id or off; found 'categories'; did you mean category?" in one_line(
            result.stderr
        )

    def test_without_a_category_the_product_is_the_item(self, groceries, config):
        report = fitted(config, groceries.drop(columns="category"))
        assert report.bundle.replenishment.item == "product_id"

    def test_rows_without_an_item_are_counted_and_take_no_part(self, groceries, config):
        some = groceries.assign(category=groceries["category"].where(groceries.index >= 7))
        some.loc[7:9, "category"] = ""
        report = fitted(config, some)
        assert report.notes == (f"10 of {len(some):,} rows have no category and are excluded from replenishment.",)
        found = pairs_of(config, some)
        assert found["n_orders"].sum() == len(some) - 10

    def test_a_product_in_two_categories_is_counted_and_named(self, groceries, config_of, tmp_path):
        twice = pd.concat([groceries, groceries.query("product_id == 'soap 2'").head(1).assign(category="gifts")])
        consequences = {
            "category": "each row counts in the category of that row",
            "product_id": "their prior comes from",
        }
        for item, consequence in consequences.items():
            report = fitted(config_of(tmp_path, replenishment={"item": item}), twice)
            (note,) = report.notes
            assert note.startswith("1 of the products are found in more than one category (first: soap 2); ")
            assert consequence in note
            assert note in one_line(report.text())


class TestQuantities:
    @pytest.mark.parametrize("quantity", [0.0, -2.0, 1e9])
    def test_an_impossible_quantity_is_counted_and_not_known(self, groceries, config, quantity):
        odd = last_line_of(groceries, quantity=quantity)
        report = fitted(config, odd)
        assert report.notes == (
            f"1 of {len(odd):,} rows have a quantity of 0, below 0, or of a billion and more; replenishment treats it "
            "as missing.",
        )
        pair = pairs_of(config, odd).loc[(odd["customer_id"].iloc[-1], "coffee")]
        assert np.isnan(pair["last_quantity"])
        assert str(pair["last_order_date"]) == CUTOFF
        assert 0 < pair["p_reorder_28"] < 1

    def test_a_fraction_is_a_quantity(self, groceries, config):
        odd = last_line_of(groceries, quantity=0.25)
        assert fitted(config, odd).notes == ()
        assert pairs_of(config, odd)["last_quantity"][(odd["customer_id"].iloc[-1], "coffee")] == 0.25

    def test_a_return_with_a_negative_quantity_is_netted_and_not_odd(self, groceries, config):
        line = groceries.query("category == 'coffee'").groupby("customer_id").tail(1).head(1)
        back = line.assign(amount=-line["amount"], quantity=-line["quantity"])
        orders = pd.concat([groceries, back])
        assert fitted(config, orders).notes == ()
        key = (line["customer_id"].iloc[0], "coffee")
        assert pairs_of(config, orders)["n_orders"][key] == pairs_of(config, groceries)["n_orders"][key] - 1

    def test_lines_of_one_day_are_one_purchase_of_their_sum(self, groceries, config):
        twice = pd.concat([groceries, groceries])
        fitted(config, twice)
        found, before = pairs_of(config, twice), pairs_of(config, groceries)
        assert found["n_orders"].equals(before["n_orders"])
        assert (found["last_quantity"] == 2 * before["last_quantity"]).all()

    def test_without_quantities_nothing_is_learned_of_packs(self, groceries, config):
        orders = groceries.drop(columns="quantity")
        report = fitted(config, orders)
        assert (report.bundle.replenishment.items()["elasticity"] == 0).all()
        assert pairs_of(config, orders)["last_quantity"].isna().all()

    def test_a_pair_with_a_thousand_purchases_is_scored_among_the_others(self, groceries, config):
        days = pd.date_range(end=CUTOFF, periods=1000)
        many = pd.DataFrame(
            {"customer_id": "canteen", "order_date": days, "amount": 5.5, "quantity": 1.0, "category": "coffee"}
        )
        orders = pd.concat([groceries, many.assign(product_id="coffee 1")])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ltvml.fit(config, transactions=orders)
        pair = pairs_of(config, orders).loc[("canteen", "coffee")]
        assert pair["n_orders"] == 1000
        assert pair["basis"] == "personal"
        # it came every day, and of all who buy coffee a few in a hundred stop after each purchase
        assert pair["p_reorder_7"] > 0.9
        assert (pd.Timestamp(pair["replenishment_date"]) - pd.Timestamp(CUTOFF)).days <= 2


class TestDaysPerUnit:
    def test_what_the_user_says_holds_where_little_was_seen(self, groceries, config_of, tmp_path):
        def cycle(**given: Any) -> pd.Series:
            config = config_of(tmp_path, replenishment=given)
            return fitted(config, groceries).bundle.replenishment.items().set_index("item")["cycle_days"]

        short, long = cycle(days_per_unit={"lamp": 20}), cycle(days_per_unit={"lamp": 2000})
        # nobody bought a second lamp: the word of the user is most of what is known
        assert short["lamp"] < 0.3 * long["lamp"]
        assert short["coffee"] == pytest.approx(long["coffee"], rel=0.1)

    @pytest.mark.parametrize("ending", ["csv", "parquet"])
    def test_a_table_says_the_same_as_the_mapping(self, groceries, config_of, tmp_path, ending):
        path = tmp_path / f"lasts.{ending}"
        table = pd.DataFrame({"item": ["coffee", "soap"], "days_per_unit": [20, 45.5]})
        table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
        given = config_of(tmp_path, replenishment={"days_per_unit": {"coffee": 20, "soap": 45.5}})
        read = config_of(tmp_path, replenishment={"days_per_unit": str(path)})
        assert fitted(read, groceries).bundle.version == fitted(given, groceries).bundle.version

    def test_an_item_that_nobody_has_bought_is_a_warning_by_name(self, groceries, config_of, tmp_path):
        config = config_of(tmp_path, replenishment={"days_per_unit": {"cofee": 20, "coffee": 20}})
        with pytest.warns(DataWarning, match=r"days_per_unit: items not found in the orders \(1\): cofee;"):
            ltvml.fit(config, transactions=groceries)

    def test_an_unknown_item_is_told_on_the_command_line_and_is_no_error(self, place, groceries):
        place.write(groceries)
        result = place.run("fit", "--set", "replenishment.days_per_unit={tea: 9}")
        assert result.exit_code == 0
        assert "items not found in the orders (1): tea;" in one_line(result.stderr)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("item,days\ncoffee,3\n", r"has the columns item, days; missing: days_per_unit\."),
            ("item,days_per_unit\ncoffee,0\n", r"1 of 1 rows has days_per_unit that are not above 0 \(first: 0\)"),
            ("item,days_per_unit\ncoffee,ten\n", r"not above 0 \(first: ten\)"),
            ("item,days_per_unit\ncoffee,inf\n", r"not above 0 \(first: inf\)"),
            ("item,days_per_unit\ncoffee,3\ncoffee,4\n", "1 repeat an item; expected one row per item"),
            ("item,days_per_unit\n,3\n", "1 of 1 rows has no item"),
        ],
    )
    def test_a_bad_table_is_refused_with_what_is_wrong(self, groceries, config_of, tmp_path, text, message):
        path = tmp_path / "lasts.csv"
        path.write_text(text)
        with pytest.raises(DataContractError, match=message):
            ltvml.fit(config_of(tmp_path, replenishment={"days_per_unit": str(path)}), transactions=groceries)

    def test_a_table_that_is_not_there_is_a_fault_of_the_configuration(self, groceries, config_of, tmp_path):
        config = config_of(tmp_path, replenishment={"days_per_unit": "nowhere.csv"})
        with pytest.raises(ConfigError, match=r"replenishment\.days_per_unit: there is no file nowhere\.csv"):
            ltvml.fit(config, transactions=groceries)

    def test_days_that_are_not_above_0_are_refused_before_anything_is_read(self, place):
        place.configure("nowhere.csv", replenishment={"days_per_unit": {"coffee": 0}})
        result = place.run("fit")
        assert result.exit_code == 2
        assert "replenishment.days_per_unit" in result.stderr


class TestProducts:
    @pytest.mark.parametrize(
        ("text", "code", "message"),
        [
            (None, 2, "products.source: there is no file products.csv"),
            ("", 3, "products.csv is empty"),
            ("sku,contains\ngift,coffee\n", 3, "has the columns sku, contains; missing: product_id"),
            ("product_id,units\ngift,2\n", 3, "missing: contains"),
            ("product_id,contains,units\ngift,coffee,0\n", 3, "1 of 1 rows has units that are not above 0 (first: 0)"),
            ("product_id,contains,units\ngift,coffee,many\n", 3, "not above 0 (first: many)"),
        ],
        ids=["no file", "an empty file", "another name", "nothing inside", "no units", "words for units"],
    )
    def test_a_bad_table_is_refused_with_what_is_wrong(self, place, groceries, text, code, message):
        place.write(groceries)
        if text is not None:
            place.write(text, "products.csv")
        place.configure("orders.csv", products={"source": "products.csv"})
        before = place.listing()
        result = place.run("fit")
        assert result.exit_code == code
        assert message in one_line(result.stderr)
        assert place.listing() == before

    def test_a_mapped_column_that_is_not_there_is_refused_and_never_left_out(self, place, groceries):
        place.write(groceries)
        place.write("product_id,contains,units\ngift,coffee,2\n", "products.csv")
        place.configure("orders.csv", products={"source": "products.csv", "columns": {"units": "pieces"}})
        result = place.run("fit")
        assert result.exit_code == 3
        assert "missing: pieces" in result.stderr

    def test_a_table_of_products_needs_products_in_the_orders(self, place, groceries):
        place.write(groceries.drop(columns="product_id"))
        place.write("product_id,contains\ngift,coffee\n", "products.csv")
        place.configure("orders.csv", products={"source": "products.csv"})
        result = place.run("fit")
        assert result.exit_code == 2
        assert "the lines have no column 'product_id'" in result.stderr

    def test_an_item_may_be_called_na(self, groceries, config_of, tmp_path):
        (tmp_path / "products.csv").write_text("product_id,contains\ncoffee 1,NA\n")
        config = config_of(tmp_path, products={"source": str(tmp_path / "products.csv")})
        assert "NA" in fitted(config, groceries).bundle.replenishment.items()["item"].tolist()


class TestModels:
    def test_an_argument_that_the_model_lacks_is_refused(self, place, groceries):
        place.write(groceries)
        result = place.run("fit", "--set", "models.replenishment={name: mean_gap, params: {days: 3}}")
        assert result.exit_code == 2
        assert "model 'mean_gap' cannot be made with {'days': 3}" in one_line(result.stderr)

    def test_a_learner_without_a_closed_window_is_refused_with_what_to_name(self, place, groceries):
        place.write(groceries[groceries["order_date"] > pd.Timestamp(CUTOFF) - pd.Timedelta(days=50)])
        result = place.run("fit", "--set", "models.replenishment=household_activity")
        assert result.exit_code == 3
        assert "'household_activity' is trained on past outcomes, but no past cutoff" in one_line(result.stderr)
        assert "name gamma_renewal" in one_line(result.stderr)

    def test_a_model_of_another_role_is_refused_with_those_that_fit(self, place, groceries):
        place.write(groceries)
        result = place.run("fit", "--set", "models.replenishment=bg_nbd")
        assert result.exit_code == 2
        assert "gamma_renewal" in result.stderr

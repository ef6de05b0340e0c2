"""Orders that are odd: they work, what cannot be known is withheld and said, and warnings say what looks wrong."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.customer_scores import NULL_BY_MEANING
from tests.conftest import PICTURES

FROM_THE_RATE = {
    "expected_purchases",
    "predicted_ltv",
    "churn_risk",
    "churn_band",
    "next_purchase_date",
    "value_at_risk",
}


def fit_and_score(place, *options):
    """Both commands; gives the scores and what went to stderr."""
    fitted = place.run("fit", *options)
    assert fitted.exit_code == 0, fitted.stderr
    scored = place.run("score", *options)
    assert scored.exit_code == 0, scored.stderr
    return place.scores(), fitted.stderr + scored.stderr


def assert_nothing_is_null_without_a_word(scores):
    """Every column that is null has its name in `data_status`."""
    for name in set(scores) - set(NULL_BY_MEANING):
        unknown = scores[scores[name].isna()]
        assert unknown["data_status"].str.contains(name).all(), name
    assert (scores.loc[scores["n_orders"] > 1, "mean_gap_days"]).notna().all()


ODD_ORDERS = {
    "no repeat buyers at all": lambda orders: orders.drop_duplicates("customer_id"),
    "one customer with one order": lambda orders: orders.head(1),
    "one customer with three orders": lambda orders: orders.head(3).assign(customer_id="007"),
    "all dates equal": lambda orders: orders.assign(order_date="2020-12-28"),
    "all dates equal to the cutoff": lambda orders: orders.assign(order_date="2020-12-31"),
    "all amounts zero": lambda orders: orders.assign(amount=0.0),
    "all amounts equal": lambda orders: orders.assign(amount=10.0),
    "amounts of ten billion": lambda orders: orders.assign(amount=orders["amount"] * 1e9),
    "amounts below a penny": lambda orders: orders.assign(amount=orders["amount"] / 1e4),
    "a single buyer of very much": lambda orders: orders.assign(amount=orders["amount"].where(orders.index > 0, 1e12)),
}


@pytest.mark.drawn
@pytest.mark.parametrize("change", ODD_ORDERS.values(), ids=ODD_ORDERS)
@pytest.mark.filterwarnings("ignore::ltvml.errors.LtvmlWarning")
def test_odd_orders_are_scored_and_nothing_is_null_without_a_word(place, orders, change, monkeypatch):
    place.write(change(orders))
    scores, _ = fit_and_score(place)
    assert len(scores) == change(orders)["customer_id"].nunique()
    assert_nothing_is_null_without_a_word(scores)
    monkeypatch.setattr(PICTURES, "drawn", False)  # they were drawn above
    json.loads(place.run("fit", "--json").stdout)
    json.loads(place.run("score", "--json").stdout)


def test_without_repeat_buyers_the_rate_is_withheld_and_the_rest_is_scored(place, orders):
    place.write(orders.drop_duplicates("customer_id"))
    scores, given = fit_and_score(place)
    assert scores[list(FROM_THE_RATE)].isna().all(axis=None)
    assert scores[["historic_value", "expected_order_value", "rfm_segment", "days_since_last"]].notna().all(axis=None)
    assert scores["data_status"].str.contains("no customer has bought twice").all()
    assert "left empty; see the notes" in given


def test_ids_are_text_to_the_last_letter(place):
    ids = ["007", "7", "1e3", "NULL", "nan", " 7", 'a"b', "c,d", "two\nlines", "naïve 日本", "'; DROP TABLE x", "1.0"]
    place.write(pd.DataFrame({"customer_id": ids * 2, "order_date": "2020-12-01", "amount": 3.0}))
    scores, _ = fit_and_score(place, "--set", "output.formats=[parquet, csv]")
    assert sorted(scores["customer_id"]) == sorted(ids)
    (path,) = place.folder.glob("out/scores/*/customers.csv")
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert sorted(written["customer_id"]) == sorted(ids)


def test_an_id_of_two_lines_does_not_break_the_table_of_the_report(place, orders):
    place.write(orders.assign(customer_id=orders["customer_id"] + "\nof a\tvery " + "long " * 20 + "id"))
    fit_and_score(place)
    text = place.run("score").stdout
    assert max(map(len, text.splitlines())) <= 80


def test_data_that_end_before_the_cutoff_are_a_warning(place, orders):
    place.write(orders)
    _, given = fit_and_score(place, "--set", "window.cutoff=2021-03-31")
    assert f"the last order is from {orders['order_date'].max().date()}" in given


@pytest.mark.parametrize(
    ("column", "value", "reason"), [("amount", np.nan, "missing_amount"), ("order_date", "soon", "bad_date")]
)
def test_a_few_rows_that_cannot_be_read_are_set_aside_counted_and_said(place, orders, column, value, reason):
    some = orders.astype({"order_date": str})
    some.loc[:4, column] = value
    place.write(some)
    result = place.run("validate", "--json")
    ledger = json.loads(result.stdout)["ledger"]
    assert ledger["reasons"] == {reason: 5}
    assert ledger["used"] == len(orders) - 5
    assert f"warning: excluded rows without a readable date or amount: {reason} 5 of {len(orders):,}" in result.stderr


def test_a_customer_who_returned_more_than_he_bought_is_scored_and_said(place, orders):
    debt = pd.DataFrame(
        {"customer_id": "debtor", "order_date": pd.to_datetime(["2020-02-02", "2020-03-02"]), "amount": [10.0, -100.0]}
    )
    place.write(pd.concat([orders, debt]))
    scores, given = fit_and_score(place)
    debtor = scores.set_index("customer_id").loc["debtor"]
    assert debtor["historic_value"] == -90
    assert debtor["predicted_ltv"] > 0
    assert debtor["data_status"].startswith("returns exceed purchases")
    assert "1 customer returned more than they bought" in given


@pytest.mark.slow
def test_two_million_rows_of_one_customer_are_one_customer(place):
    days = pd.date_range("2018-01-01", "2020-12-31").to_numpy()
    rows = pd.DataFrame({"customer_id": "0", "order_date": np.resize(days, 2_000_000), "amount": 0.01})
    rows.to_parquet(place.folder / "orders.parquet")
    place.configure("orders.parquet")
    scores, _ = fit_and_score(place)
    (customer,) = scores.to_dict("records")
    assert customer["n_orders"] == len(days)
    assert customer["historic_value"] == pytest.approx(20_000.00, abs=0.005)
    assert_nothing_is_null_without_a_word(scores)


def test_a_day_begins_in_the_zone_of_the_configuration(place):
    # 23:30 UTC on the eve of summer time is past midnight in London from that night on, not before
    moments = ["2020-03-27T23:30:00Z", "2020-03-28T23:30:00Z", "2020-03-29T23:30:00Z", "2020-10-24T23:30:00Z"]
    place.write(pd.DataFrame({"customer_id": list("abcd"), "order_date": moments, "amount": 1.0}))
    place.configure("orders.csv", transactions={"source": "orders.csv", "timezone": "Europe/London"})
    scores, _ = fit_and_score(place)
    days = scores.set_index("customer_id")["first_order_date"].astype(str).to_dict()
    assert days == {"a": "2020-03-27", "b": "2020-03-28", "c": "2020-03-30", "d": "2020-10-25"}


@pytest.mark.parametrize("name", ["my orders.csv", "[x].csv", "it's.csv", 'q"uote.csv', "a#b: c.csv", "naïve.csv"])
def test_any_name_of_a_file_will_do(place, orders, name):
    place.write(orders.head(50), name=name)
    assert place.run("validate").exit_code == 0


def test_a_spreadsheet_export_with_a_mark_at_the_start_and_semicolons_is_read(place):
    place.write(b"\xef\xbb\xbfcustomer_id;order_date;amount\r\n007;2020-12-01;1.5\r\n008;2020-12-24;2.5\r\n")
    scores, _ = fit_and_score(place)
    assert scores["customer_id"].tolist() == ["007", "008"]
    assert scores["historic_value"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("decimals", [0, 3])
def test_scores_are_in_currency_units_whatever_the_minor_unit(place, orders, decimals):
    place.write(orders.assign(amount=orders["amount"].round(0)))
    scores, _ = fit_and_score(place, "--set", f"value.decimals={decimals}")
    by_hand = orders["amount"].round(0).groupby(orders["customer_id"]).sum()
    assert scores.set_index("customer_id")["historic_value"].to_dict() == by_hand.to_dict()


def test_json_stays_pure_under_warnings(place, orders):
    place.write(orders)
    result = place.run("fit", "--json", "--set", "window.cutoff=2021-03-31")
    assert "warning: the last order" in result.stderr
    assert json.loads(result.stdout)["customers"] == orders["customer_id"].nunique()

"""Orders and settings that no answer could come from: each has its own error, and leaves every file as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

HEADER = "customer_id,order_date,amount\n"


def with_first(orders, rows, **values):
    """`orders` with other values in the first rows."""
    changed = orders.astype(dict.fromkeys(values, object))
    for name, value in values.items():
        changed.loc[: rows - 1, name] = value
    return changed


BAD_ORDERS = {
    "a missing column names the nearest": (
        lambda orders: orders.rename(columns={"customer_id": "customer", "amount": "amnt"}),
        3,
        "no column 'customer_id' (for customer_id), nearest is 'customer'; 'amount' (for amount), nearest is 'amnt'",
    ),
    "an empty file": (lambda orders: "", 3, "'orders.csv' is empty: 0 bytes"),
    "a header and no row": (lambda orders: HEADER, 3, "'orders.csv' has no rows"),
    "blank lines only": (lambda orders: "\n\n\n", 3, "no column 'customer_id'"),
    "unreadable dates above the share": (
        lambda orders: with_first(orders, 100, order_date="soon"),
        3,
        "100 of {rows} rows have no readable date or amount (bad_date 100); expected at most 5 %",
    ),
    "missing amounts above the share": (
        lambda orders: with_first(orders, 100, amount=np.nan),
        3,
        "(missing_amount 100); expected at most 5 %",
    ),
    "one infinite amount": (lambda orders: with_first(orders, 1, amount="inf"), 3, "1 row has an infinite amount"),
    "two currencies": (
        lambda orders: with_first(orders.assign(currency="EUR"), 2, currency="GBP"),
        3,
        "found 2 currencies (EUR {others}, GBP 2 rows); expected one",
    ),
    "a column that is there twice": (
        lambda orders: "customer_id,order_date,amount,amount\na,2020-01-01,1,2\n",
        3,
        "has duplicate columns: amount; expected each name once",
    ),
    "returns and nothing bought": (
        lambda orders: f"{HEADER}a,2020-03-01,-10\n",
        3,
        "no usable row up to the cutoff 2020-12-31: orders run from 2020-03-01 to 2020-03-01",
    ),
    "text in no encoding that can be found": (
        lambda orders: f"{HEADER}Иван,2020-01-01,1.5\nb,2020-02-01,2.5\n".encode("cp1251"),
        3,
        "save it as UTF-8, or name the encoding: --set transactions.encoding=cp1251",
    ),
}


@pytest.mark.parametrize("command", ["validate", "fit"])
@pytest.mark.parametrize(("change", "code", "message"), BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_bad_orders_are_refused_and_nothing_is_written(place, orders, change, code, message, command):
    place.write(change(orders))
    before = place.listing()
    result = place.run(command)
    assert result.exit_code == code
    assert message.format(rows=f"{len(orders):,}", others=f"{len(orders) - 2:,}") in result.stderr
    assert result.stdout == ""
    assert place.listing() == before


def test_a_refused_fit_leaves_the_bundle_and_the_scores_before_it(place, orders):
    place.write(orders)
    place.run("fit")
    place.run("score")
    place.write(with_first(orders, 1, amount="inf"))
    before = place.listing()
    assert place.run("fit").exit_code == 3
    assert place.run("score").exit_code == 3
    assert place.listing() == before


def test_a_missing_file_is_an_engine_error_that_says_where_it_looked(place):
    place.configure("nowhere/orders.csv")
    result = place.run("fit")
    assert result.exit_code == 5
    assert "'nowhere/orders.csv' matches no file" in result.stderr
    assert str(place.folder) in result.stderr


def test_a_cutoff_before_the_first_order_says_when_the_orders_run(place, orders):
    place.write(orders)
    result = place.run("fit", "--set", "window.cutoff=2001-01-01")
    assert result.exit_code == 3
    first, last = orders["order_date"].min().date(), orders["order_date"].max().date()
    assert f"no usable row up to the cutoff 2001-01-01: orders run from {first} to {last}" in result.stderr


def test_all_faults_of_a_configuration_are_reported_together(place, orders):
    place.write(orders)
    place.configure("orders.csv", winow={}, value={"margn": 2, "currency": "pounds"})
    result = place.run("fit")
    assert result.exit_code == 2
    assert all(
        fault in result.stderr for fault in ("3 faults", "did you mean window", "did you mean margin", "'pounds'")
    )


def test_no_cutoff_is_refused_and_never_guessed(place, orders):
    place.write(orders)
    place.configure("orders.csv", window={})
    result = place.run("fit")
    assert result.exit_code == 2
    assert "window.cutoff is missing" in result.stderr


@pytest.mark.parametrize("command", ["validate", "fit"])
def test_orders_in_another_currency_than_the_configuration_are_refused(place, orders, command):
    place.write(orders.assign(currency="EUR"))
    result = place.run(command, "--set", "value.currency=GBP")
    assert result.exit_code == 3
    assert "the column currency of the orders is EUR, but value.currency is GBP" in result.stderr


def test_orders_in_another_currency_than_the_bundle_are_not_scored(place, orders):
    place.write(orders.assign(currency="EUR"))
    assert place.run("fit").exit_code == 0
    place.write(orders.assign(currency="USD"))
    result = place.run("score")
    assert result.exit_code == 3
    assert "the column currency of the orders is USD, but value.currency is EUR" in result.stderr


def test_a_score_before_the_cutoff_of_the_bundle_is_refused(place, orders):
    place.write(orders)
    place.run("fit")
    result = place.run("score", "--set", "window.cutoff=2020-12-30")
    assert result.exit_code == 2
    assert "2020-12-30 is 1 day before that of the bundle, 2020-12-31" in result.stderr
    assert not Path("out/scores").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        # without a champion the last fit would serve
        (lambda folder: [shutil.rmtree(folder), shutil.rmtree(folder.with_name("bundle"))], "holds no bundle.json"),
        (lambda folder: (folder / "bundle.json").unlink(), "holds no bundle.json"),
        (lambda folder: (folder / "spend.json").unlink(), "holds no spend.json"),
        (lambda folder: (folder / "spend.json").write_text('{"half": '), "cannot be read as JSON"),
        (lambda folder: (folder / "bundle.json").write_bytes(b"\x80\x02pickle"), "cannot be read as JSON"),
        (lambda folder: (folder / "bundle.json").write_text('{"format": "sklearn"}'), "of format 'sklearn'"),
        (lambda folder: (folder / "bundle.json").write_text("[]"), "expected an object"),
    ],
    ids=["no folder", "no header", "no model", "half a file", "a pickle", "a foreign format", "a list"],
)
def test_a_score_with_a_bad_bundle_exits_with_7_and_writes_nothing(place, orders, damage, message):
    place.write(orders)
    place.run("fit")
    damage(Path("out/champion"))
    before = place.listing()
    result = place.run("score")
    assert result.exit_code == 7
    assert message in result.stderr
    assert place.listing() == before


def test_a_file_where_a_result_belongs_is_an_output_error_and_stays(place, orders):
    place.write(orders)
    Path("out").mkdir()
    Path("out/bundle").write_text("my notes")
    result = place.run("fit")
    assert result.exit_code == 8
    assert "is a file; expected a folder" in result.stderr
    assert Path("out/bundle").read_text() == "my notes"


def test_a_file_where_the_output_folder_belongs_is_an_output_error(place, orders):
    place.write(orders)
    Path("out").write_text("my notes")
    assert place.run("fit").exit_code == 8
    assert Path("out").read_text() == "my notes"


def test_scores_do_not_replace_a_folder_of_somebody_else(place, orders):
    place.write(orders)
    place.run("fit")
    Path("photos").mkdir()
    Path("photos/holiday.jpg").write_text("dear")
    result = place.run("score", "--out", "photos")
    assert result.exit_code == 8
    assert "will not be replaced" in result.stderr
    assert [path.name for path in Path("photos").iterdir()] == ["holiday.jpg"]


def test_scores_do_not_replace_a_bundle(place, orders):
    place.write(orders)
    place.run("fit")
    assert place.run("score", "--out", "out/bundle").exit_code == 8
    assert place.run("score").exit_code == 0


def test_an_error_with_json_is_one_document_with_the_counts(place, orders):
    place.write(with_first(orders, 100, order_date="soon"))
    document = json.loads(place.run("fit", "--json").stdout)
    assert document["error"]["exit_code"] == 3
    assert document["error"]["counts"] == {"bad_date": 100}

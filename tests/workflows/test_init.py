"""From a file of orders to a configuration that loads."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from ltvml.config import load_config
from ltvml.errors import ConfigError, EngineError, OutputError
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps
from ltvml.workflows.init import init

ORDERS = """\
CustomerID,ts,net,sku,is_test
007,2011-09-10 10:00:00,1.50,a,false
008,2011-09-13 10:00:00,2.50,b,true
"""


def value_of(config):
    """Value of all purchases, up to the cutoff."""
    intake = read_orders(config.orders, config.window, None, Steps())
    assert intake.ledger.money_used is not None
    return intake.ledger.money_used / 100


NO_AMOUNT = """\
Customer ID,InvoiceDate,Quantity,Unit Price
007,13/09/2011 08:05,3,1.50
008,14/09/2011 08:05,2,2.50
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """An empty folder, and a way to put a file of orders in it."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="orders.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def test_the_configuration_loads_and_maps_the_columns(shop, tmp_path):
    init(shop(ORDERS))
    config = load_config(tmp_path / "ltvml.yaml")
    assert config.transactions.source == "orders.csv"
    assert dict(config.transactions.columns) == {
        "customer_id": "CustomerID",
        "order_date": "ts",
        "amount": "net",
        "product_id": "sku",
    }


def test_the_cutoff_is_the_day_before_the_last_where_orders_carry_times(shop, tmp_path):
    assert init(shop(ORDERS)).last_full_day == dt.date(2011, 9, 12)
    assert load_config(tmp_path / "ltvml.yaml").cutoff == dt.date(2011, 9, 12)


def test_the_cutoff_is_the_last_day_where_orders_carry_dates_only(shop):
    assert init(shop(re.sub(" 10:00:00", "", ORDERS))).last_full_day == dt.date(2011, 9, 13)


def test_flags_are_proposed_and_not_applied(shop, tmp_path):
    assert init(shop(ORDERS)).guess.flags == ("is_test",)
    assert "# exclude: [is_test]" in (tmp_path / "ltvml.yaml").read_text(encoding="utf-8")
    assert load_config(tmp_path / "ltvml.yaml").transactions.exclude == ()


def test_a_configuration_that_is_there_stays(shop, tmp_path):
    (tmp_path / "ltvml.yaml").write_text("# mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="already"):
        init(shop(ORDERS))
    assert (tmp_path / "ltvml.yaml").read_text(encoding="utf-8") == "# mine\n"


def test_force_replaces_it(shop, tmp_path):
    (tmp_path / "ltvml.yaml").write_text("# mine\n", encoding="utf-8")
    init(shop(ORDERS), force=True)
    assert load_config(tmp_path / "ltvml.yaml").transactions.source == "orders.csv"


def test_without_an_amount_it_is_made_of_price_and_quantity(shop, tmp_path):
    report = init(shop(NO_AMOUNT))
    config = load_config(tmp_path / "ltvml.yaml")
    assert (report.exit_code, config.transactions.columns["amount"]) == (0, "amount")
    assert value_of(load_config(tmp_path / "ltvml.yaml", ["window.cutoff=2011-09-14"])) == 4.5 + 5.0
    assert "Unit Price x Quantity" in " ".join(report.text().split())


def test_without_any_money_purchases_are_counted_and_that_is_said(shop, tmp_path):
    report = init(shop("customer_id,order_date\na,2024-01-05\na,2024-02-05\nb,2024-01-09\n"))
    assert report.exit_code == 0
    assert "each row counts as 1" in " ".join(report.text().split())
    assert value_of(load_config(tmp_path / "ltvml.yaml")) == 3.0


def test_a_file_that_says_nothing_still_gives_a_configuration(shop, tmp_path):
    report = init(shop("a,b\nx,y\n"))
    assert report.guess.missing == ("customer_id", "order_date", "amount")
    assert load_config(tmp_path / "ltvml.yaml").transactions.columns == {}


@pytest.mark.parametrize("name", ["it's mine.csv", "a: b #c.csv", "no.csv"])
def test_odd_names_of_files_and_columns_survive(shop, tmp_path, name):
    init(shop(ORDERS.replace("CustomerID", "customer: id"), name))
    config = load_config(tmp_path / "ltvml.yaml")
    assert (config.transactions.source, config.transactions.columns["customer_id"]) == (name, "customer: id")


def test_a_missing_file_leaves_no_configuration(shop, tmp_path):
    with pytest.raises(EngineError, match=r"nothing\.csv"):
        init("nothing.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_error_of_the_output(shop, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        init(shop(ORDERS), out=tmp_path / "nowhere" / "ltvml.yaml")


def test_the_report_fits_80_columns(shop):
    assert max(map(len, init(shop(ORDERS)).text().splitlines())) <= 80

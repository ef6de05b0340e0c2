"""From a file of orders to a configuration that loads."""

from __future__ import annotations

import datetime as dt
import re
import shlex

import pytest
import yaml

from ltvml.config import load_config
from ltvml.errors import ConfigError, DataContractError, EngineError, OutputError
from ltvml.inputs.first_look.draft import set_option
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


def read(config):
    """The orders of a configuration, checked."""
    return read_orders(config.orders, config.window, None, Steps())


def drafted(tmp_path):
    return load_config(tmp_path / "ltvml.yaml")


def rows_of(count, line):
    """A file of `count` rows, each from its number."""
    return "".join(f"{line(number)}\n" for number in range(count))


def day_of(number):
    return dt.date(2024, 1, 1) + dt.timedelta(days=number)


def test_status_values_that_are_no_purchases_are_left_out_and_the_line_to_undo_it_is_named(shop, tmp_path):
    header = "customer_id,order_date,amount,status\n"
    states = ("paid", "Cancelled", "on-hold", "voided")
    report = init(shop(header + rows_of(40, lambda at: f"c{at % 9},{day_of(at)},10.00,{states[at % 4]}")))
    assert drafted(tmp_path).transactions.drop == {"status": ("cancelled", "voided")}
    words = " ".join(report.text().split())
    assert "20 of 40 rows are no purchases (cancelled 10, voided 10), worth 200.00" in words
    assert "The others stay: on-hold 10, paid 10." in words
    text = (tmp_path / "ltvml.yaml").read_text(encoding="utf-8")
    assert re.search(r"#   on-hold +10 +100.00\n", text)
    assert read(drafted(tmp_path)).ledger.used == 20


def test_of_an_event_log_purchases_are_kept(shop, tmp_path):
    events = ("view", "cart", "purchase", "share")
    header = "user_id,event_time,event_type,price\n"
    init(shop(header + rows_of(40, lambda at: f"u{at % 9},{day_of(at)},{events[at % 4]},1.50")))
    assert drafted(tmp_path).transactions.keep == {"event_type": ("purchase",)}


def test_a_column_of_states_where_all_are_cancelled_is_no_filter(shop, tmp_path):
    header = "customer_id,order_date,amount,status\n"
    init(shop(header + rows_of(10, lambda at: f"c{at},{day_of(at)},10.00,cancelled")))
    assert (drafted(tmp_path).transactions.drop, drafted(tmp_path).transactions.keep) == ({}, {})


def test_the_form_of_numbers_is_found_beyond_the_first_thousand_rows(shop, tmp_path):
    header = "Kundennummer;Datum;Betrag\n"
    amount = lambda at: "1.149,50" if at == 1400 else "12,00"  # noqa: E731
    init(shop(header + rows_of(1500, lambda at: f"k{at % 99};05.01.2024;{amount(at)}")))
    settings = drafted(tmp_path).transactions
    assert (settings.decimal, settings.thousands) == (",", ".")
    assert read(drafted(tmp_path)).ledger.money_used == 1499 * 1200 + 114950


def test_three_digits_behind_one_separator_are_asked_for(shop):
    report = init(shop("customer_id,order_date,amount\na,2024-01-05,2.536\nb,2024-01-06,12.900\n"))
    assert report.exit_code == 3
    assert "is the '.' of '2.536' in amount a separator of thousands (--set" in " ".join(report.text().split())


def test_day_and_month_are_told_apart_by_any_row_of_the_file(shop, tmp_path):
    days = [day_of(at) for at in range(1500)]
    days.sort(key=lambda day: day.day)
    init(shop("customer_id,order_date,amount\n" + "".join(f"a,{day:%d/%m/%Y},1.00\n" for day in days)))
    assert drafted(tmp_path).transactions.date_format == "%d/%m/%Y"


def test_dates_that_nothing_tells_apart_are_said(shop):
    report = init(shop("customer_id,order_date,amount\na,02/03/2024,1.00\nb,03/02/2024,1.00\n"))
    assert "%m/%d/%Y reads the same texts" in " ".join(report.text().split())


def test_a_mistyped_year_does_not_move_the_cutoff(shop, tmp_path):
    body = rows_of(60, lambda at: f"c{at % 9},{day_of(at)},10.00") + "c1,2104-05-06,10.00\nc2,2204-05-07,1.00\n"
    report = init(shop("customer_id,order_date,amount\n" + body))
    assert drafted(tmp_path).window.cutoff == day_of(59)
    words = " ".join(report.text().split())
    assert "1 row of 2104-05-06 lies far after all others" in words
    assert "1 row has a date that is no day from 1970 to 2200, such as '2204-05-07'" in words


def test_a_horizon_fits_the_history(shop, tmp_path):
    report = init(shop("customer_id,order_date,amount\n" + rows_of(60, lambda at: f"c{at % 9},{day_of(at)},10.00")))
    assert drafted(tmp_path).window.ltv_horizon == 56
    assert "cover 59 days" in " ".join(report.text().split())


def test_monthly_bills_are_a_contract_and_set_the_churn_horizon(shop, tmp_path):
    bill = lambda at: f"c{at % 10},{2024 + at // 120}-{at // 10 % 12 + 1:02}-05,9.00"  # noqa: E731
    report = init(shop("customer_id,invoice_date,amount\n" + rows_of(200, bill)))
    assert "this is a contract" in " ".join(report.text().split())
    assert drafted(tmp_path).window.churn_horizon == 45


def test_the_id_that_repeats_is_taken_and_the_other_is_named(shop, tmp_path):
    header = "order_id,customer_id,customer_unique_id,order_date,amount\n"
    report = init(shop(header + rows_of(60, lambda at: f"{at},n{at},p{at % 9},{day_of(at)},10.00")))
    assert drafted(tmp_path).transactions.columns["customer_id"] == "customer_unique_id"
    assert "customer_id is new with each order" in " ".join(report.text().split())


def test_ids_in_two_cases_and_ids_of_nobody_are_settled(shop, tmp_path):
    names = ("ann@x.org", "Ann@x.org", "bob@x.org", "guest")
    report = init(shop("email,order_date,amount\n" + rows_of(40, lambda at: f"{names[at % 4]},{day_of(at)},10.00")))
    settings = drafted(tmp_path).transactions
    assert (settings.normalize_ids, settings.not_customers) == (("lower",), ("guest",))
    assert "'guest' 10 of 40 rows" in " ".join(report.text().split())
    assert read(drafted(tmp_path)).customers == 2


def test_a_customer_may_have_the_number_0(shop, tmp_path):
    init(shop("customer_id,order_date,amount\n" + rows_of(60, lambda at: f"{at % 9},{day_of(at)},10.00")))
    assert drafted(tmp_path).transactions.not_customers == ()


@pytest.mark.parametrize(("total", "amount_is"), [(lambda _: "50.00", "order"), (lambda line: f"{line}9.00", "line")])
def test_a_total_on_each_line_counts_once_an_order(shop, tmp_path, total, amount_is):
    line = lambda at: f"{at // 3},c{at % 7},{day_of(at // 3)},sku{at % 3},{total(at % 3 + 1)}"  # noqa: E731
    body = rows_of(60, line) + rows_of(
        60, lambda at: f"{100 + at // 3},d{at},{day_of(at // 3)},sku{at % 3},{at // 3}.00"
    )
    text = body if amount_is == "order" else rows_of(60, line)
    init(shop("order_id,customer_id,order_date,sku,amount\n" + text))
    assert drafted(tmp_path).transactions.amount_is == amount_is


def test_a_preamble_is_skipped_and_a_missing_header_is_seen(shop, tmp_path):
    body = rows_of(60, lambda at: f"{1000 + at},C{at % 9},{day_of(at)},10.50")
    init(shop("Report\nof 2024\n\norder_id,customer_id,order_date,amount\n" + body))
    assert read(drafted(tmp_path)).ledger.money_used == 60 * 1050
    init(shop(body), force=True)
    config = drafted(tmp_path)
    assert (config.transactions.header, config.transactions.columns["customer_id"]) == (False, "column1")
    assert read(config).ledger.money_used == 60 * 1050


def test_the_encoding_that_was_found_is_written(shop, tmp_path):
    body = rows_of(60, lambda at: f"Müller{at % 9};{day_of(at)};10,50")
    (tmp_path / "orders.csv").write_bytes(("Kunde;Datum;Betrag\n" + body).encode("cp1252"))
    init("orders.csv")
    assert drafted(tmp_path).transactions.encoding == "cp1252"


def test_columns_that_are_not_used_stand_in_comments_with_three_values(shop, tmp_path):
    colours = ("red", "green", "blue", "black")
    body = rows_of(8, lambda at: f"c{at % 3},{day_of(at)},10.00,{colours[at % 4]}")
    init(shop("customer_id,order_date,amount,colour\n" + body))
    assert "#   colour: red, green, blue\n" in (tmp_path / "ltvml.yaml").read_text(encoding="utf-8")


def test_a_near_miss_is_named_and_the_last_line_says_what_to_write(shop):
    report = init(shop("customer_id,date,amount\na,yesterday,1.00\nb,today,2.00\n"))
    words = " ".join(report.text().split())
    assert "date is named like it, but holds no dates ('yesterday')" in words
    assert (report.exit_code, "Next: ltvml validate" in words) == (3, False)
    assert "Write your column under transactions.columns.order_date" in words


def test_the_cutoff_is_proposed_though_the_customer_is_missing(shop, tmp_path):
    report = init(shop("order_date,amount\n" + rows_of(30, lambda at: f"{day_of(at)},10.00")))
    assert report.look.missing == ("customer_id",)
    assert drafted(tmp_path).window.cutoff == day_of(29)


def test_a_file_that_cannot_be_used_stops_in_one_sentence_and_writes_nothing(shop, tmp_path):
    header = "amazon-order-id,purchase-date,order-status,sku,item-price\n"
    with pytest.raises(DataContractError, match="names no buyer") as caught:
        init(shop(header + "1,2024-01-05,Shipped,a,9.00\n"))
    assert "Fulfilled Shipments" in caught.value.hint
    assert not (tmp_path / "ltvml.yaml").exists()


def test_currencies_in_small_letters_are_codes(shop, tmp_path):
    init(shop("customer_id,order_date,amount,currency\na,2024-01-05,1.00,usd\nb,2024-01-06,2.00,$\n"))
    assert read(drafted(tmp_path)).currency == "USD"


def test_tables_of_olist_are_joined_where_they_lie_together(shop, tmp_path):
    shop("customer_id,customer_unique_id\nn1,p1\nn2,p1\n", "olist_customers_dataset.csv")
    shop("order_id,product_id,price\no1,a,5.00\no1,b,2.50\no2,a,5.00\n", "olist_order_items_dataset.csv")
    header = "order_id,customer_id,order_status,order_purchase_timestamp\n"
    orders = "o1,n1,delivered,2018-01-05\no2,n2,delivered,2018-02-05\n"
    init(shop(header + orders, "olist_orders_dataset.csv"))
    taken = read(drafted(tmp_path))
    assert (taken.customers, taken.ledger.money_used) == (1, 1250)


EVERY_HINT = (
    "customer_id,order_date,amount,is_test,status\n"
    + rows_of(30, lambda at: f"c{at % 7},02/0{at % 9 + 1}/2024,2.53{at % 10},false,{('paid', 'voided')[at % 2]}")
)  # fmt: skip


def test_every_option_that_a_report_prints_is_accepted(shop, tmp_path):
    text = init(shop(EVERY_HINT)).text()
    options = [shlex.split(found)[1] for found in re.findall(r"--set (?:'[^']*'|[^\s)]+)", text)]
    assert len(options) >= 3
    for option in options:
        load_config(tmp_path / "ltvml.yaml", [option])


def test_an_option_for_another_column_keeps_the_filters_that_are_on(shop, tmp_path):
    line = lambda at: f"c{at % 5},{day_of(at)},1.00,{('paid', 'voided')[at % 2]},{at % 3}"  # noqa: E731
    text = init(shop("customer_id,order_date,amount,status,state\n" + rows_of(20, line))).text()
    option = shlex.split(re.search("--set '[^']*'", text)[0])[1]
    assert load_config(tmp_path / "ltvml.yaml", [option]).transactions.drop == {"status": ("voided",), "state": ("2",)}


@pytest.mark.parametrize("value", ["order", ["a b", "0", ""], {"Financial Status": ["voided", "it's"]}, "%d/%m/%Y"])
def test_options_come_back_from_a_shell_as_they_were(value):
    key = {str: "amount_is", list: "not_customers", dict: "drop"}[type(value)]
    words = shlex.split(set_option(key, value))
    assert words[0] == "--set"
    assert yaml.safe_load(words[1].partition("=")[2]) == value


def test_purchases_are_not_counted_where_a_column_may_be_money(shop):
    report = init(shop("customer_id,order_date,worth\na,2024-01-05,12.50\nb,2024-01-06,3.50\n"))
    assert (report.exit_code, report.look.missing) == (3, ("amount",))
    assert "Is it worth?" in " ".join(report.text().split())


def test_a_column_of_states_that_says_nothing_clearly_is_listed(shop):
    rows = rows_of(20, lambda at: f"c{at % 5},{day_of(at)},1.00,{at % 2}")
    report = init(shop("customer_id,order_date,amount,status\n" + rows))
    assert "All values of status are used (0 10, 1 10)" in " ".join(report.text().split())


@pytest.mark.parametrize(
    "odd", ["value", "type", "shape", "day", "rows", "id", "kinds", "fault", "n", 'a"b', "x.y-z", "select"]
)
def test_any_name_of_a_column_is_read(shop, tmp_path, odd):
    header = f'order_id,customer_id,"{odd.replace(chr(34), chr(34) * 2)}",amount,sku,status\n'
    states = ("paid", "voided")
    init(
        shop(header + rows_of(40, lambda at: f"{at // 2},c{at % 7},{day_of(at // 2)},1.00,s{at % 2},{states[at % 2]}"))
    )
    assert drafted(tmp_path).transactions.columns["order_date"] == odd
    assert read(drafted(tmp_path)).ledger.rows_in == 40


def test_a_file_without_rows_is_refused(shop):
    with pytest.raises(DataContractError, match="no rows"):
        init(shop("customer_id,order_date,amount\n"))


@pytest.mark.parametrize(("sign", "filtered"), [("", {"type": ("refund",)}), ("-", {})])
def test_refunds_of_positive_money_are_no_purchases_and_negative_ones_are_subtracted(shop, tmp_path, sign, filtered):
    line = lambda at: f"c{at % 7},{day_of(at)},{sign if at % 2 else ''}{2 - at % 2}.00,{('sale', 'refund')[at % 2]}"  # noqa: E731
    init(shop("customer_id,order_date,amount,type\n" + rows_of(40, line)))
    assert drafted(tmp_path).transactions.drop == filtered


def test_an_id_that_is_nobody_s_in_most_rows_loses_against_the_email(shop, tmp_path):
    report = init(
        shop("customer_id,email,order_date,amount\n" + rows_of(40, lambda at: f"0,p{at % 7}@x.org,{day_of(at)},1.00"))
    )
    assert drafted(tmp_path).transactions.columns["customer_id"] == "email"
    assert "customer_id is empty or a placeholder in most rows" in " ".join(report.text().split())

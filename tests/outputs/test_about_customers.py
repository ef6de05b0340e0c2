"""What a list says of the customers: by hand, one column at a time, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.contracts import ABOUT_CUSTOMERS
from ltvml.outputs.about_customers import about_customers, hours_to_send
from ltvml.outputs.spreadsheet import with_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b"],
        "stage": ["trust_transfer", "lapsing"],
        "last_order_date": pd.to_datetime(["2024-06-01", "2024-05-02"]),
        "stock_status": ["depleted", None],
        "first_name": ["Anna", "李"],
    }
)
TAGS = pd.DataFrame(
    {
        "customer_id": ["a", "b"],
        "frequent_month": [True, False],
        "active_hours": ["18-20", None],
        "preferred_channel": ["sms", None],
        "changing_stage": [True, False],
        "core club": [False, True],
    }
)
PAIRS = pd.DataFrame({"customer_id": ["a", "a"], "item": ["tea", "soap"], "stock_status": ["sufficient", "depleted"]})
CONTACTS = pd.DataFrame({"customer_id": ["a", "a", "b"], "item": ["tea", None, "milk"]})


def about(language: str = "en", also: Sequence[str] = (), **tables: Any) -> pd.DataFrame:
    given = {"customers": CUSTOMERS, "tags": TAGS, "pairs": PAIRS} | tables
    return about_customers(CONTACTS, **given, language=language, also=also)


def test_stage_tags_and_last_order_are_those_of_the_customer_in_words() -> None:
    found = about()
    assert found["stage"].tolist() == ["trusting", "trusting", "lapsing"]
    assert found["tags"].tolist() == [*["frequent this month, about to change stage"] * 2, "core club"]
    assert found["last_order"].tolist() == ["2024-06-01", "2024-06-01", "2024-05-02"]


def test_in_chinese_the_words_are_chinese() -> None:
    found = about("zh")
    assert (found["stage"][0], found["tags"][0]) == ("信任迁移", "本月高频购买，即将换阶段")
    assert (found["stock"][0], found["preferred_channel"][0]) == ("库存充足", "短信")


def test_stock_is_that_of_the_item_and_without_an_item_of_the_one_due_first() -> None:
    assert about()["stock"].tolist() == ["has enough", "should have run out", ""]
    assert about(pairs=None)["stock"].tolist() == ["", "should have run out", ""]


def test_the_preferred_channel_of_the_table_of_customers_comes_before_that_of_the_log() -> None:
    assert about()["preferred_channel"].tolist() == ["text message", "text message", ""]
    known = CUSTOMERS.assign(preferred_channel=["wecom", "phone"])
    assert about(customers=known)["preferred_channel"].tolist() == ["WeCom", "WeCom", "phone call"]


@pytest.mark.parametrize(
    ("own", "sent"),
    [("18-20", "18-20"), ("23-01", "20-22"), ("00-02", "20-22"), ("06-08", "08-10"), (None, "12-14")],
)
def test_nobody_is_woken_up_and_who_has_no_hours_gets_those_of_the_shop(own: str | None, sent: str) -> None:
    assert hours_to_send(pd.Series([own], dtype=object), pd.Series(["12-14", "12-14", "23-01"])).tolist() == [sent]


def test_without_times_of_day_no_hour_is_made_up() -> None:
    assert about(tags=TAGS.drop(columns="active_hours"))["hour"].eq("").all()
    assert hours_to_send(pd.Series([None], dtype=object), pd.Series([None], dtype=object)).tolist() == [""]


def test_columns_on_request_follow_and_each_contact_finds_its_own_row() -> None:
    rows = with_columns(CONTACTS.assign(day=[1, 2, 3]), about(also=["first_name", "stage"]))
    assert rows["day"].tolist() == [1, 2, 3]
    assert rows["first_name"].tolist() == ["Anna", "Anna", "李"]
    assert rows["stock"].tolist() == ["has enough", "should have run out", ""]
    assert list(rows)[3:] == [*ABOUT_CUSTOMERS.names, "first_name"]


def test_no_contacts_give_no_rows() -> None:
    assert about_customers(CONTACTS[:0], CUSTOMERS, TAGS, PAIRS, language="en").empty

"""What is said of the ids of customers, with numbers and the setting to write."""

from __future__ import annotations

import shlex
import warnings
from typing import Any

import pandas as pd
import pytest

from ltvml.config.document import Config
from ltvml.config.loading import overridden
from ltvml.errors import DataWarning
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps


def orders(ids: list[str], amount: float = 10.0, **columns: list[Any]) -> pd.DataFrame:
    days = [f"2024-01-{31 - number % 28:02d}" for number in range(len(ids))]
    return pd.DataFrame({"customer_id": ids, "order_date": days, "amount": amount} | columns)


USUAL = [f"c{number % 30}" for number in range(90)]


def config(**transactions: Any) -> Config:
    return Config(transactions=transactions, window={"cutoff": "2024-01-31", "churn_horizon": 30})


def said(frame: pd.DataFrame, **transactions: Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_orders(config(**transactions).orders, config().window, frame, Steps())
    return " | ".join(str(warning.message) for warning in caught if warning.category is DataWarning)


def settings_of(message: str) -> dict[str, Any]:
    words = shlex.split(message[message.index("--set") :])
    values: dict[str, Any] = overridden({}, words[1].removesuffix("."))["transactions"]
    return values


def test_nothing_is_said_of_usual_ids() -> None:
    assert said(orders(USUAL)) == ""
    assert said(orders([str(number % 30) for number in range(90)])) == ""


@pytest.mark.parametrize(
    ("other", "rule"), [("C1", ["lower"]), ("c1 ", ["trim"]), ("007", ["number"]), ("7.0", ["number"])]
)
def test_ids_of_two_spellings_are_said_and_the_rule_makes_them_one(other: str, rule: list[str]) -> None:
    frame = orders([*USUAL, "7", other])
    message = said(frame)
    assert "32 ids are 31" in message
    assert f"'{other}'" in message
    assert settings_of(message) == {"normalize_ids": rule}
    assert said(frame, normalize_ids=rule) == ""


@pytest.mark.parametrize("nobody", ["Guest", "N/A", "游客", "test@shop.com", "gast", "it's nobody@test.com"])
def test_an_id_that_stands_for_nobody_is_said_and_excluded_by_the_setting(nobody: str) -> None:
    frame = orders([*USUAL, *[nobody] * 5])
    message = said(frame)
    assert "50.00 (5.26 % of the value)" in message
    assert settings_of(message) == {"not_customers": [nobody]}
    assert said(frame, **settings_of(message)) == ""


def test_the_number_0_is_a_customer_unless_it_has_far_more_than_others() -> None:
    assert said(orders([*USUAL, "0"])) == ""
    assert settings_of(said(orders([*USUAL, *["0"] * 28], [10.0] * 90 + [100.0] * 28))) == {"not_customers": ["0"]}  # type: ignore[arg-type]


def test_an_id_far_above_the_others_is_said() -> None:
    message = said(orders([*USUAL, "shop counter"], [10.0] * 90 + [5000.0]))  # type: ignore[arg-type]
    assert "'shop counter' alone has" in message
    assert "84.7 % of the value" in message


def test_an_id_that_never_repeats_is_said_beside_one_that_does() -> None:
    once = [f"o{number}" for number in range(90)]
    message = said(orders(once, customer_unique_id=USUAL))
    assert "each of the 90 ids of 'customer_id' has a single order" in message
    assert settings_of(message) == {"columns": {"customer_id": "customer_unique_id"}}
    assert said(orders(USUAL), **{"columns": {}}) == ""


def test_months_are_said() -> None:
    frame = orders(USUAL).assign(order_date="2024-01")
    assert "first day of its month" in said(frame, date_format="%Y-%m")


def test_one_id_of_nobody_that_has_all_orders_is_said() -> None:
    frame = orders(["0"] * 90)
    assert settings_of(said(frame)) == {"not_customers": ["0"]}
    message = said(frame.assign(**{"Customer's Email": USUAL}))
    assert "has 30 different ids" in message
    assert settings_of(message) == {"columns": {"customer_id": "Customer's Email"}}


def test_many_ids_of_nobody_are_counted_and_not_all_listed() -> None:
    some = [f"test@{number}.org" for number in range(12)]
    message = said(orders([*(f"c{number % 300}" for number in range(900)), *some]))
    assert "and 9 more" in message
    assert "'] and the others" in message.replace('"', "")
    assert said(orders([f"c{number % 30}@example.com" for number in range(90)])) == ""

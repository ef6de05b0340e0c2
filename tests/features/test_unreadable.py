"""Values that cannot be read: a form that a setting names is told from dirt, by money and by likeness."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.config.document import Config
from ltvml.config.loading import overridden
from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.values.number_forms import number_form_of
from ltvml.errors import DataContractError, DataWarning
from ltvml.features.ledger import Rules
from ltvml.features.transactions import check
from ltvml.features.unreadable import setting
from ltvml.window import Window

if TYPE_CHECKING:
    from ltvml.features.transactions import Checked

WINDOW = Window("2024-12-31")
PLAIN = [f"{number}.50" for number in range(1, 200)]
DAYS = [f"2024-12-{31 - number % 28:02d}" for number in range(300)]


def checked(amounts: list[str], dates: list[str] | None = None, **given: Any) -> Checked:
    engine = DuckDBEngine()
    days = dates or DAYS[: len(amounts)]
    frame = pd.DataFrame({"customer_id": [f"c{n % 40}" for n in range(len(amounts))], "order_date": days})
    frame["amount"] = amounts
    rules = Rules(
        number_form=number_form_of(given.get("decimal"), given.get("thousands")),
        date_format=given.get("date_format"),
        decimals=given.get("decimals", 2),
    )
    return check(engine, engine.read(Source(frame, **given)), WINDOW, rules)


def refused(amounts: list[str], dates: list[str] | None = None, **given: Any) -> str:
    with pytest.raises(DataContractError) as caught:
        checked(amounts, dates, **given)
    return str(caught.value)


def settings_of(message: str) -> dict[str, Any]:
    """The settings of a hint, read as a shell and the command line read them."""
    values: dict[str, Any] = {}
    words = shlex.split(message[message.index("--set") :], posix=True)
    for option, override in pairwise(words):
        if option == "--set":
            values = overridden(values, override.rstrip("."))
    return values["transactions"]


def value(of: Checked) -> int:
    assert of.ledger.money_used is not None
    return of.ledger.money_used


@pytest.mark.parametrize(
    ("large", "plain", "expected"),
    [
        ("1,234.50", "12.50", {"thousands": ","}),
        ("$1,234.50", "$12.50", {"thousands": ","}),
        ("12,50", "12", {"decimal": ","}),
        ("1.149,00", "12", {"decimal": ",", "thousands": "."}),
        ("1 149,00 €", "12", {"decimal": ",", "thousands": " "}),
        ("1'149.00", "12.50", {"thousands": "'"}),
        ("1,23,456.00", "12.50", {"thousands": ","}),
    ],
)
def test_one_amount_of_a_known_form_is_refused_with_settings_that_read_it(
    large: str, plain: str, expected: dict[str, str]
) -> None:
    amounts = [plain] * 99 + [large]
    message = refused(amounts)
    assert repr(large) in message or large in message
    assert settings_of(message) == expected
    settings = Config(transactions=expected).transactions
    assert checked(amounts, decimal=settings.decimal, thousands=settings.thousands).ledger.used == 100


def test_amounts_that_fit_two_forms_are_asked_for() -> None:
    message = refused(["2.536", "12.900", "7.000"] * 20)
    assert "three digits" in message
    assert "--set \"transactions.thousands='.'\"" in message
    assert value(checked(["2.536"] * 20, decimal=".")) == 20 * 254
    assert value(checked(["2.536"] * 20, thousands=".")) == 20 * 253_600
    assert value(checked(["2.536"] * 20, decimals=3)) == 20 * 2_536
    assert "fit both" in refused(["2,536", "12,900"] * 20)


@pytest.mark.parametrize("other", ["12.5", "0.536", "1234"])
def test_one_text_that_tells_is_enough(other: str) -> None:
    assert checked(["2.536"] * 20 + [other]).ledger.used == 21


def test_signs_and_brackets_are_read_without_a_setting() -> None:
    texts = ["$12.50", "(2.50)", "1.25-", "\u22121", " +3 ", "\u00a04\u00a0"]
    assert checked(texts * 3 + ["$20"] * 30).ledger.money_in == 3 * (1250 - 250 - 125 - 100 + 300 + 400) + 60_000


def test_two_currencies_in_the_amounts_are_refused() -> None:
    assert "$ in 30 rows, € in 10 rows" in refused(["$5"] * 30 + ["5 €"] * 10)


def test_dirt_in_few_rows_is_excluded_and_counted() -> None:
    with pytest.warns(DataWarning, match="bad_amount 2"):
        ledger = checked([*PLAIN, "abc", "n/a"]).ledger
    assert ledger.reasons == {"bad_amount": 2}


def test_bad_dates_that_hold_much_of_the_money_are_refused() -> None:
    message = refused([*PLAIN, "9999"], [*DAYS[:199], "soon"])
    assert "33.3 % of the value" in message
    assert "'soon'" in message
    assert settings_of(message) == {"max_bad_share": 1}


@pytest.mark.parametrize(
    ("bad", "form"),
    [
        (["13/09/2024", "02/01/2024"], "%d/%m/%Y"),
        (["Jan 5, 2024 9:30:12 PM", "Mar 15, 2024 10:00:00 AM"], "%b %d, %Y %I:%M:%S %p"),
        (["2024/01/05"], "%Y/%m/%d"),
        (["45296"], "excel_days"),
        (["1704844800"], "epoch_seconds"),
        (["5. März 2024", "17. Dez. 2024"], "%d. %b %Y"),
    ],
)
def test_dates_of_a_known_form_are_refused_with_the_form_that_reads_them(bad: list[str], form: str) -> None:
    dates = [*DAYS[:196], *bad, *bad][:200]
    message = refused(["1.5"] * len(dates), dates)
    assert bad[-1] in message or bad[0] in message
    assert settings_of(message) == {"date_format": form}
    # ISO dates are read beside the form
    assert checked(["1.5"] * len(dates), dates, date_format=form).ledger.used == len(dates)


def test_day_and_month_are_not_guessed() -> None:
    message = refused(["1.5"] * 10, ["01/02/2024", "03/04/2024"] * 5)
    assert "'%d/%m/%Y'" in message
    assert "'%m/%d/%Y'" in message


def test_dates_before_1970_and_after_2200_are_bad_dates() -> None:
    dates = [*DAYS[:197], "1900-01-01", "9999-12-31", "0001-01-01"]
    with pytest.warns(DataWarning, match="bad_date 3"):
        assert checked(["1.5"] * 200, dates).ledger.reasons == {"bad_date": 3}


@pytest.mark.parametrize("text", [",", ".", " ", "'", "%d/%m/%Y", "%b %d, %Y"])
def test_a_printed_setting_is_read_as_it_was_meant(text: str) -> None:
    assert re.match("--set ", setting("thousands", text))
    assert settings_of(setting("thousands", text)) == {"thousands": text}


def test_rows_of_nobody_do_not_dilute_the_share_of_bad_rows() -> None:
    engine = DuckDBEngine()
    frame = pd.DataFrame({"customer_id": ["guest"] * 180 + ["a"] * 20, "order_date": "2024-12-30", "amount": "1"})
    frame.loc[198:, "amount"] = ["abc", "?"]
    lines = engine.read(Source(frame, not_customers=("guest",)))
    with pytest.raises(DataContractError, match=r"2 of 20 rows have no readable date or amount"):
        check(engine, lines, WINDOW)
    with pytest.warns(DataWarning, match="bad_amount 2"):
        ledger = check(engine, lines, WINDOW, Rules(unreadable_share=0.2)).ledger
    assert "excluded: id is in not_customers" in str(ledger)

"""Numbers, dates and ids as people write them: the same value in SQL as here, on every engine."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.values.date_formats import fault_of
from ltvml.engines.values.date_forms import find_date_form
from ltvml.engines.values.identity import normalised_id
from ltvml.engines.values.number_forms import AMBIGUOUS, FORMS, NumberForm, find_number_form
from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.engines.base import Engine

EPOCH = dt.date(1970, 1, 1)
NUMBERS = [
    *(
        "12.5",
        "-3",
        "+7",
        "1e2",
        ".5",
        "5.",
        "$12.50",
        "-$12.50",
        "$-12.50",
        "25.36 €",
        "EUR 3",
        "3 usd",
        "¥30",
        "30元",
    ),
    *("Rs.500", "R$ 25", "kr. 12", "(25.36)", "($5)", "12.50-", "\u22125", "'12.50", "\u00a05\u00a0", "1,234.50"),
    *("1.149,00", "1 149,00", "1'149.00", "1\u202f149", "1,23,456.00", "2.536", "12,900", "0,536", "12,5", "1_000"),
    *("abc", "12 abc", "--5", "5-6", "(5", "5)", "12.5f", "1.2.3", "1,2,3", "", " ", "1,234.5.6", "12%", "٣"),
]


def lines_of(engine: Engine, amounts: list[str], **given: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"customer_id": [f"{n:03d}" for n in range(len(amounts))], "order_date": "2024-01-10", "amount": amounts}
    )
    return engine.collect(engine.read(Source(frame, **given))).sort_values("customer_id").reset_index(drop=True)


@pytest.mark.parametrize("form", FORMS)
def test_sql_reads_a_number_as_python_does(engine: Engine, form: NumberForm) -> None:
    lines = lines_of(engine, NUMBERS, decimal=form.decimal, thousands=form.thousands)
    for text, amount, fault in zip(NUMBERS, lines["amount"], lines["fault"], strict=True):
        expected = form.read(text) if text != "1e2" else 100.0
        assert (None if pd.isna(amount) else int(amount)) == (None if expected is None else round(expected * 100)), text
        assert (fault in ("bad_amount", "missing_amount")) == (expected is None), text


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["12.50", "1,234.50"], NumberForm(thousands=",")),
        (["12,50", "7"], NumberForm(decimal=",")),
        (["1.234.567"], NumberForm(decimal=",", thousands=".")),
        (["2,536", "1234"], NumberForm(decimal=",")),
        (["2,536", "2,9"], NumberForm(decimal=",")),
        (["0.536", "1.234"], NumberForm()),
        (["9.90", "1e5", "NaN"], NumberForm()),
        (["2.536", "12.900"], AMBIGUOUS),
        (["1,234", "12"], AMBIGUOUS),
        (["1,234.5", "1.234,5"], None),
        (["abc"], None),
        ([" ", ""], None),
    ],
)
def test_the_form_of_numbers_is_that_which_reads_all(texts: list[str], form: Any) -> None:
    assert find_number_form(texts) == form


DATES = {
    "2024-01-05": None,
    "2024-01-05 21:30:00 -0500": None,
    "2024-01-05 21:30:00+05": None,
    "2024-01-05T21:30:00.123+05:30": None,
    "2024-01-05 21:30 UTC": None,
    "2024-01-05 21:30:00 GMT": None,
    "2024-01-05T21:30:00Z": None,
    "2024-01-05 9:30": "%Y-%m-%d %H:%M",
    "2024/01/05": "%Y/%m/%d",
    "2024.01.05": "%Y.%m.%d",
    "20240105": "%Y%m%d",
    "20240105T213000Z": "%Y%m%dT%H%M%S%z",
    "31.01.2024, 10:05:11": "%d.%m.%Y, %H:%M:%S",
    "01/31/24": "%m/%d/%y",
    "31-JAN-24": "%d-%b-%y",
    "Jan 5, 2024": "%b %d, %Y",
    "Jan 5, 2024 9:30:12 PM": "%b %d, %Y %I:%M:%S %p",
    "31/01/2024 9:30 p. m.": "%d/%m/%Y %I:%M %p",
    "5. März 2024": "%d. %b %Y",
    "5 févr. 2024": "%d %b %Y",
    "5 de enero de 2024": "%d de %b de %Y",
    "Fri, 05 Jan 2024 21:30:00 +0000": "%a, %d %b %Y %H:%M:%S %z",
    "2024年1月5日": "%Y年%m月%d日",
    "31/01/2024 24:00": "%d/%m/%Y %H:%M",
    "2024-03": "%Y-%m",
    "Mar 2024": "%b %Y",
    "1704490200": "epoch_seconds",
    "1704490200000": "epoch_milliseconds",
    "1704490200000000": "epoch_microseconds",
    "45296": "excel_days",
    "45296.5": "excel_days",
}
DAYS = {
    "31.01.2024, 10:05:11": "2024-01-31",
    "01/31/24": "2024-01-31",
    "31-JAN-24": "2024-01-31",
    "31/01/2024 9:30 p. m.": "2024-01-31",
    "5. März 2024": "2024-03-05",
    "5 févr. 2024": "2024-02-05",
    "31/01/2024 24:00": "2024-02-01",
    "2024-03": "2024-03-01",
    "Mar 2024": "2024-03-01",
}


def day_of(engine: Engine, date: Any, **given: Any) -> tuple[str | None, int | None]:
    frame = pd.DataFrame({"customer_id": ["a"], "order_date": [date], "amount": [1.0]})
    line = engine.collect(engine.read(Source(frame, **given))).iloc[0]
    second = line.get("second")
    if pd.isna(line["day"]) or pd.notna(line["fault"]):
        return None, None
    day = EPOCH + dt.timedelta(days=int(line["day"]))
    return day.isoformat(), None if pd.isna(second) else int(second)


@pytest.mark.parametrize("text", DATES)
def test_a_date_of_a_known_form_is_found_and_read(engine: Engine, text: str) -> None:
    found = find_date_form([text])
    assert found is not None
    assert found.form == DATES[text]
    assert found.form is None or fault_of(found.form) is None
    assert day_of(engine, text, date_format=found.form)[0] == DAYS.get(text, "2024-01-05")


def test_a_text_with_its_offset_keeps_its_day_unless_a_zone_is_asked_for(engine: Engine) -> None:
    text = "2024-01-05 21:30:00 -0500"
    assert day_of(engine, text) == ("2024-01-05", 77_400)
    assert day_of(engine, text, timezone="UTC") == ("2024-01-06", 9_000)
    assert day_of(engine, text, timezone="America/New_York") == ("2024-01-05", 77_400)
    assert day_of(engine, "2024-01-05T23:30:00Z", timezone="Europe/Berlin") == ("2024-01-06", 1_800)
    american = "05/01/2024 21:30:00 -0500"
    assert day_of(engine, american, date_format="%d/%m/%Y %H:%M:%S %z") == ("2024-01-05", 77_400)
    assert day_of(engine, american, date_format="%d/%m/%Y %H:%M:%S %z", timezone="UTC") == ("2024-01-06", 9_000)


def test_numbers_are_dates_where_the_format_says_so(engine: Engine) -> None:
    assert day_of(engine, 1_704_490_200, date_format="epoch_seconds") == ("2024-01-05", 77_400)
    assert day_of(engine, 1_704_490_200.0, date_format="epoch_seconds") == ("2024-01-05", 77_400)
    zoned = day_of(engine, 1_704_490_200, date_format="epoch_seconds", timezone="Asia/Tokyo")
    assert zoned == ("2024-01-06", 23_400)
    assert day_of(engine, 45_296.25, date_format="excel_days") == ("2024-01-05", 21_600)
    assert day_of(engine, 20_240_105, date_format="%Y%m%d") == ("2024-01-05", None)
    for wild in (10**17, -(10**17), 0.0, float("nan"), 1e300):
        assert day_of(engine, wild, date_format="excel_days") == (None, None)


def test_typed_dates_out_of_range_are_bad_dates(engine: Engine) -> None:
    for date in (dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.datetime(1900, 1, 1), dt.datetime(2201, 1, 1)):
        assert day_of(engine, date) == (None, None)
    assert day_of(engine, dt.datetime(2200, 12, 31, 23))[0] == "2200-12-31"


def test_one_text_of_the_whole_file_tells_day_from_month() -> None:
    texts = [f"{1 + number % 12:02d}/{1 + number % 11:02d}/2024 10:{number % 60:02d}" for number in range(500)]
    found = find_date_form(texts)
    assert found is not None
    assert (found.form, found.other) == ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")
    found = find_date_form([*texts, "01/31/2024 10:00"])
    assert found is not None
    assert (found.form, found.ambiguous) == ("%m/%d/%Y %H:%M", False)


IDS = ["Ann@X.org ", " 12", "12.0", "0012", "00", "0.00", "A1.0", "007x", "12.5", "é", "+12"]


@pytest.mark.parametrize("rules", [(), ("lower",), ("trim",), ("number",), ("lower", "trim", "number")])
def test_sql_normalises_an_id_as_python_does(engine: Engine, rules: tuple[Any, ...]) -> None:
    frame = pd.DataFrame({"customer_id": IDS, "order_date": "2024-01-10", "amount": range(len(IDS))})
    lines = engine.collect(engine.read(Source(frame, normalize_ids=rules))).sort_values("amount")
    assert lines["customer_id"].tolist() == [normalised_id(text, rules) for text in IDS]


def test_ids_that_stand_for_nobody_are_excluded_in_any_case(engine: Engine) -> None:
    frame = pd.DataFrame({"customer_id": ["GUEST ", "guest", "0", "00", "a"], "order_date": "2024-01-10", "amount": 1})
    lines = engine.collect(engine.read(Source(frame, not_customers=("guest", "0"))))
    assert sorted(lines["customer_id"][lines["fault"].isna()]) == ["00", "a"]
    assert lines["fault"].dropna().unique().tolist() == ["not_customer"]


def test_a_structure_is_no_id(engine: Engine) -> None:
    frame = pd.DataFrame({"customer_id": [{"id": 1}], "order_date": ["2024-01-10"], "amount": [1.0]})
    with pytest.raises(DataContractError, match=r"customer_id.*expected a text or a number"):
        engine.read(Source(frame))


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_instants_of_another_era_in_parquet_are_bad_dates(tmp_path: Path, zone: str | None) -> None:
    moments = pa.array([2**63 - 2, -(2**62), 1_733_000_000_000_000], pa.timestamp("us", tz=zone))
    days = pa.array([2**31 - 2, -(2**31) + 5, 20_000], pa.date32())
    engine = DuckDBEngine()
    for dates in (moments, days):
        table = pa.table({"customer_id": ["a", "b", "c"], "order_date": dates, "amount": [1.0, 2.0, 3.0]})
        pq.write_table(table, tmp_path / "orders.parquet")
        source = Source(str(tmp_path / "orders.parquet"), timezone="Asia/Tokyo")
        lines = engine.collect(engine.read(source)).sort_values("customer_id")
        assert lines["fault"].fillna("").tolist() == ["bad_date", "bad_date", ""]
        assert len(engine.columns_of(source)[1].samples) == 3

"""Lines, quotes and headers as people write them, and what is no table."""

from __future__ import annotations

import time

import pytest

from ltvml.errors import ConfigError, DataContractError
from tests.engines.files.written import HEADER, READ, ROWS, read

# an error about a file that cannot be read comes at once, not after reading for ever; busy machines included
SOON = 10.0


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(engine, write, ends) -> None:
    assert read(engine, write((HEADER + ROWS).replace("\n", ends))) == READ


def test_mixed_line_ends_are_read(engine, write) -> None:
    assert read(engine, write(HEADER.replace("\n", "\r\n") + ROWS)) == READ
    assert read(engine, write(HEADER + ROWS.replace("\n", "\r\n"))) == READ
    assert read(engine, write(HEADER.replace("\n", "\r") + ROWS)) == READ


def test_a_line_end_within_quotes_is_part_of_the_value(engine, write) -> None:
    text = 'note,"customer\nid",order_date,amount\r\n"two\r\nlines",007,2024-01-10,2.50\r\n'
    assert read(engine, write(text), columns={"customer_id": "customer\nid"}) == READ[:1]


def test_blank_lines_before_the_header_are_left_out(engine, write) -> None:
    assert read(engine, write("\n \n" + HEADER + ROWS)) == READ


def test_the_line_in_which_excel_names_the_separator_is_no_header(engine, write) -> None:
    assert read(engine, write("sep=|\r\n" + (HEADER + ROWS).replace(",", "|"))) == READ


def test_a_preamble_is_left_out(engine, write) -> None:
    text = 'Orders of "Shop"\nfrom,to,2024,x,y\n' + HEADER + ROWS
    assert read(engine, write(text), skip_rows=2) == READ


def test_a_file_without_a_header_is_named_by_the_user(engine, write) -> None:
    names = ("customer_id", "order_date", "amount")
    assert read(engine, write(ROWS), header=False, names=names) == READ


def test_a_file_without_a_header_can_be_mapped_by_number(engine, write) -> None:
    columns = {"customer_id": "column0", "order_date": "column1", "amount": "column2"}
    assert read(engine, write(ROWS), header=False, columns=columns) == READ


def test_other_names_may_replace_those_of_the_file(engine, write) -> None:
    assert read(engine, write("a,a,b\n" + ROWS), names=("customer_id", "order_date", "amount")) == READ


def test_too_few_names_show_the_first_line(engine, write) -> None:
    with pytest.raises(ConfigError, match=r"names has 2 names.* has 3 cells: 007, 2024-01-10, 2.50"):
        read(engine, write(ROWS), header=False, names=("a", "b"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (ROWS, "--set transactions.header=false"),
        ("Export of the shop\n\n" + HEADER + ROWS, "--set transactions.skip_rows=2"),
    ],
)
def test_a_first_line_that_is_no_header_is_seen(engine, write, text, hint) -> None:
    with pytest.raises(DataContractError, match="has no column") as caught:
        read(engine, write(text))
    assert hint in str(caught.value.hint)


def test_columns_of_fixed_width_are_refused_in_words_and_cut_by_a_query(engine, write) -> None:
    lines = [("customer", "date", "amount"), ("007", "2024-01-10", "2.50"), ("José", "2024-02-11", "10")]
    path = write("".join(f"{a:<12}{b:<14}{c:>8}\n" for a, b, c in lines), "orders.txt")
    with pytest.raises(DataContractError, match="look like those of fixed width"):
        read(engine, path)
    sql = """SELECT trim(substr(line, 1, 12)) AS customer_id, trim(substr(line, 13, 14)) AS order_date,
        trim(substr(line, 27, 8)) AS amount FROM orders"""
    assert read(engine, None, sql=sql, sources={"orders": str(path)}, names=("line",)) == READ


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a" * 200_000 + b",b\n1,2\n", "a cell of more than 131,072 characters"),
        (b'"' + b"a,\n" * 100_000, "the first line has a quote out of place"),
        (b"a," * 3_000_000, "the first line is longer than"),
        (b"customer_id\0,order_date,amount\n1,2,3\n", "the first line holds zero bytes"),
        (HEADER.encode(), "has no rows"),
        (b"", "is empty: 0 bytes"),
        (b"\n\n\n", "no column 'customer_id'"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
    ],
)
def test_what_is_no_table_is_refused_at_once(engine, write, content, message) -> None:
    path, start = write(content), time.monotonic()
    with pytest.raises(DataContractError, match=message):
        read(engine, path)
    assert time.monotonic() - start < SOON


def test_ten_thousand_columns_are_read(engine, write) -> None:
    more = [f"c{number}" for number in range(10_000)]
    text = f"{HEADER.strip()},{','.join(more)}\n007,2024-01-10,2.50,{','.join('1' * 10_000)}\n"
    assert read(engine, write(text)) == READ[:1]

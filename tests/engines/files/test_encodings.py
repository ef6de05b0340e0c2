"""Text in every encoding is read, or the encoding is asked for."""

from __future__ import annotations

import gzip

import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError, DataWarning
from tests.engines.files.written import ASCII, HEADER, READ, ROWS, read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_found_without_a_word(engine, write, encoding) -> None:
    assert read(engine, write(HEADER + ROWS, encoding=encoding)) == READ


@pytest.mark.parametrize(("encoding", "found"), [("latin-1", "cp1252"), ("cp1252", "cp1252")])
def test_western_text_is_found_with_a_word_on_it(engine, write, encoding, found) -> None:
    with pytest.warns(
        DataWarning, match=rf"read as {found} \(for example 'José'\).*--set transactions.encoding={found}"
    ):
        assert read(engine, write(HEADER + ROWS, encoding=encoding)) == READ


@pytest.mark.parametrize("word", ["Größe", "ação", "Müller", "£5", "naïve", "Ñandú", "œuvre", "don’t"])
def test_words_of_western_languages_are_read(engine, write, word) -> None:
    with pytest.warns(DataWarning, match="read as cp1252"):
        found = read(engine, write(f"{HEADER}{word},2024-01-10,1\n", encoding="cp1252"))
    assert found == [[word, 19_732, 100]]


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_its_mark_is_read_when_named(engine, write, order) -> None:
    assert read(engine, write(HEADER + ROWS, encoding=f"utf-16-{order}"), encoding="utf-16") == READ


def test_text_that_is_not_utf_16_is_no_traceback(engine, write) -> None:
    with pytest.raises(DataContractError):
        read(engine, write(HEADER + ROWS), encoding="utf-16")


def test_chinese_text_is_found_by_its_letters(engine, write) -> None:
    chinese = "客户,日期,金额\n张三,2024-01-10,2.50\n李四王五,2024-02-11,10\n"
    names = {"customer_id": "客户", "order_date": "日期", "amount": "金额"}
    with pytest.warns(DataWarning, match=r"read as gb18030 \(for example '客户'\)"):
        found = read(engine, write(chinese, encoding="gbk"), columns=names)
    assert found == [["张三", 19_732, 250], ["李四王五", 19_764, 1000]]


@pytest.mark.parametrize(
    ("encoding", "letters"),
    [
        ("cp1251", "Иван"),
        ("shift_jis", "カタカナ"),
        ("euc_kr", "김철수서울특별시"),
        ("big5", "臺北張豐"),
        ("cp1253", "όνομα"),
    ],
)
def test_an_unclear_encoding_is_asked_for_and_read_when_named(engine, write, encoding, letters) -> None:
    path = write(HEADER + ROWS.replace("José", letters), encoding=encoding)
    with pytest.raises(DataContractError, match="encoding could not be found") as caught:
        read(engine, path)
    assert "--set transactions.encoding=" in str(caught.value.hint)
    assert read(DuckDBEngine(), path, encoding=encoding)[1][0] == letters


def test_one_line_in_another_encoding_is_named(engine, write) -> None:
    unicode = (HEADER + "José,2024-01-10,1\n" * 9).encode()
    with pytest.raises(DataContractError, match="is not utf-8: line 11 holds the bytes e9"):
        read(engine, write(unicode + "André,2024-01-10,1\n".encode("latin-1")))


def test_a_wrong_encoding_names_the_first_line_that_is_not_of_it(engine, write) -> None:
    with pytest.raises(DataContractError, match="is not ascii: line 3"):
        read(engine, write(HEADER + ROWS), encoding="ascii")


def test_letters_late_in_a_long_file_are_found(engine, write) -> None:
    many = ASCII * 40_000
    with pytest.warns(DataWarning, match="cp1252"):
        found = read(engine, write(HEADER + many + "Zoë,2024-01-10,1\n", encoding="cp1252"))
    assert (len(found), found[-1]) == (80_001, ["Zoë", 19_732, 100])


def test_files_of_one_glob_may_differ_in_encoding_separator_and_packing(engine, write, tmp_path) -> None:
    write(HEADER + "a,2024-01-10,1\n", "a.csv")
    write("amount;customer_id;order_date\n2;b;2024-01-10\n", "b.csv", "utf-16")
    write(gzip.compress((HEADER + "c,2024-01-10,3\n").encode()), "c.csv.gz")
    assert read(engine, tmp_path / "*") == [["a", 19_732, 100], ["b", 19_732, 200], ["c", 19_732, 300]]

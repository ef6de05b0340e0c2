"""Small tables are read as they are written, or refused with the line at fault."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.errors import ConfigError, DataContractError, LtvmlError
from ltvml.inputs.tables.small_tables import missing_columns, read_table, text_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "outreach.opt_outs"
ROWS = pd.DataFrame({"customer_id": ["007", "NA", "Zoë"], "note": ['a, "b"', None, "two\nlines"]})


def read(folder: Path, content: str | bytes, name: str = "table.csv") -> pd.DataFrame:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(str(folder / name), KEY)


def zipped(*names: str) -> Callable[[bytes], bytes]:
    def pack(content: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                archive.writestr(name, content)
        return file.getvalue()

    return pack


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_separator_and_encoding_gives_the_same_table(tmp_path: Path, encoding: str, separator: str) -> None:
    found = read(tmp_path, ROWS.to_csv(index=False, sep=separator).encode(encoding))
    assert found.to_dict("list") == {
        "customer_id": ["007", "NA", "Zoë"],
        "note": ['a, "b"', pytest.approx(float("nan"), nan_ok=True), "two\nlines"],
    }
    assert found.index.tolist() == [2, 3, 5]


def test_chinese_text_of_windows_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, "customer_id,name\n1,李雷\n2,韩梅梅\n".encode("gbk"))
    assert found["name"].tolist() == ["李雷", "韩梅梅"]


@pytest.mark.parametrize("text", ["ÄÖÜ", "Zoë", "Müller & Söhne", "€ 5", "“quoted”", "naïve façade"])
def test_letters_with_accents_are_not_taken_for_chinese(text: str) -> None:
    assert text_of(f"name\n{text}\n".encode("cp1252"), "t.csv") == f"name\n{text}\n"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zipped("a.csv")])
def test_one_table_in_an_archive_is_read_and_a_damaged_archive_is_an_error(tmp_path: Path, pack: Any) -> None:
    content = pack(ROWS.to_csv(index=False).encode() * 20)
    assert len(read(tmp_path, pack(ROWS.to_csv(index=False).encode()), "table.any")) == 3
    with pytest.raises(DataContractError, match="is damaged or not complete"):
        read(tmp_path, content[:-9])


def test_an_archive_of_several_tables_names_them(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"holds 2 files \(a\.csv, b\.csv\); expected a zip of one table"):
        read(tmp_path, zipped("a.csv", "b.csv")(b"x\n1\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 cells; expected 2, as the header has (a, b)"),
        ("a,b\n1,2\n\n3\n", "line 4 has 1 cell; expected 2"),
        ("a,b\n5,1,2\n", "line 2 has 3 cells"),
        ("a\n1,2\n", "line 2 has 2 cells; expected 1"),
        ("a,a\n1,2\n", "has the column a more than once"),
        ("a, a \n1,2\n", "has the column a more than once"),
        ("a,b\n1,\x002\n", "has a NUL byte in line 2"),
        ('a,b\n1,"2\n3,4\n', "cannot be read in line 3"),
        ('a,b\n1,"2" 3\n', "cannot be read in line 2"),
        ("a,b\n1," + "x" * 140_000, "cannot be read in line 2 (field larger"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        (" , \n1,2\n", "is empty"),
        ("<!doctype html>", "is HTML, XML or JSON"),
        ('[{"a": 1}]', "is HTML, XML or JSON"),
        ("a,b\n1,Zoë\n2,Chloë\n".encode() + b"3,Zo\xeb\n", "is UTF-8 but for line 4"),
        ("a,b\n1,Zoë\n".encode("utf-16")[:-1], "that are not UTF-16"),
        (b"a,b\n1,\x81\xff\n", "that are not text"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(DataContractError) as error:
        read(tmp_path, content)
    assert words in error.value.message


def test_blank_cells_behind_the_last_column_are_none(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b,,\n1,2,,\n,,,\n3,4\n5,,,,\n")
    assert found.to_dict("index") == {
        2: {"a": "1", "b": "2"},
        4: {"a": "3", "b": "4"},
        5: {"a": "5", "b": pytest.approx(float("nan"), nan_ok=True)},
    }


def test_an_index_that_was_written_along_is_left_out(tmp_path: Path) -> None:
    assert list(read(tmp_path, ROWS.to_csv())) == ["customer_id", "note"]


@pytest.mark.parametrize(
    ("content", "words"), [(b"\x28\xb5\x2f\xfd...", "zstd"), (b"\xd0\xcf\x11\xe0...", "Excel 97-2003")]
)
def test_files_of_other_kinds_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(tmp_path, content)


def test_a_folder_and_a_file_that_is_not_there_are_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"outreach\.opt_outs: .* cannot be read: Is a directory"):
        read_table(str(tmp_path), KEY)
    with pytest.raises(ConfigError, match=r"outreach\.opt_outs: there is no file nowhere\.csv"):
        read_table("nowhere.csv", KEY)


def test_ids_that_parquet_keeps_as_an_index_or_as_numbers_are_there(tmp_path: Path) -> None:
    rows = pd.DataFrame({"customer_id": [7, 8], "day": pd.to_datetime(["2020-01-01", None])}).set_index("customer_id")
    rows.to_parquet(tmp_path / "t.parquet")
    found = read_table(str(tmp_path / "t.parquet"), KEY)
    assert found["customer_id"].tolist() == [7, 8]
    assert found.index.tolist() == [1, 2]
    assert found.index.name == "row"


def book(folder: Path, **sheets: pd.DataFrame) -> str:
    with pd.ExcelWriter(folder / "book.xlsx") as writer:
        for name, rows in sheets.items():
            rows.to_excel(writer, sheet_name=name, index=False)
    return str(folder / "book.xlsx")


def test_a_workbook_is_read_as_it_is_written(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": [7, 8], "text": ["007", None], "yes": [True, False], "half": [0.5, 2.0]})
    found = read_table(book(tmp_path, one=rows, empty=pd.DataFrame()), KEY)
    assert found.to_dict("list") == {
        "id": ["7", "8"],
        "text": ["007", pytest.approx(float("nan"), nan_ok=True)],
        "yes": ["true", "false"],
        "half": ["0.5", "2"],
    }


def test_of_several_sheets_one_is_named(tmp_path: Path) -> None:
    path = book(tmp_path, old=ROWS.head(1), new=ROWS)
    with pytest.raises(DataContractError, match=r"2 sheets with cells \(old, new\)") as error:
        read_table(path, KEY)
    assert f"{path}::old" in str(error.value)
    assert len(read_table(f"{path}::new", KEY)) == 3
    with pytest.raises(DataContractError, match="has no sheet older; expected one of old, new"):
        read_table(f"{path}::older", KEY)


def test_columns_are_found_in_capitals_and_a_missing_one_has_its_nearest_named() -> None:
    table = with_columns(pd.DataFrame(columns=["Customer-ID", "SENT AT"]), ["customer_id"], also=["sent_at"])
    assert list(table) == ["customer_id", "sent_at"]
    both = with_columns(pd.DataFrame(columns=["Customer ID", "customer id"]), ["customer_id"])
    assert missing_columns("t.csv", both, ["customer_id"]).startswith("t.csv has the columns Customer ID, customer id;")
    assert missing_columns("t.csv", table, ["customer_id"]) == ""


BASE = [
    ROWS.to_csv(index=False).encode(),
    ROWS.to_csv(index=False).encode("utf-16"),
    gzip.compress(ROWS.to_csv(index=False).encode()),
    lzma.compress(ROWS.to_csv(index=False).encode()),
    zipped("a.csv")(ROWS.to_csv(index=False).encode()),
]


@settings(max_examples=200, deadline=None)
@given(base=st.sampled_from(BASE), place=st.floats(0, 1), cut=st.integers(0, 12), new=st.binary(max_size=6))
def test_bytes_that_were_changed_give_a_table_or_one_error(base: bytes, place: float, cut: int, new: bytes) -> None:
    start = int(place * len(base))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_bytes(base[:start] + new + base[start + cut :])
        with contextlib.suppress(LtvmlError):
            assert len(read_table(str(path), KEY)) <= 20

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ltvml
from ltvml.words.text import WIDTH, columns, fields, filled, number, paragraph, place, short, table, times


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.000123456, "0.000123"),
        (99.44, "99.4"),
        (100, "100"),
        (-1234.5, "-1,234"),
        (999_999_999, "999,999,999"),
        (1e9, "1e+09"),
        (-2.5e12, "-2.5e+12"),
        (float("nan"), "not known"),
    ],
)
def test_a_number_has_about_three_digits(value, text):
    assert number(value) == text


def test_a_long_value_goes_on_below_its_start_within_80_columns():
    lines = fields([("customers", "7"), ("note", "many words " * 20)]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line.index("many") for line in lines[1:]] == [11] * (len(lines) - 1)


def test_a_path_is_never_broken():
    path = "/a-very/long-path" * 10
    assert path in fields([("scores", path)]).splitlines()[-1]


def test_a_name_that_comes_again_is_written_once():
    assert fields([("plots", "a"), ("plots", "b"), ("run", "c")]) == "plots  a\n       b\nrun    c"


def test_an_empty_value_keeps_its_name():
    assert fields([("note", "")]) == "note"


def test_a_place_below_the_current_folder_is_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place(tmp_path / "out" / "bundle") == str(Path("out/bundle"))
    assert place(tmp_path.parent) == str(tmp_path.parent)


def test_a_place_is_whole_where_the_current_folder_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert place(tmp_path / "out") == str(tmp_path / "out")


def test_times_are_the_sum_and_the_steps():
    assert times({"read": 1.0, "score": 0.26}) == "1.3 s: read 1.0, score 0.3"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A-1", "A-1"),
        ("0123456789", "0123456789"),
        ("01234567890", "012345678…"),
        ("two\nlines\t", "two lines "),
        ("日本日本日", "日本日本日"),
        ("日本日本日本", "日本日本…"),
        ("\x1b[31mred", " [31mred"),
    ],
)
def test_a_text_of_anybodys_making_is_one_line_of_at_most_ten_columns(text, shown):
    assert short(text, 10) == shown
    assert columns(shown) <= 10


def test_columns_of_a_table_stay_aligned_under_wide_letters():
    lines = table(("id", "n"), [("日本", "1"), ("abc", "22")]).splitlines()
    assert {columns(line) for line in lines} == {8}


def test_a_paragraph_is_within_80_columns():
    assert max(map(len, paragraph("words and words " * 30).splitlines())) <= 80


@pytest.mark.parametrize(
    "text",
    [
        "这位客户的“coffee”通常够用39天，上次购买是50天前；预计在1月5日至3月5日之间需要补货。" * 3,
        "plain words, " * 30,
        "",
        "。。，",
    ],
)
def test_wide_letters_fill_lines_of_the_width_and_nothing_is_lost(text):
    lines = filled(text, 40)
    assert max(columns(line) for line in lines) <= 40
    assert "".join("".join(lines).split()) == "".join(text.split())
    # a line begins with no stop that closes the one before
    assert not [line for line in lines[1:] if line[0] in "，。；"]


def test_no_text_of_a_report_a_plan_or_a_plot_formats_a_share_without_the_blank_before_its_sign():
    package = Path(ltvml.__file__).parent
    files = list(package.rglob("*.py"))
    assert len(files) > 100
    # a brace before %H and its like is a form of dates, not a share
    tight = re.compile(r":,?(\.\d+)?%\}|\}%(?![A-Za-z])")
    assert [str(path) for path in files if tight.search(path.read_text("utf-8")) and path.parent.name != "zh"] == []
    assert tight.search('f"{share:.0%}"')

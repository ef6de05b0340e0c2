"""A short round of the harness: no input ends in a traceback, a hang or a wrong answer.

`python -m tests.fuzz --inputs 10000 --seed 1` is the long round.
"""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import KINDS, Drawn, draw
from tests.fuzz.trial import CUTOFF, judged, plain, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fuzz.inputs import Kind

INPUTS = {"csv": 40, "parquet": 30, "yaml": 60, "side": 60, "bundle": 40}
# of a kind; a harness in which everything is refused tests nothing
ACCEPTED = 0.05

names = st.sampled_from(["a", "b", "c12", "0012", "é", "客户", "x y"])
days = st.dates(dt.date(2025, 2, 1), CUTOFF).map(str) | st.sampled_from(["", "banana"])
amounts = st.integers(-(10**6), 10**8).map(lambda cents: f"{cents / 100:.2f}") | st.sampled_from(["", "--5"])
rows_of_orders = st.lists(st.tuples(names, days, amounts), min_size=1, max_size=60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_input_is_right_or_one_clear_error(kind: Kind) -> None:
    results = [run(kind, 7, number) for number in range(INPUTS[kind])]
    assert not [(one.number, one.outcome, one.words) for one in results if one.bad]
    assert sum(one.outcome == "accepted" for one in results) >= ACCEPTED * len(results)


@given(rows=rows_of_orders)
@settings(max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_rows_money_and_days_equal_a_computation_with_the_standard_library(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path / "orders.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("customer_id", "order_date", "amount"), *rows])
    drawn = Drawn("csv", str(path), [list(row) for row in rows], {"init": False})
    result = judged(drawn, 0, tmp_path)
    assert not result.bad, result.words


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_is_drawn_again_by_its_number(kind: Kind, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        draw(kind, 3, 5, folder)
    one, two = ({path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} for folder in folders)
    assert one == two


def test_a_wrong_sum_a_lost_row_and_a_wrong_day_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("customer_id,order_date,amount\na,2025-12-01,5.00\nb,2025-12-31,6.00\n", encoding="utf-8")
    right = [["a", "2025-12-01", "5.00"], ["b", "2025-12-31", "6.00"]]
    others = [
        [["a", "2025-12-01", "5.01"], right[1]],
        [["a", "2025-12-02", "5.00"], right[1]],
        [["A", "2025-12-01", "5.00"], right[1]],
        [*right, right[1]],
        right[:1],
    ]
    config = {"init": False}
    assert judged(Drawn("csv", str(path), right, config), 0, tmp_path).outcome == "accepted"
    for rows in others:
        assert judged(Drawn("csv", str(path), rows, config), 0, tmp_path).outcome == "wrong"


def test_plain_rows_bad_rows_and_those_that_readers_may_take_either_way() -> None:
    assert plain("a", "2025-01-31", "-1.05") == ("a", dt.date(2025, 1, 31), -105)
    assert plain("a", "", "1") == plain("", "2025-01-31", "1") == plain("a", "banana", "1") == "bad"
    assert (
        plain("a", "2025-02-30", "1") == plain("a", "2025-01-31", "1e3") == plain(" a", "2025-01-31", "1") == "unsure"
    )

"""The door: any shop's file is read right, or it is said what to set; nothing is wrong without a word."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from typer.testing import CliRunner

from ltvml.cli.app import app
from ltvml.config import load_config
from ltvml.errors import DataContractError
from tests.exports.judge import all_exports, judge, share_right
from tests.exports.shop import CUSTOMERS, LAST, answer, orders, paid_orders

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports.judge import Judgement

EXPORTS = all_exports()
# one of each kind, in two seconds
QUICK = ("plain", "tabs", "byte_order_mark", "duckdb_table", "slashes", "everything_quoted", "parentheses", "no_amount")
# of all exports; those that no setting can make right, such as a file without buyers, are not among them
RIGHT_AFTER_ONE_SETTING = 40 / 45

# a shell takes the quotes off
SET = re.compile(r"""--set\s+('[^']*'|"[^"]*"|[^\s='"]+=(?:"[^"]*"|'[^']*'|[^\s,;)]+))""")


@pytest.fixture(scope="module")
def judgements() -> dict[str, Judgement]:
    return {name: judge(one) for name, one in EXPORTS.items()}


def told(one: Judgement) -> str:
    return f"{one.export.name}: {one.verdict}, {one.alone.share:.0%} of customers right.\n{one.alone.words}"


def test_the_shop_has_customers_orders_refunds_and_orders_that_are_no_purchases() -> None:
    assert len(answer(str)) == CUSTOMERS
    assert 1400 <= len(paid_orders()) <= len(orders()) <= 1600
    assert max(order.day for order in orders()) <= LAST
    assert all(0 <= order.refund < order.total for order in paid_orders())
    assert {order.status for order in orders()} == {"paid", "cancelled", "failed", "pending", "refunded"}


def test_a_judge_sees_a_wrong_value_a_wrong_day_a_double_and_a_stranger() -> None:
    right = {"a": (2, 500, LAST, LAST), "b": (1, 100, LAST, LAST)}
    row = {"customer_id": "a", "frequency": 1, "recency": 0, "T": 0, "historic_value": 5.0}
    other = {"customer_id": "b", "frequency": 0, "recency": 0, "T": 0, "historic_value": 1.0}
    assert share_right(pd.DataFrame([row, other]), right) == 1
    assert share_right(pd.DataFrame([row, other | {"historic_value": 1.01}]), right) == 1 / 2
    assert share_right(pd.DataFrame([row, other | {"T": 1}]), right) == 1 / 2
    assert share_right(pd.DataFrame([row, other, other | {"customer_id": "B "}]), right) == 1 / 2
    assert share_right(pd.DataFrame([row, other | {"customer_id": "c"}]), right) == 1 / 3


@pytest.mark.parametrize("name", QUICK)
def test_the_plainest_exports_are_right_or_say_what_to_set(name: str) -> None:
    one = judge(EXPORTS[name])
    assert one.verdict in ("right", "says"), told(one)
    assert one.helped.right, told(one)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_init_alone_is_right_or_one_sentence_says_what_to_set(judgements: dict[str, Judgement], name: str) -> None:
    assert judgements[name].verdict in ("right", "says"), told(judgements[name])


@pytest.mark.slow
def test_after_one_setting_nearly_all_exports_are_right(judgements: dict[str, Judgement]) -> None:
    wrong = sorted(name for name, one in judgements.items() if not one.helped.right)
    assert len(judgements) >= 45
    assert len(wrong) <= (1 - RIGHT_AFTER_ONE_SETTING) * len(judgements), wrong


@pytest.mark.slow
def test_an_export_that_must_stop_stops(judgements: dict[str, Judgement]) -> None:
    for one in judgements.values():
        if one.export.stops:
            assert one.alone.stopped, told(one)
            assert one.verdict == "says", told(one)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTS)
def test_settings_are_accepted_as_they_are_printed(judgements: dict[str, Judgement], name: str, tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text("transactions: {source: orders.csv}\n", encoding="utf-8")
    for printed in SET.findall(judgements[name].alone.words):
        # the full stop ends the sentence
        load_config(config, shlex.split(printed.rstrip(".:")))


def test_at_the_command_line_init_and_validate_read_the_shop(tmp_path: Path) -> None:
    source, config = EXPORTS["plain"].write(tmp_path), tmp_path / "shop.yaml"
    run = CliRunner()
    written = run.invoke(app, ["init", source, "--out", str(config), "--json"])
    assert written.exit_code == 0, written.output
    checked = run.invoke(app, ["validate", "--config", str(config), "--set", f"window.cutoff={LAST}", "--json"])
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["customers"] == CUSTOMERS
    assert json.loads(checked.stdout)["ledger"]["used"] == len(paid_orders())


def test_at_the_command_line_a_file_without_buyers_stops_before_the_next_step(tmp_path: Path) -> None:
    source, config = EXPORTS["amazon_all_orders"].write(tmp_path), tmp_path / "shop.yaml"
    run = CliRunner()
    written = run.invoke(app, ["init", source, "--out", str(config)])
    assert written.exit_code == DataContractError.exit_code, written.output
    assert "buyer" in written.output
    assert "Next: ltvml validate" not in written.output

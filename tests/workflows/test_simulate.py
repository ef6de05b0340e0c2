"""A simulated shop goes through the commands as it is; what cannot be simulated is said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import ltvml
from ltvml.datasets import Shop


def test_what_is_written_is_validated_and_fitted_as_it_is(place):
    report = json.loads(place.run("simulate", "shop.parquet", "--customers", "900", "--json").stdout)
    assert every_line_is_used(place, "shop.parquet", report["lines"])
    fitted = place.run("fit", "--fast", "--no-mlflow", "--json")
    assert fitted.exit_code == 0, fitted.stderr
    assert json.loads(fitted.stdout)["customers"] == report["customers"] == 900


def test_every_line_of_a_csv_is_used(place):
    made = place.run("simulate", "shop.csv", "--customers", "90", "--truth", "truth.parquet", "--json")
    assert every_line_is_used(place, "shop.csv", json.loads(made.stdout)["lines"])
    truth = pd.read_parquet("truth.parquet")
    assert truth.columns.tolist() == ["customer_id", "first_date", "rate", "dropout", "left", "mean_order"]
    assert len(truth) == 90


def every_line_is_used(place, name, lines):
    assert place.run("init", name).exit_code == 0
    ledger = json.loads(place.run("validate", "--json").stdout)["ledger"]
    return (ledger["rows_in"], ledger["used"]) == (lines, lines)


def test_csv_and_parquet_hold_the_same_shop_and_the_same_options_the_same_bytes(place):
    for name in ("a.csv", "b.csv", "a.parquet", "b.parquet"):
        assert place.run("simulate", name, "--lines", "3000", "--seed", "5").exit_code == 0
    files = place.listing()
    for ending in ("csv", "parquet"):
        first, again = (next(bytes_ for path, bytes_ in files.items() if path.endswith(f"{x}.{ending}")) for x in "ab")
        assert first == again
    written, kept = pd.read_csv("a.csv", dtype={"order_id": str}), pd.read_parquet("a.parquet")
    pd.testing.assert_frame_equal(written, kept.astype({"order_date": str}), check_dtype=False)


def test_the_report_says_what_was_written(place):
    words = place.run("simulate", "shop.csv", "--customers", "50", "--model", "pareto_nbd", "--param", "r=0.8").stdout
    frame = pd.read_csv(place.folder / "shop.csv")
    assert f"{len(frame):,} of {frame.order_id.nunique():,} orders by 50 customers" in words
    assert f"{frame.amount.sum():,.2f} EUR" in words
    assert "pareto_nbd (r 0.8, alpha 40, s 0.6, beta 120)" in words
    assert "ltvml init shop.csv" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shop.xlsx"], "expected .parquet or .csv"),
        (["shop.csv", "--customers", "5", "--lines", "5"], "expected one of the two"),
        (["shop.csv", "--lines", "0"], "of at least 1"),
        (["shop.csv", "--param", "r"], "expected NAME=NUMBER"),
        (["shop.csv", "--param", "k=2"], "has no parameter k"),
        (["shop.csv", "--model", "bgnbd"], "no simulator of 'bgnbd'"),
        (["shop.csv", "--until", "soon"], "soon"),
        (["shop.csv", "--truth", "shop.csv"], "expected two files"),
    ],
)
def test_what_cannot_be_simulated_is_said_and_nothing_is_written(place, arguments, words):
    result = place.run("simulate", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert place.listing() == {}


def test_an_earlier_file_stays_unless_force_says_otherwise(place):
    place.run("simulate", "shop.csv", "--customers", "5")
    before = place.listing()
    refused = place.run("simulate", "shop.csv", "--customers", "6")
    assert refused.exit_code == 2
    assert "--force replaces" in refused.stderr
    assert place.listing() == before
    assert place.run("simulate", "shop.csv", "--customers", "6", "--force").exit_code == 0
    assert place.listing() != before


def test_a_folder_that_is_not_there_is_an_error_of_the_output(place):
    result = place.run("simulate", "nowhere/shop.csv", "--customers", "5")
    assert result.exit_code == 8
    assert "could not write nowhere/shop.csv" in result.stderr


KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from ltvml.workflows.simulate import written_whole
with written_whole([Path("shop.parquet")]) as (writer,):
    writer.write(pa.table({"a": [1]}))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_what_a_killed_run_left_beside_the_file_goes_with_the_next(place):
    dead = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert dead.returncode == -signal.SIGKILL
    assert [path.name for path in Path().iterdir()] != []
    assert place.run("simulate", "shop.parquet", "--customers", "50").exit_code == 0
    assert [path.name for path in Path().iterdir()] == ["shop.parquet"]


def test_an_interruption_leaves_nothing_behind(place, monkeypatch):
    place.run("simulate", "shop.csv", "--customers", "5")
    before = place.listing()

    def interrupted(self, before):
        raise KeyboardInterrupt

    monkeypatch.setattr(Shop, "_block", interrupted)
    assert place.run("simulate", "shop.csv", "--customers", "9", "--force").exit_code == 130
    assert place.listing() == before


def test_from_python_a_shop_is_simulated_too(tmp_path):
    report = ltvml.simulate(tmp_path / "shop.parquet", customers=40, seed=2, model="bg_nbd")
    assert report.totals.customers == pd.read_parquet(tmp_path / "shop.parquet")["customer_id"].nunique() == 40

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from ltvml.datasets import cdnow, cdnow_sample
from ltvml.errors import EngineError

# published: Fader & Hardie (2001) for the master file, Fader, Hardie & Lee (2005) for the sample
MASTER_ROWS, MASTER_CUSTOMERS = 69_659, 23_570
SAMPLE_CUSTOMERS = 2_357
SAMPLE_CALIBRATION_REPEATS = 2_457  # repeat transactions in weeks 1-39 of the sample, merged by day


def test_the_master_file_has_its_published_size() -> None:
    lines = cdnow()
    assert lines.shape == (MASTER_ROWS, 4)
    assert lines["customer_id"].nunique() == MASTER_CUSTOMERS
    assert (lines["amount"] == 0).sum() == 80
    assert lines.duplicated().sum() == 255


def test_ids_are_text_with_leading_zeros_and_dates_are_dates() -> None:
    first = cdnow().iloc[0]
    assert first["customer_id"] == "00001"
    assert first["order_date"] == pd.Timestamp("1997-01-01")


def test_the_sample_is_the_one_of_the_paper() -> None:
    lines = cdnow_sample()
    days = lines.drop_duplicates(["customer_id", "order_date"])
    seen = days[days["order_date"] <= "1997-09-30"]
    assert seen["customer_id"].nunique() == SAMPLE_CUSTOMERS
    assert len(seen) - SAMPLE_CUSTOMERS == SAMPLE_CALIBRATION_REPEATS


def test_reading_does_not_import_lifetimes() -> None:
    code = "import sys; from ltvml.datasets import cdnow; cdnow(); assert 'lifetimes' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltvml.datasets.cdnow_cohort.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"CDNOW_master\.txt"):
        cdnow()

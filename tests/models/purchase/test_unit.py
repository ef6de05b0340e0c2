"""A model remembers the unit of its fit, and notices histories that look like something else."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ltvml.errors import DataContractError, FitWarning
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.lifetimes_bg_nbd import LifetimesBGNBD


@pytest.fixture
def days() -> pd.DataFrame:
    random = np.random.default_rng(0)
    age = random.integers(100, 700, 400)
    repeats = random.poisson(2, 400)
    frame = pd.DataFrame({"frequency": repeats, "recency": np.where(repeats > 0, age // 2, 0), "T": age})
    frame.attrs["unit"] = "day"
    return frame


def in_weeks(days: pd.DataFrame) -> pd.DataFrame:
    frame = days.assign(recency=days["recency"] / 7, T=days["T"] / 7)
    frame.attrs["unit"] = "week"
    return frame


@pytest.mark.parametrize("model", [BGNBD, partial(LifetimesBGNBD, penalizer_coef=0.1)], ids=["ours", "lifetimes"])
def test_a_frame_in_another_unit_than_the_fit_is_refused(model, days):
    weekly = model().fit(in_weeks(days))
    with pytest.raises(DataContractError, match="fitted on times in weeks and was given times in days"):
        weekly.expected_purchases(days, horizon=52)


def test_a_frame_without_unit_is_noticed_by_its_ages(days):
    weekly = BGNBD().fit(in_weeks(days))
    days.attrs.clear()
    with pytest.warns(FitWarning, match=r"T is 698, 7\.0 times the longest T of the fit"):
        weekly.probability_alive(days)


def test_a_horizon_of_days_on_a_fit_of_weeks_is_noticed(days):
    weeks = in_weeks(days)
    with pytest.warns(FitWarning, match=r"the horizon is 365, .* times the longest T of the fit .* in weeks"):
        BGNBD().fit(weeks).expected_purchases(weeks, horizon=365)


def test_the_unit_is_shown(days):
    assert str(BGNBD().fit(days)).endswith("(times in days)")


def test_a_summary_converted_to_weeks_is_not_taken_for_days(days):
    assert BGNBD().fit(days.assign(recency=days["recency"] / 7, T=days["T"] / 7)).unit_ is None


def test_swapped_frequency_and_recency_are_noticed(days):
    with pytest.raises(DataContractError, match="were frequency and recency swapped"):
        BGNBD().fit(days["recency"], days["frequency"], days["T"])


@pytest.mark.parametrize("order", [["T", "frequency", "recency"], ["frequency", "T", "recency"]])
def test_another_order_of_arrays_is_refused(days, order):
    with pytest.raises(DataContractError, match="purchase histories were given, of which"):
        BGNBD().fit(*(days[name] for name in order))


def test_a_summary_without_one_time_buyers_is_noticed(days):
    with pytest.warns(FitWarning, match=r"were one-time buyers \(frequency 0\) removed"):
        BGNBD().fit(days[days["frequency"] > 0])


@pytest.mark.parametrize("kind", ["dict", "polars", "arrow"])
def test_dicts_polars_and_arrow_are_frames(days, kind):
    columns = days.to_dict("list")
    if kind == "polars":
        frame = pytest.importorskip("polars").DataFrame(columns)
    else:
        frame = pa.table(columns) if kind == "arrow" else columns
    model = BGNBD().fit(frame)
    assert model.params_ == BGNBD().fit(days).params_
    assert model.expected_purchases(frame, 30).shape == (400,)


@pytest.mark.parametrize("given", [[(1, 2, 3)], pd.Series({"frequency": 1, "recency": 2, "T": 3})])
def test_what_is_no_frame_is_answered_with_the_call(given, days):
    with pytest.raises(DataContractError, match=r"customer_summary|fit\(frequency, recency, T\)"):
        BGNBD().fit(given)
    with pytest.raises(DataContractError, match=r"summary\.loc\[\[label\]\]"):
        BGNBD().fit(days).expected_purchases(given, 30)

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import CUSTOMER_SCORES, SUMMARY
from ltvml.errors import DataContractError
from ltvml.tracking.served_rows import input_columns, output_columns, summary_of, travelling

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle

ROW = {
    "cutoff": "2011-09-10",
    "frequency": 2.0,
    "recency": 30.0,
    "T": 38.0,
    "monetary_value": 22.35,
    "first_order_value": 20.0,
    "historic_value": 64.7,
}
# 2011-09-10, counted with `date -d 2011-09-10 +%s` / 86400
DAY = 15227


def rows(**changes: object) -> pd.DataFrame:
    return pd.DataFrame([ROW | changes])


def test_every_number_travels_as_a_double_and_every_date_as_text() -> None:
    columns = (*input_columns(SUMMARY.names), *output_columns())
    assert {column.dtype for column in columns} == {"string", "float64"}
    assert {column.name for column in output_columns()} == set(CUSTOMER_SCORES.names)


def test_only_the_customer_and_one_form_of_the_cutoff_may_be_left_out() -> None:
    optional = [column.name for column in input_columns(SUMMARY.names) if not column.required]
    assert optional == ["cutoff", "customer_id", "cutoff_day"]


def test_a_cutoff_is_a_date_or_a_day() -> None:
    by_date = summary_of(rows(), SUMMARY.names)
    by_day = summary_of(rows(cutoff_day=float(DAY)).drop(columns="cutoff"), SUMMARY.names)
    assert by_date["cutoff_day"].to_list() == by_day["cutoff_day"].to_list() == [DAY]


def test_whole_numbers_become_integers_and_the_rows_stay_as_they_were() -> None:
    given = rows()
    summary = summary_of(given, SUMMARY.names)
    integers = [name for name in SUMMARY.names if SUMMARY[name].dtype == "int64"]
    assert (summary[integers].dtypes == "int64").all()
    pd.testing.assert_frame_equal(given, rows())


def test_a_row_without_a_cutoff_is_refused() -> None:
    with pytest.raises(DataContractError, match="without a cutoff"):
        summary_of(pd.concat([rows(), rows(cutoff=None)]), SUMMARY.names)


def test_a_cutoff_that_is_no_date_is_refused_by_name() -> None:
    with pytest.raises(DataContractError, match="'2011-09-31' is not a date"):
        summary_of(rows(cutoff="2011-09-31"), SUMMARY.names)


@pytest.mark.parametrize("value", [2.5, float("nan"), float("inf")])
def test_a_broken_count_is_refused(value: float) -> None:
    with pytest.raises(DataContractError, match=r"frequency is .* in 1 of 2 rows; expected a whole number"):
        summary_of(pd.concat([rows(), rows(frequency=value)]), SUMMARY.names)


def test_scores_travel_as_strict_json_with_the_same_values(bundle: Bundle, summary: pd.DataFrame) -> None:
    scores = bundle.score(summary)
    sent = json.loads(json.dumps(travelling(scores).to_dict(orient="records"), allow_nan=False))
    back = pd.DataFrame(sent)
    for column in CUSTOMER_SCORES.columns:
        if column.dtype in ("int64", "float64"):
            np.testing.assert_array_equal(back[column.name].astype(float), scores[column.name].astype(float))
        elif column.dtype == "date":
            assert pd.to_datetime(back[column.name]).equals(
                pd.to_datetime(scores[column.name]).astype("datetime64[us]")
            )
    assert scores["mean_gap_days"].isna().any()
    assert scores["replenishment_date"].isna().any()


def test_a_row_without_a_customer_is_scored_all_the_same(bundle: Bundle) -> None:
    answer = travelling(bundle.score(summary_of(rows(), bundle.summary_columns)))
    assert answer["customer_id"].to_list() == [None]
    assert answer["n_orders"].to_list() == [3.0]


def test_attributes_travel_as_texts_and_numbers():
    found = {column.name: column.dtype for column in input_columns(("first_channel", "first_lines", "attribute_age"))}
    assert found == {"cutoff": "string", "first_channel": "string", "first_lines": "float64", "attribute_age": "string"}

"""Whatever counts one thing says so in the singular, wherever the message comes from."""

from __future__ import annotations

import warnings

import pytest

from ltvml.errors import DataContractError, DataWarning
from ltvml.words.text import fields, paragraph


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1 rows have a negative amount", "1 row has a negative amount"),
        ("1 of 7 rows have no date", "1 of 7 rows has no date"),
        ("0 of 1 customers have left", "0 of 1 customers have left"),
        ("1 customers who have left", "1 customer who has left"),
        ("found 1 currencies", "found 1 currency"),
        ("weighted by 1 backtest cutoffs", "weighted by 1 backtest cutoff"),
        ("1,001 rows, 2.1 orders, 21 values are", "1,001 rows, 2.1 orders, 21 values are"),
        ("column a=1 rows; shop/1 orders.csv", "column a=1 rows; shop/1 orders.csv"),
    ],
)
def test_errors_warnings_and_reports_agree_in_number(said, expected):
    error = DataContractError(said, hint="1 rows")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(DataWarning(said), stacklevel=1)
        warnings.warn(said, DataWarning, stacklevel=1)
    assert str(error).startswith(expected)
    assert [str(found.message) for found in caught] == [expected, expected]
    assert paragraph(said) == expected
    assert fields([("note", said)]) == f"note  {expected}"

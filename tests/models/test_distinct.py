from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ltvml.models.distinct import distinct_rows

values = st.sampled_from([0.0, 1.0, 2.0, 30.5, 1e9, -3.0])


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=40))
def test_gathered_kinds_are_the_rows(rows):
    columns = np.array(rows).T
    found = distinct_rows(*columns)
    for column in columns:
        np.testing.assert_array_equal(column[found.first][found.kind], column)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=40))
def test_there_is_one_kind_for_each_distinct_row(rows):
    found = distinct_rows(*np.array(rows).T)
    assert len(found.first) == len(set(rows))


def test_no_rows_have_no_kinds():
    assert len(distinct_rows(np.empty(0), np.empty(0)).first) == 0


def test_keys_that_would_overflow_leave_every_row_alone():
    huge = np.array([2.0**40, 2.0**40])
    np.testing.assert_array_equal(distinct_rows(huge, huge).kind, [0, 1])

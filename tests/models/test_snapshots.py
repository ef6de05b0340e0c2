"""What snapshots promise, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltvml.errors import DataContractError


def test_a_purchase_on_the_last_day_of_the_window_counts(snapshots):
    wait = snapshots.wait.copy()
    wait[:2] = 60.0, 61.0
    assert replace(snapshots, wait=wait).buys[:2].tolist() == [True, False]


def test_buyers_are_those_of_the_last_closed_window(snapshots):
    latest = snapshots.origin == snapshots.origin.max()
    assert snapshots.buyers == np.sum(snapshots.wait[latest] <= 60)


def test_a_window_that_has_not_closed_is_refused(snapshots):
    follow_up = snapshots.follow_up.copy()
    follow_up[0] = 59
    with pytest.raises(DataContractError, match=r"1 of .* label windows of 60 days had not closed"):
        replace(snapshots, follow_up=follow_up)


def test_arrays_of_different_lengths_are_refused(snapshots):
    with pytest.raises(DataContractError, match="expected equal numbers"):
        replace(snapshots, spend=snapshots.spend[1:])


def test_some_of_the_rows_keep_their_outcomes(snapshots):
    rows = np.arange(len(snapshots.X)) % 3 == 0
    some = snapshots.where(rows)
    assert np.array_equal(some.spend, snapshots.spend[rows])
    assert np.array_equal(some.X["cutoff_day"], some.origin)

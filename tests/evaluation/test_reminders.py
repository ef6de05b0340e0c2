"""Reminders beside the run-outs that followed, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.evaluation.reminders import reminder_measures

# bought on day 0; the last one never again
PACKS = pd.DataFrame({"customer_id": list("abcd"), "item": "tea", "bought": 0, "used_up": [30.0, 30.0, 30.0, np.nan]})


def sent(**days):
    rows = [(name, "tea", 0, day) for name, listed in days.items() for day in listed]
    return pd.DataFrame(rows, columns=["customer_id", "item", "bought", "day"])


class TestReminderMeasures:
    def test_the_seven_days_before_the_run_out_count_at_both_ends(self):
        found = reminder_measures(sent(a=[23], b=[30], c=[22]), PACKS)
        assert found.recall == pytest.approx(2 / 3)
        assert found.precision == pytest.approx(2 / 3)

    def test_who_never_returns_is_wrong_only_among_all(self):
        found = reminder_measures(sent(a=[25], d=[25]), PACKS)
        assert (found.precision, found.precision_of_all, found.run_outs) == (1.0, 0.5, 3)

    def test_a_second_reminder_of_a_purchase_helps_recall_and_is_counted(self):
        found = reminder_measures(sent(a=[20, 27]), PACKS)
        assert (found.recall, found.precision, found.repeated) == (pytest.approx(1 / 3), 0.5, 1)

    def test_a_reminder_after_the_purchase_is_late(self):
        assert reminder_measures(sent(a=[31]), PACKS).precision == 0.0

    def test_a_reminder_of_an_earlier_purchase_is_none_of_this_one(self):
        assert reminder_measures(sent(a=[25]).assign(bought=-30), PACKS).recall == 0.0

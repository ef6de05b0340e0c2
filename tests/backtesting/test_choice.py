"""A cheaper fit chooses as before: on real shops, beside what was chosen when every model was trained in full."""

from __future__ import annotations

import json
import warnings

import pytest

from benchmarks.fit import CHOICES, chosen, differences
from ltvml.errors import LtvmlWarning

BEFORE = json.loads(CHOICES.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_choice_is_that_of_the_dear_fit(shared):
    """On a tenth of CDNOW; tests/test_wheel.py fits the demo shop in full and compares its choices too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LtvmlWarning)
        assert differences(BEFORE["tenth"], chosen("tenth", shared / "data")) == []


def test_another_choice_is_noticed():
    before = {"value": "mix", "repurchase weights": [0.2, 0.3, 0.5], "reminders": ["soap"]}
    assert differences(before, before | {"repurchase weights": [0.21, 0.29, 0.5]}) == []
    others = ({"value": "past_spend"}, {"repurchase weights": [0.4, 0.3, 0.3]}, {"reminders": []}, {"more": 1})
    assert all(len(differences(before, before | other)) == 1 for other in others)

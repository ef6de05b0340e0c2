"""Every column is spoken of, once."""

from __future__ import annotations

from collections import Counter

from ltvml.contracts import LEARNER_COLUMNS
from ltvml.reasons.facts import FACTS
from ltvml.reasons.groups import GROUPS, ORDERED
from ltvml.reasons.sentences import SENTENCES


def test_every_column_that_a_learner_may_read_belongs_to_one_idea():
    assert Counter(name for names in GROUPS.values() for name in names) == Counter(LEARNER_COLUMNS)


def test_every_idea_has_its_place_and_its_sentence():
    assert sorted(ORDERED) == sorted(GROUPS) == sorted(SENTENCES)


def test_every_fact_is_a_column_of_an_idea_of_its_own():
    assert len({group for group, names in GROUPS.items() for fact in FACTS if fact in names}) == len(FACTS)

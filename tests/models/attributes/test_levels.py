"""Levels of attributes: common ones kept, rare ones pooled, unknown ones missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.models.attributes.levels import OTHER, Attributes, learner_column, learner_columns
from ltvml.models.attributes.rules import Rules

RULES = Rules(most_levels=2, min_customers=3)


def customers() -> pd.DataFrame:
    channels = ["web"] * 5 + ["shop"] * 4 + ["app"] * 3 + ["fax", None]
    return pd.DataFrame(
        {
            "first_channel": channels,
            "first_lines": np.arange(14.0),
            "attribute_email": [f"{one}@x.org" for one in range(14)],
            "attribute_age": [str(20 + one) for one in range(13)] + [""],
            "attribute_store": ["1", "2"] * 7,
            "frequency": 0,
        }
    )


@pytest.fixture
def known() -> Attributes:
    return Attributes.learn(customers(), RULES)


def test_rare_levels_and_those_beyond_the_most_frequent_are_pooled_and_counted(known):
    channel = known.categories["first_channel"]
    assert channel.kept == ("web", "shop")
    assert channel.customers == 4
    assert len(channel.rare) == 2
    levels = known.apply(customers())["first_channel"]
    assert levels.fillna("").tolist() == ["web"] * 5 + ["shop"] * 4 + [OTHER] * 4 + [""]


def test_a_level_that_the_fit_did_not_know_is_missing_and_found(known):
    new = pd.DataFrame({"first_channel": ["web", " web ", "tiktok", "fax", None]})
    assert known.apply(new)["first_channel"].fillna("").tolist() == ["web", "web", "", OTHER, ""]
    assert known.unseen(new).tolist() == [False, False, True, False, False]


def test_numbers_stay_numbers_and_numbers_of_few_values_are_names(known):
    assert known.numbers == ("first_lines", "attribute_age")
    assert "attribute_store" in known.categories
    ages = known.apply(customers())["attribute_age"]
    assert ages.tolist()[:2] == [20.0, 21.0]
    assert np.isnan(ages.iloc[-1])
    # a score may read the same column as numbers, with a decimal point
    assert known.apply(pd.DataFrame({"attribute_store": [1.0, 2.0]}))["attribute_store"].tolist() == ["1", "2"]


def test_an_attribute_whose_values_name_persons_is_dropped_and_does_not_travel(known):
    assert known.dropped == {"attribute_email": 14}
    assert "attribute_email" not in known.apply(customers())
    text = json.dumps(known.to_dict())
    assert "x.org" not in text
    assert "fax" not in text
    assert Attributes.from_dict(json.loads(text)) == known


def test_attributes_of_the_first_order_can_be_switched_off():
    known = Attributes.learn(customers(), Rules(first_order=False, min_customers=3))
    assert known.names == ("attribute_store", "attribute_age")


def test_learners_read_a_column_a_level_and_missing_ones_are_nan(known):
    X = known.apply(customers())
    columns = learner_columns(X, ["first_channel", "first_lines"])
    assert columns == ("first_channel=(other)", "first_channel=shop", "first_channel=web", "first_lines")
    web = learner_column(X, "first_channel=web")
    assert web[:6].tolist() == [1, 1, 1, 1, 1, 0]
    assert np.isnan(web[-1])


@pytest.mark.parametrize("values", [[None, None], []])
def test_an_attribute_that_nobody_has_is_no_attribute(values):
    assert Attributes.learn(pd.DataFrame({"first_channel": pd.Series(values, dtype=object)}), RULES).names == ()

"""What may be offered to whom: denied items never, dated ones in their time, replaced ones no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import ConfigError
from ltvml.outreach.offers.allowed import current_item, faults, forbidden, may_be_reminded, without_denied
from ltvml.outreach.settings import DatedAttribute, ItemRules
from ltvml.window import dates_of

DAY = 20_000
ITEMS = ("stage 1", "stage 2", "stage 3", "toys", "wine")
STAGES = DatedAttribute("born", {0: "stage 1", 180: "stage 2", 365: "stage 3"})
NOTHING = pd.DataFrame(columns=["customer_id", "item"])


def customers(**columns: list[object]) -> pd.DataFrame:
    n = max((len(values) for values in columns.values()), default=3)
    return pd.DataFrame({"customer_id": list("abcdef")[:n], **columns})


def barred(rules: ItemRules, who: pd.DataFrame, owned: pd.DataFrame = NOTHING, **more: object) -> set[tuple[str, str]]:
    found = forbidden(who, ITEMS, owned, rules, **({"dated": {}, "cutoff_day": DAY} | more))
    assert not found.duplicated().any()
    return set(found.itertuples(index=False, name=None))


def test_a_denied_item_is_offered_to_nobody() -> None:
    assert barred(ItemRules(deny=("wine", "cigarettes")), customers()) == {("a", "wine"), ("b", "wine"), ("c", "wine")}


def test_a_list_of_allowed_items_bars_all_others() -> None:
    left = {item for who, item in barred(ItemRules(allow=("toys",)), customers()) if who == "a"}
    assert left == set(ITEMS) - {"toys"}


def test_only_the_stage_that_fits_today_is_offered_and_none_where_the_date_is_not_known() -> None:
    born = dates_of(np.array([DAY - 30.0, DAY - 200.0, np.nan]))
    found = barred(ItemRules(), customers(born=list(born)), dated={"baby": STAGES})
    offered = {who: set(ITEMS) - {item for one, item in found if one == who} for who in "abc"}
    assert offered == {"a": {"stage 1", "toys", "wine"}, "b": {"stage 2", "toys", "wine"}, "c": {"toys", "wine"}}


def test_an_item_that_was_replaced_is_not_offered_again_and_its_successor_only_to_those_who_have_it() -> None:
    owned = pd.DataFrame({"customer_id": ["a", "b", "b"], "item": ["stage 1", "stage 1", "stage 2"]})
    found = barred(ItemRules(succeeds={"stage 2": "stage 1"}), customers(), owned)
    assert found == {("b", "stage 1"), ("c", "stage 2")}


def reminded(rules: ItemRules, who: pd.DataFrame, *pairs: tuple[str, str, int], **more: object) -> list[bool]:
    """Whether each (customer, item, days until it runs out) may be reminded of."""
    frame = pd.DataFrame(pairs, columns=["customer_id", "item", "day"])
    frame["replenishment_date"] = dates_of(frame["day"] + float(DAY))
    return may_be_reminded(frame, who, rules, **({"dated": {}, "cutoff_day": DAY} | more)).tolist()


def test_nobody_is_reminded_of_what_may_not_be_offered() -> None:
    rules = ItemRules(deny=("cigarettes",), only_if={"wine": "age >= 18"})
    pairs = ("a", "cigarettes", 5), ("a", "wine", 5), ("b", "wine", 5), ("b", "toys", 5)
    assert reminded(rules, customers(age=[30.0, 12.0]), *pairs) == [False, True, False, True]


def test_the_stage_of_a_reminder_fits_on_the_day_of_the_run_out_and_an_unknown_date_forbids_nothing() -> None:
    born = list(dates_of(np.array([DAY - 175.0, DAY - 175.0, np.nan])))
    pairs = ("a", "stage 1", 3), ("a", "stage 1", 9), ("b", "stage 2", 9), ("b", "toys", 9), ("c", "stage 1", 9)
    assert reminded(ItemRules(), customers(born=born), *pairs, dated={"baby": STAGES}) == [
        True,
        False,
        True,
        True,
        True,
    ]


def test_who_buys_the_newer_item_alone_is_reminded_of_it_and_who_has_both_not_of_the_older() -> None:
    rules = ItemRules(succeeds={"stage 2": "stage 1"})
    pairs = ("a", "stage 2", 5), ("b", "stage 1", 5), ("b", "stage 2", 5)
    assert reminded(rules, customers(), *pairs) == [True, False, True]


def test_an_expression_decides_who_may_be_offered_an_item_and_what_is_not_known_is_no() -> None:
    found = barred(ItemRules(only_if={"wine": "age >= 18"}), customers(age=[30.0, 12.0, np.nan]))
    assert found == {("b", "wine"), ("c", "wine")}


def test_an_expression_with_an_unknown_column_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'age'"):
        barred(ItemRules(only_if={"wine": "agee >= 18"}), customers(age=[30.0, 12.0, 1.0]))


def test_contradictions_are_named_together() -> None:
    wrong = ItemRules(deny=("wine",), allow=("wine",), succeeds={"c": "b", "b": "a", "a": "c"})
    assert [words.split(" ")[0] for words in faults(wrong)] == ["items:", "items.succeeds:"]
    assert faults(ItemRules(succeeds={"c": "b", "b": "a"})) == []


def test_the_day_of_a_stage_belongs_to_it() -> None:
    born = pd.DataFrame({"born": dates_of(np.array([DAY - 179.0, DAY - 180.0, DAY + 1.0]))})
    assert current_item(born, STAGES, DAY).tolist() == ["stage 1", "stage 2", None]


def test_a_bundle_with_a_denied_item_goes() -> None:
    bundles = pd.DataFrame({"star": ["toys", "toys"], "complement": ["wine", "stage 1"]})
    assert without_denied(bundles, ItemRules(deny=("wine",)))["complement"].tolist() == ["stage 1"]

"""Rows beside others: found as a dictionary of Python finds them, in whatever order the tables are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ltvml.errors import DataContractError
from ltvml.outreach import beside as module
from ltvml.outreach.beside import as_texts, coded, places_of

IDS = ("0", "10", "2", "B", "a", "b", "zz", "\u00e9", "\u5c0f", "\uff5e", "\U0001d11e")
"""By code point the last comes last, by halves of UTF-16 it would come before the wide tilde."""
ITEMS = ("tea", "mug", None)


def looked_up(wanted: pd.DataFrame, table: pd.DataFrame, keys: list[str]) -> list[int]:
    known = {row: place for place, row in enumerate(table[keys].astype(object).itertuples(index=False, name=None))}
    rows = wanted[keys].astype(object).itertuples(index=False, name=None)
    return [-1 if any(pd.isna(text) for text in row) else known.get(row, -1) for row in rows]


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("at_once", [1, 3, 100_000])
def test_places_are_those_of_a_dictionary(monkeypatch: pytest.MonkeyPatch, at_once: int, *, in_order: bool) -> None:
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    rng = np.random.default_rng(at_once)
    for turn in range(40):
        known = rng.choice(np.array(IDS, dtype=object), rng.integers(1, len(IDS)), replace=False)
        asked = rng.choice(np.array([*IDS, None], dtype=object), rng.integers(0, 14))
        if in_order:
            known, asked = np.sort(known), np.sort(pd.unique(asked[pd.notna(asked)]))
        table, wanted = (
            pd.DataFrame({"customer_id": ids, "item": rng.choice(np.array(ITEMS, dtype=object), len(ids))})
            for ids in (known, asked)
        )
        for keys in (["customer_id"], ["customer_id", "item"]):
            expected = looked_up(wanted, table, keys)
            assert places_of(wanted, table, keys).tolist() == expected
            assert places_of(coded(wanted), coded(table), keys).tolist() == expected
            assert places_of(table, table, ["customer_id"]).tolist() == list(range(len(table))), turn


def test_two_rows_with_the_keys_of_a_wanted_one_are_refused() -> None:
    table = pd.DataFrame({"customer_id": ["a", "a", "b"]})
    with pytest.raises(DataContractError, match="1 row too many"):
        places_of(pd.DataFrame({"customer_id": ["a"]}), table, ["customer_id"])


def test_codes_of_texts_become_the_texts_again() -> None:
    table = pd.DataFrame({"customer_id": ["a", "b", "c"], "stage": ["lapsed", None, "lapsed"], "n_orders": [1, 2, 3]})
    held = coded(table)
    assert held.dtypes.astype(str).tolist() == ["str", "category", "int64"]
    pd.testing.assert_frame_equal(as_texts(held), table)

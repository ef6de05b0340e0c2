"""Pairs of ids that are one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.config.document import Config
from ltvml.errors import DataContractError
from ltvml.inputs.orders import read_orders
from ltvml.inputs.tables.customer_ids import CustomerIds, match_ids
from ltvml.inputs.tables.identities import persons_of_pairs, read_persons
from ltvml.progress import Steps

if TYPE_CHECKING:
    from pathlib import Path


def test_chains_and_loops_are_one_person_named_by_the_smallest_id() -> None:
    found = persons_of_pairs(["c", "b", "a", "a", "x"], ["b", "a", "c", "a", "y"], most_ids=10)
    assert found.aliases == {"b": "a", "c": "a", "y": "x"}
    assert (found.ids, found.persons, found.largest) == (5, 2, 3)


def test_persons_do_not_depend_on_the_order_of_rows_or_sides() -> None:
    draw = np.random.default_rng(3)
    pairs = draw.integers(0, 400, (150, 2)).astype(str)
    expected = persons_of_pairs(*pairs.T.tolist(), most_ids=400).aliases
    for _ in range(3):
        draw.shuffle(pairs)
        assert persons_of_pairs(*pairs[:, ::-1].T.tolist(), most_ids=400).aliases == expected


def test_groups_equal_those_of_a_search_from_each_id() -> None:
    draw = np.random.default_rng(4)
    pairs = draw.integers(0, 200, (90, 2)).astype(str).tolist()
    beside: dict[str, set[str]] = {}
    for one, other in pairs:
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    aliases = persons_of_pairs(*map(list, zip(*pairs, strict=True)), most_ids=200).aliases
    for start in beside:
        seen, todo = {start}, [start]
        while todo:
            new = beside[todo.pop()] - seen
            seen |= new
            todo += new
        assert aliases.get(start, start) == min(seen)


def test_a_hub_is_refused_by_name_and_with_the_setting() -> None:
    with pytest.raises(DataContractError, match=r"'guest' stands in 12 pairs.*most_ids") as caught:
        persons_of_pairs(["guest"] * 12, [f"c{number}" for number in range(12)], most_ids=10)
    assert "--set identities.most_ids=13" in str(caught.value)


def test_ids_in_no_pair_are_their_own_person() -> None:
    persons = persons_of_pairs(["b"], ["a"], most_ids=10)
    assert persons.person_of(pd.Series(["a", "b", "c"])).tolist() == ["a", "a", "c"]


def config_of(folder: Path, pairs: str) -> Config:
    (folder / "pairs.csv").write_text(pairs)
    return Config(
        identities={"source": str(folder / "pairs.csv"), "columns": {"a": "email", "b": "phone"}},
        transactions={"normalize_ids": ["lower", "trim"], "not_customers": ["guest"]},
        window={"cutoff": "2024-01-31", "churn_horizon": 30},
    )


def test_orders_of_all_ids_of_a_person_are_one_customer(tmp_path: Path) -> None:
    config = config_of(tmp_path, "email,phone\nAnn@x.org,0171\nann@x.org ,0999\nguest,0171\nbob@x.org,guest\n,0171\n")
    assert read_persons(config.identities, config.transactions).skipped == 3
    orders = pd.DataFrame(
        {
            "customer_id": ["ANN@x.org", "0171", "0999", "bob@x.org", "Guest"],
            "order_date": ["2024-01-26", "2024-01-27", "2024-01-28", "2024-01-29", "2024-01-30"],
            "amount": [1.0, 2.0, 4.0, 8.0, 16.0],
        }
    )
    intake = read_orders(config.orders, config.window, orders, Steps())
    lines = intake.engine.collect(intake.lines)
    assert lines.groupby("customer_id")["amount"].sum().to_dict() == {"0171": 700, "bob@x.org": 800}
    assert intake.ledger.reasons == {"not_customer": 1}
    assert str(intake.persons) == "3 ids are 1 persons, at most 3 ids each; 3 rows without two ids"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    config = config_of(tmp_path, "mail,phone\nann@x.org,0171\n")
    with pytest.raises(DataContractError, match=r"missing: a") as caught:
        read_persons(config.identities, config.transactions)
    assert "identities.columns" in str(caught.value)


def test_an_opt_out_of_any_id_is_that_of_the_person(tmp_path: Path) -> None:
    config = config_of(tmp_path, "email,phone\nann@x.org,0171\nann@x.org,0999\n")
    aliases = read_persons(config.identities, config.transactions).aliases
    ids = CustomerIds.of(["0171", "bob@x.org"], config.transactions, aliases)
    found = match_ids(pd.Series(["0999", " ANN@x.org", "171", "nobody"]), ids, loosely=True)
    assert found.row.tolist() == [0, 1, 2]
    assert set(found.customer_id) == {"0171"}

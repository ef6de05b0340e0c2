"""Whose rows these are: the same id first, then the same number, then what differs in letter case, blanks or zeros."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltvml.config import Config
from ltvml.errors import DataContractError, DataWarning
from ltvml.inputs.tables.customer_ids import CustomerIds, match_ids, warn_of_strangers, with_customer_id


def ids_of(*known: str, **settings: object) -> CustomerIds:
    return CustomerIds(pd.Index(known), **settings)  # type: ignore[arg-type]


def named(given_: list[object], ids: CustomerIds, *, loosely: bool = True) -> list[tuple[int, str]]:
    found = match_ids(pd.Series(given_, dtype=object), ids, loosely=loosely)
    return list(zip(found.row.tolist(), found.customer_id.tolist(), strict=True))


def test_the_same_id_comes_before_one_that_is_alike() -> None:
    assert named(["a", "A", "007", "7"], ids_of("a", "A", "007", "7")) == [(0, "a"), (1, "A"), (2, "007"), (3, "7")]


def test_an_address_of_mail_is_a_person_in_any_case() -> None:
    ids = ids_of("ann@x.org", "Ann@X.org", "bob")
    assert named(["ann@x.org"], ids) == [(0, "ann@x.org"), (0, "Ann@X.org")]


@pytest.mark.parametrize("written", [" C7", "c7", "C7\u00a0", "\ufeffC7", "C 7", "Ｃ７", "'C7", '="C7"', "00C7"])
def test_case_blanks_and_zeros_are_overlooked_where_contacts_are_held_back(written: str) -> None:
    assert named([written], ids_of("C7")) == [(0, "C7")]


def test_a_whole_number_with_a_decimal_point_is_the_number_and_nothing_else_is_overlooked_elsewhere() -> None:
    ids = ids_of("12", "C7")
    assert named(["12.0", "12", " 12 ", "c7", "012"], ids, loosely=False) == [(0, "12"), (1, "12"), (2, "12")]
    assert named([12.0, None], ids_of("12.0")) == [(0, "12.0")]


def test_ids_that_the_orders_normalise_are_normalised_here() -> None:
    settings = Config.model_validate({"transactions": {"source": "x", "normalize_ids": ["lower", "number"]}})
    ids = CustomerIds.of(["ann", "12"], settings.transactions)
    assert named(["ANN", "0012.0"], ids, loosely=False) == [(0, "ann"), (1, "12")]


def test_another_id_of_a_person_is_the_person() -> None:
    ids = ids_of("1", "2", aliases={"+49 170": "1", "ann@x.org": "1", "2": "1", "gone": "3"})
    assert named(["+49 170", "ANN@x.org", "2", "gone"], ids) == [(0, "1"), (1, "1"), (2, "2")]


@given(st.lists(st.text("aAbB0 1.", min_size=1, max_size=4), max_size=8), st.lists(st.text("aAbB0 1.", max_size=4)))
def test_whoever_is_named_exactly_is_always_found(known: list[str], rows: list[str]) -> None:
    ids = ids_of(*known)
    exact = {(row, text) for row, text in enumerate(rows) if text in known}
    assert exact <= set(named(list(rows), ids, loosely=False)) <= set(named(list(rows), ids))


def test_of_several_columns_of_ids_the_one_of_the_orders_is_taken() -> None:
    table = pd.DataFrame({"email": ["a@x", "b@x"], "user_id": ["1", "2"]})
    assert with_customer_id(table, ids_of("a@x", "b@x"), "t.csv")["customer_id"].tolist() == ["a@x", "b@x"]
    assert with_customer_id(table, ids_of("2"), "t.csv")["customer_id"].tolist() == ["1", "2"]
    own = pd.DataFrame({"Kd-Nr": ["1"]})
    assert list(with_customer_id(own, ids_of("1", column="kd_nr"), "t.csv")) == ["customer_id"]


def test_ids_in_another_column_than_the_one_of_that_name_are_an_error() -> None:
    table = pd.DataFrame({"customer_id": ["9", "8"], "user_id": ["1", "2"]})
    with pytest.raises(DataContractError, match="2 of 2 rows have one in the column user_id"):
        with_customer_id(table, ids_of("1", "2"), "t.csv")


def warned(given_: list[str], ids: CustomerIds, *, must: bool = True) -> None:
    rows = pd.Series(given_, dtype=object)
    warn_of_strangers(match_ids(rows, ids, loosely=True), rows, ids, "t.csv", must=must)


def test_a_table_of_which_half_the_rows_are_customers_is_as_it_should_be() -> None:
    warned(["1", "9"], ids_of("1", "2"))
    warned([], ids_of("1", "2"))


def test_a_table_of_which_fewer_are_is_warned_of_with_the_numbers() -> None:
    with pytest.warns(DataWarning, match="1 of 3 rows names a customer of the orders"):
        warned(["1", "8", "9"], ids_of("1", "2"))


def test_a_table_of_strangers_is_an_error_where_it_must_name_somebody_and_its_ids_are_of_another_kind() -> None:
    with pytest.raises(DataContractError, match="0 of 2 rows name a customer of the orders: its first id is 'x-8'"):
        warned(["x-8", "x-9"], ids_of("1", "2"))
    with pytest.warns(DataWarning, match="0 of 2"):
        warned(["x-8", "x-9"], ids_of("1", "2"), must=False)
    with pytest.warns(DataWarning, match="0 of 2"):
        warned(["8", "9"], ids_of("1", "2"))

"""Audience files have the columns that their tools document, hashed where that is wanted, and name nobody else."""

from __future__ import annotations

import csv
import hashlib
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.outputs.audiences import EXPORTS, people, write_audiences
from ltvml.outreach.settings import IdentityColumns

if TYPE_CHECKING:
    from pathlib import Path

CONTACTS = pd.DataFrame(
    {
        "customer_id": ["c1", "c2", "c3"],
        "action": ["win_back", "vip_care", "win_back"],
        "item": [None, "tea", None],
        "due_date": pd.to_datetime(["2025-01-02"] * 3),
    }
)
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["c1", "c2", "c3", "c4"],
        "stage": ["lapsing", "trust_transfer", "lapsed", "lapsed"],
        "email": [" Ann@Shop.com ", None, None, "not@planned.com"],
        "phone": ["0049 30 123", "+86 138 0013", "", None],
        "first_name": ["Ann", "王", "=HYPERLINK(1)", "Zoe"],
        "external_userid": ["wm1", None, "wm3", "wm4"],
    }
)
COLUMNS = {
    "klaviyo": ["Email", "Phone Number", "First Name", "Last Name"],
    "braze": ["external_id", "email", "phone", "first_name", "last_name"],
    "shopify": ["First Name", "Last Name", "Email", "Phone", "Tags"],
    "meta": ["email", "phone", "fn", "ln", "extern_id"],
    "wecom": ["external_userid", "tag"],
}


@pytest.fixture
def rows() -> pd.DataFrame:
    return people(CONTACTS, CUSTOMERS, IdentityColumns())


def written(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"audience_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_export_has_the_columns_that_its_tool_documents(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_audiences(tmp_path, rows, list(EXPORTS))
    for name, columns in COLUMNS.items():
        assert list(written(tmp_path, name)[0])[: len(columns)] == columns, name


def test_only_people_whom_the_plan_contacts_are_named_and_the_others_are_counted(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    left_out = write_audiences(tmp_path, rows, ["klaviyo", "braze", "wecom"])
    assert left_out == {"klaviyo": 1, "braze": 0, "wecom": 1}
    assert [row["external_id"] for row in written(tmp_path, "braze")] == ["c1", "c2", "c3"]
    assert not any("not@planned.com" in path.read_text() for path in tmp_path.iterdir())


def test_meta_gets_hashes_of_normalised_values_and_no_name_in_plain_text(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_audiences(tmp_path, rows, ["meta"])
    first = written(tmp_path, "meta")[0]
    assert first["email"] == hashlib.sha256(b"ann@shop.com").hexdigest()
    assert first["phone"] == hashlib.sha256(b"004930123").hexdigest()
    assert first["ln"] == ""
    assert "Ann" not in (tmp_path / "audience_meta.csv").read_text()


def test_telephone_numbers_are_international(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_audiences(tmp_path, rows, ["klaviyo"])
    assert [row["Phone Number"] for row in written(tmp_path, "klaviyo")] == ["+4930123", "+861380013"]


def test_no_cell_begins_a_formula(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_audiences(tmp_path, rows, ["braze"])
    assert written(tmp_path, "braze")[2]["first_name"] == "'=HYPERLINK(1)"


def test_wecom_gets_one_row_a_tag(rows: pd.DataFrame, tmp_path: Path) -> None:
    write_audiences(tmp_path, rows, ["wecom"])
    found = [(row["external_userid"], row["tag"]) for row in written(tmp_path, "wecom")]
    assert found == [("wm1", "lapsing"), ("wm1", "win_back"), ("wm3", "lapsed"), ("wm3", "win_back")]


def test_identities_may_have_other_names() -> None:
    found = people(CONTACTS, CUSTOMERS.rename(columns={"email": "mail"}), IdentityColumns(email="mail"))
    assert found["email"].tolist() == ["Ann@Shop.com", "", ""]

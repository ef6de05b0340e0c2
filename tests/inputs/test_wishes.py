"""What customers refuse is read so that a doubt never becomes a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.errors import ConfigError, DataContractError
from ltvml.inputs.tables.channel_words import ChannelWords
from ltvml.inputs.tables.consent import kind_of
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.wishes import read_wishes
from ltvml.outreach.restraint.caps import Applied, suppressions
from ltvml.outreach.settings import Caps
from ltvml.window import day_number

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.outreach.restraint.caps import Wishes

LAST = day_number("2021-01-31")
KNOWN = ["007", "a", "b", "c"]
IDS = CustomerIds(pd.Index(KNOWN))


def read(folder: Path, *, attributes: pd.DataFrame | None = None, **tables: Any) -> tuple[Wishes, tuple[str, ...]]:
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    paths = {name: str(folder / f"{name}.csv") for name in tables}
    return read_wishes(Config.model_validate({"outreach": paths}).outreach, IDS, cutoff_day=LAST, attributes=attributes)


def refused(wishes: Wishes) -> set[tuple[str, str | None]]:
    assert wishes.opt_outs is not None
    return set(wishes.opt_outs[["customer_id", "channel"]].itertuples(index=False, name=None))


def test_wishes_hold_contacts_back(tmp_path: Path) -> None:
    wishes, notes = read(
        tmp_path,
        opt_outs={"customer_id": ["7"]},
        disliked={"customer_id": ["a", None], "channel": ["SMS", "sms"]},
        open_cases={"customer_id": ["b"], "case": ["late"]},
    )
    offers = pd.DataFrame({"customer_id": KNOWN, "channel": "sms", "due_day": 101})
    customers = pd.DataFrame({"customer_id": KNOWN, "days_since_last": 50, "stage": "lapsing"})
    found = suppressions(offers.assign(purpose="win_back"), customers, caps=Caps(), cutoff_day=100, wishes=wishes)
    assert found.astype(object).tolist() == ["opted_out", "channel_disliked", "open_case", np.nan]
    assert wishes.applied["disliked"] == Applied(rows=2, matched=1, customers=1)
    assert notes == ("Opt-outs: 1 rows name a customer whose id differs only in letter case, blanks or leading zeros.",)


def test_columns_that_are_missing_are_named_together_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataContractError) as error:
        read(tmp_path, disliked={"who": ["a"]}, open_cases={"customr": ["a"]})
    assert "disliked.csv has the columns who; missing: customer_id, channel." in error.value.message
    assert "open_cases.csv has the columns customr; missing: customer_id." in error.value.message
    assert "The nearest to customer_id is customr." in error.value.message


def test_without_tables_nothing_is_refused(tmp_path: Path) -> None:
    wishes, notes = read(tmp_path)
    assert (wishes.opt_outs, wishes.disliked, wishes.open_cases, dict(wishes.applied), notes) == (None,) * 3 + ({}, ())


def test_a_table_that_is_not_there_is_named_with_its_setting() -> None:
    settings = Config.model_validate({"outreach": {"opt_outs": "nowhere.csv"}}).outreach
    with pytest.raises(ConfigError, match=r"outreach\.opt_outs: there is no file nowhere\.csv"):
        read_wishes(settings, IDS, cutoff_day=LAST)


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("email", ("email",)),
        ("E_MAIL ", ("email",)),
        ("Mail", ("email",)),
        ("Email and SMS", ("email", "sms")),
        ("sms|push", ("sms", "push")),
        ("text message", ("sms",)),
        ("短信", ("sms",)),
        ("email; all", ()),
        ("*", ()),
        ("", ()),
        (None, ()),
        ("NULL", ()),
        ("none", None),
        ("fax", None),
        ("email; fax", None),
        ("everyone", None),
    ],
)
def test_words_of_channels(cell: str | None, meant: tuple[str, ...] | None) -> None:
    assert ChannelWords(["email", "sms", "push"]).meant(cell) == meant


def test_a_channel_of_the_configuration_is_known_by_its_own_name_and_words_need_one() -> None:
    words = ChannelWords(["WeCom", "Brief an Kunden", "and"])
    assert [words.meant(cell) for cell in ("wecom", "企业微信", "brief-an-kunden", "and", "email")] == [
        ("WeCom",),
        ("WeCom",),
        ("Brief an Kunden",),
        ("and",),
        None,
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("opted_out", "refusal"),
        ("optOut", "refusal"),
        ("Unsubscribed At", "refusal"),
        ("do-not-contact", "refusal"),
        ("email_opt_in", "consent"),
        ("Accepts Email Marketing", "consent"),
        ("GDPR consent", "consent"),
        ("退订", "refusal"),
        ("Email Status", "state"),
        ("consent_source", None),
        ("option", None),
        ("points", None),
        ("subscription_price", None),
    ],
)
def test_what_a_column_says_by_its_name(name: str, kind: str | None) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("column", "cells", "refusing"),
    [
        ("opted_out", ["true", "no", ""], ["a", "c"]),
        ("unsubscribed_at", ["2020-01-01 10:00", "03/04/2020", None], ["a", "b", "c"]),
        ("consent", ["withdrawn", "granted", ""], ["a", "c"]),
        ("Accepts Marketing", ["0", "1", "2020-01-01"], ["a"]),
        ("status", ["cleaned", "subscribed", "pending"], ["a", "c"]),
        ("opt_out_reason", ["too many", "false alarm", ""], ["a", "b", "c"]),
    ],
)
def test_a_row_of_opt_outs_holds_unless_its_columns_say_otherwise(
    tmp_path: Path, column: str, cells: list[str | None], refusing: list[str]
) -> None:
    wishes, notes = read(tmp_path, opt_outs={"customer_id": ["a", "b", "c"], column: cells})
    assert refused(wishes) == {(name, None) for name in refusing}
    assert any(f"rows do not refuse by the column {column}" in note for note in notes) == (len(refusing) < 3)


def test_columns_of_single_channels_refuse_these_and_an_empty_cell_refuses_too(tmp_path: Path) -> None:
    table = {"customer_id": ["a", "b", "c"], "email_opt_in": ["yes", "no", None], "sms_opt_in": ["no", "yes", "yes"]}
    wishes, _ = read(tmp_path, opt_outs=table)
    assert refused(wishes) == {("a", "sms"), ("b", "email"), ("c", "email")}
    wishes, _ = read(tmp_path, opt_outs={**table, "opted_out": ["true", "", "false"]})
    assert refused(wishes) == {("a", None), ("b", "email")}


def test_a_column_of_channels_may_have_another_name(tmp_path: Path) -> None:
    wishes, _ = read(tmp_path, opt_outs={"customer_id": ["a"], "Unsubscribed from": ["e-mail"]})
    assert refused(wishes) == {("a", "email")}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"flag": ["true", "false"]}, "the column flag holds yes and no"),
        ({"email": ["1", "0"]}, "the column email holds yes and no"),
        ({"consent": ["v3", "yes"]}, "the column consent holds 'v3' in line 2"),
        ({"channel": ["emai1", "email"]}, "holds 'emai1' in line 2; expected one of email, push, sms, phone, or all"),
    ],
)
def test_a_table_that_leaves_it_open_who_refuses_is_an_error(
    tmp_path: Path, columns: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(DataContractError) as error:
        read(tmp_path, opt_outs={"customer_id": ["a", "b"], **columns})
    assert words in error.value.message


@pytest.mark.parametrize(
    ("columns", "still_open"),
    [
        ({"status": ["Closed", "open", "closed - sent again", "not closed"]}, ["a", "c"]),
        ({"Status": ["gelöst", "", "?", "reopened"]}, ["a", "b", "c"]),
        ({"closed_at": ["2021-01-31", "2021-02-01", "", "soon"]}, ["a", "b", "c"]),
        ({"resolved": ["yes", "no", "", "no"]}, ["a", "b", "c"]),
        ({"is_open": ["no", "yes", "", "no"]}, ["a", "b"]),
        ({"status": ["closed", "closed", "open", "open"], "closed_at": ["", "", "2020-01-01", ""]}, ["b", "c"]),
        ({"opened_at": ["2020-01-01", "", "", ""]}, ["007", "a", "b", "c"]),
    ],
)
def test_a_case_is_open_unless_its_columns_say_closed(
    tmp_path: Path, columns: dict[str, list[str]], still_open: list[str]
) -> None:
    wishes, notes = read(tmp_path, open_cases={"customer_id": KNOWN, **columns})
    assert wishes.open_cases is not None
    assert sorted(wishes.open_cases["customer_id"]) == still_open
    assert (notes != ()) == (len(still_open) < len(KNOWN))


def test_the_table_of_customers_is_asked_for_consent_too(tmp_path: Path) -> None:
    attributes = pd.DataFrame(
        {
            "customer_id": ["007", "A", "b", "c"],
            "sms_consent": pd.array([True, False, None, True], dtype="boolean"),
            "unsubscribed_at": pd.to_datetime(["2020-01-01", None, None, None]),
            "status": ["blocked", "out", "vip", ""],
            "city": "Ulm",
        }
    )
    wishes, notes = read(tmp_path, opt_outs={"customer_id": ["c"], "channel": ["email"]}, attributes=attributes)
    assert refused(wishes) == {("c", "email"), ("007", None), ("a", "sms"), ("b", "sms")}
    assert wishes.applied["consent_of_customers"] == Applied(rows=3, matched=3, customers=3)
    assert "Opt-outs: 2 customers refuse by the column sms_consent of the table of customers." in notes


def test_a_row_whose_customer_is_named_by_another_column_holds(tmp_path: Path) -> None:
    ids = CustomerIds(pd.Index(KNOWN), aliases={"ann@x.org": "a"})
    table = pd.DataFrame({"customer_id": ["b", None, "gone"], "email": ["", "Ann@X.org", "zed@x.org"]})
    table.to_csv(tmp_path / "opt_outs.csv", index=False)
    settings = Config.model_validate({"outreach": {"opt_outs": str(tmp_path / "opt_outs.csv")}}).outreach
    wishes, _ = read_wishes(settings, ids, cutoff_day=LAST)
    assert refused(wishes) == {("a", None), ("b", None)}
    assert wishes.applied["opt_outs"] == Applied(rows=3, matched=2, customers=2)

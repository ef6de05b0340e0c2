"""What the user says of customers is read as it is meant, and what cannot be used is counted and said."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.config import Config
from ltvml.errors import ConfigError, DataContractError
from ltvml.inputs.tables.contacts import read_attributes, read_contacts
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.moments import local_days
from ltvml.outreach.restraint.caps import Applied
from ltvml.window import day_number

if TYPE_CHECKING:
    from pathlib import Path

LAST = day_number("2021-01-31")
KNOWN = ["007", "a", "b"]
IDS = CustomerIds(pd.Index(KNOWN))


def config_of(folder: Path, section: str, rows: pd.DataFrame, *, name: str = "table.csv", **settings: Any) -> Config:
    path = folder / name
    rows.to_parquet(path) if name.endswith("parquet") else rows.to_csv(path, index=False)
    return Config.model_validate({section: {"source": str(path), **settings}})


def log(**columns: Any) -> pd.DataFrame:
    usual = {"customer_id": ["007", "a", "b"], "channel": "email", "sent_at": "2021-01-05"}
    return pd.DataFrame({**usual, **columns})


def test_without_a_log_there_is_none() -> None:
    assert read_contacts(Config().contacts, IDS, cutoff_day=LAST) == (None, (), None, None)


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_ids_stay_text_and_days_are_those_of_the_shop(tmp_path: Path, name: str) -> None:
    contacts, notes, *_ = read_contacts(
        config_of(tmp_path, "contacts", log(), name=name).contacts, IDS, cutoff_day=LAST
    )
    assert notes == ()
    assert contacts is not None
    assert contacts["customer_id"].tolist() == KNOWN
    assert contacts["day"].tolist() == [day_number("2021-01-05")] * 3
    assert contacts["treated"].all()
    assert set(contacts) == {"customer_id", "channel", "day", "treated"}


def test_ids_that_are_numbers_are_those_of_the_orders(tmp_path: Path) -> None:
    numbers = config_of(tmp_path, "contacts", log(customer_id=[1.0, 2.0, np.nan]), name="log.parquet")
    contacts, notes, *_ = read_contacts(numbers.contacts, CustomerIds(pd.Index(["1", "2"])), cutoff_day=LAST)
    assert contacts is not None
    assert contacts["customer_id"].tolist() == ["1", "2"]
    assert notes == ("Contacts: 1 of 3 rows excluded: customer_id is missing.",)


def test_columns_are_mapped_and_answers_may_be_missing(tmp_path: Path) -> None:
    theirs = log(opened=["yes", "0", None], converted=[None, "False", "true"], treated=["1", None, "false"])
    config = config_of(tmp_path, "contacts", theirs.rename(columns={"sent_at": "When"}), columns={"sent_at": "When"})
    contacts, *_ = read_contacts(config.contacts, IDS, cutoff_day=LAST)
    assert contacts is not None
    assert contacts["opened"].tolist() == [True, False, pd.NA]
    assert contacts["converted"].tolist() == [pd.NA, False, True]
    assert contacts["treated"].tolist() == [True, True, False]


def test_each_odd_row_is_counted_once_and_set_aside(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "customer_id": ["a", " ", "stranger", "b", "stranger", *["a"] * 25],
            "channel": "email",
            "sent_at": ["2021-01-05", "?", "2021-01-05", "2021-02-01", "2031-01-01", *["2021-01-05"] * 25],
        }
    )
    contacts, notes, *_ = read_contacts(config_of(tmp_path, "contacts", rows).contacts, IDS, cutoff_day=LAST)
    assert contacts is not None
    assert len(contacts) == 26
    assert notes == (
        "Contacts: 1 of 30 rows excluded: customer_id is missing.",
        "Contacts: 2 of 30 rows excluded: the customer is not in the orders.",
        "Contacts: 1 of 30 rows excluded: sent_at is after 2021-01-31.",
    )


def test_dates_that_cannot_be_read_are_refused_where_they_are_many(tmp_path: Path) -> None:
    config = config_of(tmp_path, "contacts", log(sent_at=["05/01/2021", "2021-01-05", "2021-01-05"]))
    with pytest.raises(
        DataContractError, match=r"1 of 3 rows has no readable sent_at; expected at most 5 % \(transactions"
    ) as settings:
        read_contacts(config.contacts, IDS, cutoff_day=LAST)
    assert settings.value.counts == {"bad_date": 1}


def test_columns_that_are_missing_are_named_together(tmp_path: Path) -> None:
    config = config_of(tmp_path, "contacts", log().drop(columns=["channel", "sent_at"]))
    with pytest.raises(DataContractError, match=r"missing: channel, sent_at"):
        read_contacts(config.contacts, IDS, cutoff_day=LAST)


def test_a_log_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigError, match=r"contacts\.source: there is no file nowhere\.csv"):
        read_contacts(Config.model_validate({"contacts": {"source": "nowhere.csv"}}).contacts, IDS, cutoff_day=LAST)


def test_an_empty_log_is_a_log_without_contacts(tmp_path: Path) -> None:
    contacts, notes, *_ = read_contacts(config_of(tmp_path, "contacts", log().head(0)).contacts, IDS, cutoff_day=LAST)
    assert contacts is not None
    assert len(contacts) == 0
    assert notes == ()


def test_moments_with_a_zone_are_days_of_the_shop_and_others_are_local_already() -> None:
    late = ["2021-01-05T23:30:00Z", "2021-01-05 23:30:00", "2021-01-06T00:30:00+01:00", None]
    found = local_days(pd.Series(late), "Europe/Berlin") - day_number("2021-01-05")
    assert found[:3].tolist() == [1, 0, 1]
    assert np.isnan(found[3])
    zoned = pd.Series(pd.to_datetime(["2021-01-05T23:30:00Z"]))
    assert local_days(zoned, "Europe/Berlin").tolist() == [day_number("2021-01-06")]
    assert local_days(pd.Series([dt.date(2021, 1, 5)]), None).tolist() == [day_number("2021-01-05")]


def test_attributes_are_what_their_values_are(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "id": ["007", "a"],
            "born": ["2020-02-03", None],
            "postcode": ["0123", "4567"],
            "points": ["12", "3.5"],
            "vip": ["True", "false"],
            "city": ["Ulm", "1"],
            "empty": [None, None],
        }
    )
    found = read_attributes(config_of(tmp_path, "customers", rows, columns={"customer_id": "id"}).customers, IDS)
    assert found is not None
    assert found["customer_id"].tolist() == ["007", "a"]
    assert found["born"].tolist() == [pd.Timestamp("2020-02-03"), pd.NaT]
    assert found["postcode"].tolist() == ["0123", "4567"]
    assert found["points"].tolist() == [12.0, 3.5]
    assert found["vip"].tolist() == [True, False]
    assert found["city"].tolist() == ["Ulm", "1"]


def test_a_customer_with_two_rows_of_attributes_is_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame({"customer_id": ["a", "a", None, None]})
    with pytest.raises(DataContractError, match="1 of 2 rows repeats a customer_id"):
        read_attributes(config_of(tmp_path, "customers", rows, name="table.parquet").customers, IDS)


def test_attributes_without_a_customer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"missing: customer_id"):
        read_attributes(config_of(tmp_path, "customers", pd.DataFrame({"who": ["a"]})).customers, IDS)
    assert read_attributes(Config().customers, IDS) is None


@pytest.mark.parametrize(
    "columns", [{"unsubscribed": ["yes", "", "no"]}, {"event": ["Unsubscribe", "open", "bounced"]}]
)
def test_who_unsubscribed_in_the_log_is_known_beside_the_contacts(
    tmp_path: Path, columns: dict[str, list[str]]
) -> None:
    rows = log(customer_id=["A", "b", "b"], channel=["E-Mail", "email", "letter"], **columns)
    found = read_contacts(config_of(tmp_path, "contacts", rows).contacts, IDS, cutoff_day=LAST, channels=["email"])
    assert found.refused is not None
    assert found.refused.to_dict("list") == {"customer_id": ["a"], "channel": ["email"]}
    later = log(sent_at="2030-01-01", channel="letter", unsubscribed="true")
    found = read_contacts(config_of(tmp_path, "contacts", later).contacts, IDS, cutoff_day=LAST, channels=["email"])
    assert found.refused is not None
    assert found.refused.to_dict("list") == {"customer_id": KNOWN, "channel": [None] * 3}


def test_a_channel_that_is_not_known_is_counted(tmp_path: Path) -> None:
    rows = log(channel=["E-Mail", "letter", "SMS"], treated=["true", "", "false"], opened=["no", "", "yes"])
    found = read_contacts(
        config_of(tmp_path, "contacts", rows).contacts, IDS, cutoff_day=LAST, channels=["email", "sms"]
    )
    assert found.contacts is not None
    assert found.contacts["channel"].tolist() == ["email", "letter", "sms"]
    assert found.contacts["treated"].tolist() == [True, True, False]
    assert found.applied == Applied(3, 3, 3)
    assert [note.split(":")[1].split(",")[0].strip() for note in found.notes] == [
        "1 of 3 rows have a channel outreach.channels does not list ('letter')"
    ]


@pytest.mark.parametrize(
    ("column", "word"),
    [("treated", "perhaps"), ("opened", "later"), ("converted", "2"), ("status", "teleported"), ("状态", "飞走了")],
)
def test_an_answer_or_a_state_that_is_not_known_is_refused_with_its_line(
    tmp_path: Path, column: str, word: str
) -> None:
    known = "sent" if column in {"status", "状态"} else "yes"
    rows = log().assign(**{column: [known, word, ""]})
    with pytest.raises(DataContractError, match=rf"the column {column} holds '{word}' in line 3; expected"):
        read_contacts(config_of(tmp_path, "contacts", rows).contacts, IDS, cutoff_day=LAST)


def test_what_a_state_says_was_never_sent_is_no_contact(tmp_path: Path) -> None:
    rows = log(status=["Delivered", "soft bounce", "not-sent"])
    found = read_contacts(config_of(tmp_path, "contacts", rows).contacts, IDS, cutoff_day=LAST)
    assert found.contacts is not None
    assert found.contacts["customer_id"].tolist() == rows["customer_id"].tolist()[:1]
    assert found.notes == ("Contacts: 2 of 3 rows excluded: the status says that nothing was sent.",)


def test_a_column_of_places_is_no_column_of_states(tmp_path: Path) -> None:
    found = read_contacts(config_of(tmp_path, "contacts", log(state=["CA", "NY", "TX"])).contacts, IDS, cutoff_day=LAST)
    assert found.contacts is not None
    assert len(found.contacts) == 3


def test_actions_of_the_log_are_those_of_the_plan_in_any_spelling(tmp_path: Path) -> None:
    rows = log(action=["Win-Back", "win_back", "gift"])
    found = read_contacts(config_of(tmp_path, "contacts", rows).contacts, IDS, cutoff_day=LAST, actions=["win_back"])
    assert found.contacts is not None
    assert found.contacts["action"].tolist() == ["win_back", "win_back", "gift"]


def test_a_column_that_is_mapped_wins_over_one_of_our_name(tmp_path: Path) -> None:
    rows = pd.DataFrame({"customer_id": ["x", "y", "z"], "user": KNOWN, "points": [1, 2, 3]})
    config = config_of(tmp_path, "customers", rows, columns={"customer_id": "user"})
    found = read_attributes(config.customers, IDS)
    assert found is not None
    assert found[["customer_id", "points"]].to_dict("list") == {"customer_id": KNOWN, "points": [1, 2, 3]}

"""The people of a plan as files that the tools of a CRM team import, one documented mapping each.

| export | file | columns | source |
|---|---|---|---|
| klaviyo | audience_klaviyo.csv | Email, Phone Number, First Name, Last Name, and properties of the contact | Klaviyo, profile import by CSV: email or phone (E.164) identifies a profile |
| braze | audience_braze.csv | external_id, email, phone, first_name, last_name, and custom attributes | Braze, user import by CSV: external_id identifies a user |
| shopify | audience_shopify.csv | First Name, Last Name, Email, Phone, Tags | Shopify, customer import by CSV |
| meta | audience_meta.csv | email, phone, fn, ln, extern_id: SHA-256 of the normalised values | Meta, customer list of a custom audience |
| wecom | audience_wecom.csv | external_userid, tag: one row a tag | WeCom, corporate tags of external contacts |

Only people to whom the plan makes a contact are in a file: who opted out, has an open case or is held out is in none. A
row without the identity that a tool asks for is left out, and counted.
"""  # noqa: E501

from __future__ import annotations

import csv
import hashlib
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.outputs.spreadsheet import safe_cell
from ltvml.outreach.beside import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ltvml.outreach.settings import IdentityColumns

ABOUT = ("action", "item", "due_date", "stage")
"""What is told of the contact, beside who it is."""


def people(contacts: pd.DataFrame, customers: pd.DataFrame, columns: IdentityColumns) -> pd.DataFrame:
    """One row a contact: who, and what about; an identity that the customers do not have is blank.

    Parameters
    ----------
    contacts : frame
        customer_id, action, item, due_date: contacts to make.
    customers : frame
        customer_id, stage, and the columns that `columns` names.
    columns : IdentityColumns

    Returns
    -------
    frame
        customer_id, email, phone, first_name, last_name, external_id, wecom_id and `ABOUT`, all texts.
    """
    at = beside(contacts, customers)
    found: dict[str, Any] = {"customer_id": contacts["customer_id"].astype(str).to_numpy()}
    for name, column in vars(columns).items():
        given = contacts["customer_id"] if column == "customer_id" else at.get(column)
        found[name] = _texts(given, len(contacts))
    found |= {name: _texts(contacts.get(name, at.get(name)), len(contacts)) for name in ABOUT}
    found["due_date"] = pd.to_datetime(contacts["due_date"]).dt.strftime("%Y-%m-%d").to_numpy()
    return pd.DataFrame(found)


def _texts(values: pd.Series | None, n: int) -> list[str]:
    if values is None:
        return [""] * n
    return ["" if pd.isna(value) else str(value).strip() for value in values]


def klaviyo(rows: pd.DataFrame) -> pd.DataFrame:
    """Profiles, known by email or phone."""
    known = rows[rows["email"].ne("") | rows["phone"].ne("")]
    return pd.DataFrame(
        {
            "Email": known["email"],
            "Phone Number": known["phone"].map(international),
            "First Name": known["first_name"],
            "Last Name": known["last_name"],
            **{f"ltvml_{name}": known[name] for name in ABOUT},
        }
    )


def braze(rows: pd.DataFrame) -> pd.DataFrame:
    """Users, known by external_id."""
    known = rows[rows["external_id"].ne("")]
    columns = ("external_id", "email", "phone", "first_name", "last_name")
    return pd.DataFrame({name: known[name] for name in columns} | {f"ltvml_{name}": known[name] for name in ABOUT})


def shopify(rows: pd.DataFrame) -> pd.DataFrame:
    """Customers, known by email or phone, with the contact as tags."""
    known = rows[rows["email"].ne("") | rows["phone"].ne("")]
    return pd.DataFrame(
        {
            "First Name": known["first_name"],
            "Last Name": known["last_name"],
            "Email": known["email"],
            "Phone": known["phone"].map(international),
            "Tags": "ltvml:" + known["action"] + ", ltvml:" + known["stage"],
        }
    )


def meta(rows: pd.DataFrame) -> pd.DataFrame:
    """A customer list, hashed: no name or address leaves in plain text."""
    known = rows[rows["email"].ne("") | rows["phone"].ne("")].drop_duplicates("customer_id")
    return pd.DataFrame(
        {
            "email": known["email"].str.lower().map(hashed),
            "phone": known["phone"].map(lambda phone: hashed(re.sub(r"\D", "", phone))),
            "fn": known["first_name"].str.lower().map(hashed),
            "ln": known["last_name"].str.lower().map(hashed),
            "extern_id": known["external_id"].map(hashed),
        }
    )


def wecom(rows: pd.DataFrame) -> pd.DataFrame:
    """External contacts with a tag of the action and one of the stage."""
    known = rows[rows["wecom_id"].ne("")]
    parts = [
        pd.DataFrame({"external_userid": known["wecom_id"], "tag": known[name]}).loc[known[name].ne("")]
        for name in ("action", "stage")
    ]
    return pd.concat(parts).drop_duplicates().sort_values(["external_userid", "tag"], ignore_index=True)


def hashed(text: str) -> str:
    """SHA-256 of a text in hexadecimal; blank stays blank.

    Examples
    --------
    >>> hashed("a@b.c")[:8], hashed("")
    ('d648b243', '')
    """
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def international(phone: str) -> str:
    """A telephone number without blanks and signs; a leading 00 is a plus.

    Examples
    --------
    >>> international("0049 (30) 123-45"), international("+86 138 0013")
    ('+493012345', '+861380013')
    """
    digits = re.sub(r"\D", "", phone)
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{digits}" if phone.strip().startswith("+") else digits


def _cell(text: str) -> str:
    """A text that begins no formula; a telephone number keeps its plus, or the tool would not know it."""
    return text if re.fullmatch(r"\+\d+", text) else safe_cell(text)


EXPORTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "klaviyo": klaviyo,
    "braze": braze,
    "shopify": shopify,
    "meta": meta,
    "wecom": wecom,
}


def write_audiences(folder: Path, rows: pd.DataFrame, exports: Sequence[str]) -> dict[str, int]:
    """Write a file for each export, and count the contacts that it leaves out for want of an identity.

    Parameters
    ----------
    folder : Path
        There already.
    rows : frame
        As `people` gives it.
    exports : sequence of str
        Of `EXPORTS`.
    """
    left_out = {}
    for name in exports:
        table = EXPORTS[name](rows)
        cells = table.astype(object).apply(lambda column: column.map(_cell))
        cells.to_csv(folder / f"audience_{name}.csv", index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
        identity = {"braze": "external_id", "wecom": "wecom_id"}.get(name)
        known = rows[identity].ne("") if identity else rows["email"].ne("") | rows["phone"].ne("")
        left_out[name] = int((~known).sum())
    return left_out

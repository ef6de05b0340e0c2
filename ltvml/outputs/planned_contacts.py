"""What was planned so far: a log beside the plans that grows, so that tomorrow's plan knows of today's.

A row is a contact that a plan named, or would have named but for the holdout: `group` says which. A held-out
customer is planned for as if the contact had been made, or the arms of later plans would not be alike.

The contacts of one plan are a revision: planning a cutoff and a campaign again adds nothing where the contacts are the
same, and one more revision where they are not. The last revision counts, since its CSV is the one that lies in the
folder; a revision without contacts is one row without a customer.

The log is written beside its place and renamed into it, by one run at a time: a reader, or a run that is killed, finds
it whole. It is derived: the folder of a plan holds its contacts, and its manifest their revision and hash, so that the
next run adds what a killed one did not. Texts that a spreadsheet would take for formulas begin with an apostrophe,
which reading takes away.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError, LtvmlWarning, OutputError
from ltvml.inputs.plan_folder import PLAN_FILE, PLAN_KIND
from ltvml.outputs.spreadsheet import marked, unmarked
from ltvml.outputs.tasks import TASKS_FILE, read_tasks, with_tasks
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT, groups
from ltvml.outreach.experiment.trial import BY_HOLDOUT
from ltvml.run_directory import alone_in, changed_files, manifest_of, replace_text
from ltvml.window import as_date, days_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from ltvml.config.outreach import OutreachSettings


FILE = "planned.csv"
DRAWN_AT_ONCE = 200_000
LATEST_SENT, MOST_SENT = 3, 0.5
COLUMNS = ("planned_for", "campaign", "revision", "customer_id", "channel", "day", "action", "item", "group")
OF_CONTACT = ("customer_id", "channel", "day", "action", "item", "group")
Row = tuple[str, ...]
_DATE = r"\d{4}-\d\d-\d\d"
_WHOLE = re.compile(f"{_DATE},\\d+,({_DATE})?")
"""planned_for, revision and day of a row; a revision without contacts has no day."""


def append_planned(folder: Path, plan: pd.DataFrame, *, cutoff: dt.date, campaign: str) -> int:
    """Add the contacts of a plan to the log, unless the last revision of this cutoff and campaign is the same.

    Parameters
    ----------
    folder : Path
        Where the log lies, `planned.csv`.
    plan : frame
        contracts.OUTREACH, and the tasks with it (`tasks.with_tasks`); contacts to make are logged, and those that
        would be made but for the holdout.
    cutoff : date
        Last day that the plan saw.
    campaign : str

    Returns
    -------
    int
        Rows added.

    Raises
    ------
    DataContractError
        If the log is not one; nothing is changed.
    OutputError
        If it cannot be written; what was there before is untouched.
    """
    contacts, path = contact_rows(plan), folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            text = _text_of(path)
            revision, last = _last_revision(_parsed(text, path), cutoff.isoformat(), campaign)
            if contacts == last:
                return 0
            added = _rows_of(contacts, cutoff.isoformat(), campaign, revision + 1)
            replace_text(path, _with_rows(text, added))
    except OSError as error:
        raise _unwritable(path, error) from error
    return len(added)


def revision_of(folder: Path, plan: pd.DataFrame, *, cutoff: dt.date, campaign: str) -> dict[str, Any]:
    """What the manifest of a plan says of its contacts in the log: their revision, how many and their hash.

    Parameters
    ----------
    folder : Path
        Where the log lies.
    plan : frame
        contracts.OUTREACH.
    cutoff : date
    campaign : str
    """
    contacts, path = contact_rows(plan), folder / FILE
    revision, last = _last_revision(_parsed(_text_of(path), path), cutoff.isoformat(), campaign)
    return {
        "revision": revision if contacts == last else revision + 1,
        "rows": len(contacts),
        "sha256": _digest(contacts),
    }


def catch_up(folder: Path) -> int:
    """Add the contacts of plans that the log lacks: their run ended between the plan and the log.

    Parameters
    ----------
    folder : Path
        Where plans are kept, each in a folder of its cutoff.

    Returns
    -------
    int
        Rows added.

    Raises
    ------
    DataContractError
        If the log is not one, or does not hold what the plans beside it say.
    OutputError
        If it cannot be written.

    Warns
    -----
    LtvmlWarning
        For each plan whose contacts are added.
    """
    path, added = folder / FILE, 0
    plans = {plan: manifest_of(plan) for plan in sorted(folder.glob("[0-9]*"))}
    if not any(manifest.get("kind") == PLAN_KIND for manifest in plans.values()):
        return 0
    try:
        with alone_in(folder):
            text = _text_of(path)
            rows = _parsed(text, path)
            for plan, manifest in plans.items():
                missing = _missing_rows(plan, manifest, rows, path) if manifest.get("kind") == PLAN_KIND else []
                if missing:
                    text, added = _with_rows(text, missing), added + len(missing)
                    _warn_of(plan, path, len(missing))
            if added:
                replace_text(path, text)
    except OSError as error:
        raise _unwritable(path, error) from error
    return added


def read_planned(folder: Path, *, before: dt.date | str) -> pd.DataFrame:
    """Contacts that plans of earlier cutoffs named, as a contacts log.

    Parameters
    ----------
    folder : Path
        Where the log lies; there may be none.
    before : date
        Only plans of cutoffs before it are read, so that a plan made again does not stumble over itself.

    Returns
    -------
    frame
        customer_id, channel, day (since 1970-01-01), campaign, action, item (null where there is none), treated (false
        for those who were held out), opened, converted (null).

    Raises
    ------
    DataContractError
        If the log is not one.
    """
    path, until = folder / FILE, as_date(before).isoformat()
    rows = pd.DataFrame(_parsed(_text_of(path), path), columns=list(COLUMNS), dtype="str")
    rows = rows[rows["planned_for"] < until]
    number = rows["revision"].astype("int64")
    is_last = number == number.groupby([rows["planned_for"], rows["campaign"]]).transform("max")
    rows = rows[is_last & rows["customer_id"].ne("")].reset_index(drop=True)
    unknown = pd.array([pd.NA] * len(rows), dtype="boolean")
    return rows[["customer_id", "channel"]].assign(
        day=days_of(rows["day"].to_numpy(dtype="datetime64[D]")).astype(np.int64),
        campaign=rows["campaign"],
        action=rows["action"],
        item=rows["item"].astype(object).where(rows["item"].ne(""), None),
        treated=rows["group"].ne(HOLDOUT).to_numpy(dtype=bool),
        opened=unknown,
        converted=unknown.copy(),
    )


def chosen(plan: pd.DataFrame) -> pd.DataFrame:
    """Rows of a plan that are contacts to make: neither suppressed nor held out."""
    return plan[plan["suppressed_by"].isna() & plan["group"].eq(TREAT)]


def logged(plan: pd.DataFrame) -> pd.DataFrame:
    """Rows of a plan that the log holds: contacts to make, and those that the held out would get."""
    would_be = plan["group"].eq(HOLDOUT) & plan["suppressed_by"].eq(BY_HOLDOUT)
    return plan[plan["suppressed_by"].isna() | would_be]


def contact_rows(plan: pd.DataFrame) -> list[Row]:
    """The contacts of a plan, and what the held out would get, as `OF_CONTACT` in the order of customers."""
    made = logged(plan)
    rows = made.assign(day=pd.to_datetime(made["due_date"]).dt.strftime("%Y-%m-%d"))[list(OF_CONTACT)]
    texts = rows.astype(object).fillna("").astype(str)
    return sorted(texts.itertuples(index=False, name=None))


def _missing_rows(folder: Path, manifest: Mapping[str, Any], rows: list[Row], path: Path) -> list[Row]:
    """Rows of a plan that the log lacks; none where it holds them.

    Raises
    ------
    DataContractError
        If the log holds other contacts of this revision, or the plan was changed.
    """
    cutoff, campaign = str(manifest["cutoff"]), str(manifest["campaign"])
    # plans of releases before do not say their revision: there is at least the first
    stated = manifest.get("planned", {"revision": 1})
    revision, contacts = _last_revision(rows, cutoff, campaign)
    if revision == stated["revision"] and "sha256" in stated and _digest(contacts) != stated["sha256"]:
        raise DataContractError(
            f"{path}: found {len(contacts):,} contacts of the plan {cutoff} {campaign} that are not those of {folder}; "
            f"expected its {stated['rows']:,}: the log was changed after it was written.",
            hint=f"restore the log, or remove it: it is written again from the plans in {path.parent}.",
        )
    if revision >= stated["revision"]:
        return []
    files = [PLAN_FILE, *([TASKS_FILE] if (folder / TASKS_FILE).exists() else [])]
    if changed := changed_files(folder, manifest, files):
        raise DataContractError(
            f"{folder}: {changed[0]}; expected the original plan, whose contacts {FILE} lacks.",
            hint="restore the folder, or remove it and plan that cutoff again.",
        )
    contacts = contact_rows(with_tasks(pd.read_parquet((folder / PLAN_FILE).absolute()), read_tasks(folder)))
    return _rows_of(contacts, cutoff, campaign, int(stated["revision"]))


def _warn_of(plan: Path, path: Path, rows: int) -> None:
    warnings.warn(
        LtvmlWarning(
            f"{path} lacked the contacts of the plan {plan.name}, whose run was ended before they were logged: "
            f"{rows:,} rows were added."
        ),
        stacklevel=3,
    )


def _rows_of(contacts: list[Row], cutoff: str, campaign: str, revision: int) -> list[Row]:
    """Contacts as rows of the log; one row without a customer where there are none."""
    nobody = ("",) * len(OF_CONTACT)
    return [(cutoff, campaign, str(revision), *contact) for contact in contacts or [nobody]]


def _digest(contacts: list[Row]) -> str:
    """SHA-256 of contacts, in hexadecimal."""
    return hashlib.sha256(json.dumps(contacts).encode()).hexdigest()


def _with_rows(text: str, rows: list[Row]) -> str:
    return _whole_lines(text or _as_csv([COLUMNS])) + _as_csv(rows)


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"could not write {path}: {error.strerror or error}.",
        hint="check that the folder is writable and the disk has room. The earlier file is unchanged.",
    )


def _text_of(path: Path) -> str:
    """The log as text; empty where there is none."""
    try:
        # a spreadsheet that saved it may have put a mark before it
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise _no_log(path, "bytes that are not UTF-8") from None


def _parsed(text: str, path: Path) -> list[Row]:
    """Rows of the log as they were given."""
    lines = list(csv.reader(io.StringIO(text, newline="")))
    if lines and tuple(lines[0]) != COLUMNS:
        raise _no_log(path, f"the columns {', '.join(lines[0])}")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(COLUMNS) or not _WHOLE.fullmatch(",".join((line[0], line[2], line[5]))):
            raise _no_log(path, f"in row {number} {','.join(line)[:60]}")
    return [tuple(unmarked(cell) for cell in line) for line in lines[1:]]


def _no_log(path: Path, found: str) -> DataContractError:
    return DataContractError(
        f"{path}: found {found}; expected a log of planned contacts with the columns {', '.join(COLUMNS)}.",
        hint="restore an older copy, or remove the file: it is written again from the plans beside it.",
    )


def _last_revision(rows: list[Row], cutoff: str, campaign: str) -> tuple[int, list[Row]]:
    """Number and contacts of the last revision; 0 and none where there is none."""
    own = [row for row in rows if row[:2] == (cutoff, campaign)]
    number = max((int(row[2]) for row in own), default=0)
    return number, sorted(row[3:] for row in own if int(row[2]) == number and row[3])


def _as_csv(rows: list[Row]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [[marked(cell) for cell in row] for row in rows]
    )
    return text.getvalue()


def _whole_lines(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def is_held_out(settings: OutreachSettings, ids: pd.Series) -> NDArray[np.bool_]:
    """Whether the campaign or the global control leaves each customer alone, shape (n,)."""
    draw = partial(
        groups,
        share=settings.holdout,
        salt=settings.campaign,
        global_share=settings.global_holdout,
        global_salt=settings.global_salt,
    )
    # some at a time: the names of the arms take more than the ids
    parts = [ids.iloc[first : first + DRAWN_AT_ONCE] for first in range(0, max(len(ids), 1), DRAWN_AT_ONCE)]
    return np.concatenate([np.asarray(draw(part).group == HOLDOUT) for part in parts])


def sent_of(planned: pd.DataFrame, made: pd.DataFrame | None, *, until: int | None) -> tuple[pd.DataFrame, int]:
    """Planned contacts without those that were not sent, as far as the contacts log tells.

    Up to a day the log holds all that was sent. A planned contact counts as sent where the log has one of the customer
    within three days after it, of the same action where the log names one. What held-out customers would have got
    stands where most of the campaign's contacts of those days were sent, or the arms would not be alike.

    Parameters
    ----------
    planned : frame
        As `read_planned` gives it.
    made : frame, optional
        The contacts log.
    until : int, optional
        Day up to which the log is complete, days since 1970-01-01; None: it tells nothing.

    Returns
    -------
    planned : frame
    not_sent : int
        Contacts to make that are free again.
    """
    if until is None or planned.empty:
        return planned, 0
    past = (planned["day"] <= until).to_numpy()
    to_make = planned["treated"].to_numpy(dtype=bool)
    sent = _is_sent(planned, made)
    share = pd.Series(np.where(past & to_make, sent, np.nan)).groupby(planned["campaign"].to_numpy()).transform("mean")
    stands = np.where(to_make, sent, share.fillna(1.0).to_numpy() >= MOST_SENT)
    kept = ~past | stands
    return planned[kept].reset_index(drop=True), int((~kept & to_make).sum())


def _is_sent(planned: pd.DataFrame, made: pd.DataFrame | None) -> NDArray[np.bool_]:
    if made is None or made.empty:
        return np.zeros(len(planned), dtype=bool)
    log = pd.DataFrame({"customer_id": made["customer_id"], "sent": made["day"]})
    log["what"] = made.get("action", None)
    rows = planned[["customer_id", "day", "action"]].assign(row=np.arange(len(planned)))
    pairs = rows.merge(log, on="customer_id")
    near = (pairs["sent"] >= pairs["day"]) & (pairs["sent"] <= pairs["day"] + LATEST_SENT)
    same = pairs["what"].isna() | pairs["what"].eq(pairs["action"])
    found = np.zeros(len(planned), dtype=bool)
    found[pairs.loc[near & same, "row"].to_numpy()] = True
    return found


def made_and_planned(
    made: pd.DataFrame | None, planned: pd.DataFrame, settings: OutreachSettings
) -> pd.DataFrame | None:
    """Contacts of both tables, those of one customer, channel and day as one: what the log does not say, the plan does.

    What a held-out customer would have got counts as a contact, `treated` true: both arms are planned for by the same
    rules, or they are not alike when they are compared.

    Parameters
    ----------
    made, planned : frame
        customer_id, channel, day, treated and whatever else is known.
    settings : OutreachSettings
        Its holdout.

    Returns
    -------
    frame or None
        None where there are no contacts.
    """
    tables = [table.astype(object) for table in (made, planned) if table is not None and len(table)]
    if not tables:
        return None
    together = pd.concat(tables, ignore_index=True)
    one = together.groupby(["customer_id", "channel", "day"], sort=False, dropna=False, as_index=False).first()
    truths = {name: "boolean" for name in ("opened", "converted") if name in one}
    treated = one["treated"].to_numpy(dtype=bool) | is_held_out(settings, one["customer_id"])
    return one.astype({"day": "int64"} | truths).assign(treated=treated)

"""The list opens safely and says the same bytes twice; the log of plans forgets nothing and repeats nothing."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltvml.contracts import OUTREACH
from ltvml.engines.frames import arrow_schema
from ltvml.errors import DataContractError, OutputError
from ltvml.outputs.plan import contacts_to_make, write_plan
from ltvml.outputs.planned_contacts import COLUMNS, FILE, append_planned, read_planned
from ltvml.outputs.spreadsheet import marked, safe_cell, unmarked, write_csv
from ltvml.window import day_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CUTOFF, LATER = dt.date(2020, 6, 30), dt.date(2020, 7, 7)
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# letters that a spreadsheet, or a reader of CSV, gives a meaning to
ODD = st.text(st.sampled_from("=+-@\t\r\n ;,'\"a0１＝＋－＠\u00a0\u3000\ufeff\x00"), max_size=8)
ANY_TEXT = ODD | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def plan_of(ids: list[str], **columns: Any) -> pd.DataFrame:
    """Contacts to make, as `outreach.plan.plan` gives them."""
    n = len(ids)
    frame = pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "customer_id": ids,
            "action": pd.Categorical(["win_back"] * n),
            "purpose": pd.Categorical(["win_back"] * n),
            "channel": pd.Categorical(["email"] * n),
            "due_date": pd.Series([np.datetime64("2020-07-03", "s")] * n),
            "item": pd.Categorical([None] * n, categories=["tea"]),
            "reason": ["Silent for 64 days."] * n,
            "expected_value": np.linspace(9, 1, n),
            "cost": 0.1,
            "ev_basis": pd.Categorical(["assumed"] * n),
            "group": "treat",
            "suppressed_by": pd.Series([None] * n, dtype=object),
        }
    )
    return frame.assign(**columns)


def with_others(plan: pd.DataFrame) -> pd.DataFrame:
    """The plan, and behind it one held out, one over capacity and one for whom nothing could be done."""
    others = plan_of(["held", "over", "idle"], group=["holdout", "treat", "treat"])
    others = others.assign(suppressed_by=["holdout", "capacity", "no_action"], rank=others["rank"] + len(plan))
    others = others.astype({name: object for name in ("action", "purpose", "channel", "item", "ev_basis")})
    others.loc[2, ["action", "purpose", "channel", "ev_basis", "reason"]] = None
    others.loc[2, ["due_date", "expected_value", "cost"]] = [pd.NaT, np.nan, np.nan]
    together = pd.concat([plan.astype({name: object for name in plan if name in others}), others], ignore_index=True)
    dates = pd.to_datetime(together["due_date"]).astype("datetime64[s]")
    numbers = {name: together[name].astype(float) for name in ("expected_value", "cost")}
    return together.assign(due_date=dates, rank=together["rank"].astype("int64"), **numbers)


def cells(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def written(folder: Path, plan: pd.DataFrame, *, language: str = "en") -> list[list[str]]:
    write_plan(folder, plan, language=language, byte_order_mark=False)
    return cells((folder / "outreach.csv").read_text(encoding="utf-8-sig"))


def test_the_csv_holds_the_contacts_to_make_and_the_parquet_everybody(tmp_path: Path) -> None:
    header, *rows = written(tmp_path, with_others(plan_of(["0042", "7"])))
    assert [row[header.index("customer_id")] for row in rows] == ["0042", "7"]
    assert pd.read_parquet(tmp_path / "outreach.parquet")["customer_id"].tolist() == [
        "0042",
        "7",
        "held",
        "over",
        "idle",
    ]


def test_a_held_out_customer_is_not_in_the_csv_even_where_nothing_suppresses(tmp_path: Path) -> None:
    _, *rows = written(tmp_path, plan_of(["a", "b"], group=["holdout", "treat"]))
    assert [row[1] for row in rows] == ["b"]


def test_the_parquet_has_the_columns_and_types_of_its_contract(tmp_path: Path) -> None:
    write_plan(tmp_path, with_others(plan_of(["a"])), language="en", byte_order_mark=False)
    assert pq.read_schema(tmp_path / "outreach.parquet").equals(arrow_schema(OUTREACH))
    table = pq.read_table(tmp_path / "outreach.parquet").to_pylist()
    assert table[0]["due_date"] == dt.date(2020, 7, 3)
    assert (table[3]["action"], table[3]["due_date"], table[3]["expected_value"]) == (None, None, None)


def test_columns_of_the_csv_are_those_of_the_contract_with_words_and_keys(tmp_path: Path) -> None:
    header, row = written(tmp_path, plan_of(["a"]), language="zh")
    outside = {"group", "suppressed_by"}
    assert header == [*(name for name in OUTREACH.names if name not in outside), "action_key", "channel_key"]
    found = dict(zip(header, row, strict=True))
    assert (found["action"], found["action_key"]) == ("客户召回", "win_back")
    assert (found["channel"], found["channel_key"]) == ("邮件", "email")
    assert (found["due_date"], found["item"], found["rank"]) == ("2020-07-03", "", "1")


def test_a_plan_without_contacts_has_a_header_alone(tmp_path: Path) -> None:
    assert len(written(tmp_path, plan_of(["a"], group="holdout", suppressed_by="holdout"))) == 1
    assert len(written(tmp_path, plan_of([]))) == 1


def test_ids_keep_leading_zeros_and_all_their_digits(tmp_path: Path) -> None:
    ids = ["000123", "12345678901234567890", "1e5", "3.0", "NA", "张三"]
    _, *rows = written(tmp_path, plan_of(ids))
    assert [row[1] for row in rows] == ids
    line = (tmp_path / "outreach.csv").read_text(encoding="utf-8").splitlines()[1]
    assert line.startswith('1,"000123",')


def test_the_byte_order_mark_is_there_where_it_is_asked_for(tmp_path: Path) -> None:
    for wanted in (False, True):
        write_plan(tmp_path, plan_of(["a"]), language="zh", byte_order_mark=wanted)
        content = (tmp_path / "outreach.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf") == wanted
        assert "客户召回" in content.decode("utf-8-sig")


def test_the_same_plan_gives_the_same_bytes_in_any_order_of_rows(tmp_path: Path) -> None:
    plan = with_others(plan_of(["a", "b", "c"]))
    for name, rows in (("one", plan), ("two", plan.copy())):
        (tmp_path / name).mkdir()
        write_plan(tmp_path / name, rows, language="en", byte_order_mark=False)
    for file in ("outreach.csv", "outreach.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    turned = contacts_to_make(plan.iloc[::-1], "en")
    pd.testing.assert_frame_equal(turned, contacts_to_make(plan, "en"))


@given(text=ANY_TEXT)
def test_no_cell_begins_a_formula_whatever_the_text(text: str) -> None:
    safe = safe_cell(text)
    assert not safe.startswith(FORMULA)
    assert not safe.lstrip().startswith(FORMULA)


@given(text=ANY_TEXT, delimiter=st.sampled_from(";\t\n\r"))
def test_no_part_does_either_where_a_spreadsheet_splits_cells_otherwise(text: str, delimiter: str) -> None:
    for part in safe_cell(f"a{text}").split(delimiter)[1:]:
        assert not part.strip().startswith(tuple("=+-@＝＋－＠"))


@given(text=st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=12))
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    if not any(letter in text for letter in FORMULA):
        assert safe_cell(text) == text


@given(text=ANY_TEXT)
def test_what_was_marked_is_known_again(text: str) -> None:
    assert unmarked(marked(text)) == text


@given(ids=st.lists(ANY_TEXT, min_size=1, max_size=4), item=ANY_TEXT)
def test_a_csv_of_any_texts_has_one_row_a_contact_and_no_formula(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], item: str
) -> None:
    path = tmp_path_factory.mktemp("safe") / "contacts.csv"
    contacts = contacts_to_make(plan_of(ids, item=item, reason=f"Last bought {item}."), "en")
    write_csv(path, contacts)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(ids) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA)]
    assert [row[1] for row in rows[1:]] == [safe_cell(one) for one in ids]


def log_of(folder: Path) -> list[list[str]]:
    return cells((folder / FILE).read_text(encoding="utf-8"))


def test_the_log_is_read_as_contacts(tmp_path: Path) -> None:
    plan = with_others(plan_of(["0042", "7"]))
    assert append_planned(tmp_path, plan, cutoff=CUTOFF, campaign="spring") == 3
    found = read_planned(tmp_path, before=LATER)
    assert found.columns.tolist() == [
        *("customer_id", "channel", "day", "campaign", "action", "item", "treated", "opened", "converted"),
    ]
    assert found["customer_id"].tolist() == ["0042", "7", "held"]
    assert found["day"].tolist() == [day_number("2020-07-03")] * 3
    assert found["day"].dtype == "int64"
    # what the held-out customer would have got is known, and is no contact
    assert found["treated"].tolist() == [True, True, False]
    assert found["item"].isna().all()
    assert found[["opened", "converted"]].isna().all(axis=None)
    assert found.loc[0, ["channel", "campaign", "action"]].tolist() == ["email", "spring", "win_back"]


def test_there_is_nothing_planned_where_there_is_no_log(tmp_path: Path) -> None:
    found = read_planned(tmp_path / "not there", before=LATER)
    assert (len(found), found["day"].dtype) == (0, "int64")


def test_a_plan_does_not_see_itself_nor_what_was_planned_later(tmp_path: Path) -> None:
    append_planned(tmp_path, plan_of(["a"]), cutoff=CUTOFF, campaign="spring")
    append_planned(tmp_path, plan_of(["b"]), cutoff=LATER, campaign="spring")
    assert read_planned(tmp_path, before=CUTOFF).empty
    assert read_planned(tmp_path, before="2020-07-07")["customer_id"].tolist() == ["a"]


def test_planning_again_adds_nothing(tmp_path: Path) -> None:
    append_planned(tmp_path, plan_of(["a", "b"]), cutoff=CUTOFF, campaign="spring")
    before = (tmp_path / FILE).read_bytes()
    assert append_planned(tmp_path, plan_of(["a", "b"]).iloc[::-1], cutoff=CUTOFF, campaign="spring") == 0
    assert (tmp_path / FILE).read_bytes() == before


def test_another_plan_of_the_same_cutoff_and_campaign_takes_the_place_of_the_first(tmp_path: Path) -> None:
    for ids in (["a", "b"], ["b", "c"], ["b", "c"]):
        append_planned(tmp_path, plan_of(ids), cutoff=CUTOFF, campaign="spring")
    assert read_planned(tmp_path, before=LATER)["customer_id"].tolist() == ["b", "c"]
    # the old rows are kept: the log only grows
    assert [row[2:4] for row in log_of(tmp_path)[1:]] == [["1", "a"], ["1", "b"], ["2", "b"], ["2", "c"]]


def test_a_plan_that_was_emptied_leaves_nothing_planned(tmp_path: Path) -> None:
    for ids in ([], ["a"], [], []):
        append_planned(tmp_path, plan_of(ids), cutoff=CUTOFF, campaign="spring")
    assert read_planned(tmp_path, before=LATER).empty
    assert len(log_of(tmp_path)) == 3
    append_planned(tmp_path, plan_of(["a"]), cutoff=CUTOFF, campaign="spring")
    assert read_planned(tmp_path, before=LATER)["customer_id"].tolist() == ["a"]


def test_campaigns_of_one_cutoff_stand_beside_each_other(tmp_path: Path) -> None:
    for campaign in ("spring", "birthday"):
        append_planned(tmp_path, plan_of([campaign]), cutoff=CUTOFF, campaign=campaign)
    assert sorted(read_planned(tmp_path, before=LATER)["customer_id"]) == ["birthday", "spring"]


@given(ids=st.lists(ANY_TEXT.filter(bool), min_size=1, max_size=4, unique=True), campaign=ANY_TEXT, item=ANY_TEXT)
def test_whatever_the_texts_the_log_gives_them_back_and_is_safe_to_open(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], campaign: str, item: str
) -> None:
    folder = tmp_path_factory.mktemp("log")
    for _ in range(2):
        append_planned(folder, plan_of(ids, item=item), cutoff=CUTOFF, campaign=campaign)
    found = read_planned(folder, before=LATER)
    assert sorted(found["customer_id"]) == sorted(ids)
    assert found["campaign"].eq(campaign).all()
    with (folder / FILE).open(encoding="utf-8", newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(FORMULA)]


def test_a_log_that_a_spreadsheet_saved_with_a_mark_is_read(tmp_path: Path) -> None:
    append_planned(tmp_path, plan_of(["a"]), cutoff=CUTOFF, campaign="spring")
    path = tmp_path / FILE
    path.write_text("\ufeff" + path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    append_planned(tmp_path, plan_of(["b"]), cutoff=LATER, campaign="spring")
    assert read_planned(tmp_path, before="2021-01-01")["customer_id"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a,b\n1,2\n", "found the columns a, b"),
        (",".join(COLUMNS) + "\n2020-06-30,spring,1,a\n", "found in row 2 2020-06-30,spring,1,a"),
        (",".join(COLUMNS) + "\n2020-06-30,spring,1,a,email,3/7/20,win_back,\n", "found in row 2"),
        (b"\xff\xfe\x00", "bytes that are not UTF-8"),
    ],
)
def test_a_damaged_log_is_refused_and_left_as_it_is(tmp_path: Path, content: str | bytes, found: str) -> None:
    path = tmp_path / FILE
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    with pytest.raises(DataContractError, match=found):
        read_planned(tmp_path, before=LATER)
    with pytest.raises(DataContractError, match="expected a log of planned contacts"):
        append_planned(tmp_path, plan_of(["a"]), cutoff=CUTOFF, campaign="spring")
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not write"):
        append_planned(tmp_path / "file", plan_of(["a"]), cutoff=CUTOFF, campaign="spring")


APPENDS = """
import sys
from pathlib import Path
import numpy as np, pandas as pd, datetime as dt
from ltvml.outputs.planned_contacts import append_planned
folder, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
n = 200
print("ready", flush=True)
sys.stdin.readline()
for k in range(times):
    plan = pd.DataFrame({"customer_id": [f"{name}{k}-{i}" for i in range(n)], "channel": "email",
        "due_date": np.datetime64("2020-07-03", "s"), "action": "win_back", "item": None,
        "group": "treat", "suppressed_by": None})
    append_planned(folder, plan, cutoff=dt.date(2020, 1, 1) + dt.timedelta(days=k), campaign=name)
    print(k, flush=True)
"""


@pytest.fixture
def appending() -> Iterator[Callable[[Path, str, int], subprocess.Popen[str]]]:
    """Start processes that append plans of 200 contacts and wait for a line; none outlives its test."""
    with ExitStack() as running:

        def start(folder: Path, name: str, times: int) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", APPENDS, str(folder), name, str(times)]
            settings = os.environ | {"OMP_NUM_THREADS": "1"}
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings)
            running.enter_context(process)
            running.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            return process

        yield start


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
def test_two_runs_at_once_lose_no_row(tmp_path: Path, appending: Callable[..., subprocess.Popen[str]]) -> None:
    times = 12
    both = [appending(tmp_path, name, times) for name in ("left", "right")]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    found = read_planned(tmp_path, before=LATER)
    counts = found["customer_id"].str.replace(r"\d+-\d+", "", regex=True).value_counts().to_dict()
    assert counts == {"left": 200 * times, "right": 200 * times}
    assert found["customer_id"].is_unique


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_run_that_is_killed_leaves_whole_plans(
    tmp_path: Path, appending: Callable[..., subprocess.Popen[str]]
) -> None:
    append_planned(tmp_path, plan_of(["old"]), cutoff=CUTOFF, campaign="spring")
    process = appending(tmp_path, "killed", 500)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "0\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    found = read_planned(tmp_path, before=LATER)
    assert "old" in set(found["customer_id"])
    # each plan of the killed run is there with all its contacts, or not at all
    sizes = found[found["campaign"] == "killed"].groupby(found["customer_id"].str.split("-").str[0]).size()
    assert set(sizes) == {200}
    # the lock died with its holder
    assert append_planned(tmp_path, plan_of(["new"]), cutoff=CUTOFF, campaign="summer") == 1

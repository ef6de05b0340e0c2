"""The log of planned contacts is derived from the plans: a run that is killed between the two loses nothing."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from ltvml.errors import DataContractError, LtvmlWarning
from ltvml.outputs.measured_effects import EFFECTS_FILE, MeasuredCampaign, catch_up_effects, remember
from ltvml.outputs.plan import write_plan
from ltvml.outputs.planned_contacts import FILE, append_planned, catch_up, contact_rows, read_planned, revision_of
from ltvml.outreach.experiment.effects import Effects
from ltvml.run_directory import run_directory, write_json, write_manifest
from tests.outputs.test_plan import CUTOFF, LATER, plan_of, with_others

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


def put(root: Path, plan: pd.DataFrame, *, cutoff: dt.date = CUTOFF, campaign: str = "spring") -> Path:
    """A plan in its folder, by a run that is killed before the log."""
    folder = root / cutoff.isoformat()
    facts = {"cutoff": cutoff.isoformat(), "campaign": campaign}
    with run_directory(folder, kind="outreach") as staging:
        write_plan(staging, plan, language="en", byte_order_mark=False)
        of_log = revision_of(root, plan, cutoff=cutoff, campaign=campaign)
        write_manifest(staging, "outreach", facts | {"planned": of_log})
    return folder


def planned_on(root: Path, ids: list[str], *, cutoff: dt.date = CUTOFF) -> Path:
    plan = plan_of(ids)
    folder = put(root, plan, cutoff=cutoff)
    append_planned(root, plan, cutoff=cutoff, campaign="spring")
    return folder


@pytest.mark.parametrize("ids", [["a", "b"], ["=1+1", "'tis", "0042", 'läuft, "so"', "two\nlines"]])
def test_contacts_that_a_killed_run_did_not_log_are_added_by_the_next(tmp_path: Path, ids: list[str]) -> None:
    plan = with_others(plan_of(ids))
    put(tmp_path / "killed", plan)
    with pytest.warns(LtvmlWarning, match=r"lacked the contacts of the plan 2020-06-30, whose run was ended"):
        added = catch_up(tmp_path / "killed")
    put(tmp_path / "whole", plan)
    assert append_planned(tmp_path / "whole", plan, cutoff=CUTOFF, campaign="spring") == added
    assert (tmp_path / "killed" / FILE).read_bytes() == (tmp_path / "whole" / FILE).read_bytes()
    assert catch_up(tmp_path / "killed") == 0


def test_the_contacts_of_a_plan_that_is_read_back_are_those_that_were_planned(tmp_path: Path) -> None:
    plan = with_others(plan_of(["a", "b"], item=["tea", None]))
    folder = put(tmp_path, plan)
    assert contact_rows(pd.read_parquet(folder / "outreach.parquet")) == contact_rows(plan)


def test_a_plan_made_again_and_killed_before_the_log_is_one_more_revision(tmp_path: Path) -> None:
    planned_on(tmp_path, ["a"])
    put(tmp_path, plan_of(["b"]))
    with pytest.warns(LtvmlWarning, match="1 row was added"):
        catch_up(tmp_path)
    assert read_planned(tmp_path, before=LATER)["customer_id"].tolist() == ["b"]
    put(tmp_path, plan_of([]))
    with pytest.warns(LtvmlWarning, match="1 row was added"):
        catch_up(tmp_path)
    assert read_planned(tmp_path, before=LATER).empty


def test_a_log_that_was_removed_is_written_again_from_the_plans(tmp_path: Path) -> None:
    planned_on(tmp_path, ["a", "b"])
    planned_on(tmp_path, ["c"], cutoff=LATER)
    before = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).unlink()
    with pytest.warns(LtvmlWarning):
        catch_up(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_log_in_which_contacts_of_a_plan_are_changed_is_refused(tmp_path: Path) -> None:
    planned_on(tmp_path, ["007", "b"])
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"007"', '"7"'))
    with pytest.raises(DataContractError, match=r"2 contacts of the plan 2020-06-30 spring that are not those of"):
        catch_up(tmp_path)


def test_a_log_outlives_the_folders_of_its_plans(tmp_path: Path) -> None:
    shutil.rmtree(planned_on(tmp_path, ["a"]))
    planned_on(tmp_path, ["b"], cutoff=LATER)
    assert catch_up(tmp_path) == 0
    assert read_planned(tmp_path, before="2020-12-31")["customer_id"].tolist() == ["a", "b"]


def test_a_plan_of_a_release_before_is_added_where_the_log_has_none_of_it(tmp_path: Path) -> None:
    folder = put(tmp_path, plan_of(["a"]))
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["planned"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.warns(LtvmlWarning):
        assert catch_up(tmp_path) == 1
    assert catch_up(tmp_path) == 0


def test_contacts_are_not_taken_from_a_plan_that_was_changed(tmp_path: Path) -> None:
    folder = put(tmp_path, plan_of(["a"]))
    plan_of(["b"]).astype({"purpose": str, "action": str}).to_parquet(folder / "outreach.parquet")
    with pytest.raises(DataContractError, match=r"outreach\.parquet was changed after it was written"):
        catch_up(tmp_path)


def test_effects_of_a_measurement_that_was_killed_before_they_were_kept_are_kept_by_the_next_run(
    tmp_path: Path,
) -> None:
    campaign = MeasuredCampaign(CUTOFF.isoformat(), "spring", "2020-07-31", Effects(()))
    for name, kept in (("killed", False), ("whole", True)):
        folder = put(tmp_path / name, plan_of(["a"])) / "measure"
        with run_directory(folder, kind="measure") as staging:
            write_json(staging / EFFECTS_FILE, campaign.to_dict())
            write_manifest(staging, "measure", {})
        if kept:
            remember(tmp_path / name, campaign)
        assert catch_up_effects(tmp_path / name) == (not kept)
    killed, whole = ((tmp_path / name / EFFECTS_FILE).read_bytes() for name in ("killed", "whole"))
    assert killed == whole


def test_effects_measured_later_into_another_folder_are_not_replaced(tmp_path: Path) -> None:
    folder = put(tmp_path, plan_of(["a"])) / "measure"
    earlier, later = (
        MeasuredCampaign(CUTOFF.isoformat(), "spring", until, Effects(())) for until in ("2020-07-31", "2020-08-31")
    )
    with run_directory(folder, kind="measure") as staging:
        write_json(staging / EFFECTS_FILE, earlier.to_dict())
        write_manifest(staging, "measure", {})
    remember(tmp_path, later)
    assert catch_up_effects(tmp_path) == 0
    (folder / EFFECTS_FILE).write_text("{}")
    (tmp_path / EFFECTS_FILE).unlink()
    with pytest.raises(DataContractError, match=r"effects\.json was changed after it was written"):
        catch_up_effects(tmp_path)

"""The folder of a plan of contacts, read again: what was planned, and what was predicted before the launch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.errors import ConfigError, DataContractError
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT
from ltvml.outreach.experiment.trial import PLAN_COLUMNS, compared, require
from ltvml.run_directory import FORMAT, MANIFEST, file_hash, reading
from ltvml.window import as_date, day_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

PLAN_KIND = "outreach"
PLAN_FILE, PLANNING_FILE = "outreach.parquet", "planning.parquet"
PLANNING_COLUMNS = ("customer_id", "action", "p_buy", "predicted_value", "stage", "window_days")
_FACTS = ("cutoff", "campaign", "share_held_out", "window_days", "model_version", "files")


@dataclass(frozen=True, eq=False)
class PlanFolder:
    """A plan as it was launched.

    Parameters
    ----------
    folder : Path
    manifest : mapping
    plan : frame
        Rows of `contracts.OUTREACH`: every customer.
    planning : frame
        One row a compared customer and action: customer_id, action, p_buy, predicted_value, stage, window_days.
    """

    folder: Path
    manifest: Mapping[str, Any]
    plan: pd.DataFrame
    planning: pd.DataFrame

    @property
    def cutoff(self) -> dt.date:
        """Last day that the plan had seen."""
        return as_date(self.manifest["cutoff"])

    @property
    def cutoff_day(self) -> int:
        """The same in days since 1970-01-01."""
        return day_number(self.cutoff)

    @property
    def campaign(self) -> str:
        """Name of the campaign, the salt of its holdout."""
        return str(self.manifest["campaign"])

    @property
    def bundle_version(self) -> str:
        """Of the scores that the plan was made from."""
        return str(self.manifest["model_version"])

    @cached_property
    def version(self) -> str:
        """First 16 hexadecimal digits of the hash of the plan."""
        return str(self.manifest["files"][PLAN_FILE])[:16]

    @property
    def name(self) -> str:
        """Of this plan among those of the shop."""
        return f"{self.cutoff.isoformat()} {self.campaign}"

    @cached_property
    def compared(self) -> pd.DataFrame:
        """Rows of the plan that belong to either arm."""
        return compared(self.plan)

    @cached_property
    def window_days(self) -> dict[str, int]:
        """Days after the cutoff in which an order counts, of each action that was planned."""
        given = self.manifest["window_days"]
        return {action: int(given[action]) for action in sorted(self.compared["action"].astype(str).unique())}


def read_plan_folder(folder: Path | str) -> PlanFolder:
    """Read what a plan left.

    Raises
    ------
    ConfigError
        If the folder holds no plan.
    DataContractError
        If a table was changed since, a column is missing, or an arm of the plan is empty.
    """
    folder = Path(folder)
    with reading(folder):
        manifest = _manifest(folder)
        for name in (PLAN_FILE, PLANNING_FILE):
            _refuse_changed(folder / name, manifest)
        plan, planning = (pd.read_parquet((folder / name).absolute()) for name in (PLAN_FILE, PLANNING_FILE))
    require("the plan", plan, PLAN_COLUMNS)
    require("what was predicted before the launch", planning, PLANNING_COLUMNS)
    found = PlanFolder(folder, manifest, plan, planning)
    _refuse_one_arm(found)
    return found


def _manifest(folder: Path) -> Mapping[str, Any]:
    hint = "give the folder that `ltvml outreach` wrote, for example out/outreach/2011-09-10."
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{folder} holds no {MANIFEST}; expected the folder of a plan.", hint=hint) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder / MANIFEST} cannot be read: {error}.", hint=hint) from error
    known = values if isinstance(values, dict) and values.get("format") == FORMAT else {}
    if known.get("kind") != PLAN_KIND:
        found = f"{known['kind']}" if "kind" in known else "no result of ltvml"
        raise ConfigError(f"{folder} holds {found}; expected the folder of a plan.", hint=hint)
    if missing := [name for name in _FACTS if name not in known]:
        raise ConfigError(
            f"{folder / MANIFEST}: missing {', '.join(missing)}.", hint="run `ltvml outreach` again with this version."
        )
    return known


def _refuse_changed(path: Path, manifest: Mapping[str, Any]) -> None:
    given = manifest["files"].get(path.name)
    if given is None or not path.exists():
        raise ConfigError(
            f"{path.parent} holds no {path.name}.", hint="restore the folder, or run `ltvml outreach` again."
        )
    if file_hash(path) != given:
        raise DataContractError(
            f"{path} was changed after it was written; expected the original plan.",
            hint="restore the folder: an effect measured from a changed plan is not valid.",
        )


def _refuse_one_arm(found: PlanFolder) -> None:
    counts: dict[str, int] = {arm: int(found.compared["group"].eq(arm).sum()) for arm in (TREAT, HOLDOUT)}
    if all(counts.values()):
        return
    if not counts[TREAT]:
        raise DataContractError(
            f"the plan {found.name} has no contacts; expected at least one to measure an effect.", counts=counts
        )
    share = float(found.manifest["share_held_out"])
    raise DataContractError(
        f"the plan {found.name} has {counts[TREAT]:,} contacts and no held-out customers (outreach.holdout was "
        f"{share:g}), so the effect cannot be measured.",
        hint="set outreach.holdout for the next campaign, for example to 0.1.",
        counts=counts,
    )

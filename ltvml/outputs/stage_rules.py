"""The limits of the stages as one run learned them: later runs of the bundle keep them, so that only customers move."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ltvml.errors import DataContractError
from ltvml.outreach.settings import StageRules
from ltvml.run_directory import alone_in, as_json, replace_text

if TYPE_CHECKING:
    from pathlib import Path

STAGE_RULES = "stage_rules.json"


def keep_stage_rules(folder: Path, rules: StageRules, *, bundle_version: str, learned_on: str) -> None:
    """Keep the rules that a run learned, in place of those of another bundle.

    Parameters
    ----------
    folder : Path
        Where plans are kept.
    rules : StageRules
    bundle_version : str
    learned_on : str
        Cutoff of the run.
    """
    values = {"bundle_version": bundle_version, "learned_on": learned_on, "rules": asdict(rules)}
    with alone_in(folder):
        replace_text(folder / STAGE_RULES, as_json(values))


def kept_stage_rules(folder: Path, bundle_version: str) -> tuple[StageRules, str] | None:
    """Rules that were learned with a bundle, and the cutoff of that run; None where there are none.

    Raises
    ------
    DataContractError
        If the file is damaged.
    """
    path = folder / STAGE_RULES
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["bundle_version"] != bundle_version:
            return None
        return StageRules(**kept["rules"]), str(kept["learned_on"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataContractError(
            f"{path} cannot be read: {error!r}.",
            hint="remove the file; the next plan learns the limits of the stages again.",
        ) from error

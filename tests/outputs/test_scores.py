"""Scores that are read back for a plan: whole and unchanged, or refused by the name of what is wrong."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import CUSTOMER_SCORES
from ltvml.errors import ConfigError, DataContractError
from ltvml.outputs.scores import read_scores
from ltvml.run_directory import run_directory, write_manifest
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CUTOFF = dt.date(2020, 12, 31)
IDS = pd.Series(["a", "b", "c"], name="customer_id")
WINDOW = Window(CUTOFF, churn_horizon=90, ltv_horizon=365)
EXPECTED = {"version": "v1", "window": WINDOW, "fingerprint": "f1", "customer_ids": IDS}


def table() -> pd.DataFrame:
    numbers = {column.name: 0.5 for column in CUSTOMER_SCORES.columns if column.dtype == "float64"}
    others = {column.name: None for column in CUSTOMER_SCORES.columns if column.dtype != "float64"}
    return pd.DataFrame({"customer_id": IDS}).assign(**others | numbers | {"customer_id": IDS, "model_version": "v1"})


def put(folder: Path, rows: pd.DataFrame, **facts: Any) -> Path:
    """Scores as a run leaves them: whatever is wrong with the table, the manifest fits it."""
    window = {"cutoff": CUTOFF.isoformat(), "churn_horizon": 90, "ltv_horizon": 365}
    known = {"config": {"window": window}, "fingerprint": "f1", "customers": len(rows)}
    with run_directory(folder, kind="scores") as staging:
        rows.to_parquet(staging / "customers.parquet")
        write_manifest(staging, "scores", known | facts)
    return folder


def test_scores_as_they_were_written_pass(tmp_path: Path) -> None:
    read_scores(put(tmp_path / "scores", table()), CUTOFF).check(**EXPECTED)


FAULTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a missing column": (lambda rows: rows.drop(columns="churn_risk"), r"lacks churn_risk; expected the columns"),
    "a row twice": (lambda rows: pd.concat([rows, rows.head(1)]), r"holds 1 row a second time; expected one row for"),
    "an infinite risk": (lambda rows: rows.assign(churn_risk=[0.1, np.inf, 0.2]), r"holds churn_risk inf in 1 row"),
    "a risk above one": (lambda rows: rows.assign(churn_risk=[0.1, 1.5, 0.2]), r"churn_risk 1\.5 in 1 row; .* 0 to 1"),
    "a risk that is none": (lambda rows: rows.assign(churn_risk=[0.1, np.nan, 0.2]), r"holds churn_risk nan in 1 row"),
    "an infinite value": (lambda rows: rows.assign(predicted_ltv=np.inf), r"predicted_ltv inf in 3 rows; .* finite"),
    "too few customers": (lambda rows: rows.head(1), r"lack 2 of the 3 customers of the orders and hold 0 others"),
    "another customer": (lambda rows: rows.assign(customer_id=["a", "b", "z"]), r"lack 1 of the 3 .* hold 1 others"),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_scores_with_a_fault_are_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    found = read_scores(put(tmp_path / "scores", change(table())), CUTOFF)
    with pytest.raises(DataContractError, match=said):
        found.check(**EXPECTED)


def test_scores_for_another_horizon_are_refused_with_both(tmp_path: Path) -> None:
    found = read_scores(put(tmp_path / "scores", table()), CUTOFF)
    asked = Window(CUTOFF, churn_horizon=60, ltv_horizon=365)
    with pytest.raises(ConfigError, match=r"churn_horizon 90 and ltv_horizon 365; expected 60 and 365"):
        found.check(**EXPECTED | {"window": asked})


def test_what_is_left_empty_for_a_reason_passes(tmp_path: Path) -> None:
    empty = table().assign(p_alive=np.nan, predicted_ltv_lo=np.nan)
    read_scores(put(tmp_path / "scores", empty), CUTOFF).check(**EXPECTED)


def test_a_file_that_was_changed_is_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "scores", table())
    table().assign(churn_risk=0.1).to_parquet(folder / "customers.parquet")
    with pytest.raises(DataContractError, match=r"customers\.parquet was changed after it was written"):
        read_scores(folder, CUTOFF)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "scores", table())
    (folder / "customers.parquet").unlink()
    with pytest.raises(DataContractError, match=r"customers\.parquet is missing"):
        read_scores(folder, CUTOFF)


def test_rows_that_the_manifest_does_not_count_are_refused(tmp_path: Path) -> None:
    folder = put(tmp_path / "scores", table(), customers=700)
    with pytest.raises(DataContractError, match=r"has 3 rows; expected the 700 of its manifest"):
        read_scores(folder, CUTOFF)


def test_a_folder_of_something_else_holds_no_scores(tmp_path: Path) -> None:
    folder = put(tmp_path / "scores", table())
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"kind": "bundle"}))
    with pytest.raises(ConfigError, match="there are no scores in"):
        read_scores(folder, CUTOFF)


def test_scores_that_a_killed_run_moved_aside_are_read(tmp_path: Path) -> None:
    put(tmp_path / "scores", table()).rename(tmp_path / ".scores.previous")
    assert len(read_scores(tmp_path / "scores", CUTOFF).customers) == len(IDS)

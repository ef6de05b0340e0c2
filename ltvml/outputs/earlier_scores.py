"""The last earlier scores of the same models and the same customers, and who is marked in comparison with them.

What cannot be shown to be comparable is not compared: another bundle or horizon, a changed file, other customers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.errors import LtvmlError
from ltvml.outputs.scores import CUSTOMERS, KIND
from ltvml.run_directory import changed_files, listed, manifest_of, reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ltvml.window import Window

_FILE = f"{CUSTOMERS}.parquet"
_READ = ["customer_id", "first_order_date", "churn_risk"]
SILENCE, NEWS = "silence", "news"
BEFORE, WAITED = "risk_before", "risk_waited"
"""Columns of `RiskAlerts.known`."""
SAME_SHOP = 0.95
"""Share of the earlier customers that must still be there, with the same first order: ids are merged and erased."""


@dataclass(frozen=True)
class EarlierScores:
    """Churn risk at an earlier cutoff.

    Parameters
    ----------
    cutoff : datetime.date
    customers : (n, 3) frame
        `customer_id`, `first_order_date` and `churn_risk`.
    """

    cutoff: dt.date
    customers: pd.DataFrame

    def first_days(self) -> pd.DataFrame:
        """`customer_id` and `first_then`, the day number of the first order."""
        first = pd.to_datetime(self.customers["first_order_date"]).to_numpy().astype("datetime64[D]")
        return pd.DataFrame({"customer_id": self.customers["customer_id"], "first_then": first.astype("int64")})


@dataclass(frozen=True, eq=False)
class RiskAlerts:
    """What new scores are compared with.

    Parameters
    ----------
    since : datetime.date or None
        Cutoff of the earlier scores; None where nothing is compared.
    before, waited : series
        By customer_id: risk as scored then, and risk today of the orders known then, of customers with news alone.
    rise, beyond : float
        Of `alerts` in the configuration.
    why : str
        Why nothing is compared, where there are earlier scores.
    """

    since: dt.date | None = None
    before: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))
    waited: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))
    rise: float = 1.0
    beyond: float = 1.0
    why: str = ""

    def known(self) -> pd.DataFrame:
        """The earlier risks as a table: `customer_id`, `risk_before` and `risk_waited`, null where not known."""
        known = pd.DataFrame({BEFORE: self.before, WAITED: self.waited.reindex(self.before.index)}, dtype="float64")
        return known.rename_axis("customer_id").reset_index()

    def unread(self) -> RiskAlerts:
        """The same without the earlier risks, for those who get them with their customers."""
        nothing = pd.Series(dtype="float64")
        return replace(self, before=nothing, waited=nothing)

    def mark(self, scores: pd.DataFrame) -> pd.DataFrame:
        """The customer table with `risk_change` and `risk_alert`.

        Parameters
        ----------
        scores : (n, ...) frame
            Rows of `contracts.CUSTOMER_SCORES`.
        """
        if self.since is None:
            return scores
        ids, risk = scores["customer_id"], scores["churn_risk"].to_numpy(dtype=float)
        change = risk - self.before.reindex(ids).to_numpy(dtype=float)
        news = risk - self.waited.reindex(ids).to_numpy(dtype=float)
        alert = np.select([news >= self.beyond, change >= self.rise], [NEWS, SILENCE], default="")
        known = ~np.isnan(change)
        marked = pd.Series(alert, index=scores.index, dtype=object).where(known & (alert != ""), None)
        return scores.assign(risk_change=change, risk_alert=marked)


def earlier_scores(beside: Path, *, version: str, window: Window) -> tuple[EarlierScores | None, str]:
    """The latest comparable scores in folders named by an earlier cutoff; None, and why, where there are none.

    Parameters
    ----------
    beside : Path
        Folder of the new scores.
    version : str
        Of the bundle.
    window : Window
        Cutoff and horizons of the new scores.

    Returns
    -------
    EarlierScores or None
    str
        Why the latest earlier scores are not compared; empty where they are, or where there are none at all.
    """
    why = ""
    for cutoff, folder in _earlier_folders(beside, window.cutoff):
        try:
            found, fault = _read(folder, version, window)
        except (LtvmlError, OSError, ValueError, KeyError) as error:
            found, fault = None, f"{folder.name}: {str(error).splitlines()[0]}"
        if found is not None:
            return EarlierScores(cutoff, found), ""
        why = why or fault
    return None, why


def _earlier_folders(beside: Path, cutoff: dt.date) -> Iterator[tuple[dt.date, Path]]:
    """Folders named by an earlier day, the latest first."""
    if not beside.parent.is_dir():
        return
    for folder in sorted(beside.parent.iterdir(), key=lambda path: path.name, reverse=True):
        try:
            day = dt.date.fromisoformat(folder.name)
        except ValueError:
            continue
        if day < cutoff and folder.is_dir():
            yield day, folder


def _read(folder: Path, version: str, window: Window) -> tuple[pd.DataFrame | None, str]:
    with reading(folder):
        manifest: dict[str, Any] = manifest_of(folder)
        if manifest.get("kind") != KIND or not listed(manifest, _FILE):
            return None, f"{folder.name}: it holds no {_FILE}"
        if manifest["model_version"] != version:
            return None, f"{folder.name}: they are of model {manifest['model_version']}, and these of {version}"
        horizon = manifest["config"]["window"]["churn_horizon"]
        if horizon != window.churn_horizon:
            return None, f"{folder.name}: their churn_horizon is {horizon}, and that of these {window.churn_horizon}"
        if changed := changed_files(folder, manifest, [_FILE]):
            return None, f"{folder.name}: {' and '.join(changed)}"
        return pd.read_parquet((folder / _FILE).absolute(), columns=_READ), ""

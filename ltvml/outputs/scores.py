"""The tables of a score, read back for a plan, which refuses those of another bundle, cutoff or set of orders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ltvml.errors import ConfigError, DataContractError
from ltvml.run_directory import MANIFEST, reading

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

CUSTOMERS, ITEMS, PROBABILITIES = "customers", "replenishment", "probabilities"
"""Names of the files, without their ending."""


@dataclass(frozen=True)
class Scores:
    """What `score` made at one cutoff.

    Parameters
    ----------
    customers : (n, ...) frame
        Rows of `contracts.CUSTOMER_SCORES`.
    replenishment : frame, optional
        Rows of `contracts.REPLENISHMENT`; None where the role is withheld.
    probabilities : (n, ...) frame, optional
        Rows of `contracts.purchase_probabilities`; None in scores of a version that did not write them.
    cutoff : str
        As YYYY-MM-DD.
    fingerprint : str
        Of the order lines that were scored.
    source : str
        Where they are, for messages.
    """

    customers: pd.DataFrame
    replenishment: pd.DataFrame | None
    probabilities: pd.DataFrame | None
    cutoff: str
    fingerprint: str
    source: str

    def check(self, *, version: str, cutoff: dt.date, fingerprint: str) -> None:
        """Refuse scores that do not belong to a bundle, a cutoff and the order lines read now.

        Raises
        ------
        ConfigError
            If they are of another bundle or cutoff.
        DataContractError
            If the orders have changed since.
        """
        found = set(self.customers["model_version"].unique().tolist())
        if found != {version}:
            raise ConfigError(
                f"the scores in {self.source} are of bundle {', '.join(sorted(map(str, found)))}, and the bundle is "
                f"{version}; expected the same.",
                hint="score again, or name the bundle of the scores with --model.",
            )
        if self.cutoff != cutoff.isoformat():
            raise ConfigError(
                f"the scores in {self.source} are of {self.cutoff}; expected those of {cutoff}.",
                hint="run `ltvml score` with the same configuration first.",
            )
        if self.fingerprint != fingerprint:
            raise DataContractError(
                f"the orders are not those of the scores in {self.source}: they have changed since.",
                hint="score again, then plan.",
            )


def read_scores(folder: Path, cutoff: dt.date) -> Scores:
    """The tables that `score` wrote into a folder.

    Parameters
    ----------
    folder : Path
    cutoff : date
        Which is expected there.

    Raises
    ------
    ConfigError
        If there are none as Parquet.
    """
    with reading(folder):
        return _read(folder, cutoff)


def _read(folder: Path, cutoff: dt.date) -> Scores:
    path = folder / f"{CUSTOMERS}.parquet"
    if not (path.exists() and (folder / MANIFEST).exists()):
        raise ConfigError(
            f"there are no scores in {folder}; expected those of {cutoff}.",
            hint="run `ltvml score` with the same configuration first, with parquet among output.formats.",
        )
    stated = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    items, chances = folder / f"{ITEMS}.parquet", folder / f"{PROBABILITIES}.parquet"
    return Scores(
        customers=pd.read_parquet(path),
        replenishment=pd.read_parquet(items) if items.exists() else None,
        probabilities=pd.read_parquet(chances) if chances.exists() else None,
        cutoff=stated["config"]["window"]["cutoff"],
        fingerprint=stated["fingerprint"],
        source=str(folder),
    )

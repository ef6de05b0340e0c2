"""The scores of earlier cutoffs, as far as they are read to compare them with what came."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from ltvml.errors import ConfigError, DataContractError, OutputError
from ltvml.outputs.scores import CUSTOMERS, KIND, PROBABILITIES
from ltvml.run_directory import changed_files, listed, manifest_of, reading
from ltvml.window import as_date, date_of, day_number
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READ = (
    "customer_id",
    "churn_risk",
    "predicted_ltv",
    "predicted_ltv_lo",
    "predicted_ltv_hi",
    "next_purchase_lo",
    "next_purchase_hi",
)
_CHANCE = re.compile(r"p_buy_(\d+)")


@dataclass(frozen=True)
class PastScores:
    """Scores of one cutoff, by their manifest; the rows are read when they are asked for.

    Parameters
    ----------
    folder : Path
    manifest : mapping
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def cutoff_day(self) -> int:
        """Last day that the scores have seen."""
        return day_number(self._window["cutoff"])

    @property
    def horizon(self) -> int:
        """Churn horizon, days."""
        return int(self._window["churn_horizon"])

    @property
    def ltv_horizon(self) -> int:
        """Days."""
        return int(self._window["ltv_horizon"])

    @property
    def version(self) -> str:
        """Of the bundle."""
        return str(self.manifest["model_version"])

    @property
    def customers(self) -> int:
        """How many were scored."""
        return int(self.manifest["customers"])

    @property
    def margin(self) -> float:
        """Share of the net value that predicted values keep."""
        return float(self.manifest["config"]["value"]["margin"])

    @property
    def windows(self) -> tuple[int, ...]:
        """Days within which the chance of a purchase was written, rising; the churn horizon is the last."""
        found = {self.horizon}
        if files := listed(self.manifest, self._chances):
            names = pq.read_schema((self.folder / files[0]).absolute()).names
            found |= {int(match[1]) for name in names if (match := _CHANCE.fullmatch(name))}
        return tuple(sorted(days for days in found if days <= self.horizon))

    def rows(self) -> pd.DataFrame:
        """One row a customer: `READ`, and `p_buy_<w>` for each of `windows`.

        Raises
        ------
        DataContractError
            If a file was changed or damaged since it was written, or a column is missing.
        """
        try:
            with reading(self.folder):
                names = [name for name in (self._customers, self._chances) if listed(self.manifest, name)]
                if changed := changed_files(self.folder, self.manifest, names):
                    raise _damaged(self.folder, " and ".join(changed))
                rows = pd.read_parquet((self.folder / self._customers).absolute(), columns=list(READ))
                wanted = [f"p_buy_{days}" for days in self.windows if days != self.horizon]
                if wanted:
                    path = (self.folder / self._chances).absolute()
                    chances = pd.read_parquet(path, columns=["customer_id", *wanted])
                    rows = rows.merge(chances, on="customer_id", how="left", validate="one_to_one")
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, DataContractError):
                raise
            raise _damaged(self.folder, str(error).splitlines()[0]) from error
        rows[f"p_buy_{self.horizon}"] = 1 - rows["churn_risk"]
        chance = rows.filter(like="p_buy_")
        if len(rows) != self.customers or not ((chance >= 0) & (chance <= 1)).all(axis=None):
            raise _damaged(
                self.folder,
                f"found {len(rows):,} rows, expected {self.customers:,} with probabilities between 0 and 1",
            )
        return rows

    @property
    def _window(self) -> Mapping[str, Any]:
        window: Mapping[str, Any] = self.manifest["config"]["window"]
        return window

    @property
    def _customers(self) -> str:
        return f"{CUSTOMERS}.parquet"

    @property
    def _chances(self) -> str:
        return f"{PROBABILITIES}.parquet"


def past_scores(folder: Path, *, until: int) -> tuple[tuple[PastScores, ...], tuple[str, ...]]:
    """The scores in a folder of cutoffs, the oldest first, and notes about folders that cannot be used.

    Parameters
    ----------
    folder : Path
        `<output.dir>/scores`.
    until : int
        Day number: scores of later cutoffs are left out, and a note says how many.

    Raises
    ------
    ConfigError
        If there are no scores at all.
    """
    try:
        places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        places = []
    except OSError as error:
        raise OutputError(f"{folder} cannot be read: {error}") from error
    found, notes, later = [], [], 0
    for place in places:
        one = PastScores(place, manifest_of(place))
        if (fault := _fault(one)) is not None:
            notes.append(Sentence.of("watch.left_out", folder=place.name, why=fault))
        elif one.cutoff_day <= until:
            found.append(one)
        else:
            later += 1
    if later:
        notes.append(Sentence.of("watch.later", cutoffs=later, day=str(date_of(until))))
    if not found:
        left_out = (
            f" ({len(places) - later} of {len(places)} folders there cannot be used)" if later < len(places) else ""
        )
        after = f" up to the cutoff {date_of(until)}" if later else ""
        raise ConfigError(
            f"there are no scores in {folder}{after}{left_out}; expected those of at least one cutoff.",
            hint="run `ltvml score` first, with parquet among output.formats; each night's scores are watched later.",
        )
    return tuple(sorted(found, key=lambda one: one.cutoff_day)), tuple(notes)


def _fault(one: PastScores) -> str | None:
    """Why a folder cannot be used, in words; None where it can."""
    manifest = one.manifest
    if manifest.get("kind") != KIND:
        return "no manifest of scores"
    if not listed(manifest, f"{CUSTOMERS}.parquet"):
        return f"no {CUSTOMERS}.parquet"
    try:
        as_date(one._window["cutoff"])
        _ = one.horizon, one.ltv_horizon, one.version, one.customers, one.margin
    except (KeyError, TypeError, ValueError):
        return "its manifest is incomplete"
    return None


def _damaged(folder: Path, what: str) -> DataContractError:
    return DataContractError(
        f"{folder}: {what}; expected the files that `ltvml score` wrote.",
        hint="score that cutoff again, or move the folder away.",
    )

"""The tables of a score, read back for a plan, which refuses those of another bundle, cutoff or set of orders.

What was changed, cut short or damaged since it was written is refused by the name of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ltvml.contracts import CUSTOMER_SCORES, REPLENISHMENT
from ltvml.errors import ConfigError, DataContractError
from ltvml.outputs.stored_rows import StoredRows, frame_of, give_back
from ltvml.outreach.beside import ascend
from ltvml.run_directory import changed_files, listed, manifest_of, reading

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from ltvml.window import Window

CUSTOMERS, ITEMS, PROBABILITIES = "customers", "replenishment", "probabilities"
"""Names of the files, without their ending."""
KIND = "scores"
SCORE_AGAIN = "run `ltvml score` again, then plan."


@dataclass(frozen=True)
class Scores:
    """What `score` made at one cutoff.

    Parameters
    ----------
    customers : (n, ...) frame
        Rows of `contracts.CUSTOMER_SCORES`.
    replenishment : frame or StoredRows, optional
        Rows of `contracts.REPLENISHMENT`; None where the role is withheld.
    probabilities : (n, ...) frame, optional
        Rows of `contracts.purchase_probabilities`; None in scores of a version that did not write them.
    cutoff : str
        As YYYY-MM-DD.
    fingerprint : str
        Of the order lines that were scored.
    horizons : (int, int)
        Churn and LTV horizon, days.
    source : str
        Where they are, for messages.
    """

    customers: pd.DataFrame
    replenishment: pd.DataFrame | StoredRows | None
    probabilities: pd.DataFrame | None
    cutoff: str
    fingerprint: str
    horizons: tuple[int, int]
    source: str

    def check(self, *, version: str, window: Window, fingerprint: str, customer_ids: pd.Series) -> None:
        """Refuse scores that do not belong to a bundle, a cutoff and the order lines read now, or that are not whole.

        Parameters
        ----------
        version : str
            Of the bundle.
        window : Window
            Cutoff and horizons of the plan.
        fingerprint : str
            Of the order lines read now.
        customer_ids : (n,) Series of str
            Customers with a purchase up to the cutoff, each once.

        Raises
        ------
        ConfigError
            If they are of another bundle, cutoff or horizon.
        DataContractError
            If the orders have changed since, or a table is not as its contract says.
        """
        self._refuse_broken()
        found = set(self.customers["model_version"].unique().tolist())
        if found != {version}:
            raise ConfigError(
                f"the scores in {self.source} are of bundle {', '.join(sorted(map(str, found)))}, and the bundle is "
                f"{version}; expected the same.",
                hint="score again, or name the bundle of the scores with --model.",
            )
        if self.cutoff != window.cutoff.isoformat():
            raise ConfigError(
                f"the scores in {self.source} are of {self.cutoff}; expected those of {window.cutoff}.",
                hint="run `ltvml score` with the same configuration first.",
            )
        if self.horizons != (expected := (window.churn_horizon, window.ltv_horizon)):
            (churn, ltv), (churn_wanted, ltv_wanted) = self.horizons, expected
            raise ConfigError(
                f"the scores in {self.source} are for churn_horizon {churn} and ltv_horizon {ltv}; expected "
                f"{churn_wanted} and {ltv_wanted}, those of this run.",
                hint="run `ltvml score` with the same configuration and --set first.",
            )
        if self.fingerprint != fingerprint:
            raise DataContractError(
                f"the orders are not those of the scores in {self.source}: they have changed since.",
                hint=SCORE_AGAIN,
            )
        scored = self.customers["customer_id"]
        if customer_ids.reset_index(drop=True).equals(scored):
            return
        absent, foreign = ~customer_ids.isin(scored), ~scored.isin(customer_ids)
        if absent.any() or foreign.any():
            example = customer_ids[absent].iloc[0] if absent.any() else scored[foreign].iloc[0]
            raise DataContractError(
                f"the scores in {self.source} lack {int(absent.sum()):,} of the {len(customer_ids):,} customers of the "
                f"orders and hold {int(foreign.sum()):,} others, for example '{example}'; expected the same customers.",
                hint=SCORE_AGAIN,
                counts={"absent": int(absent.sum()), "foreign": int(foreign.sum())},
            )

    def _refuse_broken(self) -> None:
        """Refuse a table with a column missing, a row twice, or a number that is none."""
        tables = {
            CUSTOMERS: (self.customers, CUSTOMER_SCORES.required, ["customer_id"]),
            ITEMS: (self.replenishment, REPLENISHMENT.required, ["customer_id", "item"]),
            PROBABILITIES: (self.probabilities, ("customer_id",), ["customer_id"]),
        }
        for name, (rows, columns, keys) in tables.items():
            fault = _fault_of(rows, columns, keys) if rows is not None else None
            if fault is not None:
                raise DataContractError(f"the table {name} of the scores in {self.source} {fault}.", hint=SCORE_AGAIN)


def _fault_of(rows: pd.DataFrame | StoredRows, columns: Sequence[str], keys: list[str]) -> str | None:
    """The same of rows that are here, or stored; all of the latter are here at once only where something is wrong."""
    if isinstance(rows, pd.DataFrame):
        return _fault(rows, columns, keys)
    return None if _is_sound(rows, columns, keys) else _fault(rows.whole(), columns, keys)


def _is_sound(rows: StoredRows, columns: Sequence[str], keys: list[str]) -> bool:
    """Whether nothing is wrong with rows that ascend by their keys, as a score writes them."""
    last = pd.DataFrame()
    for part in rows.parts():
        # the last row of a part comes before the first one of the next
        if _fault(part, columns, keys) is not None or not ascend(pd.concat([last, part[keys]]), keys):
            return False
        last = part[keys].tail(1)
    return True


def _fault(rows: pd.DataFrame, columns: Sequence[str], keys: list[str]) -> str | None:
    """What is wrong with a table of the scores, in words; None where nothing is."""
    if missing := [name for name in columns if name not in rows]:
        return f"lacks {', '.join(missing)}; expected the columns that `ltvml score` writes"
    if not ascend(rows, keys) and (twice := int(rows.duplicated(keys).sum())):
        return f"holds {twice:,} rows a second time; expected one row for each {' and '.join(keys)}"
    for name in rows.select_dtypes("number"):
        values = rows[name].to_numpy(dtype="float64", na_value=np.nan)
        chance = str(name).startswith(("churn_risk", "p_"))
        wrong = np.isinf(values) | (chance & ((values < 0) | (values > 1)))
        # a probability of no purchase is known of every customer, see `customer_scores`
        if name == "churn_risk":
            wrong |= np.isnan(values)
        if wrong.any():
            expected = "numbers from 0 to 1" if chance else "finite numbers"
            return f"holds {name} {values[wrong][0]:g} in {int(wrong.sum()):,} rows; expected {expected}"
    return None


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
    DataContractError
        If a file was changed since it was written.
    """
    with reading(folder):
        manifest = manifest_of(folder)
        files = {name: f"{name}.parquet" for name in (CUSTOMERS, ITEMS, PROBABILITIES)}
        if manifest.get("kind") != KIND or not listed(manifest, files[CUSTOMERS]):
            raise ConfigError(
                f"there are no scores in {folder}; expected those of {cutoff}.",
                hint="run `ltvml score` with the same configuration first, with parquet among output.formats.",
            )
        written = {name: file for name, file in files.items() if listed(manifest, file)}
        if changed := changed_files(folder, manifest, written.values()):
            raise DataContractError(
                f"{folder}: {' and '.join(changed)}; expected the files that `ltvml score` wrote.", hint=SCORE_AGAIN
            )
        paths = {name: (folder / file).absolute() for name, file in written.items()}
        pairs = StoredRows.of(paths.pop(ITEMS)) if ITEMS in paths else None
        tables = {name: frame_of(pq.read_table(path)) for name, path in paths.items()}
        give_back()
    window = manifest["config"]["window"]
    found = Scores(
        customers=tables[CUSTOMERS],
        replenishment=pairs,
        probabilities=tables.get(PROBABILITIES),
        cutoff=window["cutoff"],
        fingerprint=manifest["fingerprint"],
        horizons=(window["churn_horizon"], window["ltv_horizon"]),
        source=str(folder),
    )
    if len(found.customers) != manifest["customers"]:
        raise DataContractError(
            f"{folder / files[CUSTOMERS]} has {len(found.customers):,} rows; expected the {manifest['customers']:,} "
            "of its manifest.",
            hint=SCORE_AGAIN,
        )
    return found

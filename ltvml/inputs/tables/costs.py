"""What winning customers cost: a table by customer, by cohort, or by a way to come such as the channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.inputs.tables.customer_ids import with_customer_id
from ltvml.inputs.tables.small_tables import missing_columns, places, read_table, with_columns
from ltvml.words.text import short

if TYPE_CHECKING:
    from ltvml.config.sections import CostSettings
    from ltvml.inputs.tables.customer_ids import CustomerIds


@dataclass(frozen=True)
class Costs:
    """Acquisition costs as they were given.

    Parameters
    ----------
    by : str
        What a row is: customer_id, cohort or an attribute; empty where the configuration names no table.
    cost : dict of str to float
        Of a customer, or of all customers of a cohort or of a level together.
    unknown : tuple of str
        Keys that are no customer, or no cohort, of the orders.
    """

    by: str = ""
    cost: dict[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def read_costs(settings: CostSettings, ids: CustomerIds, cohorts: list[str], attributes: list[str]) -> Costs:
    """Read the table of costs; without one, none are known.

    Parameters
    ----------
    settings : CostSettings
        `config.costs`.
    ids : CustomerIds
        Customers that are known.
    cohorts : list of str
        Names of the cohorts.
    attributes : list of str
        Names of the ways to come.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataContractError
        If a column is missing, a cost is no number of 0 or more, or a row comes twice.
    """
    if settings.source is None:
        return Costs()
    path = settings.source
    table = read_table(path, "costs.source").rename(columns={own: ours for ours, own in settings.columns.items()})
    table = with_columns(table, ["cost"], also=["cohort", *attributes])
    if not {"cohort", *attributes} & set(table):
        table = with_customer_id(table, ids, path)
    by = next((name for name in ("cohort", "customer_id", *attributes) if name in table), "customer_id")
    if problem := missing_columns(path, table, (by, "cost")):
        raise DataContractError(
            problem,
            hint=f"it needs the column cost, and one of {', '.join(('customer_id', 'cohort', *attributes))}.",
        )
    rows = table[table[by].notna()]
    keys, cost = rows[by].astype(str), _costs(rows["cost"], path)
    if (twice := keys.duplicated()).any():
        raise DataContractError(
            f"{path}: {twice.sum():,} of {len(keys):,} rows repeat a {by} (first: {short(keys[twice].iloc[0], 40)}, "
            f"{places(keys.index[twice])}); expected one row each.",
            hint="add up the costs of one " + by.replace("_id", "") + ".",
        )
    known = keys.isin(cohorts if by == "cohort" else ids.known)
    if by in attributes:
        # whether a level is one of the orders is seen where the levels are counted
        known[:] = True
    return Costs(by, dict(zip(keys[known], cost[known], strict=True)), tuple(keys[~known]))


def _costs(written: pd.Series, path: str) -> pd.Series:
    numbers = pd.to_numeric(written, errors="coerce").astype(float)
    wrong = ~(numbers >= 0) | np.isinf(numbers)
    if wrong.any():
        raise DataContractError(
            f"{path}: {wrong.sum():,} of {len(written):,} rows have a cost that is no number of 0 or more (first: "
            f"{short(str(written[wrong].iloc[0]), 40)}, {places(written.index[wrong])}).",
            hint="write 12.50, without a currency sign.",
        )
    return numbers

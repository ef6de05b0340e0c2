"""Replenishment on disk: the table of a score, batch by batch, and the items of a fit with their plots."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.bundle.replenishment import NEXT_DUE, Replenishment, next_due
from ltvml.contracts import REPLENISHMENT
from ltvml.errors import DataContractError
from ltvml.features.items.days import item_days
from ltvml.features.items.gaps import item_statistics
from ltvml.features.items.pairs import pairs
from ltvml.models.replenishment.stock import STATUSES
from ltvml.outputs.customers import TableFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import narwhals as nw
    import pyarrow as pa

    from ltvml.bundle.bundle import Bundle
    from ltvml.inputs.orders import Intake
    from ltvml.words.spoken import Spoken

PAIR = ("customer_id", "item")


@dataclass
class ItemTally:
    """What a report shows of the replenishment table.

    Attributes
    ----------
    rows : int
    statuses : Counter
        Rows by stock status.
    due : int
        Customers with an item due next.
    """

    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    due: int = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Count rows of `contracts.REPLENISHMENT`."""
        self.rows += len(rows)
        self.statuses.update(rows["stock_status"].tolist())

    def join(self, other: ItemTally) -> None:
        """Add what was counted of other customers."""
        self.rows += other.rows
        self.statuses.update(other.statuses)
        self.due += other.due

    def text(self, words: Spoken) -> str:
        """Counts in one line."""
        found = [name for name in STATUSES if self.statuses[name]]
        counts = words("items.between").join(words(f"items.{name}", count=f"{self.statuses[name]:,}") for name in found)
        return words("score.items", rows=f"{self.rows:,}", counts=counts, due=f"{self.due:,}")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"rows": self.rows, "stock_status": dict(sorted(self.statuses.items())), "customers_due": self.due}


def write_replenishment(
    staging: Path,
    intake: Intake,
    bundle: Bundle,
    contents: pd.DataFrame | None,
    *,
    all_pairs: bool,
    decimals: int,
    formats: Sequence[str],
) -> tuple[pd.DataFrame | None, ItemTally]:
    """Write the replenishment table, where the bundle has the role.

    Parameters
    ----------
    staging : Path
        Folder of the run, there already.
    intake : Intake
    bundle : Bundle
    contents : frame or None
        `product_id`, `item`, `units`, see `inputs.products.contents_of`; None where products are not split up.
    all_pairs : bool
        Whether every customer x item is written, or those worth a reminder alone.
    decimals : int
        Decimals of an amount of money.
    formats : sequence of str
        Of parquet and csv.

    Returns
    -------
    due : frame or None
        The item each customer needs first, see `replenishment.next_due`; None where the role is withheld.
    tally : ItemTally

    Raises
    ------
    DataContractError
        If the orders lack the column that the items were fitted on.
    """
    tally = ItemTally()
    if bundle.replenishment is None:
        return None, tally
    role = replace(bundle.replenishment, all_pairs=all_pairs)
    rows = pairs_to_score(intake, role, contents, decimals=decimals)
    parts: list[pd.DataFrame] = []
    with TableFiles(staging, REPLENISHMENT, "replenishment", formats) as files:

        def sink(batch: pa.Table) -> None:
            files.write(batch)
            frame = batch.to_pandas()
            tally.add(frame)
            parts.append(next_due(frame))

        intake.engine.map_batches(rows, role.scores, REPLENISHMENT, sink, order=PAIR)
    due = earliest(parts)
    tally.due = len(due)
    return due, tally


def earliest(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """One row a customer: a customer whose items fell into two batches has a candidate in each."""
    if not parts:
        return pd.DataFrame(columns=["customer_id", *NEXT_DUE])
    keys = ["customer_id", "replenishment_date", "replenishment_probability", "replenishment_item"]
    together = pd.concat(parts, ignore_index=True)
    # batches come in the order of the customers: only who lies on the border of two is to be decided
    twice = together.duplicated("customer_id", keep=False)
    ranked = together[twice].sort_values(keys, ascending=[True, True, False, True], kind="stable")
    first = ranked.drop_duplicates("customer_id").index
    return together[~twice | together.index.isin(first)].reset_index(drop=True)


def pairs_to_score(
    intake: Intake, role: Replenishment, contents: pd.DataFrame | None, *, decimals: int
) -> nw.LazyFrame[Any]:
    """One row a customer x item up to the cutoff with what `role.reads`, gaps scaled as the model scales them.

    Raises
    ------
    DataContractError
        If the orders lack the column that the items were fitted on.
    """
    found = intake.lines.collect_schema().names()
    if role.item not in found:
        raise DataContractError(
            f"the orders have no column '{role.item}', which the items of the bundle come from.",
            hint="score orders with the columns of the fit, or fit again with replenishment.item: off.",
        )
    days = item_days(
        intake.lines,
        role.item,
        contents=None if contents is None else intake.engine.table(contents),
        has_returns=intake.ledger.has_returns,
    )
    etas = pd.DataFrame({"item": list(role.elasticity), "elasticity": list(role.elasticity.values())})
    elasticity = intake.engine.table(etas.astype({"item": str, "elasticity": float})) if len(etas) else None
    statistics = item_statistics(days, intake.window, elasticity=elasticity)
    if set(role.reads) <= set(statistics.collect_schema().names()):
        return of_customers(statistics, intake).select(*role.reads)
    kept = intake.engine.keep(days)
    return pairs(kept, intake.days, intake.window, elasticity=elasticity, decimals=decimals)


def of_customers(statistics: nw.LazyFrame[Any], intake: Intake) -> nw.LazyFrame[Any]:
    """Pairs of customers who have a purchase day: where there are returns, an item may have one and its buyer none."""
    if not intake.ledger.has_returns:
        return statistics
    return statistics.join(intake.days.select("customer_id").unique(), on="customer_id", how="semi")

"""The tables of a score, written part by part by the workers that make them; a table is then a folder of files.

What a part holds depends on the customers alone, and its rows come in the order of their keys: the same orders and
bundle give the same files on any cluster.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ltvml.bundle.replenishment import next_due, with_next_due
from ltvml.contracts import REPLENISHMENT, Table
from ltvml.engines.frames import to_contract
from ltvml.errors import OutputError
from ltvml.outputs.customers import TableFiles, Tally
from ltvml.outputs.earlier_scores import BEFORE, WAITED, RiskAlerts
from ltvml.outputs.replenishment import PAIR, ItemTally
from ltvml.outputs.scores import CUSTOMERS, ITEMS, PROBABILITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.bundle.replenishment import Replenishment


COUNTS = b"counts"
"""Of the metadata of a report."""


@dataclass(frozen=True, eq=False)
class ScorePart:
    """Scores a part of the customers and writes its files.

    Parameters
    ----------
    folder : Path
        Of the tables, seen by every worker.
    bundle : Bundle
        Asked for the horizons of the scores.
    items : Replenishment, optional
        With the pairs that are wanted; None where no items are scored.
    customers, chances : contracts.Table
        Of the customer table and of the probabilities.
    windows, watched : sequence of int
        Days, see `Bundle.score`.
    alerts : RiskAlerts
        What the scores are compared with; the earlier risks come with the rows.
    """

    folder: Path
    bundle: Bundle
    items: Replenishment | None
    customers: Table
    chances: Table
    windows: Sequence[int]
    watched: Sequence[int]
    alerts: RiskAlerts

    def __call__(self, number: int, rows: pd.DataFrame, pairs: pd.DataFrame | None) -> bytes:
        """Write the part of a number; what a report shows of it, as `told` has it.

        Parameters
        ----------
        number : int
        rows : (n, ...) frame
            What the bundle reads, one row a customer, and the earlier risks where there are some.
        pairs : frame, optional
            `contracts.PAIRS` of these customers.
        """
        tally, items, due = Tally(), ItemTally(), None
        if self.items is not None and pairs is not None:
            scored = self.items.scores(pairs.sort_values(list(PAIR), ignore_index=True))
            self._write(ITEMS, number, to_contract(scored, REPLENISHMENT))
            due = next_due(scored)
            items.add(scored)
            items.due = len(due)
        rows = rows.sort_values("customer_id", ignore_index=True)
        scores = self.bundle.score(rows, windows=self.windows, watched=self.watched)
        self._write(PROBABILITIES, number, to_contract(scores, self.chances))
        if due is not None:
            scores = with_next_due(scores, due)
        if self.alerts.since is not None:
            known = rows.set_index("customer_id")
            scores = replace(self.alerts, before=known[BEFORE], waited=known[WAITED]).mark(scores)
        table = to_contract(scores, self.customers)
        self._write(CUSTOMERS, number, table)
        tally.add(table.to_pandas())
        return told(tally, items)

    def _write(self, name: str, number: int, table: pa.Table) -> None:
        """Beside its place first: a part that is tried twice is one file, and a torn one is none."""
        if not self.folder.is_dir():
            raise OutputError(f"a worker does not see {self.folder}; expected a folder that all workers share.")
        place = folder_of(self.folder, name) / f"part-{number:05d}.parquet"
        place.parent.mkdir(exist_ok=True)
        torn = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
        pq.write_table(table, torn, compression="zstd")
        torn.replace(place)


def folder_of(folder: Path, name: str) -> Path:
    """Where the parts of a table are: read as one table by what reads Parquet."""
    return folder / f"{name}.parquet"


def gathered(reports: Iterable[bytes]) -> tuple[Tally, ItemTally]:
    """What a report shows, from what `ScorePart` returned of each part, in the order of the parts."""
    tally, items = Tally(), ItemTally()
    for report in reports:
        part, of_items = heard(report)
        tally.join(part)
        items.join(of_items)
    return tally, items


def told(tally: Tally, items: ItemTally) -> bytes:
    """Both as an Arrow stream for the driver: the customers most at risk, and beside them the counts as JSON."""
    counts = {"tally": tally.plain(), "items": {"rows": items.rows, "statuses": items.statuses, "due": items.due}}
    rows = pa.Table.from_pandas(tally.most_at_risk)
    rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), COUNTS: json.dumps(counts)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def heard(report: bytes) -> tuple[Tally, ItemTally]:
    """What `told` wrote, the same to the bit."""
    rows = pa.ipc.open_stream(report).read_all()
    counts = json.loads(rows.schema.metadata[COUNTS])
    items = counts["items"]
    statuses = Counter(items["statuses"])
    return Tally.of(counts["tally"], rows.to_pandas()), ItemTally(items["rows"], statuses, items["due"])


def finish(folder: Path, tables: Iterable[tuple[str, Table]], formats: Sequence[str]) -> None:
    """Remove what attempts left that were given up, and write other formats from the parts, in their place if wanted.

    Parameters
    ----------
    folder : Path
    tables : iterable of (str, contracts.Table)
        Names, and what they hold; a table without parts is left out.
    formats : sequence of str
        Of parquet and csv.
    """
    for name, table in tables:
        place = folder_of(folder, name)
        if not place.is_dir():
            continue
        for torn in place.glob(".*"):
            torn.unlink()
        if others := [ending for ending in formats if ending != "parquet"]:
            with TableFiles(folder, table, name, others) as files:
                for part in sorted(place.iterdir()):
                    files.write(pq.read_table(part))
        if "parquet" not in formats:
            shutil.rmtree(place)

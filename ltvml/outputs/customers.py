"""The customer table, batch by batch: into the formats asked for, and into the few figures a report shows."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ltvml.contracts import CUSTOMER_SCORES
from ltvml.engines.frames import arrow_schema
from ltvml.outputs.spreadsheet import safe_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa
    from numpy.typing import NDArray

    from ltvml.contracts import Table

SUMMED = ("historic_value", "predicted_ltv", "expected_purchases", "value_at_risk")
COUNTED = {"bands": "churn_band", "statuses": "data_status", "segments": "rfm_segment", "alerts": "risk_alert"}
LARGEST = 20
# 1-2-5 steps from a penny to a billion: readable bands, the same for every shop and every batch
VALUE_EDGES = np.concatenate([[-np.inf, 0.005], np.outer(10.0 ** np.arange(-2, 9), [1, 2, 5]).ravel()[2:], [np.inf]])


class TableFiles:
    """Writers of one table of scores as Parquet and, on request, CSV.

    Parameters
    ----------
    folder : Path
        Where the files are made.
    table : contracts.Table
    name : str
        Of the files, without their ending.
    formats : iterable of str
        `parquet`, `csv` or both.
    """

    def __init__(self, folder: Path, table: Table, name: str, formats: Iterable[str]) -> None:
        schema = arrow_schema(table)
        openers = {"parquet": pq.ParquetWriter, "csv": pa_csv.CSVWriter}
        options = {"parquet": {"compression": "zstd"}, "csv": {}}
        self._open = ExitStack()
        self._writers = {
            ending: self._open.enter_context(openers[ending](folder / f"{name}.{ending}", schema, **options[ending]))
            for ending in formats
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def write(self, batch: pa.Table) -> None:
        """Append a batch of scored rows, of the types of their contract; no cell of the CSV begins a formula."""
        for ending, writer in self._writers.items():
            writer.write_table(safe_table(batch) if ending == "csv" else batch)


@dataclass
class Tally:
    """What a report shows of the customers, gathered batch by batch.

    Attributes
    ----------
    customers : int
    sums : dict of str to float
        Totals of the value columns.
    bands, statuses, segments, alerts : dict of str to int
        Customers by churn band, data status, RFM segment and risk alert.
    alert_value : float
        Predicted LTV of the customers with an alert.
    counts, values : (n,) arrays
        Customers in each band of `VALUE_EDGES`, and the sum of their predicted LTV.
    most_at_risk : frame
        The customers with the largest `expected_loss`.
    largest : float
        Predicted LTV of the customer with the most.
    """

    customers: int = 0
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SUMMED, 0.0))
    bands: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    alert_value: float = 0.0
    counts: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(VALUE_EDGES) - 1))
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(VALUE_EDGES) - 1))
    most_at_risk: pd.DataFrame = field(default_factory=pd.DataFrame)
    largest: float = 0.0

    def add(self, batch: pd.DataFrame) -> None:
        """Count a batch."""
        self.customers += len(batch)
        for name in SUMMED:
            # a total of nothing known is not known, and not 0
            self.sums[name] += float(batch[name].sum(min_count=1)) if len(batch) else 0.0
        for attribute, column in COUNTED.items():
            counts = getattr(self, attribute)
            for value, count in batch[column].value_counts().items():
                counts[str(value)] = counts.get(str(value), 0) + int(count)
        self.alert_value += float(batch["predicted_ltv"][batch["risk_alert"].notna()].sum())
        ltv = batch["predicted_ltv"].dropna().to_numpy()
        self.largest = max(self.largest, float(ltv.max(initial=0.0)))
        self.counts += np.histogram(ltv, VALUE_EDGES)[0]
        self.values += np.histogram(ltv, VALUE_EDGES, weights=ltv)[0]
        self.most_at_risk = by_expected_loss([self.most_at_risk, batch])

    def join(self, other: Tally) -> None:
        """Add what was counted of other customers."""
        self.customers += other.customers
        for name in SUMMED:
            self.sums[name] += other.sums[name]
        for attribute in COUNTED:
            counts = getattr(self, attribute)
            for value, count in getattr(other, attribute).items():
                counts[value] = counts.get(value, 0) + count
        self.alert_value += other.alert_value
        self.largest = max(self.largest, other.largest)
        self.counts += other.counts
        self.values += other.values
        self.most_at_risk = by_expected_loss([self.most_at_risk, other.most_at_risk])

    def plain(self) -> dict[str, Any]:
        """As plain values, but for the customers most at risk."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "most_at_risk"}
        return values | {name: values[name].tolist() for name in ("counts", "values")}

    @classmethod
    def of(cls, plain: Mapping[str, Any], most_at_risk: pd.DataFrame) -> Tally:
        """What `plain` wrote, beside the customers most at risk."""
        arrays = {name: np.asarray(plain[name], dtype=float) for name in ("counts", "values")}
        return cls(**{**plain, **arrays}, most_at_risk=most_at_risk)

    @property
    def share_of_largest(self) -> float | None:
        """Share of the predicted LTV that the customer with the most holds; None where nothing is predicted."""
        total = self.sums["predicted_ltv"]
        return self.largest / total if total > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """As plain values, without a person's row."""
        return {
            "customers": self.customers,
            "totals": {name: None if np.isnan(total) else total for name, total in self.sums.items()},
            "share_of_largest": self.share_of_largest,
            "churn_bands": dict(sorted(self.bands.items())),
            "rfm_segments": dict(sorted(self.segments.items())),
            "data_status": dict(sorted(self.statuses.items())),
            "risk_alerts": dict(sorted(self.alerts.items())),
        }


def expected_loss(scores: pd.DataFrame) -> pd.Series:
    """Value at risk times churn risk: what is lost if the customer stays away, times the probability of that.

    It says whose absence would cost most, and not whom to contact: a plan asks what a contact changes, and may do.
    """
    return scores["value_at_risk"] * scores["churn_risk"]


def by_expected_loss(parts: Iterable[pd.DataFrame], *, length: int = LARGEST) -> pd.DataFrame:
    """The customers with the largest expected loss, ties by customer id; where it is not known they are left out."""
    together = pd.concat([part for part in parts if len(part)] or [pd.DataFrame(columns=list(CUSTOMER_SCORES.names))])
    known = together.assign(loss=expected_loss(together)).dropna(subset="loss")
    ranked = known.sort_values(["loss", "customer_id"], ascending=[False, True], kind="stable")
    return ranked.head(length).drop(columns="loss").reset_index(drop=True)


def visible_bands(tally: Tally) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edges, customers and value of the bands that hold at least one customer in two hundred, the rest joined on."""
    share = np.cumsum(tally.counts) / max(tally.counts.sum(), 1)
    innermost = len(tally.counts) - 1
    first = min(int(np.searchsorted(share, 0.005)) + 1, innermost)
    last = min(max(int(np.searchsorted(share, 0.995)), first), innermost)
    starts = np.concatenate([[0], np.arange(first, last + 1)])
    edges = np.concatenate([[VALUE_EDGES[0]], VALUE_EDGES[first : last + 1], [VALUE_EDGES[-1]]])
    return edges, np.add.reduceat(tally.counts, starts), np.add.reduceat(tally.values, starts)

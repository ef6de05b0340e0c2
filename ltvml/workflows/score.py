"""Score: orders and a bundle in, one row a customer out. Nothing is fitted."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.bundle import Bundle
from ltvml.contracts import CUSTOMER_SCORES
from ltvml.errors import DataWarning, LtvmlError
from ltvml.evaluation import plots
from ltvml.features.summary import customer_summary
from ltvml.run_directory import run_directory, write_manifest
from ltvml.tracking.base import tracker_for
from ltvml.tracking.items import score_run
from ltvml.workflows.customer_files import CustomerFiles, Tally, visible_bands
from ltvml.workflows.intake import Intake, take_in
from ltvml.workflows.progress import Progress, Steps
from ltvml.workflows.recording import Recorded, record, versions
from ltvml.workflows.wording import WIDTH, fields, number, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

    from ltvml.config import Config

LTV_PLOT = "plots/predicted_ltv.png"


@dataclass(frozen=True)
class ScoreReport:
    """What a score wrote.

    Parameters
    ----------
    folder : Path
        Where the tables are.
    bundle : Bundle
    intake : Intake
    tally : Tally
        Totals and counts over the customers.
    shortlist : frame
        The customers most worth contacting, best first.
    recorded : Recorded
    seconds : dict of str to float
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    tally: Tally
    recorded: Recorded
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def plots(self) -> tuple[Path, ...]:
        """The pictures in the folder."""
        return (self.folder / LTV_PLOT,)

    @property
    def shortlist(self) -> pd.DataFrame:
        """The customers most worth contacting, best first."""
        return self.tally.shortlist

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps."""
        window = self.bundle.window
        return {
            "window": {
                "cutoff": self.intake.window.cutoff.isoformat(),
                "churn_horizon": window.churn_horizon,
                "ltv_horizon": window.ltv_horizon,
            },
            "fingerprint": {"lines": self.intake.fingerprint},
            "ledger": self.intake.row_counts,
            "metrics": self.tally.to_dict(),
            "seconds": self.seconds,
            "plots": self.plots,
            "bundle_version": self.bundle.version,
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "folder": str(self.folder),
            "cutoff": self.intake.window.cutoff.isoformat(),
            "churn_horizon": self.bundle.window.churn_horizon,
            "ltv_horizon": self.bundle.window.ltv_horizon,
            "model_version": self.bundle.version,
            **self.tally.to_dict(),
            "ledger": self.intake.ledger.to_dict(),
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        tally, window = self.tally, self.bundle.window
        bands = ", ".join(f"{tally.bands.get(name, 0):,} {name}" for name in ("low", "medium", "high"))
        lines = [
            ("customers", f"{tally.customers:,}, seen up to {self.intake.window.cutoff}"),
            ("churn risk", f"{bands} (no purchase in {window.churn_horizon} days)"),
            ("predicted LTV", f"{number(tally.sums['predicted_ltv'])}{self._currency} in {window.ltv_horizon} days"),
            ("value at risk", f"{number(tally.sums['value_at_risk'])}{self._currency}"),
            *((("not known"), status) for status in _withheld(tally)),
            ("scores", str(self.folder)),
            *self.recorded.lines(),
        ]
        return fields(lines)

    def shortlist_text(self) -> str:
        """The shortlist as a table of 80 columns."""
        return shortlist_text(self.shortlist)

    @property
    def _currency(self) -> str:
        return f" {self.bundle.money.currency}" if self.bundle.money.currency else ""


def score(
    config: Config,
    *,
    model: str | Bundle | None = None,
    out: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> ScoreReport:
    """Score every customer seen up to the cutoff.

    Parameters
    ----------
    config : Config
    model : str or Bundle, optional
        Bundle folder, `models:/name@alias` or `runs:/id`; the last fit in `output.dir` by default.
    out : Path, optional
        Folder of the scores; `<output.dir>/scores/<cutoff>` by default.
    transactions : frame, optional
        pandas, Polars, Arrow, DuckDB or Spark; in place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    ScoreReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    steps = Steps(progress)
    with _bundle_of(config, model) as bundle:
        intake = take_in(config, transactions, steps, horizons=bundle.window)
        _warn_of_age(bundle, intake, config.max_age)
        folder = Path(out) if out is not None else Path(config.output.dir) / "scores" / config.cutoff.isoformat()
        tally = Tally()
        with steps.step("score"), run_directory(folder) as staging:
            _write(staging, intake, bundle, config, tally, steps)
    report = ScoreReport(folder.absolute(), bundle, intake, tally, Recorded(), steps.seconds)
    return record(report, config, score_run)


def customers(report: ScoreReport) -> pd.DataFrame:
    """The customer table that a score wrote."""
    import pandas as pd

    return pd.read_parquet(report.folder / "customers.parquet")


def shortlist_text(shortlist: pd.DataFrame) -> str:
    """The customers most worth contacting, within 80 columns."""
    header = ("", "customer", "orders", "last order", "churn risk", "next purchase", "LTV", "at risk")
    rows = [
        (
            str(position + 1),
            str(row.customer_id)[:14],
            f"{row.n_orders:,}",
            str(row.last_order_date)[:10],
            f"{row.churn_risk:.0%}",
            str(row.next_purchase_date)[:10],
            number(row.predicted_ltv),
            number(row.value_at_risk),
        )
        for position, row in enumerate(shortlist.itertuples())
    ]
    return table(header, rows, left=2)


def _write(staging: Path, intake: Intake, bundle: Bundle, config: Config, tally: Tally, steps: Steps) -> None:
    summary = customer_summary(intake.days, intake.window, decimals=bundle.money.decimals)
    with CustomerFiles(staging, config.output.formats) as files:

        def sink(batch: pa.Table) -> None:
            files.write(batch)
            tally.add(batch.to_pandas())
            steps.advance("score", tally.customers, intake.customers)

        intake.engine.map_batches(summary, bundle.score, CUSTOMER_SCORES, sink)
    edges, counts, values = visible_bands(tally)
    plots.save(plots.value_distribution(edges, counts, values, currency=bundle.money.currency), staging / LTV_PLOT)
    write_manifest(
        staging,
        {
            "kind": "scores",
            "model_version": bundle.version,
            "config": config.to_dict(),
            "fingerprint": intake.fingerprint,
            "ledger": intake.ledger.to_dict(),
            "customers": tally.customers,
            "versions": versions(),
        },
    )


@contextlib.contextmanager
def _bundle_of(config: Config, model: str | Bundle | None) -> Iterator[Bundle]:
    if isinstance(model, Bundle):
        yield model
    elif model is not None and ":/" in model:
        tracker = tracker_for(
            config.tracking.backend, experiment=config.tracking.experiment, folder=Path(config.output.dir).absolute()
        )
        with tempfile.TemporaryDirectory() as folder:
            yield Bundle.load(tracker.fetch(model, Path(folder)))
    else:
        yield Bundle.load(Path(model) if model is not None else Path(config.output.dir) / "bundle")


def _warn_of_age(bundle: Bundle, intake: Intake, max_age: int) -> None:
    age = intake.window.cutoff_day - bundle.window.cutoff_day
    if age > max_age:
        warnings.warn(
            DataWarning(
                f"the bundle was fitted {age} days before the cutoff of these scores; expected at most {max_age} "
                "(max_age). Fit again?"
            ),
            stacklevel=3,
        )


def _withheld(tally: Tally) -> list[str]:
    return [f"{status} ({count:,} customers)" for status, count in sorted(tally.statuses.items()) if status != "ok"]

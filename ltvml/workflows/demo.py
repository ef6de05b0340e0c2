"""Demo: fit, track and score the real shop that is shipped inside the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.config import load_config
from ltvml.datasets import demo_config, online_retail, online_retail_products
from ltvml.words.display import Shown
from ltvml.words.text import fields, times
from ltvml.workflows.fit import fit
from ltvml.workflows.score import score

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.config import Config
    from ltvml.config.sections import TrackingBackend
    from ltvml.progress import Progress
    from ltvml.reports.fit import FitReport
    from ltvml.reports.recording import Recorded
    from ltvml.reports.score import ScoreReport


@dataclass(frozen=True, repr=False)
class DemoReport(Shown):
    """A fit and a score of the demo shop."""

    fit: FitReport
    score: ScoreReport

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"fit": self.fit.to_dict(), "score": self.score.to_dict()}

    def text(self) -> str:
        """In words, within 80 columns."""
        seconds = {"fit": sum(self.fit.seconds.values()), "score": sum(self.score.seconds.values())}
        scored = fields([*self.score.findings(), *self.score.places()])
        written = fields([*self.fit.places(), *self.fit.recorded.lines(), ("took", times(seconds))])
        return "\n\n".join(
            [
                "Online Retail II, a British gift shop, fitted and scored.",
                str(self.fit.intake.ledger),
                fields(self.fit.findings()),
                "The twenty customers most worth contacting (a message can still tip them):",
                self.score.shortlist_text(),
                scored,
                written,
            ]
        )

    @property
    def recorded(self) -> Recorded:
        """Where the fit was recorded, or why one of the two was not."""
        return self.score.recorded if self.score.recorded.error is not None else self.fit.recorded


def demo(*, out: Path | str, tracking: TrackingBackend, progress: Progress | None = None) -> DemoReport:
    """Fit and score the shop shipped with the package.

    Parameters
    ----------
    out : Path
        Folder for everything it writes.
    tracking : {"mlflow", "local", "none"}
    progress : callable, optional
    """
    config = shop_config(out, tracking)
    fitted = fit(config, progress=progress)
    return DemoReport(fitted, score(config, progress=progress))


def shop_config(out: Path | str, tracking: TrackingBackend) -> Config:
    """The configuration of the demo shop, with the place of its orders and of the results."""
    shipped = load_config(demo_config())
    return shipped.model_copy(
        update={
            "transactions": shipped.transactions.model_copy(update={"source": str(online_retail())}),
            "products": shipped.products.model_copy(update={"source": str(online_retail_products())}),
            "output": shipped.output.model_copy(update={"dir": str(out)}),
            "tracking": shipped.tracking.model_copy(update={"backend": tracking}),
        }
    )

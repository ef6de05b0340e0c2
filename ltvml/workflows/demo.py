"""Demo: fit, track and score the real shop that is shipped inside the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.config import load_config
from ltvml.datasets import demo_config, online_retail
from ltvml.workflows.fit import FitReport, fit
from ltvml.workflows.score import ScoreReport, score
from ltvml.workflows.wording import fields

if TYPE_CHECKING:
    from ltvml.config.sections import TrackingBackend
    from ltvml.workflows.progress import Progress


@dataclass(frozen=True)
class DemoReport:
    """A fit and a score of the demo shop."""

    fit: FitReport
    score: ScoreReport

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"fit": self.fit.to_dict(), "score": self.score.to_dict()}

    def text(self) -> str:
        """In words, within 80 columns."""
        return "\n\n".join(
            [
                "Online Retail II, a British gift shop, fitted and scored.",
                self.fit.text(),
                f"The twenty customers most worth contacting (a message can still tip them):\n\n{self.score.shortlist_text()}",
                self.score.text(),
                fields([("plots", str(plot)) for plot in (*self.fit.plots, *self.score.plots)]),
            ]
        )

    @property
    def recorded(self) -> Any:
        """Where the fit was recorded."""
        return self.fit.recorded


def demo(*, out: Path | str, tracking: TrackingBackend, progress: Progress | None = None) -> DemoReport:
    """Fit and score the shop shipped with the package.

    Parameters
    ----------
    out : Path
        Folder for everything it writes.
    tracking : {"mlflow", "local", "none"}
    progress : callable, optional
    """
    overrides = [f"output.dir={Path(out)}", f"transactions.source={online_retail()}", f"tracking.backend={tracking}"]
    config = load_config(demo_config(), overrides)
    fitted = fit(config, progress=progress)
    return DemoReport(fitted, score(config, progress=progress))

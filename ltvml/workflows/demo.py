"""Demo: fit, score, plan and page for the real shop that is shipped inside the package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ltvml.config import load_config
from ltvml.datasets import demo_config, online_retail, online_retail_products
from ltvml.inputs.orders import orders_read_once
from ltvml.words.display import Shown
from ltvml.words.text import fields, paragraph, place, times
from ltvml.workflows.fit import fit
from ltvml.workflows.page import report
from ltvml.workflows.plan import plan_outreach
from ltvml.workflows.score import score

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.config import Config
    from ltvml.config.sections import TrackingBackend
    from ltvml.progress import Progress
    from ltvml.reports.fit import FitReport
    from ltvml.reports.page.report import PageReport
    from ltvml.reports.plan import OutreachReport
    from ltvml.reports.recording import Recorded
    from ltvml.reports.score import ScoreReport


@dataclass(frozen=True, repr=False)
class DemoReport(Shown):
    """A fit, the scores, the plan and the page of the demo shop."""

    fit: FitReport
    score: ScoreReport
    plan: OutreachReport
    page: PageReport

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {name: getattr(self, name).to_dict() for name in ("fit", "score", "plan", "page")}

    def text(self) -> str:
        """In words, within 80 columns; the contacts come last, and where to see all of it."""
        return "\n\n".join(
            [
                "Online Retail II, a British gift shop: fitted, scored, and the contacts planned.",
                str(self.fit.intake.ledger),
                fields(replace(self.fit, brief=True).findings()),
                fields(self.score.findings()),
                self._places(),
                fields(self.plan.findings()),
                self.plan.contacts_text(),
                paragraph(f"All of it on one page: {place(self.page.path)}"),
            ]
        )

    @property
    def recorded(self) -> Recorded:
        """Where the fit was recorded, or why one of the three was not."""
        failed = [job.recorded for job in (self.score, self.plan) if job.recorded.error is not None]
        return failed[0] if failed else self.fit.recorded

    def _places(self) -> str:
        """What was written, and how long it took."""
        seconds = {name: sum(getattr(self, name).seconds.values()) for name in ("fit", "score", "plan", "page")}
        places = [*self.fit.places(), *self.score.places(), *self.plan.places(), *self.fit.recorded.lines()]
        return fields([*places, ("took", times(seconds))])


def demo(*, out: Path | str, tracking: TrackingBackend, progress: Progress | None = None) -> DemoReport:
    """Fit, score, plan and draw the page for the shop shipped with the package.

    Parameters
    ----------
    out : Path
        Folder for everything it writes.
    tracking : {"mlflow", "local", "none"}
    progress : callable, optional
    """
    config = shop_config(out, tracking)
    with orders_read_once():
        fitted = fit(config, progress=progress)
        # the demo of a folder that an earlier one filled shows its own fit, promoted or not
        scored = score(config, model=fitted.bundle, progress=progress)
        planned = plan_outreach(config, model=fitted.bundle, progress=progress)
        return DemoReport(fitted, scored, planned, report(config, model=fitted.bundle, progress=progress))


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

"""What the backtest found about the models of a bundle: the selection, the errors of values, and the corrections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from ltvml.evaluation.calibration import Calibration
from ltvml.evaluation.date_intervals import DateWindow
from ltvml.evaluation.intervals import ValueIntervals
from ltvml.evaluation.promise import Promise
from ltvml.evaluation.selection import Selection
from ltvml.evaluation.tiers import Tier, said
from ltvml.models.season.season import Season

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE_NAMES = {"repurchase": "Churn model", "value": "Value model"}
NOT_BACKTESTED = "the models are set in the configuration, so no backtest was run"


@dataclass(frozen=True)
class TrackRecord:
    """Results of a backtest, as a bundle keeps them.

    Parameters
    ----------
    selections : tuple of Selection
        One for each role that was backtested.
    season : Season
    intervals : ValueIntervals, optional
        Around `predicted_ltv`, in its unit.
    without_intervals : str
        Why there are none; empty where there are.
    calibration : Calibration
        Of the probability of a purchase within the churn horizon.
    dates : DateWindow
        Which levels the window of the next purchase reads.
    coverage : str
        How often intervals covered the outcome in the backtest, in words.
    value_shape : str
        How the predicted values differ from those of the champion, in words; empty where they do not.
    date_choice : str
        Whose dates serve and why, in words; empty where there was nothing to choose.
    tiers : tuple of Tier
        What the top of the customers by predicted value brought later, at past cutoffs; none in old bundles.
    promises : tuple of Promise
        Measures of the served models at every past cutoff; none in old bundles and without a backtest.
    covered : float, optional
        Share of customers whose value lay in the 80 % interval in the backtest.
    """

    selections: tuple[Selection, ...] = ()
    season: Season = field(default_factory=lambda: Season.off("no season was estimated."))
    intervals: ValueIntervals | None = None
    without_intervals: str = NOT_BACKTESTED
    calibration: Calibration = field(default_factory=Calibration)
    dates: DateWindow = field(default_factory=DateWindow)
    coverage: str = ""
    value_shape: str = ""
    date_choice: str = ""
    tiers: tuple[Tier, ...] = ()
    promises: tuple[Promise, ...] = ()
    covered: float | None = None

    @property
    def withheld(self) -> dict[str, str]:
        """Score columns that the record cannot give, with the reason of each."""
        if self.intervals is not None:
            return {}
        return dict.fromkeys(("predicted_ltv_lo", "predicted_ltv_hi"), self.without_intervals)

    @property
    def words(self) -> list[str]:
        """What a reader should know, a sentence or two for each result."""
        given = [f"{ROLE_NAMES[selection.role]}: {selection.words}" for selection in self.selections]
        given += [words for words in (self.value_shape, self.season.words) if words]
        if self.calibration.method != "none":
            given.append(self.calibration.words)
        if self.tiers:
            given.append(said(self.tiers))
        if self.date_choice:
            given.append(self.date_choice)
        if self.dates.covered is not None:
            given.append(self.dates.words)
        return [*given, self.coverage] if self.coverage else given

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` can write exactly."""
        return {
            "elections": [selection.to_dict() for selection in self.selections],
            "season": self.season.to_dict(),
            "intervals": self.intervals.to_dict() if self.intervals else None,
            "without_intervals": self.without_intervals,
            "calibration": self.calibration.to_dict(),
            "dates": self.dates.to_dict(),
            "coverage": self.coverage,
            # a bundle of an earlier release, read and written again, keeps its bytes
            **{name: words for name in ("value_shape", "date_choice") if (words := getattr(self, name))},
            **({"tiers": [tier.to_dict() for tier in self.tiers]} if self.tiers else {}),
            **({"promises": [one.to_dict() for one in self.promises]} if self.promises else {}),
            **({"covered": self.covered} if self.covered is not None else {}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            selections=tuple(Selection.from_dict(selection) for selection in values["elections"]),
            season=Season.from_dict(values["season"]),
            intervals=ValueIntervals.from_dict(values["intervals"]) if values["intervals"] else None,
            without_intervals=values["without_intervals"],
            calibration=Calibration.from_dict(values["calibration"]),
            dates=DateWindow.from_dict(values["dates"]),
            coverage=values["coverage"],
            value_shape=values.get("value_shape", ""),
            date_choice=values.get("date_choice", ""),
            tiers=tuple(Tier.from_dict(tier) for tier in values.get("tiers", ())),
            promises=tuple(Promise.from_dict(one) for one in values.get("promises", ())),
            covered=values.get("covered"),
        )

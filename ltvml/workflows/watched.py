"""What a watch looks at: the bundle that serves, the purchases since, and the scores of a cutoff beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ltvml.errors import DataContractError
from ltvml.evaluation.data_drift import WEEKS_A_YEAR
from ltvml.evaluation.judged_scores import loss_against_promise
from ltvml.evaluation.level_watch import noise_of_weeks
from ltvml.evaluation.past_levels import PastLevels, past_levels
from ltvml.evaluation.promise import level_spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.bundle.bundle import Bundle
    from ltvml.evaluation.judged_scores import AgainstPromise
    from ltvml.evaluation.promise import Promise
    from ltvml.evaluation.purchase_record import PurchaseRecord
    from ltvml.outputs.past_scores import PastScores


@dataclass(frozen=True, eq=False)
class Watched:
    """What the signs were made from.

    Parameters
    ----------
    bundle : Bundle
    record : PurchaseRecord
        Of the sampled customers.
    today : int
        Day number of the cutoff.
    annual_rate : float
        Of discount.
    """

    bundle: Bundle
    record: PurchaseRecord
    today: int
    annual_rate: float

    @property
    def promises(self) -> tuple[Promise, ...]:
        """What past cutoffs showed of the bundle."""
        return self.bundle.record.promises

    @cached_property
    def noise(self) -> float:
        """Variance of weekly counts before the fit over that of independent customers."""
        weeks = self.record.repeats_by_week(self.bundle.fitted_window.cutoff_day, weeks=WEEKS_A_YEAR)
        return noise_of_weeks(weeks)

    @cached_property
    def usual(self) -> PastLevels:
        """How far the purchase model was off in each season of the year before the fit."""
        fitted = self.bundle.fitted_window.cutoff_day
        return past_levels(self.record, self.bundle.roles.purchase, fitted, noise=self.noise)

    @property
    def spread(self) -> float:
        """Usual error of the level, as a logarithm."""
        return level_spread(self.of_churn)

    def loss(self, one: PastScores, bought: Array, chance: Array) -> AgainstPromise:
        """Log-loss of scores whose horizon has ended, beside what was promised."""
        season, error = self.usual.over(one.cutoff_day, one.horizon)
        return loss_against_promise(bought, chance, self.of_churn, season=season, error=error)

    @property
    def of_churn(self) -> tuple[Promise, ...]:
        """The promises of churn."""
        return tuple(one for one in self.promises if one.role == "repurchase")


def rows_of(watched: Watched, one: PastScores) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """Scores of the sampled customers, their wait, and their later purchases.

    Raises
    ------
    DataContractError
        If hardly a customer is in the orders: they are of another shop.
    """
    rows = one.rows()
    known = rows["customer_id"].isin(watched.record.names)
    alike = min(one.customers, len(watched.record.names))
    if int(known.sum()) < alike / 2:
        raise DataContractError(
            f"{one.folder}: {int(known.sum()):,} of {one.customers:,} customers are in the orders; expected the scores "
            "of this shop.",
            hint="set output.dir to the folder of this shop.",
        )
    kept = rows[known].reset_index(drop=True)
    return (kept, *watched.record.after(kept["customer_id"], one.cutoff_day))


def spaced(found: Sequence[PastScores], days: int) -> list[PastScores]:
    """The first, and then each that is at least some days after the one before."""
    kept: list[PastScores] = []
    for one in found:
        if not kept or one.cutoff_day >= kept[-1].cutoff_day + days:
            kept.append(one)
    return kept

"""What the customers of a period did, beside those of the same season before the fit: new ones, gaps and order values.

One value a customer, since the orders of a customer are alike: the tests count customers. Gaps are those from the first
to the second order within a period's length, of customers who joined the period before: in a young shop the gaps of all
customers become longer by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltvml.evaluation.level_watch import noise_of_weeks
from ltvml.evaluation.stability import Drift, drift_of_count, drift_of_share, drift_of_values
from ltvml.window import WEEK

if TYPE_CHECKING:
    from ltvml.evaluation.purchase_record import PurchaseRecord

LOOK = 28
"""Days between two looks: periods that overlap more tell little that is new, and each look may be wrong."""
WEEKS_A_YEAR = 52
"""A year of whole weeks, so that days of the week stand side by side."""


@dataclass(frozen=True)
class Periods:
    """Two periods that are compared.

    Parameters
    ----------
    before, now : int
        Last days.
    days : int
        Length of each.
    """

    before: int
    now: int
    days: int

    @classmethod
    def of(cls, record: PurchaseRecord, *, fitted: int, today: int, days: int) -> Periods | None:
        """The periods of the last look: that before is the same season, and inside what the fit has seen.

        Parameters
        ----------
        record : PurchaseRecord
        fitted : int
            Cutoff of the fit, which looks are counted from.
        today : int
        days : int

        Returns
        -------
        Periods or None
            None before the first look. Where the orders do not go back to the same season, the last period that the
            fit has seen is the one before.
        """
        now = fitted + LOOK * ((today - fitted) // LOOK)
        if now <= fitted or not len(record.day):
            return None
        year = WEEK * WEEKS_A_YEAR
        back = now - year * -(-(now - fitted) // year)
        return cls(back if back - 2 * days >= int(record.day.min()) else fitted, now, days)


def purchase_drifts(record: PurchaseRecord, periods: Periods, *, fitted: int) -> list[Drift]:
    """Drift of new customers, order values and second orders, without verdicts.

    Parameters
    ----------
    record : PurchaseRecord
    periods : Periods
    fitted : int
        Cutoff of the fit: the noise of weekly counts is that of the year before it.
    """
    days, ends = periods.days, (periods.before, periods.now)
    noise = noise_of_weeks(record.new_by_week(fitted, weeks=WEEKS_A_YEAR))
    new = [record.new_customers(day, days=days) for day in ends]
    values = [record.order_values(day, days=days) for day in ends]
    (joined, gaps), (joined_now, gaps_now) = (record.second_orders(day, days=days) for day in ends)
    return [
        drift_of_count("n_new_customers", *new, noise=noise),
        drift_of_values("order_value", *values),
        drift_of_share("share_second_order", (len(gaps), joined), (len(gaps_now), joined_now)),
        drift_of_values("gap_to_second", gaps, gaps_now),
    ]

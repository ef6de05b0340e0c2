"""What a plan promised, beside what the holdout shows that its contacts brought.

With dp_i the change in P(buy) that the plan assumed for contact i, g_i the margin that it credited to a purchase, and
o_i the part of g_i that is the margin of that one order,

    claimed orders = sum dp_i        claimed value = sum dp_i g_i        claimed later = sum dp_i (g_i - o_i)

over the contacts that were sent, or over those planned where no log says so. The n planned customers of the arm were
measured by intention to treat, and what they brought more than the held out is

    measured orders = n (rate_t - rate_c)        measured value = margin n (spend_t - spend_c)

each with its interval. A customer who orders within the window counts as one order. Contacts that were not sent bring
nothing, so that both sides speak of those that were. What is claimed of the time after the window (a share of the
lifetime difference) is not seen here and is left out of the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.outreach.experiment.holdout import TREAT
from ltvml.outreach.priority import change_in_chance
from ltvml.words.sentence import Sentence, Share
from ltvml.words.text import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from ltvml.outreach.experiment.difference import Difference

UNKNOWN = (float("nan"), float("nan"))
LEVEL = 0.8
"""Of the intervals beside a claim."""
CLAIMED = ("effect", "value_gain", "order_margin", "order_factor")
"""Columns that a plan leaves for this comparison, beside `p_buy`."""


@dataclass(frozen=True)
class Claim:
    """A claim and its result; columns of `contracts.CLAIMS` after by and name.

    Parameters
    ----------
    contacts : int
        Planned, of the arm that was to be contacted.
    sent : float
        Those of them that the log has; NaN without a log, or where it has none of them.
    cost : float
        Of the contacts that count, in money; NaN where the plan does not say.
    claimed_orders, claimed_value, claimed_later : float
        As above; value in margin.
    measured_orders, measured_orders_lo, measured_orders_hi : float
    measured_value, measured_value_lo, measured_value_hi : float
        With their intervals at `LEVEL`; NaN where an arm is too small.
    """

    contacts: int
    sent: float
    cost: float
    claimed_orders: float
    claimed_value: float
    claimed_later: float
    measured_orders: float
    measured_orders_lo: float
    measured_orders_hi: float
    measured_value: float
    measured_value_lo: float
    measured_value_hi: float

    @property
    def compared_value(self) -> float:
        """Claimed value that falls into the window."""
        return self.claimed_value - self.claimed_later

    @property
    def ratio(self) -> float:
        """Claimed over measured value; NaN where no value was measured."""
        return self.compared_value / self.measured_value if self.measured_value > 0 else float("nan")

    @property
    def verdict(self) -> str:
        """Where the claim lies: `inside`, `above` or `below` the interval; `unknown` without one."""
        if np.isnan(self.measured_value_lo + self.measured_value_hi):
            return "unknown"
        if self.compared_value > self.measured_value_hi:
            return "above"
        return "below" if self.compared_value < self.measured_value_lo else "inside"

    @property
    def words(self) -> Iterator[Sentence]:
        """The comparison, a sentence a line."""
        planned = np.isnan(self.sent)
        contacts = self.contacts if planned else int(self.sent)
        sent = Sentence.of("claim.planned" if planned else "claim.sent", contacts=contacts)
        claimed = {"orders": number(self.claimed_orders), "value": number(self.compared_value)}
        yield Sentence.of("claim", **claimed, contacts=sent)
        orders, value = (
            number_in(*(getattr(self, f"measured_{what}{end}") for end in ("", "_lo", "_hi")))
            for what in ("orders", "value")
        )
        yield Sentence.of("claim.measured", orders=orders, value=value)
        yield self._ratio_in_words()
        if self.claimed_later:
            later = number(self.claimed_later)
            yield Sentence.of("claim.later", value=later, setting="outreach.lifetime_share")

    def _ratio_in_words(self) -> Sentence:
        if self.verdict == "unknown":
            return Sentence.of("claim.unknown")
        place = Sentence.of(f"claim.{self.verdict}", level=Share(LEVEL))
        if np.isnan(self.ratio):
            return Sentence.of("claim.is", place=place)
        return Sentence.of("claim.times", ratio=f"{self.ratio:.2g}", place=place)


def can_be_compared(rows: pd.DataFrame) -> bool:
    """Whether the plan left what its claim is made of."""
    return all(name in rows for name in ("p_buy", *CLAIMED))


def claim_of(rows: pd.DataFrame, orders: Difference, value: Difference, *, margin: float) -> Claim:
    """The claim of some rows of a plan beside its result.

    Parameters
    ----------
    rows : (n, ...) frame
        One row a customer and action: customer_id, group, p_buy, `CLAIMED`; cost and contacted (bool) where known.
    orders, value : Difference
        Of these customers, a customer, at `LEVEL`; value before the margin.
    margin : float
        Share of net revenue that is earned.

    Returns
    -------
    Claim
    """
    planned = rows[rows["group"].eq(TREAT)]
    made = planned[planned["contacted"]] if "contacted" in planned else planned
    # a log with none of these contacts says nothing of them
    known = "contacted" in planned and len(made) > 0
    count = made if known else planned
    chance, effect, gain = (count[name].to_numpy(dtype=float) for name in ("p_buy", "effect", "value_gain"))
    order = (count["order_margin"] * count["order_factor"]).to_numpy(dtype=float)
    more = change_in_chance(chance, effect)
    n, ends = planned["customer_id"].nunique(), [(one.lo, one.hi) if one.known else UNKNOWN for one in (orders, value)]
    return Claim(
        contacts=len(planned),
        sent=float(len(made)) if known else float("nan"),
        cost=float(count["cost"].sum()) if "cost" in count else float("nan"),
        claimed_orders=float(more.sum()),
        claimed_value=float((more * gain).sum()),
        claimed_later=float((more * (gain - order)).sum()),
        measured_orders=n * orders.difference,
        measured_orders_lo=n * ends[0][0],
        measured_orders_hi=n * ends[0][1],
        measured_value=margin * n * value.difference,
        measured_value_lo=margin * n * ends[1][0],
        measured_value_hi=margin * n * ends[1][1],
    )


def number_in(value: float, lo: float, hi: float) -> str | Sentence:
    """A number with its interval.

    Examples
    --------
    >>> str(number_in(120.0, 60.0, 180.0))
    '120 (80 % interval 60 to 180)'
    """
    if np.isnan(lo + hi):
        return number(value)
    ends = {"lo": number(lo), "hi": number(hi)}
    return Sentence.of("claim.interval", value=number(value), level=Share(LEVEL), **ends)

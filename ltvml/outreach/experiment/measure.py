"""What a campaign did: the arms of a plan compared by intention to treat, in figures and in words.

A customer counts in the arm that the hash gave. The difference in conversion and in value is given with its interval,
plain and adjusted for what was predicted before the launch, over all customers, by action and by stage. Everything the
estimators do is in `difference`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ltvml.contracts import CLAIMS
from ltvml.outreach.experiment.claims import LEVEL, Claim, can_be_compared, claim_of
from ltvml.outreach.experiment.difference import Difference, adjusted_difference, mean_difference, rate_difference
from ltvml.outreach.experiment.holdout import HOLDOUT, TREAT
from ltvml.outreach.experiment.power import HOLDOUT_SETTING, Arms
from ltvml.outreach.experiment.trial import delivered, first_choices, trial
from ltvml.words.sentence import Sentence, Share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltvml.outreach.experiment.trial import Campaign

Outcome = Literal["conversion", "value"]
OUTCOMES: tuple[Outcome, ...] = ("conversion", "value")
ALL = "all"
_COLUMN: dict[Outcome, str] = {"conversion": "bought", "value": "spend"}
# the covariate that explains most of each outcome comes first
_COVARIATES: dict[Outcome, tuple[str, ...]] = {
    "conversion": ("p_buy", "predicted_value"),
    "value": ("predicted_value", "p_buy"),
}
# one campaign in a thousand has arms that differ so by luck
_SUSPECT = 0.001
FEWEST_SPENDERS = 20
"""Below so many in an arm, rare large amounts make intervals of value cover less than they say."""


@dataclass(frozen=True)
class Delivery:
    """What became of a plan.

    Parameters
    ----------
    planned, happened : int
        Contacts to make, and those made.
    held_out, contaminated : int
        Customers held out, and those of them who were contacted.
    """

    planned: int
    happened: int
    held_out: int
    contaminated: int

    @property
    def share_happened(self) -> float:
        """Share of the planned contacts that happened; NaN where none was planned."""
        return self.happened / self.planned if self.planned else float("nan")


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a campaign did.

    Parameters
    ----------
    differences : frame
        One row a group and outcome: by (all, action or stage), name, outcome (conversion or value), estimate (plain or
        adjusted), covariate, n_treat, n_holdout, treat, holdout, difference, lo, hi. Rates are shares, values currency
        units a customer.
    delivery : frame
        One row a group: by, name, planned, happened, held_out, contaminated; no rows without a contacts log.
    rows : (n, ...) frame
        The rows compared, as `effects.learn` reads them.
    level : float
        Of the intervals.
    campaign : Campaign
    claims : dict of (by, name) to Claim
        What the plan claimed beside what came, over all and by action; empty where the plan does not say.
    """

    differences: pd.DataFrame
    delivery: pd.DataFrame
    rows: pd.DataFrame
    level: float
    campaign: Campaign
    claims: dict[tuple[str, str], Claim] = field(default_factory=dict)

    def headline(self, outcome: Outcome) -> Difference:
        """Difference over all customers, the one of `best_estimates`."""
        rows = best_estimates(self.differences)
        return _difference(rows[rows["by"].eq(ALL) & rows["outcome"].eq(outcome)].iloc[0])

    def claims_table(self) -> pd.DataFrame:
        """The claims as rows of `contracts.CLAIMS`."""
        rows = [
            {"by": by, "name": name, **asdict(one), "ratio": one.ratio, "verdict": one.verdict}
            for (by, name), one in self.claims.items()
        ]
        return pd.DataFrame(rows, columns=list(CLAIMS.names))

    @property
    def no_effect(self) -> bool:
        """Whether neither conversion nor value differs from none."""
        return not any(self.headline(outcome).seen for outcome in OUTCOMES)

    @property
    def arms(self) -> Arms:
        """Customers of each arm."""
        group = first_choices(self.rows)["group"]
        return Arms(int(group.eq(TREAT).sum()), int(group.eq(HOLDOUT).sum()), level=1 - self.level)

    @property
    def words(self) -> tuple[str, ...]:
        """The findings, a sentence a line."""
        if not self.arms.both:
            arms = {"contacts": self.arms.treat, "held_out": self.arms.holdout, "setting": HOLDOUT_SETTING}
            return (Sentence.of("measure.impossible", **arms),)
        return (*self._verdict(), *_arms_in_words(self.arms, self.campaign), *_delivery_in_words(self.delivery))

    @property
    def spenders(self) -> tuple[int, int]:
        """Customers with a value other than 0, of those planned for contact and of those held out."""
        customers = first_choices(self.rows)
        group = customers.loc[customers["spend"].ne(0), "group"]
        return int(group.eq(TREAT).sum()), int(group.eq(HOLDOUT).sum())

    def _verdict(self) -> Iterator[str]:
        if self.no_effect:
            yield Sentence.of("measure.no_effect")
        yield _rates_in_words(self.headline("conversion"), self.level)
        yield _values_in_words(self.headline("value"), self.level)
        if min(self.spenders) < FEWEST_SPENDERS:
            yield Sentence.of("measure.rough", buyers=min(self.spenders), expected=FEWEST_SPENDERS)
        if self.no_effect:
            yield from _missed_in_words(self)
        if self.claims:
            yield from self.claims[ALL, ALL].words


def measure(
    plan: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    campaign: Campaign,
    contacts: pd.DataFrame | None = None,
    level: float = 0.95,
    margin: float = 1.0,
) -> Measurement:
    """Compare the arms of a plan.

    Parameters
    ----------
    plan : frame
        Columns of `contracts.OUTREACH`, held-out rows included.
    outcomes : frame
        As in `trial.trial`: customer_id, bought, spend; optional predicted_value and p_buy (covariates, known before
        the launch), stage, cost and `claims.CLAIMED` (what the plan claimed).
    campaign : Campaign
        Days and name by which contacts are found in the log.
    contacts : frame, optional
        As in `trial.delivered`.
    level : float
        Of the intervals.
    margin : float
        Share of net revenue that is earned; claims are in margin.

    Returns
    -------
    Measurement

    Raises
    ------
    DataContractError
        As in `trial.trial` and `trial.delivered`.

    Examples
    --------
    >>> from ltvml.outreach.experiment.trial import Campaign
    >>> n = np.arange(2000)
    >>> plan = pd.DataFrame({"customer_id": n.astype(str), "action": "win_back", "rank": n, "suppressed_by": None,
    ...     "group": np.where(n % 2, "treat", "holdout")})
    >>> bought = n % 20 < 4
    >>> outcomes = pd.DataFrame({"customer_id": n.astype(str), "bought": bought, "spend": 8.0 * bought})
    >>> print(measure(plan, outcomes, campaign=Campaign(0, 27)).words[0])
    No statistically significant effect of this campaign, neither on conversion nor on value.
    """
    rows = trial(plan, outcomes)
    differences = pd.DataFrame([row for by, name, part in _parts(rows) for row in _compared(by, name, part, level)])
    delivery = pd.DataFrame(columns=["by", "name", "planned", "happened", "held_out", "contaminated"])
    known = rows
    if contacts is not None:
        known = rows.assign(contacted=delivered(rows, contacts, campaign))
        delivery = pd.DataFrame(
            [{"by": by, "name": name, **asdict(delivery_of(part))} for by, name, part in _parts(known)]
        )
    return Measurement(differences, delivery, rows, level, campaign, _claims(known, margin))


def delivery_of(rows: pd.DataFrame) -> Delivery:
    """Count who was contacted.

    Parameters
    ----------
    rows : (n, ...) frame
        Columns customer_id, group and contacted, one row a customer and action.
    """
    treated, contacted = rows["group"].eq(TREAT), rows["contacted"]
    happened = int((treated & contacted).sum())
    held_out, contaminated = (int(rows.loc[kept, "customer_id"].nunique()) for kept in (~treated, ~treated & contacted))
    return Delivery(int(treated.sum()), happened, held_out, contaminated)


def sample_ratio_p_value(arms: Arms, share: float) -> float:
    """Probability of arms at least as uneven, if the hash held out this share of the compared customers.

    Parameters
    ----------
    arms : Arms
    share : float
        Meant to be held out, in [0, 1].

    References
    ----------
    Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments", KDD.

    Examples
    --------
    >>> sample_ratio_p_value(Arms(9000, 1000), share=0.1)
    1.0
    """
    # scipy.stats takes half a second to load, which a night does not use
    from scipy.stats import binomtest

    return float(binomtest(arms.holdout, arms.treat + arms.holdout, share).pvalue)


def _parts(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """All rows, those of each action, those of each stage: by what, its name, the rows."""
    yield ALL, ALL, rows
    for by in ("action", "stage"):
        if by in rows:
            for name, part in rows.groupby(by, sort=True):
                yield by, str(name), part


def _compared(by: str, name: str, part: pd.DataFrame, level: float) -> Iterator[dict[str, object]]:
    customers = first_choices(part)
    treat, holdout = customers[customers["group"].eq(TREAT)], customers[customers["group"].eq(HOLDOUT)]
    start: dict[str, object] = {"by": by, "name": name, "n_treat": len(treat), "n_holdout": len(holdout)}
    for outcome in OUTCOMES:
        plain = _plain(outcome, treat, holdout, level)
        yield start | {"outcome": outcome, "estimate": "plain", "covariate": None} | asdict(plain)
        covariate = next((column for column in _COVARIATES[outcome] if column in part), None)
        if covariate is not None:
            adjusted = _adjusted(_COLUMN[outcome], covariate, treat, holdout, level)
            yield start | {"outcome": outcome, "estimate": "adjusted", "covariate": covariate} | asdict(adjusted)


def best_estimates(differences: pd.DataFrame) -> pd.DataFrame:
    """Of each group and outcome the one estimate that counts: adjusted where it can be, plain elsewhere.

    Parameters
    ----------
    differences : frame
        As in `Measurement`.
    """
    # where an arm has no spread left around its line, only the plain interval shows the uncertainty
    usable = differences[differences["estimate"].eq("plain") | differences["lo"].ne(differences["hi"])]
    return usable.drop_duplicates(["by", "name", "outcome"], keep="last")


def _difference(row: pd.Series) -> Difference:
    return Difference(*(float(row[name]) for name in ("treat", "holdout", "difference", "lo", "hi")))


def _claims(rows: pd.DataFrame, margin: float) -> dict[tuple[str, str], Claim]:
    """Claim and result over all and by action; none where the plan left no claim, or an arm is empty."""
    if not can_be_compared(rows) or rows["group"].nunique() < len((TREAT, HOLDOUT)):
        return {}
    found = {}
    for by, name, part in _parts(rows):
        if by in (ALL, "action"):
            best = best_estimates(pd.DataFrame(_compared(by, name, part, LEVEL)))
            orders, value = (_difference(best[best["outcome"].eq(outcome)].iloc[0]) for outcome in OUTCOMES)
            found[by, name] = claim_of(part, orders, value, margin=margin)
    return found


def _plain(outcome: Outcome, treat: pd.DataFrame, holdout: pd.DataFrame, level: float) -> Difference:
    y_t, y_c = treat[_COLUMN[outcome]].to_numpy(), holdout[_COLUMN[outcome]].to_numpy()
    return (rate_difference if outcome == "conversion" else mean_difference)(y_t, y_c, level=level)


def _adjusted(column: str, covariate: str, treat: pd.DataFrame, holdout: pd.DataFrame, level: float) -> Difference:
    y_t, y_c, x_t, x_c = (part[name].to_numpy(dtype=float) for name in (column, covariate) for part in (treat, holdout))
    return adjusted_difference(y_t, y_c, x_treat=x_t, x_holdout=x_c, level=level)


def _rates_in_words(found: Difference, level: float) -> Sentence:
    points = [f"{100 * value:+.2f}" for value in (found.difference, found.lo, found.hi)]
    difference = Sentence.of("measure.points", points=points[0])
    arms = {"treat": Share(found.treat, 1), "holdout": Share(found.holdout, 1)}
    return Sentence.of("measure.conversion", **arms, found=_interval_in_words(found, difference, points, level))


def _values_in_words(found: Difference, level: float) -> Sentence:
    money = [f"{value:+,.2f}" for value in (found.difference, found.lo, found.hi)]
    arms = {"treat": f"{found.treat:,.2f}", "holdout": f"{found.holdout:,.2f}"}
    return Sentence.of("measure.value", **arms, found=_interval_in_words(found, money[0], money, level))


def _interval_in_words(found: Difference, difference: str, shown: list[str], level: float) -> Sentence:
    """A difference with its interval, whose ends are the second and third of `shown`, and the verdict."""
    if not found.known:
        return Sentence.of("measure.no_interval", difference=difference)
    significant = "significant" if found.difference > 0 else "loss"
    verdict = Sentence.of(f"measure.{significant if found.seen else 'not_significant'}")
    ends = {"level": Share(level), "lo": shown[1], "hi": shown[2]}
    return Sentence.of("measure.interval", difference=difference, **ends, verdict=verdict)


def _missed_in_words(found: Measurement) -> Iterator[str]:
    """Smallest effects that the campaign could detect, so that no finding is not read as no effect."""
    arms = found.arms
    widths = (found.headline(outcome) for outcome in OUTCOMES)
    rate, value = (arms.standard_errors_needed * (width.hi - width.lo) / (2 * arms.critical) for width in widths)
    if not np.isnan(rate + value):
        smallest = {"points": f"{100 * rate:.1f}", "value": f"{value:,.2f}"}
        yield Sentence.of("measure.missed", power=Share(arms.power), **smallest)


def _arms_in_words(arms: Arms, campaign: Campaign) -> Iterator[str]:
    yield Sentence.of("measure.arms", contacts=arms.treat, held_out=arms.holdout)
    share = campaign.share_held_out
    if share is not None and sample_ratio_p_value(arms, share) < _SUSPECT:
        found = arms.holdout / (arms.treat + arms.holdout)
        yield Sentence.of("measure.mismatch", found=Share(found, 1), expected=Share(share, 1))


def _delivery_in_words(delivery: pd.DataFrame) -> Iterator[str]:
    if delivery.empty:
        return
    found = Delivery(*(int(delivery.iloc[0][name]) for name in ("planned", "happened", "held_out", "contaminated")))
    share = Share(found.share_happened, 1)
    yield Sentence.of("measure.made", made=found.happened, planned=found.planned, share=share)
    if found.contaminated:
        yield Sentence.of("measure.contaminated", contacted=found.contaminated, held_out=found.held_out)

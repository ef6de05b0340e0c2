"""Smallest effects that a campaign can detect, before it is launched.

Two arms of n_t treated and n_c held-out customers, a two-sided test at level a, and a difference d whose standard error
is SE. By the normal approximation

    power(d) = Phi(|d| / SE - z) + Phi(-|d| / SE - z),        z = Phi^-1(1 - a / 2)
    SE^2     = (1 - rho^2) (var_t / n_t + var_c / n_c)

var is p (1 - p) of each arm's own rate for a conversion, and the same sd^2 in both arms for a value; rho is the
correlation of the outcome with a covariate known before the launch, which the adjusted estimate takes out. The minimum
detectable effect is the d > 0 of a wanted power.

References
----------
Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd edition, chapter 4 (unpooled variance);
Deng, Xu, Kohavi & Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data", WSDM, equation 4 (the factor 1 - rho^2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from ltvml.words.sentence import Sentence, Share

LEVEL = 0.05
POWER = 0.8
HOLDOUT_SETTING = "outreach.holdout"


@dataclass(frozen=True)
class Arms:
    """How many customers, and how sharp the test.

    Parameters
    ----------
    treat, holdout : int
        Customers of each arm, at least 1.
    rho : float
        Correlation of the outcome with the covariate, in (-1, 1); 0 where there is none.
    level : float
        a, the chance of finding a difference where there is none.
    power : float
        Wanted chance of finding the minimum detectable effect.

    Examples
    --------
    >>> Arms.of(5000, share=0.1)
    Arms(treat=4500, holdout=500, rho=0.0, level=0.05, power=0.8)
    """

    treat: int
    holdout: int
    rho: float = 0.0
    level: float = LEVEL
    power: float = POWER

    @classmethod
    def of(cls, n: int, *, share: float, rho: float = 0.0, level: float = LEVEL, power: float = POWER) -> Arms:
        """Split n customers, of whom `share` are held out."""
        holdout = round(n * share)
        return cls(n - holdout, holdout, rho, level, power)

    @property
    def both(self) -> bool:
        """Whether there is anybody in each arm."""
        return self.treat > 0 and self.holdout > 0

    @property
    def critical(self) -> float:
        """z, the difference in standard errors from which the test finds it."""
        return float(-ndtri(self.level / 2))

    @property
    def standard_errors_needed(self) -> float:
        """Standard errors that the minimum detectable effect has, z + Phi^-1(power); the far tail is left out."""
        return self.critical + float(ndtri(self.power))

    def standard_error(self, variance_treat: float, variance_holdout: float) -> float:
        """SE of the difference, for the variance of one customer in each arm."""
        kept = 1 - self.rho**2
        return math.sqrt(kept * (variance_treat / self.treat + variance_holdout / self.holdout))

    def power_at(self, difference: float, error: float) -> float:
        """Chance of finding a difference whose standard error is `error`."""
        distance = abs(difference) / error
        return float(ndtr(distance - self.critical) + ndtr(-distance - self.critical))


def power_of_conversion(difference: float, arms: Arms, *, rate: float) -> float:
    """Chance that the test finds a difference in conversion.

    Parameters
    ----------
    difference : float
        Rate of the treated less that of the held out; `rate` + `difference` lies in [0, 1].
    arms : Arms
    rate : float
        Of the held out, in (0, 1).

    Examples
    --------
    >>> round(power_of_conversion(0.1, Arms(291, 291), rate=0.2), 3)
    0.801
    """
    return arms.power_at(difference, _conversion_error(difference, arms, rate))


def detectable_conversion(arms: Arms, *, rate: float) -> float:
    """Minimum detectable rise of a conversion rate.

    Parameters
    ----------
    arms : Arms
    rate : float
        Of the held out, in (0, 1).

    Returns
    -------
    float
        As a difference of rates; NaN where even a rise to certainty would not be found, or an arm is empty.

    Examples
    --------
    >>> round(detectable_conversion(Arms(4500, 500), rate=0.08), 3)
    0.037
    """
    if not arms.both or not 0 < rate < 1:
        return math.nan

    def missing(difference: float) -> float:
        return difference - arms.standard_errors_needed * _conversion_error(difference, arms, rate)

    most = 1 - rate
    return float(brentq(missing, 0.0, most)) if missing(most) > 0 else math.nan


def power_of_value(difference: float, arms: Arms, *, sd: float) -> float:
    """Chance that the test finds a difference in value per customer.

    Parameters
    ----------
    difference : float
        In currency units a customer.
    arms : Arms
    sd : float
        Standard deviation of a customer's value, in currency units.

    Examples
    --------
    >>> round(power_of_value(0.5, Arms(64, 64), sd=1.0), 2)
    0.81
    """
    return arms.power_at(difference, arms.standard_error(sd**2, sd**2))


def detectable_value(arms: Arms, *, sd: float) -> float:
    """Minimum detectable difference in value per customer, in currency units; NaN where an arm is empty.

    Parameters
    ----------
    arms : Arms
    sd : float
        Standard deviation of a customer's value, in currency units.

    Examples
    --------
    >>> round(detectable_value(Arms(4500, 500), sd=30.0), 2)
    3.96
    """
    return arms.standard_errors_needed * arms.standard_error(sd**2, sd**2) if arms.both else math.nan


@dataclass(frozen=True)
class Launch:
    """Power and smallest detectable effects of a campaign.

    Parameters
    ----------
    conversion, value : Arms
        The same customers; the correlation with the covariate differs between the outcomes.
    rate : float
        Conversion expected without contact, in (0, 1).
    sd : float
        Standard deviation of a customer's value, in currency units.
    effect : float or None
        Assumed shift on the logit of the conversion, where one is.
    """

    conversion: Arms
    value: Arms
    rate: float
    sd: float
    effect: float | None = None

    @property
    def detectable_conversion(self) -> float:
        """Minimum detectable rise of the rate."""
        return detectable_conversion(self.conversion, rate=self.rate)

    @property
    def detectable_value(self) -> float:
        """Minimum detectable difference in value per customer, in currency units."""
        return detectable_value(self.value, sd=self.sd)

    @property
    def power_of_effect(self) -> float:
        """Chance that the assumed effect, if it is true, is found; NaN without one or with an empty arm."""
        if self.effect is None or not self.conversion.both or not 0 < self.rate < 1:
            return math.nan
        return power_of_conversion(self.assumed_difference(), self.conversion, rate=self.rate)

    def assumed_difference(self) -> float:
        """The assumed effect as a difference of rates: expit(logit p + effect) - p."""
        return float(expit(logit(self.rate) + (self.effect or 0.0))) - self.rate

    @property
    def words(self) -> tuple[Sentence, ...]:
        """For the report before the launch, a sentence a line."""
        arms = self.conversion
        if not arms.both:
            given = {"contacts": arms.treat, "held_out": arms.holdout, "setting": HOLDOUT_SETTING}
            return (Sentence.of("launch.not_measurable", **given),)
        value = {"power": Share(self.value.power), "value": f"{self.detectable_value:,.2f}"}
        return (
            Sentence.of("launch.arms", contacts=arms.treat, held_out=arms.holdout),
            self._conversion_in_words(),
            Sentence.of("launch.value", **value),
            *self._effect_in_words(),
        )

    def _conversion_in_words(self) -> Sentence:
        rate, rise = self.rate, self.detectable_conversion
        if math.isnan(rise):
            return Sentence.of("launch.no_rise", rate=Share(rate, 1))
        return Sentence.of(
            "launch.rise",
            power=Share(self.conversion.power),
            points=f"{100 * rise:.1f}",
            rate=Share(rate, 1),
            raised=Share(rate + rise, 1),
        )

    def _effect_in_words(self) -> tuple[Sentence, ...]:
        if math.isnan(self.power_of_effect):
            return ()
        given = {"points": f"{100 * self.assumed_difference():+.1f}", "power": Share(self.power_of_effect)}
        few = self.power_of_effect < self.conversion.power and self.conversion.holdout < self.conversion.treat
        advice = (Sentence.of("launch.more", setting=HOLDOUT_SETTING),) if few else ()
        return (Sentence.of("launch.effect", **given), *advice)


def before_launch(
    n: int,
    *,
    share: float,
    rate: float,
    sd: float,
    rho_conversion: float = 0.0,
    rho_value: float = 0.0,
    effect: float | None = None,
) -> Launch:
    """Power and minimum detectable effects of a campaign on n customers.

    Parameters
    ----------
    n : int
        Customers that the plan would contact, those held out included.
    share : float
        Held out, in [0, 1]; see `holdout.share_held_out`.
    rate : float
        Conversion expected without contact, such as the mean of P(buy) in the action's window.
    sd : float
        Standard deviation of a customer's value in that window, in currency units.
    rho_conversion, rho_value : float
        Correlation of each outcome with its prediction, from a backtest; 0 claims nothing.
    effect : float, optional
        Assumed shift on the logit of the conversion.

    Returns
    -------
    Launch

    Examples
    --------
    >>> print(before_launch(5000, share=0.1, rate=0.08, sd=30.0, effect=0.15).words[1])
    Smallest detectable rise in conversion (80 % power): 3.7 points, from 8.0 % to 11.7 %.
    """
    arms = Arms.of(n, share=share, rho=rho_conversion)
    return Launch(arms, Arms.of(n, share=share, rho=rho_value), rate, sd, effect)


def _conversion_error(difference: float, arms: Arms, rate: float) -> float:
    treated = rate + difference
    return arms.standard_error(treated * (1 - treated), rate * (1 - rate))

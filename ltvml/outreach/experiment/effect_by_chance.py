"""A measured effect that differs with the chance to buy anyway: who is moved, who is not, and who is put off.

The customers of a campaign are cut into groups of equal size by P(buy) without contact. Each group has its measured
shift on the logit, shrunk towards none by the spread that the groups show together (`effects`), and the
effect at a chance p is read off the line through the groups' mean chances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import chdtrc

from ltvml.models.logit import log_odds
from ltvml.outreach.experiment.effects import Shift, measured_shift, shrunk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Array


GROUPS = 10


@dataclass(frozen=True)
class EffectByChance:
    """Effect of one action along the chance to buy anyway.

    Parameters
    ----------
    chances : tuple of float
        Mean P(buy) without contact of each group that was measured, ascending.
    shifts, standard_errors : tuple of float
        Shrunk shift on the logit of each, and what is left of its error.
    """

    chances: tuple[float, ...]
    shifts: tuple[float, ...]
    standard_errors: tuple[float, ...]

    def at(self, p_buy: Array) -> Array:
        """Shift at each chance; the outermost groups hold beyond their means."""
        return np.asarray(np.interp(p_buy, self.chances, self.shifts))

    def to_dict(self) -> dict[str, Any]:
        """As plain values that `json` writes exactly."""
        names = ("chances", "shifts", "standard_errors")
        return {name: list(getattr(self, name)) for name in names}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(*(tuple(values[name]) for name in ("chances", "shifts", "standard_errors")))


def learn_by_chance(
    p_buy: Array, *, treated: NDArray[np.bool_], bought: NDArray[np.bool_], groups: int = GROUPS
) -> EffectByChance | None:
    """Effect of an action by groups of the chance to buy.

    Parameters
    ----------
    p_buy : (n,) array
        P(buy) within the window without contact, as predicted before the campaign.
    treated, bought : (n,) arrays of bool
        Contacted or held out at random; bought within the window or not.
    groups : int

    Returns
    -------
    EffectByChance or None
        None where no group has enough customers and purchases in both arms.

    Examples
    --------
    >>> p = np.repeat([0.2, 0.4], 2000)
    >>> turn = np.arange(4000)
    >>> treated = turn % 2 == 0
    >>> found = learn_by_chance(p, treated=treated, bought=(turn // 2 % 10) < 10 * p + 2 * treated, groups=2)
    >>> bool((found.at(p) > 0).all())
    True
    """
    members = _members(p_buy, groups)
    found = shrunk(_raw(p_buy, members, treated, bought)).effects
    if not found:
        return None
    chances = tuple(float(p_buy[members[effect.action]].mean()) for effect in found)
    return EffectByChance(
        chances, tuple(effect.shift for effect in found), tuple(effect.standard_error for effect in found)
    )


def differs_with_chance(
    p_buy: Array, *, treated: NDArray[np.bool_], bought: NDArray[np.bool_], groups: int = GROUPS, level: float = 0.05
) -> bool:
    """Whether the groups show different effects: Cochran's Q, and all of them measured.

    With d_g and s_g the shift of a group and its error, and d their mean weighted by 1 / s_g^2,
    Q = sum (d_g - d)^2 / s_g^2 is chi-squared with one degree of freedom less than groups where all effects are equal.
    Where it is False, one shift for all customers is the better measurement: its error is that of all customers.

    Parameters
    ----------
    p_buy, treated, bought, groups
        As in `learn_by_chance`.
    level : float
        Share of equal effects that are reported as different (size of the test).

    References
    ----------
    Cochran (1954), "The combination of estimates from different experiments", Biometrics 10.
    """
    found = _raw(p_buy, _members(p_buy, groups), treated, bought).values()
    if len(found) == 1 or not all(shift.measured for shift in found):
        return False
    d, weight = np.array([one.shift for one in found]), np.array([one.standard_error**-2.0 for one in found])
    q = float(weight @ (d - weight @ d / weight.sum()) ** 2)
    return bool(chdtrc(len(d) - 1, q) < level)


def _members(p_buy: Array, groups: int) -> dict[str, NDArray[np.bool_]]:
    group = _groups(p_buy, groups)
    return {f"{one:03d}": group == one for one in np.unique(group)}


def _raw(
    p_buy: Array,
    members: Mapping[str, NDArray[np.bool_]],
    treated: NDArray[np.bool_],
    bought: NDArray[np.bool_],
) -> dict[str, Shift]:
    """Shift of each group as the campaign showed it."""
    odds, answer = log_odds(p_buy), bought.astype("float64")
    return {
        name: measured_shift(answer, odds, treated=treated & inside, held_out=~treated & inside)
        for name, inside in members.items()
    }


def _groups(p_buy: Array, groups: int) -> NDArray[np.intp]:
    """Group of each customer, of equal size; equal chances stay together."""
    edges = np.quantile(p_buy, np.arange(1, groups) / groups)
    return np.searchsorted(edges, p_buy, side="left")

"""Whether a challenger is worse than the champion: a paired, one-sided test on the same customers and past windows.

With the measure m of each model over the same customers (log-loss of a purchase in the window, or normalised Gini of
what was spent), the advantage d is what the challenger saves or gains, averaged over the windows, and se its standard
error by the influence of each customer, one who is seen in several windows counted once (`influence`). Under models
that are equally good d / se is standard normal, and

    p = Phi(d / se)

is the chance of an advantage so low. The challenger is worse where p < 5 %; where few customers make the test weak, it
is worse too where it lost more than .02 of log-loss or .05 of Gini, however large the standard error. Its values may
moreover be off the total by no more than .1 in |ln(predicted / actual)| beyond those of the champion. Of two equal
models one test refuses the challenger in 5 % of cases, two at most in 10 %: the error that keeps what serves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from ltvml.evaluation import influence
from ltvml.evaluation.selection import LEVEL_SLACK, can_measure, deciders, level_error, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltvml.evaluation.selection import Fold, Role

CHAMPION, CHALLENGER = "champion", "challenger"
SIGNIFICANT = 0.05
ONE_SIDED = 1.6449
"""The 95 % point of the standard normal distribution."""
TOLERATED = {"repurchase": 0.02, "value": 0.05}
"""Loss of the measure beyond which no standard error excuses a challenger."""
MEASURES = {"repurchase": "log-loss", "value": "normalised Gini"}


@dataclass(frozen=True)
class Succession:
    """A challenger beside the champion in one role.

    Parameters
    ----------
    role : {"repurchase", "value"}
    windows, customers : int
        Past windows, and customers seen in them, each once.
    champion, challenger : float
        Log-loss or normalised Gini, mean of the windows.
    advantage, standard_error : float
        What the challenger saves (log-loss) or gains (Gini).
    p : float
        Chance of so low an advantage, were both equally good.
    level_champion, level_challenger : float
        |ln(predicted total / actual total)|, mean of the windows.
    """

    role: str
    windows: int
    customers: int
    champion: float
    challenger: float
    advantage: float
    standard_error: float
    p: float
    level_champion: float
    level_challenger: float

    @property
    def off_level(self) -> bool:
        """Whether the challenger's total is much further off."""
        return self.role == "value" and not self.level_challenger <= self.level_champion + LEVEL_SLACK

    @property
    def worse(self) -> bool:
        """Whether the challenger is worse; what is not a number counts as worse."""
        return not self.p >= SIGNIFICANT or self.lost_too_much or self.off_level

    @property
    def lost_too_much(self) -> bool:
        """Whether the loss is beyond what a weak test may excuse."""
        return not self.advantage >= -TOLERATED[self.role]

    def to_dict(self) -> dict[str, Any]:
        """As plain values; what is no finite number is null."""
        plain = {key: _finite(value) for key, value in asdict(self).items()}
        return plain | {"measure": MEASURES[self.role], "worse": self.worse}

    @property
    def words(self) -> str:
        """What was found, in two sentences."""
        name, kind = MEASURES[self.role], "Churn" if self.role == "repurchase" else "Value"
        better = f"{abs(self.advantage):.4f} {'better' if self.advantage >= 0 else 'worse'}"
        windows = f"{self.windows} past window{'s' if self.windows > 1 else ''}"
        found = (
            f"{kind}: {name} {self.challenger:.4f} (challenger) against {self.champion:.4f} (champion) over {windows} "
            f"and {self.customers:,} customers, {better} with a standard error of {self.standard_error:.4f}."
        )
        smallest = ONE_SIDED * self.standard_error
        if not self.p >= SIGNIFICANT:
            return f"{found} The challenger is worse (one-sided p = {self.p:.3f})."
        if self.lost_too_much:
            return (
                f"{found} The customers are too few for a test (one-sided p = {self.p:.2f}), and a loss above "
                f"{TOLERATED[self.role]} counts as worse."
            )
        if self.off_level:
            return (
                f"{found} Its total is off by {_percent(self.level_challenger)}, that of the champion by "
                f"{_percent(self.level_champion)}: the challenger is worse."
            )
        return f"{found} It is not worse (one-sided p = {self.p:.2f}); a loss above {smallest:.4f} would be found."


def succession(folds: Sequence[Fold], role: Role) -> Succession | None:
    """Compare `challenger` with `champion`, two predictions of the same folds; None where no window tells them apart.

    Parameters
    ----------
    folds : sequence of Fold
        With predictions of both.
    role : {"repurchase", "value"}
    """
    counted = [fold for fold in folds if can_measure(fold, role)]
    if not counted:
        return None
    sign = 1.0 if role == "value" else -1.0
    found = {name: [measured(fold, role, name) for fold in counted] for name in (CHAMPION, CHALLENGER)}
    gaps = [influence.difference(new, old) for new, old in zip(found[CHALLENGER], found[CHAMPION], strict=True)]
    gained, error = influence.mean_over_cutoffs(deciders(counted), gaps)
    advantage = sign * gained
    return Succession(
        role=role,
        windows=len(counted),
        customers=len(np.unique(np.concatenate(deciders(counted)))),
        champion=float(np.mean([one.value for one in found[CHAMPION]])),
        challenger=float(np.mean([one.value for one in found[CHALLENGER]])),
        advantage=advantage,
        standard_error=error,
        p=chance_of_so_low(advantage, error),
        level_champion=level_error(counted, role, CHAMPION),
        level_challenger=level_error(counted, role, CHALLENGER),
    )


def chance_of_so_low(advantage: float, standard_error: float) -> float:
    """Phi(advantage / standard error); 1 for two models that say the same.

    Examples
    --------
    >>> round(chance_of_so_low(-1.6449, 1.0), 4), chance_of_so_low(0.0, 0.0)
    (0.05, 1.0)
    """
    if standard_error == 0:
        return 1.0 if advantage >= 0 else 0.0
    return float(ndtr(advantage / standard_error))


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _percent(level: float) -> str:
    return f"{np.expm1(level) * 100:.0f} %" if np.isfinite(level) else "an unknown factor"

"""What a score is made of: trees, a function of the customer summary, or a combination of such parts.

Every part does two things. It shares its value out among columns, exactly, and it gives the value it would have if some
columns were typical of the shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ltvml.contracts import CLOSED_FORM, is_attribute
from ltvml.models.design import INTERVAL
from ltvml.reasons.facts import FACTS, Facts
from ltvml.reasons.groups import GROUPS
from ltvml.reasons.shapley import mean_gradient, shapley_shares

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.bundle.typical import Typical
    from ltvml.models.closed_form import ClosedForm
    from ltvml.models.trees.booster import Trees
    from ltvml.reasons.shapley import Link


# every idea doubles the number of mixtures: ten players are 1,024
MOST_IDEAS = 6
NONE_TYPICAL: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shares:
    """A value shared out: value = baseline + the sum over columns.

    Parameters
    ----------
    baseline : (n,) array
        Value of the part for the typical customer.
    of : dict of str to (n,) array
        By column.
    """

    baseline: Array
    of: dict[str, Array]

    @property
    def value(self) -> Array:
        """The sum, shape (n,)."""
        return np.asarray(self.baseline + sum(self.of.values()))


class Part(Protocol):
    """A piece of a score."""

    def shares(self, X: pd.DataFrame) -> Shares:
        """The value of each customer, shared out among columns."""

    def value(self, X: pd.DataFrame, typical: frozenset[str] = NONE_TYPICAL) -> Array:
        """The value of each customer with the columns in `typical` at what is typical of the shop, shape (n,)."""


@dataclass(frozen=True)
class TreePart:
    """Boosters that read columns: shares by TreeSHAP, the baseline their mean over the training.

    Lundberg, Erion & Lee (2018), "Consistent individualized feature attribution for tree ensembles"; LightGBM's own.

    Parameters
    ----------
    trees : Trees
    closed_form : ClosedForm
        Gives the columns of `snapshot_columns.CLOSED_FORM`.
    horizon : float
        For which it gives them, days.
    typical : Typical
    interval : int, optional
        Where the trees need one interval of a hazard, which is not a property of the customer.
    """

    trees: Trees
    closed_form: ClosedForm
    horizon: float
    typical: Typical
    interval: int | None = None

    def shares(self, X: pd.DataFrame) -> Shares:
        """SHAP values, averaged over the boosters."""
        if not self.trees.boosters:
            return Shares(np.full(len(X), self.trees.constant), {})
        matrix = self._matrix(X)
        found = np.mean([booster.predict(matrix, pred_contrib=True) for booster in self.trees.boosters], axis=0)
        of = {name: found[:, position] for position, name in enumerate(self.trees.names)}
        return Shares(found[:, -1] + of.pop(INTERVAL, 0.0), of)

    def value(self, X: pd.DataFrame, typical: frozenset[str] = NONE_TYPICAL) -> Array:
        """The mean raw score, shape (n,)."""
        matrix = self._matrix(X)
        middle = self._closed_form_of_the_typical(X) if typical & set(CLOSED_FORM.names) else {}
        for position, name in enumerate(self.trees.names):
            if name in typical:
                matrix[:, position] = middle.get(name, self.typical[name])
        return self.trees.raw_of(matrix)

    def _matrix(self, X: pd.DataFrame) -> Array:
        rows = self.closed_form.with_columns(X, self.horizon)
        if self.interval is not None:
            rows = rows.assign(**{INTERVAL: float(self.interval)})
        return self.trees.matrix(rows)

    def _closed_form_of_the_typical(self, X: pd.DataFrame) -> dict[str, Array]:
        middle = Facts.typical(self.typical, len(X)).summary(X["cutoff_day"].to_numpy())
        return self.closed_form.columns(with_own_attributes(middle, X), self.horizon)


def with_own_attributes(rows: pd.DataFrame, X: pd.DataFrame) -> pd.DataFrame:
    """Imagined rows with what was known of the customers themselves at the first order: a model may need it."""
    return rows.assign(**{str(name): X[name].to_numpy() for name in X if is_attribute(str(name))})


@dataclass(frozen=True)
class SummaryPart:
    """Any function of the customer summary: Shapley's shares of the four facts, against the typical customer.

    Parameters
    ----------
    function : callable of a frame with the columns of `contracts.SUMMARY` and `behaviour`, giving (n,)
    typical : Typical
    behaviour : tuple of str
        Columns of `contracts.BEHAVIOUR` and attributes that it reads besides. Those of one idea of `groups.GROUPS` have
        one share, given to the first of them, and each attribute its own; with more than six they stay the customer's
        own and have none.
    """

    function: Callable[[pd.DataFrame], Array]
    typical: Typical
    behaviour: tuple[str, ...] = ()

    def shares(self, X: pd.DataFrame) -> Shares:
        """All mixtures of the customer and the typical one, each evaluated once."""
        columns = {name: frozenset({name}) for name in FACTS} | self._ideas()
        everything = NONE_TYPICAL.union(*columns.values())
        shares = shapley_shares(
            tuple(columns), lambda own: self.value(X, everything - NONE_TYPICAL.union(*(columns[name] for name in own)))
        )
        return Shares(self.value(X, everything), shares)

    def value(self, X: pd.DataFrame, typical: frozenset[str] = NONE_TYPICAL) -> Array:
        """The function of the customer, with some facts typical, shape (n,)."""
        middle = Facts.typical(self.typical, len(X))
        mixed = Facts.of(X, self.typical).having(middle, typical & frozenset(FACTS))
        rows = mixed.summary(X["cutoff_day"].to_numpy())
        own = {name: self.typical.known(name) if name in typical else X[name].to_numpy() for name in self.behaviour}
        return np.asarray(self.function(with_own_attributes(rows, X).assign(**own)))

    def _ideas(self) -> dict[str, frozenset[str]]:
        """Behaviour columns by the first of their idea."""
        read = [[name for name in names if name in self.behaviour] for names in GROUPS.values()]
        ideas = {names[0]: frozenset(names) for names in read if names}
        ideas |= {name: frozenset({name}) for name in self.behaviour if is_attribute(name)}
        return ideas if len(ideas) <= MOST_IDEAS else {}


@dataclass(frozen=True)
class Combination:
    """A smooth function of the values of other parts: their shares times its mean gradient.

    Parameters
    ----------
    link : Link
    parts : tuple of m Part
    """

    link: Link
    parts: tuple[Part, ...]

    def shares(self, X: pd.DataFrame) -> Shares:
        """The shares of the parts, carried through the link along the line from their baselines."""
        inner = [part.shares(X) for part in self.parts]
        start = np.column_stack([shares.baseline for shares in inner])
        end = np.column_stack([shares.value for shares in inner])
        slope = mean_gradient(self.link.gradient, start, end)
        of: dict[str, Array] = {}
        for position, shares in enumerate(inner):
            for name, share in shares.of.items():
                of[name] = of.get(name, 0.0) + slope[:, position] * share
        return Shares(self.link.value(start), of)

    def value(self, X: pd.DataFrame, typical: frozenset[str] = NONE_TYPICAL) -> Array:
        """The link of the values of the parts, shape (n,)."""
        return self.link.value(np.column_stack([part.value(X, typical) for part in self.parts]))

"""What every learner of trees shares: the columns of a customer, how its trees are grown, and the columns they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.models.base import Model
from ltvml.models.trees.booster import Growth

if TYPE_CHECKING:
    from ltvml.models.closed_form import ClosedForm
    from ltvml.models.trees.booster import Trees


class TreeLearner(Model):
    """A model of `trees_`, to be derived from together with the base class of its role.

    A subclass that takes `learning_rate` or `num_leaves` as an argument sets its own; the others grow by the defaults.

    Attributes
    ----------
    trees_ : Trees
        Model texts and the columns they read; a column of the training that is missing at scoring is an error.
    """

    requires = ("cutoff_day", "frequency", "recency", "T", "monetary_value", "first_order_value", "historic_value")

    learning_rate: float = Growth.learning_rate
    num_leaves: int = Growth.num_leaves
    num_threads: int
    random_state: int
    trees_: Trees
    closed_form_: ClosedForm

    @property
    def growth(self) -> Growth:
        """How the trees are grown."""
        return Growth(self.learning_rate, self.num_leaves, self.num_threads, self.random_state)

    def reads(self) -> tuple[str, ...]:
        """The summary, the columns of the trees, and those of the closed form that makes some of these."""
        return (*self.requires, *self.trees_.names, *self.closed_form_.reads())

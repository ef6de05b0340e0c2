"""From the order lines of one customer to what a bundle scores: the features of a batch, planned once a cutoff."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ltvml.contracts import EXPERIENCE, FIRST_ORDER, OF_CUSTOMERS
from ltvml.engines.prepared import Prepared
from ltvml.features.attributes import NEEDS as NEEDS_OF_ATTRIBUTES
from ltvml.features.behaviour import snapshot_features
from ltvml.features.behaviour.table import NEEDS
from ltvml.features.experience import RETURNED
from ltvml.features.items.days import item_days
from ltvml.features.items.pairs import pairs
from ltvml.features.ledger import used_lines, with_copies
from ltvml.features.order_values import valued
from ltvml.features.returns import netted_days, purchase_days
from ltvml.features.summary import customer_summary
from ltvml.serving.request import REQUEST_LINES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import narwhals as nw

    from ltvml.bundle.bundle import Bundle
    from ltvml.features.ledger import Rules

# cutoffs whose plans are held: today, yesterday, and what a test asks for
MOST_CUTOFFS = 8
_CONTENTS, _ELASTICITY = "contents", "elasticity"


@dataclass(frozen=True)
class Asked:
    """What the lines of a customer come to.

    Parameters
    ----------
    row : (1, ...) frame
        Columns that the bundle reads; no row where nothing was bought up to the cutoff.
    pairs : (m, ...) frame or None
        Rows of `contracts.PAIRS`; None where the bundle or the lines have no items.
    """

    row: pd.DataFrame
    pairs: pd.DataFrame | None


def needed_fields(bundle: Bundle) -> tuple[str, ...]:
    """Fields of an order line without which a batch could not score with this bundle either."""
    needs = {**NEEDS, **NEEDS_OF_ATTRIBUTES}
    read = {needs[name] for name in bundle.summary_columns if name in needs}
    # a date without its time is a date: the hour is then not known, as in a batch
    return tuple(sorted(read - {"second"}))


class OneCustomer:
    """The features of one customer at a time. Not for several threads at once.

    Parameters
    ----------
    bundle : Bundle
    rules : features.ledger.Rules
        For unusual lines, as the configuration has them.
    contents : frame, optional
        Products and the items inside, see `inputs.tables.products.contents_of`.
    """

    def __init__(self, bundle: Bundle, rules: Rules, contents: pd.DataFrame | None = None) -> None:
        self.bundle, self.rules = bundle, rules
        frames = {} if contents is None else {_CONTENTS: contents}
        if bundle.replenishment is not None and (etas := bundle.replenishment.elasticity):
            frames[_ELASTICITY] = pd.DataFrame({"item": list(etas), "elasticity": list(etas.values())}).astype(
                {"item": str, "elasticity": float}
            )
        self._frames = frames
        self._prepared = Prepared(REQUEST_LINES, frames)
        self._planned: OrderedDict[dt.date, str] = OrderedDict()

    def ask(self, lines: tuple[dict[str, Any], ...], cutoff: dt.date, *, with_items: bool) -> Asked:
        """Features as of a cutoff.

        Parameters
        ----------
        lines : rows of `request.REQUEST_LINES`
        cutoff : date
        with_items : bool
            Whether the lines say what was bought.
        """
        plan = self._plan_of(cutoff)
        self._prepared.replace_lines(pa.Table.from_pylist(list(lines), schema=self._prepared.schema))
        row = self._prepared.ask(plan)
        items = self.bundle.replenishment is not None and with_items
        return Asked(row, self._prepared.ask(f"{plan}_items") if items else None)

    def _plan_of(self, cutoff: dt.date) -> str:
        """The name of the plan for a cutoff; the one that was not asked for longest makes room."""
        if cutoff in self._planned:
            self._planned.move_to_end(cutoff)
            return self._planned[cutoff]
        if len(self._planned) == MOST_CUTOFFS:
            _, oldest = self._planned.popitem(last=False)
            for name in self._plans(oldest):
                self._prepared.forget(name)
        name = f"as_of_{cutoff:%Y%m%d}"
        for one, question in zip(self._plans(name), self._questions(cutoff), strict=True):
            self._prepared.plan(one, question)
        self._planned[cutoff] = name
        return name

    def _plans(self, name: str) -> tuple[str, ...]:
        return (name,) if self.bundle.replenishment is None else (name, f"{name}_items")

    def _questions(self, cutoff: dt.date) -> tuple[nw.LazyFrame[Any], ...]:
        window, decimals = self.bundle.window.at(cutoff), self.rules.decimals
        lines = self._prepared.table()
        lines = valued(
            with_copies(lines, self.rules) if self.rules.amount_is == "order" else lines, self.rules.amount_is
        )
        used = used_lines(lines, window, self.rules)
        days = purchase_days(netted_days(used))
        features = (
            snapshot_features(used, days, window, decimals=decimals, has_returns=_reads_returns(self.bundle))
            if self.bundle.reads_behaviour
            else customer_summary(days, window, decimals=decimals)
        )
        role = self.bundle.replenishment
        if role is None:
            return (features,)
        contents, elasticity = (
            self._prepared.table(name) if name in self._frames else None for name in (_CONTENTS, _ELASTICITY)
        )
        bought = item_days(used, role.item, contents=contents)
        return features, pairs(bought, days, window, elasticity=elasticity, decimals=decimals)


def _reads_returns(bundle: Bundle) -> bool:
    return any(RETURNED in name for name in bundle.attributes_read if name in EXPERIENCE.names)


def with_attributes(row: pd.DataFrame, names: tuple[str, ...], known: Mapping[str, str | None]) -> pd.DataFrame:
    """The row with what was known of the customer at the first order; null where a request does not say."""
    of_customers = [name for name in names if name.startswith(OF_CUSTOMERS) and name not in FIRST_ORDER.names]
    values = {name: pd.array([known.get(name.removeprefix(OF_CUSTOMERS))], dtype="str") for name in of_customers}
    return row.assign(**values)

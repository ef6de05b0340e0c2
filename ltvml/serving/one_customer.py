"""From the order lines of one customer to what a bundle scores: the features of a batch, planned once a cutoff."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
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
from ltvml.features.items.pairs import LENT, own_pairs
from ltvml.features.ledger import used_lines, with_copies
from ltvml.features.order_values import valued
from ltvml.features.returns import customer_days
from ltvml.features.summary import customer_summary
from ltvml.serving.request import REQUEST_LINES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from concurrent.futures import Future

    import narwhals as nw

    from ltvml.bundle.bundle import Bundle
    from ltvml.features.ledger import Rules

# plans that are held: of today, yesterday, and what a test asks for, each with returns and without
MOST_PLANS = 16
_CONTENTS, _ELASTICITY = "contents", "elasticity"


@dataclass(frozen=True)
class Asked:
    """What the lines of a customer come to.

    Parameters
    ----------
    row : (1, ...) frame
        Columns that the bundle reads; no row where nothing was bought up to the cutoff.
    items : future of a frame, or None
        Counted meanwhile; None where the bundle or the lines have no items.
    """

    row: pd.DataFrame
    items: Future[pd.DataFrame] | None

    def pairs(self) -> pd.DataFrame | None:
        """Rows of `contracts.PAIRS`, waited for; None without items."""
        if self.items is None:
            return None
        return self.items.result().assign(**{name: self.row[name].iloc[0] for name in LENT})


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
        self._planned: OrderedDict[tuple[dt.date, bool], str] = OrderedDict()
        # the engine counts items on one core while the other asks the models about the customer
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="items")

    def ask(self, lines: tuple[dict[str, Any], ...], cutoff: dt.date, *, with_items: bool) -> Asked:
        """Features as of a cutoff.

        Parameters
        ----------
        lines : rows of `request.REQUEST_LINES`
        cutoff : date
        with_items : bool
            Whether the lines say what was bought.
        """
        # without a return nothing is netted, which is half of the work
        plan = self.plan_for(cutoff, has_returns=any(line["amount"] < 0 or line["refund"] for line in lines))
        self._prepared.replace_lines(pa.Table.from_pylist(list(lines), schema=self._prepared.schema))
        items = None
        if self.bundle.replenishment is not None and with_items:
            items = self._beside.submit(self._prepared.ask, f"{plan}_items")
        return Asked(self._prepared.ask(plan), items)

    def plan_for(self, cutoff: dt.date, *, has_returns: bool) -> str:
        """The name of the plan for a cutoff, made if there is none; the one not asked for longest makes room.

        Parameters
        ----------
        cutoff : date
        has_returns : bool
            False where no line is a return or has a refund.
        """
        key = (cutoff, has_returns)
        if key in self._planned:
            self._planned.move_to_end(key)
            return self._planned[key]
        if len(self._planned) == MOST_PLANS:
            _, oldest = self._planned.popitem(last=False)
            for name in self._plans(oldest):
                self._prepared.forget(name)
        name = f"{cutoff}{' with returns' if has_returns else ''}"
        for one, question in zip(self._plans(name), self._questions(cutoff, has_returns=has_returns), strict=True):
            self._prepared.plan(one, question)
        self._planned[key] = name
        return name

    def _plans(self, name: str) -> tuple[str, ...]:
        return (name,) if self.bundle.replenishment is None else (name, f"{name}_items")

    def _questions(self, cutoff: dt.date, *, has_returns: bool) -> tuple[nw.LazyFrame[Any], ...]:
        window, decimals = self.bundle.window.at(cutoff), self.rules.decimals
        lines = self._prepared.table()
        lines = valued(
            with_copies(lines, self.rules) if self.rules.amount_is == "order" else lines, self.rules.amount_is
        )
        used = used_lines(lines, window, self.rules)
        days = customer_days(used, has_returns=has_returns)
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
        bought = item_days(used, role.item, contents=contents, has_returns=has_returns)
        return features, own_pairs(bought, window, elasticity=elasticity)


def _reads_returns(bundle: Bundle) -> bool:
    return any(RETURNED in name for name in bundle.attributes_read if name in EXPERIENCE.names)


def with_attributes(row: pd.DataFrame, names: tuple[str, ...], known: Mapping[str, str | None]) -> pd.DataFrame:
    """The row with what was known of the customer at the first order; null where a request does not say."""
    of_customers = [name for name in names if name.startswith(OF_CUSTOMERS) and name not in FIRST_ORDER.names]
    values = {name: pd.array([known.get(name.removeprefix(OF_CUSTOMERS))], dtype="str") for name in of_customers}
    return row.assign(**values)

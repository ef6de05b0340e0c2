"""First step of every workflow: read the orders, check them, count each row, and set the window."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.contracts import ONE
from ltvml.engines import engine_for, engine_named
from ltvml.engines.base import Source
from ltvml.engines.spark_session import SparkSettings
from ltvml.engines.values.date_formats import names_a_day
from ltvml.engines.values.number_forms import number_form_of
from ltvml.errors import ConfigError, DataContractError, DataWarning
from ltvml.features.gaps import observed_gap_quantile
from ltvml.features.ledger import Rules
from ltvml.features.returns import customer_days
from ltvml.features.sample import LARGEST_SAMPLE
from ltvml.features.transactions import check
from ltvml.inputs.experience import with_experience
from ltvml.inputs.tables.attributes import with_attributes
from ltvml.inputs.tables.identities import Persons, read_persons, with_persons
from ltvml.inputs.tables.identity_checks import warn_of_ids
from ltvml.models.attributes.rules import Rules as AttributeRules
from ltvml.window import Window, round_to_weeks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltvml.config.sections import OrderSettings, WindowSettings
    from ltvml.engines.base import Engine
    from ltvml.features.ledger import Ledger
    from ltvml.features.transactions import Checked
    from ltvml.inputs.kept_orders import KeptOrders
    from ltvml.progress import Steps

LONGEST_USUAL_GAP = 0.9
SHORTEST_CHURN_HORIZON, LONGEST_CHURN_HORIZON = 28, 180
# without one repeat purchase there is no gap to learn from: a quarter is what shops count in
CHURN_HORIZON_WITHOUT_GAPS = 91


@dataclass(frozen=True)
class Intake:
    """Checked orders and the window that they are looked at through.

    Parameters
    ----------
    engine : Engine
    lines : lazy frame
        The lines that are used, up to the cutoff.
    days : lazy frame
        Purchase days, net of returns.
    ledger : Ledger
        What became of every row.
    window : Window
    currency : str or None
        Of the configuration, or of the orders where they name one.
    persons : Persons
        Which ids were merged, as `identities` has them.
    attributes : models.attributes.rules.Rules
        How learners read what was known at the first order.
    attribute_notes : tuple of str
        What is unusual about the table of customers, and about how orders went, as sources of attributes.
    read : Read, optional
        What it was made from, if it looks at all lines of it.
    """

    engine: Engine
    lines: nw.LazyFrame[Any]
    days: nw.LazyFrame[Any]
    ledger: Ledger
    window: Window
    currency: str | None = None
    persons: Persons = field(default_factory=Persons)
    attributes: AttributeRules = field(default_factory=AttributeRules)
    attribute_notes: tuple[str, ...] = ()
    read: Read | None = None

    @property
    def row_counts(self) -> dict[str, Any]:
        """The ledger's counts, without its dates."""
        return {"rows_in": self.ledger.rows_in, "used": self.ledger.used, **self.ledger.reasons, **self.ledger.notes}

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of the lines that are used."""
        return self.engine.fingerprint(self.lines) if self.read is None else self.read.fingerprint

    @cached_property
    def customers(self) -> int:
        """Customers with at least one purchase up to the cutoff."""
        counted = self.days.select(nw.col("customer_id").n_unique().cast(nw.Int64).alias("customers"))
        return int(self.engine.collect(counted)["customers"].iloc[0])

    def near(self) -> Intake:
        """The same orders in this process, where they are far and of no more customers than a sample has.

        Returns
        -------
        Intake
            Itself where the orders are here already, or too many to come.
        """
        far = self.engine.far
        if far is None or self.customers > LARGEST_SAMPLE:
            return self
        brought = far.brought(self.lines, rows=self.ledger.used)
        if brought is None:
            return self
        engine, lines = brought
        days = engine.keep(customer_days(lines, has_returns=self.ledger.has_returns))
        return replace(self, engine=engine, lines=lines, days=days)


def read_orders(settings: OrderSettings, asked: WindowSettings, transactions: Any, steps: Steps) -> Intake:
    """Read and check the orders of a configuration.

    Parameters
    ----------
    settings : OrderSettings
        `config.orders`.
    asked : WindowSettings
        `config.window`; a churn horizon of `auto` is computed from the gaps between purchase days.
    transactions : frame or None
        In place of `transactions.source`.
    steps : Steps

    Raises
    ------
    ConfigError, DataContractError, EngineError
    """
    held = _HELD.get()
    key = _key(settings, asked, transactions)
    read = next((known for of, known in held or () if of == key), None)
    if read is None:
        read = _read(settings, asked, transactions, steps)
        if held is not None and not held:
            held.append((key, read))
    currency = agreed_currency(settings.value.currency, read.engine, read.checked.lines)
    window = asked.resolved(_churn_horizon(asked, read.engine, read.checked.days))
    rules, known = settings.attributes.rules, read.checked
    return Intake(
        *(read.engine, read.lines, known.days, known.ledger, window, currency, read.persons, rules),
        attribute_notes=read.attribute_notes,
        read=read,
    )


@dataclass(frozen=True)
class Read:
    """Orders that were read and checked, whatever window they are looked at through."""

    engine: Engine
    lines: nw.LazyFrame[Any]
    checked: Checked
    persons: Persons
    attribute_notes: tuple[str, ...]
    kept: KeptOrders | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of the lines, computed once for all jobs that look at them."""
        known = self.kept.fingerprint(self.lines) if self.kept is not None else None
        return known or self.engine.fingerprint(self.lines)


_HELD: ContextVar[list[tuple[Any, Read]] | None] = ContextVar("orders_read", default=None)


@contextmanager
def orders_read_once() -> Iterator[None]:
    """Inside the block, the orders that are read first are read once: every job sees the same ones, whatever changes.

    The orders of other settings or another cutoff are read each time, as they are outside of it.
    """
    before = _HELD.set([])
    try:
        yield
    finally:
        _HELD.reset(before)


def _key(settings: OrderSettings, asked: WindowSettings, transactions: Any) -> tuple[Any, ...]:
    """What decides which orders are read; of the value only its digits."""
    sections = (settings.transactions, settings.engine, settings.identities, settings.customers, settings.attributes)
    return (*sections, settings.value.decimals, asked.last_day_seen(), id(transactions))


def _read(settings: OrderSettings, asked: WindowSettings, transactions: Any, steps: Steps) -> Read:
    seen = Window(asked.last_day_seen())
    engine = engine_of(settings, transactions)
    with steps.step("read"):
        source = source_of(settings, transactions)
        kept = _kept(engine, source, settings, transactions, seen)
        lines = engine.read(source) if kept is None else kept.lines
        persons = read_persons(settings.identities, settings.transactions) if kept is None else kept.persons
        lines = with_persons(engine, lines, persons) if kept is None else lines
    with steps.step("check"):
        checked = check(engine, lines, seen, rules_of(settings), None if kept is None else kept.known)
        warn_of_ids(engine, checked.days, source)
        warn_of_months(source)
        known, of_orders = with_experience(engine, checked.lines, settings.transactions.columns)
        known, notes = with_attributes(engine, known, settings, persons)
    return Read(engine, known, checked, persons, (*of_orders, *notes), kept)


def _kept(
    engine: Engine, source: Source, settings: OrderSettings, transactions: Any, seen: Window
) -> KeptOrders | None:
    """The orders by what was kept of an earlier run, where reading is incremental."""
    if settings.state is None or transactions is not None:
        return None
    # only who keeps orders waits for it
    from ltvml.inputs.kept_orders import kept_orders

    return kept_orders(engine, source, settings, seen, rules_of(settings))


def agreed_currency(settings: str | None, engine: Engine, lines: nw.LazyFrame[Any]) -> str | None:
    """The currency of the orders, or the configured one where they name none.

    Raises
    ------
    DataContractError
        If the two differ.
    """
    if "currency" not in lines.collect_schema().names():
        return settings
    # a check refuses orders of several currencies
    found = engine.collect(lines.select(nw.col("currency").max()))["currency"].dropna().tolist()
    if settings is not None and found and found != [settings]:
        raise DataContractError(
            f"the column currency of the orders is {found[0]}, but value.currency is {settings}; expected the same.",
            hint="convert the amounts, or correct value.currency. A score needs the currency of its fit.",
        )
    return str(found[0]) if found else settings


def engine_of(settings: OrderSettings, transactions: Any) -> Engine:
    """The engine of the configuration, or that of a frame."""
    given = settings.engine
    limits: dict[str, Any] = {
        "threads": given.threads,
        "memory_limit": given.memory_limit,
        "temp_directory": given.temp_directory,
        "spark": SparkSettings(given.master, given.catalog, given.conf),
    }
    return engine_named(given.name, **limits) if transactions is None else engine_for(transactions, **limits)


def warn_of_months(source: Source) -> None:
    """Say so where the dates are months: every order then counts on the first day of its month."""
    if source.date_format is not None and not names_a_day(source.date_format):
        warnings.warn(
            f"transactions.date_format {source.date_format} names the month alone: each order counts on the first day "
            "of its month, and orders of one month are one purchase.",
            DataWarning,
            stacklevel=2,
        )


def source_of(orders: OrderSettings, transactions: Any) -> Source:
    """What the engine is to read.

    Raises
    ------
    ConfigError
        If there is no frame, and the configuration names no source.
    """
    settings = orders.transactions
    if transactions is None and settings.source is None and settings.sql is None:
        raise ConfigError(
            "transactions.source is missing; expected a file, a glob, file.duckdb::table or postgresql://host/shop::orders.",
            hint="add it, or in Python hand over a frame: ltvml.fit(config, transactions=frame).",
        )
    return Source(
        source=settings.source if transactions is None else transactions,
        columns=settings.columns,
        timezone=settings.timezone,
        decimals=orders.value.decimals,
        exclude=settings.exclude,
        date_format=settings.date_format,
        encoding=settings.encoding,
        header=settings.header,
        names=settings.names,
        skip_rows=settings.skip_rows,
        sql=settings.sql if transactions is None else None,
        sources=settings.sources if transactions is None else {},
        keep=settings.keep,
        drop=settings.drop,
        amount_is=settings.amount_is,
        decimal=settings.decimal,
        thousands=settings.thousands,
        normalize_ids=settings.normalize_ids,
        not_customers=settings.not_customers,
    )


def rules_of(orders: OrderSettings) -> Rules:
    """Rules for unusual rows."""
    settings = orders.transactions
    return Rules(
        settings.returns,
        settings.zero_amounts,
        settings.duplicates,
        unreadable_share=settings.max_bad_share,
        amount_is=settings.amount_is,
        decimals=orders.value.decimals,
        number_form=number_form_of(settings.decimal, settings.thousands),
        date_format=settings.date_format,
        source=settings.source,
        counts_purchases=settings.columns.get("amount") == ONE,
    )


def _churn_horizon(asked: WindowSettings, engine: Engine, days: nw.LazyFrame[Any]) -> int | None:
    if asked.churn_horizon != "auto":
        return None
    gap = observed_gap_quantile(engine, days, LONGEST_USUAL_GAP)
    if gap is None:
        return CHURN_HORIZON_WITHOUT_GAPS
    return round_to_weeks(gap, shortest=SHORTEST_CHURN_HORIZON, longest=LONGEST_CHURN_HORIZON)

"""Cohorts told apart by what was known at the first order: channel, country, category, or what the shop knew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.backtesting.attribute_table import bands
from ltvml.contracts import COHORT_LEVELS
from ltvml.economics.cohort_tables import Cohorts, suppressed
from ltvml.errors import ConfigError
from ltvml.features.attributes import attribute_columns, first_order
from ltvml.features.cohorts import cohort_activity, second_orders
from ltvml.window import calendar_starts
from ltvml.workflows.acquisition import OTHER, pooled, shown

if TYPE_CHECKING:
    import narwhals as nw

    from ltvml.arrays import Ints
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake

_KEPT = ("attribute", "level", "cohort", "age", "from_date", "closed", "customers")
_LEVEL = "level"


def level_periods(config: Config, intake: Intake) -> pd.DataFrame:
    """Rows of `contracts.COHORT_LEVELS`: the triangle of each level of each attribute that is named.

    Parameters
    ----------
    config : Config
    intake : Intake

    Raises
    ------
    ConfigError
        If an attribute is not there.
    """
    names = [_found(name, attribute_columns(intake.lines)) for name in config.cohorts.attributes]
    if not names:
        return pd.DataFrame(columns=list(COHORT_LEVELS.names))
    known = intake.engine.collect(
        first_order(intake.lines, intake.days, intake.window).select("customer_id", *dict.fromkeys(names))
    )
    starts, calendar = calendar_of(intake, config)
    parts = [
        _triangles(config, intake, starts, calendar, known[["customer_id", name]]).assign(attribute=shown(name))
        for name in dict.fromkeys(names)
    ]
    table = pd.concat(parts, ignore_index=True)[list(COHORT_LEVELS.names)]
    return suppressed(table, config.cohorts.fewest, keep=_KEPT)


def calendar_of(intake: Intake, config: Config) -> tuple[Ints, nw.LazyFrame[Any]]:
    """First days of the periods and of the one after, and the period of each day as a table of the engine."""
    window, first = intake.window, intake.ledger.first_day
    assert first is not None
    starts = calendar_starts(config.cohorts.by, first, window.cutoff_day)
    days = np.arange(first, window.cutoff_day + 1)
    period = np.searchsorted(starts, days, side="right") - 1
    return starts, intake.engine.table(pd.DataFrame({"day": days.astype("int64"), "period": period.astype("int64")}))


def levels_at_first(values: pd.Series, fewest: int) -> pd.Series:
    """Levels of a text, rare ones as one; quarters of a number; `(missing)` where there is none."""
    if pd.api.types.is_float_dtype(values):
        return bands(values)
    counts = values.map(values.value_counts())
    return pooled(values.astype(object).where(~(counts < fewest), OTHER))


def _found(name: str, columns: tuple[str, ...]) -> str:
    for column in columns:
        if name in (column, shown(column)):
            return column
    raise ConfigError(
        f"cohorts.attributes names '{name}'; found {', '.join(shown(column) for column in columns)}.",
        hint="attributes are those of the first order (channel, country, category, discount_share) where the orders "
        "have such a column, and those of attributes.customers.",
    )


def _triangles(
    config: Config, intake: Intake, starts: Ints, calendar: nw.LazyFrame[Any], known: pd.DataFrame
) -> pd.DataFrame:
    """The triangle of each level of one attribute, the most customers first."""
    level = levels_at_first(known.iloc[:, 1], config.cohorts.fewest)
    frame = pd.DataFrame({"customer_id": known["customer_id"], _LEVEL: level.astype("str")})
    days = intake.engine.keep(intake.days.join(intake.engine.table(frame), on="customer_id", how="inner"))
    window = intake.window
    activity = intake.engine.collect(
        cohort_activity(days, calendar, window, decimals=config.value.decimals, also=[_LEVEL])
    )
    second = intake.engine.collect(second_orders(days, calendar, window, also=[_LEVEL]))
    counts = level.value_counts()
    parts = []
    for name in sorted(counts.index, key=lambda one: (-int(counts[one]), str(one))):
        active, again = (table[table[_LEVEL] == name] for table in (activity, second))
        cohorts = Cohorts.of(active, again, starts, by=config.cohorts.by, cutoff_day=window.cutoff_day)
        parts.append(cohorts.by_age(margin=config.value.margin).assign(level=name))
    return pd.concat(parts, ignore_index=True)

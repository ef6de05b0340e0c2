"""Customers by how they came: channel, country, category of the first order, and what the shop knew of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from ltvml.contracts import ACQUISITION, OF_CUSTOMERS
from ltvml.economics.acquisition import against_cost
from ltvml.features.attributes import attribute_columns, first_order
from ltvml.features.summary import customer_summary

if TYPE_CHECKING:
    from ltvml.arrays import Array
    from ltvml.config import Config
    from ltvml.evaluation.intervals import ValueIntervals
    from ltvml.inputs.orders import Intake
    from ltvml.inputs.tables.costs import Costs

MOST_LEVELS = 12
OTHER, MISSING = "(other)", "(missing)"


def acquisition_table(
    config: Config,
    intake: Intake,
    predicted: pd.Series | None,
    intervals: ValueIntervals | None,
    costs: Costs,
) -> pd.DataFrame:
    """Rows of `contracts.ACQUISITION`: one for each level of each attribute that is text; none without attributes.

    Parameters
    ----------
    config : Config
    intake : Intake
    predicted : series, optional
        Predicted value by customer_id; without it nothing is predicted.
    intervals : ValueIntervals, optional
    costs : Costs
        Their `by` may be an attribute.
    """
    names = text_attributes(intake)
    if not names:
        return pd.DataFrame({column.name: [] for column in ACQUISITION.columns})
    summary = customer_summary(intake.days, intake.window, decimals=config.value.decimals)
    known = first_order(intake.lines, intake.days, intake.window).select("customer_id", *names)
    table = intake.engine.collect(
        summary.select("customer_id", "frequency", "historic_value").join(known, on="customer_id", how="left")
    )
    value = np.full(len(table), np.nan) if predicted is None else predicted.reindex(table["customer_id"]).to_numpy()
    parts = [
        levels_of(
            table.assign(predicted=value),
            name,
            margin=config.value.margin,
            intervals=intervals,
            cost=costs.cost if costs.by == shown(name) else {},
        )
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def text_attributes(intake: Intake) -> list[str]:
    """Attributes with levels; numbers, such as units and discounts, are no ways to come."""
    lines = intake.lines
    schema = lines.collect_schema()
    numbers = ("first_lines", "first_units", "first_discount_share")
    return [
        name
        for name in attribute_columns(lines)
        if name not in numbers and (name not in schema or schema[name] == nw.String)
    ]


def shown(name: str) -> str:
    """What a reader calls an attribute: first_channel is channel, and attribute_source is source.

    Examples
    --------
    >>> shown("first_channel"), shown("attribute_source")
    ('channel', 'source')
    """
    return name.removeprefix("first_").removeprefix(OF_CUSTOMERS)


def levels_of(
    table: pd.DataFrame,
    name: str,
    *,
    margin: float,
    intervals: ValueIntervals | None,
    cost: dict[str, float],
) -> pd.DataFrame:
    """One row a level, the most customers first; rare levels are one row.

    Parameters
    ----------
    table : frame
        frequency, historic_value, predicted and the attribute, one row a customer.
    name : str
    margin : float
    intervals : ValueIntervals, optional
    cost : dict of str to float
        By level, of all its customers together.
    """
    level = pooled(table[name])
    rows: list[dict[str, Any]] = []
    for value, part in table.groupby(level, sort=False, observed=True):
        n, revenue = len(part), float(part["historic_value"].sum())
        predicted: Array = part["predicted"].to_numpy(dtype=float)
        low, high = (np.nan, np.nan) if intervals is None else intervals.total_bounds(predicted)
        rows.append(
            {
                "attribute": shown(name),
                "level": str(value),
                "customers": n,
                "repeat_rate": float((part["frequency"] > 0).mean()),
                "revenue_per_customer": revenue / n,
                "margin_per_customer": margin * revenue / n,
                "predicted_value": float(predicted.sum()),
                "predicted_value_lo": low,
                "predicted_value_hi": high,
                "lifetime_value_per_customer": (margin * revenue + float(predicted.sum())) / n,
                "acquisition_cost": cost.get(str(value), np.nan),
            }
        )
    found = pd.DataFrame(rows).sort_values(["customers", "level"], ascending=[False, True], ignore_index=True)
    price, mean, lower, upper = (found[column] / found["customers"] for column in ("acquisition_cost", *PREDICTED))
    against = against_cost(found["margin_per_customer"], mean, lower, upper, price)
    return found.assign(value_to_cost=against.value_to_cost, break_even_probability=against.break_even)


PREDICTED = ("predicted_value", "predicted_value_lo", "predicted_value_hi")


def pooled(values: pd.Series) -> pd.Series:
    """Levels as texts; all but the most frequent are one, and unknown ones another.

    Examples
    --------
    >>> pooled(pd.Series(["a", None, "a"])).tolist()
    ['a', '(missing)', 'a']
    """
    texts = values.astype(object).where(values.notna(), MISSING).astype(str)
    counts = texts.value_counts()
    ranked = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
    return texts.where(texts.isin(ranked[:MOST_LEVELS]), OTHER)

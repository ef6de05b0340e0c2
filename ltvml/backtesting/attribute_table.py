"""What each attribute goes with: how often its customers come back, and what they are worth, level by level.

Every customer is followed for the same number of days after the first order, and who was not seen for so long is left
out: levels whose customers joined at other times remain comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ltvml.backtesting.origins import label_horizon
from ltvml.contracts import ATTRIBUTES, is_attribute
from ltvml.features.attributes import after_first
from ltvml.models.attributes.levels import MISSING, OTHER, attribute_of
from ltvml.outreach.experiment.difference import wilson
from ltvml.reasons.sentences import attribute_name
from ltvml.words.spoken import Spoken
from ltvml.words.text import percent

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from ltvml.arrays import Array
    from ltvml.backtesting.history import History
    from ltvml.bundle.customer_scores import Roles
    from ltvml.models.attributes.levels import Attributes


CONFIDENCE = 0.95
_DRAWS = 400
# different values among which is drawn: 400 draws among a million take a minute and gigabytes
_MOST_DRAWN = 5_000
_BANDS = 4
_SHOWN = 5
# what orders have for other reasons and nobody named: without a use it is in the table alone
_OF_EVERY_ORDER = ("first_lines", "first_units", "first_category")


@dataclass(frozen=True)
class AttributeTable:
    """What attributes go with, and what is to be said of them.

    Parameters
    ----------
    table : frame of `contracts.ATTRIBUTES`
    notes : tuple of str
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def attribute_table(history: History, roles: Roles, *, random_state: int) -> AttributeTable:
    """The table of the sampled customers at the cutoff.

    Parameters
    ----------
    history : History
    roles : Roles
        Fitted at the cutoff: which attributes they read.
    random_state : int
        Of the bootstrap.
    """
    day, rules = history.cutoff_day, history.intake.attributes
    known, customers = history.attributes(day), history.customers(day)
    horizon = label_horizon(day, history.first_day, history.intake.window.ltv_horizon)
    later = after_first(history.sampled_days(day), history.window(day), horizon, decimals=history.decimals)
    followed = history.sample_engine.collect(later).set_index("customer_id")
    happened = followed.reindex(customers["customer_id"]).reset_index(drop=True)
    used, rng = used_for(roles), np.random.default_rng(random_state)
    rows = []
    for name in known.names:
        levels = bands(customers[name]) if name in known.numbers else customers[name].fillna(MISSING)
        for level in in_order(levels, name in known.numbers):
            of = (levels == level).to_numpy()
            rows.append({"attribute": name, "level": level, "customers": int(of.sum()), "days": horizon})
            rows[-1] |= measured(happened[of], enough=int(of.sum()) >= rules.min_customers, rng=rng)
            rows[-1]["used_for"] = used.get(name, "")
    table = pd.DataFrame(rows, columns=list(ATTRIBUTES.names))
    return AttributeTable(table, tuple(notes_of(table, known, history)))


def used_for(roles: Roles) -> dict[str, str]:
    """The predictions that read each attribute, in words."""
    found: dict[str, list[str]] = {}
    for role, model in (("churn", roles.repurchase), ("value", roles.value)):
        for name in dict.fromkeys(attribute_of(column)[0] for column in model.reads()):
            if is_attribute(name):
                found.setdefault(name, []).append(role)
    return {name: " and ".join(said) for name, said in found.items()}


def bands(values: pd.Series) -> pd.Series:
    """Numbers as the quarter that they fall in, named by its ends; `(missing)` where there is none.

    Examples
    --------
    >>> bands(pd.Series([1.0, 1.0, 2.0, 7.0, np.nan])).tolist()
    ['1', '1', '1.5 to 3.25', '3.25 to 7', '(missing)']
    """
    known = values.dropna()
    if not len(known):
        return pd.Series(MISSING, index=values.index, dtype=object)
    edges = np.unique(np.quantile(known, np.arange(_BANDS + 1) / _BANDS))
    names = [f"{edges[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(edges))]
    place = np.searchsorted(edges, values.to_numpy(dtype=float), side="left")
    said = [names[min(one, len(names) - 1)] for one in place]
    return pd.Series(said, index=values.index, dtype=object).where(values.notna(), MISSING)


def in_order(levels: pd.Series, numbers: bool) -> list[str]:
    """Levels as the table lists them: numbers ascending, others by their customers; pooled and missing ones last."""
    counts = levels.value_counts().sort_index()
    names = [str(name) for name in counts.sort_values(ascending=False, kind="stable").index]
    if numbers:
        names.sort(key=lambda name: float("inf") if name == MISSING else (float(name.split(" to ")[-1])))
    return sorted(names, key=lambda name: (OTHER, MISSING).index(name) if name in (OTHER, MISSING) else -1)


def measured(happened: pd.DataFrame, *, enough: bool, rng: np.random.Generator) -> dict[str, float]:
    """Rate and value of the customers of a level, with intervals; NaN where there are too few of them.

    Parameters
    ----------
    happened : (n, 2) frame
        `again` and `value`, NaN for customers who were not followed.
    enough : bool
    rng : numpy Generator
    """
    seen = happened.dropna()
    unknown = ("repeat_rate", "repeat_rate_lo", "repeat_rate_hi", "value", "value_lo", "value_hi")
    if not enough or seen.empty:
        return {"followed": len(seen), **dict.fromkeys(unknown, np.nan)}
    rate, value = float((seen["again"] > 0).mean()), seen["value"].to_numpy(dtype=float)
    low, high = wilson(rate, len(seen), CONFIDENCE)
    below, above = bootstrap(value, rng)
    found = (rate, low, high, float(value.mean()), below, above)
    return {"followed": len(seen), **dict(zip(unknown, found, strict=True))}


def bootstrap(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of a mean, by resampling customers; equal values are drawn together.

    Of many different values the same law is read from its Cornish-Fisher expansion, m + s (z + g (z^2 - 1) / 6) with
    the standard error s of the mean m and its skewness g: a draw costs as much as there are values, and what the
    expansion leaves out, of order 1 / n, is far below the noise of the draws.

    References
    ----------
    Efron (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1); Hall (1992), The
    Bootstrap and Edgeworth Expansion, section 3.10.

    Examples
    --------
    >>> low, high = bootstrap(np.repeat([0.0, 10.0], 500), np.random.default_rng(0))
    >>> round(low, 1), round(high, 1)
    (4.7, 5.3)
    """
    ends = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > _MOST_DRAWN:
        low, high = expanded(values, np.array(ends))
        return float(low), float(high)
    means = rng.multinomial(len(values), counts / len(values), size=_DRAWS) @ distinct / len(values)
    low, high = np.quantile(means, ends)
    return float(low), float(high)


def expanded(values: Array, levels: Array) -> Array:
    """Quantiles of the mean of as many customers drawn from `values` (n,), see `bootstrap`; shape of `levels`."""
    n, mean, sd, z = len(values), values.mean(), values.std(), ndtri(levels)
    skewness = (((values - mean) / sd) ** 3).mean() / np.sqrt(n)
    return np.asarray(mean + sd / np.sqrt(n) * (z + skewness * (z**2 - 1) / 6))


def notes_of(table: pd.DataFrame, known: Attributes, history: History) -> Iterator[str]:
    """Which attributes are used, what their levels go with, and what was pooled or left out; a sentence each."""
    rules, words = history.intake.attributes, Spoken.of("en", history.intake.currency)
    title = {name: attribute_name(name, words) for name in (*known.names, *known.dropped)}
    for name in known.names:
        rows = table[table["attribute"] == name]
        read_by = str(rows["used_for"].iloc[0]) if len(rows) else ""
        if read_by:
            yield f"Attribute used to predict {read_by}: {title[name]}. {_levels(rows, words)}"
    used = set(table["attribute"][table["used_for"] != ""])
    if tested := [title[name] for name in known.names if name not in used and name not in _OF_EVERY_ORDER]:
        yield (
            f"Attributes without a use: {', '.join(tested)}. In past windows they showed no difference between "
            "customers beyond chance and what orders tell already, or no model that serves reads them."
        )
    quiet = set(_OF_EVERY_ORDER) - used
    for name, category in known.categories.items():
        if category.rare and name not in quiet:
            yield (
                f"Attribute {title[name]}: {len(category.rare):,} values with {category.customers:,} customers count "
                f"as {OTHER}; they have fewer than {rules.min_customers} customers each (attributes.min_customers), or "
                f"are beyond the {rules.most_levels} most frequent (attributes.most_levels)."
            )
    for name, levels in known.dropped.items():
        if name not in quiet:
            yield (
                f"Attribute {title[name]} is not used: none of its {levels:,} values has {rules.min_customers} "
                "customers (attributes.min_customers)."
            )


def _levels(rows: pd.DataFrame, words: Spoken) -> str:
    shown = rows.dropna(subset=["repeat_rate"]).head(_SHOWN)
    said = "; ".join(_level(row, words) for row in shown.to_dict("records"))
    more = f"; {len(rows) - len(shown)} more in attributes.csv" if len(rows) > len(shown) else ""
    return f"Within {int(rows['days'].iloc[0])} days of the first order: {said}{more}."


def _level(row: dict[Hashable, Any], words: Spoken) -> str:
    low, high = (words.one(words.money, row[name]) for name in ("value_lo", "value_hi"))
    return (
        f"{row['level']}: {percent(row['repeat_rate'])} order again ({percent(row['repeat_rate_lo'])} to "
        f"{percent(row['repeat_rate_hi'])}) and spend {words.one(words.money, row['value'])} ({low} to {high})"
    )

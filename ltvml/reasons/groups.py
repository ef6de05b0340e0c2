"""Which human idea each column belongs to: columns that say the same of a customer are one reason, not seven."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.contracts import BEHAVIOUR, LEARNER_COLUMNS, is_attribute
from ltvml.models.attributes.levels import attribute_of

if TYPE_CHECKING:
    from collections.abc import Iterable

ATTRIBUTES = "attributes"
"""The idea of what was known at the first order, whose columns are those of the shop."""


def _starting(*starts: str) -> tuple[str, ...]:
    return tuple(name for name in BEHAVIOUR.names if name.startswith(starts) and "year_ago" not in name)


GROUPS: dict[str, tuple[str, ...]] = {
    "silence": (
        "days_since_last",
        *_starting("silence_over"),
        "closed_form_p_buy",
        "closed_form_purchases",
    ),
    "rhythm": _starting("gap_"),
    "order_count": ("frequency", "order_rate"),
    "recent_orders": _starting("orders_"),
    "recent_spend": _starting("spend_"),
    "total_spend": ("historic_value", "spend_rate", "closed_form_value_repeat", "closed_form_value_all"),
    "order_value": (
        "monetary_value",
        "first_order_value",
        *_starting("order_value_"),
        "closed_form_order_value_repeat",
        "closed_form_order_value_all",
    ),
    "tenure": ("recency",),
    "order_size": ("lines_per_order", "lines_last", "quantity_per_order", "quantity_last", "baskets_per_day"),
    "price": ("unit_price_mean",),
    "variety": ("products_distinct", "products_new_share", "categories_distinct", "channels_distinct"),
    "returns": ("returns_share",),
    "discounts": ("discount_share",),
    "hour": ("hour_mean",),
    "weekday": ("weekend_share", "weekday_top_share"),
    "last_year": tuple(name for name in BEHAVIOUR.names if "year_ago" in name),
    "season": ("season_ahead", "season_behind"),
    ATTRIBUTES: (),
}
"""The columns of each idea; together they are `LEARNER_COLUMNS`, each once."""

ORDERED = tuple(
    sorted(GROUPS, key=lambda group: min((LEARNER_COLUMNS.index(name) for name in GROUPS[group]), default=10**6))
)
"""The ideas in the order of their first column: what decides between two of the same weight."""


def columns_of(group: str, names: Iterable[str]) -> list[str]:
    """Those of some columns that belong to an idea.

    Examples
    --------
    >>> columns_of("attributes", ["recency", "first_channel=shop"])
    ['first_channel=shop']
    """
    if group == ATTRIBUTES:
        return [name for name in names if is_attribute(attribute_of(name)[0])]
    known = set(names)
    return [name for name in GROUPS[group] if name in known]

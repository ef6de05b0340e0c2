"""One row a customer and item: what replenishment models read, and what they say."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table

PAIRS = Table(
    "customers x items",
    (
        Column("customer_id", "string", "customer"),
        Column("item", "string", "item: a category, or a product where there are no categories"),
        Column("cutoff_day", "int64", "last day seen, days since 1970-01-01"),
        Column("n_orders", "int64", "days on which the customer bought the item, net of returns"),
        Column("first_day", "int64", "first day on which the customer bought the item, days since 1970-01-01"),
        Column("last_day", "int64", "last day on which the customer bought the item"),
        Column("last_quantity", "float64", "units bought on the last day; null where not known"),
        Column("elapsed", "int64", "days from the last day to the cutoff"),
        Column("n_gaps", "int64", "n_orders - 1"),
        Column("gap_sum", "float64", "sum of gap / quantity ** elasticity, the quantity being that bought before it"),
        Column("gap_log_sum", "float64", "sum of ln gap - elasticity * ln quantity"),
        Column("frequency", "int64", "frequency of the customer, as in the summary"),
        Column("recency", "int64", "recency of the customer"),
        Column("T", "int64", "T of the customer"),
        Column("items", "int64", "items that the customer has bought"),
        Column("items_repeated", "int64", "items that the customer has bought on two or more days"),
        Column("item_days", "int64", "n_orders summed over the customer's items"),
    ),
)

REPLENISHMENT = Table(
    "replenishment",
    (
        Column("customer_id", "string", "customer"),
        Column("item", "string", "item: a category, or a product where there are no categories"),
        Column("last_order_date", "date", "last day on which the customer bought the item"),
        Column("last_quantity", "float64", "units bought that day; null where not known"),
        Column("n_orders", "int64", "days on which the customer bought the item"),
        Column("p_reorder_7", "float64", "probability that the item is bought again within 7 days of the cutoff"),
        Column("p_reorder_14", "float64", "the same probability within 14 days"),
        Column("p_reorder_28", "float64", "the same probability within 28 days"),
        Column("p_reorder_horizon", "float64", "the same probability within replenishment.horizon"),
        Column("replenishment_date", "date", "median date, given that the item is bought again within the horizon"),
        Column("replenishment_lo", "date", "10 % quantile of that date"),
        Column("replenishment_hi", "date", "90 % quantile of that date"),
        Column("stock_status", "string", "sufficient, about_to_replenish, depleted or lapsed"),
        Column(
            "basis",
            "string",
            "main source of the estimate: personal (own gaps), item, category, manual (days_per_unit)",
        ),
    ),
)

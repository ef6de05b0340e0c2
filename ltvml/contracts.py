"""The tables that cross a border: their columns, types and meanings. No heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["string", "int64", "float64", "date", "bool"]


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, its type and what it means."""

    name: str
    dtype: Dtype
    meaning: str
    required: bool = True


@dataclass(frozen=True)
class Table:
    """A named table with its columns in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The names that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


TRANSACTIONS = Table(
    "transactions",
    (
        Column("customer_id", "string", "who bought; kept as text, leading zeros included"),
        Column("order_date", "date", "date or timestamp of the order; a timestamp without a zone is local"),
        Column("amount", "float64", "net value of the line; negative for a return"),
        Column("order_id", "string", "basket; lets a return find the order it belongs to", required=False),
        Column("product_id", "string", "what was bought", required=False),
        Column("category", "string", "group of products", required=False),
        Column("quantity", "float64", "units on the line", required=False),
        Column("unit_price", "float64", "price of one unit", required=False),
        Column("cost", "float64", "cost of the line", required=False),
        Column("discount", "float64", "discount given on the line, positive", required=False),
        Column("channel", "string", "where it was bought", required=False),
        Column("currency", "string", "one currency a run; two are an error, not a sum", required=False),
    ),
)

LINES = Table(
    "lines",
    (
        Column("customer_id", "string", "as in transactions; empty text is null"),
        Column("day", "int64", "days since 1970-01-01, local"),
        Column("second", "int64", "second of the day, local; null where the source holds dates only", required=False),
        Column("amount", "int64", "net value of the line in minor units (pence, cents)"),
        Column("order_id", "string", "as in transactions", required=False),
        Column("product_id", "string", "as in transactions", required=False),
        Column("category", "string", "as in transactions", required=False),
        Column("quantity", "float64", "as in transactions", required=False),
        Column("unit_price", "float64", "as in transactions", required=False),
        Column("cost", "int64", "cost of the line in minor units", required=False),
        Column("discount", "int64", "discount of the line in minor units", required=False),
        Column("channel", "string", "as in transactions", required=False),
        Column("currency", "string", "as in transactions", required=False),
        Column("fault", "string", "why the row cannot be used; null where it can"),
    ),
)

SUMMARY = Table(
    "customer summary",
    (
        Column("customer_id", "string", "who"),
        Column("cutoff_day", "int64", "last day seen, days since 1970-01-01"),
        Column("frequency", "int64", "x: repeat purchase days"),
        Column("recency", "int64", "t_x: days from first to last purchase"),
        Column("T", "int64", "days from first purchase to the cutoff"),
        Column("monetary_value", "float64", "mean net value of the repeat purchase days; 0 where there is none"),
        Column("first_order_value", "float64", "net value of the first purchase day"),
        Column("historic_value", "float64", "net value of all purchase days"),
    ),
)

PAIRS = Table(
    "customers x items",
    (
        Column("customer_id", "string", "who"),
        Column("item", "string", "what: a category, or a product where there are none"),
        Column("cutoff_day", "int64", "last day seen, days since 1970-01-01"),
        Column("n_orders", "int64", "days on which the customer bought the item, net of returns"),
        Column("first_day", "int64", "first of them"),
        Column("last_day", "int64", "last of them"),
        Column("last_quantity", "float64", "units bought on the last of them; null where not known"),
        Column("elapsed", "int64", "days since the last of them"),
        Column("n_gaps", "int64", "n_orders - 1"),
        Column("gap_sum", "float64", "sum of gap / quantity ** elasticity, the quantity being that bought before it"),
        Column("gap_log_sum", "float64", "sum of ln gap - elasticity * ln quantity"),
        Column("frequency", "int64", "of the customer, as in the summary"),
        Column("recency", "int64", "of the customer"),
        Column("T", "int64", "of the customer"),
        Column("items", "int64", "items that the customer has bought"),
        Column("items_repeated", "int64", "items that the customer has bought on two or more days"),
        Column("item_days", "int64", "n_orders summed over the customer's items"),
    ),
)

REPLENISHMENT = Table(
    "replenishment",
    (
        Column("customer_id", "string", "who"),
        Column("item", "string", "what: a category, or a product where there are none"),
        Column("last_order_date", "date", "last day on which the customer bought the item"),
        Column("last_quantity", "float64", "units bought that day; null where not known"),
        Column("n_orders", "int64", "days on which the customer bought the item"),
        Column("p_reorder_7", "float64", "probability that the item is bought again within 7 days of the cutoff"),
        Column("p_reorder_14", "float64", "within 14 days"),
        Column("p_reorder_28", "float64", "within 28 days"),
        Column("p_reorder_horizon", "float64", "within replenishment.horizon"),
        Column("replenishment_date", "date", "median date, given that the item is bought again within the horizon"),
        Column("replenishment_lo", "date", "10 % quantile of that date"),
        Column("replenishment_hi", "date", "90 % quantile of that date"),
        Column("stock_status", "string", "sufficient, about_to_replenish, depleted or lapsed"),
        Column(
            "basis", "string", "what it rests on most: personal (own gaps), item, category or manual (days_per_unit)"
        ),
    ),
)

PRODUCTS = Table(
    "products",
    (
        Column("product_id", "string", "a product; a bundle has one row an item inside"),
        Column("contains", "string", "the item inside"),
        Column("units", "float64", "units of that item in one unit of the product; 1 where left out", required=False),
    ),
)

CONTACTS = Table(
    "contacts",
    (
        Column("customer_id", "string", "who"),
        Column("channel", "string", "by which way, as outreach.channels names it"),
        Column("sent_at", "date", "date or timestamp of the contact; a timestamp without a zone is local"),
        Column("campaign", "string", "of which campaign", required=False),
        Column("action", "string", "what was done, as outreach.actions names it", required=False),
        Column("treated", "bool", "false where the contact was held back; true where left out", required=False),
        Column("opened", "bool", "whether it was opened; null where not known", required=False),
        Column(
            "converted", "bool", "whether it was followed by what it asked for; null where not known", required=False
        ),
    ),
)

OUTREACH = Table(
    "outreach",
    (
        Column("rank", "int64", "from 1: by expected value, then by customer; who could get nothing comes last"),
        Column("customer_id", "string", "who"),
        Column("action", "string", "what is done or would be; null where nothing could be"),
        Column(
            "purpose",
            "string",
            "queue of that action: second_order, replenishment, cross_sell, win_back, vip_care, follow_up",
        ),
        Column("channel", "string", "by which way"),
        Column("due_date", "date", "when"),
        Column("item", "string", "with what; null where the action is about no item"),
        Column("reason", "string", "why, in words to read out"),
        Column("expected_value", "float64", "change in P(buy) x (LTV if bought - LTV if not) - cost - fatigue"),
        Column("cost", "float64", "money that the contact costs, channel included"),
        Column(
            "ev_basis", "string", "assumed (the effect is a setting) or measured (a campaign with a holdout showed it)"
        ),
        Column("group", "string", "treat, or holdout: left alone so that the effect can be measured"),
        Column("suppressed_by", "string", "why the contact is not made; null where it is"),
    ),
)

CUSTOMER_SCORES = Table(
    "customer scores",
    (
        Column("customer_id", "string", "who"),
        Column("cutoff", "date", "last day seen by the score, inclusive"),
        Column("n_orders", "int64", "purchase days up to the cutoff"),
        Column("first_order_date", "date", "first purchase day"),
        Column("last_order_date", "date", "last purchase day"),
        Column("days_since_last", "int64", "days from the last purchase to the cutoff"),
        Column("mean_gap_days", "float64", "mean days between purchases; null with one purchase"),
        Column("historic_value", "float64", "net value of all purchases up to the cutoff"),
        Column("p_alive", "float64", "probability of still being a customer at the cutoff; null where not identified"),
        Column("expected_purchases", "float64", "expected purchase days in the LTV horizon"),
        Column("expected_order_value", "float64", "expected value of one future purchase day"),
        Column("predicted_ltv", "float64", "discounted net value, times margin, in the LTV horizon"),
        Column("predicted_ltv_lo", "float64", "10 % quantile of that value, from what past cutoffs showed"),
        Column("predicted_ltv_hi", "float64", "90 % quantile of that value"),
        Column("total_value", "float64", "historic_value times margin + predicted_ltv"),
        Column("churn_risk", "float64", "probability of no purchase in the churn horizon"),
        Column("churn_band", "string", "low below 1/3, medium to 2/3, high above"),
        Column("next_purchase_date", "date", "median date, given a purchase within the churn horizon"),
        Column("next_purchase_lo", "date", "10 % quantile of that date"),
        Column("next_purchase_hi", "date", "90 % quantile of that date"),
        Column(
            "replenishment_date",
            "date",
            "when the next item is due; without items the next purchase date; null where no purchase is the likelier",
        ),
        Column("replenishment_item", "string", "the item due first among those likelier bought again than not"),
        Column("replenishment_probability", "float64", "P(that item is bought again within replenishment.horizon)"),
        Column("stock_status", "string", "what is left of that item: see the replenishment table"),
        Column("rfm_segment", "string", "named segment from recency, frequency and money"),
        Column("value_at_risk", "float64", "churn_risk times the value expected if the customer does buy"),
        Column("data_status", "string", "ok, or why a field is withheld"),
        Column("model_version", "string", "content hash of the bundle"),
    ),
)

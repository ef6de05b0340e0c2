"""The tables that cross a border: their columns, types and meanings. No heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable


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
        Column("customer_id", "string", "customer; kept as text, leading zeros included"),
        Column("order_date", "date", "date or timestamp of the order; a timestamp without a zone is local"),
        Column("amount", "float64", "net value of the line; negative for a return"),
        Column("order_id", "string", "basket; a return is netted against the order with its id", required=False),
        Column("product_id", "string", "product on the line", required=False),
        Column("category", "string", "group of products", required=False),
        Column("item_name", "string", "name of the product, shown where the product is an item", required=False),
        Column("quantity", "float64", "units on the line", required=False),
        Column("unit_price", "float64", "price of one unit", required=False),
        Column("cost", "float64", "cost of the line", required=False),
        Column("discount", "float64", "discount given on the line, positive", required=False),
        Column("channel", "string", "sales channel", required=False),
        Column("country", "string", "country of the order", required=False),
        Column("currency", "string", "currency of the amounts; more than one in a run is an error", required=False),
        Column("refund", "float64", "part of the amount that was refunded; its sign does not count", required=False),
        Column("order_time", "string", "time of the order, where order_date has none", required=False),
        Column("rating", "float64", "number that the customer gave the order, more being better", required=False),
        Column("complaint", "bool", "whether the customer complained; yes or no, true or false", required=False),
        Column(
            "late", "bool", "whether the order came late; without it promised_date and delivered_date", required=False
        ),
        Column("promised_date", "date", "day by which the order was to arrive", required=False),
        Column("delivered_date", "date", "day on which it arrived, and on which late is known", required=False),
        Column(
            "experience_date",
            "date",
            "day on which rating and complaint were known; order_date without it",
            required=False,
        ),
    ),
)
ONE = "1"
"""In place of the name of the column of amounts: each line is worth 1, so that values are counts."""

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
        Column("item_name", "string", "as in transactions", required=False),
        Column("quantity", "float64", "as in transactions", required=False),
        Column("unit_price", "float64", "as in transactions", required=False),
        Column("cost", "int64", "cost of the line in minor units", required=False),
        Column("discount", "int64", "discount of the line in minor units", required=False),
        Column("channel", "string", "as in transactions", required=False),
        Column("country", "string", "as in transactions", required=False),
        Column("currency", "string", "as in transactions", required=False),
        Column("rating", "float64", "as in transactions; null where not known", required=False),
        Column("complaint", "int64", "1 yes, 0 no, null where not known", required=False),
        Column("late", "int64", "1 late, 0 in time, null where not known", required=False),
        Column(
            "noted_day", "int64", "day on which rating and complaint were known, never before the order", required=False
        ),
        Column("delivered_day", "int64", "day on which late was known, never before the order", required=False),
        Column(
            "unclear", "string", "column of an experience that holds what cannot be read; else null", required=False
        ),
        Column("refund", "int64", "refund in minor units, 0 where there is none; netted by the check", required=False),
        Column("file", "int64", "number of the file among several, in the order of their names", required=False),
        Column(
            "written",
            "string",
            "text of a date or amount that cannot be read, or that its neighbours must explain; null elsewhere",
            required=False,
        ),
        Column("fault", "string", "why the row cannot be used; null where it can"),
    ),
)

SUMMARY = Table(
    "customer summary",
    (
        Column("customer_id", "string", "customer"),
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

PRODUCTS = Table(
    "products",
    (
        Column("product_id", "string", "product; a bundle has one row per item it contains"),
        Column(
            "contains", "string", "item that the product contains; not needed where there is a name", required=False
        ),
        Column("units", "float64", "units of that item in one unit of the product; 1 if missing", required=False),
        Column(
            "name",
            "string",
            "name of the product, shown where it is an item; before item_name of the orders",
            required=False,
        ),
    ),
)

CONTACTS = Table(
    "contacts",
    (
        Column("customer_id", "string", "customer"),
        Column("channel", "string", "channel of the contact, a name from outreach.channels"),
        Column("sent_at", "date", "date or timestamp of the contact; a timestamp without a zone is local"),
        Column("campaign", "string", "campaign of the contact", required=False),
        Column("action", "string", "action of the contact, a name from outreach.actions", required=False),
        Column("treated", "bool", "false where the contact was not made; true if missing", required=False),
        Column("opened", "bool", "whether it was opened; null where not known", required=False),
        Column("converted", "bool", "whether the customer converted; null where not known", required=False),
    ),
)

OUTREACH = Table(
    "outreach",
    (
        Column(
            "rank", "int64", "from 1: by expected value, then by customer_id; customers without an action come last"
        ),
        Column("customer_id", "string", "customer"),
        Column("action", "string", "action planned, or the best one suppressed; null where none is possible"),
        Column(
            "purpose",
            "string",
            "queue of that action: second_order, replenishment, cross_sell, win_back, vip_care, follow_up",
        ),
        Column("channel", "string", "channel of the contact"),
        Column("due_date", "date", "date of the contact"),
        Column("item", "string", "item to offer; null where the action needs none"),
        Column("reason", "string", "reason for the contact, as a sentence"),
        Column("expected_value", "float64", "change in P(buy) x margin of a purchase (outreach.gain) - cost - fatigue"),
        Column("cost", "float64", "cost of the contact in money, channel included"),
        Column("ev_basis", "string", "assumed (the effect is a setting) or measured (in a campaign with a holdout)"),
        Column("group", "string", "treat, or holdout: not contacted, so that the effect can be measured"),
        Column("suppressed_by", "string", "reason why the contact is not made; null where it is made"),
    ),
)

BUNDLES = Table(
    "bundles",
    (
        Column("star", "string", "item that many customers now buy for the first time"),
        Column("complement", "string", "item that most surely goes into the same basket"),
        Column("together", "int64", "customers who first bought both on one day"),
        Column("lift", "float64", "how many times more often than baskets of that size would have both by chance"),
        Column("lift_lo", "float64", "lower end of the interval of the lift; above 1"),
        Column("lift_hi", "float64", "upper end of that interval"),
        Column("star_price", "float64", "usual price of one piece: mean price paid up to the cutoff; empty if unknown"),
        Column("complement_price", "float64", "the same of the complement"),
        Column("price", "float64", "sum of the two usual prices, before any discount for the bundle"),
    ),
)

SUCCESSIONS = Table(
    "successions",
    (
        Column("older", "string", "item that is replaced"),
        Column("newer", "string", "item that replaces it"),
        Column("stopped", "int64", "customers who did not buy the older one again once they had bought the newer"),
        Column("again", "int64", "customers who did"),
        Column("basis", "string", "learned from the orders, or given by outreach.items.succeeds"),
    ),
)

CLAIMS = Table(
    "claims",
    (
        Column("by", "string", "all or action"),
        Column("name", "string", "action; all in the first row"),
        Column("contacts", "int64", "contacts planned, customers held out not among them"),
        Column("sent", "float64", "contacts of the plan in the contacts log; empty without one"),
        Column("cost", "float64", "cost of the contacts sent, or planned where no log says which were sent"),
        Column("claimed_orders", "float64", "extra orders that the plan expected from them: sum of change in P(buy)"),
        Column("claimed_value", "float64", "margin that the plan expected from them: sum of change in P(buy) x gain"),
        Column("claimed_later", "float64", "part of it after the window, by outreach.lifetime_share; not compared"),
        Column("measured_orders", "float64", "customers of the plan with an order in the window, more than without it"),
        Column("measured_orders_lo", "float64", "lower end of the 80 % interval of measured_orders"),
        Column("measured_orders_hi", "float64", "upper end of that interval"),
        Column("measured_value", "float64", "margin in the window, more than without the plan"),
        Column("measured_value_lo", "float64", "lower end of the 80 % interval of measured_value"),
        Column("measured_value_hi", "float64", "upper end of that interval"),
        Column("ratio", "float64", "(claimed_value - claimed_later) / measured_value; empty where none was measured"),
        Column("verdict", "string", "claim inside, above or below the interval of value; unknown without an interval"),
    ),
)

TASKS = Table(
    "tasks",
    (
        Column("customer_id", "string", "customer"),
        Column(
            "action",
            "string",
            "delivery_check, use_check, feedback_request, transition_reminder, care_message or points_expiry",
        ),
        Column("item", "string", "item or topic; null where it is about the order as a whole"),
        Column("channel", "string", "channel of the contact; null where it is not made"),
        Column("due_date", "date", "date of the contact; null where it is not made"),
        Column("from_date", "date", "first day on which it may be made"),
        Column(
            "until_date",
            "date",
            "last such day; where it is after the days planned, a task that is not made comes again",
        ),
        Column("reason", "string", "reason for the contact, as a sentence"),
        Column(
            "suppressed_by",
            "string",
            "done, opted_out, open_case, no_channel, cap or capacity; null where it is made",
        ),
    ),
)

ABOUT_CUSTOMERS = Table(
    "lists",
    (
        Column("item_name", "string", "name of the item; the item itself where it has none"),
        Column("stage", "string", "stage of the relationship, in words"),
        Column("tags", "string", "tags of the customer that hold, the shop's own among them, in words"),
        Column("last_order", "date", "date of the last order"),
        Column("stock", "string", "stock status of the contact's item, or of the item due first where it names none"),
        Column("hour", "string", "two hours in which to send: active hours of the customer, else of the shop; 8 to 22"),
        Column("preferred_channel", "string", "channel of the table customers, else by the contacts log, in words"),
    ),
)

CUSTOMER_SCORES = Table(
    "customer scores",
    (
        Column("customer_id", "string", "customer"),
        Column("cutoff", "date", "last day of the orders used, inclusive"),
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
        Column("predicted_ltv_lo", "float64", "10 % quantile of that value, calibrated at past cutoffs"),
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
            "date the next item is due; without items next_purchase_date; null where no purchase is more likely",
        ),
        Column("replenishment_item", "string", "item due first among those with a probability of 0.5 or more"),
        Column("replenishment_probability", "float64", "P(that item is bought again within replenishment.horizon)"),
        Column("stock_status", "string", "stock status of that item, see the replenishment table"),
        Column("rfm_segment", "string", "named segment from recency, frequency and money"),
        Column(
            "recency_score", "int64", "1 to 5, the latest 5; by the breaks of the fit, or rfm.recency", required=False
        ),
        Column("frequency_score", "int64", "1 (one-time buyers) to 5; by the fit, or rfm.frequency", required=False),
        Column("money_score", "int64", "1 to 5, the highest value 5; by the fit, or rfm.money", required=False),
        Column("risk_change", "float64", "churn_risk less that of the last earlier scores", required=False),
        Column(
            "risk_alert",
            "string",
            "news: risk rose by alerts.beyond more than waiting explains; silence: by alerts.rise; else null",
            required=False,
        ),
        Column(
            "value_at_risk",
            "float64",
            "predicted_ltv less the value expected if there is no purchase in the churn horizon",
        ),
        Column("data_status", "string", "ok, or the reason why a field is empty"),
        Column("model_version", "string", "content hash of the bundle"),
    ),
)


FORECAST = Table(
    "forecast",
    (
        Column("group", "string", "today: customers seen by the cutoff; new: those who join after it; all: both"),
        Column("period", "int64", "number of the period, from 1"),
        Column("from_date", "date", "first day of the period"),
        Column("to_date", "date", "last day of the period, inclusive"),
        Column("new_customers", "float64", "expected first purchases; null for the customers of today"),
        Column("purchases", "float64", "expected purchase days"),
        Column("purchases_lo", "float64", "10 % quantile, from the errors of the same forecast at past cutoffs"),
        Column("purchases_hi", "float64", "90 % quantile"),
        Column("revenue", "float64", "expected net value, before margin and discount"),
        Column("revenue_lo", "float64", "10 % quantile of it"),
        Column("revenue_hi", "float64", "90 % quantile of it"),
    ),
)


WATCHED_SCORES = Table(
    "watched scores",
    (
        Column("cutoff", "date", "last day that the scores have seen"),
        Column("model_version", "string", "content hash of the bundle that scored"),
        Column("days", "int64", "days that were judged: the churn horizon, or the longest window that has ended"),
        Column("ended", "bool", "whether the churn horizon has ended"),
        Column("customers", "int64", "customers judged: a hashed sample of at most 100,000"),
        Column("buyers", "int64", "customers with a purchase within these days"),
        Column("expected_buyers", "float64", "sum of the probabilities of a purchase"),
        Column("expected_sd", "float64", "standard deviation of that number among independent customers"),
        Column("level", "float64", "buyers over expected_buyers"),
        Column("log_loss", "float64", "mean log-loss of the probability of a purchase", required=False),
        Column("log_loss_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("excess_loss", "float64", "log_loss less what the probabilities themselves imply", required=False),
        Column("excess_loss_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("worse", "float64", "excess less promised, in standard deviations", required=False),
        Column("ece", "float64", "expected calibration error, ten bins of equal count", required=False),
        Column("ece_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("auc", "float64", "area under the ROC curve", required=False),
        Column("date_coverage", "float64", "share of returning customers inside their date window", required=False),
        Column("date_returns", "float64", "customers who came back within the churn horizon", required=False),
        Column("value", "float64", "discounted value that came in the LTV horizon, times margin", required=False),
        Column("expected_value", "float64", "sum of predicted_ltv", required=False),
        Column("gini", "float64", "normalised Gini of predicted_ltv", required=False),
        Column("gini_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("decile_mape", "float64", "mean relative error of the tenths by predicted_ltv", required=False),
        Column("decile_mape_promised", "float64", "mean of it at the cutoffs of the backtest", required=False),
        Column("value_coverage", "float64", "share of customers inside the 80 % interval of value", required=False),
    ),
)

WATCHED_LEVELS = Table(
    "watched levels",
    (
        Column("cutoff", "date", "last day that the scores have seen"),
        Column("until", "date", "last day of the window"),
        Column("days", "int64", "days of the window"),
        Column("actual", "float64", "customers with a purchase in it"),
        Column("expected", "float64", "sum of the probabilities of a purchase"),
        Column("variance", "float64", "variance of that number among independent customers"),
        Column("z", "float64", "difference in standard deviations, the noise of weeks included"),
        Column("up", "float64", "CUSUM of more buyers than expected"),
        Column("down", "float64", "CUSUM of fewer buyers than expected"),
        Column("threshold", "float64", "above which a sum says that the level has changed"),
    ),
)

WATCHED_DRIFT = Table(
    "watched drift",
    (
        Column("measure", "string", "what is compared"),
        Column("before_from", "date", "first day of the period before, inside what the fit has seen"),
        Column("before_to", "date", "last day of it"),
        Column("now_from", "date", "first day of the period now"),
        Column("now_to", "date", "last day of it"),
        Column("before", "float64", "median, count or share before"),
        Column("now", "float64", "median, count or share now"),
        Column("customers_before", "int64", "customers compared, before"),
        Column("customers_now", "int64", "customers compared, now"),
        Column("size", "float64", "population stability index; of n_ and share_ the ratio of now over before"),
        Column("by_chance", "float64", "mean of the index without any drift; of a ratio its upper 95 % bound"),
        Column("p_value", "float64", "chance of as much without any drift"),
        Column("verdict", "string", "fine, notable, large or too few"),
    ),
)


COHORTS = Table(
    "cohorts",
    (
        Column("cohort", "string", "period of the first order: 2011-03, 2011-Q1 or the Monday of a week"),
        Column("from_date", "date", "first day of the period"),
        Column(
            "customers", "int64", "customers whose first order was in it; figures of fewer than cohorts.fewest are null"
        ),
        Column("orders", "float64", "purchase days up to the cutoff"),
        Column("repeat_customers", "float64", "customers with a second purchase day"),
        Column("repeat_rate", "float64", "share of them"),
        Column(
            "periods_to_second", "float64", "median periods from the first to the second purchase, of those who had one"
        ),
        Column("revenue", "float64", "net value up to the cutoff"),
        Column("first_revenue", "float64", "net value of first purchases"),
        Column("revenue_per_customer", "float64", "net value up to the cutoff a customer"),
        Column("margin_per_customer", "float64", "times value.margin"),
        Column("predicted_value", "float64", "sum of predicted_ltv; null without a fitted model"),
        Column("predicted_value_lo", "float64", "10 % quantile of what the cohort brings"),
        Column("predicted_value_hi", "float64", "90 % quantile"),
        Column("lifetime_value_per_customer", "float64", "margin so far plus predicted value, a customer"),
        Column("acquisition_cost", "float64", "what winning a customer cost, by the table of costs"),
        Column("value_to_cost", "float64", "lifetime value over acquisition cost"),
        Column(
            "payback_periods", "float64", "periods until the margin of a customer reached the cost; null where not yet"
        ),
        Column("break_even_probability", "float64", "that lifetime value reaches the cost"),
    ),
)

ACQUISITION = Table(
    "acquisition",
    (
        Column(
            "attribute", "string", "channel, country or category of the first order, or one of attributes.customers"
        ),
        Column("level", "string", "its value; (other) for all but the twelve most frequent, (missing) where not known"),
        Column("customers", "int64", "customers of the level; figures of fewer than cohorts.fewest are null"),
        Column("repeat_rate", "float64", "share with a second purchase day up to the cutoff"),
        Column("revenue_per_customer", "float64", "net value up to the cutoff a customer"),
        Column("margin_per_customer", "float64", "times value.margin"),
        Column("predicted_value", "float64", "sum of predicted_ltv; null without a fitted model"),
        Column("predicted_value_lo", "float64", "10 % quantile of what the customers of the level bring"),
        Column("predicted_value_hi", "float64", "90 % quantile"),
        Column("lifetime_value_per_customer", "float64", "margin so far plus predicted value, a customer"),
        Column("acquisition_cost", "float64", "what winning these customers cost, by the table of costs"),
        Column("value_to_cost", "float64", "lifetime value over acquisition cost"),
        Column("break_even_probability", "float64", "that lifetime value reaches the cost"),
    ),
)

FIRST_EXPERIENCE = Table(
    "first experience",
    (
        Column("signal", "string", "rating, complaint, late or returned: what the first order day was like"),
        Column("limit", "float64", "rating up to which it was bad, or value above which: 0 is none"),
        Column("from_day", "int64", "first of the days compared, after the first order; what was known before counts"),
        Column("to_day", "int64", "last day after it"),
        Column("customers_bad", "int64", "customers with a bad first experience who were seen for that long"),
        Column("customers_good", "int64", "those with a good one; figures below cohorts.fewest of either are null"),
        Column("not_known", "int64", "those of whom nothing was known by then"),
        Column("retention_bad", "float64", "share of the first who ordered again in these days"),
        Column("retention_bad_lo", "float64", "lower end of its 95 % interval (Wilson)"),
        Column("retention_bad_hi", "float64", "upper end of that interval"),
        Column("retention_good", "float64", "share of the others"),
        Column("retention_good_lo", "float64", "lower end of its 95 % interval"),
        Column("retention_good_hi", "float64", "upper end of that interval"),
        Column("difference", "float64", "bad less good within tenths of first-order value (Mantel-Haenszel)"),
        Column("difference_lo", "float64", "lower end of its 95 % interval (Klingenberg)"),
        Column("difference_hi", "float64", "upper end of that interval"),
        Column("difference_se", "float64", "its standard error (Sato)"),
        Column("matched", "int64", "customers of the tenths that have both"),
    ),
)

COHORT_PERIODS = Table(
    "cohort periods",
    (
        Column("cohort", "string", "period of the first order"),
        Column("age", "int64", "periods since that one, from 0"),
        Column("from_date", "date", "first day of the period"),
        Column("closed", "bool", "whether the period had ended by the cutoff"),
        Column("customers", "int64", "customers of the cohort; figures of fewer than cohorts.fewest are null"),
        Column("active_customers", "float64", "those who ordered in the period"),
        Column("retention", "float64", "share of them"),
        Column("orders", "float64", "purchase days in the period"),
        Column("revenue", "float64", "net value in the period"),
        Column("repeat_rate", "float64", "share with a second purchase day by the end of the period"),
        Column("cumulative_revenue_per_customer", "float64", "net value a customer by the end of the period"),
        Column("cumulative_margin_per_customer", "float64", "times value.margin"),
    ),
)

COHORT_LEVELS = Table(
    "cohorts by attribute",
    (
        Column("attribute", "string", "one of cohorts.attributes"),
        Column("level", "string", "its value at the first order, a range of numbers, (other) or (missing)"),
        *COHORT_PERIODS.columns,
    ),
)


def horizon_columns(days: int) -> tuple[Column, ...]:
    """What the customer table holds for one of `window.horizons`."""
    within = f"within {days} days of the cutoff"
    return (
        Column(f"churn_risk_{days}", "float64", f"probability of no purchase {within}"),
        Column(f"predicted_purchases_{days}", "float64", f"expected purchase days {within}"),
        Column(f"predicted_ltv_{days}", "float64", f"discounted net value, times margin, {within}"),
        Column(f"predicted_ltv_{days}_lo", "float64", "10 % quantile of that value"),
        Column(f"predicted_ltv_{days}_hi", "float64", "90 % quantile of that value"),
    )


def customer_table(horizons: Iterable[int]) -> Table:
    """The customer scores with the columns of every one of `window.horizons` at their end."""
    further = (column for days in horizons for column in horizon_columns(days))
    return Table(CUSTOMER_SCORES.name, (*CUSTOMER_SCORES.columns, *further))


def purchase_probabilities(windows: Iterable[int], watched: Iterable[int] = ()) -> Table:
    """The table that outreach and watch read beside the customer scores: a row a customer, two columns a window.

    Parameters
    ----------
    windows : iterable of int
        Days.
    watched : iterable of int
        Further days, of which watch reads the chance alone.
    """
    given = tuple(windows)
    columns = [Column("customer_id", "string", "customer")]
    for days in given:
        columns += [
            Column(f"p_buy_{days}", "float64", f"probability of a purchase within {days} days of the cutoff"),
            Column(
                f"value_gain_{days}",
                "float64",
                f"predicted_ltv if the customer buys within {days} days, minus predicted_ltv if not",
            ),
        ]
    columns += [
        Column(f"p_buy_{days}", "float64", f"probability of a purchase within {days} days of the cutoff")
        for days in watched
        if days not in given
    ]
    return Table("purchase probabilities", tuple(columns))


WATCHED_DAYS = 7
"""Of the shortest window in which `ltvml watch` counts buyers."""


COUNT_WINDOWS = (7, 14, 30, 60, 90, 180, 365)
SPEND_WINDOWS = (30, 90, 180, 365)
COUNT_HALF_LIVES = (7, 30, 90, 180)
SPEND_HALF_LIVES = (30, 90, 180)
YEAR_AGO_WINDOWS = (30, 90)


def _float(name: str, meaning: str, *, required: bool = True) -> Column:
    return Column(name, "float64", meaning, required=required)


def _windows() -> Iterable[Column]:
    for days in COUNT_WINDOWS:
        yield _float(f"orders_{days}d", f"order days with age < {days}")
    for days in SPEND_WINDOWS:
        yield _float(f"spend_{days}d", f"value of the order days with age < {days}")
    for days in COUNT_HALF_LIVES:
        yield _float(f"orders_half_life_{days}d", f"sum of 0.5 ** (age / {days}) over order days")
    for days in SPEND_HALF_LIVES:
        yield _float(f"spend_half_life_{days}d", f"sum of value * 0.5 ** (age / {days}) over order days")
    for days in YEAR_AGO_WINDOWS:
        seen = f"{365 - days} <= age < 365; null where T < 365"
        yield _float(f"orders_year_ago_{days}d", f"order days with {seen}")
        yield _float(f"spend_year_ago_{days}d", f"value of the order days with {seen}")


BEHAVIOUR = Table(
    "behaviour",
    (
        *_windows(),
        _float("gap_mean", "mean gap; null with one order day, like every gap column"),
        _float("gap_median", "median gap (mean of the middle two)"),
        _float("gap_sd", "sample standard deviation of the gaps (n - 1); null with fewer than two gaps"),
        _float("gap_min", "shortest gap"),
        _float("gap_max", "longest gap"),
        _float("gap_last", "last gap"),
        _float("silence_over_gap_mean", "(T - recency) / gap_mean"),
        _float("silence_over_gap_median", "(T - recency) / gap_median"),
        _float("silence_over_gap_max", "(T - recency) / gap_max"),
        _float("order_value_last", "value of the last order day"),
        _float("order_value_median", "median value of an order day"),
        _float("order_value_max", "largest value of an order day"),
        _float("order_value_sd", "sample standard deviation of the values; null with one order day"),
        _float("lines_per_order", "rows of the transactions / order days"),
        _float("lines_last", "rows of the transactions on the last order day"),
        _float("quantity_per_order", "units / order days", required=False),
        _float("quantity_last", "units on the last order day", required=False),
        _float("unit_price_mean", "historic value / units; null where units <= 0", required=False),
        _float("baskets_per_day", "distinct (day, order_id) of the lines without returns / order days", required=False),
        _float("products_distinct", "distinct product_id", required=False),
        _float("products_new_share", "products_distinct / rows of the transactions", required=False),
        _float("categories_distinct", "distinct category", required=False),
        _float("returns_share", "-(sum of negative line amounts) / (sum of positive ones); 0 without returns"),
        _float("discount_share", "sum of discount / (historic value + sum of discount)", required=False),
        _float("channels_distinct", "distinct channel", required=False),
        _float("hour_mean", "hour of the day (second / 3600), averaged over lines", required=False),
        _float("weekend_share", "share of the order days on Saturday or Sunday"),
        _float("weekday_top_share", "share of the order days on the customer's commonest weekday"),
    ),
)

FIRST_ORDER = Table(
    "attributes of the first order",
    (
        Column("first_channel", "string", "channel of the line of the highest value on the first day", required=False),
        Column("first_country", "string", "country of that line", required=False),
        Column("first_category", "string", "category of that line", required=False),
        _float("first_lines", "rows of the transactions on the first order day, returns left out"),
        _float("first_units", "units on the first order day", required=False),
        _float("first_discount_share", "sum of discount / (value + sum of discount) of that day", required=False),
    ),
)
EXPERIENCE = Table(
    "experience",
    (
        _float("first_rating", "mean rating of the first order day, as far as known by the cutoff", required=False),
        _float("rating_mean", "mean of the ratings of all order days", required=False),
        _float("last_rating", "rating of the last order day that has one", required=False),
        _float("first_complaint", "1 where the first order had a complaint, 0 where it had none", required=False),
        _float("complaint_share", "order days with a complaint / order days of which it is known", required=False),
        _float("last_complaint", "complaint of the last order day of which it is known", required=False),
        _float("first_late", "1 where the first order came late, 0 where it came in time", required=False),
        _float("late_share", "order days that came late / order days of which it is known", required=False),
        _float("last_late", "whether the last order day of which it is known came late", required=False),
        _float(
            "first_returned", "share of the first order day's money that was returned by the cutoff", required=False
        ),
        _float("last_returned", "share of the last order day's money that was returned by the cutoff", required=False),
    ),
)
SIGNALS = ("rating", "complaint", "late", "returned")
"""What an order was like: columns of the lines, and the share of its money that came back."""
OF_CUSTOMERS = "attribute_"
"""Begins the name of a column that comes from the table of customers."""


def is_attribute(name: str) -> bool:
    """Whether a column says what was known of a customer besides when and for how much they bought."""
    return name in FIRST_ORDER.names or name in EXPERIENCE.names or name.startswith(OF_CUSTOMERS)


ATTRIBUTES = Table(
    "attributes",
    (
        Column("attribute", "string", "column of the first order, or of the table customers"),
        Column("level", "string", "its value, a range of numbers, (other) for pooled values, or (missing)"),
        Column("customers", "int64", "customers of the level; not shown below attributes.min_customers, but pooled"),
        Column("followed", "int64", "those of them who were seen for `days` days after the first order"),
        Column("days", "int64", "days after the first order that the rates and values are about"),
        Column("repeat_rate", "float64", "share of them with another order day within these days"),
        Column("repeat_rate_lo", "float64", "lower end of its 95 % interval (Wilson)"),
        Column("repeat_rate_hi", "float64", "upper end of that interval"),
        Column("value", "float64", "mean net value within these days, the first order left out"),
        Column("value_lo", "float64", "lower end of its 95 % interval (bootstrap)"),
        Column("value_hi", "float64", "upper end of that interval"),
        Column("used_for", "string", "churn, value, or churn and value: the predictions that read it; empty for none"),
    ),
)

CLOSED_FORM = Table(
    "closed form",
    (
        _float("closed_form_p_buy", "P(a purchase within the label window), closed form fitted as of the origin"),
        _float("closed_form_purchases", "expected purchases in the label window"),
        _float("closed_form_order_value_repeat", "Gamma-Gamma on repeat orders: expected value of one order"),
        _float("closed_form_order_value_all", "Gamma-Gamma on all orders: expected value of one order"),
        _float("closed_form_value_repeat", "expected purchases times the order value, repeat orders"),
        _float("closed_form_value_all", "expected purchases times the order value, all orders"),
        _float("season_ahead", "operational days of the label window / its calendar days; 1 without season"),
        _float("season_behind", "operational days of the last 90 days / 90; 1 without season"),
    ),
)

DERIVED = Table(
    "derived from the summary",
    (
        _float("frequency", "repeat purchase days"),
        _float("recency", "days from first to last purchase"),
        _float("days_since_last", "T - recency"),
        _float("monetary_value", "mean net value of the repeat purchase days"),
        _float("first_order_value", "net value of the first purchase day"),
        _float("historic_value", "net value of all purchase days"),
        _float("order_rate", "(frequency + 1) / (T + 30): order days per day, shrunk for new customers"),
        _float("spend_rate", "historic_value / (T + 30): currency per day, shrunk for new customers"),
    ),
)

LEARNER_COLUMNS = (*DERIVED.names, *BEHAVIOUR.names, *CLOSED_FORM.names)
"""Every column a learner may read, in order."""

GROW_WITH_SILENCE = frozenset(
    {"days_since_last", *(name for name in BEHAVIOUR.names if name.startswith("silence_over"))}
)
"""Columns that rise as a customer stays silent: more of them never lowers churn risk."""

SHRINK_WITH_SILENCE = frozenset(
    {
        "order_rate",
        "spend_rate",
        "closed_form_p_buy",
        "closed_form_purchases",
        "closed_form_value_repeat",
        "closed_form_value_all",
        *(f"orders_{days}d" for days in COUNT_WINDOWS),
        *(f"spend_{days}d" for days in SPEND_WINDOWS),
        *(f"orders_half_life_{days}d" for days in COUNT_HALF_LIVES),
        *(f"spend_half_life_{days}d" for days in SPEND_HALF_LIVES),
    }
)
"""Columns that fall as a customer stays silent: less of them never lowers churn risk. All that fall are here, so that a
customer who stays silent can only move one way; `season_*` and `*_year_ago_*` follow the calendar instead."""

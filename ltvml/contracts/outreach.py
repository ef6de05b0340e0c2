"""What a plan writes: contacts, tasks, pairs of items, claims and measurements."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table

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

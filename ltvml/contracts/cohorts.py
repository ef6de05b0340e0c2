"""What `ltvml cohorts` writes."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table

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

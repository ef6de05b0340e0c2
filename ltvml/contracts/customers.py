"""One row a customer: the summary that models read, and the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.contracts.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

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

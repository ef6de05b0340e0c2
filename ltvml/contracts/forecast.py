"""What a forecast writes."""

from __future__ import annotations

from ltvml.contracts.table import Column, Table

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

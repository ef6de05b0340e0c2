"""The report about all customers, and those most at risk."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "score.customers": "{count}, seen up to {cutoff}",
    "score.bands": "{low} low, {medium} medium, {high} high (no purchase in {days})",
    "score.counts": "counts purchases: transactions.columns.amount is 1",
    "score.total": "{amount} in {days}",
}

"""Features: narwhals expressions over lazy tables, the same on every engine, keyed by customer_id."""

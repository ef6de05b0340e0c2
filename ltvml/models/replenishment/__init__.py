"""Models of when each customer needs each item again."""

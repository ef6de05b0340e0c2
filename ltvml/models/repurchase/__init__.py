"""Models of whether, and when, a customer buys again."""

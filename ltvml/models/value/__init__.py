"""Models of what a customer will spend within a horizon."""

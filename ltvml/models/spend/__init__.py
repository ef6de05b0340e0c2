"""Models of what one purchase is worth."""

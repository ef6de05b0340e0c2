"""What to offer."""

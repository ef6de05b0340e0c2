"""The season of a shop."""

"""The tables that a plan of contacts reads."""

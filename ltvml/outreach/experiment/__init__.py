"""Holdout, power and measured effects."""

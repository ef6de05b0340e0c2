"""Customers by items: days, gaps, pairs."""

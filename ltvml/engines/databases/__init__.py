"""Databases as places of orders and of results: addresses, connections, tables."""

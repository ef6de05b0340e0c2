"""The small tables beside the orders: contacts, opt-outs, customers, products, and whose rows they are."""

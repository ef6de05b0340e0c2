"""Service contacts: what is owed to a customer, planned before any offer and never traded for money."""

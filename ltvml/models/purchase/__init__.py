"""How many purchases, and is the customer still one? The beta-geometric family, on the calendar or on a clock."""

"""What was known of a customer at the first order, as learners read it."""

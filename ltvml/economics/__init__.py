"""What customers are worth in plain arithmetic: cohorts, levers, lifetimes, what they cost and whom they bring."""

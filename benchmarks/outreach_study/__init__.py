"""Studies of the outreach plan; no command uses them."""

"""Who is contacted, when, with what and why, and who is left alone: pure functions of tables."""

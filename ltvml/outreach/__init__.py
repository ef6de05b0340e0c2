"""Who is contacted, when, with what and why, and who is not contacted: pure functions of tables."""

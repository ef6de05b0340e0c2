"""Files: what a path means, how its text is encoded, what is packed inside, and the SQL that reads it."""

"""Values as people write them: numbers, dates, times, ids and states, and the SQL that reads them."""

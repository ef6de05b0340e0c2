"""Text, number formats and phrases."""

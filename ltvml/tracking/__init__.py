"""What a run leaves in an experiment tracker: items, and the places that keep them."""

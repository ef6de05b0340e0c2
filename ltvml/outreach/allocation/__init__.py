"""Who is chosen within capacity and budget."""

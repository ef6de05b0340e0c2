"""What comes in: orders, contacts, products, and the first configuration guessed from a file."""

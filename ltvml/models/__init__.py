"""Models, one folder a role: fitted to arrays, written as plain values; a model's name is its file's name."""

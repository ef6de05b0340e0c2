"""What a reason reads like, one file a language: a table from keys to templates."""

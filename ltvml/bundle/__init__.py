"""Fitted models with what they need to score, as a folder of text."""

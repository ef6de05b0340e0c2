"""The first look at a file: which column is which, which platform wrote it, and the configuration drafted from it."""

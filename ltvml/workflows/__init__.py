"""The jobs, one file each, read from top to bottom: they call every room below and are called by the command line."""

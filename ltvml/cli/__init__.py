"""The command line: parse, call one workflow, print, exit. Nothing heavy is imported before a command runs."""

from ltvml.cli.app import main

__all__ = ["main"]

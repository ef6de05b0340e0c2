"""`python -m ltvml.cli` is `ltvml`."""

from ltvml.cli.app import main

main()

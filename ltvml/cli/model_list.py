"""The command that lists the models."""

from ltvml.cli.session import Document, session
from ltvml.cli.options import AsJson, Debug, Quiet
from ltvml.cli.examples import examples

MODELS_EXAMPLES = examples("ltvml models", "ltvml models --json")
def models(as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the models of each role; * marks what `auto` stands for."""

"""The command that lists the models."""

import textwrap
from collections.abc import Mapping

from ltvml.cli.examples import examples
from ltvml.cli.options import AsJson, Debug, Quiet
from ltvml.cli.session import Document, session

WIDTH = 80
NAME_WIDTH = 20
MODELS_EXAMPLES = examples(
    "ltvml models",
    "ltvml models --json",
    "ltvml fit --set models.purchase=bg_nbd",
    "ltvml fit --set 'models.spend={name: gamma_gamma, params: {orders: repeat}}'",
)


def models(as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the models of each role, and what auto means."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        from ltvml.config.sections import AUTO_MEANS, models_by_name

        found: dict[str, dict[str, str]] = {role: models_by_name(role) for role in AUTO_MEANS}
        meanings: dict[str, str] = {role: meaning for role, meaning in AUTO_MEANS.items()}
        job.show(Document({"models": found, "auto": meanings}, models_text(found, meanings)))


def models_text(found: Mapping[str, Mapping[str, str]], meanings: Mapping[str, str]) -> str:
    """The models by role."""
    return "\n\n".join(
        "\n".join([f"models.{role} (auto: {meanings[role]})", *(model_text(*entry) for entry in lines.items())])
        for role, lines in found.items()
    )


def model_text(name: str, line: str) -> str:
    """A model in one line, or in several where the text is long."""
    start = f"  {name:<{NAME_WIDTH}} "
    return textwrap.fill(line, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))

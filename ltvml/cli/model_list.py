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
    """List the models of each role; * marks the default."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        from ltvml.config import AUTO_CHOICES, models_by_name

        found: dict[str, dict[str, str]] = {role: models_by_name(role) for role in AUTO_CHOICES}
        defaults: dict[str, str] = {role: choice.name for role, choice in AUTO_CHOICES.items()}
        job.show(Document({"models": found, "defaults": defaults}, models_text(found, defaults)))


def models_text(found: Mapping[str, Mapping[str, str]], defaults: Mapping[str, str]) -> str:
    """The models by role."""
    return "\n\n".join(
        "\n".join(
            [
                f"models.{role}",
                *(model_text(name, line, default=name == defaults[role]) for name, line in lines.items()),
            ]
        )
        for role, lines in found.items()
    )


def model_text(name: str, line: str, *, default: bool) -> str:
    """A model in one line, or two where it has much to say."""
    start = f"{'*' if default else ' '} {name:<{NAME_WIDTH}} "
    return textwrap.fill(line, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))

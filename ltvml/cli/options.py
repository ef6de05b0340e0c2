"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("ltvml.yaml")

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="Configuration to read.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one key, like window.cutoff=2011-09-10; repeatable."),
]
Cutoff = Annotated[
    str | None,
    typer.Option(
        "--cutoff", metavar="DAY", help="Last day seen: yesterday, today or YYYY-MM-DD. Default: window.cutoff."
    ),
]
NoMlflow = Annotated[bool, typer.Option("--no-mlflow", help="Record the run in plain files instead of MLflow.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document to stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print warnings and errors only: no report, no progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log details and show the traceback of an error.")]

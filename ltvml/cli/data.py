"""Commands that look at orders: init, validate."""

from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, Overrides, Quiet
from ltvml.cli.session import read_config, session

INIT_EXAMPLES = examples(
    "ltvml init orders.csv",
    "ltvml init 'orders/*.parquet' --out shop.yaml",
    "ltvml init shop.duckdb::orders --force",
    notes="Check the file it wrote, first of all the cutoff, then run `ltvml validate`.",
)
VALIDATE_EXAMPLES = examples(
    "ltvml validate",
    "ltvml validate --config shop.yaml --json",
    "ltvml validate --set transactions.returns=drop",
)


def init(
    source: Annotated[str, typer.Argument(metavar="FILE", help="File, glob, folder, or table: a.duckdb::t.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Configuration to write.")] = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing configuration.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look at a file of orders and write a configuration.

    Columns, forms and filters are found in all rows; comments in the file mark what to check. The exit code is 3 where
    something required was not found.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        from ltvml.workflows import init as workflow

        report = workflow.init(source, out=out, force=force)
        job.show(report)
        if report.exit_code:
            raise typer.Exit(report.exit_code)


def validate(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check the data: rows used and rows excluded, by reason."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff)
        from ltvml.workflows import validate as workflow

        job.show(workflow.validate(settings))

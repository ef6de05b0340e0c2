"""The command that explains one customer."""

from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, Overrides, Quiet
from ltvml.cli.session import read_config, session

EXPLAIN_EXAMPLES = examples(
    "ltvml explain 12346",
    "ltvml explain 12346 --set window.cutoff=2011-12-01",
    "ltvml explain 12346 --plot alive.png",
    "ltvml explain 00123 --config shop.yaml --json | jq .reasons",
    notes="""
        A reason that raises the risk is shown only if the risk falls when its
        numbers are replaced by the shop's medians, and the other way round.
        Ids are text: leading zeros matter.
    """,
)


def explain(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer, as in the orders.")],
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Bundle folder, champion, challenger, models:/NAME@ALIAS or runs:/ID/PATH. Default: champion.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="PNG to write: P(still a customer) through time."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show one customer: orders, scores and reasons.

    Uses the promoted model, or the one given by --model. Fits nothing, and writes nothing but --plot.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff)
        from ltvml.workflows import explain as workflow

        job.show(workflow.explain(settings, customer, model=model, plot=plot, progress=job.progress))

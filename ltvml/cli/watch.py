"""The command that watches scores of earlier cutoffs."""

from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, NoMlflow, Overrides, Quiet
from ltvml.cli.session import read_config, session, show_run

WATCH_EXAMPLES = examples(
    "ltvml watch --set window.cutoff=2011-11-10",
    "ltvml watch --of 2011-08-10",
    "ltvml watch --json | jq -r .state",
    notes="""
        The cutoff is the day up to which the orders are complete. Tables and a plot
        are written to <output.dir>/watch/<cutoff>. The state is fine, look (see what
        has changed) or retrain (fit again); a state other than fine is a result, so
        the exit code is 0.
    """,
)


def watch(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="DATE", help="Judge the scores of this cutoff alone.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The bundle that serves: folder, models:/NAME@ALIAS or runs:/ID/PATH. Default: as for score.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the results. Default: <output.dir>/watch/<cutoff>."),
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge earlier scores by what came since.

    The state is fine, look or retrain. Buyers are compared with what was expected of them, accuracy with what the
    backtest promised, and the data with those of the fit.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        from ltvml.workflows import watch as workflow

        show_run(job, workflow.watch(settings, of=of, model=model, out=out, progress=job.progress))

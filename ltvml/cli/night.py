"""The command of the night: everything from the orders to the plan."""

from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, ConfigFile, Cutoff, Debug, NoMlflow, Overrides, Quiet
from ltvml.cli.session import read_config, session

RUN_EXAMPLES = examples(
    "ltvml run --cutoff yesterday",
    "ltvml run --cutoff yesterday --config shop.yaml --json",
    "ltvml run --cutoff yesterday --summary /var/mail/tonight.txt",
    "ltvml run --cutoff yesterday --set 'retrain.on=[age, drift]'",
    notes="""
        The record is <output.dir>/nights/<cutoff>.json, the summary beside it. A
        night that was stopped goes on where it was; one that is done does nothing.
        Exit codes are those of the step that failed; 9: another run is at it.
    """,
)


def run(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE", help="Write the summary there too, to be mailed.")
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line a step to stdout, and one at the end.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Every night: check, watch, retrain, score, plan.

    Retrains by the policy of `retrain`, and plans contacts where a section `outreach` is configured. Steps that are
    done for this cutoff are not done again while orders, tables, settings and model stay the same.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug, lines=True) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        from ltvml.outputs.nights import write_summary
        from ltvml.reports.night import step_line
        from ltvml.workflows import run as workflow

        report = workflow.run(settings, progress=job.progress, tell=lambda step: job.line(step_line(step)))
        if summary is not None:
            write_summary(summary, report.text())
        job.show(report)
        if report.error is not None:
            raise job.fail(report.error, report.error.message, hint=report.error.hint, exit_code=report.exit_code)
        if report.exit_code:
            raise typer.Exit(report.exit_code)

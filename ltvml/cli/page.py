"""The command that writes the report page."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, Overrides, Quiet
from ltvml.cli.session import read_config, session

REPORT_EXAMPLES = examples(
    "ltvml report",
    "ltvml report --open",
    "ltvml report --set report.language=zh --set cohorts.by=quarter",
    notes="""
        The page is <output.dir>/report/<cutoff>/report.html: one file, no network.
        It shows what validate, backtest, fit, score and outreach left for the same
        cutoff, and names what is missing. No customer is named in it unless
        report.show_customers is true.
    """,
)


def report(
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
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the page. Default: <output.dir>/report.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write one page: repeat business, cohorts, models and plan.

    It opens from a mail attachment, prints well, and asks nothing of a network.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff)
        from ltvml.workflows import page as workflow

        found = workflow.report(settings, model=model, out=out, progress=job.progress)
        job.show(found)
        if show:
            webbrowser.open(found.path.as_uri())

"""The application: its commands in the order of work, and the options that come before a command."""

# no postponed annotations here nor in the files of commands: Typer reads them when the application is built
import os
import sys
from typing import Annotated

import typer

from ltvml.cli import (
    cohorts,
    configuration,
    data,
    explain,
    forecast,
    model_list,
    night,
    outreach,
    page,
    promote,
    runs,
    serve,
    simulate,
    watch,
    write,
)
from ltvml.cli.examples import examples
from ltvml.cli.session import INTERRUPTED_EXIT_CODE
from ltvml.loading import process_is_ours

app = typer.Typer(
    name="ltvml",
    help="From a table of orders to a ranked, dated and explained list of customers to contact.",
    epilog=examples(
        "ltvml demo             a real shop, from orders to a plan of contacts",
        "ltvml init orders.csv  look at a file, write ltvml.yaml",
        "ltvml validate         check the data: rows used, rows excluded",
        "ltvml backtest         compare the models at past cutoffs",
        "ltvml fit              fit the models, track the run",
        "ltvml promote          let the last fit serve if it is not worse",
        "ltvml score            write scores/<cutoff>/customers.parquet",
        "ltvml forecast         purchases and revenue by week or month",
        "ltvml cohorts          who came back, what customers bring and cost",
        "ltvml outreach         plan contacts: customer, date, offer, reason",
        "ltvml watch            judge earlier scores by what came since",
        "ltvml write            results as tables of a database",
        "ltvml run              every night: check, watch, retrain, score, plan",
        "ltvml report           all of it as one page of HTML",
        "ltvml explain 12346    one customer: orders, scores, reasons",
        "ltvml serve            score one customer at a time over HTTP",
        notes="""
            Commands read ltvml.yaml in the current folder unless --config names
            another file. Results go to stdout, progress and warnings to stderr.

            Exit codes: 0 done, 2 configuration or usage, 3 data, 4 no convergence,
            5 engine, 6 tracking, 7 bundle, 8 output, 9 another run writes the
            same output, 1 any other error, 70 a bug, 130 interrupted, 143 terminated.
        """,
    ),
    # markup would import rich, which takes longer than all the rest of --help
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        from ltvml import __version__

        typer.echo(f"ltvml {__version__}")
        raise typer.Exit


@app.callback()
def before_a_command(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Read the options that come before a command; `print_version` has already acted on its own."""


app.command(epilog=runs.DEMO_EXAMPLES)(runs.demo)
app.command(epilog=data.INIT_EXAMPLES)(data.init)
app.command(epilog=data.VALIDATE_EXAMPLES)(data.validate)
app.command(epilog=runs.BACKTEST_EXAMPLES)(runs.backtest)
app.command(epilog=runs.FIT_EXAMPLES)(runs.fit)
app.command(epilog=promote.PROMOTE_EXAMPLES)(promote.promote)
app.command(epilog=runs.SCORE_EXAMPLES)(runs.score)
app.command(epilog=night.RUN_EXAMPLES)(night.run)
app.command(epilog=forecast.FORECAST_EXAMPLES)(forecast.forecast)
app.command(epilog=cohorts.COHORT_EXAMPLES)(cohorts.cohorts)
app.command(epilog=watch.WATCH_EXAMPLES)(watch.watch)
app.command(epilog=page.REPORT_EXAMPLES)(page.report)
app.command(epilog=explain.EXPLAIN_EXAMPLES)(explain.explain)
app.command(epilog=serve.SERVE_EXAMPLES)(serve.serve)
app.command(epilog=write.WRITE_EXAMPLES)(write.write)
app.command(epilog=simulate.SIMULATE_EXAMPLES)(simulate.simulate)
app.command(epilog=model_list.MODELS_EXAMPLES)(model_list.models)
app.add_typer(outreach.group, name="outreach")
app.add_typer(configuration.group, name="config")


def main() -> None:
    """Run `ltvml` with the arguments of the process, and exit with its code."""
    # LightGBM's second thread spins while it waits, and takes the time of whatever shares the machine; read when it
    # loads, and a choice of the user stays
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    process_is_ours()
    try:
        app(prog_name="ltvml")
    except KeyboardInterrupt:
        # before the command began, or while it cleared up
        sys.exit(INTERRUPTED_EXIT_CODE)

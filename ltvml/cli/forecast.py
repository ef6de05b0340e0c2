"""The command that forecasts purchases and revenue."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, NoMlflow, Overrides, Quiet
from ltvml.cli.session import read_config, session, show_run

FORECAST_EXAMPLES = examples(
    "ltvml forecast",
    "ltvml forecast --by month --periods 6",
    "ltvml forecast --by month --until 2012-12-31 --json | jq .totals",
    notes="""
        The table is written to <output.dir>/forecast/<cutoff>/forecast.parquet, a
        plot beside it. Intervals hold 80 %, by the errors of the same forecast at
        past cutoffs. The report also gives the value of a customer who joins today.
    """,
)


def forecast(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    by: Annotated[Literal["week", "month"], typer.Option("--by", help="Length of a period.")] = "week",
    periods: Annotated[
        int | None, typer.Option("--periods", metavar="N", help="Number of periods. Default: 13 weeks or 12 months.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Last day, in place of --periods.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Bundle folder, champion, challenger, models:/NAME@ALIAS or runs:/ID/PATH. Default: champion.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the forecast. Default: <output.dir>/forecast."),
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Forecast purchases and revenue by week or month.

    Shows customers of today and expected new ones apart. Applies the promoted model, or the one given by
    --model.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        from ltvml.workflows import forecast as workflow

        show_run(
            job,
            workflow.forecast(
                settings, by=by, periods=periods, until=until, model=model, out=out, progress=job.progress
            ),
        )

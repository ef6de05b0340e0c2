"""The command that counts cohorts."""

from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, Overrides, Quiet
from ltvml.cli.session import read_config, session

COHORT_EXAMPLES = examples(
    "ltvml cohorts",
    "ltvml cohorts --set cohorts.by=quarter",
    "ltvml cohorts --set 'cohorts.attributes=[channel, country]'",
    "ltvml cohorts --set costs.source=costs.csv --json | jq .change",
    notes="""
        Tables are written to <output.dir>/cohorts/<cutoff>/: cohorts.parquet and
        cohort_periods.parquet, with three plots; by channel, country or another
        attribute cohort_levels.parquet, and after complaints, ratings, late
        deliveries and returns first_experience.parquet. After `ltvml fit` each
        cohort has a predicted value, with its 80 % interval.
    """,
)


def cohorts(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="URI",
            help="Bundle folder, champion, challenger, models:/NAME@ALIAS or runs:/ID/PATH. Default: champion.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder of the tables.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Count customers by the time of their first order.

    Shows who came back, what customers have brought, will bring and cost, and why repeat revenue changed.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff)
        from ltvml.workflows import cohorts as workflow

        job.show(workflow.cohorts(settings, model=model, out=out, progress=job.progress))

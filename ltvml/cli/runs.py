"""Commands that backtest, fit and score: demo, backtest, fit, score."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, NoMlflow, Overrides, Quiet
from ltvml.cli.session import read_config, session, show_run

DEMO_EXAMPLES = examples(
    "ltvml demo",
    "ltvml demo --open",
    "ltvml demo --out /data/demo --no-mlflow",
    "ltvml demo --json | jq .",
)
BACKTEST_EXAMPLES = examples(
    "ltvml backtest",
    "ltvml backtest --config shop.yaml --set window.churn_horizon=60",
    "ltvml backtest --json | jq .value.champion",
    notes="""
        Metrics and plots are written to <output.dir>/backtest/<cutoff>.
    """,
)
FIT_EXAMPLES = examples(
    "ltvml fit",
    "ltvml fit --fast",
    "ltvml fit --config shop.yaml --set window.cutoff=2011-09-10",
    "ltvml fit --set models.purchase=bg_nbd --set output.dir=try --no-mlflow",
    notes="""
        The bundle is written to <output.dir>/bundle. The first one serves; a later
        one waits for `ltvml promote`.
    """,
)
SCORE_EXAMPLES = examples(
    "ltvml score",
    "ltvml score --set window.cutoff=2011-12-01 --json",
    "ltvml score --model models:/ltvml@champion --out /data/tonight",
    notes="""
        Scores are written to <output.dir>/scores/<cutoff>/customers.parquet. The
        cutoff must be on or after that of the bundle.
    """,
)


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for all results.")] = Path("ltvml-demo"),
    show: Annotated[bool, typer.Option("--open", help="Open the report page in the browser at the end.")] = False,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fit, track and score a real shop that comes with ltvml.

    The shop is Online Retail II, two years of a British gift shop (UCI 502, CC BY 4.0).
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        from ltvml.workflows import demo as workflow

        found = workflow.demo(out=out, tracking="local" if no_mlflow else "mlflow", progress=job.progress)
        if show:
            webbrowser.open(found.page.path.as_uri())
        show_run(job, found)


def backtest(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare all models at past cutoffs.

    Includes naive baselines. Orders after window.cutoff are not used.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        from ltvml.workflows import backtest as workflow

        show_run(job, workflow.backtest(settings, progress=job.progress))


def fit(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="A first answer in seconds: no backtest, replenishment or plots.")
    ] = False,
    no_mlflow: NoMlflow = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print every note in full.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fit the models on the orders up to the cutoff.

    Writes the fitted models to a bundle, a folder of text files, and records the run.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(
            config, [*(overrides or ()), *(["fast=true"] if fast else ())], cutoff=cutoff, no_mlflow=no_mlflow
        )
        from ltvml.workflows import fit as workflow

        show_run(job, workflow.fit(settings, progress=job.progress, brief=not verbose))


def score(
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
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the scores. Default: <output.dir>/scores."),
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score every customer seen up to the cutoff.

    Applies the promoted model, or the one given by --model, to the orders up to the cutoff. Fits nothing.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        from ltvml.workflows import score as workflow

        show_run(job, workflow.score(settings, model=model, out=out, progress=job.progress))

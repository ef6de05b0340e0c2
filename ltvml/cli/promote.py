"""The command that lets another model serve."""

from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, NoMlflow, Overrides, Quiet
from ltvml.cli.session import read_config, session, show_run

PROMOTE_EXAMPLES = examples(
    "ltvml promote",
    "ltvml promote --cutoff yesterday --json | jq .promoted",
    "ltvml promote --model models:/ltvml/3",
    'ltvml promote --force --reason "new price list, agreed with sales"',
    'ltvml promote --rollback --reason "wrong reminders"',
    notes="""
        The comparison uses the orders up to the cutoff. A model that was fitted
        within a past window is fitted again on the orders before it, which takes
        about as long as a fit without items for each window. The exit code is 0
        whether the challenger was promoted or not; see --json.
    """,
)


def promote(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    cutoff: Cutoff = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", metavar="MODEL", help="Bundle folder, models:/NAME/VERSION or runs:/ID. Default: last fit."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Promote it although it is worse or could not be compared.")
    ] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Bring back the champion before this one.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = None,
    who: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who, for the record. Default: the user of the system.")
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Let the last fit serve if it is not worse.

    It is compared with the model that serves: both predict the same customers at past cutoffs, on orders that neither
    was fitted on.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        from ltvml.errors import ConfigError
        from ltvml.workflows import promote as workflow

        if rollback and (model is not None or force):
            other = "--model" if model is not None else "--force"
            raise ConfigError(f"--rollback and {other} are both given; expected one of them.")
        if rollback:
            show_run(job, workflow.rollback(settings, reason=reason, who=who))
            return
        report = workflow.promote(settings, model=model, force=force, reason=reason, who=who, progress=job.progress)
        show_run(job, report)

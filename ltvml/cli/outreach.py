"""Commands about contacts: outreach plan, which is also plain outreach, and outreach measure."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Cutoff, Debug, NoMlflow, Overrides, Quiet
from ltvml.cli.session import read_config, session, show_run

PLAN = "plan"
HELP_OPTIONS = ("-h", "--help")
GROUP_EXAMPLES = examples(
    "ltvml outreach",
    "ltvml outreach --config shop.yaml --json",
    "ltvml outreach measure --plan out/outreach/2011-09-10",
    notes="""
        `ltvml outreach` without a command runs `ltvml outreach plan`, whose --help
        lists the options. Run `ltvml score` at the same cutoff first.
    """,
)
PLAN_EXAMPLES = examples(
    "ltvml outreach plan",
    "ltvml outreach --set outreach.capacity=200 --set outreach.language=zh",
    "ltvml outreach --sent contacts.csv",
    "ltvml outreach --model models:/ltvml@champion --json | jq .contacts",
    notes="""
        The plan is written to <output.dir>/outreach/<cutoff>: outreach.parquet
        holds every customer, outreach.csv the contacts to make.
    """,
)
MEASURE_EXAMPLES = examples(
    "ltvml outreach measure --plan out/outreach/2011-09-10",
    "ltvml outreach measure --plan out/outreach/2011-09-10 --until 2011-10-08",
    notes="""
        Results are written to <plan>/measure. The measured effects are stored next
        to the plans, and the next plan uses them.
    """,
)


class PlanByDefault(TyperGroup):
    """A group in which options without a command are those of plan."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `plan` before options that follow no command."""
        # a word that is no command is left to the group, which names the nearest one
        without_command = not args or (args[0].startswith("-") and args[0] not in HELP_OPTIONS)
        return super().parse_args(ctx, [PLAN, *args] if without_command else args)


group = typer.Typer(
    cls=PlanByDefault,
    help="Plan contacts, and measure their effect.",
    epilog=GROUP_EXAMPLES,
    rich_markup_mode=None,
    subcommand_metavar="[COMMAND] [ARGS]...",
)


@group.command(epilog=PLAN_EXAMPLES)
def plan(
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
        typer.Option("--out", metavar="DIR", help="Folder for the plans. Default: <output.dir>/outreach."),
    ] = None,
    sent: Annotated[
        str | None,
        typer.Option(
            "--sent",
            metavar="FILE",
            help="Contacts log of all that was sent: planned contacts that it lacks are free again.",
        ),
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Plan the contacts of the days after the cutoff.

    For each customer: date, channel, item and reason of the contact, or why there is none. A random share is held out,
    so that the effect can be measured.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, cutoff=cutoff, no_mlflow=no_mlflow)
        if sent is not None:
            log = settings.contacts.model_copy(update={"source": sent, "complete": True})
            settings = settings.model_copy(update={"contacts": log})
        from ltvml.workflows import plan as workflow

        show_run(job, workflow.plan_outreach(settings, model=model, out=out, progress=job.progress))


@group.command(epilog=MEASURE_EXAMPLES)
def measure(
    plan: Annotated[
        Path, typer.Option("--plan", metavar="DIR", help="Folder of the plan, as `ltvml outreach` wrote it.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Day up to which the orders are complete. Default: last order."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the results. Default: <plan>/measure."),
    ] = None,
    no_mlflow: NoMlflow = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare contacted with held-out customers.

    Reads the plan, the orders since then and, if configured, the contacts log.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides, no_mlflow=no_mlflow)
        from ltvml.workflows import measure as workflow

        show_run(job, workflow.measure_outreach(settings, plan=plan, until=until, out=out, progress=job.progress))

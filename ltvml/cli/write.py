"""The command that writes results into a database."""

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Debug, Overrides, Quiet
from ltvml.cli.session import read_config, session

WRITE_EXAMPLES = examples(
    "ltvml write --set output.write_to.url=postgresql://host/shop",
    "ltvml write --set window.cutoff=2024-06-30",
    notes="""
        Writes what `ltvml score` and `ltvml outreach` left for window.cutoff to the
        tables of output.write_to.tables, in one transaction: rows of that cutoff are
        replaced, those of others stay. User and password come from the environment
        (PGUSER, PGPASSWORD) or a profile (~/.pgpass), never from the configuration.
    """,
)


def write(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write scores, replenishment and plan to tables of a database.

    The tables are those of output.write_to in the configuration.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides)
        from ltvml.workflows.write import write as workflow

        job.show(workflow(settings))

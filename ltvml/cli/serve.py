"""The command that scores one customer at a time over HTTP."""

import gc
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Debug, Overrides, Quiet
from ltvml.cli.session import read_config, session

SERVE_EXAMPLES = examples(
    "ltvml serve",
    "ltvml serve --config shop.yaml --port 9000",
    "ltvml serve --model models:/ltvml@champion",
    'curl localhost:8321/score -d \'{"orders": [{"date": "2011-09-01", "amount": 12}]}\'',
    notes="""
        Answers come from the bundle that `ltvml score` would take; a bundle that is
        replaced on disk is served from the next request on. There is no password:
        only this machine can ask, unless --host opens the port to others.
    """,
)


def serve(
    config: ConfigFile = DEFAULT_CONFIG,
    overrides: Overrides = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help="Bundle folder, models:/NAME@ALIAS or runs:/ID/PATH."),
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port to listen at; 0 takes a free one.")
    ] = 8321,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score one customer at a time over HTTP.

    POST /score takes the orders of a customer, or a row of the customer summary; GET /health says what is served.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        settings = read_config(config, overrides)
        from ltvml.workflows import serve as workflow

        server = workflow.serve(settings, model=model, host=host, port=port)
        job.show(server)
        # what is loaded by now stays: to look through all of it for garbage now and then would delay a request
        gc.collect()
        gc.freeze()
        server.run()

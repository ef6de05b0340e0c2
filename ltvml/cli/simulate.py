"""The command that writes a simulated shop."""

from pathlib import Path
from typing import Annotated

import typer

from ltvml.cli.examples import examples
from ltvml.cli.options import AsJson, Debug, Quiet
from ltvml.cli.session import session

SIMULATE_EXAMPLES = examples(
    "ltvml simulate shop.parquet",
    "ltvml simulate shop.csv --customers 5000 --seed 7 --truth truth.csv",
    "ltvml simulate big.parquet --lines 10000000 --model pareto_nbd",
    "ltvml simulate shop.parquet --param r=0.8 --param alpha=60 --days 1095",
    notes="""
        Then `ltvml init shop.parquet`, `ltvml validate` and `ltvml fit` run on it as
        on any shop. Items, channels and countries are drawn at random: they say
        nothing about later orders. The same options give the same file.
    """,
)


def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Order lines to write: .parquet or .csv.")],
    customers: Annotated[
        int | None, typer.Option("--customers", metavar="N", help="Number of customers. Default: 10,000.")
    ] = None,
    lines: Annotated[
        int | None, typer.Option("--lines", metavar="N", help="Number of order lines, in place of --customers.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Purchase model that customers are drawn from.")
    ] = "mbg_nbd",
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the model, times in days; repeatable."),
    ] = None,
    days: Annotated[int, typer.Option("--days", metavar="N", help="Length of the shop.")] = 730,
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="Last day of the shop.")] = "2024-12-31",
    items: Annotated[int, typer.Option("--items", metavar="N", help="Number of items.")] = 200,
    categories: Annotated[int, typer.Option("--categories", metavar="N", help="Number of categories.")] = 12,
    lines_per_order: Annotated[
        float, typer.Option("--lines-per-order", metavar="X", help="Mean number of lines of an order.")
    ] = 2.5,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed gives another shop.")] = 0,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="Write each customer's true rate, dropout and mean order."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a simulated shop of any size.

    Order lines with items, categories, channels, countries and money, to size a machine by or to try things on.
    """
    with session(as_json=as_json, quiet=quiet, debug=debug) as job:
        from ltvml.workflows import simulate as workflow

        report = workflow.simulate(
            file,
            customers=customers,
            lines=lines,
            truth=truth,
            force=force,
            progress=job.progress,
            model=model,
            params=parameters(param or []),
            days=days,
            last_day=until,
            items=items,
            categories=categories,
            lines_per_order=lines_per_order,
            seed=seed,
        )
        job.show(report)


def parameters(given: list[str]) -> dict[str, float]:
    """Parameters of `NAME=VALUE` options.

    Raises
    ------
    ConfigError
        If one is no name and number.
    """
    from ltvml.errors import ConfigError

    found: dict[str, float] = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ConfigError(f"--param is '{text}'; expected NAME=NUMBER, like r=0.8.") from None
    return found

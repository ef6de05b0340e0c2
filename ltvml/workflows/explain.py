"""Explain: one customer's orders, scores and the reasons of them, from a bundle. Nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.engines.values.identity import normalised_id
from ltvml.errors import ConfigError, DataContractError, OutputError
from ltvml.evaluation.purchase_tracking import alive_through_time
from ltvml.features.behaviour import snapshot_features
from ltvml.inputs.orders import read_orders
from ltvml.plots.figures import save
from ltvml.plots.purchases import alive_path
from ltvml.progress import Progress, Steps
from ltvml.reasons.reason import find_reasons
from ltvml.reports.explain import ExplainReport
from ltvml.words.spoken import Spoken
from ltvml.workflows.score import as_fitted, bundle_of

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.inputs.orders import Intake
    from ltvml.reasons.reason import Reason


def explain(
    config: Config,
    customer_id: str,
    *,
    model: str | Path | Bundle | None = None,
    plot: Path | str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> ExplainReport:
    """Say what is known of one customer, what is expected of them, and why.

    Parameters
    ----------
    config : Config
    customer_id : str
        As it stands in the orders, leading zeros included; any id of the person, where `identities` merges ids.
    model : str, Path or Bundle, optional
        As in `score`; the promoted model of `output.dir` by default.
    plot : Path, optional
        PNG to write: P(still a customer) through time, with the days of the orders.
    transactions : frame, optional
        pandas, Polars, Arrow, DuckDB or Spark; in place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    ExplainReport

    Raises
    ------
    DataContractError
        If no customer of that id has bought up to the cutoff.
    ConfigError
        If the plot is no PNG, or the bundle has no P(alive) to draw.
    LtvmlError
        See `ltvml.errors`.
    """
    steps = Steps(progress)
    config, bundle = as_fitted(config, bundle_of(config, model))
    picture = None if plot is None else drawable(Path(plot), bundle)
    language = config.outreach.language
    intake = read_orders(config.orders, config.window, transactions, steps)
    with steps.step("look up"):
        written = normalised_id(str(customer_id), config.transactions.normalize_ids)
        person = intake.persons.aliases.get(written, written)
        customer = look_up(intake, person, decimals=config.value.decimals)
    with steps.step("explain"):
        scores = bundle.score(customer.row)
        reasons = reasons_of(bundle, customer.row, scores, language=language)
    if picture is not None:
        with steps.step("draw"):
            draw_alive(
                picture, bundle, customer, str(scores["customer_id"].iloc[0]), intake.window.cutoff_day, language
            )
    return ExplainReport(
        bundle,
        intake.window,
        customer.orders,
        scores.iloc[0],
        reasons,
        language=language,
        plot=picture,
        seconds=steps.seconds,
    )


def drawable(path: Path, bundle: Bundle) -> Path:
    """The place of a picture of P(alive), if there can be one.

    Raises
    ------
    ConfigError
        If it is no PNG, or the purchases of the fit do not tell P(alive).
    """
    if path.suffix.lower() != ".png":
        raise ConfigError(f"the plot is '{path}'; expected a name that ends in .png.")
    if reason := bundle.roles.purchase.diagnosis_.withheld.get("p_alive"):
        raise ConfigError(f"there is no plot of p_alive: {reason}.", hint="leave out --plot.")
    return path.absolute()


def draw_alive(path: Path, bundle: Bundle, customer: Customer, name: str, cutoff_day: int, language: str) -> None:
    """Write P(still a customer) through time, up to the cutoff.

    Raises
    ------
    OutputError
        If the picture cannot be written.
    """
    days = customer.orders["day"].to_numpy(dtype=float)
    path_taken = alive_through_time(bundle.roles.purchase, days, float(cutoff_day))
    figure = alive_path(path_taken, customer=name, language=language)
    try:
        save(figure, path)
    except OSError as error:
        raise OutputError(
            f"could not write {path}: {error.strerror or error}.", hint="--plot names another place."
        ) from error


@dataclass(frozen=True)
class Customer:
    """What the orders tell of one customer.

    Parameters
    ----------
    orders : (k, 2) frame
        `day` (day number) and `value` (net, currency units), oldest first.
    row : (1, ...) frame
        Columns of `contracts.SUMMARY` and `snapshot_columns.BEHAVIOUR`.
    """

    orders: pd.DataFrame
    row: pd.DataFrame


def look_up(intake: Intake, customer_id: str, *, decimals: int) -> Customer:
    """Find a customer.

    Raises
    ------
    DataContractError
        If no customer of that id has bought up to the cutoff.
    """
    theirs = nw.col("customer_id") == customer_id
    lines, days = intake.lines.filter(theirs), intake.days.filter(theirs)
    orders = intake.engine.collect(days.select("day", "value")).sort_values("day", ignore_index=True)
    if orders.empty:
        raise DataContractError(
            f"customer '{customer_id}' is not among the {intake.customers:,} customers who bought up to "
            f"{intake.window.cutoff}.",
            hint="ids are compared as text: check leading zeros and capitals. `ltvml validate` counts excluded rows.",
        )
    row = intake.engine.collect(snapshot_features(lines, days, intake.window, decimals=decimals))
    return Customer(orders.assign(value=orders["value"] / 10**decimals), row)


def reasons_of(bundle: Bundle, row: pd.DataFrame, scores: pd.DataFrame, *, language: str) -> tuple[Reason, ...]:
    """The reasons of a customer's churn risk, strongest first; none where that risk is not known."""
    if scores["churn_risk"].isna().any():
        return ()
    (found,) = find_reasons(
        bundle.roles.repurchase,
        bundle.attributes.apply(row),
        typical=bundle.typical,
        horizon=bundle.window.churn_horizon,
        words=Spoken.of(language, bundle.money.currency),
    )
    return tuple(found)

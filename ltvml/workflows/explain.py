"""Explain: one customer's orders, scores and the reasons of them, from a bundle. Nothing is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from ltvml.engines.values.identity import normalised_id
from ltvml.errors import DataContractError
from ltvml.features.behaviour import snapshot_features
from ltvml.inputs.orders import read_orders
from ltvml.progress import Progress, Steps
from ltvml.reasons.reason import find_reasons
from ltvml.reports.explain import ExplainReport
from ltvml.words.spoken import Spoken
from ltvml.workflows.score import as_fitted, bundle_of

if TYPE_CHECKING:
    from pathlib import Path

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
        Bundle folder, `models:/name@alias` or `runs:/id`; the last fit in `output.dir` by default.
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
    LtvmlError
        See `ltvml.errors`.
    """
    steps = Steps(progress)
    config, bundle = as_fitted(config, bundle_of(config, model))
    language = config.outreach.language
    intake = read_orders(config.orders, config.window, transactions, steps)
    with steps.step("look up"):
        written = normalised_id(str(customer_id), config.transactions.normalize_ids)
        person = intake.persons.aliases.get(written, written)
        customer = look_up(intake, person, decimals=config.value.decimals)
    with steps.step("explain"):
        scores = bundle.score(customer.row)
        reasons = reasons_of(bundle, customer.row, scores, language=language)
    return ExplainReport(
        bundle, intake.window, customer.orders, scores.iloc[0], reasons, language=language, seconds=steps.seconds
    )


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
        row,
        typical=bundle.typical,
        horizon=bundle.window.churn_horizon,
        words=Spoken.of(language, bundle.money.currency),
    )
    return tuple(found)

"""Fit: orders in, a bundle of fitted models out, tracked."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ltvml.bundle import Bundle, Money
from ltvml.errors import FitWarning
from ltvml.features.summary import customer_summary, purchase_patterns, spend_patterns
from ltvml.models import registry
from ltvml.rfm import RFM
from ltvml.run_directory import run_directory, write_manifest
from ltvml.scoring import Roles, withheld_by
from ltvml.tracking.items import fit_run
from ltvml.window import daily_discount_rate
from ltvml.workflows.fit_plots import save_fit_plots
from ltvml.workflows.fit_report import FitReport
from ltvml.workflows.intake import Intake, take_in
from ltvml.workflows.progress import Progress, Steps
from ltvml.workflows.recording import record, versions

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

    from ltvml.config import Config
    from ltvml.models.base import PurchaseModel, SpendModel, ValueModel


def fit(config: Config, *, transactions: Any = None, progress: Progress | None = None) -> FitReport:
    """Fit every role on the orders up to the cutoff, write the bundle, and track the run.

    Parameters
    ----------
    config : Config
    transactions : frame, optional
        pandas, Polars, Arrow, DuckDB or Spark; in place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    FitReport

    Raises
    ------
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    steps = Steps(progress)
    intake = take_in(config, transactions, steps)
    with steps.step("summarise"):
        summary = intake.engine.keep(customer_summary(intake.days, intake.window, decimals=config.value.decimals))
    with steps.step("fit purchases"):
        patterns = intake.engine.collect(purchase_patterns(summary))
        purchase = fit_purchase(config, patterns)
    with steps.step("fit spend"):
        spend = fit_spend(config, intake, summary)
    bundle = Bundle(
        window=intake.window,
        roles=Roles(purchase, purchase, spend, value_model(config, purchase, spend)),
        money=Money(**config.value.to_dict() | {"currency": intake.currency}),
        rfm=learn_rfm(config, intake, patterns, summary),
    )
    folder = Path(config.output.dir) / "bundle"
    with steps.step("write"), run_directory(folder, kind="bundle") as staging:
        bundle.save(staging)
        plots = save_fit_plots(staging / "plots", bundle, intake, patterns)
        write_manifest(staging, "bundle", _manifest(bundle, intake, config))
    in_place = tuple(folder.absolute() / plot.relative_to(staging) for plot in plots)
    report = FitReport(folder.absolute(), bundle, intake, _settings(config), in_place, seconds=steps.seconds)
    _warn_of_what_is_withheld(bundle)
    with steps.step("track"):
        return record(report, config, fit_run)


def fit_purchase(config: Config, patterns: pd.DataFrame) -> PurchaseModel:
    """The purchase model of the configuration, fitted to patterns and their counts."""
    choice = config.models.chosen("purchase")
    model = cast("PurchaseModel", registry.make("purchase", choice.name, **choice.params))
    return model.fit(patterns, sample_weight=patterns["count"])


def fit_spend(config: Config, intake: Intake, summary: nw.LazyFrame[Any]) -> SpendModel:
    """The spend model of the configuration, fitted to spend patterns and their counts."""
    choice = config.models.chosen("spend")
    model = cast("SpendModel", registry.make("spend", choice.name, **choice.params))
    patterns = intake.engine.collect(spend_patterns(summary, model.orders, decimals=config.value.decimals))
    return model.fit(patterns, sample_weight=patterns["count"])


def value_model(config: Config, purchase: PurchaseModel, spend: SpendModel) -> ValueModel:
    """The value model of the configuration, given the parts that its constructor asks for."""
    choice = config.models.chosen("value")
    parts = {
        "purchase": purchase,
        "spend": spend,
        "discount_rate": daily_discount_rate(config.value.annual_discount_rate),
    }
    asked = inspect.signature(registry.model_class("value", choice.name)).parameters
    arguments = {name: part for name, part in parts.items() if name in asked} | choice.params
    return cast("ValueModel", registry.make("value", choice.name, **arguments))


def learn_rfm(config: Config, intake: Intake, patterns: pd.DataFrame, summary: nw.LazyFrame[Any]) -> RFM:
    """Edges of the RFM scores among the customers seen."""
    money = intake.engine.collect(spend_patterns(summary, "all", decimals=config.value.decimals))
    return RFM.learn(
        days_since_last=patterns["T"] - patterns["recency"],
        n_orders=patterns["frequency"] + 1,
        customers=patterns["count"],
        historic_value=money["total"],
        value_customers=money["count"],
    )


def _warn_of_what_is_withheld(bundle: Bundle) -> None:
    """One warning for the job; the reasons stand as notes in the report, and in `data_status` of every customer."""
    if withheld := withheld_by(bundle.roles):
        names = ", ".join(withheld)
        warnings.warn(FitWarning(f"these data do not tell {names}: withheld; the report says why."), stacklevel=3)


def _settings(config: Config) -> dict[str, Any]:
    """The configuration without where the data lie and where results go."""
    values = config.to_dict()
    transactions = {key: value for key, value in values["transactions"].items() if key not in ("source", "columns")}
    kept = {key: value for key, value in values.items() if key in ("value", "models", "engine", "random_state")}
    return {"transactions": transactions, **kept}


def _manifest(bundle: Bundle, intake: Intake, config: Config) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "config": config.to_dict(),
        "fingerprint": intake.fingerprint,
        "ledger": intake.ledger.to_dict(),
        "customers": intake.customers,
        "versions": versions(),
    }

"""Fit: orders in, a bundle of fitted models out, tracked."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.bundle import Bundle, Money
from ltvml.errors import FitWarning
from ltvml.features.summary import customer_summary, purchase_patterns, spend_patterns
from ltvml.models import registry
from ltvml.rfm import RFM
from ltvml.run_directory import run_directory, write_manifest
from ltvml.scoring import Roles
from ltvml.tracking.items import fit_run
from ltvml.window import daily_discount_rate
from ltvml.workflows.fit_plots import save_fit_plots
from ltvml.workflows.intake import Intake, take_in
from ltvml.workflows.progress import Progress, Steps
from ltvml.workflows.recording import Recorded, record, versions
from ltvml.workflows.wording import fields, number

if TYPE_CHECKING:
    import narwhals as nw

    from ltvml.config import Config
    from ltvml.models.base import Model, PurchaseModel, SpendModel, ValueModel


@dataclass(frozen=True)
class FitReport:
    """What a fit found and wrote.

    Parameters
    ----------
    folder : Path
        The bundle's folder.
    bundle : Bundle
    intake : Intake
    settings : dict
        What shaped the fit: the configuration without the place of the data.
    plots : tuple of Path
    recorded : Recorded
    seconds : dict of str to float
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    settings: dict[str, Any]
    plots: tuple[Path, ...]
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def messages(self) -> list[str]:
        """What is odd about the fits, in words."""
        return list(dict.fromkeys(message for _, model in fitted(self.bundle) for message in model.diagnosis_.messages))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "folder": str(self.folder),
            "version": self.bundle.version,
            "customers": self.intake.customers,
            **self._found(),
            "plots": [str(plot) for plot in self.plots],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps."""
        return {
            **self._found(),
            "ledger": self.intake.row_counts,
            "settings": self.settings,
            "metrics": {"customers": self.intake.customers},
            "seconds": self.seconds,
            "plots": self.plots,
            "bundle": self.folder,
            "bundle_version": self.bundle.version,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        window = self.bundle.window
        lines = [
            ("customers", f"{self.intake.customers:,}, seen up to {window.cutoff}"),
            ("horizons", f"churn {window.churn_horizon} days, value {window.ltv_horizon} days"),
            *((role, _model_line(model)) for role, model in fitted(self.bundle)),
            *(("note", message) for message in self.messages),
            ("bundle", f"{self.folder} ({self.bundle.version})"),
            *self.recorded.lines(),
        ]
        return f"{self.intake.ledger}\n\n{fields(lines)}"

    def _found(self) -> dict[str, Any]:
        window = self.bundle.window
        return {
            "window": {
                "cutoff": window.cutoff.isoformat(),
                "churn_horizon": window.churn_horizon,
                "ltv_horizon": window.ltv_horizon,
            },
            "models": {role: _model_facts(model) for role, model in fitted(self.bundle)},
            "messages": self.messages,
            "ledger": self.intake.ledger.to_dict(),
            "fingerprint": {"lines": self.intake.fingerprint},
        }


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
        money=Money(**config.value.to_dict()),
        rfm=learn_rfm(intake, patterns, summary),
    )
    folder = Path(config.output.dir) / "bundle"
    with steps.step("write"), run_directory(folder) as staging:
        bundle.save(staging)
        plots = save_fit_plots(staging / "plots", bundle, intake, patterns)
        write_manifest(staging, _manifest(bundle, intake, config))
    in_place = tuple(folder.absolute() / plot.relative_to(staging) for plot in plots)
    report = FitReport(folder.absolute(), bundle, intake, _settings(config), in_place, seconds=steps.seconds)
    for message in report.messages:
        warnings.warn(FitWarning(message), stacklevel=2)
    return record(report, config, fit_run)


def fit_purchase(config: Config, patterns: pd.DataFrame) -> PurchaseModel:
    """The purchase model of the configuration, fitted to patterns and their counts."""
    choice = config.models.chosen("purchase")
    model: PurchaseModel = registry.make("purchase", choice.name, **choice.params)
    return model.fit(patterns, sample_weight=patterns["count"])


def fit_spend(config: Config, intake: Intake, summary: nw.LazyFrame[Any]) -> SpendModel:
    """The spend model of the configuration, fitted to spend patterns and their counts."""
    choice = config.models.chosen("spend")
    model: SpendModel = registry.make("spend", choice.name, **choice.params)
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
    return registry.make("value", choice.name, **{name: parts[name] for name in parts if name in asked} | choice.params)


def learn_rfm(intake: Intake, patterns: pd.DataFrame, summary: nw.LazyFrame[Any]) -> RFM:
    """Edges of the RFM scores among the customers seen."""
    money = intake.engine.collect(spend_patterns(summary, "all"))
    return RFM.learn(
        days_since_last=patterns["T"] - patterns["recency"],
        n_orders=patterns["frequency"] + 1,
        customers=patterns["count"],
        historic_value=money["total"],
        value_customers=money["count"],
    )


def fitted(bundle: Bundle) -> list[tuple[str, Model]]:
    """Role and model, each model once."""
    roles = [("purchase", bundle.roles.purchase), ("repurchase", bundle.roles.repurchase)]
    roles += [("spend", bundle.roles.spend), ("value", bundle.roles.value)]
    seen: set[int] = set()
    return [(role, model) for role, model in roles if not (id(model) in seen or seen.add(id(model)))]  # type: ignore[func-returns-value]


def _model_facts(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "params": {name: value for name, value in model.get_params().items() if isinstance(value, (str, int, float, bool))},
        "parameters": getattr(model, "params_", {}),
        "standard_errors": getattr(model, "standard_errors_", {}),
        "log_likelihood": getattr(model, "log_likelihood_", None),
        "messages": list(model.diagnosis_.messages),
        "withheld": model.diagnosis_.withheld,
    }


def _model_line(model: Model) -> str:
    parameters = ", ".join(f"{name} {number(value)}" for name, value in getattr(model, "params_", {}).items())
    return f"{model.name}{f' ({parameters})' if parameters else ''}"


def _settings(config: Config) -> dict[str, Any]:
    """The configuration without where the data lie and where results go."""
    values = config.to_dict()
    transactions = {key: value for key, value in values["transactions"].items() if key not in ("source", "columns")}
    kept = {key: value for key, value in values.items() if key in ("value", "models", "engine", "random_state")}
    return {"transactions": transactions, **kept}


def _manifest(bundle: Bundle, intake: Intake, config: Config) -> dict[str, Any]:
    return {
        "kind": "bundle",
        "version": bundle.version,
        "config": config.to_dict(),
        "fingerprint": intake.fingerprint,
        "ledger": intake.ledger.to_dict(),
        "customers": intake.customers,
        "versions": versions(),
    }

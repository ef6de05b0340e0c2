"""From a table of orders to a ranked, dated and explained list of customers to contact.

The names below load on first use, so that `import ltvml` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltvml import datasets, plots
    from ltvml.api import (
        backtest,
        cohorts,
        explain,
        fit,
        forecast,
        measure_outreach,
        plan_outreach,
        promote,
        report,
        rollback,
        score,
        validate,
        watch,
    )
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config, load_config
    from ltvml.models.purchase.bg_nbd import BGNBD
    from ltvml.models.purchase.mbg_nbd import MBGNBD
    from ltvml.models.spend.gamma_gamma import GammaGamma
    from ltvml.window import Window
    from ltvml.workflows.ltv import ltv
    from ltvml.workflows.simulate import simulate
    from ltvml.workflows.summary import customer_summary

__version__ = "0.1.0"

__all__ = [
    "BGNBD",
    "MBGNBD",
    "Bundle",
    "Config",
    "GammaGamma",
    "Window",
    "backtest",
    "cohorts",
    "customer_summary",
    "datasets",
    "explain",
    "fit",
    "forecast",
    "load_config",
    "ltv",
    "measure_outreach",
    "plan_outreach",
    "plots",
    "promote",
    "report",
    "rollback",
    "score",
    "simulate",
    "validate",
    "watch",
]

_HOMES = {
    "BGNBD": "ltvml.models.purchase.bg_nbd",
    "MBGNBD": "ltvml.models.purchase.mbg_nbd",
    "GammaGamma": "ltvml.models.spend.gamma_gamma",
    "Bundle": "ltvml.bundle.bundle",
    "Config": "ltvml.config",
    "load_config": "ltvml.config",
    "Window": "ltvml.window",
    "backtest": "ltvml.api",
    "customer_summary": "ltvml.workflows.summary",
    "explain": "ltvml.api",
    "fit": "ltvml.api",
    "cohorts": "ltvml.api",
    "forecast": "ltvml.api",
    "ltv": "ltvml.workflows.ltv",
    "measure_outreach": "ltvml.api",
    "plan_outreach": "ltvml.api",
    "promote": "ltvml.api",
    "report": "ltvml.api",
    "rollback": "ltvml.api",
    "score": "ltvml.api",
    "simulate": "ltvml.workflows.simulate",
    "validate": "ltvml.api",
    "watch": "ltvml.api",
}


_ROOMS = ("datasets", "plots")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"ltvml.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ltvml' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_ROOMS])

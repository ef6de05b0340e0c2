"""From a table of orders to a ranked, dated and explained list of customers to contact.

The names below load on first use, so that `import ltvml` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config, load_config
    from ltvml.models.purchase.bg_nbd import BGNBD
    from ltvml.models.purchase.mbg_nbd import MBGNBD
    from ltvml.models.spend.gamma_gamma import GammaGamma
    from ltvml.window import Window
    from ltvml.workflows.backtest import backtest
    from ltvml.workflows.explain import explain
    from ltvml.workflows.fit import fit
    from ltvml.workflows.measure import measure_outreach
    from ltvml.workflows.plan import plan_outreach
    from ltvml.workflows.score import score
    from ltvml.workflows.summary import customer_summary
    from ltvml.workflows.validate import validate

__version__ = "0.1.0"

__all__ = [
    "BGNBD",
    "MBGNBD",
    "Bundle",
    "Config",
    "GammaGamma",
    "Window",
    "backtest",
    "customer_summary",
    "explain",
    "fit",
    "load_config",
    "measure_outreach",
    "plan_outreach",
    "score",
    "validate",
]

_HOMES = {
    "BGNBD": "ltvml.models.purchase.bg_nbd",
    "MBGNBD": "ltvml.models.purchase.mbg_nbd",
    "GammaGamma": "ltvml.models.spend.gamma_gamma",
    "Bundle": "ltvml.bundle.bundle",
    "Config": "ltvml.config",
    "load_config": "ltvml.config",
    "Window": "ltvml.window",
    "backtest": "ltvml.workflows.backtest",
    "customer_summary": "ltvml.workflows.summary",
    "explain": "ltvml.workflows.explain",
    "fit": "ltvml.workflows.fit",
    "measure_outreach": "ltvml.workflows.measure",
    "plan_outreach": "ltvml.workflows.plan",
    "score": "ltvml.workflows.score",
    "validate": "ltvml.workflows.validate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ltvml' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

"""Every picture; the names below load on first use.

Each takes a model, a result or a frame, `ax` to draw on and `language` for its words, and returns matplotlib axes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "alive_by_history": "purchases",
    "alive_path": "purchases",
    "cohort_map": "cohorts",
    "cumulative_tracking": "purchases",
    "customer_story": "story",
    "decile_calibration": "backtest",
    "forecast_plot": "forecast",
    "gain_curve": "backtest",
    "gaps_plot": "purchases",
    "held_out_plot": "purchases",
    "household_timelines": "timeline",
    "ladder_plot": "outreach",
    "leaderboard_plot": "backtest",
    "likelihood_contours": "purchases",
    "purchase_counts_plot": "purchases",
    "purchases_by_history": "purchases",
    "qini_plot": "outreach",
    "reliability": "backtest",
    "replenishment_curve": "items",
    "season_curve": "figures",
    "stage_flow": "outreach",
    "status_rates": "items",
    "time_to_second_order": "cohorts",
    "value_curves": "cohorts",
    "value_distribution": "figures",
    "weekly_tracking": "purchases",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ltvml.plots' has no attribute '{name}'")
    return getattr(import_module(f"ltvml.plots.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

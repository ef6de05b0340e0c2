"""A plan does not depend on how many customers are looked at together: the same bytes in every file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ltvml
from ltvml.datasets import simulate_baby_brand
from ltvml.datasets.baby_brand import STAGE_MONTHS, STAGES
from ltvml.window import DAYS_PER_MONTH

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

CUTOFF = dt.date(2024, 11, 30)
BEGINS = (0, *(int(np.ceil(months * DAYS_PER_MONTH)) for months in STAGE_MONTHS))
FEW = 7
SIZES = (
    "ltvml.workflows.plan_tables.owned.BATCH_CUSTOMERS",
    "ltvml.outputs.stored_rows.PART_ROWS",
    "ltvml.workflows.plan.WORDED_AT_ONCE",
    "ltvml.outputs.planned_contacts.DRAWN_AT_ONCE",
    "ltvml.outputs.spreadsheet.PART_ROWS",
)
CHAIN = {"stage": {"column": "baby_birthday", "items": dict(zip(BEGINS, STAGES, strict=True))}}


def config_of(folder: Path, **outreach: Any) -> ltvml.Config:
    values: dict[str, Any] = {
        "customers": {"source": str(folder / "customers.csv")},
        "window": {"cutoff": CUTOFF, "churn_horizon": 60, "ltv_horizon": 180},
        "season": "off",
        "models": {"churn": "closed_form", "value": "purchase_times_spend", "replenishment": "gamma_renewal"},
        "replenishment": {"item": "product_id"},
        "tracking": {"backend": "none"},
        "output": {"dir": str(folder / "out")},
        "outreach": {"capacity": 20, "holdout": 0.3, "channels": {"wecom": {"cost": 0.01}}} | outreach,
    }
    return ltvml.Config.model_validate(values)


def rules_of(orders: pd.DataFrame, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """No rules, and dates and rules of items over whatever the shop sells."""
    others = [item for item in sorted(orders["product_id"].dropna().unique()) if item not in STAGES]
    denied, older, newer, only = rng.choice(others, 4, replace=False).tolist()
    rules = {"deny": [denied], "succeeds": {newer: older}, "only_if": {only: "n_orders >= 2"}}
    return {"plain": {}, "ruled": {"items": rules, "cadence": {"dated": CHAIN}}}


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a plan but the manifest, which names the folder of its results."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "manifest.json"}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_seven_customers_at_a_time_give_the_plan_of_all_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    brand = simulate_baby_brand(70, random_state=seed)
    brand.customers.to_csv(tmp_path / "customers.csv", index=False)
    orders = brand.orders_until(CUTOFF)
    ltvml.fit(config_of(tmp_path), transactions=orders)
    ltvml.score(config_of(tmp_path), transactions=orders)
    for name, outreach in rules_of(orders, np.random.default_rng(seed)).items():
        config = config_of(tmp_path, **outreach)
        together = ltvml.plan_outreach(config, transactions=orders, out=tmp_path / f"{name}_together")
        with monkeypatch.context() as patched:
            for size in SIZES:
                patched.setattr(size, FEW)
            apart = ltvml.plan_outreach(config, transactions=orders, out=tmp_path / f"{name}_apart")
        assert len(together.contacts) > 0
        assert len(together.tables.companions) > FEW
        assert files_of(apart.folder) == files_of(together.folder), name
        assert apart.missing == together.missing

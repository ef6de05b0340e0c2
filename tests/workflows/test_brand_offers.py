"""The plan of a simulated brand: no wrong stage is offered, bundles have prices, and what is claimed is what comes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.contracts import BUNDLES, SUCCESSIONS
from ltvml.datasets import BabyBrand, simulate_baby_brand
from ltvml.datasets.baby_brand import STAGE_MONTHS, STAGES
from ltvml.outputs.measured_effects import MeasuredCampaign, read_order_values, remember
from ltvml.outreach.actions import DEFAULT_ACTIONS
from ltvml.outreach.experiment.effects import Effect, Effects
from ltvml.outreach.experiment.holdout import groups
from ltvml.outreach.experiment.measure import measure
from ltvml.outreach.experiment.trial import Campaign
from ltvml.outreach.priority import change_in_chance
from ltvml.window import DAYS_PER_MONTH

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.reports.plan import OutreachReport

pytestmark = pytest.mark.slow
CUTOFF, WINDOW_DAYS, SEEDS = dt.date(2024, 11, 30), 28, 60
BEGINS = (0, *(int(np.ceil(months * DAYS_PER_MONTH)) for months in STAGE_MONTHS))
# three binomial standard errors of the seeds
OFF = 3 * np.sqrt(0.8 * 0.2 / SEEDS)
LIFETIME_SHARE = 0.2
STRONG = 1.5
"""An effect that some hundred customers show."""


@dataclass(frozen=True, eq=False)
class Plans:
    """The brand, and its plan with dates, without, with a share of the lifetime credited, and with strong effects."""

    brand: BabyBrand
    folder: Path
    dated: OutreachReport
    undated: OutreachReport
    lifetime: OutreachReport
    strong: OutreachReport

    def table(self, name: str, report: OutreachReport | None = None) -> pd.DataFrame:
        path = (report or self.dated).folder / name
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def config_of(folder: Path, **outreach: Any) -> ltvml.Config:
    values: dict[str, Any] = {
        "customers": {"source": str(folder / "customers.csv")},
        "window": {"cutoff": CUTOFF, "churn_horizon": 60, "ltv_horizon": 180},
        "season": "off",
        "models": {
            "purchase": "mbg_nbd",
            "churn": "closed_form",
            "value": "purchase_times_spend",
            "replenishment": "gamma_renewal",
        },
        "value": {"margin": 0.5},
        "replenishment": {"item": "product_id"},
        "tracking": {"backend": "none"},
        "output": {"dir": str(folder / "out")},
        "outreach": {"capacity": None, "holdout": 0.3, "channels": {"wecom": {"cost": 0.01}}} | outreach,
    }
    return ltvml.Config.model_validate(values)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Plans:
    folder, brand = tmp_path_factory.mktemp("brand"), simulate_baby_brand(900, random_state=5)
    brand.customers.to_csv(folder / "customers.csv", index=False)
    orders = brand.orders_until(CUTOFF)
    chain = {"stage": {"column": "baby_birthday", "items": dict(zip(BEGINS, STAGES, strict=True))}}
    ltvml.fit(config_of(folder), transactions=orders)
    ltvml.score(config_of(folder), transactions=orders)
    given = {
        "dated": {"cadence": {"dated": chain}},
        "undated": {},
        "lifetime": {"gain": "lifetime", "lifetime_share": LIFETIME_SHARE},
        "strong": {"actions": [{"name": action.name, "effect": STRONG} for action in DEFAULT_ACTIONS]},
    }
    made = {
        name: ltvml.plan_outreach(config_of(folder, **outreach), transactions=orders, out=folder / name)
        for name, outreach in given.items()
    }
    return Plans(brand, folder, **made)


def test_by_date_no_baby_is_offered_a_wrong_stage_and_without_dates_none_is_offered(plans: Plans) -> None:
    dated, undated = plans.dated.tables.companions, plans.undated.tables.companions
    fits = dated["customer_id"].map(plans.brand.stage_at(CUTOFF))
    formula = dated["companion"].isin(STAGES)
    assert formula.sum() > 50
    assert (dated["companion"] == fits)[formula].all()
    assert not undated["companion"].isin(STAGES).any()
    for report in (plans.dated, plans.undated):
        offered = report.plan[report.plan["action"].eq("companion_offer")]
        right = offered["item"] == offered["customer_id"].map(plans.brand.stage_at(CUTOFF))
        assert (right | ~offered["item"].isin(STAGES)).all()


def test_a_stage_that_follows_an_owned_one_is_offered_as_what_comes_next(plans: Plans) -> None:
    offered = plans.dated.tables.companions
    orders = plans.brand.orders_until(CUTOFF)
    has = set(orders[["customer_id", "product_id"]].itertuples(index=False, name=None))
    followed = offered[offered["replaces"].notna()]
    assert len(followed) > 10
    links = dict(zip(STAGES[1:], STAGES[:-1], strict=True))
    assert (followed["replaces"] == followed["companion"].map(links)).all()
    assert all((row.customer_id, row.replaces) in has for row in followed.itertuples())
    made = plans.dated.plan
    said = made[made["action"].eq("companion_offer") & made["item"].isin(STAGES)].merge(
        followed[["customer_id", "replaces"]], on="customer_id"
    )
    assert all(f"fter {row.replaces} comes {row.item}" in row.reason for row in said.itertuples())


def test_successions_and_prices_are_in_their_files_and_the_former_are_said(plans: Plans) -> None:
    successions, bundles = plans.table("successions.csv", plans.undated), plans.table("bundles.csv")
    assert successions[["older", "newer"]].to_numpy().tolist() == [list(STAGES[:2]), list(STAGES[1:])]
    assert successions.columns.tolist() == list(SUCCESSIONS.names)
    assert any("replaces formula stage 1" in note for note in plans.undated.missing)
    assert not any("replaces formula stage 1" in note for note in plans.dated.missing)
    assert bundles.columns.tolist() == list(BUNDLES.names)
    orders = plans.brand.orders_until(CUTOFF)
    usual = orders.groupby("product_id")["amount"].sum() / orders.groupby("product_id")["quantity"].sum()
    assert len(bundles) > 0
    for row in bundles.itertuples():
        assert (row.star_price, row.complement_price) == (
            pytest.approx(usual[row.star]),
            pytest.approx(usual[row.complement]),
        )
        assert row.price == pytest.approx(row.star_price + row.complement_price)


def test_a_claim_is_the_margin_of_the_orders_and_no_more_than_the_written_share_beside_it(plans: Plans) -> None:
    order, lifetime = (plans.table("planning.parquet", one) for one in (plans.undated, plans.lifetime))
    probabilities = pd.read_parquet(plans.folder / "out" / "scores" / CUTOFF.isoformat() / "probabilities.parquet")
    scores = plans.undated.tables.customers.set_index("customer_id")
    for known, share in ((order, 0.0), (lifetime, LIFETIME_SHARE)):
        more = change_in_chance(known["p_buy"].to_numpy(), known["effect"].to_numpy())
        # half of net revenue is earned
        margin = 0.5 * known["customer_id"].map(scores["expected_order_value"]).to_numpy()
        difference = known["customer_id"].map(probabilities.set_index("customer_id")[f"value_gain_{WINDOW_DAYS}"])
        allowed = margin + share * np.maximum(difference.to_numpy() - margin, 0.0)
        claimed = more * known["value_gain"].to_numpy()
        assert len(known) > 100
        assert (claimed <= more * allowed + 1e-9).all()
        assert claimed.sum() == pytest.approx((more * allowed).sum())


def test_the_claim_of_effects_that_are_right_lies_within_the_interval_as_often_as_it_says(plans: Plans) -> None:
    known = plans.table("planning.parquet", plans.strong)
    later = plans.brand.orders
    since = (later["order_date"] - pd.Timestamp(CUTOFF)).dt.days
    anyway = later[since.between(1, WINDOW_DAYS)].groupby("customer_id")["amount"].sum()
    came = known["customer_id"].map(anyway).fillna(0.0).to_numpy()
    chance = known["p_buy"].to_numpy()
    more = change_in_chance(chance, known["effect"].to_numpy())
    claims = []
    for seed in range(SEEDS):
        draw = np.random.default_rng(seed)
        group = groups(known["customer_id"], share=0.3, salt=f"campaign {seed}").group
        # the planted effect: of those who would not buy, so many more do that P(buy) rises by dp
        extra = (group == "treat") & (came == 0) & (draw.random(len(known)) < more / (1 - chance))
        # an extra order is worth twice its margin, spread around that
        spend = came + extra * 2 * known["order_margin"].to_numpy() * draw.gamma(4, 1 / 4, len(known))
        plan = known[["customer_id", "action"]].assign(
            rank=np.arange(len(known)), group=group, suppressed_by=np.where(group == "treat", None, "holdout")
        )
        outcomes = known.drop(columns="window_days").assign(bought=(came > 0) | extra, spend=spend)
        found = measure(plan, outcomes, campaign=Campaign(0, WINDOW_DAYS), margin=0.5)
        claims.append(found.claims["all", "all"])
    assert abs(np.mean([one.verdict == "inside" for one in claims]) - 0.8) <= OFF
    orders, value = (
        np.array([(getattr(one, f"claimed_{what}"), getattr(one, f"measured_{what}")) for one in claims])
        for what in ("orders", "value")
    )
    for claimed, measured in (orders.T, value.T):
        # three standard errors of the mean; a claim of twice as much is outside
        error = measured.std(ddof=1) / np.sqrt(SEEDS)
        assert abs(claimed.mean() - measured.mean()) <= 3 * error
        assert claimed.mean() > 3 * error


def test_the_next_plan_credits_what_an_extra_order_was_measured_to_be_worth(plans: Plans) -> None:
    root = plans.folder / "worth"
    root.mkdir()
    small = Effects((Effect("replenishment_reminder", -0.4, 0.05, -0.45, 0.06, 900, 900),))
    for until, name in (("2024-10-31", "spring"), ("2025-01-31", "later than the cutoff")):
        remember(root, MeasuredCampaign("2024-09-30", name, until, Effects(()), order_values=small))
    config, orders = config_of(plans.folder), plans.brand.orders_until(CUTOFF)
    report = ltvml.plan_outreach(config, transactions=orders, out=root)
    # the campaign that was measured on orders after the cutoff is not known yet
    factor = read_order_values(root, known_on=CUTOFF)["replenishment_reminder"]
    assert 0.55 < factor < 0.6
    assert factor != read_order_values(root)["replenishment_reminder"]
    known = plans.table("planning.parquet", report)
    expected = np.where(known["action"].eq("replenishment_reminder"), factor, 1.0) * known["order_margin"]
    assert known["action"].eq("replenishment_reminder").sum() > 50
    np.testing.assert_allclose(known["value_gain"], expected, rtol=1e-12)
    before = plans.undated.plan.set_index("customer_id")["expected_value"]
    after = report.plan[report.plan["action"].eq("replenishment_reminder")].set_index("customer_id")["expected_value"]
    assert (after < before.loc[after.index]).all()

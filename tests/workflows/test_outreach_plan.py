"""Whatever the customers, the contacts so far and the settings: no plan breaks a cap, a capacity or the holdout."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.config import Config
from ltvml.outputs.plan import contacts_to_make
from ltvml.outputs.planned_contacts import append_planned, made_and_planned, read_planned
from ltvml.outreach.customers.ladder import Ladder
from ltvml.outreach.customers.stages import STAGES
from ltvml.outreach.experiment.holdout import groups
from ltvml.outreach.restraint.caps import Wishes
from ltvml.outreach.settings import StageRules
from ltvml.outreach.tables import OutreachTables
from ltvml.window import date_of, day_number
from ltvml.workflows.plan import make_plan

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST = day_number("2020-12-31")
DAYS = 3
CHANNELS = ("email", "push", "sms", "phone")
SAID = ["customer_id", "action", "item"]

few, some = st.integers(0, 3), st.sampled_from([0, 1, 1, 2, 3])
caps = st.builds(
    lambda week, more, each, quiet, longer, ignored: {
        "total_7": week,
        "total_28": week + more,
        "channel_7": dict.fromkeys(CHANNELS, each),
        "channel_28": dict.fromkeys(CHANNELS, each + more),
        "quiet_after_order": quiet,
        "quiet_value_verification": quiet + longer,
        "ignored": ignored,
        "cool_down": 10,
    },
    *(some, few, some, few, few, few),
)
wanted = st.fixed_dictionaries(
    {
        "caps": caps,
        "capacity": st.none() | st.integers(1, 12),
        "budget": st.none() | st.sampled_from([0.5, 3.0, 20.0]),
        "holdout": st.sampled_from([0.0, 0.2, 0.6]),
        "global_holdout": st.sampled_from([0.0, 0.2]),
        "queues": st.dictionaries(
            st.sampled_from(["win_back", "replenishment", "cross_sell"]),
            st.fixed_dictionaries({"capacity": st.integers(1, 4)}),
        ),
        "fatigue": st.sampled_from([{"cost": 0}, {"cost": 0.2}]),
    }
)


def customers_of(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"{k:03d}" for k in range(n)],
            "n_orders": rng.integers(1, 6, n),
            "days_since_last": rng.integers(0, 90, n),
            "rfm_segment": rng.choice(["champion", "new", "lost"], n),
            "stage": rng.choice(STAGES, n),
            "companion": np.where(rng.random(n) < 0.5, "tea", None),
            "p_buy_28": rng.random(n),
            "value_gain_28": rng.gamma(2, 100, n),
        }
    )


def pairs_of(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    n = len(customers)
    opens = pd.to_datetime("2020-12-25") + pd.to_timedelta(rng.integers(0, 30, n), unit="D")
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "item": rng.choice(["coffee", "soap"], n),
            "replenishment_date": opens,
            "stock_status": rng.choice(["about_to_replenish", "depleted", "lapsed"], n),
            "p_reorder_28": rng.random(n),
        }
    )


def log_of(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    n = len(customers)
    return pd.DataFrame(
        {
            "customer_id": rng.choice([*customers["customer_id"], "nobody"], n),
            "channel": rng.choice(CHANNELS, n),
            "day": FIRST - rng.integers(0, 40, n),
            "treated": rng.random(n) < 0.9,
            "opened": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
        }
    )


def tables_of(rng: np.random.Generator, customers: pd.DataFrame, contacts: pd.DataFrame | None) -> OutreachTables:
    refusing = customers[["customer_id"]].assign(channel=rng.choice([*CHANNELS, None], len(customers)))
    return OutreachTables(
        customers=customers,
        tags=customers[["customer_id"]],
        pairs=pairs_of(rng, customers),
        tasks=pd.DataFrame(columns=["customer_id", "action", "item", "due_day"]),
        ladder=Ladder.__new__(Ladder),
        companions=customers[["customer_id"]],
        offers={},
        contacts=contacts,
        wishes=Wishes(opt_outs=refusing.head(len(customers) // 5), open_cases=customers[["customer_id"]].tail(1)),
        stage_rules=StageRules(),
    )


@settings(max_examples=40, deadline=None)
@given(wanted=wanted, n=st.integers(1, 25), seed=st.integers(0, 10**6))
def test_no_plan_breaks_a_cap_a_capacity_or_the_holdout(
    tmp_path_factory: pytest.TempPathFactory, wanted: dict[str, Any], n: int, seed: int
) -> None:
    """Three days that follow each other, each with the log of those before; held against plain loops."""
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("plans")
    config = Config.model_validate({"window": {"cutoff": "2020-12-31"}, "outreach": wanted})
    customers, made = customers_of(rng, n), log_of(rng, customers_of(rng, n))
    for day in range(FIRST, FIRST + DAYS):
        cutoff = date_of(day)
        contacts = made_and_planned(made, read_planned(folder, before=cutoff), config.outreach)
        tables = tables_of(rng, customers, contacts)
        intake: Any = SimpleNamespace(window=SimpleNamespace(cutoff_day=day))
        _, _, plan = make_plan(config, tables, intake, measured={})
        hold(plan, tables, config, day)
        append_planned(folder, plan.assign(reason=""), cutoff=cutoff, campaign=config.outreach.campaign)
        customers = customers.assign(days_since_last=customers["days_since_last"] + 1)
    repeated(folder)


def hold(plan: pd.DataFrame, tables: OutreachTables, config: Config, day: int) -> None:
    settled = config.outreach
    rows = contacts_to_make(plan.assign(reason=""), "en")
    assert sorted(plan["customer_id"]) == tables.customers["customer_id"].tolist()
    assert (plan["suppressed_by"].isna() & plan["group"].eq("treat")).sum() == len(rows)
    assert not (plan["suppressed_by"].isna() & plan["group"].eq("holdout")).any()
    arms = groups(
        rows["customer_id"], share=settled.holdout, salt=settled.campaign, global_share=settled.global_holdout
    )
    assert not (arms.group == "holdout").any()
    assert len(rows) <= (settled.capacity or len(rows))
    assert rows["cost"].sum() <= (settled.budget or np.inf) + 1e-9
    for purpose, queue in settled.queues.items():
        assert plan.loc[plan["suppressed_by"].isna(), "purpose"].eq(purpose).sum() <= queue.capacity
    for contact in rows.to_dict("records"):
        hold_contact(contact, tables, config, day)


def hold_contact(contact: dict[str, Any], tables: OutreachTables, config: Config, cutoff_day: int) -> None:
    limits, due = config.outreach.caps, day_number(dt.date.fromisoformat(contact["due_date"]))
    assert cutoff_day < due <= cutoff_day + config.outreach.ahead
    own = pd.DataFrame(columns=["day", "channel"])
    if tables.contacts is not None:
        own = tables.contacts[tables.contacts["customer_id"].eq(contact["customer_id"]) & tables.contacts["treated"]]
    days = [*own["day"].tolist(), due]
    by_channel = [*own.loc[own["channel"].eq(contact["channel_key"]), "day"].tolist(), due]
    assert days.count(due) == 1
    for width, most, each in (
        (7, limits.total_7, limits.channel_7),
        (28, limits.total_28, limits.channel_28),
    ):
        for start in range(due - width + 1, due + 1):
            assert sum(start <= one < start + width for one in days) <= most
            assert sum(start <= one < start + width for one in by_channel) <= each[contact["channel_key"]]
    customer = tables.customers.set_index("customer_id").loc[contact["customer_id"]]
    trying = customer["stage"] == "value_verification"
    quiet = limits.quiet_value_verification if trying else limits.quiet_after_order
    assert due - (cutoff_day - customer["days_since_last"]) >= quiet
    opted_out = tables.wishes.opt_outs
    assert opted_out is not None
    refused = opted_out.loc[opted_out["customer_id"].eq(contact["customer_id"]), "channel"]
    assert not (refused.isna() | refused.eq(contact["channel_key"])).any()


def repeated(folder: Path) -> None:
    """In three days nobody is told the same twice."""
    wanted = read_planned(folder, before="2021-02-01")
    assert not wanted[SAID].fillna("").duplicated().any()

"""A simulated brand night after night: duties are done once and in time, no cap is broken, nobody is asked in vain."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.datasets import BabyBrand, simulate_baby_brand
from ltvml.outputs.planned_contacts import read_planned

if TYPE_CHECKING:
    from pathlib import Path

START, NIGHTS = dt.date(2024, 11, 30), 21
CHAIN = {0: "formula stage 1", 182: "formula stage 2", 365: "formula stage 3"}


@dataclass(frozen=True, eq=False)
class Nights:
    """What was planned in a row of nights."""

    brand: BabyBrand
    log: pd.DataFrame
    tasks: pd.DataFrame
    offers: pd.DataFrame


def config_of(folder: Path, brand: BabyBrand, cutoff: dt.date) -> ltvml.Config:
    files = {"customers": brand.customers, "opt_outs": brand.opt_outs, "open_cases": brand.open_cases}
    for name, rows in files.items():
        rows.to_csv(folder / f"{name}.csv", index=False)
    values: dict[str, Any] = {
        "customers": {"source": str(folder / "customers.csv")},
        "window": {"cutoff": cutoff, "churn_horizon": 60, "ltv_horizon": 180},
        "season": "off",
        "models": {
            "purchase": "mbg_nbd",
            "churn": "closed_form",
            "value": "purchase_times_spend",
            "replenishment": "gamma_renewal",
        },
        "tracking": {"backend": "none"},
        "output": {"dir": str(folder / "out")},
        "outreach": {
            "ahead": 1,
            "capacity": 40,
            "opt_outs": str(folder / "opt_outs.csv"),
            "open_cases": str(folder / "open_cases.csv"),
            "channels": {"wecom": {"cost": 0.01}, "sms": {"cost": 0.05}},
            "cadence": {
                "slow_items": ["nutrition"],
                "dated": {"stage": {"column": "baby_birthday", "items": CHAIN}},
                "care": {"baby": {"column": "baby_birthday", "items": {120: "first solid food"}, "slack": 5}},
            },
        },
    }
    return ltvml.Config.model_validate(values)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    folder, brand = tmp_path_factory.mktemp("brand"), simulate_baby_brand(500, random_state=7)
    ltvml.fit(config_of(folder, brand, START), transactions=brand.orders)
    tasks, offers = [], []
    for night in range(NIGHTS):
        config = config_of(folder, brand, START + dt.timedelta(days=night))
        # the orders of a night are those up to it: what comes later must change nothing
        orders = brand.orders_until(config.cutoff)
        ltvml.score(config, transactions=orders)
        report = ltvml.plan_outreach(config, transactions=orders)
        tasks.append(report.due_tasks.assign(cutoff=pd.Timestamp(config.cutoff)))
        offers.append(report.contacts.assign(cutoff=pd.Timestamp(config.cutoff)))
    log = read_planned(folder / "out" / "outreach", before="2030-01-01")
    return Nights(brand, log, pd.concat(tasks), pd.concat(offers))


def first_buys(brand: BabyBrand) -> pd.DataFrame:
    """First purchase of each item (category) of each customer."""
    first = brand.orders.groupby(["customer_id", "category"], as_index=False)["order_date"].min()
    day = (first["order_date"] - pd.Timestamp(START)).dt.days
    return first.assign(day=day)


@pytest.mark.slow
class TestNights:
    def test_nobody_has_two_contacts_on_a_day(self, nights: Nights) -> None:
        made = nights.log[nights.log["treated"]]
        assert not made.duplicated(["customer_id", "day"]).any()

    def test_the_caps_of_service_hold(self, nights: Nights) -> None:
        for _, days in nights.tasks.groupby("customer_id")["due_date"]:
            numbers = np.sort(days.to_numpy().astype("datetime64[D]").astype(int))
            assert all(((numbers >= day) & (numbers < day + 7)).sum() <= 4 for day in numbers)
            assert len(numbers) <= 8

    def test_every_due_task_is_done_once(self, nights: Nights) -> None:
        asked = nights.tasks[nights.tasks["action"].eq("feedback_request")]
        assert not asked.duplicated(["customer_id", "item"]).any()
        refused = {*nights.brand.opt_outs["customer_id"], *nights.brand.open_cases["customer_id"]}
        slow = {"nutrition": 14}
        first = first_buys(nights.brand)
        wait = first["category"].map(slow).fillna(7)
        # the whole window of the question lies inside the nights
        inside = (first["day"] + wait > 0) & (first["day"] + wait + 6 <= NIGHTS)
        due = first[inside & ~first["customer_id"].isin(refused)]
        # one order asks once, about the item that runs out first
        orders = due.assign(wait=wait).drop_duplicates(["customer_id", "day", "wait"])
        done = set(asked["customer_id"])
        assert len(orders) > 15
        missed = [row for row in orders.itertuples() if row.customer_id not in done]
        # who bought the item again before the question was due needs none
        assert all(_again(nights.brand, row, 14) for row in missed)

    def test_a_stage_is_announced_once_and_to_those_who_buy_formula(self, nights: Nights) -> None:
        told = nights.tasks[nights.tasks["action"].eq("transition_reminder")]
        assert len(told) > 10
        assert not told.duplicated(["customer_id", "item"]).any()
        formula = set(nights.brand.orders.loc[nights.brand.orders["category"].eq("formula"), "customer_id"])
        assert set(told["customer_id"]) <= formula
        born = nights.brand.customers.set_index("customer_id")["baby_birthday"]
        begins = {item: day for day, item in CHAIN.items()}
        age = (told["due_date"].to_numpy() - born.loc[told["customer_id"]].to_numpy()) / np.timedelta64(1, "D")
        assert (np.abs(age - told["item"].map(begins).to_numpy()) <= 15).all()

    def test_nobody_is_contacted_against_their_will(self, nights: Nights) -> None:
        refusing = nights.brand.opt_outs
        every = set(refusing.loc[refusing["channel"].eq("all"), "customer_id"]) | set(
            nights.brand.open_cases["customer_id"]
        )
        assert every.isdisjoint(nights.log.loc[nights.log["treated"], "customer_id"])
        pairs = set(map(tuple, refusing[["customer_id", "channel"]].to_numpy()))
        assert pairs.isdisjoint(map(tuple, nights.log[["customer_id", "channel"]].to_numpy()))

    def test_nobody_is_reminded_on_the_days_after_having_bought(self, nights: Nights) -> None:
        reminded = nights.offers[nights.offers["action"].eq("replenishment_reminder")]
        bought = nights.brand.orders.groupby(["customer_id", "category"])["order_date"].agg(list)
        assert len(reminded) > 20
        for row in reminded.itertuples():
            days = [(row.cutoff - day).days for day in bought[row.customer_id, row.item]]
            assert not any(0 <= day < 3 for day in days)

    def test_the_preferred_channel_is_used_where_it_may_be(self, nights: Nights) -> None:
        liked = nights.brand.customers.set_index("customer_id")["preferred_channel"]
        used = nights.offers["channel"].astype(str).to_numpy() == liked.loc[nights.offers["customer_id"]].to_numpy()
        assert used.mean() > 0.9


def _again(brand: BabyBrand, row: Any, within: int) -> bool:
    days = brand.orders.loc[
        brand.orders["customer_id"].eq(row.customer_id) & brand.orders["category"].eq(row.category), "order_date"
    ]
    later = (days - row.order_date).dt.days
    return bool(((later > 0) & (later <= within)).any())

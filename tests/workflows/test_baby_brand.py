"""A simulated brand for two months of nights: duties done once and in time, no cap broken, nobody asked in vain."""

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

START, NIGHTS = dt.date(2024, 9, 30), 60
TWICE = (9, 38)
"""Nights whose plan is made a second time."""
PER_DAY = 5
"""Room for service contacts a day: some nights have more to do, and all of it finds room before its window closes."""
SMS_A_WEEK, ALL_A_WEEK = 1, 2
CHAIN = {0: "formula stage 1", 182: "formula stage 2", 365: "formula stage 3"}


@dataclass(frozen=True, eq=False)
class Nights:
    """What was planned in a row of nights."""

    brand: BabyBrand
    log: pd.DataFrame
    known: pd.DataFrame
    offers: pd.DataFrame
    unchanged: list[bool]

    @property
    def tasks(self) -> pd.DataFrame:
        """Tasks that were made."""
        return self.known[self.known["suppressed_by"].isna()]


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
            "service": {"per_day": PER_DAY},
            "ladder": {"draws": 100},
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
    folder, brand = tmp_path_factory.mktemp("brand"), simulate_baby_brand(240, random_state=7)
    ltvml.fit(config_of(folder, brand, START), transactions=brand.orders)
    known, offers, unchanged = [], [], []
    with pytest.MonkeyPatch.context() as patch:
        # the picture and the reasons of a score take half of its time, and no plan reads them
        patch.setattr("ltvml.workflows.score._drawn", lambda *_: ())
        patch.setattr("ltvml.workflows.score.reasons_at_risk", lambda *_, **__: ())
        for night in range(NIGHTS):
            config = config_of(folder, brand, START + dt.timedelta(days=night))
            # the orders of a night are those up to it: what comes later must change nothing
            orders = brand.orders_until(config.cutoff)
            ltvml.score(config, transactions=orders)
            report = ltvml.plan_outreach(config, transactions=orders)
            known.append(report.tasks.assign(cutoff=pd.Timestamp(config.cutoff)))
            offers.append(report.contacts.assign(cutoff=pd.Timestamp(config.cutoff)))
            if night in TWICE:
                before = bytes_of(folder)
                ltvml.plan_outreach(config, transactions=orders)
                unchanged.append(bytes_of(folder) == before)
    log = read_planned(folder / "out" / "outreach", before="2030-01-01")
    return Nights(brand, log, pd.concat(known, ignore_index=True), pd.concat(offers, ignore_index=True), unchanged)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of the plans."""
    files = sorted((folder / "out" / "outreach").rglob("*"))
    return {str(path): path.read_bytes() for path in files if path.is_file() and not path.name.startswith(".")}


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
        assert nights.tasks.groupby("due_date").size().max() == PER_DAY
        for _, days in nights.tasks.groupby("customer_id")["due_date"]:
            numbers = np.sort(days.to_numpy().astype("datetime64[D]").astype(int))
            for day in numbers:
                assert ((numbers >= day) & (numbers < day + 7)).sum() <= 4
                assert ((numbers >= day) & (numbers < day + 28)).sum() <= 8

    def test_the_caps_of_offers_hold_over_all_contacts_so_far(self, nights: Nights) -> None:
        made = nights.log[nights.log["treated"]]
        by_customer = {who: rows for who, rows in made.groupby("customer_id")}
        days = nights.offers["due_date"].to_numpy().astype("datetime64[D]").astype(int)
        assert len(days) > 200
        for row, day in zip(nights.offers.itertuples(), days, strict=True):
            week = by_customer[row.customer_id]
            week = week[week["day"].between(day - 6, day)]
            assert len(week) <= ALL_A_WEEK
            assert row.channel != "sms" or week["channel"].eq("sms").sum() <= SMS_A_WEEK

    def test_every_question_is_asked_once_in_its_window(self, nights: Nights) -> None:
        refused = {*nights.brand.opt_outs["customer_id"], *nights.brand.open_cases["customer_id"]}
        first = first_buys(nights.brand)
        first = first[~first["customer_id"].isin(refused)]
        slow = first["category"].eq("nutrition")
        waits = {"use_check": (3, 2, 3), "feedback_request": (7, 6, 14)}
        asked = nights.tasks.assign(day=(nights.tasks["due_date"] - pd.Timestamp(START)).dt.days)
        for action, (usual, open_days, if_slow) in waits.items():
            told = asked[asked["action"].eq(action)]
            assert not told.duplicated(["customer_id", "item"]).any()
            due = first.assign(opens=first["day"] + np.where(slow, if_slow, usual))
            # the whole window of the question lies inside the nights
            due = due[(due["opens"] > 0) & (due["opens"] + open_days <= NIGHTS)]
            in_time = told.merge(due, left_on=["customer_id", "item"], right_on=["customer_id", "category"])
            assert (in_time["day_x"] - in_time["opens"]).between(0, open_days).all()
            done = set(map(tuple, in_time[["customer_id", "order_date", "opens"]].to_numpy()))
            # one order asks each question once, about one of its items
            orders = due.drop_duplicates(["customer_id", "order_date", "opens"])
            assert len(orders) > 30
            missed = [row for row in orders.itertuples() if (row.customer_id, row.order_date, row.opens) not in done]
            # who bought the item again before the question was asked needs none
            assert [row for row in missed if not _again(nights.brand, row, row.opens - row.day + open_days)] == []

    def test_what_is_displaced_comes_the_next_night_while_its_window_is_open(self, nights: Nights) -> None:
        keys = ["customer_id", "action", "item", "cutoff"]
        known = set(map(tuple, nights.known[keys].astype(object).fillna("").to_numpy()))
        late = nights.known[nights.known["suppressed_by"].isin(["capacity", "cap"])]
        next_night = late["cutoff"] + pd.Timedelta(days=1)
        last = pd.Timestamp(START) + pd.Timedelta(days=NIGHTS - 1)
        late = late.assign(cutoff=next_night)[(late["until_date"] > next_night) & (next_night <= last)]
        assert len(late) > 30
        ordered = set(map(tuple, nights.brand.orders[["customer_id", "order_date"]].to_numpy()))
        gone = [row for row in late[keys].astype(object).fillna("").to_numpy() if tuple(row) not in known]
        # it may no longer apply to who has ordered that day
        assert [row for row in gone if (row[0], row[3]) not in ordered] == []

    def test_a_night_that_is_run_twice_changes_nothing(self, nights: Nights) -> None:
        assert nights.unchanged == [True] * len(TWICE)

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

    def test_nobody_is_reminded_twice_without_an_order_in_between(self, nights: Nights) -> None:
        reminded = nights.offers[nights.offers["action"].eq("replenishment_reminder")].sort_values("due_date")
        before = reminded.groupby(["customer_id", "item"])["due_date"].shift()
        again = reminded.assign(before=before)[reminded["due_date"] - before < pd.Timedelta(days=28)]
        bought = nights.brand.orders.groupby("customer_id")["order_date"].agg(list)
        for row in again.itertuples():
            assert any(row.before <= day <= row.cutoff for day in bought[row.customer_id])

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

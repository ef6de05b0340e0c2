"""From scores to a plan of contacts: ranked, dated, restrained, held out; the same twice, and without leaks."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import ltvml
from ltvml.contracts import OUTREACH
from ltvml.engines.frames import arrow_schema
from ltvml.errors import DataContractError
from ltvml.outreach.experiment.effects import Effect, Effects
from ltvml.outreach.experiment.holdout import groups
from ltvml.words.text import columns
from ltvml.workflows.measure import measure_outreach
from ltvml.workflows.plan import plan_outreach
from tests.conftest import CUTOFF, shop_of

if TYPE_CHECKING:
    from pathlib import Path

    from ltvml.bundle.bundle import Bundle
    from ltvml.reports.plan import OutreachReport

NEXT_DAY = "2021-01-01"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# every third customer of a small shop is held out, or the arm is empty
OFTEN = {"holdout": 0.3}
OPEN = {"capacity": None, "fatigue": {"cost": 0}}


@dataclass(frozen=True)
class Shop:
    """Orders, a bundle, and its scores in a folder."""

    folder: Path
    orders: pd.DataFrame
    bundle: Bundle
    config_of: Any

    def plan(self, out: Path, *, cutoff: str = CUTOFF, orders: pd.DataFrame | None = None, **sections: Any) -> Any:
        given = {"outreach": OFTEN} | sections
        config = self.config_of(self.folder, window={"cutoff": cutoff}, **given)
        rows = self.orders if orders is None else orders
        return plan_outreach(config, model=self.bundle, transactions=rows, out=out)

    def score(self, cutoff: str, orders: pd.DataFrame | None = None, **sections: Any) -> None:
        config = self.config_of(self.folder, window={"cutoff": cutoff}, **sections)
        ltvml.score(config, model=self.bundle, transactions=self.orders if orders is None else orders)


def shop_in(folder: Path, orders: pd.DataFrame, config_of: Any, *cutoffs: str) -> Shop:
    bundle = ltvml.fit(config_of(folder), transactions=orders).bundle
    shop = Shop(folder, orders, bundle, config_of)
    for cutoff in cutoffs or (CUTOFF,):
        shop.score(cutoff)
    return shop


@pytest.fixture(scope="module")
def goods(groceries: pd.DataFrame) -> pd.DataFrame:
    """The groceries, and 200 customers who come and go."""
    others = shop_of(200)
    kinds = np.random.default_rng(2).choice(["coffee", "soap"], len(others))
    others = others.assign(customer_id="c" + others["customer_id"], category=kinds, quantity=1.0)
    return pd.concat([groceries, others.assign(product_id=others["category"] + " 1")], ignore_index=True)


@pytest.fixture(scope="module")
def shop(goods: pd.DataFrame, config_of: Any, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop_in(tmp_path_factory.mktemp("shop"), goods, config_of, CUTOFF, NEXT_DAY)


@pytest.fixture(scope="module")
def planned(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> OutreachReport:
    return shop.plan(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module")
def many(config_of: Any, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of 2,000 customers without items, for what shows in numbers alone."""
    return shop_in(tmp_path_factory.mktemp("many"), shop_of(2000, random_state=9), config_of)


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def contents(report: OutreachReport) -> list[dict[str, str]]:
    with (report.folder / "outreach.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def table(path: Path, rows: list[dict[str, Any]]) -> str:
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


def test_the_file_has_the_types_of_the_contract_and_a_row_a_customer(planned: OutreachReport, goods: pd.DataFrame):
    path = planned.folder / "outreach.parquet"
    assert pq.read_schema(path).equals(arrow_schema(OUTREACH))
    found = pd.read_parquet(path)
    assert sorted(found["customer_id"]) == sorted(goods["customer_id"].unique())
    assert found["rank"].tolist() == list(range(1, len(found) + 1))


def test_every_file_is_named_by_the_manifest(planned: OutreachReport):
    manifest = json.loads((planned.folder / "manifest.json").read_text())
    expected = {"outreach.parquet", "outreach.csv", "stages.parquet", "ladder.csv", "companions.csv"}
    expected |= {"bundles.csv", "stock_up.csv", "successions.csv", "tasks.csv", "tasks.parquet"}
    assert set(manifest["files"]) == expected | {"transitions.csv", "planning.parquet"}
    assert manifest["contacts"] == len(planned.contacts)


def test_the_probabilities_are_those_of_the_scores(
    shop: Shop, planned: OutreachReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ltvml.Bundle, "chances", None)
    report = shop.plan(tmp_path)
    written = pd.read_parquet(shop.folder / "scores" / CUTOFF / "probabilities.parquet")
    # that of seven days is for `ltvml watch`
    chances = [name for name in written if name.startswith("p_buy_") and name != "p_buy_7"]
    known = written.sort_values("customer_id", ignore_index=True)
    assert report.customers[["customer_id", *chances]].equals(known[["customer_id", *chances]])
    pd.testing.assert_frame_equal(report.plan, planned.plan, check_exact=True)


def test_probabilities_that_the_scores_lack_are_computed_and_a_note_says_so(
    shop: Shop, planned: OutreachReport, tmp_path: Path
):
    other, folder = replace(shop, folder=tmp_path / "other"), tmp_path / "other" / "scores" / CUTOFF
    shutil.copytree(shop.folder / "scores", tmp_path / "other" / "scores")
    actions = {"actions": ["default", {"name": "win_back", "cost": 1.5, "to_day": 730, "window_days": 14}]}
    changed = other.plan(tmp_path / "changed", outreach=OFTEN | actions)
    assert "The scores lack the probability of a purchase within 14 days" in " ".join(changed.missing)
    other.score(CUTOFF, outreach=actions)
    again = other.plan(tmp_path / "again", outreach=OFTEN | actions)
    assert not set(again.missing) - set(planned.missing)
    pd.testing.assert_frame_equal(again.plan, changed.plan, check_exact=True)
    assert not again.plan.equals(planned.plan)

    # as a release before this table left them
    (folder / "probabilities.parquet").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["probabilities.parquet"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    older = other.plan(tmp_path / "older")
    assert "within 28 days" in " ".join(set(older.missing) - set(planned.missing))
    pd.testing.assert_frame_equal(older.plan, planned.plan, check_exact=True)


def test_who_is_contacted_is_never_held_out_and_who_is_not_is_told_why(planned: OutreachReport):
    plan = pd.read_parquet(planned.folder / "outreach.parquet")
    chosen = plan["suppressed_by"].isna()
    assert chosen.sum() > 20
    assert plan.loc[chosen, "group"].eq("treat").all()
    assert (
        plan.loc[chosen, ["action", "channel", "due_date", "reason", "expected_value", "cost"]].notna().all(axis=None)
    )
    # what the held out would have got stays in the file, with its rank
    would_be = plan[plan["suppressed_by"].eq("holdout")]
    assert len(would_be)
    assert would_be["group"].eq("holdout").all()
    assert would_be[["action", "expected_value"]].notna().all(axis=None)
    assert [row["customer_id"] for row in contents(planned)] == plan.loc[chosen, "customer_id"].tolist()


def test_groups_are_those_of_the_hash(planned: OutreachReport):
    plan = planned.plan
    assert plan["group"].tolist() == groups(plan["customer_id"], share=0.3, salt="outreach").group.tolist()


def test_contacts_are_due_in_the_days_ahead(planned: OutreachReport):
    assert pd.to_datetime(planned.contacts["due_date"]).between("2021-01-01", "2021-01-07").all()


@pytest.mark.parametrize(
    "given",
    [
        {"capacity": 7},
        {"channels": {"email": {"capacity": 3}, "push": {"capacity": 2}}},
        {"queues": {"replenishment": {"capacity": 4, "budget": 0.11}, "win_back": {"capacity": 1}}},
        {"budget": 3.0},
    ],
    ids=lambda given: next(iter(given)),
)
def test_capacity_and_budget_are_kept(shop: Shop, tmp_path: Path, given: dict[str, Any]):
    contacts = shop.plan(tmp_path, outreach=OFTEN | given).contacts
    assert 0 < len(contacts) <= given.get("capacity", len(contacts))
    assert contacts["cost"].sum() <= given.get("budget", np.inf) + 1e-9
    for name, one in given.get("channels", {}).items():
        assert contacts["channel"].eq(name).sum() <= one["capacity"]
    for name, one in given.get("queues", {}).items():
        queue = contacts[contacts["purpose"].eq(name)]
        assert len(queue) <= one["capacity"]
        assert queue["cost"].sum() <= one.get("budget", np.inf) + 1e-9


def test_ids_and_items_that_are_formulas_open_safely(goods: pd.DataFrame, config_of: Any, tmp_path: Path):
    odd = goods.assign(customer_id="=" + goods["customer_id"], category="@" + goods["category"])
    report = shop_in(tmp_path / "shop", odd, config_of).plan(tmp_path / "plans")
    rows = contents(report)
    assert {row["customer_id"][:2] for row in rows} == {"'="}
    assert "'@coffee" in {row["item"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(FORMULA)]
    assert report.contacts["customer_id"].str.startswith("=").all()


def test_the_same_inputs_give_the_same_bytes(shop: Shop, tmp_path: Path):
    shop.plan(tmp_path)
    first = listing(tmp_path)
    shop.plan(tmp_path, orders=shop.orders.sample(frac=1, random_state=3))
    assert listing(tmp_path) == first
    assert {"planned.csv", "stage_rules.json", f"{CUTOFF}/outreach.csv"} <= first.keys()


def test_the_next_day_does_not_repeat_what_was_planned(shop: Shop, tmp_path: Path):
    first = shop.plan(tmp_path)
    log = (tmp_path / "planned.csv").read_bytes()
    second = shop.plan(tmp_path, cutoff=NEXT_DAY)
    assert (tmp_path / "planned.csv").read_bytes().startswith(log)
    stated = ["customer_id", "action", "item"]
    wanted = [
        plan[plan["suppressed_by"].isna() | plan["suppressed_by"].eq("holdout")] for plan in (first.plan, second.plan)
    ]
    before, after = (rows[stated].astype(str).apply(tuple, axis=1) for rows in wanted)
    assert len(before) > 20
    assert not set(before) & set(after)
    assert second.counts["suppressed_by"]["repeated"] > 20
    # without the log they are due again, so it is the log that holds them back
    fresh = shop.plan(tmp_path / "elsewhere", cutoff=NEXT_DAY).contacts
    assert len(set(before) & set(fresh[stated].astype(str).apply(tuple, axis=1))) > 20


def test_both_arms_are_held_back_alike_on_the_next_day(shop: Shop, tmp_path: Path):
    first = shop.plan(tmp_path).plan.set_index("customer_id")
    second = shop.plan(tmp_path, cutoff=NEXT_DAY).plan.set_index("customer_id")
    would_be, made = first.index[first["suppressed_by"].eq("holdout")], first.index[first["suppressed_by"].isna()]
    shares = [second.loc[rows, "suppressed_by"].eq("repeated").mean() for rows in (would_be, made)]
    # 30 customers are held out: three standard errors of the difference of two shares are 0.3
    assert min(shares) > 0.5
    assert shares[0] == pytest.approx(shares[1], abs=0.3)


def test_another_campaign_contacts_those_whom_the_last_one_held_out(shop: Shop, tmp_path: Path):
    first = shop.plan(tmp_path).plan
    second = shop.plan(tmp_path, cutoff=NEXT_DAY, outreach=OFTEN | {"campaign": "spring"}).contacts
    assert set(second["customer_id"]) & set(first.loc[first["suppressed_by"].eq("holdout"), "customer_id"])


def test_contacts_that_were_made_are_not_repeated(shop: Shop, planned: OutreachReport, tmp_path: Path):
    made = planned.contacts[["customer_id", "channel", "action"]].assign(sent_at="2020-12-31")
    source = table(tmp_path / "contacts.csv", made.to_dict("records"))
    report = shop.plan(tmp_path / "plans", contacts={"source": source})
    assert set(report.contacts[["customer_id", "action"]].apply(tuple, axis=1)).isdisjoint(
        made[["customer_id", "action"]].astype(str).apply(tuple, axis=1)
    )
    assert report.counts["suppressed_by"]["repeated"] > 20


def test_a_shop_without_items_says_what_it_lacks_and_plans_the_rest(many: Shop, tmp_path: Path):
    report = many.plan(tmp_path)
    stated = " ".join(report.missing)
    for words in ("The orders name no items", "there are no reorder reminders", "follow-up"):
        assert words in stated
    assert len(report.contacts) > 20
    assert set(report.contacts["purpose"]) <= {"second_order", "win_back", "vip_care", "follow_up"}
    assert len(pd.read_csv(report.folder / "companions.csv")) == 0
    assert report.contacts["reason"].str.len().min() > 10


def test_every_customer_has_one_stage(planned: OutreachReport, goods: pd.DataFrame):
    stages = pd.read_parquet(planned.folder / "stages.parquet")
    assert sorted(stages["customer_id"]) == sorted(goods["customer_id"].unique())
    assert stages["stage"].notna().all()
    assert stages["stage"].nunique() >= 4


def test_only_customers_move_between_two_runs_of_one_bundle(shop: Shop, tmp_path: Path):
    first = shop.plan(tmp_path)
    assert first.moves.empty
    second = shop.plan(tmp_path, cutoff=NEXT_DAY)
    assert second.tables.stage_rules == first.tables.stage_rules
    moves = pd.read_csv(second.folder / "transitions.csv")
    assert moves["customers"].sum() == len(second.plan)
    assert {"before", "after", "share"} < set(moves)


def test_limits_of_stages_that_were_told_are_not_kept(shop: Shop, tmp_path: Path):
    given = shop.plan(tmp_path, outreach={"stages": {"lapsed_risk": 0.99}})
    learned = shop.plan(tmp_path)
    assert given.tables.stage_rules.lapsed_risk == 0.99
    assert learned.tables.stage_rules.lapsed_risk != 0.99


def test_limits_that_were_learned_are_kept_for_later_runs_of_the_bundle_alone(
    shop: Shop, planned: OutreachReport, tmp_path: Path
):
    for given, used in (
        ({"bundle_version": shop.bundle.version, "learned_on": "2020-12-30"}, True),
        ({"bundle_version": "another", "learned_on": "2020-12-30"}, False),
        # what a later run learned has seen what is not known yet
        ({"bundle_version": shop.bundle.version, "learned_on": NEXT_DAY}, False),
    ):
        kept = given | {"rules": asdict(replace(planned.tables.stage_rules, lapsed_silence=300))}
        (tmp_path / "stage_rules.json").write_text(json.dumps(kept))
        assert (shop.plan(tmp_path).tables.stage_rules.lapsed_silence == 300) == used


def test_a_damaged_file_of_limits_is_refused(shop: Shop, tmp_path: Path):
    (tmp_path / "stage_rules.json").write_text("{")
    with pytest.raises(DataContractError, match=r"stage_rules\.json cannot be read") as given:
        shop.plan(tmp_path)
    assert "remove the file" in str(given.value.hint)


def test_effects_that_were_measured_later_are_not_known_yet(shop: Shop, planned: OutreachReport, tmp_path: Path):
    write_effects(tmp_path, {"win_back": {"until": "2021-01-15", "shift": 2.0}})
    pd.testing.assert_frame_equal(shop.plan(tmp_path).plan, planned.plan)


def write_effects(folder: Path, effects: dict[str, dict[str, Any]]) -> None:
    """As `ltvml outreach measure` leaves them."""
    campaigns = [
        {
            "cutoff": "2020-11-01",
            "campaign": f"measured {action}",
            "until": one["until"],
            "effects": Effects((Effect(action, one["shift"], 0.01, one["shift"], 0.01, 9000, 9000),)).to_dict(),
            "by_chance": {},
        }
        for action, one in effects.items()
    ]
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "effects.json").write_text(json.dumps({"format_version": 1, "campaigns": campaigns}))


def test_a_folder_of_a_run_that_was_killed_is_no_earlier_plan(shop: Shop, planned: OutreachReport, tmp_path: Path):
    left = tmp_path / f".{CUTOFF}.0123abcd.partial"
    left.mkdir()
    (left / "stages.parquet").write_bytes((planned.folder / "stages.parquet").read_bytes())
    assert shop.plan(tmp_path).moves.empty


def test_opt_outs_dislikes_and_open_cases_are_respected(shop: Shop, planned: OutreachReport, tmp_path: Path):
    who = planned.contacts["customer_id"].tolist()
    wishes = {
        "opt_outs": [{"customer_id": who[0], "channel": None}, {"customer_id": who[1], "channel": "push"}],
        "disliked": [{"customer_id": who[2], "channel": "push"}, {"customer_id": who[2], "channel": "email"}],
        "open_cases": [{"customer_id": who[3]}],
    }
    given = {name: table(tmp_path / f"{name}.csv", rows) for name, rows in wishes.items()}
    plan = shop.plan(tmp_path / "plans", outreach=OFTEN | given).plan.set_index("customer_id")
    assert plan.loc[who[0], "suppressed_by"] == "opted_out"
    assert plan.loc[who[1], "channel"] != "push"
    assert (
        plan.loc[who[2], "channel"] not in ("push", "email") or plan.loc[who[2], "suppressed_by"] == "channel_disliked"
    )
    assert plan.loc[who[3], "suppressed_by"] == "open_case"


def test_caps_count_the_contacts_that_were_made(shop: Shop, planned: OutreachReport, tmp_path: Path):
    who = planned.contacts["customer_id"].tolist()[:5]
    rows = [{"customer_id": one, "channel": "phone", "sent_at": f"2020-12-{day}"} for one in who for day in (29, 30)]
    source = table(tmp_path / "contacts.csv", rows)
    report = shop.plan(tmp_path / "plans", contacts={"source": source}, outreach=OFTEN | {"ahead": 1})
    assert report.plan.set_index("customer_id").loc[who, "suppressed_by"].tolist() == ["total_7_days"] * 5


def test_where_nobody_may_be_contacted_the_plan_is_empty_and_says_so(shop: Shop, tmp_path: Path):
    everybody = [{"customer_id": one} for one in shop.orders["customer_id"].unique()]
    given = {"opt_outs": table(tmp_path / "out.csv", everybody)}
    report = shop.plan(tmp_path / "plans", outreach=given)
    assert report.contacts.empty
    assert report.launch is None
    assert contents(report) == []
    assert "No contacts planned: no action has a positive expected value" in report.text()
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_tag_of_ones_own_can_be_what_an_action_asks_for(shop: Shop, tmp_path: Path):
    action = {"name": "thanks", "rule": "tagged", "column": "core", "purpose": "vip_care", "channels": ["email"]}
    given = {"actions": [action | {"cost": 0.0, "effect": 0.5}], "tags": {"rules": {"core": "n_orders >= 5"}}}
    report = shop.plan(tmp_path, outreach=given | OPEN)
    stages = pd.read_parquet(report.folder / "stages.parquet").set_index("customer_id")
    assert len(report.contacts) > 5
    assert stages.loc[report.contacts["customer_id"], "core"].all()


def test_the_list_can_be_in_chinese(shop: Shop, planned: OutreachReport, tmp_path: Path):
    report = shop.plan(tmp_path, outreach=OFTEN | {"language": "zh", "byte_order_mark": True})
    assert (report.folder / "outreach.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    rows = contents(report)
    assert {row["channel"] for row in rows} <= {"邮件", "推送消息", "短信", "电话"}
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in row["reason"]) for row in rows)
    assert report.contacts["action"].tolist() == planned.contacts["action"].tolist()
    assert max(columns(line) for line in report.text().splitlines() if "/" not in line) <= 80


def test_measured_effects_take_the_place_of_assumed_ones(shop: Shop, planned: OutreachReport, tmp_path: Path):
    write_effects(tmp_path, {"replenishment_reminder": {"until": "2020-11-29", "shift": 1.0}})
    report = shop.plan(tmp_path)
    basis = report.contacts.groupby(report.contacts["action"].astype(str))["ev_basis"].unique()
    assert basis["replenishment_reminder"].tolist() == ["measured"]
    assert basis["win_back"].tolist() == ["assumed"]
    assert "measured effects for some actions" in report.text()
    assert report.allocation.value > 2 * planned.allocation.value


def test_the_run_is_tracked_with_counts_and_without_a_person(shop: Shop, tmp_path: Path):
    # long ids, which stand nowhere by chance
    report = shop.plan(tmp_path / "plans", tracking={"backend": "local"})
    folders = [path.parent for path in (shop.folder / "runs").glob("*/run.json")]
    runs = {folder: json.loads((folder / "run.json").read_text()) for folder in folders}
    ((folder, run),) = [(folder, run) for folder, run in runs.items() if run["name"].startswith("outreach")]
    numbers = {one["key"]: one["value"] for one in run["metrics"]}
    assert numbers["contacts"] == len(report.contacts)
    assert sum(numbers[key] for key in numbers if key.startswith("action.")) == len(report.contacts)
    assert sum(numbers[key] for key in numbers if key.startswith("stage.")) == len(report.plan)
    assert numbers["suppressed_by.holdout"] > 0
    linked = {"bundle_version": shop.bundle.version, "cutoff": CUTOFF}
    assert linked.items() <= run["tags"].items()
    assert set(run["tags"]) - set(linked) <= {"mlflow.note.content", "shop", "tracker"}
    kept = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert not [one for one in report.plan["customer_id"] if f'"{one}"' in kept]
    assert str(tmp_path) not in kept


def test_the_report_fits_in_80_columns_and_its_values_are_plain(planned: OutreachReport):
    text = planned.text()
    assert max(columns(line) for line in text.splitlines() if "/" not in line) <= 80
    assert "(assumed effects; none measured yet)" in text
    assert "it does not show that an order causes the next one" in " ".join(text.split())
    given = json.loads(json.dumps(planned.to_dict(), allow_nan=False))
    assert given["contacts"][0]["customer_id"] == planned.contacts["customer_id"].iloc[0]
    assert given["power"]


def test_long_names_fit_in_80_columns(goods: pd.DataFrame, config_of: Any, tmp_path: Path):
    long = goods.assign(customer_id="a very long name of somebody " + goods["customer_id"])
    action = {"name": "a very long name of an action", "rule": "win_back", "purpose": "win_back", "cost": 0}
    given = {"actions": [action | {"channels": ["a letter by post"]}], "channels": {"a letter by post": {"cost": 0}}}
    report = shop_in(tmp_path / "shop", long, config_of).plan(tmp_path / "plans", outreach=given)
    assert len(report.contacts)
    assert max(columns(line) for line in report.text().splitlines() if "/" not in line) <= 80


def test_the_power_is_that_of_the_arms_of_the_plan(planned: OutreachReport):
    held = int(planned.plan["suppressed_by"].eq("holdout").sum())
    assert planned.launch.words[0] == f"{len(planned.contacts):,} customers to contact, {held:,} held out."


def test_rows_after_the_cutoff_change_no_byte(shop: Shop, tmp_path: Path):
    later = shop.orders.assign(
        order_date=shop.orders["order_date"] + pd.Timedelta(days=800), category="pears", quantity=99.0, amount=1e6
    )
    shop.plan(tmp_path / "one")
    shop.plan(tmp_path / "two", orders=pd.concat([later, shop.orders]))
    assert listing(tmp_path / "one") == listing(tmp_path / "two")


def test_a_planted_effect_is_measured_and_the_next_plan_uses_it(many: Shop, tmp_path: Path):
    """Plan, contact, wait for 28 days, measure, plan again: with an effect of 1.5 on the logit of everybody treated."""
    given = {"outreach": OPEN | {"holdout": 0.5, "actions": [{"name": "win_back", "cost": 0.0}]}}
    report = many.plan(tmp_path, **given)
    known = pd.read_parquet(report.folder / "planning.parquet")
    assert len(known) > 400
    group = report.plan.set_index("customer_id").loc[known["customer_id"], "group"]
    odds = known["p_buy"] / (1 - known["p_buy"]) * np.where(group.eq("treat"), np.exp(1.5), 1.0)
    bought = np.random.default_rng(8).random(len(known)) < odds / (1 + odds)
    came = pd.DataFrame({"customer_id": known.loc[bought, "customer_id"], "order_date": "2021-01-20", "amount": 20.0})
    others = pd.DataFrame({"customer_id": ["new"], "order_date": ["2021-01-28"], "amount": [20.0]})
    after = pd.concat([came, others]).astype({"order_date": many.orders["order_date"].dtype})
    orders = pd.concat([many.orders, after], ignore_index=True)
    measured = measure_outreach(many.config_of(many.folder), plan=report.folder, transactions=orders)
    (effect,) = measured.campaign.effects.effects
    assert effect.raw_shift == pytest.approx(1.5, abs=3 * effect.raw_standard_error)
    assert effect.raw_shift > 3 * effect.raw_standard_error

    many.score("2021-01-28", orders)
    again = many.plan(tmp_path, cutoff="2021-01-28", orders=orders, **given)
    assert set(again.contacts["ev_basis"]) == {"measured"}
    assert "(measured effects)" in again.text()

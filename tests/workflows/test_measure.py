"""From a plan and the orders that came: a planted effect is found, none is called none, and odd input is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from ltvml.config import Config
from ltvml.errors import ConfigError, DataContractError
from ltvml.outputs.measured_effects import read_order_values
from ltvml.outreach.experiment import uplift
from ltvml.outreach.experiment.effect_by_chance import EffectByChance
from ltvml.outreach.experiment.effects import USUAL_SPREAD
from ltvml.outreach.experiment.holdout import groups
from ltvml.reports.measure import conversions_text
from ltvml.run_directory import write_manifest
from ltvml.words.spoken import Spoken
from ltvml.words.text import columns
from ltvml.workflows.measure import measure_outreach, read_effects

if TYPE_CHECKING:
    from pathlib import Path

CUTOFF = "2020-12-31"
WINDOWS = {"win_back": 28, "vip_care": 14}
CUSTOMERS = 3000
SHARE = 0.3
PLANTED = 0.8
# the standard error of the planted shift is near .1 with these customers
FOUR_ERRORS = 0.4


@dataclass(frozen=True)
class Shop:
    """A plan in its folder, and the orders that came."""

    folder: Path
    plan: Path
    orders: pd.DataFrame

    def config(self, **sections: Any) -> Config:
        given = {"tracking": {"backend": "none"}, "output": {"dir": str(self.folder / "out")}}
        return Config.model_validate(given | sections)

    def measure(self, **arguments: Any) -> Any:
        given = {"config": self.config(), "plan": self.plan, "transactions": self.orders} | arguments
        return measure_outreach(given.pop("config"), **given)

    def listing(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}


def shop_in(
    folder: Path, *, effect: float, n: int = CUSTOMERS, share: float = SHARE, cutoff: str = CUTOFF, seed: int = 0
) -> Shop:
    draw = np.random.default_rng(seed)
    ids = pd.Series(np.arange(n)).astype(str).str.zfill(5)
    group = groups(ids, share=share, salt="autumn").group
    chance = draw.beta(2, 4, n)
    action = np.where(np.arange(n) % 3, "win_back", "vip_care")
    bought = draw.random(n) < np.where(group == "treat", expit(logit(chance) + effect), chance)
    plan = pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "customer_id": ids,
            "action": action,
            "group": group,
            "suppressed_by": np.where(group == "treat", None, "holdout"),
        }
    )
    # the last tenth is not to be contacted by either arm
    plan["suppressed_by"] = plan["suppressed_by"].mask(plan["rank"] > 0.9 * n, "capacity")
    planning = pd.DataFrame(
        {
            "customer_id": ids,
            "action": action,
            "p_buy": chance,
            "predicted_value": 40 * chance,
            "effect": effect,
            "value_gain": 0.5 * 40.0,
            "order_margin": 0.5 * 40.0,
            "order_factor": 1.0,
            "cost": 0.1,
            "stage": np.where(np.arange(n) % 2, "lapsing", "trust_transfer"),
            "window_days": pd.Series(action).map(WINDOWS),
        }
    )
    place = folder / "out" / "outreach" / cutoff
    write_plan(place, plan, planning[plan["rank"] <= 0.9 * n], share=share, cutoff=cutoff)
    start = pd.Timestamp(cutoff)
    came = start + pd.to_timedelta(draw.integers(1, 15, n), unit="D")
    after = pd.DataFrame({"customer_id": ids, "order_date": came, "amount": draw.gamma(4, 10, n).round(2)})[bought]
    before = pd.DataFrame({"customer_id": ids, "order_date": start, "amount": 7.0})
    # somebody who is in no plan orders to the end, as in a shop that goes on
    stranger = pd.DataFrame({"customer_id": "new", "order_date": [start + pd.Timedelta(days=28)], "amount": 5.0})
    return Shop(folder, place, pd.concat([before, after, stranger], ignore_index=True))


def write_plan(place: Path, plan: pd.DataFrame, planning: pd.DataFrame, *, share: float, cutoff: str) -> None:
    place.mkdir(parents=True)
    plan.to_parquet(place / "outreach.parquet")
    planning.to_parquet(place / "planning.parquet")
    facts = {"cutoff": cutoff, "campaign": "autumn", "share_held_out": share, "window_days": WINDOWS, "margin": 0.5}
    write_manifest(place, "outreach", facts | {"model_version": "0123456789abcdef"})


def contacts_in(folder: Path, rows: pd.DataFrame) -> dict[str, Any]:
    rows.to_csv(folder / "contacts.csv", index=False)
    return {"contacts": {"source": str(folder / "contacts.csv")}}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop_in(tmp_path_factory.mktemp("planted"), effect=PLANTED)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_in(tmp_path, effect=PLANTED, n=1200)


def test_a_planted_effect_is_found_and_the_next_plan_reads_it_shrunk(planted: Shop) -> None:
    report = planted.measure()
    assert not report.measurement.no_effect
    found = {effect.action: effect for effect in report.campaign.effects.effects}
    assert found["win_back"].raw_shift == pytest.approx(PLANTED, abs=FOUR_ERRORS)
    measured = read_effects(planted.plan.parent)
    assert set(measured) == {"win_back", "vip_care"}
    assert 0 < measured["win_back"] < found["win_back"].raw_shift


def test_the_claim_stands_beside_what_came_and_the_next_plan_reads_the_worth_of_an_order(planted: Shop) -> None:
    report = planted.measure()
    table = pd.read_csv(planted.plan / "measure" / "claims.csv").set_index("name")
    assert set(table.index) == {"all", "win_back", "vip_care"}
    since = (planted.orders["order_date"] - pd.Timestamp(CUTOFF)).dt.days
    plan = pd.read_parquet(planted.plan / "outreach.parquet").query("action == 'vip_care'")
    means = []
    for arm, reason in (("treat", plan["suppressed_by"].isna()), ("holdout", plan["suppressed_by"].eq("holdout"))):
        ids = plan.loc[reason & plan["group"].eq(arm), "customer_id"]
        came = planted.orders[since.between(1, 14) & planted.orders["customer_id"].isin(ids)]
        means.append(0.5 * came["amount"].sum() / len(ids))
    # the plain difference by hand; the adjusted one that is reported differs by less than a tenth of its interval
    width = table.loc["vip_care", "measured_value_hi"] - table.loc["vip_care", "measured_value_lo"]
    by_hand = table.loc["vip_care", "contacts"] * (means[0] - means[1])
    assert table.loc["vip_care", "measured_value"] == pytest.approx(by_hand, abs=0.2 * width)
    assert set(read_order_values(planted.plan.parent)) <= set(WINDOWS)
    assert "margin of extra orders" in report.text()
    assert report.to_dict()["claims"][0]["verdict"] == table.loc["all", "verdict"]
    assert any(words.startswith("Claim: ") for words in report.words)


def test_a_plan_of_an_earlier_version_is_measured_and_its_claim_said_to_be_missing(shop: Shop) -> None:
    planning = pd.read_parquet(shop.plan / "planning.parquet")
    plan = pd.read_parquet(shop.plan / "outreach.parquet")
    other = shop.folder / "out" / "outreach" / "earlier"
    old = planning.drop(columns=["effect", "value_gain", "order_margin", "order_factor", "cost"])
    write_plan(other, plan, old, share=SHARE, cutoff=CUTOFF)
    report = shop.measure(plan=other)
    assert any("does not say what it claims" in note for note in report.notes)
    assert pd.read_csv(other / "measure" / "claims.csv").empty
    assert "margin of extra orders" not in report.text()


def test_differences_stand_by_action_and_by_stage_over_the_compared_alone(planted: Shop) -> None:
    planted.measure()
    table = pd.read_csv(planted.plan / "measure" / "differences.csv")
    assert set(table["name"]) == {"all", "win_back", "vip_care", "lapsing", "trust_transfer"}
    everybody = table[table["by"] == "all"].iloc[0]
    assert everybody["n_treat"] + everybody["n_holdout"] == 0.9 * CUSTOMERS


def test_conversion_and_value_are_those_counted_by_hand(planted: Shop) -> None:
    table = planted.measure().measurement.differences
    plan = pd.read_parquet(planted.plan / "outreach.parquet")
    compared = plan[plan["suppressed_by"].isna() | plan["suppressed_by"].eq("holdout")]
    since = (planted.orders["order_date"] - pd.Timestamp(CUTOFF)).dt.days
    for action, days in WINDOWS.items():
        held = compared[compared["action"].eq(action) & compared["group"].eq("holdout")]
        came = planted.orders[since.between(1, days) & planted.orders["customer_id"].isin(held["customer_id"])]
        rows = table[table["name"].eq(action) & table["estimate"].eq("plain")].set_index("outcome")
        assert rows.loc["conversion", "holdout"] == pytest.approx(came["customer_id"].nunique() / len(held))
        assert rows.loc["value", "holdout"] == pytest.approx(came["amount"].sum() / len(held))


def test_a_campaign_without_effect_is_said_to_have_none_and_teaches_little(tmp_path: Path) -> None:
    shop = shop_in(tmp_path, effect=0.0, seed=3)
    report = shop.measure()
    assert report.measurement.no_effect
    assert report.words[0].startswith("No statistically significant effect of this campaign")
    assert all(abs(shift) < USUAL_SPREAD for shift in read_effects(shop.plan.parent).values())


def test_the_same_measurement_twice_is_the_same_bytes_and_counts_once(shop: Shop) -> None:
    shop.measure()
    before = shop.listing()
    shop.measure()
    assert shop.listing() == before


def test_orders_after_the_window_and_their_order_change_nothing(shop: Shop) -> None:
    until = "2021-01-28"
    first = shop.measure(until=until).measurement.differences
    late = pd.DataFrame({"customer_id": "00001", "order_date": [pd.Timestamp("2021-01-29")], "amount": 1e6})
    mixed = pd.concat([shop.orders, late]).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(shop.measure(transactions=mixed).measurement.differences, first)


def test_an_export_of_the_orders_after_the_cutoff_alone_is_enough(shop: Shop) -> None:
    first = shop.measure().measurement.differences
    fresh = shop.orders[shop.orders["order_date"] > CUTOFF]
    pd.testing.assert_frame_equal(shop.measure(transactions=fresh).measurement.differences, first)


def test_a_window_that_has_not_closed_is_left_out_and_said(shop: Shop) -> None:
    report = shop.measure(until="2021-01-20")
    assert set(report.measurement.rows["action"]) == {"vip_care"}
    assert any("win-back is not measured: its window ends on 2021-01-28" in note for note in report.notes)


def test_where_no_window_has_closed_nothing_is_written(shop: Shop) -> None:
    before = shop.listing()
    early = shop.orders[shop.orders["order_date"] <= "2021-01-05"]
    with pytest.raises(DataContractError, match=r"cannot be measured yet: .* up to 2021-01-05") as given:
        shop.measure(transactions=early)
    assert "2021-01-14" in str(given.value.hint)
    assert shop.listing() == before


def test_orders_that_end_early_are_told_though_one_is_dated_ahead(shop: Shop) -> None:
    ahead = shop.orders.assign(order_date=shop.orders["order_date"].where(shop.orders["customer_id"] != "new"))
    ahead.loc[ahead["order_date"].isna(), "order_date"] = pd.Timestamp("2031-01-01")
    assert any(
        "No orders in the last 14 days up to 2021-01-28" in note for note in shop.measure(transactions=ahead).notes
    )


def test_customers_who_are_not_those_of_the_plan_are_told(shop: Shop) -> None:
    renamed = shop.orders.assign(customer_id="x" + shop.orders["customer_id"])
    assert any("are the ids those of the plan?" in note for note in shop.measure(transactions=renamed).notes)


def test_returns_within_the_window_make_no_purchase(shop: Shop) -> None:
    after = shop.orders["order_date"].gt(CUTOFF) & shop.orders["customer_id"].ne("new")
    returned = shop.orders[after].assign(amount=-shop.orders["amount"])
    rows = shop.measure(transactions=pd.concat([shop.orders, returned])).measurement.rows
    assert not rows["bought"].any()


def test_contacts_that_happened_are_counted_and_odd_rows_are_said(shop: Shop) -> None:
    plan = pd.read_parquet(shop.plan / "outreach.parquet")
    planned = plan.loc[plan["suppressed_by"].isna(), "customer_id"].head(100)
    made = pd.DataFrame({"customer_id": planned, "sent_at": "2021-01-03", "channel": "email", "campaign": "autumn"})
    odd = pd.DataFrame({"customer_id": ["nobody", "00001"], "sent_at": ["2021-01-03", "2031-01-01"]})
    log = pd.concat([made, odd.assign(channel="email", campaign="autumn")])
    report = shop.measure(config=shop.config(**contacts_in(shop.folder, log)))
    assert report.measurement.delivery.iloc[0]["happened"] == 100
    known = " ".join(report.notes)
    assert "1 of 102 rows excluded: the customer is not in the orders" in known
    assert "1 of 102 rows excluded: sent_at is after 2021-01-28" in known
    assert "100 contacts name no action: they count as that of the plan" in known


def test_contacts_of_another_campaign_are_told(shop: Shop) -> None:
    log = pd.DataFrame({"customer_id": ["00001"], "sent_at": "2021-01-03", "channel": "sms", "campaign": "spring"})
    report = shop.measure(config=shop.config(**contacts_in(shop.folder, log)))
    assert report.measurement.delivery.iloc[0]["happened"] == 0
    assert any("is of the campaign autumn; the log names spring" in note for note in report.notes)


def test_a_covariate_that_is_not_known_of_everybody_is_left_out_and_said(shop: Shop) -> None:
    planning = pd.read_parquet(shop.plan / "planning.parquet")
    plan, gaps = pd.read_parquet(shop.plan / "outreach.parquet"), planning["customer_id"].eq("00003")
    other = shop.folder / "out" / "outreach" / "gaps"
    unknown = planning.assign(predicted_value=planning["predicted_value"].mask(gaps))
    write_plan(other, plan, unknown, share=SHARE, cutoff=CUTOFF)
    report = shop.measure(plan=other)
    assert any("Not adjusted for predicted_value" in note for note in report.notes)
    assert "predicted_value" not in set(report.measurement.differences["covariate"])


def test_a_folder_that_is_no_plan_is_refused(shop: Shop) -> None:
    with pytest.raises(ConfigError, match=r"holds no manifest\.json; expected the folder of a plan"):
        shop.measure(plan=shop.folder / "nowhere")
    shop.measure()
    with pytest.raises(ConfigError, match="holds measure; expected the folder of a plan"):
        shop.measure(plan=shop.plan / "measure")


def test_a_plan_that_was_changed_is_refused(shop: Shop) -> None:
    path = shop.plan / "outreach.parquet"
    pd.read_parquet(path).head(10).to_parquet(path)
    with pytest.raises(DataContractError, match="was changed after it was written"):
        shop.measure()
    path.unlink()
    with pytest.raises(ConfigError, match=r"holds no outreach\.parquet"):
        shop.measure()


def test_a_plan_without_a_holdout_is_refused_with_what_to_do(tmp_path: Path) -> None:
    shop = shop_in(tmp_path, effect=0.0, n=100, share=0.0)
    with pytest.raises(DataContractError, match="has 90 contacts and no held-out customers") as given:
        shop.measure()
    assert "set outreach.holdout for the next campaign" in str(given.value.hint)
    assert not (shop.plan / "measure").exists()


def test_two_plans_are_pooled_and_overlapping_ones_claim_no_more_than_one(tmp_path: Path) -> None:
    for cutoff, seed in (("2020-12-31", 0), ("2021-03-31", 1)):
        shop = shop_in(tmp_path, effect=PLANTED, n=1500, cutoff=cutoff, seed=seed)
        report = shop.measure()
    values = json.loads((shop.plan.parent / "effects.json").read_text())
    assert [one["cutoff"] for one in values["campaigns"]] == ["2020-12-31", "2021-03-31"]
    raw = [
        next(e["raw_standard_error"] for e in one["effects"]["effects"] if e["action"] == "win_back")
        for one in values["campaigns"]
    ]
    pooled = next(effect for effect in report.together.effects.effects if effect.action == "win_back")
    # one campaign name holds the same customers out: the second measurement is not independent of the first
    assert min(raw) <= pooled.raw_standard_error <= max(raw)


def test_an_effect_that_differs_with_the_chance_is_kept_as_a_curve(tmp_path: Path) -> None:
    shop = shop_in(tmp_path, effect=0.0, n=9000, share=0.5)
    plan = pd.read_parquet(shop.plan / "outreach.parquet")
    planning = pd.read_parquet(shop.plan / "planning.parquet")
    chance = planning["p_buy"].to_numpy()
    effect = np.where(plan["group"].head(len(chance)).eq("treat"), 3 * (0.35 - chance), 0.0)
    bought = np.random.default_rng(5).random(len(chance)) < expit(logit(chance) + effect)
    after = pd.DataFrame(
        {"customer_id": planning["customer_id"][bought], "order_date": pd.Timestamp("2021-01-05"), "amount": 9.0}
    )
    report = shop.measure(transactions=pd.concat([after, shop.orders.tail(1)]))
    curve = read_effects(shop.plan.parent)["win_back"]
    assert isinstance(curve, EffectByChance)
    assert curve.at(np.array([0.1]))[0] > 0.2
    assert curve.at(np.array([0.6]))[0] < -0.2
    assert report.campaign.by_chance["win_back"] == curve


@pytest.mark.drawn
def test_with_customers_enough_a_ranking_by_uplift_is_drawn_and_judged(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shop.measure().ranking is None
    monkeypatch.setattr(uplift, "FEWEST_IN_ARM", 300)
    report = shop.measure()
    assert "The top 30 % by uplift account for " in report.words[-1]
    assert [path.name for path in report.plots] == ["qini.png"]
    assert report.plots[0].stat().st_size > 0


def test_the_report_fits_in_80_columns_and_its_values_are_plain(planted: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # a path is shown from where the user stands, and never broken
    monkeypatch.chdir(planted.folder)
    report = planted.measure()
    text = report.text()
    assert max(map(len, text.splitlines())) <= 80
    assert "trusting" in text
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["campaign"] == "autumn"
    assert values["no_effect"] is False


# what a Chinese report keeps of Latin letters: folders, names of files, columns and settings, and VIP
LATIN = re.compile(r"\S*[/\\]\S*|[a-z]+\.[a-z_]+|autumn|p_buy|predicted_value|VIP")


def test_a_report_in_chinese_has_no_english_and_its_lines_fit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.folder)
    report = shop.measure(config=shop.config(outreach={"language": "zh"}))
    text = report.text()
    assert re.findall("[A-Za-z]{2,}", LATIN.sub("", text)) == []
    assert max(map(columns, text.splitlines())) <= 80
    header, *rows = next(part for part in text.split("\n\n") if "购买率" in part).splitlines()
    # ends of columns agree by the columns of a terminal, where a Chinese letter takes two
    assert {columns(line) for line in (header, *rows)} == {columns(header)}
    assert not re.search("[\u4e00-\u9fff]", shop.measure().text())


def test_a_group_in_which_nobody_bought_is_not_told_with_certainty(shop: Shop) -> None:
    plan = pd.read_parquet(shop.plan / "outreach.parquet")
    silent = plan.loc[plan["action"].eq("vip_care"), "customer_id"]
    report = shop.measure(transactions=shop.orders[~shop.orders["customer_id"].isin(silent)])
    line, claim = (line for line in report.text().splitlines() if line.startswith("VIP care"))
    assert "0 to 0" not in claim
    assert "+0.0 to +0.0" not in line
    assert "0.0 %" in line


def test_the_longest_names_and_numbers_fit_in_80_columns() -> None:
    row = {"by": "action", "name": "replenishment_reminder", "outcome": "conversion", "estimate": "plain"}
    numbers = {"n_treat": 9_000_000, "n_holdout": 1_000_000, "treat": 1.0, "difference": 1.0, "lo": -1.0, "hi": 1.0}
    text = conversions_text(pd.DataFrame([row | numbers]), Spoken.of("en"))
    assert max(map(len, text.splitlines())) <= 80
    assert "replenishment reminder" in text


def test_the_run_is_tracked_with_a_link_to_the_plan_and_names_nobody(shop: Shop) -> None:
    report = shop.measure(config=shop.config(tracking={"backend": "local"}))
    (path,) = (shop.folder / "out" / "runs").glob("*/run.json")
    run = json.loads(path.read_text())
    linked = {"bundle_version": "0123456789abcdef", "plan": report.plan.version, "cutoff": "2020-12-31"}
    assert linked.items() <= run["tags"].items()
    assert set(run["tags"]) - set(linked) <= {"mlflow.note.content", "shop", "tracker"}
    assert {"conversion.difference", "value.lo", "customers.holdout"} <= {one["key"] for one in run["metrics"]}
    assert (path.parent / "artifacts" / "differences.csv").exists()
    kept = "".join(file.read_text() for file in path.parent.rglob("*") if file.is_file())
    # as a value: the digits may stand inside a number
    assert re.search(r"(?<![\d.])00001(?!\d)", kept) is None
    assert str(shop.folder) not in kept


KILLED = """
import os, sys, pandas as pd
from ltvml.config import Config
from ltvml.workflows import measure
def die(*_):
    os._exit(9)
setattr(measure, sys.argv[4], die)
config = Config.model_validate({"tracking": {"backend": "none"}, "output": {"dir": sys.argv[1]}})
measure.measure_outreach(config, plan=sys.argv[2], transactions=pd.read_parquet(sys.argv[3]))
"""


def test_a_measurement_that_is_killed_leaves_nothing_and_the_next_is_whole(shop: Shop) -> None:
    shop.orders.to_parquet(shop.folder / "orders.parquet")
    before = shop.listing()
    arguments = [str(shop.folder / "out"), str(shop.plan), str(shop.folder / "orders.parquet")]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments, "write_manifest"], check=False, env=os.environ)
    assert done.returncode == 9
    visible = {path for path in shop.listing() if "/." not in path}
    assert visible == set(before)
    shop.measure()
    assert not [path for path in shop.listing() if ".partial" in path]
    assert set(read_effects(shop.plan.parent)) == {"win_back", "vip_care"}


def test_effects_that_cannot_be_read_are_said(shop: Shop) -> None:
    path = shop.plan.parent / "effects.json"
    assert read_effects(shop.plan.parent) == {}
    path.write_text("{")
    with pytest.raises(DataContractError, match=r"effects\.json cannot be read"):
        read_effects(shop.plan.parent)
    path.write_text('{"format_version": 99}')
    with pytest.raises(DataContractError, match="is in format 99; expected 1 or older"):
        read_effects(shop.plan.parent)

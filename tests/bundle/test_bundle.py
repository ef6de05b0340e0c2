from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.bundle import Bundle, Money
from ltvml.bundle.customer_scores import Roles
from ltvml.bundle.rfm import RFM
from ltvml.bundle.typical import Typical
from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.errors import BundleError, DataContractError
from ltvml.models.base import Diagnosis
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.run_directory import write_manifest
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WINDOW = Window("2020-12-31", churn_horizon=60, ltv_horizon=365)


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    """Histories of 400 customers with money."""
    draw = np.random.default_rng(5)
    histories = simulate_bg_nbd(
        400, r=0.6, alpha=40, a=0.8, b=2.5, T=draw.integers(30, 400, 400), random_state=5, daily=True
    ).astype("int64")
    value = np.round(draw.gamma(4, 8, 400), 2)
    return histories.assign(
        customer_id=[f"{number:04}" for number in range(400)],
        cutoff_day=WINDOW.cutoff_day,
        monetary_value=np.where(histories["frequency"] > 0, value, 0.0),
        first_order_value=value,
        historic_value=value * (histories["frequency"] + 1),
    )


@pytest.fixture(scope="module")
def bundle(summary: pd.DataFrame) -> Bundle:
    purchase, spend = MBGNBD().fit(summary), GammaGamma(orders="all").fit(summary)
    ones = np.ones(len(summary))
    edges = RFM.learn(
        days_since_last=summary["T"] - summary["recency"],
        n_orders=summary["frequency"] + 1,
        customers=ones,
        historic_value=summary["historic_value"],
        value_customers=ones,
    )
    roles = Roles(purchase, purchase, spend, PurchaseTimesSpend(purchase, spend, discount_rate=2e-4))
    return Bundle(WINDOW, roles, Money(margin=0.4, currency="GBP"), edges, Typical.of(summary))


@pytest.fixture
def saved(bundle: Bundle, tmp_path: Path) -> Path:
    bundle.save(tmp_path / "bundle")
    return tmp_path / "bundle"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edited(path: Path, change: Callable[[dict], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_a_loaded_bundle_scores_the_same_to_the_last_bit(bundle, saved, summary):
    pd.testing.assert_frame_equal(Bundle.load(saved).score(summary), bundle.score(summary), check_exact=True)


def test_a_bundle_that_is_loaded_and_saved_has_the_same_bytes(saved, tmp_path):
    Bundle.load(saved).save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(saved)


def test_the_folder_of_a_bundle_may_be_named_by_text(bundle, saved):
    assert Bundle.load(str(saved)).version == bundle.version


def test_a_bundle_is_text_alone(saved):
    assert all(json.loads(content) for content in contents(saved).values())


def test_the_version_is_a_hash_of_the_content(bundle, summary):
    assert re.fullmatch("[0-9a-f]{16}", bundle.version)
    assert replace(bundle).version == bundle.version
    others = [
        replace(bundle, window=WINDOW.at("2021-01-01")),
        replace(bundle, window=Window("2020-12-31", churn_horizon=61, ltv_horizon=365)),
        replace(bundle, money=Money(margin=0.5, currency="GBP")),
        replace(bundle, rfm=replace(bundle.rfm, silence=(1.0, 2.0, 3.0, 4.0))),
        replace(bundle, roles=replace(bundle.roles, repurchase=MBGNBD().fit(summary.head(200)))),
    ]
    assert len({bundle.version, *(other.version for other in others)}) == len(others) + 1


def test_scores_carry_the_version_of_their_bundle(bundle, summary):
    assert set(bundle.score(summary)["model_version"]) == {bundle.version}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("purchase.json", lambda values: values["state"].clear()),
        ("purchase.json", lambda values: values.pop("diagnosis")),
        ("purchase.json", lambda values: values.update(name="horoscope")),
        ("purchase.json", lambda values: values.update(format_version=99)),
        ("spend.json", lambda values: values.update(params={"orders": "some", "more": 1})),
        ("bundle.json", lambda values: values.pop("rfm")),
        ("bundle.json", lambda values: values["rfm"].update(money=None)),
        ("bundle.json", lambda values: values["window"].update(churn_horizon=0)),
        ("bundle.json", lambda values: values["window"].update(cutoff="soon")),
        ("bundle.json", lambda values: values["window"].update(cutoff=20201231)),
        ("bundle.json", lambda values: values["money"].update(colour="red")),
        ("bundle.json", lambda values: values.update(format_version="one")),
        ("bundle.json", lambda values: values.update(format_version=3)),
        ("bundle.json", lambda values: values.update(format_version=1)),
        ("bundle.json", lambda values: values.update(format="other.bundle")),
        ("bundle.json", lambda values: values.update(version="0" * 16)),
        ("bundle.json", lambda values: values["money"].update(margin=0.9)),
    ],
)
def test_a_bundle_that_was_changed_is_refused_with_exit_code_7(saved, name, change):
    edited(saved / name, change)
    with pytest.raises(BundleError) as refusal:
        Bundle.load(saved)
    assert refusal.value.exit_code == 7
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("purchase.json", lambda values: values["state"]["params"].update(r=1.5)),
        ("purchase.json", lambda values: values["state"].clear()),
        ("purchase.json", lambda values: values.update(name="horoscope")),
        ("spend.json", lambda values: values.update(params={"orders": "some", "more": 1})),
        ("bundle.json", lambda values: values["money"].update(margin=0.9)),
    ],
)
def test_the_file_that_was_edited_is_named(saved, name, change):
    write_manifest(saved, "bundle", {})
    edited(saved / name, change)
    with pytest.raises(BundleError) as refusal:
        Bundle.load(saved)
    assert refusal.value.message.startswith(str(saved / name))
    assert "spend.json" not in refusal.value.message or name == "spend.json"


def test_a_bundle_that_a_killed_fit_moved_aside_is_loaded(bundle, saved):
    write_manifest(saved, "bundle", {})
    saved.rename(saved.parent / ".bundle.previous")
    assert Bundle.load(saved).version == bundle.version


def test_a_file_of_nothing_but_brackets_is_refused_by_its_name(saved):
    (saved / "value.json").write_text("[" * 100_000)
    with pytest.raises(BundleError, match=r"value\.json cannot be read as JSON"):
        Bundle.load(saved)


def test_models_that_changed_places_are_refused(saved):
    (saved / "spend.json").write_bytes((saved / "purchase.json").read_bytes())
    with pytest.raises(BundleError):
        Bundle.load(saved)


@pytest.mark.parametrize("damage", [b"", b'{"format": ', b"\x80\x04\x95", "ü".encode("latin1")], ids=range(4))
def test_a_damaged_file_is_refused_by_its_name(saved, damage):
    (saved / "value.json").write_bytes(damage)
    with pytest.raises(BundleError, match=r"value\.json cannot be read as JSON"):
        Bundle.load(saved)


def test_a_folder_without_a_bundle_says_what_to_name(tmp_path):
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        Bundle.load(tmp_path)


def test_a_file_is_no_bundle(tmp_path):
    (tmp_path / "bundle").write_text("{}")
    with pytest.raises(BundleError):
        Bundle.load(tmp_path / "bundle")


def test_rows_before_the_cutoff_of_the_bundle_are_refused(bundle, summary):
    with pytest.raises(DataContractError, match="3 days before the bundle's cutoff 2020-12-31"):
        bundle.score(summary.assign(cutoff_day=WINDOW.cutoff_day - 3))


def test_a_row_without_a_column_is_refused_by_its_name(bundle, summary):
    with pytest.raises(DataContractError, match=r"missing columns \['recency'\]"):
        bundle.score(summary.drop(columns="recency"))


def test_the_risk_alone_is_that_of_the_scores_to_the_bit(bundle, summary):
    assert np.array_equal(bundle.churn_risk(summary), bundle.score(summary)["churn_risk"], equal_nan=True)
    model = copy.copy(bundle.roles.repurchase)
    model.diagnosis_ = Diagnosis(withheld={"churn_risk": "not known"})
    unknown = replace(bundle, roles=replace(bundle.roles, repurchase=model))
    assert np.isnan(unknown.churn_risk(summary)).all()
    assert unknown.score(summary)["churn_risk"].isna().all()


def test_scoring_leaves_the_rows_as_they_were(bundle, summary):
    before = summary.copy(deep=True)
    bundle.score(summary)
    pd.testing.assert_frame_equal(summary, before)


def test_no_rows_give_no_scores(bundle, summary):
    assert bundle.score(summary.head(0)).shape == (0, bundle.score(summary).shape[1])


def test_the_example_rows_can_be_scored(bundle):
    assert bundle.score(bundle.example_rows())["predicted_ltv"].gt(0).all()


def test_the_typical_customer_is_kept_exactly_and_belongs_to_nobody(bundle, saved, summary):
    assert Bundle.load(saved).typical == bundle.typical == Typical.of(summary)
    assert all(
        isinstance(median, float) for median in json.loads((saved / "bundle.json").read_text())["typical"].values()
    )

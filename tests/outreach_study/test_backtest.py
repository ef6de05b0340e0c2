"""Rankings at a past cutoff of a small shop, and in shops whose effects are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from outreach_study.backtest import compare_in_regimes, compare_rankings

import ltvml
from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from outreach_study.backtest import RankingComparison

    from ltvml.config import Config

HORIZON = 60
PAST = "2020-10-31"
# the seed moves these by less than a hundredth
NEVER_WORSE, OF_THE_BEST = 0.95, 0.9


@pytest.fixture(scope="module")
def groceries(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders that go on for two months after the cutoff, each of one of four kinds."""
    kinds = np.random.default_rng(0).choice(["coffee", "tea", "soap", "lamp"], len(orders))
    return orders.assign(category=kinds)


@pytest.fixture(scope="module")
def config(
    groceries: pd.DataFrame, config_of: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Config:
    window = {"cutoff": PAST, "churn_horizon": HORIZON}
    given = config_of(tmp_path_factory.mktemp("backtest"), window=window)
    ltvml.fit(given, transactions=groceries)
    ltvml.score(given, transactions=groceries)
    return given


@pytest.fixture(scope="module")
def found(groceries: pd.DataFrame, config: Config) -> RankingComparison:
    return compare_rankings(config, transactions=groceries)


def test_every_ranking_contacts_as_many_and_none_holds_more_than_the_whole(found: RankingComparison) -> None:
    rows = found.rankings
    assert rows.groupby("share")["contacts"].nunique().eq(1).all()
    assert set(rows["ranking"]) == {"expected_value", "predicted_ltv", "churn_risk", "value_at_risk"}
    assert rows["share_of_value"].between(0, 1).all()


def test_the_value_is_what_was_spent_in_the_horizon(found: RankingComparison, groceries: pd.DataFrame) -> None:
    seen = groceries.loc[groceries["order_date"] <= PAST, "customer_id"].unique()
    ahead = (groceries["order_date"] - pd.Timestamp(PAST)).dt.days.between(1, HORIZON)
    total = groceries.loc[ahead & groceries["customer_id"].isin(seen), "amount"].sum()
    rows = found.rankings
    assert (rows["value_per_contact"] * rows["contacts"] / rows["share_of_value"]).tolist() == pytest.approx(
        [total] * len(rows)
    )


def test_orders_after_the_horizon_change_nothing(
    found: RankingComparison, groceries: pd.DataFrame, config: Config
) -> None:
    late = groceries.tail(1).assign(order_date=pd.Timestamp(PAST) + pd.Timedelta(days=HORIZON + 1), amount=1e6)
    again = compare_rankings(config, transactions=pd.concat([groceries, late]))
    pd.testing.assert_frame_equal(again.rankings, found.rankings)


def test_the_stages_are_judged_on_what_came_after(found: RankingComparison) -> None:
    assert set(found.separation.scores["outcome"]) == {"repeat", "cross_category"}
    assert found.separation.rates["customers"].gt(0).all()


def test_the_text_warns_and_fits_in_80_columns(found: RankingComparison) -> None:
    assert max(map(len, found.text().splitlines())) <= 80
    assert "Without an experiment nobody knows what a contact causes" in found.text()


def test_without_scores_it_says_what_to_run(groceries: pd.DataFrame, config: Config, tmp_path: Path) -> None:
    other = config.model_copy(update={"output": config.output.model_copy(update={"dir": str(tmp_path)})})
    with pytest.raises(ConfigError, match="there are no scores") as given:
        compare_rankings(other, model=f"{config.output.dir}/bundle", transactions=groceries)
    assert "ltvml score" in str(given.value.hint)


def test_in_the_regimes_the_plan_is_never_far_below_the_best_single_score_and_measuring_pays() -> None:
    found = compare_in_regimes(20_000, shares=[0.1])
    rows = found[found["truth"].eq("order")].pivot(index="regime", columns="ranking", values="of_best")
    single = rows[["predicted_ltv", "churn_risk", "value_at_risk"]].max(axis=1)
    assert (rows["expected_value"] >= NEVER_WORSE * single).all()
    assert (rows["measured"] >= OF_THE_BEST).all()
    assert (rows <= 1 + 1e-12).all().all()

"""The contest of replenishment at past cutoffs: what was asked, what came, and nothing of it known before."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.backtesting.backtest import history_of
from ltvml.backtesting.item_role import ItemRole, fit_item_role
from ltvml.backtesting.items import FOLLOW_UP, WITHIN
from ltvml.errors import DataWarning
from ltvml.inputs.orders import read_orders
from ltvml.models.replenishment.stock import STATUSES
from ltvml.plots.items import item_figures
from ltvml.progress import Steps
from ltvml.reports.items import item_measures, item_text
from ltvml.window import day_number
from tests.conftest import CUTOFF

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ltvml.backtesting.items import ItemBacktest
    from ltvml.config import Config

HEURISTICS = {"poisson_gamma", "mean_gap", "pooled_median"}
HORIZON = 56
CUTOFF_DAY = day_number(CUTOFF)


def fold(config: Config, orders: pd.DataFrame) -> ItemRole:
    """The role of a backtest, without the contests of the other roles."""
    history = history_of(config, read_orders(config.orders, config.window, orders, Steps()))
    return fit_item_role(config, history, Steps(), every_role=True)


@pytest.fixture(scope="module")
def make(config_of: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Config]:
    def config(**given: Any) -> Config:
        return config_of(tmp_path_factory.mktemp("contest"), replenishment={"horizon": HORIZON} | given)

    return config


@pytest.fixture(scope="module")
def role(make: Callable[..., Config], groceries: pd.DataFrame) -> ItemRole:
    return fold(make(), groceries)


@pytest.fixture(scope="module")
def role_backtest(role: ItemRole) -> ItemBacktest:
    assert role.backtest is not None
    return role.backtest


def days_of(orders: pd.DataFrame) -> pd.Series:
    return (orders["order_date"] - pd.Timestamp("1970-01-01")).dt.days


def test_the_cutoffs_are_a_window_apart_and_all_windows_have_closed(role_backtest):
    assert [at_cutoff.origin for at_cutoff in role_backtest.cutoffs] == [
        CUTOFF_DAY - FOLLOW_UP * back for back in (1, 2, 3)
    ]


def test_the_renewal_and_every_rule_of_thumb_are_judged_at_each(role_backtest):
    # 200 customers are too few for learners
    assert all(set(at_cutoff.predicted) == {"gamma_renewal", *HEURISTICS} for at_cutoff in role_backtest.cutoffs)
    assert set(role_backtest.board["within"]) == set(WITHIN)


def test_outcomes_are_what_the_orders_say(role_backtest, groceries):
    day = days_of(groceries)
    for at_cutoff in role_backtest.cutoffs:
        before, after = groceries[day <= at_cutoff.origin], groceries[day > at_cutoff.origin].assign(day=day)
        keys = ["customer_id", "category"]
        following = after.groupby(keys)["day"].min().rename("following").reset_index()
        expected = before[keys].drop_duplicates().merge(following, on=keys, how="left").sort_values(keys)
        wait = expected["following"].fillna(np.inf).to_numpy() - at_cutoff.origin
        wait[wait > FOLLOW_UP] = np.inf
        assert np.array_equal(at_cutoff.wait, wait)


def test_what_came_later_changes_nothing_that_was_said_at_a_past_cutoff(role_backtest, groceries, make):
    oldest = role_backtest.cutoffs[-1]
    day = days_of(groceries)
    past, future = groceries[day <= oldest.origin], groceries[day > oldest.origin]
    given = future.assign(
        customer_id=np.roll(future["customer_id"], 7), category=np.roll(future["category"], 3), quantity=7.0, amount=9.0
    )
    again = fold(make(), pd.concat([past, given]))
    same = again.backtest.cutoffs[-1]
    assert same.origin == oldest.origin
    pd.testing.assert_frame_equal(same.rows, oldest.rows, check_exact=True)
    for name, predicted in oldest.predicted.items():
        assert np.array_equal(same.predicted[name], predicted), name
    assert (same.status == oldest.status).all()
    assert not np.array_equal(same.wait, oldest.wait)


def test_the_renewal_ranks_better_than_every_rule_of_thumb_on_the_shop_it_describes(role_backtest):
    board = role_backtest.board.set_index(["within", "candidate"])
    for within in WITHIN:
        losses = board.loc[within, "log_loss"]
        assert losses.idxmin() == "gamma_renewal"
    assert role_backtest.champion == "gamma_renewal"


def test_statuses_are_in_the_order_of_the_cupboard_and_count_every_pair(role_backtest):
    table = role_backtest.statuses
    assert table["status"].tolist() == [name for name in STATUSES if name in set(table["status"])]
    assert table["pairs"].sum() == sum(len(at_cutoff.wait) for at_cutoff in role_backtest.cutoffs)
    bought = table.set_index("status")["bought_7"]
    assert bought["sufficient"] < bought["about_to_replenish"]


def test_dates_are_judged_where_the_horizon_has_closed(role_backtest):
    assert set(role_backtest.dates["candidate"]) == {"gamma_renewal", *HEURISTICS}
    assert max(day_number(day) for day in role_backtest.dates["cutoff"]) + HORIZON <= CUTOFF_DAY
    assert role_backtest.dates["covered"].between(0, 1).all()


def test_the_measures_are_one_long_table_by_window_segment_and_candidate(role):
    table = item_measures(role)
    assert table.columns.tolist() == ["role", "cutoff", "segment", "candidate", "measure", "value", "customers"]
    assert set(table["role"]) == {"replenishment", "replenishment date"}
    names = set(table["measure"])
    assert {f"{name}_{days}" for name in ("auc", "average_precision", "log_loss", "ece") for days in WITHIN} <= names
    assert {"mae", "within_3_days", "within_7_days", "covered", "width"} <= names
    assert {"decides", "1 purchase", "5 or more"} <= set(table["segment"])


def test_the_words_are_within_80_columns_and_the_values_are_json(role):
    text = item_text(role)
    assert max(map(len, text.splitlines())) <= 80
    assert "* gamma_renewal" in text
    values = json.loads(json.dumps(role.to_dict(), allow_nan=False))
    assert values["champion"] == "gamma_renewal"
    assert values["dates"][0]["cutoff"] == "2020-11-05"
    assert values["leaderboard"]


def test_the_pictures_are_the_learned_curves_and_the_rates_by_status(role):
    assert set(item_figures(role)) == {"replenishment_items", "replenishment_status"}


def test_a_withheld_role_says_why_in_place_of_a_contest(make, orders):
    role = fold(make(), orders)
    assert "Not fitted: the orders have no category or product_id column." in item_text(role)
    assert item_measures(role).empty
    assert item_figures(role) == {}
    assert role.to_dict() == {"withheld": "the orders have no category or product_id column", "notes": []}


@pytest.mark.parametrize("days", [45, 75])
def test_items_named_only_of_late_are_judged_where_they_can_be(make, groceries, days):
    late = days_of(groceries) > CUTOFF_DAY - days
    role = fold(make(), groceries.assign(category=groceries["category"].where(late)))
    assert role.backtest.champion == "gamma_renewal"
    # somebody who stood at an earlier cutoff had seen no item twice, and had nothing to learn from
    assert all(at_cutoff.origin > CUTOFF_DAY - days for at_cutoff in role.backtest.cutoffs)
    assert f"{(~late).sum():,} of {len(groceries):,} rows have no category" in " ".join(item_text(role).split())
    json.dumps(role.to_dict(), allow_nan=False)


def test_a_shop_that_sold_nothing_of_late_is_judged_without_dates(make, groceries):
    with warnings.catch_warnings():
        # the last order is long before the cutoff, which the intake says
        warnings.simplefilter("ignore", DataWarning)
        role = fold(make(), groceries[days_of(groceries) <= CUTOFF_DAY - 250])
    assert role.backtest.champion == "gamma_renewal"
    assert role.backtest.cutoffs == ()
    assert role.backtest.dates.empty
    assert "used without a backtest" in item_text(role)


def test_a_step_that_is_taken_twice_takes_the_sum_of_both():
    steps = Steps()
    for _ in range(2):
        with steps.step("once more"):
            sum(range(10_000))
    first = steps.seconds["once more"]
    with steps.step("once more"):
        pass
    assert steps.seconds["once more"] > first


@pytest.mark.slow
@pytest.mark.drawn
def test_a_backtest_tracks_the_measures_and_writes_the_plots(place, groceries):
    orders = groceries[groceries["customer_id"] < "120"]
    place.write(orders)
    place.configure("orders.csv", tracking={"backend": "local"}, replenishment={"horizon": HORIZON})
    result = place.run("backtest", "--json")
    assert result.exit_code == 0, result.stderr
    given = json.loads(result.stdout)
    assert given["replenishment"]["champion"] == "gamma_renewal"
    names = {path.rpartition("/")[2] for path in given["plots"]}
    assert {"replenishment_items.png", "replenishment_status.png"} <= names
    (folder,) = (place.folder / "out" / "backtest").iterdir()
    kept = pd.read_csv(folder / "measures.csv")
    assert {"repurchase", "value", "date", "replenishment", "replenishment date"} <= set(kept["role"])
    tracked = tracked_runs(place.folder)
    assert '"decides.auc_7"' in tracked
    assert '"bought_again.within_7_days"' in tracked
    assert not [name for name in orders["customer_id"].unique() if f'"{name}"' in tracked]


def tracked_runs(folder: Path) -> str:
    """What the local tracker holds, as text."""
    return "".join(path.read_text() for path in (folder / "out" / "runs").glob("*/run.json"))

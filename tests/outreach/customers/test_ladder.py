"""The ladder against figures measured elsewhere, and against a bootstrap over single customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError
from ltvml.features.plan.ladder import climbs
from ltvml.outreach.customers.ladder import Ladder, faults, ladder, turning_points
from ltvml.outreach.settings import LadderRules
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from pathlib import Path

# published to three decimals
PRINTED = 0.0006
# of 1,000 draws a share of .36 has a standard deviation of .015: four of them
DRAWN = 0.06
WITHIN = 180


def ladder_of(rows: pd.DataFrame) -> Ladder:
    day = rows["order_date"].to_numpy().astype("datetime64[D]").astype("int64")
    days = pd.DataFrame({"customer_id": rows["customer_id"].astype("str"), "day": day}).drop_duplicates()
    engine = DuckDBEngine(threads=1)
    window = Window(date_of(int(day.max())))
    return ladder(engine.collect(climbs(engine.table(days), window, within=WITHIN)), rules=LadderRules(WITHIN))


@pytest.fixture(scope="module")
def cdnow(shared: Path) -> Ladder:
    return ladder_of(pd.read_parquet(shared / "data/cdnow/transactions.parquet"))


def patterns(*rows: tuple[int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["observed", "followed", "customers"])


def test_shares_on_cdnow_are_those_on_record(cdnow: Ladder) -> None:
    assert cdnow.share[:6] == pytest.approx([0.375, 0.566, 0.682, 0.760, 0.815, 0.868], abs=PRINTED)


def test_the_turning_point_on_cdnow_is_as_soft_as_on_record(cdnow: Ladder) -> None:
    assert cdnow.turning_point == 6
    found = [cdnow.turning_points[n] for n in (4, 5, 6)]
    assert found == pytest.approx([0.27, 0.37, 0.36], abs=DRAWN)


def test_shares_on_online_retail_are_those_on_record(shared: Path) -> None:
    flags = ["dup_sheet_overlap", "is_cancellation", "is_adjustment", "is_non_product"]
    columns = ["customer_id", "order_date", "quantity", "unit_price", *flags]
    rows = pd.read_parquet(shared / "data/online_retail_2/transactions.parquet", columns=columns)
    sold = rows["customer_id"].notna() & ~rows[flags].any(axis=1) & (rows["quantity"] > 0) & (rows["unit_price"] > 0)
    found = ladder_of(rows[sold])
    assert found.share[:5] == pytest.approx([0.605, 0.705, 0.782, 0.825, 0.866], abs=PRINTED)


def test_resampling_patterns_is_resampling_customers() -> None:
    counts = patterns((3, 0b111, 60), (3, 0b011, 40), (2, 0b01, 50), (1, 0, 90), (1, 1, 60))
    rules = LadderRules(30, least_observed=1, draws=4000)
    found = ladder(counts, rules=rules).turning_points
    single = counts.loc[counts.index.repeat(counts["customers"])]
    observed, followed = (single[name].to_numpy()[:, None] for name in ("observed", "followed"))
    seen, climbed = np.arange(3) < observed, (followed >> np.arange(3)) & 1
    draw, points = np.random.default_rng(5), []
    for _ in range(4000):
        rows = draw.integers(0, len(single), len(single))
        points.append(int(turning_points((climbed[rows].sum(0) / seen[rows].sum(0))[None, :], 0.05)[0]))
    expected = {n or None: points.count(n) / len(points) for n in set(points)}
    assert found == pytest.approx(expected, abs=DRAWN)
    assert sum(found.values()) == pytest.approx(1)


def test_the_order_of_the_patterns_changes_nothing() -> None:
    counts = patterns((3, 0b111, 60), (3, 0b011, 40), (2, 0b01, 50), (1, 0, 90))
    rules = LadderRules(30, least_observed=1)
    one, other = (ladder(frame, rules=rules) for frame in (counts, counts[::-1]))
    assert one.turning_points == other.turning_points
    assert one.share.tolist() == other.share.tolist()


def test_a_rung_with_few_windows_is_left_out() -> None:
    found = ladder(patterns((2, 0b11, 99), (1, 1, 200)), rules=LadderRules(30))
    assert found.observed.tolist() == [299]
    assert found.turning_point is None


def test_orders_to_go_end_at_the_turning_point(cdnow: Ladder) -> None:
    assert cdnow.orders_to_go([1, 5, 6, 40]).tolist() == [5, 1, 0, 0]


def test_a_customer_above_the_last_rung_has_its_share(cdnow: Ladder) -> None:
    assert cdnow.share_after([1, 12, 300]).tolist() == cdnow.share[[0, 11, 11]].tolist()


def test_words_say_that_the_ladder_describes_and_does_not_cause(cdnow: Ladder) -> None:
    assert "describes" in cdnow.words
    assert "does not show that an order causes" in cdnow.words
    assert "From order 6" in cdnow.words


def test_a_shop_without_observed_windows_has_no_ladder() -> None:
    found = ladder(patterns((0, 0, 12)))
    assert found.words.startswith("No ladder: too few customers")
    assert np.isnan(found.orders_to_go([1])).all()
    assert np.isnan(found.share_after([1])).all()
    assert ladder(patterns()).table().empty


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataContractError, match="customers"):
        ladder(patterns((1, 1, 1)).drop(columns="customers"))


def test_all_faults_of_the_settings_come_together() -> None:
    assert len(faults(LadderRules(least_gain=0, least_observed=0, draws=0))) == 3
    assert faults(LadderRules()) == []

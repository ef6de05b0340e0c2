"""Behaviour columns against a plain reference, customer by customer, and laws that hold for all of them."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import mean, median, stdev
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ltvml.contracts import BEHAVIOUR
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.features.attributes import first_order
from ltvml.features.behaviour import basket_days, behaviour, behaviour_columns, days_as_of, snapshot_features
from ltvml.features.behaviour.table import NEEDS
from ltvml.features.experience import experience
from ltvml.features.summary import customer_summary
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Wrap = Callable[[pd.DataFrame], nw.LazyFrame[Any]]
    Reference = dict[str, float | None]

# weights are kept to 2**-48 and money to 2**-40 of a penny, floats to 2**-52
CLOSE = {"rel": 1e-10, "abs": 1e-10}
WINDOW = Window("2020-09-30")
CUTOFF = WINDOW.cutoff_day
OPTIONAL = ("second", "order_id", "product_id", "category", "quantity", "discount", "channel")
SEEDS = range(4)


@pytest.fixture(scope="module", params=["duckdb", "polars"])
def wrap(request: pytest.FixtureRequest) -> Wrap:
    """A pandas frame as a lazy table of an engine."""
    if request.param == "duckdb":
        return DuckDBEngine(threads=1).table
    return lambda frame: nw.from_native(pl.from_pandas(frame).lazy())


def random_lines(seed: int, rows: int = 400) -> pd.DataFrame:
    """Lines of 40 customers around the cutoff: returns, nulls, units by weight, many lines a day."""
    draw = np.random.default_rng(seed)

    def words(letters: str) -> pd.Series:
        return pd.Series(draw.choice([*letters], rows)).where(draw.random(rows) > 0.2)

    return pd.DataFrame(
        {
            # a square makes some customers busy and leaves others with one order
            "customer_id": (40 * draw.random(rows) ** 2).astype(int).astype(str),
            "day": CUTOFF + 60 - draw.integers(0, 600, rows),
            "second": pd.Series(draw.integers(0, 86_400, rows)).where(draw.random(rows) > 0.3).astype("Int64"),
            "amount": np.where(draw.random(rows) < 0.15, -1, 1) * draw.integers(0, 10 ** draw.integers(1, 9, rows)),
            "order_id": draw.integers(0, 60, rows).astype(str),
            "product_id": words("abcdefgh"),
            "category": words("xyz"),
            "quantity": pd.Series(draw.integers(-4, 40, rows) / 8).where(draw.random(rows) > 0.2),
            "discount": pd.Series(draw.integers(0, 300, rows)).where(draw.random(rows) > 0.2).astype("Int64"),
            "channel": words("ws"),
        }
    )


def line(customer: str, day: int, amount: int, **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "day": day, "amount": amount, **more}


def collected(table: nw.LazyFrame[Any]) -> pd.DataFrame:
    frame: pd.DataFrame = table.collect("pandas").to_native()
    return frame.set_index("customer_id").sort_index()


def behaviour_of(wrap: Wrap, frame: pd.DataFrame) -> pd.DataFrame:
    lines = wrap(frame)
    return collected(behaviour(lines, days_as_of(lines, WINDOW), WINDOW))


def ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or below is None or below <= 0 else above / below


def reference_of_days(days: list[int], values: list[float]) -> Reference:
    """Columns of the order days, from their definitions in `snapshot_columns`; `values` are in currency."""
    ages = [CUTOFF - day for day in days]
    gaps = [later - day for day, later in pairwise(days)]
    orders = list(zip(ages, values, strict=True))
    expected: Reference = {f"orders_{d}d": sum(age < d for age in ages) for d in (7, 14, 30, 60, 90, 180, 365)}
    expected |= {f"spend_{d}d": math.fsum(v for age, v in orders if age < d) for d in (30, 90, 180, 365)}
    expected |= {f"orders_half_life_{h}d": math.fsum(0.5 ** (age / h) for age in ages) for h in (7, 30, 90, 180)}
    expected |= {f"spend_half_life_{h}d": math.fsum(v * 0.5 ** (age / h) for age, v in orders) for h in (30, 90, 180)}
    for d in (30, 90):
        then = [value for age, value in orders if 365 - d <= age < 365]
        expected[f"orders_year_ago_{d}d"] = None if ages[0] < 365 else len(then)
        expected[f"spend_year_ago_{d}d"] = None if ages[0] < 365 else math.fsum(then)
    of_gaps = {"mean": mean, "median": median, "min": min, "max": max, "last": lambda numbers: numbers[-1]}
    expected |= {f"gap_{name}": of(gaps) if gaps else None for name, of in of_gaps.items()}
    expected |= {
        f"silence_over_gap_{name}": ratio(ages[-1], expected[f"gap_{name}"]) for name in ("mean", "median", "max")
    }
    weekdays = [date_of(day).weekday() for day in days]
    return expected | {
        "gap_sd": stdev(gaps) if len(gaps) > 1 else None,
        "order_value_last": values[-1],
        "order_value_median": median(values),
        "order_value_max": max(values),
        "order_value_sd": stdev(values) if len(values) > 1 else None,
        "weekend_share": sum(weekday >= 5 for weekday in weekdays) / len(days),
        "weekday_top_share": max(map(weekdays.count, weekdays)) / len(days),
    }


def reference_of_lines(lines: pd.DataFrame, n: int, last_day: int, total: float) -> Reference:
    """Columns of the lines, `total` being the historic value in currency."""
    last = lines[lines["day"] == last_day]
    sales, returns = (lines["amount"][lines["amount"] > 0], lines["amount"][lines["amount"] < 0])
    kept = lines[lines["amount"] >= 0].dropna(subset="order_id")
    units, units_last = (rows["quantity"].sum(min_count=1) for rows in (lines, last))
    distinct = {name: lines[name].nunique() or None for name in ("product_id", "category", "channel")}
    discount = lines["discount"].sum() / 100
    expected: dict[str, Any] = {
        "lines_per_order": len(lines) / n,
        "lines_last": len(last),
        "quantity_per_order": units / n,
        "quantity_last": units_last,
        "unit_price_mean": ratio(total, units),
        "baskets_per_day": len({*zip(kept["day"], kept["order_id"], strict=True)}) / n or None,
        "products_distinct": distinct["product_id"],
        "products_new_share": ratio(distinct["product_id"], len(lines)),
        "categories_distinct": distinct["category"],
        "channels_distinct": distinct["channel"],
        "returns_share": ratio(-returns.sum(), sales.sum()) if len(returns) else 0,
        "discount_share": ratio(discount, total + discount),
        "hour_mean": lines["second"].dropna().astype(float).mean() / 3600,
    }
    return {name: None if pd.isna(value) else float(value) for name, value in expected.items()}


def reference(frame: pd.DataFrame, days: pd.DataFrame) -> dict[str, Reference]:
    lines = frame[frame["day"] <= CUTOFF]
    expected = {}
    for customer, rows in days.sort_values("day").groupby("customer_id"):
        bought, values = rows["day"].tolist(), [value / 100 for value in rows["value"].tolist()]
        own, total = lines[lines["customer_id"] == customer], int(rows["value"].sum()) / 100
        expected[str(customer)] = reference_of_days(bought, values) | reference_of_lines(
            own, len(bought), bought[-1], total
        )
    return expected


def differing(found: pd.DataFrame, expected: dict[str, Reference]) -> list[str]:
    """Every cell that differs, in words."""
    cells = [(customer, name, value) for customer, columns in expected.items() for name, value in columns.items()]
    pairs = [(f"{customer} {name}", found.loc[customer, name], value) for customer, name, value in cells]
    return [f"{cell}: {ours}, not {value}" for cell, ours, value in pairs if not same(ours, value)]


def same(ours: float, value: float | None) -> bool:
    return bool(pd.isna(ours)) if value is None else ours == pytest.approx(value, **CLOSE)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_column_is_what_its_definition_says(wrap: Wrap, seed: int) -> None:
    frame = random_lines(seed)
    lines = wrap(frame)
    days = days_as_of(lines, WINDOW)
    expected = reference(frame, days.collect("pandas").to_native())
    found = collected(behaviour(lines, days, WINDOW))
    assert list(found.index) == sorted(expected)
    assert sorted(found.columns) == sorted(expected["0"]) == sorted(BEHAVIOUR.names)
    assert differing(found, expected) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_after_the_cutoff_and_their_order_change_no_bit(wrap: Wrap, seed: int) -> None:
    frame, other = random_lines(seed), random_lines(seed + 100)
    future = other.assign(day=CUTOFF + 1 + other["day"] % 90, customer_id=other["customer_id"] + "0")
    later = pd.concat([future, other.assign(day=CUTOFF + 1), frame[frame["day"] <= CUTOFF]])
    shuffled = later.sample(frac=1, random_state=seed, ignore_index=True)
    expected = behaviour_of(wrap, frame[frame["day"] <= CUTOFF])
    pd.testing.assert_frame_equal(behaviour_of(wrap, shuffled), expected, check_exact=True)


def test_days_beyond_the_cutoff_are_not_read(wrap: Wrap) -> None:
    frame = random_lines(5).assign(amount=100)
    lines = wrap(frame)
    beyond = days_as_of(lines, Window(date_of(CUTOFF + 60)))
    found = collected(behaviour(lines, beyond, WINDOW))
    pd.testing.assert_frame_equal(found, behaviour_of(wrap, frame), check_exact=True)


def test_days_as_of_a_cutoff_know_nothing_of_later_returns(wrap: Wrap) -> None:
    frame = pd.DataFrame([line("a", CUTOFF, 500, order_id="1"), line("a", CUTOFF + 9, -500, order_id="1")])
    days = days_as_of(wrap(frame), WINDOW).collect("pandas").to_native()
    assert days[["day", "value"]].to_numpy().tolist() == [[CUTOFF, 500]]


def test_without_optional_columns_theirs_are_left_out(wrap: Wrap) -> None:
    frame = random_lines(0).drop(columns=[*OPTIONAL])
    names = behaviour_columns(wrap(frame))
    assert names == tuple(name for name in BEHAVIOUR.names if BEHAVIOUR[name].required)
    assert tuple(behaviour_of(wrap, frame).columns) == names


@pytest.fixture(scope="module")
def with_every_column(wrap: Wrap) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines with every optional column and no return, and their behaviour."""
    frame = random_lines(1).assign(amount=lambda lines: lines["amount"].abs())
    return frame, behaviour_of(wrap, frame)


@pytest.mark.parametrize("missing", OPTIONAL)
def test_a_missing_column_takes_only_its_own_features_away(
    wrap: Wrap, with_every_column: tuple[pd.DataFrame, pd.DataFrame], missing: str
) -> None:
    frame, expected = with_every_column
    kept = [name for name in BEHAVIOUR.names if NEEDS.get(name) != missing]
    found = behaviour_of(wrap, frame.drop(columns=missing))
    assert list(found.columns) == kept
    pd.testing.assert_frame_equal(found, expected[kept], check_exact=True)


def test_every_optional_column_of_the_contract_names_its_source() -> None:
    assert {column.name for column in BEHAVIOUR.columns if not column.required} == set(NEEDS)
    assert set(NEEDS.values()) == set(OPTIONAL)


def orders_of(customer: str, *ages_and_amounts: tuple[int, int], **more: Any) -> list[dict[str, Any]]:
    return [line(customer, CUTOFF - age, amount, **more) for age, amount in ages_and_amounts]


# each fact has its customers in one frame: to plan the hundred columns takes longer than to count them
ODD_CUSTOMERS = [
    *orders_of("one order", (10, 1250)),
    *orders_of("equal gaps", *((30 * month, 99_999_999_999) for month in range(13))),
    *orders_of("large values", *((age, 10**12 + 100 * age) for age in range(4))),
    *orders_of("long silence", (3650, 100), (3657, 100)),
    *orders_of("a return", (20, 1000), (5, -250)),
    *orders_of("a return without a sale amount", (20, 0), (5, -250)),
    *orders_of("returns only", (0, -100)),
    *orders_of("later only", (-1, 100)),
]
ODD_OPTIONAL_COLUMNS = [
    *orders_of("midnight", (0, 100), (1, 100), second=0),
    *orders_of("no time", (0, 100), quantity=4.0),
    *orders_of("empty", (0, 100)),
    *orders_of("units beyond belief", (0, 100), quantity=1e300),
]


@pytest.fixture(scope="module")
def odd(wrap: Wrap) -> pd.DataFrame:
    """Behaviour of `ODD_CUSTOMERS`, whose lines have the required columns alone."""
    return behaviour_of(wrap, pd.DataFrame(ODD_CUSTOMERS))


@pytest.fixture(scope="module")
def odd_optional(wrap: Wrap) -> pd.DataFrame:
    """Behaviour of `ODD_OPTIONAL_COLUMNS`, whose lines have every optional column but the discount."""
    frame = pd.DataFrame(ODD_OPTIONAL_COLUMNS)
    empty = {name: pd.Series(None, frame.index, "str") for name in ("order_id", "product_id", "category", "channel")}
    typed = frame.assign(**empty).astype({"quantity": "Float64", "second": "Int64"})
    return behaviour_of(wrap, typed)


def test_one_order_has_no_gap_and_no_spread(odd: pd.DataFrame) -> None:
    found = odd.loc["one order"]
    unknown = {name for name in found.index if "gap" in name or "year_ago" in name} | {"order_value_sd"}
    assert set(found.index[found.isna()]) == unknown
    assert found["order_value_last"] == found["order_value_median"] == found["spend_30d"] == 12.5
    assert found["orders_7d"] == 0
    assert found["orders_14d"] == 1
    assert found["returns_share"] == 0


def test_equal_gaps_and_values_have_a_spread_of_exactly_zero(odd: pd.DataFrame) -> None:
    assert odd.loc["equal gaps", "gap_sd"] == 0
    assert odd.loc["equal gaps", "order_value_sd"] == 0


def test_spread_of_large_values_keeps_its_digits(odd: pd.DataFrame) -> None:
    assert odd.loc["large values", "order_value_sd"] == pytest.approx(stdev([0, 1, 2, 3]), rel=1e-12)


def test_a_long_silence_keeps_the_digits_of_a_fading_count(odd: pd.DataFrame) -> None:
    expected = 1.5 * 0.5 ** (3650 / 7)
    assert odd.loc["long silence", "orders_half_life_7d"] == pytest.approx(expected, rel=1e-12, abs=0)


def test_returns_share_counts_amounts_and_the_return_makes_no_order(odd: pd.DataFrame) -> None:
    found = odd.loc["a return"]
    assert found["returns_share"] == 0.25
    assert found["orders_7d"] == 0
    assert found["order_value_last"] == 7.5
    assert found["lines_per_order"] == 2
    assert found["lines_last"] == 1


def test_returns_without_any_sale_amount_have_no_share(odd: pd.DataFrame) -> None:
    assert pd.isna(odd.loc["a return without a sale amount", "returns_share"])


def test_a_customer_with_returns_or_later_orders_only_has_no_row(odd: pd.DataFrame) -> None:
    asked = {rows["customer_id"] for rows in ODD_CUSTOMERS}
    assert asked - set(odd.index) == {"returns only", "later only"}


def test_midnight_is_hour_zero_and_no_time_at_all_is_unknown(odd_optional: pd.DataFrame) -> None:
    assert odd_optional.loc["midnight", "hour_mean"] == 0
    assert pd.isna(odd_optional.loc["no time", "hour_mean"])


def test_optional_columns_that_are_empty_are_unknown(odd_optional: pd.DataFrame) -> None:
    found = odd_optional.loc["empty", [name for name, source in NEEDS.items() if source != "discount"]]
    assert found.isna().all()


def test_units_beyond_belief_are_unknown(odd_optional: pd.DataFrame) -> None:
    assert pd.isna(odd_optional.loc["units beyond belief", "quantity_last"])
    assert odd_optional.loc["no time", "unit_price_mean"] == 0.25


def test_money_is_counted_in_the_minor_unit_of_the_currency(wrap: Wrap) -> None:
    lines = wrap(random_lines(2))
    days = days_as_of(lines, WINDOW)
    pence, yen = (collected(behaviour(lines, days, WINDOW, decimals=decimals)) for decimals in (2, 0))
    money = ["order_value_max", "order_value_sd", "spend_90d", "spend_half_life_30d", "unit_price_mean"]
    np.testing.assert_allclose(yen[money], 100 * pence[money], rtol=1e-12)
    assert (yen["orders_90d"] == pence["orders_90d"]).all()


def test_snapshot_features_are_the_summary_beside_behaviour_and_attributes(wrap: Wrap) -> None:
    lines = wrap(random_lines(3))
    days = days_as_of(lines, WINDOW)
    found = collected(snapshot_features(lines, days, WINDOW))
    summary, columns = collected(customer_summary(days, WINDOW)), collected(behaviour(lines, days, WINDOW))
    known = collected(first_order(lines, days, WINDOW))
    went = collected(experience(lines, days, WINDOW, has_returns=True))
    pd.testing.assert_frame_equal(found, summary.join(columns).join(known).join(went), check_exact=True)


def test_one_table_of_baskets_serves_every_cutoff(wrap: Wrap) -> None:
    """Sums by day and first days of products, made once of all lines, say what each cutoff's own lines say."""
    lines = wrap(random_lines(5))
    baskets = basket_days(lines)
    for back in (0, 40, 200):
        window = Window(date_of(CUTOFF - back))
        days = days_as_of(lines, window)
        found = collected(behaviour(lines, days, window, baskets=baskets))
        pd.testing.assert_frame_equal(found, collected(behaviour(lines, days, window)), check_exact=True)

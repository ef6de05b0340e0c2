"""Laws of every engine: the same lines, features, hashes and scores, whatever computes them."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ltvml.contracts import Column, Table
from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError, EngineError
from ltvml.features.gaps import gap_counts, observed_gap_quantile
from ltvml.features.ledger import Rules, with_reasons
from ltvml.features.order_values import valued
from ltvml.features.returns import customer_days, summed_lines
from ltvml.features.split import held_out, seen
from ltvml.features.summary import customer_summary, held_out_patterns, purchase_patterns, spend_patterns
from ltvml.features.transactions import check
from ltvml.hashing import bucket_of
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ltvml.engines.base import Engine

# engines divide the same two integers; only the order of a float sum could differ
FLOATS = {"rtol": 0, "atol": 1e-9}
WINDOW = Window("2024-06-30")
NAMES = {"customer_id": "user", "order_date": "ts", "amount": "net"}
ODD = """user;ts;net;flag
007;2024-01-10;12.50;no
7;2024-01-10 12:30:01;5;
008;2024-06-01T23:30:00Z;1e2;0
008;2024-01-10;NaN;
008;2024-01-10;inf;
008;2024-01-10;-inf;
;2024-01-10;1;
 ;2024-01-10;1;
9;10/01/2024;1;
9;2024;1;
9;2024-02-30;1;
9;2024-1-5;1;
9;1704844800;1;
9;;1;
9;2024-01-10;;
9;2024-01-10;abc;
9;2024-01-10;12.5f;
9;2024-01-10;1_000;
9;2024-01-10;1e300;
9;2024-01-10;3;yes
9;2024-01-10;3;maybe
9;2024-01-10 12:30;0.005;FALSE
"""
ODD_FAULTS = {
    "missing_customer_id": 2,
    "missing_date": 1,
    "bad_date": 5,
    "missing_amount": 2,
    "bad_amount": 4,
    "infinite_amount": 2,
    "excluded_flag": 1,
    "unclear_flag": 1,
}


def transactions(rows: int = 400, *, seed: int = 1) -> pd.DataFrame:
    """Random orders of 40 customers with returns, zeros, duplicates and nulls."""
    draw = np.random.default_rng(seed)
    days = draw.integers(19_700, 19_950, rows)
    frame = pd.DataFrame(
        {
            "customer_id": [f"{number:03d}" for number in draw.integers(0, 40, rows)],
            "order_date": days.astype("datetime64[D]").astype("datetime64[s]") + draw.integers(0, 86_400, rows),
            "amount": np.where(draw.random(rows) < 0.15, -1, 1) * draw.integers(0, 5_000, rows) / 100,
            "order_id": [f"o{number}" for number in draw.integers(0, 60, rows)],
            "quantity": draw.integers(1, 9, rows) / 4,
        }
    )
    return pd.concat([frame, frame.head(7)], ignore_index=True)


def sorted_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


def assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(sorted_rows(left), sorted_rows(right), check_dtype=False, **FLOATS)


FEATURES: dict[str, Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]] = {
    "reasons": lambda lines: with_reasons(lines, WINDOW, Rules(zero_amounts="drop", duplicates="drop")),
    "values_of_orders": lambda lines: valued(lines, "order"),
    "seen": lambda lines: seen(lines, WINDOW),
    "held_out": lambda lines: held_out(lines, WINDOW, 30),
    "customer_days": lambda lines: customer_days(seen(lines, WINDOW)),
    "customer_days_without_orders": lambda lines: customer_days(seen(lines, WINDOW).drop("order_id")),
    "customer_days_without_returns": lambda lines: customer_days(seen(lines, WINDOW), has_returns=False),
    "customer_days_of_summed_lines": lambda lines: customer_days(seen(summed_lines(lines), WINDOW)),
    "gap_counts": lambda lines: gap_counts(customer_days(seen(lines, WINDOW))),
    "customer_summary": lambda lines: customer_summary(customer_days(seen(lines, WINDOW)), WINDOW),
    "purchase_patterns": lambda lines: purchase_patterns(customer_summary(customer_days(seen(lines, WINDOW)), WINDOW)),
    "held_out_patterns": lambda lines: held_out_patterns(
        customer_summary(customer_days(seen(lines, WINDOW)), WINDOW), customer_days(lines), WINDOW, 30
    ),
    "spend_patterns": lambda lines: spend_patterns(
        customer_summary(customer_days(seen(lines, WINDOW)), WINDOW), "repeat"
    ),
}


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_the_same_as_on_polars(engine: Engine, name: str) -> None:
    lines = engine.read(Source(transactions()))
    on_polars = nw.from_native(pl.from_pandas(engine.collect(lines)).lazy())
    assert_same(engine.collect(FEATURES[name](lines)), FEATURES[name](on_polars).collect("pandas").to_native())


def test_lines_of_odd_text_have_the_expected_faults(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(ODD)
    lines = engine.collect(engine.read(Source(str(path), NAMES, timezone="Europe/London", exclude=("flag",))))
    good = lines[lines["fault"].isna()].sort_values(["customer_id", "amount"])
    assert lines["fault"].value_counts().to_dict() == ODD_FAULTS
    assert good["customer_id"].tolist() == ["007", "008", "7", "9"]
    assert good["amount"].tolist() == [1250, 10_000, 500, 1]
    # half past eleven in UTC is after midnight in British summer
    assert good["day"].tolist() == [19_732, 19_876, 19_732, 19_732]
    assert good["second"].fillna(-1).tolist() == [-1, 1_800, 45_001, 45_000]


def test_all_kinds_of_frames_give_the_same_lines(engine: Engine) -> None:
    frame = transactions()
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    expected = engine.collect(engine.read(Source(frame)))
    polars = pl.from_pandas(frame)
    others = [frame.astype({"customer_id": object}), arrow, polars, polars.lazy(), nw.from_native(polars)]
    for other in [*others, DuckDBEngine().connection.from_arrow(arrow)]:
        assert_same(engine.collect(engine.read(Source(other))), expected)


def test_files_give_the_lines_of_their_frame(engine: Engine, tmp_path: Path) -> None:
    frame = transactions()
    expected = engine.collect(engine.read(Source(frame)))
    for number in (0, 1):
        frame[number::2].to_parquet(tmp_path / f"part{number}.parquet")
        frame[number::2].to_csv(tmp_path / f"part{number}.csv.gz", index=False, sep="\t")
    for pattern in ("part*.parquet", "part*.csv.gz"):
        lines = engine.collect(engine.read(Source(str(tmp_path / pattern))))
        # the number of the file is no part of a line
        assert_same(lines.drop(columns="file", errors="ignore"), expected)


def test_a_registered_name_is_read(engine: Engine) -> None:
    engine.register("orders", transactions())
    assert len(engine.collect(engine.read(Source("orders")))) == 407


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%d.%m.%y", "%Y%m%d", "%d %b %Y"])
def test_a_date_format_reads_what_strftime_wrote(engine: Engine, form: str) -> None:
    dates = [dt.date(2024, 3, 9), dt.date(2011, 12, 31)]
    texts = [date.strftime(form) for date in dates]
    frame = pd.DataFrame({"customer_id": ["a", "b"], "order_date": texts, "amount": [1, 2]})
    lines = engine.collect(engine.read(Source(frame, date_format=form))).sort_values("customer_id")
    assert lines["day"].tolist() == [19_791, 15_339]


def test_a_zoned_timestamp_is_cut_in_the_zone_asked_for(engine: Engine) -> None:
    moments = pd.to_datetime(["2024-07-01T23:30:00Z", "2024-01-01T23:30:00Z"], utc=True)
    frame = pd.DataFrame({"customer_id": ["a", "b"], "order_date": moments, "amount": [1.0, 2.0]})
    lines = engine.collect(engine.read(Source(frame, timezone="Europe/London"))).sort_values("customer_id")
    assert lines["day"].tolist() == [19_906, 19_723]
    assert lines["second"].tolist() == [1_800, 84_600]


def test_whole_floats_as_ids_are_text_without_a_point(engine: Engine) -> None:
    frame = transactions().head(3).assign(customer_id=[12345.0, None, 2.5])
    lines = engine.collect(engine.read(Source(frame)))
    assert set(lines["customer_id"].dropna()) == {"12345", "2.5"}
    assert (lines["fault"] == "missing_customer_id").sum() == 1


def test_buckets_are_those_of_python(engine: Engine) -> None:
    ids = engine.table(pd.DataFrame({"customer_id": ["007", "7", "Zoë", ""]}))
    found = engine.collect(engine.bucket(ids, "it's"))
    assert found["bucket"].tolist() == [bucket_of(identity, "it's") for identity in found["customer_id"]]
    assert bucket_of("7", "s") == int(hashlib.md5(b"s:7").hexdigest()[:8], 16)


def test_a_fingerprint_is_of_the_content_and_not_of_the_order(engine: Engine) -> None:
    frame = transactions()
    found = engine.fingerprint(engine.read(Source(frame)))
    shuffled = frame.sample(frac=1, random_state=3)
    changed = frame.assign(customer_id=frame["customer_id"].replace("001", "040"))
    assert found == DuckDBEngine().fingerprint(DuckDBEngine().read(Source(frame)))
    assert found == engine.fingerprint(engine.read(Source(shuffled)))
    assert found != engine.fingerprint(engine.read(Source(changed)))


SCORES = Table(
    "scores",
    (Column("customer_id", "string", "who"), Column("double", "float64", "twice"), Column("date", "date", "cutoff")),
)


def score_of(batch: pd.DataFrame) -> pd.DataFrame:
    dates = batch["cutoff_day"].to_numpy().astype("datetime64[D]")
    return pd.DataFrame({"date": dates, "double": batch["historic_value"] * 2, "customer_id": batch["customer_id"]})


def scored_by(engine: Engine, score: Callable[[pd.DataFrame], pd.DataFrame]) -> pa.Table:
    days = customer_days(seen(engine.read(Source(transactions())), WINDOW))
    batches: list[pa.Table] = []
    rows = engine.map_batches(customer_summary(days, WINDOW), score, SCORES, batches.append)
    assert rows == sum(batch.num_rows for batch in batches)
    return pa.concat_tables(batches)


def local_score() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A function that travels to a Spark worker by value: the test's module is not there."""

    def score(batch: pd.DataFrame) -> pd.DataFrame:
        dates = batch["cutoff_day"].to_numpy().astype("datetime64[D]")
        value = batch["historic_value"] * 2
        return batch[["customer_id"]].assign(double=value, date=dates)

    return score


def test_scores_come_sorted_with_the_types_of_their_contract(engine: Engine) -> None:
    scored = scored_by(engine, local_score())
    assert scored.schema == pa.schema({"customer_id": pa.string(), "double": pa.float64(), "date": pa.date32()})
    ids = scored["customer_id"].to_pylist()
    assert ids == sorted(ids)
    assert set(scored["date"].to_pylist()) == {dt.date(2024, 6, 30)}


def test_scores_are_the_same_on_both_engines(engine: Engine) -> None:
    here = scored_by(DuckDBEngine(), score_of).to_pandas()
    pd.testing.assert_frame_equal(scored_by(engine, local_score()).to_pandas(), here, **FLOATS)


def test_scores_in_small_batches_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scored_by(DuckDBEngine(), score_of)
    monkeypatch.setattr("ltvml.engines.duckdb.BATCH_ROWS", 7)
    assert scored_by(DuckDBEngine(), score_of).equals(whole)


def test_a_batch_without_its_columns_is_refused(engine: Engine) -> None:
    with pytest.raises(EngineError, match="missing: customer_id, date"):
        scored_by(engine, lambda batch: batch[["T"]].assign(double=1.0))


def test_a_fit_collects_patterns_and_never_customers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[list[str]] = []
    original = type(engine).collect

    def spy(self: Any, table: nw.LazyFrame[Any]) -> pd.DataFrame:
        collected.append(table.collect_schema().names())
        return original(self, table)

    monkeypatch.setattr(type(engine), "collect", spy)
    checked = check(engine, engine.read(Source(transactions())), WINDOW)
    summary = customer_summary(checked.days, WINDOW)
    engine.collect(purchase_patterns(summary))
    engine.collect(spend_patterns(summary, "all"))
    observed_gap_quantile(engine, checked.days, 0.9)
    assert len(collected) >= 5
    assert not any({"customer_id", "order_id"} & set(names) for names in collected)


def test_the_ledger_is_the_same_on_both_engines(engine: Engine) -> None:
    frame = transactions()
    ledger = check(engine, engine.read(Source(frame)), WINDOW).ledger
    other = DuckDBEngine()
    assert ledger == check(other, other.read(Source(frame)), WINDOW).ledger


def test_columns_are_shown_with_their_kind_and_first_values(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("user,ts,net\n007,2024-01-10,12.50\n008,2024-01-11,\n")
    columns = engine.columns_of(Source(str(path)))
    assert [(column.name, column.kind) for column in columns[1:]] == [("ts", "date"), ("net", "number")]
    assert columns[0].samples == ("007", "008")
    assert columns[2].samples == ("12.50", None)


def test_a_missing_file_is_an_engine_error(engine: Engine, tmp_path: Path) -> None:
    for name in ("none.csv", "none*.parquet", "none.jsonl"):
        with pytest.raises(EngineError, match="Hint"):
            engine.read(Source(str(tmp_path / name)))


def test_an_empty_file_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "nothing.csv").write_text("")
    (tmp_path / "header.csv").write_text("customer_id,order_date,amount\n")
    with pytest.raises(DataContractError, match="empty: 0 bytes"):
        engine.read(Source(str(tmp_path / "nothing.csv")))
    with pytest.raises(DataContractError, match="no rows"):
        engine.read(Source(str(tmp_path / "header.csv")))
    with pytest.raises(DataContractError, match="no rows"):
        engine.read(Source(transactions().head(0)))


def test_a_missing_column_names_the_nearest(engine: Engine) -> None:
    frame = transactions().rename(columns={"order_date": "Order_Dates"})
    with pytest.raises(DataContractError, match=r"no column 'order_date'.*nearest is 'Order_Dates'") as caught:
        engine.read(Source(frame))
    assert "customer_id, Order_Dates, amount" in str(caught.value)
    assert caught.value.exit_code == 3


def test_two_columns_of_one_name_are_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("customer_id,order_date,amount,amount\na,2024-01-01,1,2\n")
    frame = transactions()
    with pytest.raises(DataContractError, match="duplicate columns: amount"):
        engine.read(Source(str(tmp_path / "twice.csv")))
    with pytest.raises(DataContractError, match="duplicate columns: amount"):
        engine.read(Source(pd.concat([frame, frame[["amount"]]], axis=1)))


def test_a_damaged_file_is_an_engine_error(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 this is not parquet PAR1")
    with pytest.raises(EngineError, match="could not read"):
        engine.read(Source(str(tmp_path / "bad.parquet")))


def test_whole_numbers_are_no_dates(engine: Engine) -> None:
    frame = transactions().assign(order_date=1_704_844_800)
    with pytest.raises(DataContractError, match="type integer; expected a date"):
        engine.read(Source(frame))


def test_text_where_a_number_is_due_is_counted_and_a_date_is_refused(engine: Engine) -> None:
    with pytest.raises(DataContractError, match="expected a number"):
        engine.read(Source(transactions().assign(amount=pd.Timestamp("2024-01-01"))))

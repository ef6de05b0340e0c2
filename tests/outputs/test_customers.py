from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltvml.contracts import Column, Table
from ltvml.engines.frames import arrow_schema
from ltvml.outputs.customers import VALUE_EDGES, TableFiles, Tally, by_expected_loss, expected_loss, visible_bands

IDS = Table("ids", (Column("customer_id", "string", "customer"),))


def batch(**columns):
    size = len(next(iter(columns.values())))
    settings = {
        "customer_id": [f"{number}" for number in range(size)],
        "historic_value": 1.0,
        "predicted_ltv": 10.0,
        "expected_purchases": 1.0,
        "value_at_risk": 1.0,
        "churn_risk": 0.5,
        "churn_band": "medium",
        "data_status": "ok",
        "rfm_segment": "new",
        "risk_alert": None,
    }
    return pd.DataFrame(settings | columns, index=range(size))


def tally_of(*batches):
    tally = Tally()
    for part in batches:
        tally.add(part)
    return tally


def test_a_tally_of_batches_is_that_of_the_whole():
    draw = np.random.default_rng(2)
    whole = batch(predicted_ltv=draw.lognormal(3, 2, 500), churn_risk=draw.uniform(size=500))
    parts, once = tally_of(whole.iloc[:123], whole.iloc[123:]), tally_of(whole)
    assert parts.customers == once.customers == 500
    np.testing.assert_array_equal(parts.counts, once.counts)
    assert parts.bands == once.bands == {"medium": 500}
    pd.testing.assert_frame_equal(parts.most_at_risk, once.most_at_risk)


def test_a_total_of_nothing_known_is_unknown_and_not_zero():
    document = tally_of(batch(predicted_ltv=[np.nan, np.nan])).to_dict()
    assert document["totals"]["predicted_ltv"] is None
    assert document["totals"]["historic_value"] == 2.0


def test_an_empty_batch_changes_nothing():
    tally = tally_of(batch(churn_risk=[0.1]), batch(churn_risk=[0.1]).head(0))
    assert tally.customers == 1
    assert tally.sums["predicted_ltv"] == 10.0


def test_who_cannot_be_ranked_is_left_out():
    ranked = by_expected_loss([batch(value_at_risk=[1.0, np.nan, 3.0])])
    assert ranked["customer_id"].tolist() == ["2", "0"]


def test_an_equal_loss_is_ordered_by_id_whatever_the_order_of_rows():
    rows = batch(value_at_risk=[5.0] * 30)
    first = by_expected_loss([rows.sample(frac=1, random_state=1)])["customer_id"].tolist()
    assert first == sorted(rows["customer_id"])[:20]


def test_the_expected_loss_is_what_is_lost_times_the_probability_of_losing_it():
    losses = expected_loss(pd.DataFrame({"value_at_risk": [100.0, 40.0], "churn_risk": [0.1, 0.5]}))
    assert losses.tolist() == pytest.approx([10.0, 20.0], rel=1e-12)


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 3,
        [1e-4] * 3,
        [1e15] * 3,
        [0.0, 1e15],
        [7.0],
        np.logspace(-3, 12, 400),
        np.full(1000, 20.0),
    ],
    ids=["nothing", "tiny", "huge", "both ends", "one", "all over", "one band"],
)
def test_the_visible_bands_hold_every_customer_and_all_of_the_value(values):
    ltv = np.asarray(values, dtype=float)
    edges, customers, value = visible_bands(tally_of(batch(predicted_ltv=ltv)))
    assert customers.sum() == len(ltv)
    assert value.sum() == pytest.approx(ltv.sum())
    assert len(edges) == len(customers) + 1
    assert (np.diff(edges) > 0).all()
    np.testing.assert_array_equal(customers, np.histogram(ltv, edges)[0])


def test_the_edges_of_value_rise():
    assert (np.diff(VALUE_EDGES) > 0).all()


def test_no_text_of_a_csv_begins_a_formula_and_the_parquet_keeps_it_as_it_is(tmp_path):
    texts = ["=1+1", "plain", "@x", 'a "b"\n-c', None, "0042"]
    rows = pa.Table.from_pylist([{"customer_id": text} for text in texts], arrow_schema(IDS))
    with TableFiles(tmp_path, IDS, "customers", ["parquet", "csv"]) as files:
        files.write(rows)
    read = pd.read_csv(tmp_path / "customers.csv", dtype=str, skip_blank_lines=False)["customer_id"]
    assert read.fillna("").tolist() == ["'=1+1", "plain", "'@x", 'a "b"\n\'-c', "", "0042"]
    assert pq.read_table(tmp_path / "customers.parquet")["customer_id"].to_pylist() == texts

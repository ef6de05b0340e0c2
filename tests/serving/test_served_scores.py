"""The answer to a request is the row of the batch: the orders of a customer alone, or its summary, give the same."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.bundle.bundle import Bundle
from ltvml.outputs.champion import served_folder
from ltvml.serving.application import MOST_BYTES, application
from ltvml.serving.request import RequestError
from ltvml.workflows.serve import serve
from tests.serving.conftest import One, asked

# sums over one customer are sums of the same integers as in the batch; floats follow the order of a batch's rows
SAME = {"rtol": 1e-9, "atol": 1e-12}
SECONDS_TO_START = 60

pytestmark = pytest.mark.slow


def request_for(orders: pd.DataFrame, customer: str) -> bytes:
    lines = orders[orders["customer_id"] == customer].drop(columns="customer_id")
    return (
        json.dumps(
            {
                "customer_id": customer,
                "orders": json.loads(lines.to_json(orient="records", date_format="iso", date_unit="s")),
            }
        )
        .replace('Z"', '"')
        .encode()
    )


def assert_same(answer: dict, row: pd.Series) -> None:
    for name, value in answer.items():
        wanted = row[name]
        if pd.isna(wanted):
            assert value is None, name
        elif isinstance(value, int | float):
            np.testing.assert_allclose(value, wanted, **SAME, err_msg=name)
        else:
            assert value == (f"{wanted:%Y-%m-%d}" if hasattr(wanted, "year") else wanted), name


def test_orders_of_one_customer_are_scored_as_in_the_batch(shop, scorer):
    _, _, orders, batch = shop
    assert scorer.bundle.reads_behaviour
    assert scorer.bundle.replenishment is not None
    for customer in batch.index[:20]:
        answer = scorer.answer(request_for(orders, customer))["scores"]
        assert answer.pop("customer_id") == customer
        assert_same(answer, batch.loc[customer])


def test_many_at_once_get_their_own_answer(shop, scorer):
    _, _, orders, batch = shop
    names = list(batch.index[:12])
    bodies = [request_for(orders, name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(scorer.answer, bodies))
    for name, answer in zip(names, answers, strict=True):
        assert answer["scores"]["customer_id"] == name
        np.testing.assert_allclose(answer["scores"]["predicted_ltv"], batch.loc[name, "predicted_ltv"], **SAME)


def test_a_later_cutoff_sees_the_orders_up_to_it_and_an_earlier_one_is_refused(shop, scorer):
    line = {"date": "2020-12-01", "amount": 10, "product_id": "p", "order_id": 1, "category": "milk", "quantity": 1}
    later = line | {"date": "2021-02-01", "order_id": 2}
    lines = [line, later]
    at_fit = scorer.answer(json.dumps({"orders": lines}).encode())
    assert at_fit["scores"]["n_orders"] == 1
    assert at_fit["notes"][0].startswith("1 of 2 lines are after the cutoff")
    for day in (date.isoformat()[:10] for date in pd.date_range("2021-02-01", periods=9)):
        found = scorer.answer(json.dumps({"orders": lines, "cutoff": day}).encode())
        assert (found["cutoff"], found["scores"]["n_orders"], found["notes"]) == (day, 2, [])
    with pytest.raises(RequestError) as refused:
        scorer.answer(json.dumps({"orders": lines, "cutoff": "2020-12-30"}).encode())
    assert refused.value.field == "cutoff"
    with pytest.raises(RequestError, match="no purchase is left"):
        scorer.answer(json.dumps({"orders": [later]}).encode())


def summary_body(scorer, **changed) -> bytes:
    rows = scorer.bundle.example_rows().iloc[1]
    return json.dumps(
        {"summary": {k: None if pd.isna(v) else v for k, v in rows.items() if k != "cutoff_day"} | changed}, default=int
    ).encode()


def test_a_summary_row_is_scored_as_the_bundle_scores_it(scorer):
    answer = scorer.answer(summary_body(scorer))["scores"]
    assert_same(answer, scorer.bundle.score(scorer.bundle.example_rows()).iloc[1])
    assert answer["n_orders"] == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [("frequency", "often"), ("frequency", -1), ("recency", 900), ("recency", 0), ("T", 2.5), ("frequenzy", 1)],
)
def test_a_summary_that_nobody_can_have_is_refused_by_its_field(scorer, field, value):
    with pytest.raises(RequestError) as refused:
        scorer.answer(summary_body(scorer, **{field: value}))
    assert refused.value.field == f"summary.{field}"


def test_http_has_its_codes_and_every_refusal_a_sentence(shop, scorer):
    app = application(One(scorer))
    status, answer = asked(app, "POST", "/score", request_for(shop[2], shop[3].index[0]))
    assert (status, answer["model_version"]) == (200, scorer.bundle.version)
    status, answer = asked(app, "POST", "/score", b'{"orders": [{"date": "2020-01-01", "amount": "much"}]}')
    assert (status, answer["error"]["field"]) == (400, f"orders[0].{scorer.reading.needed[0]}")
    assert asked(app, "GET", "/health")[1]["model_version"] == scorer.bundle.version
    assert asked(app, "GET", "/score")[0] == 405
    assert asked(app, "POST", "/predict")[0] == 404
    status, answer = asked(app, "POST", "/score", b" " * (MOST_BYTES + 1))
    assert status == 413
    assert "expected one customer" in answer["error"]["message"]
    # no redirect, which has no words and may lose the body
    assert asked(app, "POST", "/score/")[0] == 404
    status, answer = asked(app, "GET", "/" + "a" * 10_000)
    assert (status, len(answer["error"]["message"]) < 300) == (404, True)
    status, answer = asked(app, "POST", "/score", gzip.compress(b"{}"), headers=((b"content-encoding", b"gzip"),))
    assert (status, "Content-Encoding: gzip" in answer["error"]["message"]) == (415, True)


def test_a_fault_of_our_own_is_500_and_tells_nothing_of_the_person(shop, scorer, monkeypatch, caplog):
    monkeypatch.setattr(scorer._one, "ask", lambda *given, **named: 1 / 0)
    status, answer = asked(application(One(scorer)), "POST", "/score", request_for(shop[2], shop[3].index[0]))
    assert status == 500
    assert shop[3].index[0] not in json.dumps(answer)


def test_the_command_serves_follows_a_new_bundle_and_ends_when_asked(shop):
    folder, _, orders, batch = shop
    command = [
        sys.executable,
        "-m",
        "ltvml.cli",
        "serve",
        "--config",
        str(folder / "shop.yaml"),
        "--port",
        "0",
        "--json",
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(ltvml.__file__).parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        try:
            watchdog = threading.Timer(SECONDS_TO_START, run.kill)
            watchdog.start()
            said = json.JSONDecoder().decode("".join(iter(lambda: run.stdout.readline(), "}\n")) + "}")
            watchdog.cancel()
            assert said["address"].startswith("http://127.0.0.1:")
            first = answered(f"{said['address']}/score", request_for(orders, batch.index[0]))
            assert first["model_version"] == said["model_version"] == batch["model_version"].iloc[0]
            served = served_folder(folder / "out")
            bundle = Bundle.load(served)
            saved = replace(bundle, money=replace(bundle.money, margin=0.5))
            saved.save(folder / "new")
            served.rename(folder / "before")
            (folder / "new").rename(served)
            second = answered(f"{said['address']}/score", request_for(orders, batch.index[0]))
            assert second["model_version"] == saved.version != first["model_version"]
            np.testing.assert_allclose(second["scores"]["predicted_ltv"], first["scores"]["predicted_ltv"] / 2)
            with pytest.raises(urllib.error.HTTPError, match="400"):
                answered(f"{said['address']}/score", b"{}")
            run.send_signal(signal.SIGINT)
            assert run.wait(SECONDS_TO_START) == 130
        finally:
            run.kill()


def answered(address: str, body: bytes) -> dict:
    with urllib.request.urlopen(urllib.request.Request(address, body), timeout=SECONDS_TO_START) as found:
        return json.loads(found.read())


def test_a_port_that_is_taken_is_said(shop):
    server = serve(shop[1], model=shop[0] / "out" / "bundle", port=0)
    port = server.listening.getsockname()[1]
    try:
        with pytest.raises(ltvml.errors.ConfigError, match=f"port {port}"):
            serve(shop[1], model=shop[0] / "out" / "bundle", port=port)
    finally:
        server.listening.close()

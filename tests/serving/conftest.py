"""A fitted shop with items, its scorer, and an application that is asked without a server."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pandas as pd
import pytest

import ltvml
from ltvml.workflows.serve import serve

CUTOFF = "2020-12-31"


@pytest.fixture(scope="package")
def shop(tmp_path_factory, groceries):
    """A shop with items, returns and times on disk, fitted, and scored in one batch."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(3)
    orders = groceries.copy()
    orders["order_id"] = orders.groupby(["customer_id", "order_date"]).ngroup().astype(str)
    back = orders.sample(frac=0.05, random_state=1).assign(amount=lambda rows: -rows["amount"])
    orders = pd.concat([orders, back], ignore_index=True)
    orders["order_date"] = pd.to_datetime(orders["order_date"]) + pd.to_timedelta(
        rng.integers(0, 86_400, len(orders)), unit="s"
    )
    orders.to_parquet(folder / "orders.parquet")
    (folder / "shop.yaml").write_text(
        json.dumps(
            {
                "transactions": {"source": str(folder / "orders.parquet")},
                "window": {"cutoff": CUTOFF, "churn_horizon": 60},
                "models": {
                    "churn": "lightgbm_binary",
                    "value": "purchase_times_spend",
                    "replenishment": "gamma_renewal",
                },
                "season": "off",
                "tracking": {"backend": "none"},
                "output": {"dir": str(folder / "out")},
            }
        )
    )
    config = ltvml.load_config(folder / "shop.yaml")
    ltvml.fit(config)
    batch = ltvml.score(config).customers.set_index("customer_id")
    return folder, config, orders, batch


@pytest.fixture(scope="package")
def scorer(shop):
    server = serve(shop[1], port=0)
    server.listening.close()
    return server.served.scorer


def asked(app, method: str, path: str, body: bytes | None = b"", headers: tuple = ()) -> tuple[int, dict]:
    """The answer of an application, without a server; None for a client that sends no body."""
    sent: list[dict] = []

    async def receive():
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": list(headers),
        "query_string": b"",
        "root_path": "",
    }
    scope |= {"scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "http_version": "1.1"}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in sent[1:]))


class One:
    """Stands in for what follows a bundle on disk."""

    def __init__(self, scorer):
        self.scorer = scorer

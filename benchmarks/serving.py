"""How long one request takes: `ltvml serve` on this machine, one client, orders of random customers of the shop.

    python benchmarks/serving.py [--requests 300]

Fits the shop twice (closed form by name; the mix, by default), starts the command, asks, and prints milliseconds as
seen by the client, and of processor time of the server.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from ltvml.datasets import demo_config, online_retail, online_retail_products

FIELDS = ["order_id", "order_date", "product_id", "quantity", "amount"]
CUTOFF = pd.Timestamp("2011-09-11")
CLOSED_FORM = ["--set", "models.churn=closed_form", "--set", "models.value=purchase_times_spend"]


def bodies(requests: int) -> list[bytes]:
    orders = pd.read_parquet(online_retail())
    used = orders[~orders["is_adjustment"] & ~orders["is_non_product"] & (orders["order_date"] < CUTOFF)]
    bought = used[used["amount"] > 0]["customer_id"].drop_duplicates()
    chosen = bought.sample(requests, random_state=0)
    groups = used[used["customer_id"].isin(set(chosen))].groupby("customer_id")[FIELDS]
    texts = {name: lines.to_json(orient="records", date_format="iso", date_unit="s") for name, lines in groups}
    return [b'{"customer_id": "%s", "orders": %s}' % (str(name).encode(), texts[name].encode()) for name in chosen]


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measured(config: Path, requests: list[bytes]) -> tuple[np.ndarray, float]:
    """Milliseconds of each request, and processor milliseconds of one on average."""
    command = [sys.executable, "-m", "ltvml.cli", "serve", "--config", str(config), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
            took = []
            for number, body in enumerate([requests[0], *requests]):
                if number == 1:
                    before = processor_seconds(server.pid)
                start = time.perf_counter()
                with urllib.request.urlopen(urllib.request.Request(f"{said['address']}/score", body)) as answer:
                    answer.read()
                took.append(1000 * (time.perf_counter() - start))
            return np.array(took[1:]), 1000 * (processor_seconds(server.pid) - before) / len(requests)
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300)
    asked = bodies(parser.parse_args().requests)
    with tempfile.TemporaryDirectory() as folder:
        given = yaml.safe_load(Path(demo_config()).read_text(encoding="utf-8"))
        given["transactions"]["source"] = str(online_retail())
        given["products"]["source"] = str(online_retail_products())
        given["tracking"] = {"backend": "none"}
        for name, options in (("closed form", CLOSED_FORM), ("mix", [])):
            given["output"] = {"dir": str(Path(folder, name.split()[0]))}
            config = Path(folder, "shop.yaml")
            config.write_text(yaml.safe_dump(given), encoding="utf-8")
            fit = [sys.executable, "-m", "ltvml.cli", "fit", "--config", str(config), "--quiet", *options]
            subprocess.run(fit, check=True)
            took, processor = measured(config, asked)
            spread = ", ".join(f"p{level} {np.percentile(took, level):.0f} ms" for level in (50, 95, 99))
            print(f"{name}: {spread}; processor {processor:.0f} ms a request ({len(asked)} requests)")


if __name__ == "__main__":
    main()

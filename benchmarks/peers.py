"""ltvml beside lifetimes, pymc-marketing, clvkit and naive scores on the protocols E1 to E5: accuracy, seconds, memory.

    python benchmarks/peers.py ../shared/data --python lifetimes=.venv/bin/python --python pymc=/envs/pymc/bin/python

Each package runs in an interpreter of its own, with the same orders up to the cutoff, in the way its documentation
shows first: BG/NBD times Gamma-Gamma (repeat orders), by maximum likelihood or MAP. P(a purchase) of a package that
has no such function is the BG/NBD formula with the package's own parameters and P(alive). A package without an
interpreter is left out of the table, and named. Seconds are of the whole way from orders to scores, without imports.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

WARM = 400
Scores = pd.DataFrame
"""Indexed by customer_id: `value` within the horizon, `chance` of a purchase in it (may be missing)."""


def main() -> None:
    """Run every package on every protocol and print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--protocols", default="E1,E2,E3,E4,E5")
    parser.add_argument("--peers", default=",".join(PEERS), help="Which packages, by name.")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    given = parser.parse_args()
    interpreters = {"ltvml": sys.executable, "naive": sys.executable} | dict(one.split("=", 1) for one in given.python)
    asked = [peer for peer in given.peers.split(",") if peer in PEERS]
    left_out = sorted(set(asked) - set(interpreters))
    rows = [
        measured(given.data, name, peer, interpreters[peer])
        for name in given.protocols.split(",")
        for peer in asked
        if peer in interpreters
    ]
    print(as_markdown(rows))
    if left_out:
        print(f"\nLeft out, because no interpreter was given: {', '.join(left_out)}.")


def measured(data: Path, name: str, peer: str, interpreter: str) -> dict[str, Any]:
    """One package on one protocol, in a process of its own."""
    from protocols import PROTOCOLS, orders_of

    from ltvml.evaluation import metrics

    protocol = PROTOCOLS[name]
    orders, cutoff = orders_of(data, protocol), pd.Timestamp(protocol.cutoff)
    day = orders["order_date"].dt.normalize()
    future = orders[(day > cutoff) & (day <= cutoff + pd.Timedelta(days=protocol.horizon))]
    with tempfile.TemporaryDirectory() as folder:
        orders[day <= cutoff].to_parquet(f"{folder}/past.parquet")
        command = [interpreter, __file__, "--peer", peer, folder, protocol.cutoff, str(protocol.horizon)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return {"protocol": name, "peer": peer, "failed": lines[-1] if lines else "no message"}
        scores = pd.read_parquet(f"{folder}/scores.parquet")
        spent = json.loads(Path(f"{folder}/spent.json").read_text())
    paid = future.groupby("customer_id")["amount"].sum().reindex(scores.index).fillna(0.0).to_numpy()
    bought, value = (paid > 0).astype(float), scores["value"].to_numpy(dtype=float)
    row = {
        "protocol": name,
        "peer": peer,
        "Gini": metrics.normalised_gini(paid, value),
        "decile MAPE": metrics.decile_mape(paid, value),
        "bias": metrics.relative_bias(paid, value),
    }
    if scores["chance"].notna().all():
        chance = np.clip(scores["chance"].to_numpy(dtype=float), 1e-6, 1 - 1e-6)
        row |= {
            "AUC": metrics.auc(bought, chance),
            "log-loss": metrics.log_loss(bought, chance),
            "ECE": metrics.expected_calibration_error(bought, chance),
        }
    return row | spent


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """The table, a row a protocol and package."""
    figures = ("Gini", "decile MAPE", "bias", "AUC", "log-loss", "ECE")
    lines = [f"| protocol | package | {' | '.join(figures)} | CPU s | GB |", "|---|---|" + "---|" * (len(figures) + 2)]
    for row in rows:
        if "failed" in row:
            lines.append(f"| {row['protocol']} | {row['peer']} | {row['failed']} |")
            continue
        cells = [
            f"{row[name]:+.2f}" if name == "bias" else f"{row[name]:.4f}" if name in row else "-" for name in figures
        ]
        lines.append(
            f"| {row['protocol']} | {row['peer']} | {' | '.join(cells)} | {row['cpu']:.1f} | {row['gb']:.2f} |"
        )
    return "\n".join(lines)


def run_peer(peer: str, folder: str, cutoff: str, horizon: int) -> None:
    """Score the orders in a folder; called in the package's own interpreter."""
    warnings.simplefilter("ignore")
    orders = pd.read_parquet(f"{folder}/past.parquet")
    orders["customer_id"] = orders["customer_id"].astype(str)
    few = orders[orders["customer_id"].isin(orders["customer_id"].unique()[:WARM])]
    with contextlib.suppress(Exception):
        # imports and compilers are paid here, and are no part of the work
        PEERS[peer](few, pd.Timestamp(cutoff), horizon, folder)
    before = _cpu()
    scored = PEERS[peer](orders, pd.Timestamp(cutoff), horizon, folder)
    spent = {"cpu": _cpu() - before, "gb": _peak()}
    scored[["value", "chance"]].to_parquet(f"{folder}/scores.parquet")
    Path(f"{folder}/spent.json").write_text(json.dumps(spent))


def _cpu() -> float:
    return time.process_time()


def _peak() -> float:
    """Highest resident memory of this program, GB; the kernel's own figure, which rusage mixes with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1e6


def of_ltvml(orders: pd.DataFrame, cutoff: pd.Timestamp, horizon: int, folder: str) -> Scores:
    """The default choice, as `ltvml fit` and `ltvml score` make it."""
    import ltvml

    settings = {
        "window": {"cutoff": cutoff.date().isoformat(), "churn_horizon": horizon, "ltv_horizon": horizon},
        "value": {"annual_discount_rate": 0.0},
        "tracking": {"backend": "none"},
        # a folder of its own: beside an earlier fit, that of the warm-up, a later one waits for its promotion
        "output": {"dir": tempfile.mkdtemp(dir=folder)},
    }
    ltvml.fit(settings, transactions=orders)
    scores = ltvml.score(settings, transactions=orders).customers.set_index("customer_id")
    return pd.DataFrame({"value": scores["predicted_ltv"], "chance": 1 - scores["churn_risk"]})


def of_naive(orders: pd.DataFrame, cutoff: pd.Timestamp, horizon: int, folder: str) -> Scores:
    """Past spend rate times the horizon; no probability."""
    each = orders.groupby("customer_id").agg(first=("order_date", "min"), spend=("amount", "sum"))
    days = (cutoff - each["first"].dt.normalize()).dt.days
    return pd.DataFrame({"value": each["spend"] / (days + horizon) * horizon, "chance": np.nan})


def of_lifetimes(orders: pd.DataFrame, cutoff: pd.Timestamp, horizon: int, folder: str) -> Scores:
    """BetaGeoFitter and GammaGammaFitter."""
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    rfm = summary_data_from_transaction_data(
        orders, "customer_id", "order_date", "amount", observation_period_end=cutoff, freq="D"
    )
    model = BetaGeoFitter().fit(rfm["frequency"], rfm["recency"], rfm["T"])
    history = rfm["frequency"], rfm["recency"], rfm["T"]
    expected = model.conditional_expected_number_of_purchases_up_to_time(horizon, *history)
    repeat = rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)]
    spend = GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])
    worth = spend.conditional_expected_average_profit(rfm["frequency"], rfm["monetary_value"])
    alive = pd.Series(np.asarray(model.conditional_probability_alive(*history)), rfm.index)
    r, alpha = model.params_["r"], model.params_["alpha"]
    chance = alive * bg_nbd_chance(rfm, r, alpha, horizon)
    return pd.DataFrame({"value": np.asarray(expected) * np.asarray(worth), "chance": chance}, index=rfm.index)


def of_pymc(orders: pd.DataFrame, cutoff: pd.Timestamp, horizon: int, folder: str) -> Scores:
    """BetaGeoModel and GammaGammaModel, both by MAP."""
    from pymc_marketing import clv

    rfm = clv.utils.rfm_summary(
        orders, "customer_id", "order_date", "amount", observation_period_end=cutoff, time_unit="D"
    )
    model = clv.BetaGeoModel(data=rfm)
    model.fit(method="map", progressbar=False)
    expected = model.expected_purchases(rfm, future_t=horizon).mean(("chain", "draw")).to_series()
    silent = model.expected_probability_no_purchase(t=horizon, data=rfm).mean(("chain", "draw")).to_series()
    spend = clv.GammaGammaModel(data=rfm[(rfm["frequency"] > 0) & (rfm["monetary_value"] > 0)])
    spend.fit(method="map", progressbar=False)
    worth = spend.expected_customer_spend(rfm).mean(("chain", "draw")).to_series()
    ids = rfm["customer_id"].astype(str).to_numpy()
    return pd.DataFrame({"value": (expected * worth).to_numpy(), "chance": 1 - silent.to_numpy()}, index=ids)


def of_clvkit(orders: pd.DataFrame, cutoff: pd.Timestamp, horizon: int, folder: str) -> Scores:
    """CLV with its defaults: BG/NBD and Gamma-Gamma."""
    from clvkit import CLV, CustomerBase

    base = CustomerBase.from_transactions(
        orders.assign(order_date=orders["order_date"].dt.normalize()),
        datetime_col="order_date",
        amount_col="amount",
        observation_period_end=cutoff,
    )
    model = CLV().fit(base)
    value = model.predict(horizon=horizon).to_pandas()["clv"]
    alive = model.transaction_model.probability_alive().to_pandas()
    alive = alive.iloc[:, 0] if isinstance(alive, pd.DataFrame) else alive
    rfm = base.to_pandas()
    r, alpha = (float(model.transaction_model.params_[name]) for name in ("r", "alpha"))
    chance = np.asarray(alive) * np.asarray(bg_nbd_chance(rfm, r, alpha, horizon))
    return pd.DataFrame({"value": value.to_numpy(), "chance": chance}, index=value.index.astype(str))


def bg_nbd_chance(rfm: pd.DataFrame, r: float, alpha: float, horizon: int) -> pd.Series:
    """P(a purchase within the horizon | alive): 1 - ((alpha + T) / (alpha + T + h))^(r + x)."""
    return 1 - ((alpha + rfm["T"]) / (alpha + rfm["T"] + horizon)) ** (r + rfm["frequency"])


PEERS: dict[str, Callable[[pd.DataFrame, pd.Timestamp, int, str], Scores]] = {
    "ltvml": of_ltvml,
    "lifetimes": of_lifetimes,
    "pymc": of_pymc,
    "clvkit": of_clvkit,
    "naive": of_naive,
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        run_peer(*sys.argv[2:5], int(sys.argv[5]))
    else:
        main()

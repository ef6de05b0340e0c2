"""Do 80 % intervals hold 80 % of customers, and of the totals of shops? 200 simulated shops a model, truth known.

Customers are counted by the randomised probability integral transform. Run: python benchmarks/intervals.py [shops]
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.uncertainty import predictive

if TYPE_CHECKING:
    from ltvml.models.purchase.parametric import ParametricPurchaseModel

TRUTHS = (
    BGNBD.from_params(r=0.8, alpha=20.0, a=0.8, b=2.5),
    MBGNBD.from_params(r=0.8, alpha=20.0, a=0.8, b=2.5),
    ParetoNBD.from_params(r=0.8, alpha=20.0, s=0.7, beta=80.0),
)
CUSTOMERS, HORIZON, LEVEL = 600, 90.0, 0.8
P, Q, GAMMA = 3.0, 4.0, 30.0


def covered(truth: ParametricPurchaseModel, shops: int) -> dict[str, float]:
    """Shares inside: customers and totals, by purchases and by value."""
    inside: dict[str, list[float]] = {"customers": [], "values": [], "totals": [], "totals of value": []}
    for seed in range(shops):
        rng = np.random.default_rng(seed)
        X = truth.draw_newcomers(rng.uniform(50, 200, CUSTOMERS), random_state=rng).purchases.histories()
        rate = rng.gamma(Q, 1 / GAMMA, CUSTOMERS)
        X = X.assign(historic_value=rng.gamma(P * (X["frequency"].to_numpy() + 1)) / rate)
        counts = truth.draw_futures(X, HORIZON, random_state=rng).counts()
        values = np.where(counts > 0, rng.gamma(np.maximum(P * counts, 1e-9)) / rate, 0.0)
        purchase, spend = type(truth)().fit(X), GammaGamma().fit(X)
        for actual, worth, one, all_of_them in (
            (counts, None, "customers", "totals"),
            (values, spend, "values", "totals of value"),
        ):
            found = predictive(purchase, X, HORIZON, spend=worth, level=LEVEL, keep=True, random_state=seed)
            inside[one].append(float(found.inside(actual, seed).mean()))
            inside[all_of_them].append(float(found.total["lower"] <= actual.sum() <= found.total["upper"]))
    return {name: float(np.mean(shares)) for name, shares in inside.items()}


def main() -> None:
    """Print one line a model."""
    shops = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for truth in TRUTHS:
        start = time.process_time()
        shares = ", ".join(f"{name} {share:.1%}" for name, share in covered(truth, shops).items())
        print(f"{truth.name}, {shops} shops of {CUSTOMERS}: {shares}; {time.process_time() - start:.0f} CPU s")


if __name__ == "__main__":
    main()

"""How often does the fit find the best optimum? 150 small simulated shops against the best of 20 starts.

The judge is independent of our optimiser: bounded L-BFGS-B of scipy from 20 random starts on the same likelihood.
Run: python benchmarks/robustness.py [how many shops]
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from ltvml.datasets.simulate import simulate_small_shop
from ltvml.models.purchase.bg_nbd import BGNBD, Likelihood
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.purchase.patterns import lattice

if TYPE_CHECKING:
    from ltvml.datasets.simulate import SmallShop

STARTS = 20
CLOSE = 1e-3
WIDEST = 18.0


def best_of_starts(shop: SmallShop, seed: int) -> float:
    x, t_x, T = (shop.X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    histories = lattice(x, t_x, T)
    unit = histories.mean_age
    likelihood = Likelihood(histories.scaled(1 / unit), int(shop.modified))

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        at = likelihood(point)
        return -at.value, -at.gradient

    options = {"maxiter": 3000, "ftol": 1e-14, "gtol": 1e-7}
    starts = np.random.default_rng(seed).uniform(-4, 4, (STARTS, 4))
    bounds = [(-WIDEST, WIDEST)] * 4
    found = [minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun for start in starts]
    return -min(found) - x.sum() * np.log(unit)


def main(n: int) -> None:
    good, slowest, given = 0, 0.0, 0
    for seed in range(n):
        shop = simulate_small_shop(seed)
        started = time.perf_counter()
        model = (MBGNBD if shop.modified else BGNBD)().fit(shop.X)
        slowest = max(slowest, time.perf_counter() - started)
        given += bool(model.diagnosis_.messages)
        gap = best_of_starts(shop, seed) - model.log_likelihood_
        good += gap < CLOSE
        if gap >= CLOSE:
            print(f"shop {seed}: {gap:.2g} below the best; {model.params_}; {model.diagnosis_.messages}")
    print(f"{good} of {n} within {CLOSE:g}; {given} diagnosed in words; slowest fit {slowest:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150)

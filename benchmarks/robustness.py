"""Whether the fit of each purchase model finds the best optimum, and its parameters come back.

Optima: 150 small simulated shops a model, each parameter log-uniform over two decades, against the best of 20 starts.
The judge is independent of our optimiser: bounded L-BFGS-B of scipy from random starts on the same likelihood.
Ridges: a fit that leaves a parameter unknown (standard error of its log above 1.5), or far off, says so in words.
Recovery: 100 shops of 3,000 customers at ordinary parameters; all estimates within three standard errors in 95 %.

Run: python benchmarks/robustness.py [model ...] [how many shops]
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from ltvml.datasets.simulate import simulate_histories
from ltvml.models import registry
from ltvml.models.purchase.parametric import ParametricPurchaseModel
from ltvml.models.purchase.patterns import lattice

if TYPE_CHECKING:
    import pandas as pd

STARTS = 20
CLOSE = 1e-3
WIDEST = 18.0
UNKNOWN, FAR = 1.5, 8.0
"""Standard error of a log-parameter, and its distance from that of an ordinary shop, from which words are due."""
MODELS = ("nbd", "bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd", "bg_bb")
STAGES = (2, 3, 5)
LOWEST = {
    **{"r": 0.05, "alpha": 5.0, "a": 0.05, "b": 0.1, "s": 0.05, "beta": 5.0},
    **{"gamma": 0.05, "delta": 0.1},
}
LOWEST_BB = LOWEST | {"alpha": 0.05, "beta": 0.05}
ORDINARY = {
    **{"r": 0.8, "alpha": 15.0, "a": 0.8, "b": 2.5, "s": 0.8, "beta": 60.0},
    **{"gamma": 0.7, "delta": 3.0},
}
ORDINARY_BB = ORDINARY | {"alpha": 1.2, "beta": 1.5}


@dataclass(frozen=True)
class Drawn:
    """A simulated shop: histories, the model that drew them, unfitted, and its parameters."""

    X: pd.DataFrame
    model: ParametricPurchaseModel
    params: dict[str, float]


def hard_shop(name: str, seed: int) -> Drawn:
    """Draw 100 to 1,500 customers over up to a year, or up to 40 opportunities; half of the shops by whole days."""
    rng = np.random.default_rng([7, seed])
    lowest = LOWEST_BB if name == "bg_bb" else LOWEST
    scale = dict(zip(kind_of(name).parameters, 10 ** rng.uniform(0, 2, len(kind_of(name).parameters)), strict=True))
    params = {parameter: float(lowest[parameter] * factor) for parameter, factor in scale.items()}
    n = int(100 * 15 ** rng.uniform())
    T = np.full(n, float(rng.integers(4, 41))) if name == "bg_bb" else rng.uniform(60, 365, n)
    return drawn(name, params, T, STAGES[seed % 3], rng, daily=name != "bg_bb" and bool(seed // 2 % 2))


def ordinary_shop(name: str, seed: int) -> Drawn:
    """Draw 3,000 customers at ordinary parameters, in continuous time or at 20 opportunities."""
    rng = np.random.default_rng([8, seed])
    usual = ORDINARY_BB if name == "bg_bb" else ORDINARY
    params = {parameter: usual[parameter] for parameter in kind_of(name).parameters}
    T = np.full(3_000, 20.0) if name == "bg_bb" else rng.uniform(150, 365, 3_000)
    return drawn(name, params, T, STAGES[seed % 3], rng, daily=False)


def drawn(
    name: str, params: dict[str, float], T: np.ndarray, k: int, rng: np.random.Generator, *, daily: bool
) -> Drawn:
    """Simulate a model; a CNBD-k with k stages, which its fit is told."""
    stages = {"k": k} if "cnbd" in name else {}
    X = simulate_histories(len(T), T=T, random_state=rng, model=name, daily=daily, **params, **stages)
    model = registry.make("purchase", name, **stages)
    assert isinstance(model, ParametricPurchaseModel)
    return Drawn(X, model, params)


def kind_of(name: str) -> type[ParametricPurchaseModel]:
    """The class of a model."""
    model = registry.make("purchase", name)
    assert isinstance(model, ParametricPurchaseModel)
    return type(model)


def best_of_starts(shop: Drawn, point: np.ndarray, seed: int) -> float:
    """By how much the best of the starts is above the likelihood at our optimum."""
    x, t_x, T = (shop.X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    histories = lattice(x, t_x, T)
    unit = shop.model._scale(histories)
    likelihood = shop.model._likelihood(histories.scaled(1 / unit))
    is_time = np.array([name in shop.model.times for name in shop.model.parameters])

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        found = likelihood(at)
        return -found.value, -found.gradient

    options = {"maxiter": 3000, "ftol": 1e-14, "gtol": 1e-7}
    starts = np.random.default_rng(seed).uniform(-4, 4, (STARTS, len(point)))
    bounds = [(-WIDEST, WIDEST)] * len(point)
    found = [minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun for start in starts]
    return -min(found) - likelihood(point - is_time * np.log(unit)).value


def optima(name: str, n: int) -> None:
    """Print how many of n hard shops end at the best optimum, and which ridges no words name."""
    good, slowest, said, silent = 0, 0.0, 0, 0
    for seed in range(n):
        shop = hard_shop(name, seed)
        started = time.process_time()
        model = shop.model.fit(shop.X)
        slowest = max(slowest, time.process_time() - started)
        params = np.array(list(model.params_.values()))
        log_errors = np.array(list(model.standard_errors_.values())) / params
        vague = bool((log_errors > UNKNOWN).any() or (np.abs(np.log(params) - model.centre) > FAR + 6).any())
        said += bool(model.diagnosis_.messages)
        silent += vague and not model.diagnosis_.messages
        if vague and not model.diagnosis_.messages:
            print(f"  {name} {seed}: no words for {model.params_}, errors of the logs {log_errors.round(1)}")
        # where nobody bought twice there is no optimum: the fit withholds what stands on the rate, and says so
        unknown = "expected_purchases" in model.diagnosis_.withheld
        gap = 0.0 if unknown else best_of_starts(shop, np.log(params), seed)
        good += gap < CLOSE
        if gap >= CLOSE:
            print(f"  {name} {seed}: {gap:.2g} below the best; {model.params_}; {model.diagnosis_.messages}")
    print(
        f"{name}: {good} of {n} within {CLOSE:g}; {said} diagnosed in words, {silent} ridges without words; "
        f"slowest fit {slowest:.2f} s",
        flush=True,
    )


def recovery(name: str, n: int) -> None:
    """Print in how many of n ordinary shops every estimate is within three standard errors of the truth."""
    within = 0
    for seed in range(n):
        shop = ordinary_shop(name, seed)
        model = shop.model.fit(shop.X)
        truth, got = np.array(list(shop.params.values())), np.array(list(model.params_.values()))
        log_errors = np.array(list(model.standard_errors_.values())) / got
        within += bool((np.abs(np.log(got / truth)) < 3 * log_errors).all())
    print(f"{name}: all parameters within three standard errors in {within} of {n} shops", flush=True)


def main(arguments: list[str]) -> None:
    """Both questions for the models that are named, or for all."""
    sizes = [int(argument) for argument in arguments if argument.isdigit()]
    names = [argument for argument in arguments if not argument.isdigit()] or MODELS
    n = sizes[0] if sizes else 150
    for name in names:
        optima(name, n)
        recovery(name, max(1, 2 * n // 3))


if __name__ == "__main__":
    main(sys.argv[1:])

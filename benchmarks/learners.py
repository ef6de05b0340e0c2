"""Does ltvml's LightGBM cost what LightGBM costs? Training and scoring beside bare calls on the same rows, in one run.

    python benchmarks/learners.py --rows 200000

Prints seconds and ratios; the issue allows 1.3 for both.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
import pandas as pd

from ltvml.contracts import BEHAVIOUR, CLOSED_FORM
from ltvml.models.design import design, silence_directions, usable_names
from ltvml.models.trees.booster import Growth, Sample, grow, held_out_customers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")


def timed(call: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def simulated(rows: int, seed: int = 0) -> Sample:
    """Rows with every column of the learners; a dozen of them bear on the purchase."""
    draw = np.random.default_rng(seed)
    X = pd.DataFrame({name: draw.gamma(1.0, 10.0, rows) for name in (*BEHAVIOUR.names, *CLOSED_FORM.names)})
    X["recency"], X["T"], X["frequency"] = draw.gamma(1.0, 50.0, rows), 400.0, draw.poisson(2, rows)
    X["monetary_value"], X["first_order_value"], X["historic_value"] = (draw.gamma(2.0, 20.0, rows) for _ in range(3))
    score = X.iloc[:, :12].sum(axis=1).to_numpy() / 60 - 2.5
    bought = (draw.random(rows) < 1 / (1 + np.exp(-score))).astype(float)
    return Sample(X, bought, draw.integers(0, 2**32, rows))


def bare_train(matrix: np.ndarray, sample: Sample, parameters: dict[str, object], growth: Growth) -> lgb.Booster:
    held_out = held_out_customers(sample.bucket, 0)
    train = lgb.Dataset(matrix[~held_out], sample.target[~held_out], params=parameters)
    check = lgb.Dataset(matrix[held_out], sample.target[held_out], reference=train, params=parameters)
    stop = lgb.early_stopping(growth.patience, verbose=False)
    return lgb.train(parameters, train, growth.most_rounds, valid_sets=[check], callbacks=[stop])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    sample = simulated(arguments.rows)
    growth = Growth(num_threads=arguments.threads)
    names = usable_names(sample.X)
    parameters = growth.parameters("binary", arguments.rows, len(names), monotone_constraints=silence_directions(names))

    trees, ours = timed(lambda: grow(sample, "binary", growth, monotone=True))
    matrix = design(sample.X, names)
    booster, bare = timed(lambda: bare_train(matrix, sample, parameters, growth))
    print(f"{arguments.rows:,} rows x {len(names)} columns, {booster.best_iteration} rounds")
    print(f"train   ltvml {ours:6.2f} s   lightgbm.train   {bare:6.2f} s   ratio {ours / bare:.2f}")

    _, ours = timed(lambda: trees.raw(sample.X))
    folds, threads = booster.best_iteration, arguments.threads
    _, bare = timed(lambda: booster.predict(matrix, num_iteration=folds, num_threads=threads))
    print(f"score   ltvml {ours:6.2f} s   Booster.predict  {bare:6.2f} s   ratio {ours / bare:.2f}")


if __name__ == "__main__":
    main()

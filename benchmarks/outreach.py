"""Seconds and peak memory of a plan for 1 M customers and 10 actions: expected value, caps, allocation, plan.

Every customer may get most of the actions, which is more than any shop's rules allow, so the candidates are built here
and not by the rules of eligibility. Capacities and budgets bind in queues, channels and in all.
Run: python benchmarks/outreach.py [customers] [total capacity as a share of them]
"""

from __future__ import annotations

import resource
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.actions import CHANNELS, PURPOSES
from ltvml.outreach.allocation.allocate import allocate
from ltvml.outreach.allocation.limits import Limits, Queue
from ltvml.outreach.plan import plan
from ltvml.outreach.priority import prioritise
from ltvml.outreach.restraint.caps import suppressions
from ltvml.outreach.settings import Caps, Fatigue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltvml.outreach.allocation.allocate import Allocation

ACTIONS = 10
CUTOFF = 20_000
SHARE_HELD_OUT = 0.1


def shop(n: int, rng: np.random.Generator) -> pd.DataFrame:
    stages = np.array(["value_verification", "relationship_building", "demand_awakening", "lapsing"], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": pd.Series(np.arange(n)).astype(str).str.zfill(8),
            "days_since_last": rng.integers(0, 400, n),
            "stage": stages[rng.integers(0, len(stages), n)],
            "p_buy": rng.beta(0.9, 2.1, n),
            "value_gain": rng.lognormal(np.log(40), 1.0, n),
        }
    )


def contacts(customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(customers)
    names = np.array([channel.name for channel in CHANNELS], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy()[rng.integers(0, n, n)],
            "channel": names[rng.integers(0, len(names), n)],
            "day": CUTOFF - rng.integers(0, 60, n),
            "treated": True,
            "opened": rng.uniform(size=n) < 0.3,
        }
    )


def possible(customers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row a customer and action: 10 actions over 6 purposes and 4 channels, 9 in 10 of them open to a customer."""
    n = len(customers)
    blocks = [np.flatnonzero(rng.uniform(size=n) < 0.9) for _ in range(ACTIONS)]
    who, action = np.concatenate(blocks), np.repeat(np.arange(ACTIONS), [len(block) for block in blocks])
    channel = action % len(CHANNELS)
    columns = {
        "customer_id": pd.Categorical.from_codes(who, categories=pd.Index(customers["customer_id"])),
        "action": pd.Categorical.from_codes(action, categories=[f"action_{k}" for k in range(ACTIONS)]),
        "purpose": pd.Categorical.from_codes(action % len(PURPOSES), categories=list(PURPOSES)),
        "channel": pd.Categorical.from_codes(channel, categories=[one.name for one in CHANNELS]),
        "item": pd.Categorical.from_codes(np.full(len(who), -1), categories=["none"]),
        "reason": pd.Categorical.from_codes(action, categories=[f"reason_{k}" for k in range(ACTIONS)]),
        "due_day": CUTOFF + 1 + rng.integers(0, 7, len(who)).astype("int32"),
        "p_buy": customers["p_buy"].to_numpy()[who],
        "value_gain": customers["value_gain"].to_numpy()[who] * rng.lognormal(0, 0.3, len(who)),
        "effect": np.linspace(0.05, 0.3, ACTIONS)[action],
        "cost": np.linspace(0.05, 1.0, ACTIONS)[action] + np.array([one.cost for one in CHANNELS])[channel],
    }
    return pd.DataFrame(columns)


def limits(n: int, share: float) -> Limits:
    total = int(share * n)
    queues = tuple(Queue(purpose, capacity=total // 4, budget=0.15 * total) for purpose in PURPOSES)
    return Limits(total, 0.5 * total, queues, {"email": total // 2, "sms": total // 4, "phone": total // 50})


@contextmanager
def clock(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:<16} {time.perf_counter() - started:6.1f} s   peak {peak:.2f} GB so far")


def main(n: int, share: float) -> None:
    rng = np.random.default_rng(0)
    customers, log = shop(n, rng), None
    log = contacts(customers, rng)
    candidates = possible(customers, rng)
    group = np.where(rng.uniform(size=n) < SHARE_HELD_OUT, "holdout", "treat")
    groups = pd.DataFrame({"customer_id": customers["customer_id"], "group": group})
    print(f"{n:,} customers, {len(candidates):,} candidates, capacity {share:g} of the customers")
    started = time.perf_counter()
    with clock("expected value"):
        valued = prioritise(candidates, fatigue=Fatigue(), cutoff_day=CUTOFF, contacts=log)
    with clock("caps"):
        stopped = suppressions(valued, customers, caps=Caps(), cutoff_day=CUTOFF, contacts=log)
    with clock("allocation"):
        held_out = (group == "holdout")[valued["customer_id"].cat.codes]
        choice = allocate(valued, limits(n, share), suppressed=stopped.codes >= 0, held_out=held_out)
    with clock("plan"):
        planned = plan(valued, stopped, choice, groups)
    print(f"together {time.perf_counter() - started:.1f} s, {len(planned):,} rows")
    tell(choice)


def tell(choice: Allocation) -> None:
    print(
        f"{choice.chosen.sum():,} contacts worth {choice.value:,.2f}, at most {choice.bound:,.2f}: gap {choice.gap:.2g}"
    )
    for name, price in choice.prices.items():
        print(f"  price {name:<32} {price:.4f}")
    for line in choice.cut_lines:
        print(f"  {line.purpose:<16} {line.chosen:>8,} last in {line.last_in}, first out {line.first_out}")


if __name__ == "__main__":
    given = [float(argument) for argument in sys.argv[1:]]
    main(int(given[0]) if given else 1_000_000, given[1] if len(given) > 1 else 0.1)

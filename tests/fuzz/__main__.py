"""`python -m tests.fuzz --inputs 10000 --seed 1`: reads many inputs, prints each neither right nor clearly refused."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from tests.fuzz.inputs import KINDS
from tests.fuzz.trial import run


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--inputs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--start", type=int, default=0)
    options.add_argument("--kind", choices=KINDS)
    options.add_argument("--all", action="store_true", help="print what was said of every input")
    given = options.parse_args()
    kinds = (given.kind,) if given.kind else KINDS
    counts: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    for number in range(given.start, given.start + given.inputs):
        result = run(kinds[number % len(kinds)], given.seed, number)
        counts[result.kind, result.outcome] += 1
        slowest = max(slowest, result.seconds)
        if result.bad or given.all:
            print(f"--kind {result.kind} --seed {given.seed} --start {number} --inputs 1: {result.outcome}")
            print(result.words[-1500:], flush=True)
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind:8} {outcome:9} {count:7,}")
    print(f"slowest {slowest:.1f} s")
    return int(any(outcome in ("crash", "hang", "wrong", "unclear") for _, outcome in counts))


sys.exit(main())

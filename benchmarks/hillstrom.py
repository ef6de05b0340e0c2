"""E7, an e-mail experiment on 64,000 customers: the measured effect, and whom a contact moves.

    python benchmarks/hillstrom.py FILE [--resamples 1000]

FILE is the experiment as Parquet: one row a customer, `segment` the arm that chance gave, `visit` and `spend` the
outcome of two weeks. Prints rates, the estimates of the holdout estimator, the coverage of its intervals in resamples,
and the share of the incremental visits in the top 30 % of five rankings, by models that had not seen the customer.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from ltvml.hashing import buckets_of
from ltvml.models.trees.booster import Growth
from ltvml.outreach.experiment.difference import adjusted_difference, mean_difference, rate_difference
from ltvml.outreach.experiment.effects import learn
from ltvml.outreach.experiment.holdout import groups
from ltvml.outreach.experiment.measure import Measurement, measure
from ltvml.outreach.experiment.power import before_launch
from ltvml.outreach.experiment.qini import caught, qini_curve
from ltvml.outreach.experiment.trial import Campaign
from ltvml.outreach.experiment.uplift import out_of_fold

NONE, ARMS = "No E-Mail", ("Womens E-Mail", "Mens E-Mail")
AFTERWARDS = ["segment", "visit", "conversion", "spend"]
SIZES = ((21_300, 21_300), (4500, 500), (900, 100))


def measured(customers: pd.DataFrame, action: str, group: np.ndarray) -> Measurement:
    identity = customers["customer_id"].to_numpy()
    plan = pd.DataFrame({"customer_id": identity, "action": action, "rank": 0, "group": group, "suppressed_by": None})
    outcomes = pd.DataFrame(
        {
            "customer_id": identity,
            "bought": customers["visit"].to_numpy(dtype=bool),
            "spend": customers["spend"].to_numpy(),
            "predicted_value": customers["history"].to_numpy(),
        }
    )
    return measure(plan, outcomes, campaign=Campaign(first_day=0, last_day=13))


def coverage(treat: pd.DataFrame, holdout: pd.DataFrame, column: str, sizes: tuple[int, int], resamples: int) -> str:
    """Share of intervals, plain and adjusted, that hold the difference of the population drawn from."""
    y_t, y_c = (part[column].to_numpy(dtype=float) for part in (treat, holdout))
    # the arms are the population here, and in a population their covariates do not differ
    x_t, x_c = (part["history"].to_numpy() - part["history"].mean() for part in (treat, holdout))
    truth, draw, covered = y_t.mean() - y_c.mean(), np.random.default_rng(0), []
    for _ in range(resamples):
        i, j = draw.integers(0, len(y_t), sizes[0]), draw.integers(0, len(y_c), sizes[1])
        visits = column == "visit"
        plain = rate_difference(y_t[i] > 0, y_c[j] > 0) if visits else mean_difference(y_t[i], y_c[j])
        adjusted = adjusted_difference(y_t[i], y_c[j], x_treat=x_t[i], x_holdout=x_c[j])
        covered.append([found.lo <= truth <= found.hi for found in (plain, adjusted)])
    return "plain {:.3f}, adjusted {:.3f}".format(*np.mean(covered, axis=0))


def rankings(both: pd.DataFrame, arm: str) -> None:
    treated, visits = both["segment"].eq(arm).to_numpy(), both["visit"].to_numpy(dtype=float)
    start = time.perf_counter()
    scores = out_of_fold(both.drop(columns=AFTERWARDS), visits > 0, treated, Growth())
    took = time.perf_counter() - start
    ranked = {
        "a hash": buckets_of(both["customer_id"], "no ranking").astype(float),
        "recency (days)": -both["recency"].to_numpy(dtype=float),
        "value (history)": both["history"].to_numpy(dtype=float),
        "response": scores.response,
        "uplift": scores.uplift,
    }
    print(f"share of the incremental visits in the top 30 %, models of 4/5 judged on 1/5 ({took:.1f} s)")
    for name, score in ranked.items():
        found, area = caught(score, visits, treated), qini_curve(score, visits, treated).area
        print(f"  by {name:<16} {found.share:.3f} (standard error {found.standard_error:.3f})   Qini area {area:+.5f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--resamples", type=int, default=1000)
    arguments = parser.parse_args()
    customers = pd.read_parquet(arguments.file)
    print(customers.groupby("segment")[["visit", "conversion", "spend"]].mean().round(4).to_string())
    print("\n".join(before_launch(42_600, share=0.5, rate=0.106, sd=13.5, effect=0.15).words))

    untouched = customers[customers["segment"].eq(NONE)]
    for arm in ARMS:
        treat = customers[customers["segment"].eq(arm)]
        both = customers[customers["segment"].isin([arm, NONE])].reset_index(drop=True)
        print(f"\n== {arm}: true difference in visits {treat['visit'].mean() - untouched['visit'].mean():.4f}")
        found = measured(both, arm, np.where(both["segment"].eq(arm), "treat", "holdout"))
        print(found.differences.head(4)[["outcome", "estimate", "difference", "lo", "hi"]].round(4).to_string())
        print("\n".join((*found.words, *learn(found.rows).words)))
        for sizes in SIZES:
            for column in ("visit", "spend"):
                shares = coverage(treat, untouched, column, sizes, arguments.resamples)
                print(f"95 % intervals of {column}, {sizes[0]:,} against {sizes[1]:,}, cover: {shares}")
        rankings(both, arm)

    print("\n== placebo: the customers without e-mail, split by a hash")
    halves = groups(untouched["customer_id"], share=0.5, salt="placebo").group
    print("\n".join(measured(untouched, "nothing", halves).words))


if __name__ == "__main__":
    main()

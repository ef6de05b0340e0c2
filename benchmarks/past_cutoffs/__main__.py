"""Run the cases that are missing in a table, and print what all of them say.

    python -m past_cutoffs ../../shared/data grid.csv            # from the folder benchmarks; about half an hour
    python -m past_cutoffs ../../shared/data grid.csv --only growth,young --most 20

Each case fits by default on the orders up to a past cutoff and compares what serves with every single candidate in the
window after it. A row is written when its case is done, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from pathlib import Path

import pandas as pd

from ltvml.errors import LtvmlWarning
from past_cutoffs.cases import REAL, Case, cases, orders_of
from past_cutoffs.figures import figures, outcome_of
from past_cutoffs.summary import summary


def missing(table: Path, only: set[str], data: Path) -> list[Case]:
    """Cases without a row, of the shops that are wanted and there."""
    done = set(pd.read_csv(table)["case"]) if table.exists() else set()
    wanted = [case for case in cases() if case.name not in done and (not only or case.shop in only)]
    return [case for case in wanted if case.shop not in REAL or (data / case.shop).exists()]


def append(table: Path, row: dict[str, float | str]) -> None:
    """Add a row; columns that are new to the table are added to it."""
    rows = [*(pd.read_csv(table).to_dict("records") if table.exists() else []), row]
    pd.DataFrame(rows).to_csv(table, index=False, quoting=csv.QUOTE_MINIMAL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the real shops; those missing are left out")
    parser.add_argument("table", type=Path, help="CSV of one row a case, gone on with where it exists")
    parser.add_argument("--only", default="", help="shops, separated by commas")
    parser.add_argument("--most", type=int, default=1000, help="cases to run now; 0 prints the tables alone")
    given = parser.parse_args()
    # what a shop's data are like is not the question here
    warnings.simplefilter("ignore", LtvmlWarning)
    for case in missing(given.table, {*filter(None, given.only.split(","))}, given.data)[: given.most]:
        row = figures(case, outcome_of(case, orders_of(case, given.data)))
        append(given.table, row)
        print(f"{case.name}: {row['log_loss:serves']:.4f} {row['churn_champion']}, {row['seconds']:.1f} s", flush=True)
    print(summary(pd.read_csv(given.table)))


if __name__ == "__main__":
    main()

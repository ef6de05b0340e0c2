"""The tables that the cases give: by shop and over all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from past_cutoffs.figures import SERVES

# what an outside judge compares: the textbook, the rule of thumb, the learners alone, and the mix
RIVALS = {
    "log_loss": ("bg_nbd", "recency", "logistic", "lightgbm_binary", "mix"),
    "gini": ("closed_form", "past_spend", "lightgbm_tweedie", "lightgbm_two_stage", "mix"),
}


def beside_the_best(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """What serves beside the best rival of each case.

    Returns
    -------
    frame
        `gap`: how much worse than the best rival; `error`: its paired standard error; `best`; `mix_gap`: how much worse
        than the mix.
    """
    sign = 1.0 if measure == "log_loss" else -1.0
    names = [name for name in RIVALS[measure] if f"{measure}:{name}" in rows]
    worse = sign * np.array([rows[f"{measure}:{SERVES}"] - rows[f"{measure}:{name}"] for name in names]).T
    best = np.nanargmax(np.where(np.isfinite(worse), worse, -np.inf), axis=1)
    errors = np.array([rows[f"{measure}_error:{name}"] for name in names]).T
    mix = sign * (rows[f"{measure}:{SERVES}"] - rows[f"{measure}:mix"]) if f"{measure}:mix" in rows else np.nan
    place = np.arange(len(rows))
    return pd.DataFrame(
        {
            "shop": rows["shop"],
            "gap": worse[place, best],
            "error": errors[place, best],
            "best": np.array(names)[best],
            "mix_gap": mix,
        }
    )


def summary(rows: pd.DataFrame) -> str:
    """Tables for a person."""
    return "\n\n".join([_ranking(rows, "log_loss"), _ranking(rows, "gini"), _levels(rows)])


def _ranking(rows: pd.DataFrame, measure: str) -> str:
    gaps = beside_the_best(rows, measure)
    gaps["within"] = gaps["gap"] <= gaps["error"]
    gaps["better"] = gaps["gap"] < 0
    by_shop = gaps.groupby("shop").agg(
        cases=("gap", "size"),
        gap=("gap", "mean"),
        mix_gap=("mix_gap", "mean"),
        within=("within", "mean"),
        better=("better", "mean"),
    )
    # shops count alike, however many cases each has
    total = by_shop.mean().rename("mean of shops")
    table = pd.concat([by_shop, total.to_frame().T, by_shop.max().rename("worst shop").to_frame().T])
    over = f"all cases: within one error {gaps['within'].mean():.2f}, better than all {gaps['better'].mean():.2f}"
    head = f"{measure}: what serves minus the best single candidate of each case (below 0 is better)"
    return f"{head}\n{table.round(4).to_string()}\n{over}; best single: {dict(gaps['best'].value_counts())}"


def _levels(rows: pd.DataFrame) -> str:
    kept = {
        "ece": rows[f"ece:{SERVES}"],
        "level_rms": rows[f"level:{SERVES}"] ** 2,
        "decile_mape": rows[f"decile_mape:{SERVES}"],
        "|bias|": rows[f"bias:{SERVES}"].abs(),
        **{name: rows[name] for name in ("inside", "tenths_inside", "total_inside") if name in rows},
        "seconds": rows["seconds"],
    }
    frame = pd.DataFrame(kept).assign(shop=rows["shop"])
    by_shop = frame.groupby("shop").mean()
    by_shop["level_rms"] **= 0.5
    table = pd.concat([by_shop, by_shop.mean().rename("mean of shops").to_frame().T])
    return f"levels, intervals and cost of what serves\n{table.round(3).to_string()}"

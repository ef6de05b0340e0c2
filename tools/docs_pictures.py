"""Draw the pictures of docs/plots.md from the shop that ships with the package: `python tools/docs_pictures.py`.

It fits, backtests, scores and plans that shop, which takes some minutes; `models`, `backtest`
or `plan` behind it draws the pictures of that group alone.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

import ltvml
from ltvml import plots
from ltvml.datasets import demo_config, online_retail, online_retail_lines, online_retail_products
from ltvml.outreach.customers.stages import STAGES
from ltvml.plots.figures import figure_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
CUTOFF, DAYS, BEFORE = "2011-09-10", 90, "2011-08-10"
DPI, COLOURS = 80, 160
NAMED = (
    "models.churn=closed_form",
    "models.value=purchase_times_spend",
    "models.replenishment=gamma_renewal",
    "cohorts.by=quarter",
)


def main(groups: Iterable[str]) -> None:
    """Draw the pictures of some groups."""
    PICTURES.mkdir(exist_ok=True)
    for group in groups:
        with tempfile.TemporaryDirectory() as folder:
            for name, axes in GROUPS[group](Path(folder)):
                write(axes, PICTURES / f"{name}.png")


def write(axes: Axes, path: Path) -> None:
    """A small file: few colours are enough for a plot."""
    drawn = io.BytesIO()
    figure_of(axes).savefig(drawn, dpi=DPI)
    Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def of_models(folder: Path) -> Iterator[tuple[str, Axes]]:
    """Of one closed form, fitted on what was known at the cutoff."""
    orders = online_retail_lines()
    orders = orders[~orders.is_adjustment & ~orders.is_non_product & (orders.amount > 0)]
    day = orders["order_date"].dt.normalize()
    X = ltvml.customer_summary(orders, CUTOFF)
    model = ltvml.MBGNBD().fit(X)
    yield "weekly_tracking", plots.weekly_tracking(model, orders, cutoff=CUTOFF)
    yield "cumulative_tracking", plots.cumulative_tracking(model, orders, cutoff=CUTOFF)
    after = orders[(day > CUTOFF) & (day <= pd.Timestamp(CUTOFF) + pd.Timedelta(days=DAYS))]
    came = after.assign(day=day).groupby("customer_id")["day"].nunique()
    held_out = X["customer_id"].map(came).fillna(0)
    yield "held_out_plot", plots.held_out_plot(model, X, held_out, horizon=DAYS)
    yield "purchase_counts_plot", plots.purchase_counts_plot(model, X)
    days = pd.DataFrame({"customer": orders["customer_id"], "day": day})[day <= CUTOFF].drop_duplicates()
    gaps = days.sort_values("day").groupby("customer")["day"].diff().dt.days.dropna()
    yield "gaps_plot", plots.gaps_plot(model, X, gaps)
    yield "alive_by_history", plots.alive_by_history(model, age=365, most=20)
    yield "purchases_by_history", plots.purchases_by_history(model, horizon=365, age=365, most=20)
    yield "likelihood_contours", plots.likelihood_contours(model, X, ("r", "alpha"))
    customer = X.loc[(X["frequency"] == 12).idxmax(), "customer_id"]
    bought = days.loc[days["customer"] == customer, "day"]
    yield "alive_path", plots.alive_path(model, bought, until=CUTOFF, customer=customer)


def shop(folder: Path, *more: str) -> ltvml.Config:
    """The configuration of the shop."""
    given = [
        f"transactions.source={online_retail()}",
        f"products.source={online_retail_products()}",
        f"output.dir={folder}",
        "tracking.backend=none",
    ]
    return ltvml.load_config(demo_config(), [*given, *more])


def of_backtest(folder: Path) -> Iterator[tuple[str, Axes]]:
    """Of a backtest of 90 days."""
    tested = ltvml.backtest(shop(folder, "window.ltv_horizon=90"))
    churn, value = tested.backtests
    yield "reliability", plots.reliability(churn)
    yield "leaderboard_plot", plots.leaderboard_plot(churn)
    yield "gain_curve", plots.gain_curve(value)
    yield "decile_calibration", plots.decile_calibration(value, currency="GBP")
    assert tested.items.backtest is not None
    yield "status_rates", plots.status_rates(tested.items.backtest.statuses)
    yield "replenishment_curve", plots.replenishment_curve(tested.items, tested.items.fitted.items()["item"].iloc[0])


def of_plan(folder: Path) -> Iterator[tuple[str, Axes]]:
    """Of cohorts, scores and two plans of one model."""
    then, now = (shop(folder, *NAMED, f"window.cutoff={day}") for day in (BEFORE, CUTOFF))
    season = ltvml.fit(then).bundle.record.season
    yield "season_curve", plots.season_curve(season.index, words=season.reason)
    for config in (then, now):
        scored, plan = ltvml.score(config), ltvml.plan_outreach(config)
    cohorts = ltvml.cohorts(now)
    yield "cohort_map", plots.cohort_map(cohorts)
    yield "value_curves", plots.value_curves(cohorts)
    yield "time_to_second_order", plots.time_to_second_order(cohorts)
    yield "ladder_plot", plots.ladder_plot(plan.tables.ladder)
    yield "stage_flow", plots.stage_flow(plan.moves, STAGES, before=BEFORE, after=CUTOFF)
    due = pd.read_parquet(scored.folder / "replenishment.parquet")
    bought = online_retail_lines().query("~is_adjustment & ~is_non_product & amount > 0")
    bought = bought.rename(columns={"category": "item"})
    shown = due[due["stock_status"] == "about_to_replenish"].sample(8, random_state=0).sort_values("replenishment_date")
    yield "household_timelines", plots.household_timelines(bought, shown, cutoff=CUTOFF)
    reminded = plan.plan[(plan.plan["action"] == "replenishment_reminder") & plan.plan["suppressed_by"].isna()]
    customer = reminded["customer_id"].iloc[0]
    yield "customer_story", plots.customer_story(customer, bought, due, plan.plan, cutoff=CUTOFF)


GROUPS = {"models": of_models, "backtest": of_backtest, "plan": of_plan}

if __name__ == "__main__":
    main(sys.argv[1:] or GROUPS)

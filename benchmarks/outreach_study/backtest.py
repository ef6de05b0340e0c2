"""Rankings for contacts at a past cutoff: what those contacted first went on to spend, and what stages tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.backtesting.item_role import item_column
from ltvml.features.behaviour import days_as_of
from ltvml.features.items.days import item_days
from ltvml.features.outcomes import outcomes
from ltvml.features.plan.breadth import Purchases, breadth_outcomes
from ltvml.features.returns import customer_days
from ltvml.features.split import held_out, seen
from ltvml.inputs.orders import Intake, read_orders
from ltvml.inputs.tables.products import contents_of
from ltvml.outputs.scores import read_scores
from ltvml.outreach.actions import windows
from ltvml.outreach.experiment.effect_by_chance import EffectByChance, learn_by_chance
from ltvml.outreach.priority import expected_value
from ltvml.progress import Progress, Steps
from ltvml.window import date_of
from ltvml.words.text import number, paragraph, table
from ltvml.workflows.plan_tables.gather import gather
from ltvml.workflows.score import as_fitted, bundle_of
from outreach_study.rankings import (
    EXPECTED_VALUE,
    SHARES,
    SINGLE_SCORES,
    USUAL_EFFECT,
    captured,
    first_of,
    rival_scores,
)
from outreach_study.regimes import REGIMES, TRUTHS, Regime, simulate_regime, simulate_trial
from outreach_study.separation import OUTCOMES, Separation, separation

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    import narwhals as nw

    from ltvml.arrays import Array
    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.window import Window

CAVEAT = (
    "Without an experiment nobody knows what a contact causes. This is what the customers contacted first went on to "
    "spend, most of which comes anyway: a ranking by value finds it best, and that is no reason to contact them."
)


@dataclass(frozen=True, eq=False)
class RankingComparison:
    """Rankings at a past cutoff.

    Parameters
    ----------
    cutoff : date
    horizon : int
        Days after it that were looked at.
    rankings : frame
        As `rankings.captured` gives it, the value being net spend in the horizon.
    separation : Separation
        Of the stages at the cutoff.
    """

    cutoff: dt.date
    horizon: int
    rankings: pd.DataFrame
    separation: Separation

    @property
    def words(self) -> tuple[str, ...]:
        """How to read it."""
        return (CAVEAT, self.separation.words)

    def text(self) -> str:
        """In words and tables, within 80 columns."""
        header = ["contacted", "ranking", "contacts", "bought", "spent a contact", "of all spent"]
        rows = [
            [
                f"{row['share']:.0%}",
                row["ranking"].replace("_", " "),
                f"{row['contacts']:,}",
                f"{row['bought']:.0%}",
                number(row["value_per_contact"]),
                f"{row['share_of_value']:.1%}",
            ]
            for row in self.rankings.to_dict("records")
        ]
        start = f"Cutoff {self.cutoff}, the {self.horizon} days after it"
        return "\n\n".join([start, table(header, rows, left=2), *map(paragraph, self.words)])


def compare_rankings(
    config: Config,
    *,
    model: str | Path | Bundle | None = None,
    transactions: Any = None,
    horizon: int | None = None,
    shares: Sequence[float] = SHARES,
    effect: float = USUAL_EFFECT,
    progress: Progress | None = None,
) -> RankingComparison:
    """Compare ranking by the expected value of a contact with ranking by value, by churn risk and by value at risk.

    Parameters
    ----------
    config : Config
        At a past cutoff, where `fit` and `score` have run.
    model : str, Path or Bundle, optional
        The bundle that made the scores; that of the last fit by default.
    transactions : frame, optional
        In place of `transactions.source`; the orders go on for `horizon` days after the cutoff.
    horizon : int, optional
        Days after the cutoff; the churn horizon by default.
    shares : sequence of float
        Of the customers, contacted.
    effect : float
        Assumed shift on the logit of the chance to buy within the shortest window of the actions.
    progress : callable, optional

    Returns
    -------
    RankingComparison

    Raises
    ------
    ConfigError
        If there are no scores at the cutoff.

    Warns
    -----
    DataWarning
        If the orders end before the horizon does.
    """
    steps = Steps(progress)
    bundle = bundle_of(config, model)
    config, bundle = as_fitted(config, bundle)
    intake = read_orders(config.orders, config.window, transactions, steps)
    horizon = horizon or intake.window.churn_horizon
    with steps.step("gather"):
        customers = _customers(config, bundle, intake)
    with steps.step("look ahead"):
        truth = _truth(config, transactions, intake.window, horizon)
    known = customers.merge(truth, on="customer_id", how="left", validate="one_to_one")
    happened = pd.DataFrame({"value": known["spend"], "bought": known["repeat"]})
    return RankingComparison(
        cutoff=intake.window.cutoff,
        horizon=horizon,
        rankings=captured(known["customer_id"], rival_scores(known, effect=effect), happened, shares=shares),
        separation=separation(known, outcomes=tuple(name for name in OUTCOMES if known[name].notna().any())),
    )


def _customers(config: Config, bundle: Bundle, intake: Intake) -> pd.DataFrame:
    """Scores, chances and stages, as a plan at the cutoff reads them."""
    out = Path(config.output.dir)
    scores = read_scores(out / "scores" / config.cutoff.isoformat(), config.cutoff)
    found = gather(config, bundle, intake, scores, folder=out / "outreach").customers
    days = windows(config.outreach.actions_table())[0]
    names = {f"{what}_{days}": what for what in ("p_buy", "value_gain")}
    return found.rename(columns=names)


def _truth(config: Config, transactions: Any, window: Window, horizon: int) -> pd.DataFrame:
    """customer_id, spend, repeat and cross_category of everybody seen at the cutoff, in the horizon after it."""
    until = window.cutoff_day + horizon
    ends = config.window.model_copy(update={"cutoff": date_of(until)})
    later = read_orders(config.orders, ends, transactions, Steps())
    known, came = (
        _purchases(config, later, seen(later.lines, window)),
        _purchases(config, later, held_out(later.lines, window, horizon)),
    )
    returns, decimals = later.ledger.has_returns, config.value.decimals
    days = days_as_of(later.lines, window, has_returns=returns)
    spent = outcomes(later.lines, days, window, horizon, until=until, has_returns=returns, decimals=decimals)
    bought = breadth_outcomes(known, came, window, horizon, until=until)
    collect = later.engine.collect
    return collect(spent.select("customer_id", "spend")).merge(collect(bought), on="customer_id", validate="one_to_one")


def _purchases(config: Config, intake: Intake, lines: nw.LazyFrame[Any]) -> Purchases:
    """Days and items of some of the lines, netted by themselves."""
    returns = intake.ledger.has_returns
    days = intake.engine.keep(customer_days(lines, has_returns=returns))
    column, _ = item_column(config, lines.collect_schema().names())
    if column is None:
        return Purchases(days)
    contents = contents_of(config.products)
    inside = None if contents is None else intake.engine.table(contents)
    return Purchases(days, intake.engine.keep(item_days(lines, column, contents=inside, has_returns=returns)))


def compare_in_regimes(
    customers: int = 40_000,
    *,
    shares: Sequence[float] = SHARES,
    cost: float = 0.1,
    effect: float = USUAL_EFFECT,
    random_state: int = 0,
) -> pd.DataFrame:
    """The same rankings in simulated shops, where what a contact brings is known.

    Parameters
    ----------
    customers : int
        Of each shop of `outreach_study.regimes`.
    shares : sequence of float
        Of the customers, contacted.
    cost : float
        Money a contact.
    effect : float
        The assumption; `measured` learns from a campaign on half of the customers of such a shop.
    random_state : int

    Returns
    -------
    frame
        One row a truth, regime, share and ranking: truth (what an extra order brings), regime, share, ranking,
        contacts, gain_per_contact (money brought less the cost, over the contacts that the share allows), of_best
        (over what who knows the effects and the truth gets; nobody is contacted by that one, or by a ranking by
        expected value, whose gain is below the cost). `expected_value` and `measured` credit the order alone, as a plan
        does by default; `lifetime_value` credits the whole lifetime difference.
    """
    rows = []
    for place, name in enumerate(REGIMES):
        shop = simulate_regime(name, customers, random_state=np.random.default_rng([random_state, place]))
        scores = _rankings_of(shop, effect, random_state)
        for truth in TRUTHS:
            found = _captured(shop.gain(truth) - cost, shop, scores, shares, cost)
            rows += [{"truth": truth, "regime": name} | row for row in found]
    return pd.DataFrame(rows)


def _rankings_of(shop: Regime, effect: float, random_state: int) -> dict[str, Array]:
    """Each ranking's score: expected value by either gain, by measured effects, and the single scores."""
    by_order = shop.customers.assign(value_gain=shop.customers["order_value"])
    by_lifetime = rival_scores(shop.customers, effect=effect)[EXPECTED_VALUE]
    measured = {"lifetime_value": by_lifetime, "measured": _by_measured(shop, random_state)}
    return rival_scores(by_order, effect=effect) | measured


def _captured(
    net: Array, shop: Regime, scores: Mapping[str, Array], shares: Sequence[float], cost: float
) -> Iterator[dict[str, Any]]:
    """What each ranking's first contacts bring, one row a share and ranking."""
    for share in shares:
        contacts = int(share * len(net))
        best = float(np.sort(net)[::-1][:contacts].clip(min=0).sum())
        for ranking, score in scores.items():
            first = first_of(score, shop.customers["customer_id"], contacts)
            worth = np.ones(contacts, bool) if ranking in SINGLE_SCORES else score[first] > cost
            gain = float(net[first][worth].sum())
            row = {"share": share, "ranking": ranking, "contacts": int(worth.sum())}
            yield row | {"gain_per_contact": gain / contacts, "of_best": gain / best}


def _by_measured(shop: Regime, random_state: int) -> Array:
    """Expected value of the order before the cost, by the effect that a campaign on half of the customers measured."""
    trial = simulate_trial(shop, share=0.5, random_state=np.random.default_rng([random_state, len(REGIMES)]))
    chance, gain = (shop.customers[name].to_numpy(dtype="float64") for name in ("p_buy", "order_value"))
    curve = learn_by_chance(chance, treated=trial.treated, bought=trial.bought)
    assert isinstance(curve, EffectByChance), "a campaign of this size measures some group"
    return expected_value(chance, curve.at(chance), gain, 0.0)

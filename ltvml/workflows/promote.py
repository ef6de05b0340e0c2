"""Promote: champion against challenger on the same past windows; the challenger serves where it is not worse.

No model is judged on orders that it was fitted on. At each past cutoff t a bundle that was fitted at t or earlier is
taken as it is; of one that was fitted later its recipe is fitted anew on the orders up to t. See docs/adr/0024.
"""

from __future__ import annotations

import getpass
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.backtesting.backtest import Backtester, history_of
from ltvml.backtesting.origins import backtest_origins, judged_horizon
from ltvml.bundle.bundle import Bundle
from ltvml.config import Config
from ltvml.errors import BundleError, ConfigError, LtvmlWarning, TrackingError
from ltvml.evaluation.same_shop import LEAST_SHARED, first_orders, shared_customers
from ltvml.evaluation.succession import CHALLENGER, CHAMPION, Succession, succession
from ltvml.inputs.orders import read_orders
from ltvml.outputs.champion import (
    NEWEST,
    Promotion,
    named_folder,
    now,
    promote_folder,
    promotion_of,
    roll_back,
    standing_of,
)
from ltvml.progress import Progress, Steps
from ltvml.reports.promote import PromotionReport
from ltvml.reports.recording import Recorded
from ltvml.run_directory import alone_on, manifest_of
from ltvml.scratch import scratch_folder
from ltvml.threads import at_most
from ltvml.tracking.choose import tracker_for
from ltvml.window import date_of, day_number
from ltvml.words.text import percent
from ltvml.workflows.fit import fitted_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltvml.backtesting.history import History
    from ltvml.evaluation.selection import Fold, Role

RECIPE = ("models", "fast", "season", "value", "backtest", "search", "random_state")
"""Sections that say how a bundle is fitted; the others say which orders are read."""
MOST_WINDOWS = 2
"""Past windows: each may take a fit of either model."""
ROLES: tuple[Role, ...] = ("repurchase", "value")
FIRST = "The first model that was promoted here: there was none to compare it with."
NOT_WORSE = "The challenger was not worse than the champion on the same past windows."


@dataclass(frozen=True)
class Contender:
    """A model of the comparison: its bundle, its folder, and how it was fitted.

    Parameters
    ----------
    bundle : Bundle
    folder : Path
    recipe : Config or None
        None where the folder has no record of it, as in a fetched bundle.
    first_orders : mapping of str to int
        Customers by month of first order as of its fit; empty where there is no record.
    """

    bundle: Bundle
    folder: Path
    recipe: Config | None
    first_orders: Mapping[str, int]

    @classmethod
    def of(cls, folder: Path, config: Config) -> Contender:
        """Read a bundle and the record of its fit."""
        bundle, manifest = Bundle.load(folder), manifest_of(folder)
        return cls(bundle, folder, _recipe(manifest.get("config"), config), manifest.get("first_orders", {}))


def promote(
    config: Config,
    *,
    model: str | Path | None = None,
    force: bool = False,
    reason: str | None = None,
    who: str | None = None,
    transactions: Any = None,
    progress: Progress | None = None,
) -> PromotionReport:
    """Compare the challenger with the champion, and let it serve where it is not worse.

    Parameters
    ----------
    config : Config
        Its cutoff is the last day of the orders that the comparison may use.
    model : str or Path, optional
        The challenger: a bundle folder, `models:/name@alias` or `runs:/id`; the last fit of `output.dir` by default.
        `champion` promotes nothing, and moves an alias that was left behind to the model that serves.
    force : bool
        Promote it whatever the comparison says; needs a reason. A model of another shop is refused all the same.
    reason : str, optional
        A sentence for the record.
    who : str, optional
        For the record; the user of the system by default.
    transactions : frame, optional
        In place of `transactions.source`.
    progress : callable, optional

    Returns
    -------
    PromotionReport

    Raises
    ------
    ConfigError
        If there is nothing to promote, the reason is missing, or the cutoff is before a fit.
    BundleError
        If the challenger was fitted on another shop.
    LtvmlError
        See `ltvml.errors`; nothing is half written.
    """
    if force and not (reason or "").strip():
        raise ConfigError("--force without a reason; expected one for the record.", hint='--reason "..."')
    results = Path(config.output.dir)
    steps = Steps(progress)
    with ExitStack() as held:
        held.enter_context(alone_on(results / CHAMPION, command="ltvml promote", wait=config.output.wait))
        held.enter_context(at_most(config.engine.threads))
        source = _challenger(config, results, model, held)
        record = Promotion("", who or user(), now(), (reason or "").strip() or NOT_WORSE, forced=force)
        report = _promote(config, results, source, record, transactions, steps)
    return _recorded(report, config)


def rollback(config: Config, *, reason: str | None = None, who: str | None = None) -> PromotionReport:
    """Bring back the champion before this one, without a comparison.

    Raises
    ------
    ConfigError
        If there is no champion, or none before it is kept.
    """
    results = Path(config.output.dir)
    with alone_on(results / CHAMPION, command="ltvml promote --rollback", wait=config.output.wait):
        why = (reason or "").strip() or "Rolled back."
        promotion = roll_back(results, who=who or user(), why=why)
        words = (f"Rolled back from {promotion.comparison['rolled_back_from']} to {promotion.version}.",)
        report = PromotionReport(True, promotion, standing_of(results), (), words)
    return _recorded(report, config)


def user() -> str:
    """The user of the system; a container may have none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _promote(
    config: Config, results: Path, source: Path, record: Promotion, transactions: Any, steps: Steps
) -> PromotionReport:
    standing = standing_of(results)
    challenger = Contender.of(source, config)
    record = replace(record, version=challenger.bundle.version)
    if standing.lost and not record.forced:
        raise BundleError(f"{results / CHAMPION} cannot be compared with.", hint=standing.words)
    if standing.champion is None:
        first = replace(
            record, why=record.why if record.why != NOT_WORSE else "The first model that was promoted here."
        )
        return _moved(results, source, first, (), ())
    if standing.champion == record.version:
        # an alias that was not moved, by a run that was killed or a registry that was away, is moved now
        standing_record = promotion_of(results / CHAMPION)
        return PromotionReport(False, standing_record, standing, (), (f"The champion is {record.version} already.",))
    champion = Contender.of(results / CHAMPION, config)
    found, words = compared(config, champion, challenger, transactions, steps)
    worse = [one for one in found if one.worse]
    record = replace(record, comparison={"roles": [one.to_dict() for one in found], "words": list(words)})
    if record.forced or (found and not worse):
        return _moved(results, source, record, found, words)
    kept = "is worse" if worse else "could not be compared"
    said = f"The challenger {kept}: the champion serves on. To promote it all the same: --force --reason."
    return PromotionReport(False, None, standing, found, (*words, said))


def _moved(
    results: Path, source: Path, record: Promotion, found: tuple[Succession, ...], words: tuple[str, ...]
) -> PromotionReport:
    promotion = promote_folder(results, source, record)
    return PromotionReport(True, promotion, standing_of(results), found, words)


def _challenger(config: Config, results: Path, model: str | Path | None, held: ExitStack) -> Path:
    """The folder of the challenger, fetched where it lies in a tracker."""
    if model is None:
        if standing_of(results).newest is None:
            raise ConfigError(f"{results / NEWEST} holds no fit to promote.", hint="run `ltvml fit` first.")
        return results / NEWEST
    if str(model) in (CHAMPION, CHALLENGER):
        return named_folder(results, str(model))
    if not str(model).startswith(("models:/", "runs:/")):
        return Path(model)
    tracker = tracker_for(config.tracking.backend, experiment=config.tracking.experiment, folder=results.absolute())
    return tracker.fetch(str(model), held.enter_context(scratch_folder()))


def compared(
    config: Config, champion: Contender, challenger: Contender, transactions: Any, steps: Steps
) -> tuple[tuple[Succession, ...], tuple[str, ...]]:
    """The challenger beside the champion by role, and what was done, in words; no role where nothing could be compared.

    Raises
    ------
    BundleError
        If the challenger is of another shop.
    ConfigError
        If the cutoff is before that of a fit.
    """
    refuse_other_currency(champion.bundle, challenger.bundle)
    refuse_earlier_cutoff(config, champion, challenger)
    intake = read_orders(config.orders, config.window, transactions, steps)
    history = history_of(config, intake)
    refuse_other_shop(champion, challenger, first_orders(history.patterns(history.cutoff_day), history.cutoff_day))
    days = champion.bundle.fitted_window.churn_horizon
    horizon = judged_horizon(history.cutoff_day, history.first_day, days)
    origins = backtest_origins(history.cutoff_day, history.first_day, horizon)[:MOST_WINDOWS]
    backtester = Backtester(
        history,
        steps,
        random_state=config.random_state,
        search_trials=0,
        longest_silence=config.backtest.longest_silence,
    )
    contenders = {CHAMPION: champion, CHALLENGER: challenger}
    folds: list[dict[str, Fold]] = []
    how: list[str] = []
    for origin in origins:
        if (fold := backtester.outcome(origin, horizon)) is None:
            continue
        bundles = {name: _as_of(one, origin, config, transactions, steps) for name, one in contenders.items()}
        with steps.step("compare"):
            folds.append(_predicted(fold, history, bundles))
        how.append(_how(origin, horizon, contenders))
    found = [succession([fold[role] for fold in folds if role in fold], role) for role in ROLES]
    roles = tuple(one for one in found if one is not None)
    if not roles:
        return (), (
            f"There is no past window of {horizon} days with enough history before it on which both can be compared.",
        )
    return roles, (*how, *(one.words for one in roles))


def refuse_other_currency(champion: Bundle, challenger: Bundle) -> None:
    """Refuse a challenger that counts other money.

    Raises
    ------
    BundleError
    """
    ours, theirs = champion.money.currency, challenger.money.currency
    if ours != theirs and None not in (ours, theirs):
        raise BundleError(
            f"the challenger {challenger.version} counts money in {theirs}; expected {ours}, as the champion "
            f"{champion.version} does: it was fitted on another shop.",
            hint="give each shop its own output.dir.",
        )


def refuse_earlier_cutoff(config: Config, *contenders: Contender) -> None:
    """Refuse orders that end before one of the fits: the record of another shop could not be told from a cut file.

    Raises
    ------
    ConfigError
    """
    for one in contenders:
        if one.bundle.window.cutoff_day > day_number(config.cutoff):
            raise ConfigError(
                f"window.cutoff {config.cutoff} is before that of the bundle {one.bundle.version}, "
                f"{one.bundle.window.cutoff}; expected that day or later.",
                hint="--cutoff names the last day of the orders to compare on.",
            )


def refuse_other_shop(champion: Contender, challenger: Contender, seen: Mapping[str, int]) -> None:
    """Refuse a challenger whose customers are not those of the champion, or of the orders.

    Raises
    ------
    BundleError
    """
    for name, other in (("the champion", champion.first_orders), ("the orders", seen)):
        share = shared_customers(challenger.first_orders, other)
        if share < LEAST_SHARED:
            raise BundleError(
                f"the challenger {challenger.bundle.version} was fitted on another shop: counted by month of first "
                f"order, {percent(share)} of its customers are those of {name}; expected at least "
                f"{percent(LEAST_SHARED)}.",
                hint="give each shop its own output.dir, or check transactions.source.",
            )


def _recipe(kept: Any, config: Config) -> Config | None:
    """The configuration that a bundle was fitted with, on the orders of the configuration at hand."""
    if not isinstance(kept, dict):
        return None
    sections = {name: kept[name] for name in RECIPE if name in kept}
    # a horizon of `auto` is that of the bundle, which is set where it is fitted again
    return Config.model_validate(config.model_dump(mode="json", exclude_unset=True) | sections)


def _as_of(contender: Contender, origin: int, config: Config, transactions: Any, steps: Steps) -> Bundle:
    """The bundle, if it was fitted by then; else what its recipe gives on the orders up to then."""
    bundle = contender.bundle
    if bundle.window.cutoff_day <= origin:
        return bundle
    window = bundle.fitted_window
    asked = {"cutoff": date_of(origin), "churn_horizon": window.churn_horizon, "ltv_horizon": window.ltv_horizon}
    recipe = contender.recipe or config
    given = recipe.window.model_validate(asked | {"horizons": window.horizons})
    return fitted_quietly(recipe.model_copy(update={"window": given}), transactions, steps)


def fitted_quietly(config: Config, transactions: Any, steps: Steps) -> Bundle:
    """A fit for a comparison, whose warnings are those of the past and no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LtvmlWarning)
        return fitted_at(config, transactions, steps)


def _predicted(fold: Fold, history: History, bundles: Mapping[str, Bundle]) -> dict[str, Fold]:
    """What both models say at one past cutoff, by role; a role that one of them withholds is left out."""
    rows, horizon = history.rows(fold.origin), fold.horizon
    said: dict[str, dict[str, Any]] = {role: {} for role in ROLES}
    for name, bundle in bundles.items():
        asked = bundle.for_horizons(churn_horizon=horizon, ltv_horizon=horizon, horizons=())
        said["repurchase"][name] = 1 - asked.score(rows)["churn_risk"].to_numpy(dtype=float)
        said["value"][name] = asked.future(rows, [horizon])[f"revenue_{horizon}"].to_numpy(dtype=float)
    known = {role: ends for role, ends in said.items() if all(np.isfinite(values).all() for values in ends.values())}
    return {role: replace(fold, predictions=ends) for role, ends in known.items()}


def _how(origin: int, horizon: int, contenders: Mapping[str, Contender]) -> str:
    """How a window was judged."""
    day = date_of(origin)
    again = [name for name, one in contenders.items() if one.bundle.window.cutoff_day > origin]
    without = [name for name in again if contenders[name].recipe is None]
    fitted = f"; fitted again on the orders up to then: {' and '.join(again)}" if again else "; both as they are"
    lacking = f" ({' and '.join(without)} with the settings of today, for want of a record)" if without else ""
    return f"Window of {horizon} days after {day}{fitted}{lacking}."


def _recorded(report: PromotionReport, config: Config) -> PromotionReport:
    """Move the alias of the registry to the model that serves; one that cannot be moved is told after the folder."""
    if report.promotion is None:
        return report
    promotion, folder = report.promotion, Path(config.output.dir).absolute()
    tags = {
        "promoted_by": promotion.who,
        "promoted_at": promotion.when,
        "promoted_why": promotion.why,
        "promoted_before": promotion.before or "none",
    }
    try:
        tracker = tracker_for(config.tracking.backend, experiment=config.tracking.experiment, folder=folder)
        moved = tracker.promote(promotion.version, tags)
    except TrackingError as error:
        warnings.warn(
            LtvmlWarning(f"the model serves from {folder / CHAMPION}, but its alias was not moved: {error}"),
            stacklevel=3,
        )
        return replace(report, recorded=Recorded(error=error))
    return replace(report, alias=None if moved is None else moved.model_uri)

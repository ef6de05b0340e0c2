"""The model of each role: the one that the configuration names, or the champion of the backtest."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from ltvml.backtesting.candidates import Candidates
from ltvml.bundle.customer_scores import Roles
from ltvml.config import AUTO
from ltvml.config.sections import CLOSED_FORM, ModelChoice
from ltvml.errors import DataContractError
from ltvml.models import registry
from ltvml.models.plugin import fit_plugin
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.window import daily_discount_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ltvml.backtesting.history import History
    from ltvml.backtesting.served_value import ServedValue
    from ltvml.config import Config
    from ltvml.evaluation.selection import Role, Selection
    from ltvml.models.base import RepurchaseModel, SpendModel, ValueModel
    from ltvml.models.snapshots import Snapshots


def fit_roles(
    config: Config, history: History, selections: Mapping[Role, Selection], served: ServedValue | None = None
) -> Roles:
    """Fit the model of each role on everything seen.

    Parameters
    ----------
    config : Config
    history : History
    selections : mapping
        What the backtest chose for each role that the configuration leaves to `auto`.
    served : ServedValue, optional
        What serves for value, where it is left to `auto`; the champion as it is where absent.

    Raises
    ------
    DataContractError
        If a named learner has nothing to learn from.
    """
    purchase = history.closed_form(history.cutoff_day).purchase
    spend = spend_model(history)
    champions = {role: selection.champion for role, selection in selections.items()}

    # what churn and value both read is trained once where their horizons agree
    @cache
    def candidates(given: int) -> Candidates:
        return candidates_at_cutoff(config, history, given)

    return Roles(
        purchase=purchase,
        repurchase=repurchase_model(config, history, selections.get("repurchase"), candidates),
        spend=spend,
        value=value_model(config, history, champions, spend, served, candidates),
    )


def spend_model(history: History) -> SpendModel:
    """The spend model of the configuration, fitted to spend patterns; Gamma-Gamma on all orders where none is named."""
    return history.closed_form(history.cutoff_day).spend_all


def repurchase_model(
    config: Config,
    history: History,
    selection: Selection | None,
    candidates: Callable[[int], Candidates] | None = None,
) -> RepurchaseModel:
    """Who comes back: what the backtest chose, a named learner, or the curve of a purchase model."""
    choice, given = config.models.churn, history.intake.window.churn_horizon
    if choice.name == AUTO:
        assert selection is not None
        assert candidates is not None
        trained = candidates(given)
        trained.stack_weights = selection.weights
        present = history.customers(history.cutoff_day)
        return trained.serving(selection.champion, selection.default, present=present, horizon=given)
    if choice.name == CLOSED_FORM:
        return history.closed_form(history.cutoff_day).purchase
    if choice.name in registry.names("purchase"):
        patterns, clock = history.patterns(history.cutoff_day), history.closed_form(history.cutoff_day).purchase.clock
        return InOperationalTime(_make("purchase", choice), clock).fit(patterns, patterns["count"])
    if choice.name in registry.plugins("repurchase"):
        return cast("RepurchaseModel", _named_plugin("repurchase", config, history, given))
    return cast("RepurchaseModel", _make("repurchase", choice).fit(training(history, given, choice)))


def value_model(
    config: Config,
    history: History,
    champions: Mapping[Role, str],
    spend: SpendModel,
    served: ServedValue | None = None,
    candidates: Callable[[int], Candidates] | None = None,
) -> ValueModel:
    """What they will spend: what the backtest calls for, a named model, or the purchase model times the spend model."""
    choice, given = config.models.value, history.intake.window.ltv_horizon
    rate = daily_discount_rate(config.value.annual_discount_rate)
    if choice.name == AUTO:
        assert candidates is not None
        trained = candidates(given).value()
        champion = trained[champions["value"]]()
        if served is None or served.as_it_is:
            return champion
        return served.model(champion, trained[served.default](), history.customers(history.cutoff_day), given)
    if choice.name == PurchaseTimesSpend.name:
        return PurchaseTimesSpend(history.closed_form(history.cutoff_day).purchase, spend, rate)
    if choice.name in registry.plugins("value"):
        return cast("ValueModel", _named_plugin("value", config, history, given))
    model = _make("value", choice)
    if "discount_rate" in model.get_params():
        model = _make("value", choice, discount_rate=rate)
        return cast("ValueModel", model.fit(training(history, given, choice)))
    return cast("ValueModel", model)


def candidates_at_cutoff(config: Config, history: History, given: int) -> Candidates:
    """The candidates of the fit itself, which has seen everything up to the cutoff."""
    return Candidates.at(
        history,
        history.cutoff_day,
        given,
        discount_rate=daily_discount_rate(config.value.annual_discount_rate),
        random_state=config.random_state,
        search_trials=config.search.trials,
    )


def training(history: History, given: int, choice: ModelChoice) -> Snapshots:
    """Snapshots for a learner that the configuration names.

    Raises
    ------
    DataContractError
        If no label window has closed.
    """
    snapshots = history.snapshots(history.cutoff_day, given)
    if snapshots is None:
        raise DataContractError(
            f"'{choice.name}' is trained on past outcomes, but no window has closed within the "
            f"{history.cutoff_day - history.first_day} days of orders.",
            hint="leave the choice to auto, or name a closed form such as bg_nbd.",
        )
    return snapshots


def _named_plugin(role: str, config: Config, history: History, given: int) -> Any:
    """A model of another package that the configuration names."""
    choice = config.models.churn if role == "repurchase" else config.models.value
    offered = {
        "discount_rate": daily_discount_rate(config.value.annual_discount_rate),
        "random_state": config.random_state,
    }
    return fit_plugin(role, choice.name, training(history, given, choice), offered=offered, params=choice.params)


def _make(role: str, choice: ModelChoice, **extra: Any) -> Any:
    return registry.make(role, choice.name, **extra | choice.params)

"""Models by role and name: those that ship, in one table, and those that other packages bring by an entry point.

A package adds a model with one line of its own `pyproject.toml`, role and name joined by a dot:

    [project.entry-points."ltvml.models"]
    "repurchase.my_model" = "my_package.my_model:MyModel"

The law of such a model, for the roles `repurchase` and `value`:

- It derives from `ltvml.models.base.RepurchaseModel` or `ValueModel`, and `name` is the name of the entry point.
- `fit(snapshots)` learns from a `ltvml.models.snapshots.Snapshots` and returns the model. `snapshots.X` holds past
  customers as of several past days, `snapshots.buys` and `snapshots.spend` what each did in the `snapshots.horizon`
  days after. An argument of the constructor called `random_state` or `discount_rate` is filled in.
- It predicts by `survival_function(X, times)`, or by `expected_value` and `expected_value_if_silent`, from the columns
  of `contracts.SUMMARY` and `contracts.BEHAVIOUR` alone, and names those it reads in `requires`.
- `learned` declares the fitted attributes by name and kind, so that a bundle keeps them; see `ltvml.models.base.Model`.

`ltvml.models.plugin` checks the predictions. The model may then be named in the configuration (`models.churn` or
`models.value`), is a candidate of `auto` and of the backtest, and is explained like the others. Models of the roles
`purchase`, `spend` and `replenishment` are used where the configuration names them.

A model is imported only when it is made or loaded, so that listing the names loads no library.
"""

from __future__ import annotations

import difflib
import inspect
import sys
import warnings
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ltvml.errors import BundleError, ConfigError, LtvmlWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoint

    from ltvml.models.base import Model

PLUGINS = "ltvml.models"
"""Group of entry points that other packages add models to."""

SHIPPED: Mapping[str, Mapping[str, str]] = {
    "purchase": {
        "bg_bb": "ltvml.models.purchase.bg_bb:BGBB",
        "bg_cnbd": "ltvml.models.purchase.bg_cnbd:BGCNBD",
        "bg_nbd": "ltvml.models.purchase.bg_nbd:BGNBD",
        "lifetimes_bg_nbd": "ltvml.models.purchase.lifetimes_bg_nbd:LifetimesBGNBD",
        "mbg_cnbd": "ltvml.models.purchase.mbg_cnbd:MBGCNBD",
        "mbg_nbd": "ltvml.models.purchase.mbg_nbd:MBGNBD",
        "nbd": "ltvml.models.purchase.nbd:NBD",
        "pareto_nbd": "ltvml.models.purchase.pareto_nbd:ParetoNBD",
    },
    "repurchase": {
        "base_rate": "ltvml.models.repurchase.base_rate:BaseRate",
        "lightgbm_binary": "ltvml.models.repurchase.lightgbm_binary:LightGBMBinary",
        "lightgbm_hazard": "ltvml.models.repurchase.lightgbm_hazard:LightGBMHazard",
        "logistic": "ltvml.models.repurchase.logistic:Logistic",
        "mix": "ltvml.models.repurchase.mix:RepurchaseMix",
        "recency": "ltvml.models.repurchase.recency:Recency",
    },
    "spend": {
        "gamma_gamma": "ltvml.models.spend.gamma_gamma:GammaGamma",
        "mean_order": "ltvml.models.spend.mean_order:MeanOrder",
    },
    "value": {
        "lightgbm_tweedie": "ltvml.models.value.lightgbm_tweedie:LightGBMTweedie",
        "lightgbm_two_stage": "ltvml.models.value.lightgbm_two_stage:LightGBMTwoStage",
        "mix": "ltvml.models.value.mix:ValueMix",
        "past_spend": "ltvml.models.value.past_spend:PastSpend",
    },
    "replenishment": {
        "gamma_renewal": "ltvml.models.replenishment.gamma_renewal:GammaRenewal",
        "household_activity": "ltvml.models.replenishment.household_activity:HouseholdActivity",
        "lightgbm_stacker": "ltvml.models.replenishment.lightgbm_stacker:LightGBMStacker",
        "mean_gap": "ltvml.models.replenishment.usual_gap:MeanGap",
        "poisson_gamma": "ltvml.models.replenishment.usual_gap:PoissonGamma",
        "pooled_median": "ltvml.models.replenishment.usual_gap:PooledMedian",
    },
}
"""Where each model is, by role and name."""

ON_OTHERS: Mapping[str, Mapping[str, str]] = {
    "purchase": {
        "in_operational_time": "ltvml.models.purchase.in_operational_time:InOperationalTime",
        "pooled_groups": "ltvml.models.purchase.pooled:PooledGroups",
        "with_covariates": "ltvml.models.purchase.covariates:WithCovariates",
    },
    "spend": {"spend_with_covariates": "ltvml.models.spend.spend_covariates:SpendWithCovariates"},
    "repurchase": {
        "customer_renewal": "ltvml.models.repurchase.customer_renewal:CustomerRenewal",
        "dated": "ltvml.models.repurchase.dated:Dated",
        "levelled": "ltvml.models.repurchase.levelled:Levelled",
        "stack": "ltvml.models.repurchase.stack:RepurchaseStack",
    },
    "value": {
        "purchase_times_spend": "ltvml.models.value.purchase_times_spend:PurchaseTimesSpend",
        "stretched": "ltvml.models.value.stretched:Stretched",
    },
}
"""Models that are made of fitted ones, or learn from gaps; a name alone cannot make them."""


AROUND: Mapping[str, Mapping[str, str]] = {
    "purchase": {
        "by": "pooled_groups",
        "covariates": "with_covariates",
        "dropout_covariates": "with_covariates",
    },
    "spend": {"covariates": "spend_with_covariates"},
}
"""Arguments of `make` that put a model of `ON_OTHERS` around the named one, by role."""


RESERVED = frozenset(
    {
        "auto",
        "closed_form",
        "closed_form_all_orders",
        "closed_form_without_season",
        *(name for homes in (*SHIPPED.values(), *ON_OTHERS.values()) for name in homes),
    }
)
"""Names that a model of another package cannot have: they mean something in the configuration or on a leaderboard."""


def names(role: str) -> tuple[str, ...]:
    """Names of the models of a role that a name alone can make, in alphabetical order.

    Parameters
    ----------
    role : str
        purchase, repurchase, spend, value or replenishment.

    Raises
    ------
    ConfigError
        If there is no such role.

    Examples
    --------
    >>> names("purchase")
    ('bg_bb', 'bg_cnbd', 'bg_nbd', 'lifetimes_bg_nbd', 'mbg_cnbd', 'mbg_nbd', 'nbd', 'pareto_nbd')
    """
    if role not in SHIPPED:
        raise unknown("role", role, SHIPPED, place="models")
    return tuple(sorted({*SHIPPED[role], *plugins(role)}))


def available(role: str) -> dict[str, str]:
    """First line of the docstring of each of these models, by name; imports them.

    Raises
    ------
    ConfigError
        If there is no such role, or a model of another package cannot be imported.
    """
    return {name: (inspect.getdoc(model_class(role, name)) or "").partition("\n")[0] for name in names(role)}


def model_class(role: str, name: str) -> type[Model]:
    """Import a model.

    Raises
    ------
    ConfigError
        If the role or the name is unknown (the nearest known name is suggested), or a model of another package
        cannot be imported or is no model of that role.
    """
    known = names(role)
    home = SHIPPED[role].get(name) or ON_OTHERS.get(role, {}).get(name)
    if home is not None:
        module, _, attribute = home.partition(":")
        return cast("type[Model]", getattr(import_module(module), attribute))
    if name not in known:
        raise unknown("model", name, known, place=f"role '{role}'")
    return plugin_class(role, name)


def make(role: str, name: str, **params: Any) -> Model:
    """Make an unfitted model.

    Raises
    ------
    ConfigError
        If the role, the name or a parameter is unknown.

    Examples
    --------
    >>> make("purchase", "bg_nbd")
    BGNBD()
    >>> make("purchase", "bg_nbd", covariates=["channel"])
    WithCovariates(model=BGNBD(), covariates=['channel'], dropout_covariates=None)
    """
    if outer := {argument: value for argument, value in params.items() if argument in AROUND.get(role, {})}:
        return _around(role, name, outer, {key: value for key, value in params.items() if key not in outer})
    chosen = model_class(role, name)
    try:
        return chosen(**params)
    except TypeError as error:
        raise ConfigError(
            f"model '{name}' cannot be made with {params}: {error}.",
            hint=f"`{chosen.__name__}` documents its parameters.",
        ) from error


def _around(role: str, name: str, outer: Mapping[str, Any], inner: Mapping[str, Any]) -> Model:
    """The model that some arguments put around another."""
    homes = {AROUND[role][argument] for argument in outer}
    if len(homes) > 1:
        raise ConfigError(
            f"model '{name}' was given {' and '.join(outer)}; expected one of them.",
            hint="a group is held to the whole by `by`; a covariate moves the parameters by `covariates`.",
        )
    chosen: Any = model_class(role, homes.pop())
    try:
        return cast("Model", chosen(make(role, name, **inner), **outer))
    except TypeError as error:
        raise ConfigError(f"model '{name}' cannot be made with {dict(outer)}: {error}.") from error


def load(values: Mapping[str, Any]) -> Model:
    """The fitted model that `to_dict` wrote.

    Raises
    ------
    BundleError
        If no model of that role and name is known, or the format is newer than this ltvml.
    """
    try:
        chosen = model_class(str(values.get("role")), str(values.get("name")))
    except ConfigError as error:
        raise BundleError(
            error.message,
            hint="the bundle may come from a newer ltvml, or need a package of models that is not installed here.",
        ) from error
    return chosen.from_dict(values)


def plugins(role: str) -> dict[str, EntryPoint]:
    """Models of a role that other packages bring, by name.

    Warns
    -----
    LtvmlWarning
        If a package gives its model a name that ltvml keeps for its own: that model is left out.
    """
    # a folder may join the path of a running session, as in a notebook
    found = _entry_points(tuple(sys.path))
    for (of, name), point in found.items():
        if of == role and name in RESERVED:
            warnings.warn(
                LtvmlWarning(
                    f"the model '{name}' of role '{role}' from {point.value} is left out: ltvml keeps that name for "
                    "itself. Rename it in the class and in the entry point."
                ),
                stacklevel=2,
            )
    return {name: point for (of, name), point in found.items() if of == role and name not in RESERVED}


def plugin_class(role: str, name: str) -> type[Model]:
    """Import a model of another package, and check that it is a model of the role that it was announced for.

    Raises
    ------
    ConfigError
        If it is not.
    """
    from ltvml.models.base import Model

    point = plugins(role)[name]
    package = point.dist.name if point.dist is not None else point.module
    found = f"model '{name}' of role '{role}', which the package {package} brings as {point.value},"
    try:
        loaded = point.load()
    except Exception as error:
        raise ConfigError(
            f"{found} cannot be imported: {type(error).__name__}: {error}.",
            hint=f"repair or uninstall {package}, or name another model.",
        ) from error
    if not (inspect.isclass(loaded) and issubclass(loaded, Model)):
        raise ConfigError(f"{found} is no subclass of ltvml.models.base.Model.", hint="see notebook 05_add_a_model.")
    predicted = (getattr(loaded, "role", None), getattr(loaded, "name", None))
    if predicted != (role, name):
        raise ConfigError(
            f"{found} has role '{predicted[0]}' and name '{predicted[1]}'; expected the two of its entry point.",
            hint="set `name` in the class as in the entry point, and derive it from the base class of its role.",
        )
    missing = sorted(getattr(loaded, "__abstractmethods__", ()))
    if not callable(getattr(loaded, "fit", None)):
        missing = ["fit", *missing]
    if missing:
        raise ConfigError(f"{found} lacks the methods {', '.join(missing)}.", hint="see ltvml.models.base.")
    return loaded


def unknown(what: str, name: str, known: Iterable[str], *, place: str) -> ConfigError:
    """The error that names what is there, and the nearest of it."""
    listed = sorted(known)
    near = difflib.get_close_matches(name, listed, n=1, cutoff=0.4)
    return ConfigError(
        f"there is no {what} '{name}' in {place}; expected one of {', '.join(listed)}.",
        hint=f"did you mean '{near[0]}'?" if near else None,
    )


@cache
def _entry_points(path: tuple[str, ...]) -> dict[tuple[str, str], EntryPoint]:
    """Entry points of the group by role and name, in the packages on a search path."""
    from importlib.metadata import distributions

    found: dict[tuple[str, str], EntryPoint] = {}
    for distribution in distributions(path=list(path)):
        for point in distribution.entry_points:
            if point.group == PLUGINS:
                role, _, name = point.name.partition(".")
                found.setdefault((role, name), point)
    return found

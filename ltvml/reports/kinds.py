"""What a fit says of the kinds of customers whose parameters differ: by covariates, or by groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltvml.models.inference import likelihood_ratio
from ltvml.models.purchase.covariates import WithCovariates
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.pooled import PooledGroups
from ltvml.models.spend.spend_covariates import SpendWithCovariates
from ltvml.words.text import number

if TYPE_CHECKING:
    import pandas as pd

    from ltvml.bundle.bundle import Bundle
    from ltvml.models.base import Model

CERTAIN = 0.05
"""Probability by chance below which a difference is named."""
MOST_NAMED = 5


def kind_words(bundle: Bundle) -> list[str]:
    """One sentence for each model with covariates or groups.

    Parameters
    ----------
    bundle : Bundle
    """
    models = {id(model): innermost(model) for model in (bundle.roles.purchase, bundle.roles.spend)}
    words = [_covariate_words(model) for model in models.values()]
    return [*(said for said in words if said), *_group_words(bundle)]


def innermost(model: Model) -> Model:
    """The model on the shop's clock, or the model itself."""
    return model.model if isinstance(model, InOperationalTime) else model


def kind_title(model: Model) -> str:
    """Name of a model with what its parameters depend on."""
    if isinstance(model, WithCovariates | SpendWithCovariates):
        named = dict.fromkeys([*model.covariates, *(getattr(model, "dropout_covariates", None) or ())])
        return f"{model.model.name} with {', '.join(named)}"
    return f"{model.model.name} by {model.by}" if isinstance(model, PooledGroups) else model.name


def _covariate_words(model: Model) -> str:
    if not isinstance(model, WithCovariates | SpendWithCovariates) or not model.effects:
        return ""
    test = likelihood_ratio(model.model, model)
    chance = "below 0.001" if test.p_value < 0.001 else f"{test.p_value:.3f}"
    better = (
        "describe customers better than none" if test.p_value < CERTAIN else "are not better than none beyond chance"
    )
    return (
        f"{kind_title(model)}: the covariates {better} (likelihood ratio {number(test.statistic)}, degrees of "
        f"freedom {test.degrees}, p {chance}); the effects are in parameters.csv"
    )


def differing_groups(bundle: Bundle) -> pd.DataFrame | None:
    """How the groups of a purchase model differ within the churn horizon; None where it has none."""
    model = innermost(bundle.roles.purchase)
    return model.differences(float(bundle.window.churn_horizon)) if isinstance(model, PooledGroups) else None


def _group_words(bundle: Bundle) -> list[str]:
    table = differing_groups(bundle)
    if table is None:
        return []
    bought = table[table["quantity"] == "purchases"]
    apart = bought[bought["differs"]]
    named = ", ".join(
        f"{name} {row.ratio:.2f} times ({row.ratio_lower:.2f} to {row.ratio_upper:.2f})"
        for name, row in zip(apart.index, apart.head(MOST_NAMED).itertuples(), strict=False)
    )
    said = f"{len(apart)} of {len(bought)} groups by {bought.index.name} differ from the whole"
    within = f"in what a new customer buys within {bundle.window.churn_horizon} days"
    more = f" and {len(apart) - MOST_NAMED} more" if len(apart) > MOST_NAMED else ""
    return [f"{said} {within}{': ' if named else ''}{named}{more}; all groups are in groups.csv"]

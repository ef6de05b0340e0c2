"""Train a model of another package, and check the laws that every model of its role keeps.

The laws are few: one prediction a customer, finite; a chance within [0, 1]; a survival curve that starts at 1 and never
rises; a value that is not negative; and the same predictions after the model was written as JSON and read again.
They are checked each time such a model has been trained, on the customers as of the cutoff, so that a broken model
never reaches a backtest or a bundle.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.contracts import BEHAVIOUR, SUMMARY, is_attribute
from ltvml.errors import ConfigError, LtvmlError
from ltvml.models import registry
from ltvml.models.base import Diagnosis, RepurchaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.models.base import ValueModel
    from ltvml.models.snapshots import Snapshots

# what a sum in another order leaves
_ROUNDING = 1e-9


def fit_plugin(
    role: str, name: str, snapshots: Snapshots, *, offered: Mapping[str, Any], params: Mapping[str, Any] | None = None
) -> Any:
    """Make a model of another package, call its `fit(snapshots)`, and check what it predicts.

    Parameters
    ----------
    role : {"repurchase", "value"}
    name : str
        As in `registry.plugins`.
    offered : mapping
        Arguments such as `random_state` and `discount_rate`: each is passed if the constructor takes it.
    params : mapping, optional
        Arguments from the configuration; they come before what is offered.

    Returns
    -------
    RepurchaseModel or ValueModel

    Raises
    ------
    ConfigError
        If the model cannot be imported, made or trained, or breaks a law.
    """
    taken = inspect.signature(registry.model_class(role, name)).parameters
    arguments = {key: value for key, value in offered.items() if key in taken} | dict(params or {})
    model: Any = registry.make(role, name, **arguments)
    try:
        fitted = model.fit(snapshots)
        if fitted is not model:
            raise _broken(role, name, f"`fit` returned {type(fitted).__name__}; expected the model itself")
        if not hasattr(model, "diagnosis_"):
            model.diagnosis_ = Diagnosis()
        check_laws(model, snapshots.present, float(snapshots.horizon))
    except LtvmlError:
        raise
    # whatever the code of another package raises
    except Exception as error:
        raise _broken(
            role, name, f"it failed while it was trained and checked: {type(error).__name__}: {error}"
        ) from error
    return model


def check_laws(model: RepurchaseModel | ValueModel, X: pd.DataFrame, horizon: float) -> None:
    """Check a trained model on some customers.

    Parameters
    ----------
    model : RepurchaseModel or ValueModel
    X : (n, ...) frame
        Columns of `contracts.SUMMARY` and `contracts.BEHAVIOUR`, and attributes.
    horizon : float
        Days.

    Raises
    ------
    ConfigError
        That names the law, what was found and what was expected.
    """
    known = {*SUMMARY.names, *BEHAVIOUR.names, *(str(name) for name in X if is_attribute(str(name)))}
    if unknown := [column for column in model.reads() if column not in known]:
        raise _broken(
            model.role, model.name, f"it reads the columns {', '.join(unknown)}, which a row to score does not have"
        )
    before = _checked(model, X, horizon)
    again: Any = registry.load(json.loads(json.dumps(model.to_dict())))
    if not np.array_equal(before, _checked(again, X, horizon)):
        raise _broken(
            model.role, model.name, "predictions differ after `to_dict` and `from_dict`; expected the same numbers"
        )


def _checked(model: RepurchaseModel | ValueModel, X: pd.DataFrame, horizon: float) -> Array:
    if isinstance(model, RepurchaseModel):
        return _checked_survival(model, X, horizon)
    return _checked_value(model, X, horizon)


def _checked_survival(model: RepurchaseModel, X: pd.DataFrame, horizon: float) -> Array:
    times = horizon * np.array([0.0, 0.25, 0.5, 1.0, 2.0])
    survival = _numbers(model, "survival_function", model.survival_function(X, times), (len(X), len(times)))
    risk = _numbers(model, "churn_risk", model.churn_risk(X, horizon), (len(X),))
    for method, values in (("survival_function", survival), ("churn_risk", risk)):
        outside = values[(values < 0) | (values > 1)]
        if outside.size:
            raise _broken(
                model.role, model.name, f"`{method}` gave {outside[0]:.6g}; expected probabilities within [0, 1]"
            )
    if (late := float(np.max(1 - survival[:, 0], initial=0.0))) > _ROUNDING:
        raise _broken(model.role, model.name, f"`survival_function` is {1 - late:.6g} at time 0; expected 1")
    if (rise := float(np.max(np.diff(survival, axis=1), initial=0.0))) > _ROUNDING:
        raise _broken(
            model.role, model.name, f"`survival_function` increases by {rise:.6g}; expected a curve that never rises"
        )
    return survival


def _checked_value(model: ValueModel, X: pd.DataFrame, horizon: float) -> Array:
    answers = {
        "expected_value": model.expected_value(X, horizon),
        "expected_value_if_silent": model.expected_value_if_silent(X, horizon, silence=horizon / 2),
    }
    for method, answer in answers.items():
        values = _numbers(model, method, answer, (len(X),))
        if (values < 0).any():
            raise _broken(model.role, model.name, f"`{method}` gave {values.min():.6g}; expected values of at least 0")
    return np.asarray(answers["expected_value"], dtype=float)


def _numbers(model: RepurchaseModel | ValueModel, method: str, answer: Any, shape: tuple[int, ...]) -> Array:
    values = np.asarray(answer, dtype=float)
    if values.shape != shape:
        raise _broken(model.role, model.name, f"`{method}` gave the shape {values.shape}; expected {shape}")
    if broken := int(np.sum(~np.isfinite(values))):
        raise _broken(
            model.role, model.name, f"`{method}` gave {broken:,} of {values.size:,} numbers that are not finite"
        )
    return values


def _broken(role: str, name: str, finding: str) -> ConfigError:
    return ConfigError(
        f"model '{name}' of role '{role}', which comes from another package: {finding}.",
        hint="repair the model (its law is in ltvml.models.registry), uninstall its package, or name another model.",
    )

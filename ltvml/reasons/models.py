"""Each kind of model as the parts that it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.contracts import BEHAVIOUR, is_attribute
from ltvml.models.attributes.levels import attribute_of
from ltvml.models.base import RepurchaseModel, ValueModel
from ltvml.models.logit import log_odds
from ltvml.models.repurchase.dated import Dated
from ltvml.models.repurchase.levelled import Levelled
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.lightgbm_hazard import LightGBMHazard
from ltvml.models.repurchase.mix import RepurchaseMix
from ltvml.models.repurchase.stack import RepurchaseStack
from ltvml.models.value.earlier_mix import EarlierValueMix
from ltvml.models.value.lightgbm_tweedie import LightGBMTweedie, log_closed_form_value
from ltvml.models.value.lightgbm_two_stage import LightGBMTwoStage
from ltvml.models.value.mix import ValueMix
from ltvml.models.value.stretched import Stretched
from ltvml.reasons.parts import Combination, SummaryPart, TreePart
from ltvml.reasons.shapley import Linear, LogChance, LogChanceTimesSpend, LogOfSum, LogRatioOfChances, NoEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from ltvml.arrays import Array
    from ltvml.bundle.typical import Typical
    from ltvml.models.closed_form import ClosedForm
    from ltvml.reasons.parts import Part


# a value below a billionth of the currency is nothing, and its log is kept finite
_NOTHING = 1e-9


def part_of(model: RepurchaseModel | ValueModel, typical: Typical, horizon: float) -> Part:
    """The parts of a model, in log-odds of churn for a repurchase model, in log value for a value model.

    Parameters
    ----------
    model : RepurchaseModel or ValueModel
        Fitted. Our learners are known here by their class; any other model, one of another package included, is
        explained by asking it.
    typical : Typical
    horizon : float
        Of the score, days. A learner is explained at the horizon it was trained for, whatever this value is.
    """
    if isinstance(model, Stretched):
        constant = float(_log_value(np.array(model.factor)))
        return Combination(Linear((model.exponent,), constant), (part_of(model.ranking, typical, model.horizon),))
    if isinstance(model, Dated) and horizon == model.horizon_:
        # there the curve is the inner model's own
        return part_of(model.model_, typical, horizon)
    for kind, taken_apart in _KINDS.items():
        if isinstance(model, kind):
            return taken_apart(model, typical)
    return SummaryPart(_score_of(model, horizon), typical, _besides(model.reads()))


def attributes_of(closed_form: ClosedForm) -> list[str]:
    """Attributes that move the parameters of a closed form."""
    return [name for name in closed_form.reads() if is_attribute(name)]


def _besides(read: Iterable[str]) -> tuple[str, ...]:
    """Columns that a model reads besides the summary: behaviour, and attributes in place of learners' columns."""
    names = [attribute_of(name)[0] for name in read]
    attributes = dict.fromkeys(name for name in names if is_attribute(name))
    return (*(name for name in BEHAVIOUR.names if name in names), *attributes)


def _score_of(model: RepurchaseModel | ValueModel, horizon: float) -> Callable[[pd.DataFrame], Array]:
    if isinstance(model, RepurchaseModel):
        return lambda X: log_odds(model.churn_risk(X, horizon))
    return lambda X: _log_value(model.expected_value(X, horizon))


def _binary(model: LightGBMBinary, typical: Typical) -> Part:
    return Combination(Linear((-1.0,)), (_purchase_trees(model, typical),))


def _purchase_trees(model: LightGBMBinary, typical: Typical) -> TreePart:
    return TreePart(model.trees_, model.closed_form_, model.horizon_, typical)


def _hazard(model: LightGBMHazard, typical: Typical) -> Part:
    horizon, intervals = float(model.edges_[-1]), range(len(model.edges_) - 1)
    parts = (TreePart(model.trees_, model.closed_form_, horizon, typical, interval) for interval in intervals)
    return Combination(NoEvent(), tuple(parts))


def _repurchase_mix(model: RepurchaseMix, typical: Typical) -> Part:
    learners, closed = model.weight_, 1 - model.weight_
    constant = model.weight_ * model.learners_shift_ + model.level_shift_
    return Combination(Linear((-learners / 2, -learners / 2, -closed), -constant), _experts(model, typical))


def _stack(model: RepurchaseStack, typical: Typical) -> Part:
    closed, logistic, trees = (float(weight) for weight in model.weights_)
    return Combination(Linear((-logistic, -trees, -closed), -model.level_shift_), _experts(model, typical))


def _experts(model: RepurchaseMix | RepurchaseStack, typical: Typical) -> tuple[Part, ...]:
    """Logistic regression, trees and closed form, each in log-odds of a purchase."""
    return (
        SummaryPart(model.logistic_.log_odds_at_horizon, typical, _besides(model.logistic_.reads())),
        _purchase_trees(model.trees_, typical),
        SummaryPart(
            model.closed_log_odds,
            typical,
            _besides([*model.logistic_.attributes_.names, *attributes_of(model.closed_form_)]),
        ),
    )


def _levelled(model: Levelled, typical: Typical) -> Part:
    # a part is in log-odds of churn, from which the shift of the purchase's is taken away
    return Combination(Linear((1.0,), -model.level_shift_), (part_of(model.model_, typical, model.horizon_),))


def _tweedie(model: LightGBMTweedie, typical: Typical) -> Part:
    trees = TreePart(model.trees_, model.closed_form_, model.horizon_, typical)
    constant = float(_log_value(np.array(model.level_ * model.mean_)))
    if not model.offset:
        return Combination(Linear((1.0,), constant), (trees,))

    def offset(X: pd.DataFrame) -> Array:
        return log_closed_form_value(model.closed_form_.with_columns(X, model.horizon_), model.mean_)

    return Combination(
        Linear((1.0, 1.0), constant), (trees, SummaryPart(offset, typical, _besides(attributes_of(model.closed_form_))))
    )


def _two_stage(model: LightGBMTwoStage, typical: Typical) -> Part:
    buys = TreePart(model.buys_.trees_, model.closed_form_, model.horizon_, typical)
    spends = TreePart(model.spends_, model.closed_form_, model.horizon_, typical)
    return Combination(LogChanceTimesSpend(float(_log_value(np.array(model.level_ * model.mean_)))), (buys, spends))


def _value_mix(model: ValueMix, typical: Typical) -> Part:
    weight, learned = model.weight_, (*model.attributes_.columns.names, *model.chance_.logistic_.attributes_.names)
    read = (*learned, *attributes_of(model.closed_form_))
    chance = Combination(Linear((-1.0,)), (_repurchase_mix(model.chance_, typical),))
    parts = (
        Combination(LogChance(), (chance,)),
        SummaryPart(lambda X: _log_value(model.closed_spend(X)), typical, _besides(read)),
        _tweedie(model.tweedie_, typical),
        Combination(LogChance(), (_purchase_trees(model.chance_.trees_, typical),)),
    )
    return Combination(Linear((1.0, 1 - weight, weight, -weight), float(_log_value(np.array(model.factor_)))), parts)


def _earlier_value_mix(model: EarlierValueMix, typical: Typical) -> Part:
    blend, closed_form = model.blend_, model.closed_form_
    closed = (1 - blend.weight) / 2
    terms = ((blend.weight, blend.mean_learned), (closed, blend.mean_repeat), (closed, blend.mean_all))
    weights = (blend.level * share / mean if mean > 0 else 0.0 for share, mean in terms)
    parts = (
        Combination(Linear((1.0, 1.0)), (_mean_of_learners(model, typical), _lift(model, typical))),
        SummaryPart(lambda X: _log_value(closed_form.values(X, model.horizon_)[0]), typical),
        SummaryPart(lambda X: _log_value(closed_form.values(X, model.horizon_)[1]), typical),
    )
    return Combination(LogOfSum(tuple(weights)), parts)


def _mean_of_learners(model: EarlierValueMix, typical: Typical) -> Part:
    tweedies = (_tweedie(model.tweedie_, typical), _tweedie(model.tweedie_offset_, typical))
    return Combination(LogOfSum((1 / 3, 1 / 3, 1 / 3)), (*tweedies, _two_stage(model.two_stage_, typical)))


def _lift(model: EarlierValueMix, typical: Typical) -> Part:
    chance = _purchase_trees(model.two_stage_.buys_, typical)
    moved = Combination(Linear((1.0,), model.chance_shift_), (chance,))
    return Combination(LogRatioOfChances(), (moved, chance))


def _log_value(value: Array) -> Array:
    return np.log(np.maximum(value, _NOTHING))


_KINDS: dict[type, Callable[[Any, Typical], Part]] = {
    RepurchaseMix: _repurchase_mix,
    RepurchaseStack: _stack,
    Levelled: _levelled,
    LightGBMBinary: _binary,
    LightGBMHazard: _hazard,
    ValueMix: _value_mix,
    EarlierValueMix: _earlier_value_mix,
    LightGBMTweedie: _tweedie,
    LightGBMTwoStage: _two_stage,
}

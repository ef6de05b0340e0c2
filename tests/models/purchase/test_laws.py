"""Laws of every likelihood model at parameters and histories that hypothesis draws."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ltvml.models import registry
from ltvml.models.purchase.parametric import ParametricPurchaseModel

# sums of a few hundred terms by two routes, over many decades
ROUTES = 1e-9
# the same numbers in another order of summation
ROUNDING = 1e-12
# what rounding may add to a probability that should fall, or to a sum of probabilities
SLACK = 1e-13
MODELS = ("nbd", "pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd", "mbg_cnbd", "bg_bb")
CONTINUOUS = tuple(name for name in MODELS if name != "bg_bb")
# shrinking a failure would take minutes
FEW = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate])


@dataclass(frozen=True)
class Case:
    """A model with its parameters, customers, and times to ask about; `span` is the time scale of the rates."""

    name: str
    params: dict[str, float]
    X: pd.DataFrame
    times: np.ndarray
    span: float

    @property
    def model(self) -> ParametricPurchaseModel:
        return kind_of(self.name).from_params(**self.params)

    def says(self, X: pd.DataFrame | None = None) -> np.ndarray:
        """All answers about each row, shape (n, k)."""
        model, X = self.model, self.X if X is None else X
        return answers(model, X, self.times)


def answers(model: ParametricPurchaseModel, X: pd.DataFrame, times: np.ndarray) -> np.ndarray:
    return np.column_stack(
        [
            model.probability_alive(X),
            model.probability_alive_at(X, times),
            model.expected_purchases_at(X, times),
            model.survival_function(X, times),
            model.pmf(X, [0, 1, 3], times[-1]),
            model.never_again(X),
        ]
    )


def kind_of(name: str) -> type[ParametricPurchaseModel]:
    kind = type(registry.make("purchase", name))
    assert issubclass(kind, ParametricPurchaseModel)
    return kind


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda power: float(10.0**power))


@st.composite
def cases(draw: st.DrawFn, name: str) -> Case:
    params = {parameter: draw(decades(-1.3, 1.3)) for parameter in kind_of(name).parameters}
    if "cnbd" in name:
        params["k"] = draw(st.integers(1, 4))
    rows = draw(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1), decades(-1.0, 1.5)), min_size=1, max_size=5))
    if name == "bg_bb":
        X = frame([(x, x + round(share * 20) if x else 0, x + 20 + round(T)) for x, share, T in rows])
        return Case(name, params, X, np.array([0.0, 1.0, 4.0, 30.0]), 1.0)
    span = params["alpha"]
    X = frame([(x, max(share, 1e-3) * T * span if x else 0.0, T * span) for x, share, T in rows])
    times = np.array([0.0, 0.01, 0.3, draw(st.floats(0.5, 3.0))]) * (span + X["T"].min())
    return Case(name, params, X, times, span)


def frame(rows: list[tuple[float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(np.array(rows, dtype=float), columns=["frequency", "recency", "T"])


@pytest.mark.parametrize("name", MODELS)
class TestEveryLikelihoodModel:
    @FEW
    @given(data=st.data())
    def test_expected_purchases_vanish_at_0_and_grow(self, name, data):
        case = data.draw(cases(name))
        expected = case.model.expected_purchases_at(case.X, case.times)
        assert not expected[:, 0].any()
        assert (np.diff(expected, axis=1) >= -ROUNDING * expected[:, 1:]).all()

    @FEW
    @given(data=st.data())
    def test_silence_is_certain_at_0_and_falls_to_never_again(self, name, data):
        case = data.draw(cases(name))
        silence, never = case.model.survival_function(case.X, case.times), case.model.never_again(case.X)
        np.testing.assert_array_equal(silence[:, 0], 1.0)
        assert (np.diff(silence, axis=1) <= SLACK).all()
        assert (silence >= never[:, None] - SLACK).all()
        assert (never >= 0).all()
        assert (silence <= 1).all()

    @FEW
    @given(data=st.data())
    def test_counts_are_probabilities_that_sum_to_1_with_the_expected_mean(self, name, data):
        case, counts = data.draw(cases(name)), np.arange(400)
        # a horizon within which 400 purchases are beyond any chance
        tau = data.draw(st.floats(0.01, 1.5))
        horizon = 8.0 if name == "bg_bb" else tau * (case.span + case.X["T"].min()) * case.params.get("k", 1)
        X = case.X[case.X["frequency"] < 10] if (case.X["frequency"] < 10).any() else frame([(0, 0.0, case.X["T"][0])])
        probability = case.model.pmf(X, counts, horizon)
        assert ((probability >= 0) & (probability <= 1 + SLACK)).all()
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=ROUTES)
        expected = case.model.expected_purchases(X, horizon)
        np.testing.assert_allclose(probability @ counts, expected, rtol=ROUTES, atol=1e-300)
        np.testing.assert_allclose(probability[:, 0], case.model.churn_risk(X, horizon), rtol=ROUTES)

    @FEW
    @given(data=st.data())
    def test_p_alive_falls_with_silence_and_with_time(self, name, data):
        case = data.draw(cases(name))
        waits = [0, 1, 5, 40] if name == "bg_bb" else case.span * np.array([0, 0.1, 1.0, 30.0])
        later = [case.model.probability_alive(case.X.assign(T=case.X["T"] + wait)) for wait in waits]
        assert (np.diff(later, axis=0) <= SLACK).all()
        ahead = case.model.probability_alive_at(case.X, case.times)
        np.testing.assert_allclose(ahead[:, 0], later[0], rtol=ROUTES)
        assert (np.diff(ahead, axis=1) <= SLACK).all()
        assert ((np.array(later) >= 0) & (np.array(later) <= 1)).all()

    @FEW
    @given(data=st.data())
    def test_each_row_is_answered_alone_whatever_the_order(self, name, data):
        case = data.draw(cases(name))
        whole, turned = case.says(), case.X.iloc[::-1]
        np.testing.assert_allclose(case.says(turned)[::-1], whole, rtol=ROUNDING)
        each = np.concatenate([case.says(case.X.iloc[[row]]) for row in range(len(case.X))])
        np.testing.assert_allclose(each, whole, rtol=ROUNDING)

    @FEW
    @given(data=st.data())
    def test_saved_and_loaded_it_gives_the_same_bits(self, name, data):
        case = data.draw(cases(name))
        loaded = registry.load(json.loads(json.dumps(case.model.to_dict(), allow_nan=False)))
        np.testing.assert_array_equal(answers(loaded, case.X, case.times), case.says())


@pytest.mark.parametrize("name", CONTINUOUS)
@FEW
@given(data=st.data())
def test_another_unit_of_time_changes_nothing(name, data):
    case, unit = data.draw(cases(name)), data.draw(decades(-3, 3))
    times = kind_of(name).times
    params = {key: value * unit if key in times else value for key, value in case.params.items()}
    X = case.X.assign(recency=case.X["recency"] * unit, T=case.X["T"] * unit)
    other = replace(case, params=params, X=X, times=case.times * unit)
    np.testing.assert_allclose(other.says(), case.says(), rtol=ROUTES, atol=SLACK)


@pytest.mark.parametrize("name", ["bg", "mbg"])
@FEW
@given(data=st.data())
def test_one_stage_is_the_model_without_stages(name, data):
    case = data.draw(cases(f"{name}_nbd"))
    staged = replace(case, name=f"{name}_cnbd", params=case.params | {"k": 1})
    np.testing.assert_allclose(staged.says(), case.says(), rtol=ROUTES, atol=SLACK)

"""What every likelihood model refuses before it fits, with counts, and what it finds odd about a fit, in words."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from robustness import hard_shop

from ltvml.datasets.simulate import simulate_histories
from ltvml.errors import DataContractError, FitWarning
from ltvml.models import registry
from ltvml.models.purchase.bg_cnbd import BGCNBD
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD

# the names of the rules are those of the models whose times are continuous
CONTINUOUS = ("nbd", "pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd", "mbg_cnbd", "lifetimes_bg_nbd")


@pytest.mark.parametrize("name", [*CONTINUOUS, "bg_bb"])
@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ((2, 31, 30), "recency above T"),
        ((1.5, 3, 30), "a frequency that is not a whole number"),
        ((-1, 0, 30), "frequency below 0"),
        ((0, 3, 30), "recency above 0 without repeat purchases"),
        ((2, 0, 30), "recency 0 with repeat purchases"),
        ((np.nan, 3, 30), "frequency missing or not finite"),
        ((2, np.nan, 30), "recency missing or not finite"),
        ((2, 3, np.inf), "T missing or not finite"),
    ],
)
def test_impossible_histories_are_counted_by_rule(name, row, rule, frame):
    with pytest.raises(DataContractError) as caught:
        registry.make("purchase", name).fit(frame((0, 0, 40), row, row))
    assert caught.value.counts[rule] == 2
    assert rule in str(caught.value)


@pytest.mark.parametrize("name", ["bg_nbd", "bg_bb"])
@pytest.mark.parametrize("column", ["frequency", "recency", "T"])
def test_a_column_of_text_is_named_with_what_is_no_number(name, column, frame):
    X = frame((0, 0, 40), (2, 3, 40), (1, 5, 40)).astype(object)
    X.loc[1, column] = "three"
    with pytest.raises(DataContractError, match=f"the column {column} is no number in 1 of 3 rows, first 'three'"):
        registry.make("purchase", name).fit(X)


@pytest.mark.parametrize("name", CONTINUOUS[:-1])
def test_customers_of_the_last_day_alone_are_named(name, frame):
    model = registry.make("purchase", name).fit(frame(*[(0, 0, 0)] * 7))
    assert "each of the 7 customers was first seen at the cutoff itself (T = 0)" in model.diagnosis_.messages[0]
    assert "predicted_ltv" in model.diagnosis_.withheld


def shop(model: str, n: int = 6_000, seed: int = 3, **params: float) -> pd.DataFrame:
    """Histories of customers who joined over two years, T from 0 to 730."""
    T = np.random.default_rng(seed).uniform(0, 730, n)
    return simulate_histories(n, T=T, random_state=seed, model=model, **params)


BG = {"r": 0.8, "alpha": 40.0, "a": 0.6, "b": 3.0}
PARETO = {"r": 0.8, "alpha": 40.0, "s": 0.8, "beta": 300.0}


def seen_from_the_middle(n: int = 6_000, seed: int = 3) -> pd.DataFrame:
    """The same shop with the orders of its first 400 days missing."""
    from ltvml.datasets.simulate import simulate_purchases

    T = np.random.default_rng(seed).uniform(0, 730, n)
    of = simulate_purchases(n, T=T, random_state=seed, model="bg_nbd", **BG)
    customer = np.concatenate([np.arange(n), of.customer])
    day = np.concatenate([730 - T, 730 - T[of.customer] + of.time])
    orders = pd.DataFrame({"customer": customer, "day": day}).query("day >= 400")
    by = orders.groupby("customer").day.agg(["min", "max", "size"])
    return pd.DataFrame(
        {"frequency": by["size"] - 1, "recency": by["max"] - by["min"], "T": 730 - by["min"]}
    ).reset_index(drop=True)


@pytest.mark.parametrize("name", ["nbd", "bg_nbd", "mbg_nbd", "pareto_nbd"])
def test_a_history_that_is_cut_off_on_the_left_is_named_and_a_whole_one_is_not(name):
    cut, whole = (registry.make("purchase", name).fit(X) for X in (seen_from_the_middle(), shop("bg_nbd", **BG)))
    assert any("the history is cut off on the left" in words for words in cut.diagnosis_.messages)
    assert not any("cut off" in words for words in whole.diagnosis_.messages)


def test_where_nobody_leaves_s_and_beta_are_a_ridge_and_p_alive_is_withheld():
    model = ParetoNBD().fit(shop("nbd", n=2_000, r=1.5, alpha=30.0))
    assert list(model.diagnosis_.withheld) == ["p_alive"]
    assert "hardly any customer is seen to leave" in model.diagnosis_.withheld["p_alive"]


def test_equal_dropout_is_a_ridge_between_s_and_beta():
    """Everybody leaves at one rate of 1 in 200 days: s and beta grow without end, at one ratio."""
    model = ParetoNBD().fit(shop("pareto_nbd", n=3_000, r=1.2, alpha=20.0, s=4_000.0, beta=800_000.0))
    (words,) = [words for words in model.diagnosis_.messages if "ridge" in words]
    assert "s and beta lie on a ridge: of dropout only the mean rate is estimated (s / beta = 0.00" in words
    assert model.params_["s"] / model.params_["beta"] == pytest.approx(1 / 200, rel=0.2)


def test_too_few_repeat_buyers_are_counted(frame):
    rows = [(0, 0.0, 100.0)] * 300 + [(1, 20.0, 100.0)] * 6 + [(3, 60.0, 100.0)] * 3
    for name in CONTINUOUS[:-1]:
        messages = registry.make("purchase", name).fit(frame(*rows)).diagnosis_.messages
        assert any("few repeat buyers (9)" in words for words in messages), name


def test_a_parameter_at_a_bound_is_named():
    """A small shop of the robustness benchmark: how many leave is known, of those who stay only that they do."""
    small = hard_shop("bg_bb", 49)
    model = small.model.fit(small.X)
    assert model.standard_errors_["delta"] > 1.5 * model.params_["delta"]
    assert model.standard_errors_["gamma"] < 1.5 * model.params_["gamma"]
    assert any("delta = 0.193 is at a bound" in words for words in model.diagnosis_.messages)


def test_the_end_of_the_grid_of_stages_is_named():
    X = simulate_histories(400, T=np.full(400, 400.0), random_state=1, model="bg_cnbd", k=6, **BG)
    assert any(
        "k = 2 is the largest that was tried" in words for words in BGCNBD(most_stages=2).fit(X).diagnosis_.messages
    )


def test_an_ordinary_shop_has_nothing_to_say(cdnow):
    for kind in (BGNBD, ParetoNBD):
        assert kind().fit(cdnow).diagnosis_.messages == ()


def test_a_shop_of_repeat_buyers_alone_is_warned_of(frame):
    rng = np.random.default_rng(1)
    rows = [
        (int(x), float(90 * share), 100.0)
        for x, share in zip(rng.integers(1, 9, 200), rng.uniform(0.1, 1, 200), strict=True)
    ]
    for name in CONTINUOUS[:-1]:
        with (
            warnings.catch_warnings(),
            pytest.warns(FitWarning, match="each of the 200 customers has a repeat purchase"),
        ):
            registry.make("purchase", name).fit(frame(*rows))


def test_a_ridge_that_is_flat_within_rounding_ends_and_is_named():
    """A small shop of the robustness benchmark whose s and beta grow for ever: the climb used to count as failed."""
    model = hard_shop("pareto_nbd", 8).model.fit(hard_shop("pareto_nbd", 8).X)
    assert "hardly any customer is seen to leave" in model.diagnosis_.withheld["p_alive"]


@pytest.mark.parametrize(("seed", "same_age"), [(3, False), (5, True)])
def test_pareto_of_customers_who_never_leave_ends_at_a_bounded_place(seed, same_age):
    """The likelihood rises for ever, as slowly as 1 / |ln beta|: some of these climbs used to end in an error."""
    rng, n = np.random.default_rng(seed), 400
    T = np.full(n, 365.0) if same_age else rng.uniform(60, 365, n)
    X = simulate_histories(n, T=T, random_state=seed, model="nbd", r=0.8, alpha=30.0)
    model, without = ParetoNBD().fit(X), registry.make("purchase", "nbd").fit(X)
    assert model.diagnosis_.messages
    # the NBD lies at the edge of the Pareto/NBD, so that nothing is lost by more freedom
    assert model.log_likelihood_ > without.log_likelihood_ - 1e-3
    assert max(abs(np.log(value / T.mean())) for value in (model.params_["alpha"], model.params_["beta"])) < 19


def test_those_who_leave_at_once_are_told_from_those_who_leave_at_a_mean_rate():
    """A small shop of the robustness benchmark, whose climb ended in an error: beta runs to 0 and s with it."""
    model = hard_shop("pareto_nbd", 3).model.fit(hard_shop("pareto_nbd", 3).X)
    (words,) = [words for words in model.diagnosis_.messages if "ridge" in words]
    assert "leave at once (beta = 2.98e-06)" in words

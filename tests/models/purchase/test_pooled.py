"""Groups held to the whole, against the algebra of normal models done another way and simulated groups."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from ltvml.datasets.simulate import simulate_bg_nbd
from ltvml.errors import DataContractError, FitWarning
from ltvml.models import registry
from ltvml.models.inference import likelihood_ratio
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.pareto_nbd import ParetoNBD
from ltvml.models.purchase.pooled import PooledGroups, likeliest_spread, whole_of

SIZES = [1500, 1000, 800, 500, 300, 200, 100, 60, 30, 20, 10, 5]
SPREAD = 0.5
HORIZON = 90.0
# EM ends where the spread moves by less than 1e-5 a step
EM = 2e-2
REFIT = 1e-3


def true_alphas() -> np.ndarray:
    return 30.0 * np.exp(np.random.default_rng(4).normal(0, SPREAD, len(SIZES)))


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    parts = [
        simulate_bg_nbd(n, r=1.0, alpha=alpha, a=0.8, b=3.0, T=250.0, random_state=at).assign(country=f"c{at:02d}")
        for at, (n, alpha) in enumerate(zip(SIZES, true_alphas(), strict=True))
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def fitted(shop: pd.DataFrame) -> PooledGroups:
    return PooledGroups(BGNBD(), by="country").fit(shop)


def normal_groups(seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(15, 2, 2)) * draw.uniform(1, 6, (15, 1, 1))
    J = root @ np.swapaxes(root, 1, 2) + np.eye(2)
    truth = np.array([1.0, -2.0]) + draw.normal(size=(15, 2)) * [0.5, 0.2]
    data = truth + np.stack([draw.multivariate_normal(np.zeros(2), np.linalg.inv(one)) for one in J])
    return J, np.einsum("gij,gj->gi", J, data)


def test_mean_and_groups_are_those_of_generalised_least_squares() -> None:
    J, b = normal_groups(1)
    spread = np.array([0.4, 0.3])
    of = whole_of(J, b, spread, np.zeros(2), held=0.0)
    data = np.linalg.solve(J, b[..., None])[..., 0]
    weight = np.linalg.inv(np.linalg.inv(J) + np.diag(spread**2))
    covariance = np.linalg.inv(weight.sum(axis=0))
    mean = covariance @ np.einsum("gij,gj->i", weight, data)
    np.testing.assert_allclose(of.mu, mean, rtol=1e-10)
    np.testing.assert_allclose(of.S, covariance, rtol=1e-10)
    shrunk = mean + np.einsum("ij,gjk,gk->gi", np.diag(spread**2), weight, data - mean)
    np.testing.assert_allclose(of.logs, shrunk, rtol=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_spread_is_that_of_restricted_maximum_likelihood(seed: int) -> None:
    J, b = normal_groups(seed)
    data = np.linalg.solve(J, b[..., None])[..., 0]

    def restricted(log_spread: np.ndarray) -> float:
        covariance = np.linalg.inv(J) + np.diag(np.exp(2 * log_spread))
        weight = np.linalg.inv(covariance)
        total = weight.sum(axis=0)
        away = data - np.linalg.solve(total, np.einsum("gij,gj->i", weight, data))
        fits = np.einsum("gi,gij,gj->", away, weight, away)
        return float(0.5 * (np.linalg.slogdet(covariance)[1].sum() + np.linalg.slogdet(total)[1] + fits))

    best = minimize(restricted, np.log([0.5, 0.5]), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    found = likeliest_spread(J, b, np.array([0.5, 0.5]), np.zeros(2), held=0.0).spread
    assert restricted(np.log(found)) - best.fun < 1e-3
    # below a tenth of the errors of the groups the spread itself is flat
    np.testing.assert_allclose(found, np.exp(best.x), rtol=EM, atol=0.02)


def test_the_true_spread_and_the_truth_of_each_group_are_found(fitted: PooledGroups) -> None:
    rate = dict(zip(fitted.model.parameters, fitted.spread_, strict=True))
    # r / alpha differs by 0.5 between twelve groups: its standard error is about a fifth of that
    assert 0.3 < np.hypot(rate["alpha"], rate["r"]) < 0.75
    table = fitted.differences(HORIZON).query("quantity == 'purchases'")
    truth = [
        BGNBD.from_params(r=1.0, alpha=alpha, a=0.8, b=3.0).expected_purchases(BGNBD.newcomers(), HORIZON)[0]
        for alpha in true_alphas()
    ]
    assert list(table.index) == [f"c{place:02d}" for place in range(len(SIZES))]
    inside = (table["lower"] <= truth) & (truth <= table["upper"])
    # twelve intervals of 95 %: fewer than ten inside comes by chance twice in a hundred
    assert inside.sum() >= 10
    np.testing.assert_allclose(table["ratio"], table["estimate"] / table["whole"], rtol=1e-9)
    assert (table["differs"] == ((table["ratio_lower"] > 1) | (table["ratio_upper"] < 1))).all()
    assert table["differs"].sum() >= 3


def test_small_groups_are_nearer_to_the_truth_than_alone_and_than_all_alike(shop, fitted) -> None:
    small = [f"c{place:02d}" for place in range(5, len(SIZES))]
    errors = {"alone": 0.0, "alike": 0.0, "pooled": 0.0}
    whole = BGNBD().fit(shop)
    for place, alpha in enumerate(true_alphas()):
        if (name := f"c{place:02d}") not in small:
            continue
        new = BGNBD.newcomers().assign(country=name)
        truth = np.log(BGNBD.from_params(r=1.0, alpha=alpha, a=0.8, b=3.0).expected_purchases(new, HORIZON)[0])
        alone = BGNBD().fit(shop[shop.country == name])
        for kind, model in {"alone": alone, "alike": whole, "pooled": fitted}.items():
            errors[kind] += (np.log(model.expected_purchases(new, HORIZON)[0]) - truth) ** 2
    assert errors["pooled"] < 0.8 * errors["alone"]
    assert errors["pooled"] < 0.8 * errors["alike"]


def test_groups_drawn_by_lot_do_not_differ(shop) -> None:
    one = shop[shop.country == "c00"]
    lots = one.assign(country=np.random.default_rng(1).integers(0, 8, len(one)).astype(str))
    model = PooledGroups(BGNBD(), by="country").fit(lots)
    assert not model.differences(HORIZON)["differs"].any()
    test = likelihood_ratio(BGNBD().fit(lots), model)
    assert test.p_value > 0.05
    assert "upper bound" in test.note
    plain = BGNBD().fit(lots).expected_purchases(lots, HORIZON)
    np.testing.assert_allclose(model.expected_purchases(lots, HORIZON), plain, rtol=0.1)


def test_true_differences_are_significant(shop, fitted) -> None:
    assert likelihood_ratio(BGNBD().fit(shop), fitted).p_value < 1e-6


def test_an_unseen_group_gets_the_whole_and_is_said(shop, fitted) -> None:
    strangers = shop.head(3).assign(country=["nowhere", "c00", "nowhere"])
    with pytest.warns(FitWarning, match="has not seen the country of 2 of 3 customers"):
        expected = fitted.expected_purchases(strangers, HORIZON)
    whole = BGNBD.from_params(**fitted.params_).expected_purchases(strangers, HORIZON)
    np.testing.assert_allclose(expected[[0, 2]], whole[[0, 2]], rtol=1e-10)
    assert expected[1] == fitted.expected_purchases(shop.head(2), HORIZON)[1] or strangers.index[1] == 1


def test_each_group_is_scored_by_its_own_parameters(shop, fitted) -> None:
    rows = shop[shop.country == "c02"].head(50)
    alone = BGNBD.from_params(**fitted.group_parameters().loc["c02"])
    np.testing.assert_allclose(fitted.expected_purchases(rows, 30.0), alone.expected_purchases(rows, 30.0), rtol=1e-10)
    np.testing.assert_allclose(
        fitted.survival_function(rows, [5, 50]), alone.survival_function(rows, [5, 50]), rtol=1e-10
    )


def test_patterns_with_counts_in_weeks_are_the_customers_in_days(shop) -> None:
    days = shop.assign(recency=shop.recency.round(), T=shop["T"]).query("country in ['c03', 'c05', 'c06', 'c08']")
    days = days[(days.frequency == 0) | (days.recency > 0)]
    keys = ["frequency", "recency", "T", "country"]
    patterns = days.groupby(keys, as_index=False).size()
    patterns = patterns.assign(recency=patterns.recency / 7, T=patterns["T"] / 7)
    one = PooledGroups(BGNBD(), by="country").fit(days)
    grouped = PooledGroups(BGNBD(), by="country").fit(patterns[keys], patterns["size"])
    weeks = days.assign(recency=days.recency / 7, T=days["T"] / 7)
    np.testing.assert_allclose(
        grouped.expected_purchases(weeks, HORIZON / 7), one.expected_purchases(days, HORIZON), rtol=REFIT
    )


def test_saved_as_json_and_loaded_scores_and_compares_the_same_bits(shop, fitted) -> None:
    loaded = registry.load(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert isinstance(loaded, PooledGroups)
    np.testing.assert_array_equal(loaded.expected_purchases(shop, 30.0), fitted.expected_purchases(shop, 30.0))
    pd.testing.assert_frame_equal(loaded.differences(HORIZON), fitted.differences(HORIZON))
    assert loaded.to_dict() == fitted.to_dict()


def test_futures_of_each_group_have_its_mean(shop, fitted) -> None:
    rows = shop[shop.country.isin(["c01", "c03"])].head(1200)
    drawn = fitted.draw_futures(pd.concat([rows] * 20), 60.0, random_state=1).counts().reshape(20, -1)
    for country in ("c01", "c03"):
        mine = (rows.country == country).to_numpy()
        if mine.any():
            totals = drawn[:, mine].sum(axis=1)
            expected = fitted.expected_purchases(rows[mine], 60.0).sum()
            assert abs(totals.mean() - expected) < 4 * totals.std(ddof=1) / np.sqrt(20)


def test_pareto_nbd_has_groups_too_and_few_are_said(shop) -> None:
    model = PooledGroups(ParetoNBD(), by="country").fit(shop.query("country in ['c02', 'c04', 'c05']"))
    assert "there are 3 groups by country" in model.diagnosis_.messages[-1]
    assert set(model.differences(HORIZON)["quantity"]) == {"purchases", "gone"}


def test_one_group_or_a_missing_column_is_refused_with_counts(shop) -> None:
    with pytest.raises(DataContractError, match="'country' is c01 in all 4,525 rows"):
        PooledGroups(BGNBD(), by="country").fit(shop.assign(country="c01"))
    with pytest.raises(DataContractError, match="covariates country are missing"):
        PooledGroups(BGNBD(), by="country").fit(shop.drop(columns="country"))
    with pytest.raises(DataContractError, match="has 4,525 groups; expected at most 1,000"):
        PooledGroups(BGNBD(), by="country").fit(shop.assign(country=np.arange(len(shop)).astype(str)))


def test_a_shop_without_repeat_purchases_is_fitted_as_the_whole(shop) -> None:
    once = shop.assign(frequency=0, recency=0.0)
    model = PooledGroups(BGNBD(), by="country").fit(once)
    np.testing.assert_allclose(model.expected_purchases(once, 30.0), BGNBD().fit(once).expected_purchases(once, 30.0))
    assert "expected_purchases" in model.diagnosis_.withheld

"""Drift: the index and its chance, verdicts that need both significance and weight, and promises with their spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from ltvml.evaluation.data_drift import Periods
from ltvml.evaluation.past_levels import BLOCK, PastLevels, alike, past_levels
from ltvml.evaluation.promise import Promise, excess_loss, level_spread, loss_by_itself
from ltvml.evaluation.purchase_record import PurchaseRecord
from ltvml.evaluation.stability import drift_of_count, drift_of_share, drift_of_values, judged, psi, psi_by_chance
from ltvml.models.purchase.mbg_nbd import MBGNBD

# mean and standard deviation of 2,000 draws: three standard errors
OF_DRAWS = 0.08
# a share of 1,000 draws at 1 %: three standard errors
OF_A_RATE = 0.01


def test_the_index_is_its_formula_by_hand():
    # shares .5 and .5 before, .4 and .6 now; half a count a bin
    p, q = np.array([500.5, 500.5]) / 1001, np.array([400.5, 600.5]) / 1001
    assert psi([500, 500], [400, 600]) == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert psi([3, 4], [300, 400]) == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (2_000, 500)])
def test_without_drift_the_index_has_the_mean_and_the_spread_that_are_given(n, m):
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    drawn = [psi(rng.multinomial(n, shares), rng.multinomial(m, shares)) for _ in range(2_000)]
    mean, deviation = psi_by_chance(n, m, bins=10)
    assert np.mean(drawn) == pytest.approx(mean, rel=OF_DRAWS)
    assert np.std(drawn) == pytest.approx(deviation, rel=2 * OF_DRAWS)


def test_without_drift_hardly_a_shop_of_any_size_is_called_drifted():
    rng = np.random.default_rng(2)
    called = 0
    for _ in range(1_000):
        before, now = rng.gamma(2, 20, 400), rng.gamma(2, 20, 400)
        share = [(int(rng.binomial(400, 0.3)), 400) for _ in range(2)]
        new = rng.poisson(200, 2)
        found = judged(
            [
                drift_of_values("order_value", before, now),
                drift_of_share("share_second_order", *share),
                drift_of_count("n_new_customers", *new.tolist(), noise=1.0),
            ]
        )
        called += any(one.verdict != "fine" for one in found)
    assert called / 1_000 <= 0.005 + OF_A_RATE


def test_prices_that_rise_by_half_and_customers_who_halve_are_named_and_a_trifle_in_a_large_shop_is_not():
    rng = np.random.default_rng(3)
    values = rng.lognormal(3, 0.5, 2_000)
    dearer, fewer = drift_of_values("order_value", values, 1.5 * values), drift_of_count("n_new", 400, 200, noise=1.0)
    assert [one.verdict for one in judged([dearer, fewer])] == ["large", "large"]
    many = rng.lognormal(3, 0.5, 400_000)
    (trifle,) = judged([drift_of_values("order_value", many, 1.01 * rng.permutation(many))])
    assert trifle.p_value < 0.05
    assert trifle.verdict == "fine"


def test_a_share_is_compared_as_scipy_does_and_few_customers_are_not_compared():
    table = [[30, 170], [60, 140]]
    one = drift_of_share("share_x", (30, 200), (60, 200))
    assert one.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert drift_of_share("share_x", (3, 20), (6, 20)).verdict == "too few"


def test_probabilities_that_are_right_have_the_loss_that_they_imply():
    rng = np.random.default_rng(4)
    chance = rng.beta(1, 3, 500)
    mean, deviation = loss_by_itself(chance)
    excess = [excess_loss((rng.random(500) < chance).astype(float), chance) for _ in range(2_000)]
    assert np.mean(excess) == pytest.approx(0, abs=3 * deviation / np.sqrt(2_000))
    assert np.std(excess) == pytest.approx(deviation, rel=OF_DRAWS)
    assert mean > 0


def test_windows_that_overlap_count_less_in_the_spread_of_levels():
    apart = [Promise("repurchase", 100 * k, 90, 1_000, 120.0, 100.0, {}) for k in range(4)]
    packed = [Promise("repurchase", 10 * k, 90, 1_000, 120.0, 100.0, {}) for k in range(4)]
    log = np.log(120.5 / 100.5)
    assert level_spread(apart) == pytest.approx(np.sqrt((4 * log**2 + 2 * 0.05**2) / 6))
    assert level_spread(packed) < level_spread(apart)
    assert Promise.from_dict(apart[0].to_dict()) == apart[0]


def record_of(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "value"])
    return PurchaseRecord.of(frame, decimals=2)


def test_a_record_tells_waits_histories_and_periods_as_counted_by_hand():
    record = record_of([("a", 10, 500), ("a", 40, 700), ("b", 20, 100), ("c", 50, 300), ("c", 55, 900)])
    wait, later = record.after(pd.Series(["b", "a", "x"]), 30)
    assert wait.tolist() == [np.inf, 10, np.inf]
    assert later.to_dict("list") == {"row": [1], "wait": [10], "value": [7.0]}
    summary = record.summary(45).set_index("customer_id")
    assert summary.loc["a", ["frequency", "recency", "T"]].tolist() == [1, 30, 35]
    assert "c" not in summary.index
    assert record.new_customers(50, days=40) == 2
    assert sorted(record.order_values(55, days=20)) == [7.0, 9.0]
    joined, gaps = record.second_orders(60, days=40)
    assert (joined, gaps.tolist()) == (2, [30.0])
    assert record.repeats_by_week(55, weeks=3).tolist() == [1.0, 0.0, 1.0]


def test_the_period_before_is_the_same_season_inside_what_the_fit_has_seen():
    record = record_of([("a", 0, 1), ("a", 900, 1)])
    assert Periods.of(record, fitted=800, today=827, days=90) is None
    assert Periods.of(record, fitted=800, today=830, days=90) == Periods(828 - 364, 828, 90)
    young = record_of([("a", 700, 1), ("a", 900, 1)])
    assert Periods.of(young, fitted=800, today=830, days=90) == Periods(800, 828, 90)


def test_a_season_that_the_model_has_missed_is_expected_a_year_later():
    middle = np.arange(13) * BLOCK + BLOCK / 2
    usual = PastLevels(middle, np.where(np.arange(13) == 12, np.log(1.5), 0.0), np.full(13, 1e-9))
    assert usual.over(364 + 12 * BLOCK + BLOCK // 2 - 3, 7)[0] == pytest.approx(1.5, rel=0.02)
    ratio, left = usual.log_ratios(364 + middle)
    # blocks that are known exactly are met exactly, and nothing is left of their error
    np.testing.assert_allclose(ratio, usual.log_ratio, atol=1e-6)
    assert np.diag(left).max() < 1e-8
    assert usual.over(364 + 3 * BLOCK, BLOCK)[0] == pytest.approx(1.0, abs=0.02)


def test_what_is_left_of_the_error_of_a_season_is_as_large_as_its_covariance_says():
    rng = np.random.default_rng(4)
    middle, by_chance = np.arange(13) * BLOCK + BLOCK / 2, np.full(13, 0.0005)
    errors = []
    for _ in range(400):
        season = rng.multivariate_normal(np.zeros(13), 0.005 * alike(middle, middle))
        usual = PastLevels(middle, season + rng.normal(0, np.sqrt(by_chance)), by_chance)
        told, left = usual.log_ratios(middle + 364)
        errors.append((season - told) @ np.linalg.solve(left + 1e-12 * np.eye(13), season - told) / 13)
    # t^2 is estimated from thirteen blocks that are alike: too small in some years
    assert np.median(errors) == pytest.approx(1.0, rel=0.25)


def test_the_size_of_a_season_is_never_certain_and_is_met_on_average():
    rng = np.random.default_rng(6)
    middle, by_chance = np.arange(13) * BLOCK + BLOCK / 2, np.full(13, 0.002)
    chance_alone = [PastLevels(middle, rng.normal(0, np.sqrt(by_chance)), by_chance).variance for _ in range(100)]
    # chance of the size v hides seasons of a part of it, and none of several times it
    assert min(chance_alone) > 0.0001
    assert np.mean(chance_alone) < 0.002
    seasons = rng.multivariate_normal(np.zeros(13), 0.02 * alike(middle, middle), size=200)
    found = [PastLevels(middle, one + rng.normal(0, np.sqrt(by_chance)), by_chance).variance for one in seasons]
    # thirteen blocks that are alike are some six independent ones: a median within a third, and a skewed mean
    assert np.median(found) == pytest.approx(0.02, rel=1 / 3)


def test_the_sampling_error_of_a_season_is_alike_as_two_means_by_the_same_gaussian_are():
    from scipy.ndimage import gaussian_filter1d

    from ltvml.models.season.smoothing import SMOOTHING_DAYS, SMOOTHING_SPAN

    middle = np.arange(13) * BLOCK + BLOCK / 2
    usual = PastLevels(middle, np.zeros(13), np.full(13, 1e-9), np.full(13, 1 / SMOOTHING_SPAN))
    smooth = gaussian_filter1d(np.random.default_rng(8).normal(size=(4_000, 364)), SMOOTHING_DAYS, mode="wrap")
    lags = [0, 7, 14, 28]
    found = [np.mean(smooth * np.roll(smooth, lag, axis=1)) for lag in lags]
    # an event of the next year, the year after its end and the first of its blocks
    np.testing.assert_allclose(usual.sampling(364.0 + np.array(lags))[0], found, rtol=0.03, atol=1e-4)
    assert usual.over(364, 7)[1] > 0.9 * SMOOTHING_SPAN**-0.5


def test_a_model_that_reads_attributes_learns_the_season_from_the_closed_form_on_its_clock():
    from ltvml.clock import OperationalTime
    from ltvml.models.closed_form import likelier_purchase_model

    class ReadsAttributes(MBGNBD):
        def reads(self):
            return (*super().reads(), "channel")

    record, fitted = growing_shop(), 899
    found = past_levels(record, ReadsAttributes(), fitted, noise=1.0)
    plain = likelier_purchase_model(record.summary(fitted), OperationalTime())
    expected = past_levels(record, plain, fitted, noise=1.0)
    assert len(found.middle) > 13
    np.testing.assert_array_equal(found.log_ratio, expected.log_ratio)
    assert not found.learned.any()


def test_in_a_shop_without_a_season_nothing_is_learned_beyond_chance():
    record = growing_shop()
    model = MBGNBD().fit(record.summary(899))
    found = past_levels(record, model, 899, noise=1.0)
    told, _ = found.log_ratios(found.middle)
    assert np.abs(told).max() < 0.08
    # less than a year and a block before the fit: nothing is known
    assert past_levels(record, model, 380, noise=1.0).over(400, 7) == (1.0, 0.0)


def growing_shop() -> PurchaseRecord:
    """900 days of an MBG/NBD shop without a season."""
    from ltvml.datasets.simulate import simulate_customers

    rng = np.random.default_rng(5)
    born = rng.uniform(0, 900, 2_500)
    drawn = simulate_customers(
        2_500, T=900 - born, random_state=rng, model="mbg_nbd", r=0.8, alpha=40.0, a=0.8, b=3.0
    ).purchases
    days = np.floor(np.concatenate([born, born[drawn.customer] + drawn.time]))
    customer = np.concatenate([np.arange(2_500), drawn.customer]).astype(str)
    frame = pd.DataFrame({"customer_id": customer, "day": days.astype(int), "value": 1}).drop_duplicates(
        ["customer_id", "day"]
    )
    return PurchaseRecord.of(frame, decimals=0)


def test_of_two_equal_shares_the_ratio_is_one() -> None:
    for before, now in (((0, 200), (0, 350)), ((20, 200), (35, 350))):
        assert drift_of_share("share_missing_channel", before, now).size == 1.0

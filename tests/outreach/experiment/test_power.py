from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltvml.outreach.experiment.power import (
    Arms,
    Launch,
    before_launch,
    detectable_conversion,
    detectable_value,
    power_of_conversion,
    power_of_value,
)

# customers an arm by the unpooled formula for power .80 and level .05, two-sided:
# (1.959964 + .841621)^2 (p1 q1 + p2 q2) / d^2, rounded up
UNPOOLED = [(0.1, 0.15, 683), (0.2, 0.3, 291), (0.5, 0.6, 385)]
# Cohen (1988), table 2.4.1: customers an arm for power .80 by the t-test; the normal approximation needs one fewer
COHEN = [(0.2, 393), (0.5, 64)]
COHEN_BAND = 0.015
ROUNDING = 2e-3
CAMPAIGNS = 20_000
# three binomial standard errors of 20,000 campaigns, and what the normal approximation leaves at these rates
SIMULATION = 3 * math.sqrt(0.8 * 0.2 / CAMPAIGNS) + 0.015


@pytest.mark.parametrize(("base", "treated", "n"), UNPOOLED)
def test_power_at_the_sample_size_of_the_formula_is_the_wanted_one(base, treated, n):
    assert power_of_conversion(treated - base, Arms(n, n), rate=base) == pytest.approx(0.8, abs=ROUNDING)


@pytest.mark.parametrize(("d", "n"), COHEN)
def test_power_for_a_mean_is_that_of_cohens_table(d, n):
    assert power_of_value(d, Arms(n, n), sd=1.0) == pytest.approx(0.8, abs=COHEN_BAND)


def test_the_detectable_rise_is_found_in_the_wanted_share_of_simulated_campaigns():
    arms = Arms(9000, 1000)
    rise = detectable_conversion(arms, rate=0.08)
    draw = np.random.default_rng(0)
    p_t = draw.binomial(arms.treat, 0.08 + rise, CAMPAIGNS) / arms.treat
    p_c = draw.binomial(arms.holdout, 0.08, CAMPAIGNS) / arms.holdout
    error = np.sqrt(p_t * (1 - p_t) / arms.treat + p_c * (1 - p_c) / arms.holdout)
    assert np.mean(np.abs(p_t - p_c) > arms.critical * error) == pytest.approx(arms.power, abs=SIMULATION)


@given(
    st.integers(50, 10**6),
    st.floats(0.02, 0.98),
    st.floats(0.01, 0.9),
    st.floats(0.0, 0.95),
    st.floats(0.1, 1e4),
)
@settings(max_examples=100, deadline=None)
def test_what_is_detectable_is_detected_with_the_wanted_power(n, share, rate, rho, sd):
    arms = Arms.of(n, share=share, rho=rho)
    if not arms.both:
        return
    assert power_of_value(detectable_value(arms, sd=sd), arms, sd=sd) == pytest.approx(0.8, abs=1e-3)
    rise = detectable_conversion(arms, rate=rate)
    if not math.isnan(rise):
        assert 0 < rise < 1 - rate
        assert power_of_conversion(rise, arms, rate=rate) == pytest.approx(0.8, abs=1e-3)


def test_a_covariate_of_correlation_rho_is_worth_more_customers():
    # 1 / (1 - .6^2) = 1.5625 times as many
    assert detectable_value(Arms(6400, 640, rho=0.6), sd=10.0) == pytest.approx(
        detectable_value(Arms(10_000, 1000), sd=10.0), rel=1e-12
    )


def test_an_effect_of_none_is_found_as_often_as_the_level_says():
    assert power_of_value(0.0, Arms(100, 100), sd=1.0) == pytest.approx(0.05, abs=1e-12)


def test_an_empty_arm_or_too_few_customers_detect_nothing():
    assert math.isnan(detectable_value(Arms(10, 0), sd=1.0))
    assert math.isnan(detectable_conversion(Arms(10, 0), rate=0.1))
    assert math.isnan(detectable_conversion(Arms(3, 1), rate=0.5))


def test_words_name_both_arms_and_what_will_be_found():
    words = before_launch(20_000, share=0.1, rate=0.08, sd=30.0, effect=0.15).words
    assert words[0] == "18,000 customers to contact, 2,000 held out."
    assert words[1] == "Smallest detectable rise in conversion (80 % power): 1.8 points, from 8.0 % to 9.8 %."
    assert words[2] == "Smallest detectable difference in value per customer (80 % power): 1.98."
    assert words[3].startswith("Power to detect the assumed effect of +1.2 points: 45 %.")
    assert "A larger outreach.holdout would raise the power." in words[4]


def test_words_of_a_launch_that_cannot_be_measured_say_what_to_try():
    assert before_launch(100, share=0.0, rate=0.1, sd=1.0).words == (
        "The effect cannot be measured: 100 customers to contact, 0 held out. "
        "Set outreach.holdout, for example to 0.1.",
    )
    words = before_launch(6, share=0.5, rate=0.6, sd=1.0).words
    assert words[1].startswith("No rise in conversion is detectable from ")
    assert len(words) == 3


def test_an_effect_that_will_surely_be_found_gets_no_advice():
    launch = before_launch(10**6, share=0.5, rate=0.2, sd=1.0, effect=0.2)
    assert launch.power_of_effect > 0.999
    assert "A larger outreach.holdout" not in " ".join(launch.words)


def test_without_an_assumed_effect_there_is_no_power_of_it():
    arms = Arms(100, 100)
    assert math.isnan(Launch(arms, arms, rate=0.1, sd=1.0).power_of_effect)

"""The laws of a stretched value model: rank and total, horizons in proportion, no dependence on the batch."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ltvml.models import registry
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.models.value.stretched import Stretched

HORIZON = 90.0
MEAN = 25.0


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    frequency = rng.poisson(2.0, 400)
    recency = np.where(frequency > 0, rng.integers(1, 300, 400), 0)
    amount = rng.gamma(4.0, 10.0, 400)
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": recency,
            "T": recency + rng.integers(1, 200, 400),
            "monetary_value": np.where(frequency > 0, amount, 0.0),
            "historic_value": amount * (1 + frequency),
        }
    )


@pytest.fixture(scope="module")
def ranking(customers: pd.DataFrame) -> PurchaseTimesSpend:
    return PurchaseTimesSpend(BGNBD(), GammaGamma(orders="all"), discount_rate=0.0003).fit(customers)


@pytest.fixture(scope="module")
def served(customers: pd.DataFrame, ranking: PurchaseTimesSpend) -> Stretched:
    return Stretched.at_mean(ranking, customers, exponent=1.3, mean=MEAN, horizon=HORIZON)


def test_the_mean_is_the_one_asked_for_and_the_ranking_stays(
    served: Stretched, ranking: PurchaseTimesSpend, customers: pd.DataFrame
):
    before, after = ranking.expected_value(customers, HORIZON), served.expected_value(customers, HORIZON)
    assert after.mean() == pytest.approx(MEAN)
    np.testing.assert_allclose(np.log(after / after[0]), 1.3 * np.log(before / before[0]), rtol=1e-9, atol=1e-9)


def test_other_horizons_and_silence_keep_each_customers_own_proportion(
    served: Stretched, ranking: PurchaseTimesSpend, customers: pd.DataFrame
):
    factor = served.expected_value(customers, HORIZON) / ranking.expected_value(customers, HORIZON)
    several = served.expected_value_at(customers, [30.0, 365.0])
    for place, horizon in enumerate((30.0, 365.0)):
        expected = factor * ranking.expected_value(customers, horizon)
        np.testing.assert_allclose(served.expected_value(customers, horizon), expected)
        np.testing.assert_allclose(several[:, place], expected)
    silent = served.value_by_silence(customers, 365.0)(40.0)
    np.testing.assert_allclose(silent, factor * ranking.expected_value_if_silent(customers, 365.0, silence=40.0))


def test_a_value_does_not_depend_on_who_else_is_asked(served: Stretched, customers: pd.DataFrame):
    alone = served.expected_value(customers.iloc[[7]], HORIZON)
    np.testing.assert_allclose(alone, served.expected_value(customers, HORIZON)[[7]], rtol=1e-12)


def test_a_customer_worth_nothing_stays_worth_nothing(ranking: PurchaseTimesSpend, customers: pd.DataFrame):
    owing = customers.assign(historic_value=0.0, monetary_value=0.0)
    served = Stretched(ranking, exponent=1.2, factor=3.0, horizon=HORIZON)
    assert np.isfinite(served.expected_value(owing, HORIZON)).all()


def test_it_survives_json_exactly(served: Stretched, customers: pd.DataFrame):
    again = registry.load(json.loads(json.dumps(served.to_dict())))
    assert isinstance(again, Stretched)
    assert (again.expected_value(customers, 30.0) == served.expected_value(customers, 30.0)).all()

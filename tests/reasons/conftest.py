"""A simulated shop with every behaviour column, and the models that its past teaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ltvml.backtesting.history import History
from ltvml.bundle.typical import Typical
from ltvml.config import Config
from ltvml.datasets.simulate import simulate_transactions
from ltvml.inputs.orders import read_orders
from ltvml.models.repurchase.base_rate import BaseRate
from ltvml.models.repurchase.lightgbm_binary import LightGBMBinary
from ltvml.models.repurchase.lightgbm_hazard import LightGBMHazard
from ltvml.models.repurchase.logistic import Logistic
from ltvml.models.repurchase.mix import RepurchaseMix
from ltvml.models.repurchase.recency import Recency
from ltvml.progress import Steps

if TYPE_CHECKING:
    import pandas as pd

CUTOFF, HORIZON = "2020-12-31", 60
LEARNERS = (BaseRate, Recency, Logistic, LightGBMBinary, LightGBMHazard, RepurchaseMix)


@pytest.fixture(scope="session")
def snapshots():
    ages = np.random.default_rng(1).integers(30, 500, 900)
    truth = {"r": 0.6, "alpha": 25, "a": 0.8, "b": 2.5, "random_state": 4}
    orders = simulate_transactions(900, T=ages, cutoff=CUTOFF, model="mbg_nbd", **truth)
    config = Config.model_validate({"window": {"cutoff": CUTOFF, "churn_horizon": HORIZON}})
    intake = read_orders(config.orders, config.window, orders, Steps())
    history = History(intake, config.value.decimals)
    found = history.snapshots(history.cutoff_day, HORIZON)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def customers(snapshots) -> pd.DataFrame:
    """The customers at the cutoff."""
    return snapshots.present


@pytest.fixture(scope="session")
def typical(customers) -> Typical:
    return Typical.of(customers)


@pytest.fixture(scope="session")
def fitted(snapshots):
    """Every repurchase learner, and the closed form, by name."""
    learners = {learner.name: learner().fit(snapshots) for learner in LEARNERS}
    return learners | {"closed_form": snapshots.closed_form.purchase}


@pytest.fixture(params=[*(learner.name for learner in LEARNERS), "closed_form"])
def model(request, fitted):
    return fitted[request.param]

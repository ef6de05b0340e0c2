"""Every model finds the parameters of simulated shops again; 100 shops a model are in benchmarks/robustness.py."""

from __future__ import annotations

import numpy as np
import pytest
from robustness import MODELS, ordinary_shop

SHOPS = 8
# each estimate is within three standard errors in 99.7 % of shops, all four in 99 %: two of eight by chance once in 400
MAY_MISS = 1


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_parameters_come_back_within_three_standard_errors(name):
    missed = 0
    for seed in range(SHOPS):
        shop = ordinary_shop(name, 1_000 + seed)
        model = shop.model.fit(shop.X)
        truth, got = np.array(list(shop.params.values())), np.array(list(model.params_.values()))
        log_errors = np.array(list(model.standard_errors_.values())) / got
        assert np.isfinite(log_errors).all()
        missed += bool((np.abs(np.log(got / truth)) >= 3 * log_errors).any())
    assert missed <= MAY_MISS

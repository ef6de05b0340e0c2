"""lifetimes and ltvml: the same parameters, and the same predictions from them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ltvml.errors import ConvergenceError
from ltvml.models.purchase.bg_nbd import BGNBD
from ltvml.models.purchase.lifetimes_bg_nbd import LifetimesBGNBD, new_fitter

# the bars of the project
SAME_PARAMETERS = 1e-4
SAME_PREDICTIONS = 1e-9


@pytest.fixture(scope="module")
def theirs(cdnow) -> LifetimesBGNBD:
    return LifetimesBGNBD().fit(cdnow)


def test_both_find_the_same_parameters(cdnow, theirs):
    ours = BGNBD().fit(cdnow)
    np.testing.assert_allclose(list(ours.params_.values()), list(theirs.params_.values()), rtol=SAME_PARAMETERS)
    np.testing.assert_allclose(list(ours.standard_errors_.values()), list(theirs.standard_errors_.values()), rtol=1e-3)
    assert ours.log_likelihood_ == pytest.approx(theirs.log_likelihood_, abs=1e-4)


@pytest.mark.filterwarnings("ignore:the horizon is 500:ltvml.errors.FitWarning")
@pytest.mark.parametrize("horizon", [0.5, 39.0, 500.0])
def test_same_parameters_give_the_same_predictions(cdnow, theirs, horizon):
    ours = BGNBD.from_params(**theirs.params_)
    np.testing.assert_allclose(
        ours.expected_purchases(cdnow, horizon), theirs.expected_purchases(cdnow, horizon), rtol=SAME_PREDICTIONS
    )
    np.testing.assert_allclose(ours.probability_alive(cdnow), theirs.probability_alive(cdnow), rtol=SAME_PREDICTIONS)


def test_purchase_counts_of_a_new_customer_are_the_same(theirs, frame):
    fitter = new_fitter(0.0)
    fitter.params_ = theirs.params_
    expected = [fitter.probability_of_n_purchases_up_to_time(30.0, n) for n in range(30)]
    got = BGNBD.from_params(**theirs.params_).pmf(frame((0, 0, 0)), np.arange(30), 30.0)[0]
    np.testing.assert_allclose(got, expected, rtol=SAME_PREDICTIONS)


def test_penalizer_passes_through(cdnow):
    from lifetimes import BetaGeoFitter

    penalised = LifetimesBGNBD(penalizer_coef=0.05).fit(cdnow)
    direct = BetaGeoFitter(penalizer_coef=0.05).fit(cdnow.frequency, cdnow.recency, cdnow["T"])
    np.testing.assert_allclose(list(penalised.params_.values()), direct.params_.to_numpy(), rtol=SAME_PARAMETERS)


def test_failed_fit_says_what_to_try_and_prints_nothing(frame, capsys):
    with pytest.raises(ConvergenceError, match="penalizer_coef"):
        LifetimesBGNBD().fit(frame((0, 0, 0)))
    assert capsys.readouterr().out == ""


def test_own_models_never_import_lifetimes():
    code = (
        "import sys; from ltvml.models import registry; registry.make('purchase', 'bg_nbd'); "
        "registry.make('purchase', 'lifetimes_bg_nbd'); registry.names('purchase'); "
        "assert 'lifetimes' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)

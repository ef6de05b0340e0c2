"""Models are found by name, listed without being imported, and loaded from their text."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from ltvml.errors import BundleError, ConfigError
from ltvml.models import registry
from ltvml.models.purchase.mbg_nbd import MBGNBD


def test_purchase_models_are_listed_with_a_line_each():
    listed = registry.available("purchase")
    assert {"bg_nbd", "mbg_nbd", "lifetimes_bg_nbd"} <= set(listed)
    assert all(listed.values())


def test_files_of_maths_and_wrappers_are_not_listed():
    assert not {"patterns", "special", "in_operational_time"} & set(registry.names("purchase"))


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'mbg_nbd'"):
        registry.make("purchase", "mbgnbd")
    with pytest.raises(ConfigError, match="did you mean 'purchase'"):
        registry.available("purchases")


def test_unknown_parameters_are_refused():
    with pytest.raises(ConfigError, match="penaliser"):
        registry.make("purchase", "lifetimes_bg_nbd", penaliser=0.1)


def test_parameters_reach_the_model():
    assert registry.make("purchase", "lifetimes_bg_nbd", penalizer_coef=0.1).get_params() == {"penalizer_coef": 0.1}


def test_load_gives_back_the_class_and_its_state():
    model = MBGNBD.from_params(r=0.5, alpha=6.0, a=0.9, b=1.6)
    loaded = registry.load(model.to_dict())
    assert isinstance(loaded, MBGNBD)
    X = pd.DataFrame({"frequency": [2], "recency": [30.0], "T": [38.0]})
    assert loaded.expected_purchases(X, 10.0) == model.expected_purchases(X, 10.0)


def test_model_of_another_release_is_refused():
    with pytest.raises(BundleError, match="is not installed here"):
        registry.load({"role": "purchase", "name": "pareto_of_the_future"})


def test_listing_imports_no_model_and_no_library():
    code = (
        "import sys; from ltvml.models.registry import names; names('purchase'); "
        "loaded = {'numpy', 'pandas', 'scipy', 'ltvml.models.purchase.bg_nbd'} & set(sys.modules); "
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

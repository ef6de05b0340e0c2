"""Each model at 210 far corners, against tests/reference/torture.csv (60 digits, by tools/torture_values.py).

Up to 5,000 purchases, a, s and gamma within 1e-9 of 1, ratios of parameters from 1/250 to 250, horizons from 1e-6 to
1e6 beside ages from 1e-6 to 1e6, and every third customer silent since exactly the cutoff.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ltvml.models import registry
from ltvml.models.purchase.parametric import ParametricPurchaseModel

PAGE = Path(__file__).resolve().parents[2] / "reference" / "torture.csv"
# the bar of the project; most answers agree to 1e-11
RELATIVE = 1e-8
# below this a double has fewer digits
SMALLEST = 1e-290
QUANTITIES = ("log_likelihood", "p_alive", "expected_purchases", "survival", "pmf", "dert")
MODELS = ("nbd", "pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd", "mbg_cnbd", "bg_bb")


@cache
def corners(name: str) -> pd.DataFrame:
    page = pd.read_csv(PAGE)
    return page[page["model"] == name].reset_index(drop=True)


@cache
def answered(name: str) -> pd.DataFrame:
    return pd.DataFrame([answers(name, corner) for corner in corners(name).to_dict("records")], columns=QUANTITIES)


def answers(name: str, at: dict[str, float]) -> list[float]:
    model = made(name, at)
    X = pd.DataFrame({"frequency": [at["x"]], "recency": [at["t_x"]], "T": [at["T"]]})
    return [
        model.log_likelihood(X),
        model.probability_alive(X)[0],
        model.expected_purchases_at(X, [at["t"]])[0, 0],
        model.survival_function(X, [at["t"]])[0, 0],
        model.pmf(X, [int(at["n"])], at["t"])[0, 0],
        model.dert(X, at["rate"])[0],
    ]


def made(name: str, at: dict[str, float]) -> ParametricPurchaseModel:
    kind = type(registry.make("purchase", name))
    assert issubclass(kind, ParametricPurchaseModel)
    params = {parameter: at[f"p{place}"] for place, parameter in enumerate(kind.parameters, start=1)}
    return kind.from_params(**params | ({"k": int(at["k"])} if "cnbd" in name else {}))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_far_corners_match_high_precision(name, quantity):
    assert len(corners(name)) >= 200
    got, expected = answered(name)[quantity], corners(name)[quantity]
    assert np.isfinite(got).all()
    # a log-likelihood of about 0 is compared by the likelihood itself
    smallest = 1e-4 if quantity == "log_likelihood" else SMALLEST
    off = (got - expected).abs() / expected.abs().clip(lower=smallest)
    worst = off.idxmax()
    assert off.max() < RELATIVE, f"{got[worst]!r}: {corners(name).loc[worst].to_dict()}"
    assert quantity == "log_likelihood" or (got >= 0).all()

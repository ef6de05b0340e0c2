"""A model of another package: installed, named, backtested, scored and explained, with no edit in ltvml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import BEHAVIOUR
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import ConfigError, LtvmlWarning
from ltvml.models import registry
from ltvml.models.plugin import fit_plugin

if TYPE_CHECKING:
    from collections.abc import Callable

CHURN = '''
import numpy as np
from ltvml.models.base import RepurchaseModel

class Halving(RepurchaseModel):
    """The chance of an order halves with every so many days of silence."""

    name = "halving"
    requires = ("recency", "T", "gap_last")

    def __init__(self, days=60.0):
        self.days = days

    def fit(self, snapshots):
        silence = snapshots.X["T"] - snapshots.X["recency"]
        seen = 0.5 ** (silence / self.days)
        self.horizon_ = snapshots.horizon
        self.level_ = float(min(snapshots.buys.mean() / seen.mean(), 1.0))
        return self

    def survival_function(self, X, times):
        recency, T = self.columns(X, "recency", "T")
        late = np.nan_to_num(X["gap_last"].to_numpy(dtype=float)) > 30
        chance = 0.98 * self.level_ * 0.5 ** ((T - recency) / self.days + 0.5 * late)
        days = np.broadcast_to(np.asarray(times, dtype=float), (len(X), np.shape(times)[-1]))
        return (1 - chance[:, None]) ** (days / self.horizon_)

    def fitted_state(self):
        return {"level": self.level_, "horizon": self.horizon_}

    def restore(self, state):
        self.level_, self.horizon_ = state["level"], state["horizon"]
'''
VALUE = '''
import numpy as np
from ltvml.models.base import ValueModel

class MeanPastValue(ValueModel):
    """Every customer spends the mean of the past windows."""

    name = "mean_past_value"
    requires = ()
    learned = {"per_day": float}

    def fit(self, snapshots):
        self.per_day_ = float(snapshots.spend.mean() / snapshots.horizon)
        return self

    def expected_value(self, X, horizon):
        return np.full(len(X), self.per_day_ * horizon)

    def expected_value_if_silent(self, X, horizon, *, silence):
        return np.full(len(X), self.per_day_ * max(horizon - silence, 0))
'''
ENTRY_POINTS = """[ltvml.models]
repurchase.halving = shop_models.churn:Halving
value.mean_past_value = shop_models.value:MeanPastValue
"""
CONFIG = """
transactions: {source: orders.csv}
window: {cutoff: 2024-12-31, churn_horizon: 60, ltv_horizon: 60}
models: {churn: halving, value: mean_past_value}
replenishment: {item: "off"}
season: "off"
output: {dir: out}
tracking: {backend: none}
"""


def install(folder: Path, entry_points: str, **modules: str) -> None:
    """Lay a package out as an installer leaves it: modules, and metadata with entry points."""
    package, metadata = folder / "shop_models", folder / "shop_models-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").write_text("")
    for name, source in modules.items():
        (package / f"{name}.py").write_text(source)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shop_models\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A folder with orders, a configuration and the installed package; a call runs `ltvml` there."""
    folder = tmp_path_factory.mktemp("shop")
    install(folder / "site", ENTRY_POINTS, churn=CHURN, value=VALUE)
    ages = np.random.default_rng(1).uniform(30, 400, 400)
    orders = simulate_transactions(400, r=0.6, alpha=20.0, a=0.8, b=2.5, T=ages, cutoff="2024-12-31", random_state=1)
    orders.to_csv(folder / "orders.csv", index=False)
    (folder / "ltvml.yaml").write_text(CONFIG)

    def run(*command: str) -> Any:
        environment = os.environ | {"PYTHONPATH": str(folder / "site")}
        done = subprocess.run(
            [sys.executable, "-m", "ltvml.cli", *command, "--json"],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_models_of_the_package_are_listed_where_they_may_be_named(shop: Callable[..., Any]) -> None:
    found = shop("models")["models"]
    assert found["churn"]["halving"] == "The chance of an order halves with every so many days of silence."
    assert "mean_past_value" in found["value"]


def test_the_models_named_in_the_configuration_are_fitted_saved_scored_and_explained(
    shop: Callable[..., Any],
) -> None:
    fitted = shop("fit")
    bundle = Path(fitted["folder"])
    assert json.loads((bundle / "repurchase.json").read_text())["name"] == "halving"
    assert json.loads((bundle / "value.json").read_text())["name"] == "mean_past_value"
    scored = shop("score")
    scores = pd.read_parquet(Path(scored["folder"]) / "customers.parquet")
    assert scores["churn_risk"].between(0, 1).all()
    riskiest = scores.loc[scores["churn_risk"].idxmax(), "customer_id"]
    explained = shop("explain", str(riskiest))
    assert explained["model"] == "halving"
    assert "silence" in {reason["group"] for reason in explained["reasons"] if reason["effect"] == "raises"}


@pytest.mark.slow
def test_auto_takes_the_models_of_the_package_as_candidates(shop: Callable[..., Any]) -> None:
    report = shop("backtest", "--set", "models.churn=auto", "--set", "models.value=auto")
    folder = Path(report["folder"])
    measures = pd.read_csv(folder / "measures.csv")
    for role, name in (("repurchase", "halving"), ("value", "mean_past_value")):
        assert name in set(measures.loc[measures["role"] == role, "candidate"])


@pytest.mark.parametrize(
    ("entry_point", "source", "message"),
    [
        ("repurchase.broken", "import a_library_that_is_not_there", "cannot be imported: ModuleNotFoundError"),
        ("repurchase.broken", "class Broken: pass", "is no subclass of ltvml.models.base.Model"),
        ("value.halving", CHURN.replace("Halving", "Broken"), "has role 'repurchase' and name 'halving'"),
        ("repurchase.broken", CHURN.replace("Halving", "Broken"), "has role 'repurchase' and name 'halving'"),
        (
            "repurchase.halving",
            CHURN.replace("Halving", "Broken").replace("survival_function", "survives"),
            "lacks the methods survival_function",
        ),
        ("repurchase.halving", CHURN.replace("Halving", "Broken").replace("def fit", "def learn"), "lacks .* fit"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_with_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry_point: str, source: str, message: str
) -> None:
    role, _, name = entry_point.partition(".")
    installed(tmp_path, monkeypatch, f"[ltvml.models]\n{entry_point} = shop_models.broken:Broken\n", source)
    assert name in registry.names(role)
    with pytest.raises(ConfigError, match=message):
        registry.model_class(role, name)


LAST_LINE = "        return (1 - chance[:, None]) ** (days / self.horizon_)"
RETURNED = "        return self\n"


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        (LAST_LINE, "        return 1 + days", "gave 1.* expected probabilities within"),
        (LAST_LINE, "        return days * np.nan", "numbers that are not finite"),
        (LAST_LINE, "        return np.ones(3)", "gave the shape .3,."),
        (LAST_LINE, "        return np.where(days == 0, 1, np.minimum(days / 1000, 1))", "increases by"),
        (LAST_LINE, "        return 0.5 + 0 * days", "is 0.5 at time 0; expected 1"),
        (RETURNED, "        return 0\n", "`fit` returned int"),
        (RETURNED, "        raise ValueError('too hot')\n", "failed while it was trained and checked: ValueError: too"),
        ('"level": self.level_', '"level": self.level_ / 2', "predictions differ after `to_dict` and `from_dict`"),
        ('"level": self.level_', '"level": {1, 2}', "not JSON serializable"),
        ('"gap_last")', '"gap_last", "shoe_size")', "reads the columns shoe_size"),
    ],
)
def test_a_trained_model_that_breaks_a_law_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, instead: str, message: str
) -> None:
    source = CHURN.replace("Halving", "Broken").replace(line, instead)
    assert source != CHURN.replace("Halving", "Broken")
    installed(tmp_path, monkeypatch, "[ltvml.models]\nrepurchase.halving = shop_models.broken:Broken\n", source)
    with pytest.raises(ConfigError, match=message) as found:
        fit_plugin("repurchase", "halving", few_snapshots(), offered={})
    assert "model 'halving' of role 'repurchase'" in str(found.value)


def test_a_negative_value_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = VALUE.replace("MeanPastValue", "Broken").replace("per_day_ * horizon", "per_day_ - horizon")
    installed(tmp_path, monkeypatch, "[ltvml.models]\nvalue.mean_past_value = shop_models.broken:Broken\n", source)
    with pytest.raises(ConfigError, match=r"`expected_value` gave -.*; expected values of at least 0"):
        fit_plugin("value", "mean_past_value", few_snapshots(), offered={})


def test_arguments_of_the_configuration_come_before_those_offered_and_the_rest_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = CHURN.replace("Halving", "Broken")
    installed(tmp_path, monkeypatch, "[ltvml.models]\nrepurchase.halving = shop_models.broken:Broken\n", source)
    offered = {"days": 10.0, "random_state": 3}
    model = fit_plugin("repurchase", "halving", few_snapshots(), offered=offered, params={"days": 20.0})
    assert model.get_params() == {"days": 20.0}


def test_a_name_that_ships_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_points = "[ltvml.models]\nrepurchase.closed_form = shop_models.broken:Broken\n"
    installed(tmp_path, monkeypatch, entry_points, CHURN)
    with pytest.warns(LtvmlWarning, match="ltvml keeps that name"):
        assert "closed_form" not in registry.plugins("repurchase")


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, entry_points: str, source: str) -> None:
    install(folder, entry_points, broken=source)
    for module in ("shop_models", "shop_models.broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(folder)


def few_snapshots() -> Any:
    """Five customers, and what the models of this file read of their past."""
    X = pd.DataFrame(
        {
            "cutoff_day": 19000,
            "frequency": [0, 1, 2, 3, 4],
            "recency": [0.0, 10, 20, 30, 40],
            "T": [50.0, 60, 70, 80, 90],
        }
    )
    X = X.assign(**dict.fromkeys(BEHAVIOUR.names, 1.0))
    return SimpleNamespace(
        X=X, present=X, horizon=60, buys=np.array([True, False, True, False, True]), spend=np.arange(5.0)
    )

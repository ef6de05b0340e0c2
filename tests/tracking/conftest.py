"""A fitted bundle of nobody's orders, the report of its fit, and one MLflow store that the tests share."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.bundle.bundle import Bundle, Money
from ltvml.bundle.customer_scores import Roles
from ltvml.bundle.rfm import RFM
from ltvml.bundle.typical import Typical
from ltvml.models.purchase.mbg_nbd import MBGNBD
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.value.purchase_times_spend import PurchaseTimesSpend
from ltvml.tracking.choose import tracker_for
from ltvml.tracking.items import fit_run
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ltvml.tracking.base import Logged
    from ltvml.tracking.mlflow import MlflowTracker

CUTOFF = "2011-09-10"
USER = "quite-a-name"
SOURCE = "a-secret-place/orders.parquet"


@pytest.fixture(scope="session")
def summary() -> pd.DataFrame:
    """600 simulated customers, in the columns of `contracts.SUMMARY`."""
    rng = np.random.default_rng(7)
    n = 600
    age = rng.integers(60, 400, n)
    frequency = rng.poisson(rng.gamma(0.6, 1 / 90, n) * age * rng.beta(2, 1, n))
    recency = np.where(frequency > 0, np.floor(age * rng.beta(frequency + 1.0, 1.5)), 0).astype("int64")
    frequency = np.minimum(frequency, recency)
    first = np.round(rng.gamma(6, 4, n), 2)
    mean = np.where(frequency > 0, np.round(rng.gamma(6, 4, n), 2), 0.0)
    return pd.DataFrame(
        {
            "customer_id": [f"customer-{4700 + i}" for i in range(n)],
            "cutoff_day": Window(CUTOFF).cutoff_day,
            "frequency": frequency,
            "recency": recency,
            "T": age,
            "monetary_value": mean,
            "first_order_value": first,
            "historic_value": np.round(first + mean * frequency, 2),
        }
    )


@pytest.fixture(scope="session")
def bundle(summary: pd.DataFrame) -> Bundle:
    purchase = MBGNBD().fit(summary)
    spend = GammaGamma(orders="all").fit(
        pd.DataFrame({"n": summary["frequency"] + 1, "total": summary["historic_value"]})
    )
    rfm = RFM.learn(
        days_since_last=summary["T"] - summary["recency"],
        n_orders=summary["frequency"] + 1,
        customers=np.ones(len(summary)),
        historic_value=summary["historic_value"],
        value_customers=np.ones(len(summary)),
    )
    value = PurchaseTimesSpend(purchase, spend, discount_rate=0.0003)
    return Bundle(Window(CUTOFF), Roles(purchase, purchase, spend, value), Money(), rfm, Typical.of(summary))


@pytest.fixture(scope="session")
def report(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a fit says of itself; its folder holds a manifest that says where the data lie, as that of a fit does."""
    folder = tmp_path_factory.mktemp("fit") / "bundle"
    bundle.save(folder)
    (folder / "manifest.json").write_text(f'{{"config": {{"transactions": {{"source": "{SOURCE}"}}}}}}')
    (folder / "tracking.png").write_bytes(b"\x89PNG of a plot")
    return {
        "window": {"cutoff": CUTOFF, "churn_horizon": 90, "ltv_horizon": 365},
        "settings": {"value": {"margin": 1.0}, "random_state": 0},
        "fingerprint": {"sha256": "5e884898da28047151d0e56f8dc62927", "rows": 2000},
        "ledger": {"rows_in": 2000, "used": 1990, "missing_date": 6, "excluded_is test?": 4},
        "metrics": {"customers": 600},
        "seconds": {"read": 0.1, "fit purchases": 0.05},
        "messages": ["hardly anybody leaves"],
        "models": {role: _facts(getattr(bundle.roles, role)) for role in ("purchase", "spend", "value")},
        "plots": [folder / "tracking.png"],
        "bundle": folder,
        "bundle_version": bundle.version,
    }


@pytest.fixture(scope="session")
def secrets(summary: pd.DataFrame) -> list[bytes]:
    """What must not be written anywhere: customers, the user, the place of the data."""
    return [*(customer.encode() for customer in summary["customer_id"]), USER.encode(), SOURCE.encode()]


@pytest.fixture(autouse=True)
def no_store_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the store that tests share: MLflow takes seconds to make one."""
    return tmp_path_factory.mktemp("my results")


@pytest.fixture(scope="session")
def logged(store: Path, report: dict[str, Any]) -> Logged:
    """One fit, logged as a user with a name logs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LOGNAME", "USER", "USERNAME", "LNAME"):
            patch.setenv(name, USER)
        patch.setattr("sys.argv", [f"/home/{USER}/{SOURCE}"])
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.delenv(name, raising=False)
        found = tracker_for("mlflow", experiment="ltvml", folder=store).log(fit_run(report))
    assert found is not None
    return found


@pytest.fixture
def tracker_of(store: Path) -> Callable[[str], MlflowTracker]:
    """A tracker of another experiment in the shared store."""
    from ltvml.tracking.mlflow import MlflowTracker

    return lambda experiment: MlflowTracker(experiment, store)


@pytest.fixture
def client(logged: Logged, mlflow_is_asked: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's own client on the shared store, to read what was logged."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", logged.store)
    import mlflow

    return mlflow.MlflowClient()


@pytest.fixture
def mlflow_is_asked() -> Iterator[None]:
    """MLflow called by a test: it warns about its own calls of pandas, SQLAlchemy and pydantic."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"mlflow(\.|$)")
        yield


def _facts(model: Any) -> dict[str, Any]:
    return {
        "name": model.name,
        "params": {"penalty": 0.0},
        "parameters": getattr(model, "params_", {}),
        "standard_errors": getattr(model, "standard_errors_", {}),
        "log_likelihood": getattr(model, "log_likelihood_", None),
    }

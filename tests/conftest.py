"""Fixtures of the whole suite; real data is reached through `shared` alone."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.special import expit
from typer.testing import CliRunner

from ltvml.cli.app import app
from ltvml.config import Config
from ltvml.datasets.simulate import simulate_transactions
from ltvml.datasets.simulate_renewals import SimulatedItem, simulate_renewals
from ltvml.evaluation.selection import Fold
from ltvml.plots import figures
from tests.mariadb import mysql, mysql_server  # noqa: F401  fixtures of the suite
from tests.postgres import postgres, server  # noqa: F401  fixtures of the suite

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result
    from numpy.typing import NDArray

    Noise = dict[str, float]


# their session fixtures take seconds: a Spark session, fitted learners, an MLflow store; one worker makes them
ON_ONE_WORKER = ("tests/engines", "tests/reasons", "tests/tracking")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but some folders stay together and each notebook is by itself."""
    from xdist.scheduler import LoadFileScheduling

    class ByFolderFileAndNotebook(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            for folder in ON_ONE_WORKER:
                if nodeid.startswith(f"{folder}/"):
                    return folder
            return nodeid if nodeid.startswith("tests/test_notebooks.py") else super()._split_scope(nodeid)

    return ByFolderFileAndNotebook(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no worker of `--dist loadfile` begins one when the others are done."""
    long = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("spark")}
    items.sort(key=lambda item: item.path not in long)


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data beside the checkout: `shared/data`, `shared/reference`."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no folder `shared` beside the checkout: the tests on real data are skipped")
    return SHARED


CUTOFF = "2020-12-31"
# named models: no contest, which test_backtest.py holds once and others need not wait for
NAMED = {"churn": "closed_form", "value": "purchase_times_spend", "replenishment": "gamma_renewal"}
SECTIONS = {"window": {"cutoff": CUTOFF}, "models": NAMED, "season": "off", "tracking": {"backend": "none"}}


def shop_of(customers: int, **parameters: Any) -> pd.DataFrame:
    ages = np.random.default_rng(1).integers(30, 400, customers)
    given = {"r": 0.6, "alpha": 40, "a": 0.8, "b": 2.5, "random_state": 4} | parameters
    return simulate_transactions(customers, T=ages, cutoff=CUTOFF, model="mbg_nbd", **given)


GROCERIES = (
    SimulatedItem("coffee", 160, kappa=4.0, a=6.0, b=45.0, pi=0.95, elasticity=0.7),
    SimulatedItem("soap", 120, kappa=2.0, a=4.0, b=90.0, pi=0.9, elasticity=0.0),
    # bought once by everybody who buys it, and too few buyers
    SimulatedItem("lamp", 60, pi=1e-9),
    SimulatedItem("saffron", 8),
)
PRICES = {"coffee": 5.5, "soap": 2.0, "lamp": 40.0, "saffron": 9.0}


@pytest.fixture(scope="session")
def groceries() -> pd.DataFrame:
    """Orders of 200 customers by category, each pack size of it a product; no two lines of one day alike."""
    days = simulate_renewals(200, GROCERIES, end_day=420, entry_days=300, random_state=11).days
    return pd.DataFrame(
        {
            "customer_id": days["customer_id"],
            "order_date": pd.Timestamp(CUTOFF) - pd.to_timedelta(420 - days["day"], unit="D"),
            "amount": days["quantity"] * days["item"].map(PRICES),
            "quantity": days["quantity"],
            "category": days["item"],
            "product_id": days["item"] + " " + days["quantity"].astype(int).astype(str),
        }
    )


@pytest.fixture(scope="session")
def orders() -> pd.DataFrame:
    """Orders of 300 customers up to the cutoff."""
    return shop_of(300)


@pytest.fixture(scope="session")
def nobody_leaves() -> pd.DataFrame:
    """Orders of a shop whose customers stay for ever."""
    return shop_of(600, r=2.0, alpha=30, a=1e-4, b=1e4, random_state=3)


@pytest.fixture(scope="session")
def config_of() -> Callable[..., Config]:
    """A configuration whose results go into a folder; its sections can be told otherwise."""

    def make(folder: Path, **sections: Any) -> Config:
        return Config.model_validate(SECTIONS | {"output": {"dir": str(folder)}} | sections)

    return make


@dataclass
class Pictures:
    """Whether pictures are drawn: to draw them is three quarters of a small fit, and few tests look at them."""

    drawn: bool = True

    def legible(self, figure: Figure) -> Figure:
        """Look for letters that no font has; nobody reads what is not drawn."""
        return _LEGIBLE(figure) if self.drawn else figure

    def save(self, figure: Figure, path: Any, **options: Any) -> None:
        """Write a picture, or an empty file in its place."""
        if isinstance(path, Path) and not self.drawn:
            path.touch()
        else:
            _SAVE(figure, path, **options)


PICTURES, _SAVE, _LEGIBLE = Pictures(), Figure.savefig, figures.legible
figures.legible = PICTURES.legible
Figure.savefig = lambda figure, path, **options: PICTURES.save(figure, path, **options)
# what a shop's figures do to its pictures, and the pictures themselves
DRAWN = ("tests/plots/", "tests/workflows/test_backtest.py", "tests/workflows/test_odd_shops.py", "ltvml/")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `drawn`, and those of some folders, draw their pictures; before any fixture of theirs is made."""
    PICTURES.drawn = item.get_closest_marker("drawn") is not None or item.nodeid.startswith(DRAWN)


@dataclass(frozen=True)
class Place:
    """The current folder, which holds `ltvml.yaml`, and the command line in it."""

    folder: Path

    def write(self, orders: pd.DataFrame | str | bytes, name: str = "orders.csv") -> None:
        """Put orders where the configuration looks for them."""
        data = orders.to_csv(index=False) if isinstance(orders, pd.DataFrame) else orders
        (self.folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        self.configure(name)

    def configure(self, source: str, **keys: Any) -> None:
        """Write the configuration, as JSON, which is YAML too."""
        given = SECTIONS | {"transactions": {"source": source}} | keys
        (self.folder / "ltvml.yaml").write_text(json.dumps(given), encoding="utf-8")

    def run(self, *arguments: str) -> Result:
        """Run a command; a traceback is never an answer."""
        with warnings.catch_warnings():
            # the session decides what becomes of a warning, as it does outside of the tests
            warnings.simplefilter("default")
            result = CliRunner().invoke(app, list(arguments))
        assert "Traceback" not in result.stderr
        assert result.exit_code != 70, result.stderr
        return result

    def listing(self) -> dict[str, bytes]:
        """Every file of the folder with its bytes, hidden ones too."""
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def scores(self) -> pd.DataFrame:
        """The customer table of the only score."""
        (path,) = (self.folder / "out" / "scores").glob("*/customers.parquet")
        return pd.read_parquet(path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Place(tmp_path)


def shop_folds(
    noise: Noise,
    *,
    role: str = "repurchase",
    customers: int = 2_000,
    cutoffs: int = 3,
    random_state: int = 0,
    level: NDArray[np.float64] | None = None,
) -> list[Fold]:
    """Every candidate knows the truth but for normal noise of its own on the log-odds.

    `level` multiplies what is truly spent at each cutoff, unknown to every candidate.
    """
    rng = np.random.default_rng(random_state)
    shop_level = np.ones(cutoffs) if level is None else level
    habit = rng.normal(-1.2, 1.5, customers)
    worth = np.exp(3 + 0.5 * habit + rng.normal(0, 0.5, customers))
    folds = []
    for cutoff in range(cutoffs):
        odds = habit + rng.normal(0, 0.3, customers)
        bought = (rng.random(customers) < expit(odds)).astype(float)
        spend = shop_level[cutoff] * bought * worth * rng.gamma(2.0, 0.5, customers)
        chances = {name: expit(odds + rng.normal(0, sd, customers)) for name, sd in noise.items()}
        predictions = chances if role == "repurchase" else {name: p * worth for name, p in chances.items()}
        everybody = np.ones(customers, dtype=bool)
        segments = {"decides": habit > -4, "everybody": everybody, "few": np.arange(customers) < 20}
        folds.append(Fold(100 + 90 * cutoff, 90, np.arange(customers), bought, spend, segments, predictions))
    return folds


@pytest.fixture(scope="session")
def simulated() -> Callable[..., list[Fold]]:
    """`shop_folds`, for tests that draw many shops."""
    return shop_folds

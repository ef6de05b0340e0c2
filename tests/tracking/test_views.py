"""What the pages of MLflow show first: checked against the code of those pages, and on a store."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ltvml.tracking.items import NOTE, Metric, Run, backtest_metrics, night_run
from ltvml.tracking.views import COLUMNS, WRITTEN, shown_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.tracking.mlflow import MlflowTracker

PREFIX = "mlflow.sharedViewState."
# of what MLflow's stores take as the value of a tag of an experiment
LONGEST = 5_000
NIGHT = {
    "cutoff": "2011-09-10",
    "state": "done",
    "tags": {"watch": "fine", "bundle_version": "0a1b"},
    "counts": {"customers": 3, "high_risk": 1, "contacts": 1},
    "seconds": {"score": 1.0},
    "runs": (),
}


def views(tags: dict[str, str]) -> dict[str, Any]:
    """The views among the tags of an experiment, by key, as the pages read them."""
    found = {key.removeprefix(PREFIX): json.loads(value) for key, value in tags.items() if key.startswith(PREFIX)}
    return {key: view | {"state": json.loads(view["state"])} for key, view in found.items()}


def test_the_pages_of_the_installed_mlflow_read_such_tags():
    """The envelope that the pages ask for is in their own error message; the rest are fields of their state."""
    place = find_spec("mlflow")
    assert place is not None
    assert place.origin is not None
    scripts = Path(place.origin).parent / "server" / "js" / "build" / "static" / "js"
    code = "".join(path.read_text(encoding="utf-8") for path in scripts.glob("*.js"))
    if not code:
        pytest.skip("this MLflow was installed without its pages")
    assert PREFIX in code
    (wanted,) = set(re.findall(r"Invalid saved-view envelope: expected an object with ([^\"]*)\"", code))
    assert re.findall(r"`(\w+)`", wanted) == ["name", "createdAt", "state"]
    view = views(shown_first(0.0))["ltvml-fit"]
    assert {"name", "createdAt", "state"} <= set(view)
    assert all(field in code for field in view["state"])


def test_a_view_names_columns_that_the_runs_have():
    night = {f"{type(item).__name__.lower()}s.`{item.key}`" for item in night_run(NIGHT).items}
    assert set(COLUMNS["night"]) <= night
    fitted = {f"metrics.`{item.key}`" for item in backtest_metrics("repurchase", "log_loss", {"2011-06-12": 0.4})}
    assert fitted & set(COLUMNS["fit"])


def test_an_experiment_has_a_description_and_views_whose_searches_the_store_takes(
    tracker_of: Callable[[str], MlflowTracker], client: Any
):
    tracker_of("seen").log(night_run(NIGHT))
    tracker_of("seen").log(Run("fit 2011-09-10", (Metric("customers", 3.0),)))
    experiment = client.get_experiment_by_name("seen")
    assert "backtest.<role>.<measure>" in experiment.tags[NOTE]
    assert all(len(value) <= LONGEST for value in experiment.tags.values())
    found = {
        key: [
            run.info.run_name for run in client.search_runs([experiment.experiment_id], view["state"]["searchFilter"])
        ]
        for key, view in views(experiment.tags).items()
    }
    assert found == {
        "ltvml-fit": ["fit 2011-09-10"],
        "ltvml-backtest": [],
        "ltvml-night": ["night 2011-09-10"],
        "ltvml-watch": [],
    }


def test_an_experiment_that_was_there_before_gets_them_and_what_a_person_wrote_stays(
    tracker_of: Callable[[str], MlflowTracker], client: Any
):
    experiment = client.create_experiment("ours", tags={NOTE: "our shop"})
    tracker_of("ours").log(night_run(NIGHT))
    assert client.get_experiment(experiment).tags[NOTE] == "our shop"
    assert len(views(client.get_experiment(experiment).tags)) == len(COLUMNS)
    client.delete_experiment_tag(experiment, f"{PREFIX}ltvml-fit")
    client.set_experiment_tag(experiment, f"{PREFIX}ltvml-night", "changed")
    tracker_of("ours").log(night_run(NIGHT))
    tags = client.get_experiment(experiment).tags
    assert WRITTEN in tags
    assert f"{PREFIX}ltvml-fit" not in tags
    assert tags[f"{PREFIX}ltvml-night"] == "changed"

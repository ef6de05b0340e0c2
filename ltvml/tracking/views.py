"""What the pages of MLflow show first: a description of the experiment, and saved views of its runs.

A table of runs shows no measure unless it is asked to. What a person picks there with "Save as new view" is kept as a
tag of the experiment; the views here are such tags, in the form of MLflow 3.17. Pages of older releases ignore them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ltvml.tracking.items import NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping

WRITTEN, RELEASE = "ltvml.views", "1"
"""A tag that says which of these views were written: a view that a person changes or deletes stays as they left it."""
_PREFIX = "mlflow.sharedViewState."
_NARROW, _LETTER = 110, 8
"""Pixels."""
_METRICS, _TAGS, _ATTRIBUTES = "metrics", "tags", "attributes"

DESCRIPTION = """\
Runs of ltvml. The button **Views** has the columns to sort by.

| key | meaning |
|---|---|
| `cutoff` | the last day whose orders were used |
| `backtest.<role>.<measure>` | of the models that serve: the mean over past cutoffs, at which the outcome is known |
| `by_cutoff.<role>.<measure>` | the same at each past cutoff; the step is its day, counted from 1970-01-01 |
| `model.<role>` | the model that was chosen |
| `ledger.<reason>` | rows of the orders: `rows_in` is the sum of `used` and of those excluded |
| `bundle_version` | the fitted models: fit, scores, plan and watch of the same models share it |
"""

FITTED = (
    *(f"{_METRICS}.`backtest.{measure}`" for measure in ("churn.log_loss", "churn.auc", "value.gini", "date.coverage")),
    *(f"{_TAGS}.`{key}`" for key in ("cutoff", "model.churn", "model.value")),
)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "fit": (f"{_ATTRIBUTES}.`Models`", *FITTED),
    "backtest": FITTED,
    "night": (
        *(f"{_METRICS}.`{key}`" for key in ("customers", "high_risk", "contacts")),
        *(f"{_TAGS}.`{key}`" for key in ("cutoff", "state", "watch", "bundle_version")),
    ),
    "watch": (
        *(f"{_METRICS}.`{key}`" for key in ("level.down", "level.up", "level.threshold", "judged.log_loss")),
        *(f"{_TAGS}.`{key}`" for key in ("cutoff", "state", "bundle_version")),
    ),
}
"""Columns of the runs whose names begin with a job, as the pages name columns."""
_NAMES = {"fit": "ltvml fits", "backtest": "ltvml backtests", "night": "ltvml nights", "watch": "ltvml watch"}


def shown_first(now: float) -> dict[str, str]:
    """Give the tags of an experiment that its pages read.

    Parameters
    ----------
    now : float
        Seconds since 1970-01-01: when the views are said to be made.

    Returns
    -------
    dict of str to str
    """
    views = {f"{_PREFIX}ltvml-{job}": _view(job, columns, int(now * 1000)) for job, columns in COLUMNS.items()}
    return {NOTE: DESCRIPTION, WRITTEN: RELEASE, **views}


def _view(job: str, columns: tuple[str, ...], made: int) -> str:
    """A saved view: the state of the page is text inside of text."""
    state = {
        "searchFilter": f"attributes.run_name LIKE '{job} %'",
        "orderByKey": f"{_ATTRIBUTES}.`Created`",
        "orderByAsc": False,
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        # as wide as its name: the pages cut a name after 12 letters, and backtest.churn.log_loss and .auc look alike
        "columnWidths": {column: max(_NARROW, _LETTER * len(column.partition("`")[2])) for column in columns},
    }
    return json.dumps({"name": _NAMES[job], "createdAt": made, "updatedAt": made, "state": json.dumps(state)})

"""A report as a stream of small items: parameters, metrics, tags, artifacts and a model.

A report arrives as plain values, so this file knows no workflow; a tracker writes items, so it knows no report.
No name of a person, and no place of a person's data, is turned into an item.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd


@dataclass(frozen=True)
class Param:
    """A setting of the run, as text."""

    key: str
    value: str


@dataclass(frozen=True)
class Metric:
    """A finite number that the run found."""

    key: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Tag:
    """A word to search runs by."""

    key: str
    value: str


@dataclass(frozen=True)
class Artifact:
    """A file to keep.

    Parameters
    ----------
    name : str
        Where it belongs in the run, for example `plots/gain.png`.
    content : Path or str
        A path is copied; a text is written as it is.
    """

    name: str
    content: Path | str


@dataclass(frozen=True)
class ModelItem:
    """The fitted bundle: a folder that `Bundle.save` wrote, and whether it serves already."""

    bundle: Path
    serves: bool = True


Item = Param | Metric | Tag | Artifact | ModelItem


@dataclass(frozen=True)
class Run:
    """What is logged together, and the runs below it."""

    name: str
    items: tuple[Item, ...]
    children: tuple[Run, ...] = ()


def fit_run(report: Mapping[str, Any]) -> Run:
    """Turn a fit into a parent run with a child run for each model.

    Parameters
    ----------
    report : mapping
        `models` (by role, see `model_run`), `window`, `settings`, `ledger` (rows by reason), `fingerprint`, `metrics`,
        `seconds` (by step), `messages`, `plots` (paths), `bundle` (folder), `bundle_version` and `serves` (whether the
        bundle was promoted); each may be absent.

    Returns
    -------
    Run
    """
    models = report.get("models", {})
    return Run("fit", tuple(items_of(report)), tuple(model_run(role, model) for role, model in models.items()))


def score_run(report: Mapping[str, Any]) -> Run:
    """Turn a score into a run; `report` as in `fit_run`, without models."""
    return Run("score", tuple(items_of(report)))


def night_run(report: Mapping[str, Any]) -> Run:
    """Turn a night into a run with a child run for each step.

    Parameters
    ----------
    report : mapping
        `cutoff`, `state`, `seconds` by step, and `runs` of the steps.
    """
    tags = (Tag("cutoff", report["cutoff"]), Tag("state", report["state"]))
    seconds = tuple(numbers_of(report["seconds"], "seconds"))
    return Run(f"night {report['cutoff']}", (*tags, *seconds), tuple(report["runs"]))


def forecast_run(report: Mapping[str, Any]) -> Run:
    """Turn a forecast into a run; `report` as in `fit_run`, without models, and `forecast`, a frame of no person."""
    table = Artifact("forecast.csv", report["forecast"].to_csv(index=False))
    return Run("forecast", (*items_of(report), table))


def watch_run(report: Mapping[str, Any]) -> Run:
    """Turn a watch into a run.

    Parameters
    ----------
    report : mapping
        As in `fit_run`, without models; `state`, a tag, and `tables`, frames of no person by name.
    """
    tables = [Artifact(f"{name}.csv", table.to_csv(index=False)) for name, table in report["tables"].items()]
    return Run("watch", (*items_of(report), Tag("state", report["state"]), *tables))


def outreach_run(report: Mapping[str, Any]) -> Run:
    """Turn a plan of contacts into a run; its tag `bundle_version` links it to the fit and the scores."""
    return Run("outreach", tuple(items_of(report)))


def measure_run(report: Mapping[str, Any]) -> Run:
    """Turn the measurement of a plan into a run.

    Parameters
    ----------
    report : mapping
        As in `fit_run`, without models; `plan` (hash of the plan, a tag that links the run to it), `differences` (a
        frame of what was found, and of no person) and `claims` (another one).
    """
    tables = [Artifact(f"{name}.csv", report[name].to_csv(index=False)) for name in ("differences", "claims")]
    return Run("outreach measure", (*items_of(report), Tag("plan", report["plan"]), *tables))


def backtest_run(report: Mapping[str, Any]) -> Run:
    """Turn a backtest into a parent run with a child run for each role, model and past cutoff.

    Parameters
    ----------
    report : mapping
        As in `fit_run`, without models; `measures` is a frame with the columns role, cutoff, segment, candidate,
        measure, value.
    """
    measures = report["measures"]
    table = Artifact("measures.csv", measures.to_csv(index=False))
    groups = measures.groupby(["role", "candidate", "cutoff"], sort=False)
    children = tuple(judged_run(role, candidate, cutoff, rows) for (role, candidate, cutoff), rows in groups)
    return Run("backtest", (*items_of(report), table), children)


def judged_run(role: str, candidate: str, cutoff: Any, measures: pd.DataFrame) -> Run:
    """Turn one model at one past cutoff into a run."""
    tags = (Tag("role", role), Tag("model", candidate), Tag("cutoff", str(cutoff)))
    keys = measures["segment"].str.replace(" ", "_") + "." + measures["measure"]
    metrics = numbers_of(dict(zip(keys.tolist(), measures["value"].tolist(), strict=True)))
    return Run(f"{role}: {candidate}: {cutoff}", (*tags, *metrics))


def model_run(role: str, model: Mapping[str, Any]) -> Run:
    """Turn one fitted model into a run.

    Parameters
    ----------
    role : str
    model : mapping
        `name`, `params` (arguments of the estimator), `parameters` and `standard_errors` (fitted numbers by name),
        `log_likelihood`, `messages`, `withheld` (reasons by column); all but `name` may be absent.

    Returns
    -------
    Run

    Examples
    --------
    >>> run = model_run("spend", {"name": "gamma_gamma", "parameters": {"p": 6.25}, "standard_errors": {"p": 1.19}})
    >>> [(item.key, item.value) for item in run.items]
    [('role', 'spend'), ('model', 'gamma_gamma'), ('parameter.p', 6.25), ('standard_error.p', 1.19)]
    """
    items: list[Item] = [Tag("role", role), Tag("model", model["name"])]
    items += params_of(model.get("params", {}))
    items += numbers_of(model.get("parameters", {}), "parameter")
    items += numbers_of(model.get("standard_errors", {}), "standard_error")
    items += numbers_of({key: model[key] for key in ("log_likelihood",) if model.get(key) is not None})
    items += words_of(model)
    return Run(f"{role}: {model['name']}", tuple(items))


def items_of(report: Mapping[str, Any]) -> Iterator[Item]:
    """Give what the run of a job keeps, in the order it is logged."""
    yield from params_of({key: report[key] for key in ("window", "settings", "fingerprint") if key in report})
    yield from numbers_of({key: report[key] for key in ("ledger", "seconds") if key in report})
    yield from numbers_of(report.get("metrics", {}))
    yield from words_of(report)
    if "bundle_version" in report:
        yield Tag("bundle_version", report["bundle_version"])
    if "ledger" in report:
        yield json_artifact("ledger.json", report["ledger"])
    yield from (Artifact(f"plots/{Path(plot).name}", Path(plot)) for plot in report.get("plots", ()))
    if "bundle" in report:
        yield ModelItem(Path(report["bundle"]), serves=report.get("serves", True))


def words_of(report: Mapping[str, Any]) -> Iterator[Item]:
    """Give messages and withheld columns as a text artifact, where there are any."""
    words = {key: report[key] for key in ("messages", "withheld") if report.get(key)}
    if words:
        yield json_artifact("messages.json", words)


def params_of(values: Mapping[str, Any], prefix: str = "") -> Iterator[Param]:
    """Turn settings into parameters, nested keys joined by dots.

    Examples
    --------
    >>> list(params_of({"window": {"cutoff": "2011-09-10"}}))
    [Param(key='window.cutoff', value='2011-09-10')]
    """
    return (Param(key, str(value)) for key, value in flat(values, prefix))


def numbers_of(values: Mapping[str, Any], prefix: str = "") -> Iterator[Metric | Param]:
    """Turn numbers into metrics; one that is not finite, as an infinite standard error is, into a parameter.

    Examples
    --------
    >>> list(numbers_of({"r": 0.25, "b": float("inf")}, "standard_error"))
    [Metric(key='standard_error.r', value=0.25, step=0), Param(key='standard_error.b', value='inf')]
    """
    for key, value in flat(values, prefix):
        number = math.nan if value is None else float(value)
        # trackers draw metrics on an axis, and some refuse what has no place there
        yield Metric(key, number) if math.isfinite(number) else Param(key, str(value))


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk the leaves of nested mappings, with their dotted keys."""
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(value, Mapping):
            yield from flat(value, key)
        else:
            yield key, value


def json_artifact(name: str, values: Any) -> Artifact:
    """Write plain values as an indented JSON file."""
    return Artifact(name, json.dumps(values, indent=1, ensure_ascii=False, default=str) + "\n")


def place_artifacts(items: Iterable[Item], folder: Path) -> None:
    """Put the artifacts among `items` into `folder`, each under its name.

    Raises
    ------
    OSError
        If a file to copy is missing, or the folder cannot be written.
    """
    for item in items:
        if isinstance(item, Artifact):
            path = folder / item.name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = item.content
            path.write_bytes(content.read_bytes() if isinstance(content, Path) else content.encode())

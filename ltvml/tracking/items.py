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

from ltvml.window import day_number

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


@dataclass(frozen=True)
class DatasetItem:
    """What the run was computed from: never a row of it, and not where it lies.

    Parameters
    ----------
    name : str
    digest : str
        Content hash of the lines that are used.
    profile : dict
        Counts.
    """

    name: str
    digest: str
    profile: Mapping[str, Any]


Item = Param | Metric | Tag | Artifact | ModelItem | DatasetItem

NOTE, LONGEST_NOTE = "mlflow.note.content", 4_000
"""The tag that MLflow shows as the description of a run, and as much as its stores take."""
BACKTEST = "backtest"
"""Beginning of the keys of the measures at past cutoffs: they are those of the model, too."""
ROLES = {"repurchase": "churn"}
"""Words for roles, as a configuration names them."""


@dataclass(frozen=True)
class Run:
    """What is logged together, and the runs below it."""

    name: str
    items: tuple[Item, ...]
    children: tuple[Run, ...] = ()

    @property
    def seconds(self) -> float:
        """How long the job took, by its steps: it is recorded when it has ended."""
        return sum(item.value for item in self.items if isinstance(item, Metric) and item.key.startswith("seconds."))


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
    served = (Tag(f"model.{ROLES.get(role, role)}", model["name"]) for role, model in models.items())
    children = tuple(of_cutoff(model_run(role, model), report) for role, model in models.items())
    return Run(named("fit", report), (*items_of(report), *served), children)


def score_run(report: Mapping[str, Any]) -> Run:
    """Turn a score into a run; `report` as in `fit_run`, without models."""
    return Run(named("score", report), tuple(items_of(report)))


def night_run(report: Mapping[str, Any]) -> Run:
    """Turn a night into a run with a child run for each step.

    Parameters
    ----------
    report : mapping
        `cutoff`, `state`, `seconds` by step, `tags` and `counts` (what the night found), and `runs` of the steps.
    """
    tags = {"cutoff": report["cutoff"], "state": report["state"], **report["tags"]}
    numbers = (*numbers_of(report["counts"]), *numbers_of(report["seconds"], "seconds"))
    items = (*(Tag(key, value) for key, value in tags.items()), *numbers)
    return Run(f"night {report['cutoff']}", items, tuple(report["runs"]))


def forecast_run(report: Mapping[str, Any]) -> Run:
    """Turn a forecast into a run; `report` as in `fit_run`, without models, and `forecast`, a frame of no person."""
    table = Artifact("forecast.csv", report["forecast"].to_csv(index=False))
    return Run(named("forecast", report), (*items_of(report), table))


def watch_run(report: Mapping[str, Any]) -> Run:
    """Turn a watch into a run.

    Parameters
    ----------
    report : mapping
        As in `fit_run`, without models; `state`, a tag, and `tables`, frames of no person by name.
    """
    tables = [Artifact(f"{name}.csv", table.to_csv(index=False)) for name, table in report["tables"].items()]
    return Run(named("watch", report), (*items_of(report), Tag("state", report["state"]), *tables))


def outreach_run(report: Mapping[str, Any]) -> Run:
    """Turn a plan of contacts into a run; its tag `bundle_version` links it to the fit and the scores."""
    return Run(named("outreach", report), tuple(items_of(report)))


def measure_run(report: Mapping[str, Any]) -> Run:
    """Turn the measurement of a plan into a run.

    Parameters
    ----------
    report : mapping
        As in `fit_run`, without models; `plan` (hash of the plan, a tag that links the run to it), `differences` (a
        frame of what was found, and of no person) and `claims` (another one).
    """
    tables = [Artifact(f"{name}.csv", report[name].to_csv(index=False)) for name in ("differences", "claims")]
    return Run(named("outreach measure", report), (*items_of(report), Tag("plan", report["plan"]), *tables))


def backtest_run(report: Mapping[str, Any]) -> Run:
    """Turn a backtest into a parent run with a child run for each role, model and past cutoff.

    Parameters
    ----------
    report : mapping
        As in `fit_run`, without models; `measures` is a frame with the columns role, cutoff, segment, candidate,
        measure, value; `champions` names the model that serves each role, whose measures are those of the run.
    """
    measures = report["measures"]
    table = Artifact("measures.csv", measures.to_csv(index=False))
    groups = measures.groupby(["role", "candidate", "cutoff"], sort=False)
    children = tuple(judged_run(role, candidate, cutoff, rows) for (role, candidate, cutoff), rows in groups)
    champions = report.get("champions", {})
    served = (Tag(f"model.{ROLES.get(role, role)}", name) for role, name in champions.items())
    return Run(
        named("backtest", report), (*of_champions(measures, champions), *items_of(report), *served, table), children
    )


def of_champions(measures: pd.DataFrame, champions: Mapping[str, str]) -> Iterator[Metric]:
    """Measures of the models that serve, of the customers who decide: mean over the cutoffs, and cutoff by cutoff."""
    decides = measures[measures["segment"] == "decides"]
    for role, champion in champions.items():
        rows = decides[(decides["role"] == role) & (decides["candidate"] == champion)]
        for measure, values in rows.groupby("measure", sort=False):
            known = values.dropna(subset="value")
            by_cutoff = {
                str(cutoff): float(value) for cutoff, value in zip(known["cutoff"], known["value"], strict=True)
            }
            yield from backtest_metrics(role, str(measure), by_cutoff)


def backtest_metrics(role: str, measure: str, by_cutoff: Mapping[str, float]) -> Iterator[Metric]:
    """The mean of a measure, and its values at past cutoffs in the order of time, steps being days since 1970-01-01.

    Examples
    --------
    >>> list(backtest_metrics("repurchase", "log_loss", {"2011-06-12": 0.4, "2011-03-14": 0.5}))[0]
    Metric(key='backtest.churn.log_loss', value=0.45, step=0)
    """
    finite = {cutoff: value for cutoff, value in by_cutoff.items() if math.isfinite(value)}
    if not finite:
        return
    key = f"{ROLES.get(role, role)}.{measure}"
    yield Metric(f"{BACKTEST}.{key}", sum(finite.values()) / len(finite))
    for cutoff in sorted(finite):
        yield Metric(f"by_cutoff.{key}", finite[cutoff], step=day_number(cutoff))


def of_cutoff(run: Run, report: Mapping[str, Any]) -> Run:
    """The same run with the cutoff of its report in its name and as a tag: tables of runs show children by themselves.

    Examples
    --------
    >>> of_cutoff(Run("spend: gamma_gamma", ()), {"window": {"cutoff": "2011-09-10"}}).name
    'spend: gamma_gamma: 2011-09-10'
    """
    cutoff = report.get("window", {}).get("cutoff")
    return run if cutoff is None else Run(f"{run.name}: {cutoff}", (*run.items, Tag("cutoff", str(cutoff))))


def named(job: str, report: Mapping[str, Any]) -> str:
    """Name of a run: the job and its cutoff.

    Examples
    --------
    >>> named("fit", {"window": {"cutoff": "2011-09-10"}})
    'fit 2011-09-10'
    """
    cutoff = report.get("window", {}).get("cutoff")
    return f"{job} {cutoff}" if cutoff else job


def of_shop(run: Run, shop: str) -> Run:
    """The same run and its children with the tag of their shop."""
    return Run(run.name, (*run.items, Tag("shop", shop)), tuple(of_shop(child, shop) for child in run.children))


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
    # pages list measures in this order: what decides comes first
    for role, measures in report.get("past", {}).items():
        for measure, by_cutoff in measures.items():
            yield from backtest_metrics(role, measure, by_cutoff)
    yield from numbers_of(report.get("metrics", {}))
    yield from numbers_of({key: report[key] for key in ("ledger", "seconds") if key in report})
    yield from words_of(report)
    if "bundle_version" in report:
        yield Tag("bundle_version", report["bundle_version"])
    if cutoff := report.get("window", {}).get("cutoff"):
        yield Tag("cutoff", str(cutoff))
    if lines := report.get("fingerprint", {}).get("lines"):
        counts = {"lines used": report["ledger"]["used"]} if "used" in report.get("ledger", {}) else {}
        yield DatasetItem(f"orders up to {cutoff}" if cutoff else "orders", str(lines), counts)
    if "ledger" in report:
        yield json_artifact("ledger.json", report["ledger"])
    yield from (Artifact(f"plots/{Path(plot).name}", Path(plot)) for plot in report.get("plots", ()))
    if "bundle" in report:
        yield ModelItem(Path(report["bundle"]), serves=report.get("serves", True))


def words_of(report: Mapping[str, Any]) -> Iterator[Item]:
    """Give messages, what past cutoffs showed and withheld columns as a text artifact, where there are any."""
    words = {key: report[key] for key in ("record", "messages", "withheld") if report.get(key)}
    if words:
        yield json_artifact("messages.json", words)
    # what a page of the run shows at its top
    said = [*report.get("record", ()), *report.get("messages", ())]
    if said:
        yield Tag(NOTE, "\n".join(f"- {one}" for one in said)[:LONGEST_NOTE])


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
        yield Metric(key.replace(" ", "_"), number) if math.isfinite(number) else Param(key, str(value))


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

"""Runs in MLflow: one parent run a fit with a child run a model, the bundle as a served model, and its registry.

The store is `MLFLOW_TRACKING_URI` where that is set, else a SQLite file in the folder of the results. MLflow's client
is given every tag, so that none is guessed from the name of the user, the path of the notebook or the repository.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.bundle.bundle import Bundle
from ltvml.errors import LtvmlError, TrackingError
from ltvml.passwords import without_password
from ltvml.scratch import scratch_folder, sweep_scratch, temporary_files_in
from ltvml.tracking.base import Logged, Moved
from ltvml.tracking.bounds import (
    SQLITE,
    check_writable,
    environment,
    one_at_a_time,
    silenced,
    sqlite_file,
)
from ltvml.tracking.items import (
    BACKTEST,
    NOTE,
    DatasetItem,
    Metric,
    ModelItem,
    Param,
    Tag,
    place_artifacts,
)
from ltvml.tracking.running import PROCESS, is_dead, this_process
from ltvml.tracking.served_files import ServedFiles, served_files
from ltvml.tracking.served_rows import input_columns, of_any_type, output_columns, summary_of
from ltvml.tracking.views import WRITTEN, shown_first

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from types import ModuleType

    import pandas as pd

    from ltvml.contracts import Column
    from ltvml.tracking.items import Item, Run

SOURCE = "ltvml"
MODEL = "model"
BUNDLE = "artifacts/bundle"
CHAMPION, CHALLENGER = "champion", "challenger"
REGISTERED = (
    "Scores of customers by ltvml. The version `champion` serves; `challenger` waits for `ltvml promote`. Tags of a "
    "version say its cutoff, its models, and who promoted it, when and why."
)
# a nightly job should fail within seconds when the server does not answer; MLflow would try for minutes
WAITING = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}
SILENT = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "GIT_PYTHON_REFRESH": "quiet"}
# the largest batch that every MLflow store takes
MOST_METRICS, MOST_PARAMS, MOST_TAGS = 800, 100, 100
LONGEST_NAME = 250
LONGEST_TAG = 5_000
LONGEST_DIGEST = 36
DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
"""What installs the driver of a database that MLflow writes into itself, by the module that SQLAlchemy asks for."""
_WIRE_TYPES = {"string": "string", "float64": "double", "bool": "boolean"}


@dataclass(frozen=True)
class _Written:
    run_id: str
    artifacts: str
    model_id: str | None
    bundle_version: str | None
    serves: bool = True
    items: Sequence[Item] = ()


class MlflowTracker:
    """Keeps runs in an MLflow store.

    Parameters
    ----------
    experiment : str
        Name of the experiment, and of the registered model.
    folder : Path
        Holds `mlflow.db` and `mlartifacts`, unless `MLFLOW_TRACKING_URI` names another store.
    """

    def __init__(self, experiment: str, folder: Path) -> None:
        self.experiment = experiment
        self.store = store_uri(folder.absolute())
        self.artifacts = artifact_folder(self.store, folder.absolute())

    def log(self, run: Run) -> Logged:
        """Log a run with its children and register its model; a run that fails midway is marked FAILED.

        A fit that serves becomes `champion` where the registry has none, every other one `challenger`: what a nightly
        `score --model models:/<experiment>@champion` uses changes only with `promote`.

        Raises
        ------
        TrackingError
            If the store cannot be reached, or refuses.
        """
        with _session(self.store, self.artifacts) as client:
            experiment = experiment_id(client, self.experiment, self.artifacts)
            close_dead(client, experiment)
            written = log_run(client, experiment, run)
            version, alias = register(client, self.experiment, written) if written.model_id else (None, None)
        return Logged(
            run_id=written.run_id,
            store=without_password(self.store),
            artifacts=without_password(written.artifacts),
            model_uri=f"models:/{self.experiment}/{version}" if version else None,
            alias=alias,
        )

    def promote(self, bundle_version: str, tags: Mapping[str, str]) -> Moved:
        """Let the alias `champion` name the newest version that holds a bundle, and tag the version.

        Raises
        ------
        TrackingError
            If no version holds it, or the store cannot be reached.
        """
        with _session(self.store, self.artifacts) as client:
            return move_champion(client, self.experiment, bundle_version, tags)

    def fetch(self, model_uri: str, folder: Path) -> Path:
        """Download a bundle: `models:/name@alias`, `models:/name/3`, or `runs:/id` (of the run, or of its model).

        Raises
        ------
        TrackingError
            If the URI is of no such form, the model is not there or not of ltvml, or the store cannot be reached.
        """
        source = bundle_uri(model_uri)
        if (database := sqlite_file(self.store)) and not database.exists():
            raise TrackingError(
                f"there is no MLflow store at {database}; expected one with '{model_uri}'.",
                hint="run `ltvml fit` with the same output.dir first, or set MLFLOW_TRACKING_URI.",
            )
        with _session(self.store, self.artifacts):
            import mlflow.artifacts

            return Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=str(folder)))


def store_uri(folder: Path) -> str:
    """Name the store in use; the path of a SQLite file is absolute.

    Parameters
    ----------
    folder : Path
        Absolute.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{(folder / 'mlflow.db').as_posix()}"
    # the short name that hosts hand out; SQLAlchemy no longer takes it
    uri = re.sub(r"^postgres(?=://|\+)", "postgresql", uri)
    database = sqlite_file(uri)
    return uri if database is None else f"{SQLITE}{database.as_posix()}"


def artifact_folder(store: str, folder: Path) -> Path | None:
    """Choose where a new experiment keeps its files; None where a server decides.

    MLflow's own choice is `mlruns` under whatever folder the job was started in.
    """
    if re.match(r"(https?|databricks|uc)\b", store):
        return None
    database = sqlite_file(store)
    return (database.parent if database else folder) / "mlartifacts"


def bundle_uri(model_uri: str) -> str:
    """Name the bundle inside a logged model.

    Raises
    ------
    TrackingError
        If the URI is of no known form.

    Examples
    --------
    >>> bundle_uri("models:/ltvml@champion")
    'models:/ltvml@champion/artifacts/bundle'
    >>> bundle_uri("runs:/0a1b")
    'runs:/0a1b/model/artifacts/bundle'
    """
    uri = model_uri.rstrip("/")
    if re.fullmatch(r"runs:/\w+", uri):
        return f"{uri}/{MODEL}/{BUNDLE}"
    if re.fullmatch(r"runs:/\w+/.+|models:/[^/@]+(@[^/@]+|/[^/@]+)|models:/m-\w+", uri):
        return f"{uri}/{BUNDLE}"
    raise TrackingError(
        f"'{model_uri}' names no model; expected models:/<name>@<alias>, models:/<name>/<version> or runs:/<id>.",
        hint="for example models:/ltvml@champion.",
    )


def experiment_id(client: Any, name: str, artifacts: Path | None) -> str:
    """Find the experiment, or make it, and return its id; its pages get their description and views once."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        describe(client, found)
        return str(found.experiment_id)
    place = artifacts and artifacts.as_uri()
    try:
        return str(client.create_experiment(name, artifact_location=place, tags=shown_first(time.time())))
    except MlflowException:
        # another process may have made it in between
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        raise


def describe(client: Any, experiment: Any) -> None:
    """Write description and views of an experiment that has none of ours; what a person wrote there stays."""
    from mlflow.exceptions import MlflowException

    if WRITTEN in experiment.tags:
        return
    # who may log runs may not be allowed to change the experiment; its pages then show what they show without us
    with contextlib.suppress(MlflowException):
        for key, value in shown_first(time.time()).items():
            if key not in experiment.tags:
                client.set_experiment_tag(experiment.experiment_id, key, value)


def log_run(client: Any, experiment: str, run: Run, parent: str | None = None) -> _Written:
    """Log a run, its children and its model.

    Parameters
    ----------
    client : mlflow.MlflowClient
    experiment : str
        Id of the experiment.
    run : Run
    parent : str, optional
        Id of the run above.
    """
    with started(client, experiment, run, parent) as info:
        model = next((item for item in run.items if isinstance(item, ModelItem)), None)
        # the measures of the model are logged with it, below: its page shows them, and that of the run shows them first
        metrics = [item for item in run.items if model and isinstance(item, Metric)]
        log_items(client, info.run_id, [item for item in run.items if model is None or not isinstance(item, Metric)])
        log_datasets(client, info.run_id, run.items)
        for child in run.children:
            log_run(client, experiment, child, parent=info.run_id)
        if model is None:
            return _Written(info.run_id, info.artifact_uri, None, None)
        bundle = Bundle.load(model.bundle)
        model_id = log_model(client, experiment, info.run_id, bundle)
        log_items(client, info.run_id, [item for item in metrics if is_of_model(item)], model_id=model_id)
        log_items(client, info.run_id, [item for item in metrics if not is_of_model(item)])
        return _Written(info.run_id, info.artifact_uri, model_id, bundle.version, model.serves, run.items)


def is_of_model(metric: Metric) -> bool:
    """Whether a metric is a measure of the served model at past cutoffs."""
    return metric.key.startswith((f"{BACKTEST}.", "by_cutoff."))


def log_datasets(client: Any, run_id: str, items: Sequence[Item]) -> None:
    """Log what the run was computed from: its fingerprint and counts, without rows and without its place."""
    from mlflow.entities import Dataset, DatasetInput

    given = [
        DatasetInput(
            Dataset(
                name=item.name,
                digest=item.digest[:LONGEST_DIGEST],
                source_type=SOURCE,
                source=json.dumps({"fingerprint": item.digest}),
                profile=json.dumps(dict(item.profile)),
            )
        )
        for item in items
        if isinstance(item, DatasetItem)
    ]
    if given:
        client.log_inputs(run_id, given)


def close_dead(client: Any, experiment: str) -> None:
    """Mark the runs of processes that were killed while they recorded as FAILED, and their models."""
    running = client.search_runs(
        [experiment], f"attributes.status = 'RUNNING' AND tags.`mlflow.source.name` = '{SOURCE}'"
    )
    dead = {
        run.info.run_id for run in running if is_dead(run.data.tags.get(PROCESS), started=run.info.start_time / 1000)
    }
    for run_id in dead:
        # the models first: a run that is closed is not looked at again
        for model in client.search_logged_models([experiment], f"source_run_id = '{run_id}'"):
            if model.status == "PENDING":
                client.finalize_logged_model(model.model_id, "FAILED")
        client.set_terminated(run_id, "FAILED")


@contextlib.contextmanager
def started(client: Any, experiment: str, run: Run, parent: str | None) -> Iterator[Any]:
    """Start a run when its job began, give its info, and end it as FINISHED or FAILED."""
    tags = {"mlflow.source.name": SOURCE, PROCESS: this_process()} | ({"mlflow.parentRunId": parent} if parent else {})
    began = int((time.time() - run.seconds) * 1000)
    info = client.create_run(experiment, start_time=began, tags=tags, run_name=run.name).info
    try:
        yield info
    except BaseException:
        # the store may be what failed; the first error is the one to report
        with contextlib.suppress(Exception):
            client.set_terminated(info.run_id, "FAILED")
        raise
    client.set_terminated(info.run_id, "FINISHED")


def log_items(client: Any, run_id: str, items: Sequence[Item], *, model_id: str | None = None) -> None:
    """Log parameters, metrics, tags and artifacts, in as few calls as MLflow allows; metrics as those of a model."""
    from mlflow.entities import Metric as MlflowMetric
    from mlflow.entities import Param as MlflowParam
    from mlflow.entities import RunTag

    now = int(time.time() * 1000)
    metrics = [
        MlflowMetric(allowed_name(item.key), item.value, now, item.step, model_id=model_id)
        for item in items
        if isinstance(item, Metric)
    ]
    params = [MlflowParam(allowed_name(item.key), item.value) for item in items if isinstance(item, Param)]
    tags = [RunTag(allowed_name(item.key), item.value) for item in items if isinstance(item, Tag)]
    while metrics or params or tags:
        client.log_batch(run_id, metrics[:MOST_METRICS], params[:MOST_PARAMS], tags[:MOST_TAGS])
        metrics, params, tags = metrics[MOST_METRICS:], params[MOST_PARAMS:], tags[MOST_TAGS:]
    with scratch_folder() as staging:
        place_artifacts(items, staging)
        if any(staging.iterdir()):
            client.log_artifacts(run_id, str(staging))


def allowed_name(key: str) -> str:
    """Replace what MLflow does not take in a name: a column of the user's own may be part of `key`.

    Examples
    --------
    >>> allowed_name("ledger.excluded_is test?")
    'ledger.excluded_is test_'
    """
    return re.sub(r"[^\w\-. ]", "_", key)[:LONGEST_NAME]


def log_model(client: Any, experiment: str, run_id: str, bundle: Bundle) -> str:
    """Log the bundle as a models-from-code pyfunc of the run, and return the model's id."""
    from mlflow.entities import LoggedModelOutput

    logged = client.create_logged_model(
        experiment, MODEL, source_run_id=run_id, tags={"bundle_version": bundle.version}, model_type="ltvml"
    )
    try:
        with scratch_folder() as staging:
            files = served_files(bundle, staging)
            saved = staging / MODEL
            save_model(saved, files, bundle, run_id=run_id, model_id=logged.model_id)
            client.log_model_artifacts(logged.model_id, str(saved))
    except BaseException:
        with contextlib.suppress(Exception):
            client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


def save_model(path: Path, files: ServedFiles, bundle: Bundle, *, run_id: str, model_id: str) -> None:
    """Write the folder of an MLflow model: the model file, the bundle's text, signature, example and requirements."""
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature

    mlflow.pyfunc.save_model(
        str(path),
        python_model=str(files.model),
        artifacts={"bundle": str(files.bundle), "source": str(files.source)},
        signature=ModelSignature(
            inputs=schema(input_columns(bundle.summary_columns), of_any_type(bundle.summary_columns)),
            outputs=schema(output_columns(bundle.window.horizons)),
        ),
        input_example=example(bundle),
        pip_requirements=list(files.requirements),
        mlflow_model=Model(artifact_path=MODEL, run_id=run_id, model_id=model_id),
    )


def schema(columns: Sequence[Column], any_type: Collection[str] = ()) -> Any:
    """Turn columns into an MLflow schema; those of `any_type` are cast and checked by the served model itself."""
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    types = {column.name: AnyType() if column.name in any_type else _WIRE_TYPES[column.dtype] for column in columns}
    return Schema([ColSpec(types[column.name], column.name, required=column.required) for column in columns])


def example(bundle: Bundle) -> pd.DataFrame:
    """Return made-up rows in the form that the served model takes."""
    rows = bundle.example_rows()
    wanted = [column for column in input_columns(bundle.summary_columns) if column.name in rows]
    known = summary_of(rows, bundle.summary_columns)
    return known[[column.name for column in wanted]].astype(
        {column.name: "float64" for column in wanted if column.dtype == "float64"}
    )


def register(client: Any, model_name: str, written: _Written) -> tuple[str, str]:
    """Make the logged model the next version of `model_name`; return the version and the alias it got."""
    from mlflow.exceptions import MlflowException

    # it is there already after the first fit
    with contextlib.suppress(MlflowException):
        client.create_registered_model(model_name, description=REGISTERED)
    version = client.create_model_version(
        model_name,
        source=f"models:/{written.model_id}",
        run_id=written.run_id,
        model_id=written.model_id,
        tags={"bundle_version": written.bundle_version, **version_tags(written.items)},
        description=next((item.value for item in written.items if isinstance(item, Tag) and item.key == NOTE), None),
    )
    taken = CHAMPION in client.get_registered_model(model_name).aliases
    alias = CHAMPION if written.serves and not taken else CHALLENGER
    client.set_registered_model_alias(model_name, alias, version.version)
    return str(version.version), alias


def move_champion(client: Any, model_name: str, bundle_version: str, tags: Mapping[str, str]) -> Moved:
    """Move the alias `champion` to the newest version of a bundle; `challenger` goes where it named the same version.

    Raises
    ------
    TrackingError
        If no version of the model holds the bundle.
    """
    from mlflow.exceptions import MlflowException

    known = client.search_model_versions(f"name = '{model_name}'")
    held = [int(one.version) for one in known if one.tags.get("bundle_version") == bundle_version]
    if not held:
        raise TrackingError(
            f"no version of the registered model {model_name} holds the bundle {bundle_version}; the alias {CHAMPION} "
            "was not moved.",
            hint="the fit was not tracked here: check MLFLOW_TRACKING_URI and tracking.experiment, or use --no-mlflow.",
        )
    version, aliases = str(max(held)), client.get_registered_model(model_name).aliases
    for key, value in tags.items():
        client.set_model_version_tag(model_name, version, key, value[:LONGEST_TAG])
    client.set_registered_model_alias(model_name, CHAMPION, version)
    if str(aliases.get(CHALLENGER)) == version:
        with contextlib.suppress(MlflowException):
            client.delete_registered_model_alias(model_name, CHALLENGER)
    before = aliases.get(CHAMPION)
    if before is not None and int(before) > int(version) and int(aliases.get(CHALLENGER, 0)) in (0, int(version)):
        # rolled back: what served waits again, as in the folder
        client.set_registered_model_alias(model_name, CHALLENGER, str(before))
    return Moved(f"models:/{model_name}/{version}", None if before is None else str(before))


def version_tags(items: Sequence[Item]) -> dict[str, str]:
    """What a person compares versions by: cutoff, shop, the models that serve and their mean measures."""
    tags = {item.key: item.value for item in items if isinstance(item, Tag) and item.key in ("cutoff", "shop")}
    tags |= {item.key: item.value for item in items if isinstance(item, Tag) and item.key.startswith("model.")}
    means = (item for item in items if isinstance(item, Metric) and item.key.startswith(f"{BACKTEST}."))
    return tags | {item.key: f"{item.value:.4g}" for item in means}


@contextlib.contextmanager
def _session(store: str, artifacts: Path | None) -> Iterator[Any]:
    """Give a client of `store`, with MLflow quiet around it; whatever goes wrong becomes a `TrackingError`."""
    # of a tracking server mlflow prints addresses to stdout, where results go, as JSON too
    fixed = {"MLFLOW_TRACKING_URI": store, "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
    if artifacts:
        # the experiment `Default`, which MLflow makes unasked, would point into the current folder
        fixed["_MLFLOW_SERVER_ARTIFACT_ROOT"] = artifacts.as_uri()
    # for good: mlflow starts its telemetry once, when it is first imported
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        with environment(fixed, defaults=WAITING | SILENT), warnings.catch_warnings():
            # mlflow warns about its own calls of pandas, SQLAlchemy and pydantic
            warnings.filterwarnings("ignore", module=r"mlflow(\.|$)")
            import mlflow

            # after the import, which sets the level of its logger
            with silenced("mlflow", "alembic", "urllib3"), scratch_folder() as folder, temporary_files_in(folder):
                yield _client(mlflow, sqlite_file(store))
    except LtvmlError:
        raise
    except ModuleNotFoundError as error:
        raise _without_driver(store, error) from error
    except Exception as error:
        # a store may raise what its database, its network or its cloud raises
        raise _unreachable(store, error) from error


def _client(mlflow: ModuleType, database: Path | None) -> Any:
    """Open the store, which makes it where it is new."""
    if database is None:
        return mlflow.MlflowClient()
    check_writable(database)
    with one_at_a_time(database):
        sweep_scratch(database.parent, _made_beside(database))
        if not database.stat().st_size:
            _make_store(mlflow, database)
        return mlflow.MlflowClient()


def _make_store(mlflow: ModuleType, database: Path) -> None:
    """Make a store beside its place and rename it there: MLflow opens no store whose making was cut short."""
    with scratch_folder(database.parent, prefix=_made_beside(database)) as folder:
        new = folder / database.name
        uri = f"{SQLITE}{new.as_posix()}"
        client = mlflow.MlflowClient(uri, uri)
        client.search_experiments(max_results=1)
        client._tracking_client.store.engine.dispose()
        new.replace(database)


def _made_beside(database: Path) -> str:
    """How the folder begins in which a new store is made."""
    return f".{database.name}-"


def _without_driver(store: str, error: ModuleNotFoundError) -> TrackingError:
    """Name the package that a store of this kind needs."""
    package = DRIVERS.get(error.name or "", error.name)
    return TrackingError(
        f"the MLflow store {without_password(store)} needs the Python module {error.name}, which is not installed.",
        hint=f"install it, for example `pip install '{package}'`, or name an MLflow server: http://host:5000.",
    )


def _unreachable(store: str, error: Exception) -> TrackingError:
    reason = without_password(str(error)).strip().splitlines() or [type(error).__name__]
    return TrackingError(
        f"the MLflow store {without_password(store)} returned an error: {reason[0]}",
        hint="check that the store runs and is writable, set MLFLOW_TRACKING_URI, or use --no-mlflow.",
    )

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from ltvml.contracts import CUSTOMER_SCORES
from ltvml.tracking.served_files import requirements, write_source
from tests.serving.conftest import asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltvml.bundle.bundle import Bundle
    from ltvml.tracking.base import Logged

# issue 2: what is served equals the batch file to 1e-9
SERVED = {"rtol": 1e-9, "atol": 1e-12}
# the server imports MLflow twice before it answers
SECONDS_TO_START = 120
SECONDS_TO_ANSWER = 30

WITHOUT_LTVML = """
import json, sys, importlib.machinery
class Hide:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "ltvml":
            return None
        found = importlib.machinery.PathFinder.find_spec(name, [entry for entry in sys.path if "ltvml-source" in entry])
        if found is None:
            raise ModuleNotFoundError(name)
        return found
sys.meta_path.insert(0, Hide)
import warnings
warnings.filterwarnings("ignore", module="mlflow")
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1])
import ltvml
assert "ltvml-source" in ltvml.__file__, ltvml.__file__
print(model.predict(model.input_example)["predicted_ltv"].to_list())
"""


def served_rows(summary: pd.DataFrame) -> pd.DataFrame:
    numbers = [name for name in summary.columns if name != "customer_id"]
    return summary.astype(dict.fromkeys(numbers, "float64"))


def assert_served(answer: pd.DataFrame, scores: pd.DataFrame) -> None:
    assert list(answer.columns) == list(CUSTOMER_SCORES.names)
    for column in CUSTOMER_SCORES.columns:
        given, wanted = answer[column.name], scores[column.name].reset_index(drop=True)
        if column.dtype in ("int64", "float64"):
            np.testing.assert_allclose(given.astype(float), wanted.astype(float), **SERVED)
        elif column.dtype == "date":
            assert (given.isna() == wanted.isna()).all()
            assert given.dropna().to_list() == wanted.dropna().dt.strftime("%Y-%m-%d").to_list()
        else:
            assert given.to_list() == wanted.to_list()


@pytest.fixture
def model(logged: Logged, mlflow_is_asked: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The logged model as MLflow loads it, pickles disallowed."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", logged.store)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    import mlflow.pyfunc

    return mlflow.pyfunc.load_model("models:/ltvml@champion")


def test_the_loaded_model_gives_the_batch_without_pickles(model: Any, bundle: Bundle, summary: pd.DataFrame) -> None:
    assert_served(model.predict(served_rows(summary)), bundle.score(summary))


@pytest.mark.parametrize("cast", ["as it is", "nullable", "whole money", "timestamps"])
def test_a_customer_summary_is_served_as_it_is(model: Any, bundle: Bundle, summary: pd.DataFrame, cast: str) -> None:
    rows = summary.copy()
    if cast == "nullable":
        rows = rows.assign(**{name: rows[name].astype("Int64") for name in ("frequency", "recency", "T")})
    if cast == "whole money":
        rows = rows.assign(monetary_value=rows["monetary_value"].round().astype("int64"))
        summary = summary.assign(monetary_value=rows["monetary_value"].astype("float64"))
    if cast == "timestamps":
        rows = rows.drop(columns="cutoff_day").assign(cutoff=pd.to_datetime(summary["cutoff_day"], unit="D"))
    assert_served(model.predict(rows), bundle.score(summary))


@pytest.mark.parametrize(
    ("column", "value"), [("frequency", "often"), ("recency", 2.5), ("T", 2**60), ("monetary_value", "much")]
)
def test_a_value_that_a_number_cannot_be_is_named(model: Any, summary: pd.DataFrame, column: str, value: Any) -> None:
    from mlflow.exceptions import MlflowException

    rows = summary.astype({column: object})
    rows.loc[rows.index[0], column] = value
    with pytest.raises(MlflowException, match=f"{column} is .* expected a (whole )?number"):
        model.predict(rows)


JSON = ((b"content-type", b"application/json"),)


def test_mlflows_server_takes_integers_and_names_the_column_that_it_cannot_use(
    model: Any, bundle: Bundle, summary: pd.DataFrame
) -> None:
    from mlflow.pyfunc.scoring_server import init

    app, rows = init(model), summary.head(2)

    def answer(records: list[dict[str, Any]]) -> tuple[int, Any]:
        return asked(app, "POST", "/invocations", json.dumps({"dataframe_records": records}).encode(), JSON)

    records = json.loads(rows.to_json(orient="records"))
    assert {type(record["frequency"]) for record in records} == {int}
    status, given = answer(records)
    assert status == 200
    assert_served(pd.DataFrame(given["predictions"]), bundle.score(rows))
    for column, value in (("frequency", "often"), ("recency", 2.5), ("T", -3), ("cutoff_day", 5), ("cutoff", [1])):
        status, given = answer([records[0] | {column: value}])
        assert status == 400, given
        assert "rror: " in given["message"], given
        assert column.removesuffix("_day") in given["message"].partition("rror: ")[2], given


def test_the_signature_is_doubles_and_strings_and_numbers_that_the_model_casts(model: Any) -> None:
    signature = model.metadata.signature
    assert {str(column.type) for column in signature.outputs} == {"DataType.double", "DataType.string"}
    cast = {column.name for column in signature.inputs if str(column.type) == "Any"}
    of_spend = {"monetary_value", "first_order_value", "historic_value"}
    assert cast == {"cutoff", "cutoff_day", "frequency", "recency", "T", *of_spend}
    assert {str(column.type) for column in signature.inputs if column.name not in cast} == {"DataType.string"}
    assert [column.name for column in signature.outputs] == list(CUSTOMER_SCORES.names)
    assert [column.name for column in signature.inputs if not column.required] == [
        "cutoff",
        "customer_id",
        "cutoff_day",
    ]


def test_the_example_belongs_to_nobody_and_can_be_scored(model: Any, summary: pd.DataFrame) -> None:
    example = model.input_example
    assert not set(example["customer_id"]) & set(summary["customer_id"])
    assert model.predict(example)["predicted_ltv"].notna().all()


def test_a_row_that_breaks_the_schema_is_refused(model: Any, summary: pd.DataFrame) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="missing inputs"):
        model.predict(served_rows(summary).drop(columns="recency"))


def test_no_file_of_the_model_is_a_pickle(model: Any, logged: Logged, store: Path) -> None:
    files = [path for path in (store / "mlartifacts" / "models").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {"", ".json", ".py", ".txt", ".yaml", ".zip"}


def test_requirements_are_the_installed_versions_of_what_the_bundle_needs(tmp_path: Path, bundle: Bundle) -> None:
    bundle.save(tmp_path)
    closed_form = tuple(f"{name}=={version(name)}" for name in ("numpy", "pandas", "scipy"))
    assert requirements(tmp_path) == closed_form
    (tmp_path / "repurchase.json").write_text('{"name": "lightgbm_hazard"}')
    assert requirements(tmp_path) == (*closed_form, f"lightgbm=={version('lightgbm')}")


def test_the_source_is_the_same_bytes_twice(tmp_path: Path) -> None:
    assert write_source(tmp_path / "a.zip").read_bytes() == write_source(tmp_path / "b.zip").read_bytes()


@pytest.mark.slow
def test_the_model_loads_where_ltvml_is_not_installed(
    store: Path, logged: Logged, tmp_path: Path, bundle: Bundle
) -> None:
    model = sorted((store / "mlartifacts" / "models").glob("m-*"))[0] / "artifacts"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LTVML, str(model)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == bundle.score(bundle.example_rows())["predicted_ltv"].to_list()


@pytest.fixture
def server(logged: Logged, tmp_path: Path) -> Iterator[str]:
    """`mlflow models serve` on a free port of the loopback, ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/ltvml@champion"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": logged.store,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # the command starts uvicorn by name
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = tmp_path / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/ping", process, log)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=SECONDS_TO_ANSWER)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


def ask(server: str, rows: pd.DataFrame) -> Any:
    split = rows.to_dict(orient="split")
    body = json.dumps({"dataframe_split": {"columns": split["columns"], "data": split["data"]}}).encode()
    request = urllib.request.Request(f"{server}/invocations", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:
        return json.loads(answer.read(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


@pytest.mark.slow
def test_the_server_answers_what_the_batch_holds(server: str, bundle: Bundle, summary: pd.DataFrame) -> None:
    scores = bundle.score(summary)
    assert_served(pd.DataFrame(ask(server, summary)["predictions"]), scores)

    by_date = summary.drop(columns="cutoff_day").assign(cutoff=bundle.window.cutoff.isoformat())
    assert_served(pd.DataFrame(ask(server, by_date)["predictions"]), scores)

    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(server, summary.drop(columns="T"))

"""Orders in an S3 bucket are read as the same files on this machine: from moto, a stand-in for the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from ltvml.engines.base import Source
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = pd.DataFrame({"customer_id": ["007", "B"], "order_date": ["2024-01-10"] * 2, "amount": [1.5, 2.0]})
SECRET = "hush"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason="no moto: reading from S3 is not tested")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of files and a bucket of the same objects."""
    boto3 = pytest.importorskip("boto3", reason="no boto3: reading from S3 is not tested")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": service,
    }.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "house"
    for region in ("01", "02"):
        place = folder / f"orders/region={region}"
        place.mkdir(parents=True)
        ROWS.to_parquet(place / "a.parquet")
    (folder / "latin.csv").write_bytes(ROWS.assign(customer_id=["é", "B"]).to_csv(index=False).encode("cp1252"))
    client: Any = boto3.client("s3")
    client.create_bucket(Bucket="house", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for path in (path for path in folder.rglob("*") if path.is_file()):
        client.upload_file(str(path), "house", str(path.relative_to(folder)))
    yield folder
    for entry in client.list_objects_v2(Bucket="house")["Contents"]:
        client.delete_object(Bucket="house", Key=entry["Key"])
    client.delete_bucket(Bucket="house")
    client.close()


def lines(path: str, **columns: str) -> list[dict[str, object]]:
    engine = DuckDBEngine(threads=1)
    frame = engine.collect(engine.read(Source(path, columns=columns)))
    return sorted(frame.astype(object).where(frame.notna(), None).to_dict("records"), key=str)


@pytest.mark.parametrize(
    "path",
    [
        "orders",
        "orders/",
        "orders/**/*.parquet",
        "orders/region=0[1]/*",
        "orders/*/a.parquet",
        "orders/region=02/a.parquet",
    ],
)
def test_objects_are_read_as_the_same_files(bucket: Path, path: str) -> None:
    found = lines(f"s3://house/{path}", channel="region")
    assert found == lines(str(bucket / path), channel="region")
    assert {row["channel"] for row in found} <= {"01", "02"}
    assert len(found) in (2, 4)


@pytest.mark.filterwarnings("ignore:.*was read as cp1252")
def test_a_text_in_a_bucket_may_have_any_encoding(bucket: Path) -> None:
    assert [row["customer_id"] for row in lines("s3://house/latin.csv")] == ["B", "é"]


def test_what_cannot_be_read_is_one_error_without_the_key(
    bucket: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for path, words in {
        "s3://house/none.csv": "matches no object",
        "s3://house/orders/*.csv": "matches no object",
        "s3://nobody/*.csv": r"NO_SUCH_BUCKET[\s\S]*AWS_ACCESS_KEY_ID",
    }.items():
        with pytest.raises(EngineError, match=words):
            lines(path)
    with pytest.raises(ConfigError, match="holds a key") as refused:
        lines(f"s3://key:{SECRET}@house/orders")
    assert SECRET not in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(EngineError, match="could not be read") as away:
        lines("s3://house/latin.csv")
    assert away.value.exit_code == 5
    assert SECRET not in str(away.value) + "".join(capfd.readouterr())

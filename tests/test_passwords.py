"""Secrets in addresses are masked, and nothing else is."""

from __future__ import annotations

import pytest

from ltvml.config import Config
from ltvml.engines.base import Source
from ltvml.passwords import without_password, without_passwords

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://user:{SECRET}@host:5432/shop",
        f"postgresql://user:pa/{SECRET}@host/shop",
        f"postgresql://user:pa@{SECRET}@host/shop",
        f"postgresql://user:pa?{SECRET}@host/shop",
        f"//user:pa/{SECRET}@host",
        f"mysql+pymysql://user:pa#{SECRET}@host/shop",
        f"postgresql://host/shop?user=a&password={SECRET}",
        f"https://account.blob.core.windows.net/o.csv?sv=1&sig={SECRET}&se=2",
        f"https://host/orders.csv?access_token={SECRET}",
        f"https://host/orders.csv?X-Amz-Signature={SECRET}",
        f"s3://bucket/o.csv?AWSAccessKeyId={SECRET}&Signature={SECRET}",
        f"host=db user=shop password='{SECRET} {SECRET}'",
        f"DefaultEndpointsProtocol=https;AccountKey={SECRET}==;EndpointSuffix=core",
    ],
)
def test_a_secret_is_masked_and_its_host_stays(address: str) -> None:
    masked = without_password(f"could not read '{address}'")
    assert SECRET not in masked
    assert "***" in masked
    assert "could not read '" in masked


@pytest.mark.parametrize(
    "harmless",
    [
        "orders/*.parquet",
        "https://host:5000/a@b/orders.csv",
        "https://host/orders.csv?email=a@b.c",
        "sqlite:////data/a@b/mlflow.db",
        "file:///data/a@b.csv",
        "shop.duckdb::main.orders",
        "SELECT a // b AS quotient FROM orders",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(harmless: str) -> None:
    assert without_password(harmless) == harmless


def test_an_aws_key_is_masked_anywhere() -> None:
    assert without_password("denied for AKIAABCDEFGHIJKLMNOP") == "denied for ***"


def test_a_configuration_shows_its_sources_without_passwords() -> None:
    config = Config(
        transactions={"source": f"https://user:{SECRET}@host/o.csv"}, products={"source": f"x?sig={SECRET}"}
    )
    assert SECRET not in str(config.to_dict())
    # what runs still has it
    assert SECRET in str(config.transactions.source)


def test_a_query_is_no_address() -> None:
    sql = "SELECT o.token FROM o JOIN t ON o.token = t.token"
    assert without_passwords({"sql": sql}) == {"sql": sql}


def test_a_source_is_named_without_its_password() -> None:
    assert SECRET not in Source(f"https://user:pa/{SECRET}@host/o.csv").label

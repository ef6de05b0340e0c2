"""A password of a database is refused where it would be kept, and shown nowhere."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ltvml.cli.app import app
from ltvml.config import Config
from ltvml.engines.databases.addresses import Address, address_of, is_database
from ltvml.errors import ConfigError

SECRETS = [
    "postgresql://shop:hush@db/shop::orders",
    "postgres://shop:hu/sh@db:5432/shop::orders",
    "postgresql+psycopg://shop:hush@h@db/shop::orders",
    "postgresql://db/shop?user=shop&password=hush::orders",
    "mysql://:hush@db/shop::orders",
    "databricks://token:hush@db?http_path=/sql::orders",
    "POSTGRESQL://shop:hush@db/shop::orders",
]
OPEN = [
    ("postgresql://shop@db/shop::orders", Address("postgresql://shop@db/shop", "orders")),
    ("postgresql:///shop?service=night::sales.orders", Address("postgresql:///shop?service=night", "sales.orders")),
    ("postgresql://[::1]/shop", Address("postgresql://[::1]/shop")),
    ("postgresql://shop@[::1]", Address("postgresql://shop@[::1]")),
    ("bigquery://project/data::p.data.orders", Address("bigquery://project/data", "p.data.orders")),
    ("sqlite:////data/shop.db::orders", Address("sqlite:////data/shop.db", "orders")),
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_password_in_an_address_is_refused_and_not_repeated(secret: str):
    for transactions in ({"source": secret}, {"sql": "SELECT 1", "sources": {"o": secret}}):
        with pytest.raises(ConfigError, match="holds a password or token") as refused:
            Config.model_validate({"transactions": transactions})
        assert "hu" not in str(refused.value).replace("this", "").split("Looked")[0]
    with pytest.raises(ConfigError, match="leave it out"):
        address_of(secret)


@pytest.mark.parametrize(("path", "expected"), OPEN)
def test_an_address_without_one_is_a_database_and_its_table(path: str, expected: Address):
    assert is_database(path)
    assert address_of(path) == expected
    assert Config.model_validate({"transactions": {"source": path}}).transactions.source == path


@pytest.mark.parametrize("path", ["s3://bucket/orders.parquet", "orders.db::orders", "https://shop/o.csv", "a://b"])
def test_other_sources_are_no_database(path: str):
    assert not is_database(path)


def test_the_command_line_refuses_a_password_by_exit_code_2(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ltvml.yaml").write_text("window: {cutoff: 2024-01-01}\n")
    result = CliRunner().invoke(app, ["validate", "--set", f"transactions.source={SECRETS[0]}"])
    assert result.exit_code == 2
    assert "hush" not in result.output + result.stderr
    assert "PGPASSWORD" in result.stderr

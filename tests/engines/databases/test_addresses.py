"""A password of a database is refused where it would be kept, and shown nowhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ltvml.cli.app import app
from ltvml.config import Config
from ltvml.engines.databases.addresses import KINDS, Address, address_of, is_database
from ltvml.errors import ConfigError
from ltvml.passwords import DATABASES

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = [
    "postgresql://shop:hush@db/shop::orders",
    "postgres://shop:hu/sh@db:5432/shop::orders",
    "postgresql+psycopg://shop:hush@h@db/shop::orders",
    "postgresql://db/shop?user=shop&password=hush::orders",
    "mysql://:hush@db/shop::orders",
    "databricks://token:hush@db?http_path=/sql::orders",
    "POSTGRESQL://shop:hush@db/shop::orders",
    # a driver decodes the names of parameters, too
    "postgresql://db/shop?pass%77ord=hush::orders",
    "postgresql://db/shop?options=-c%20password%3Dhush::orders",
    "postgresql://db/shop?dbpass=hush::orders",
    "postgresql://db/shop#password=hush::orders",
    "postgresql:///shop?host=db password=hush::orders",
    "mysql://h/d;password=hush::orders",
    "mysql://u%3Ahush@h/d::orders",
    "mysql://h/d?passwd=hush::orders",
    "snowflake://u@a/db?passcode=hush::orders",
    "snowflake://u@a/db?private_key=hush::orders",
    "bigquery://p/d?credentials_base64=hush::orders",
    "sqlite:///shop.db?key=hush::orders",
    "sqlite+pysqlcipher://:hush@/shop.db::orders",
]
MISTYPED = [
    "postgresql:shop:hush@db/shop::orders",
    "postgresql:/shop:hush@db/shop::orders",
    "postgresql//shop:hush@db/shop::orders",
    "postgresql :// shop:hush@db/shop::orders",
]
OPEN = [
    ("postgresql://shop@db/shop::orders", Address("postgresql://shop@db/shop", "orders")),
    ("postgresql:///shop?service=night::sales.orders", Address("postgresql:///shop?service=night", "sales.orders")),
    ("postgresql://[::1]/shop", Address("postgresql://[::1]/shop")),
    ("postgresql://shop@[::1]", Address("postgresql://shop@[::1]")),
    ("bigquery://project/data::p.data.orders", Address("bigquery://project/data", "p.data.orders")),
    (
        "postgresql://db/shop?passfile=/home/me/.pgpass&sslmode=require::orders",
        Address("postgresql://db/shop?passfile=/home/me/.pgpass&sslmode=require", "orders"),
    ),
    ("mysql://h/d?ssl_key=/k.pem::orders", Address("mysql://h/d?ssl_key=/k.pem", "orders")),
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


@pytest.mark.parametrize("key", ["transactions.source", "outreach.opt_outs", "contacts.source", "output.write_to.url"])
@pytest.mark.parametrize("secret", [*SECRETS, *MISTYPED])
def test_the_command_line_refuses_a_password_by_exit_code_2(
    secret: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ltvml.yaml").write_text("window: {cutoff: 2024-01-01}\n")
    address = secret.removesuffix("::orders") if key.endswith("url") else secret
    result = CliRunner().invoke(app, ["validate", "--set", f"{key}='{address}'"])
    assert result.exit_code == 2
    assert not re.search("hush|hu/sh", result.output + result.stderr)
    assert [path.name for path in tmp_path.rglob("*")] == ["ltvml.yaml"]


def test_the_refusal_says_where_a_password_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ltvml.yaml").write_text("window: {cutoff: 2024-01-01}\n")
    result = CliRunner().invoke(app, ["validate", "--set", f"transactions.source={SECRETS[0]}"])
    assert "PGPASSWORD" in result.stderr


def test_a_parameter_that_is_not_known_as_harmless_is_not_shown() -> None:
    shown = str(address_of("postgresql://me@db/shop?sslmode=require&conninfo=hush&x=hush::sales.orders"))
    assert shown == "postgresql://***@db/shop?sslmode=require&conninfo=***&x=***::sales.orders"


def test_every_kind_of_database_is_one_whose_parameters_are_masked() -> None:
    assert set(DATABASES) == set(KINDS)

"""Connections to databases: one transaction each, closed by the block that opened it; errors in our words."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ltvml.errors import EngineError
from ltvml.passwords import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltvml.engines.databases.addresses import Address

POSTGRES, MYSQL, SQLITE = "postgresql", "mysql", "sqlite"
_SECONDS_TO_CONNECT = 15
# texts of dates and numbers must not depend on how the server or the user is set up
_PLAIN_TEXT = (
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
)


@contextmanager
def one_snapshot(address: Address) -> Iterator[sa.Connection]:
    """A transaction that only reads, in which every table is as it was when the first of them was looked at.

    Raises
    ------
    EngineError
        If the driver is missing, or the database cannot be reached or refuses.
    """
    with connected(address) as connection:
        if connection.dialect.name == POSTGRES:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        elif connection.dialect.name == MYSQL:
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            if connection.dialect.name == POSTGRES:
                for setting in _PLAIN_TEXT:
                    connection.execute(sa.text(setting))
            yield connection


@contextmanager
def connected(address: Address) -> Iterator[sa.Connection]:
    """A connection, closed with the block.

    Raises
    ------
    EngineError
        If the driver is missing, or the database cannot be reached or refuses.
    """
    check_installed(address)
    try:
        url, arguments = _with_credentials(address)
        engine = sa.create_engine(url, poolclass=NullPool, connect_args=arguments)
        connection = engine.connect()
    except sa.exc.SQLAlchemyError as error:
        raise EngineError(
            f"{address} could not be opened: {reason_of(error)}.",
            hint=f"does the database run there, and do you have an account? Looked for: {address.kind.credentials}.",
        ) from None
    try:
        yield connection
    finally:
        connection.close()


def check_installed(address: Address) -> None:
    """Refuse a database whose driver is not installed.

    Raises
    ------
    EngineError
    """
    package = address.kind.package
    try:
        found = importlib.util.find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):
        found = False
    if not found:
        raise EngineError(
            f"{address} needs the package {package}, which is not installed.",
            hint=f"pip install 'ltvml[{address.kind.extra}]'.",
        )


def is_of_a_driver(error: BaseException) -> bool:
    """Whether an error comes from a database: SQLAlchemy's, or psycopg's own while rows are copied."""
    return isinstance(error, sa.exc.SQLAlchemyError) or type(error).__module__.partition(".")[0] == "psycopg"


def reason_of(error: BaseException) -> str:
    """The first line of what a driver says, without passwords and the statement."""
    original = getattr(error, "orig", None) or error
    # MySQL's driver gives a number and a text
    texts = [part for part in getattr(original, "args", ()) if isinstance(part, str)]
    lines = (texts[0] if texts else str(original)).strip().splitlines()
    return without_password(lines[0].rstrip(". ")) if lines else type(original).__name__


def _with_credentials(address: Address) -> tuple[sa.URL, dict[str, Any]]:
    """Where to connect, and what the driver is given beside: what libpq finds by itself is left to it."""
    kind = address.kind
    url = sa.make_url(address.url).set(drivername=kind.driver)
    user, password = (os.environ.get(name) if name else None for name in (kind.user, kind.password))
    if kind.driver == "databricks":
        user = "token"
    if user and not url.username:
        url = url.set(username=user)
    if password and not url.password:
        url = url.set(password=password)
    return url, _arguments(kind.driver)


def _arguments(driver: str) -> dict[str, Any]:
    if driver == "postgresql+psycopg":
        waits = {} if "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": _SECONDS_TO_CONNECT}
        return {"client_encoding": "utf8", "application_name": "ltvml"} | waits
    if driver == "mysql+pymysql":
        profile = Path("~/.my.cnf").expanduser()
        given: dict[str, Any] = {"read_default_file": str(profile)} if profile.is_file() else {}
        return given | {"connect_timeout": _SECONDS_TO_CONNECT, "charset": "utf8mb4"}
    return {}

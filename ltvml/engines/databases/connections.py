"""Connections to databases: one transaction each, closed by the block that opened it; errors in our words."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager, suppress
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
BIGQUERY, SNOWFLAKE, DATABRICKS = "bigquery", "snowflake", "databricks"
_SECONDS_TO_CONNECT, _SECONDS_TO_WAIT = 15, 60
# packages of the drivers, and those by which they reach their servers
_DRIVERS = ("psycopg", "pymysql", "snowflake", "google", "databricks", "requests", "urllib3", "thrift")
# texts of dates and numbers must not depend on how the server or the user is set up
_PLAIN_TEXT = (
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    # rows that a policy hides from this user would be missing without a word: opt-outs, for one
    "SET LOCAL row_security = off",
)
# a TIMESTAMP is sent in the zone of the session
_IN_UTC = ("SET time_zone = '+00:00'", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


@contextmanager
def one_snapshot(address: Address) -> Iterator[sa.Connection]:
    """A transaction that only reads, in which every table is as it was when the first of them was looked at.

    Raises
    ------
    EngineError
        If the driver is missing, or the database cannot be reached or refuses.
    """
    _refuse_no_file(address)
    with connected(address) as connection:
        kind = connection.dialect.name
        if kind == POSTGRES:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        elif kind == MYSQL:
            connection.execution_options(isolation_level="REPEATABLE READ")
        transaction = connection.begin()
        try:
            for setting in {POSTGRES: _PLAIN_TEXT, MYSQL: _IN_UTC}.get(kind, ()):
                connection.exec_driver_sql(setting)
            yield connection
        finally:
            # what was read does not depend on its end, which fails where the connection is gone
            with suppress(sa.exc.SQLAlchemyError):
                transaction.rollback()


def _refuse_no_file(address: Address) -> None:
    """Refuse a file of SQLite that is not there: its driver would make an empty one."""
    url = sa.make_url(address.url)
    path = (url.database or "").removeprefix("file:")
    if url.get_backend_name() == SQLITE and not Path(path).is_file():
        raise EngineError(
            f"{address}: there is no file '{path}'; expected a database of SQLite.",
            hint=f"paths are relative to {Path.cwd()}; sqlite:////data/shop.db is one from the root.",
        )


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
    # a release of the package that was made for another one of SQLAlchemy
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"{address} could not be opened: {address.kind.package} does not work with SQLAlchemy {sa.__version__}: "
            f"{reason_of(error)}.",
            hint=f"pip install --upgrade 'ltvml[{address.kind.extra}]'.",
        ) from None
    # packages of warehouses raise errors of their own where credentials are missing
    except Exception as error:
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
    """Whether an error comes from a database: SQLAlchemy's, or a driver's own while rows are sent."""
    return (
        isinstance(error, (sa.exc.SQLAlchemyError, ConnectionError, TimeoutError))
        or type(error).__module__.partition(".")[0] in _DRIVERS
    )


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
        return given | {"connect_timeout": _SECONDS_TO_CONNECT, "charset": "utf8mb4", "conv": _as_written()}
    # a second writer of SQLite waits for the first; a warehouse that does not answer is tried for a quarter of an hour
    named = {SQLITE: "timeout", SNOWFLAKE: "login_timeout", DATABRICKS: "_retry_stop_after_attempts_duration"}
    return {named[driver]: _SECONDS_TO_WAIT} if driver in named else {}


def _as_written() -> dict[Any, Any]:
    """PyMySQL's conversions without those of dates, times and decimals, which arrive as the server writes them.

    Its own fail for times of more than a day, and a decimal of 0.0000000000 would become 0E-10.
    """
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    texts = ("DATE", "NEWDATE", "DATETIME", "TIMESTAMP", "TIME", "DECIMAL", "NEWDECIMAL")
    plain = {
        kind: how for kind, how in conversions.items() if kind not in {getattr(FIELD_TYPE, name) for name in texts}
    }
    # the session is in UTC
    return plain | {FIELD_TYPE.BIT: int.from_bytes, FIELD_TYPE.TIMESTAMP: "{}+00:00".format}

"""Addresses of databases and of tables in them: `postgresql://host/shop::schema.table`. No password is part of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ltvml.errors import ConfigError
from ltvml.passwords import DATABASES, holds_secret, without_password

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBER = "::"
_SCHEME = "://"
_LIKE_ONE = re.compile(rf"(?i)\s*(?:{'|'.join(DATABASES)})(?:\+\w+)?\s*(?::|//)")


@dataclass(frozen=True)
class Kind:
    """A kind of database.

    Parameters
    ----------
    driver : str
        Scheme of the address for SQLAlchemy.
    package : str
        Module without which it cannot be reached.
    extra : str
        Extra of ltvml that installs it; empty where nothing is missing.
    credentials : str
        Where user and password are looked for.
    user, password : str
        Environment variables that are read for it, where its own driver reads none.
    all_or_nothing : bool
        Whether a failure undoes what was written to several tables.
    """

    driver: str
    package: str
    extra: str
    credentials: str
    user: str = ""
    password: str = ""
    all_or_nothing: bool = True


_POSTGRES = Kind(
    "postgresql+psycopg", "psycopg", "postgres", "PGUSER and PGPASSWORD, ~/.pgpass, or a service (PGSERVICE)"
)
_MYSQL = Kind("mysql+pymysql", "pymysql", "mysql", "~/.my.cnf, or MYSQL_USER and MYSQL_PWD", "MYSQL_USER", "MYSQL_PWD")
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "postgresql": _POSTGRES,
        "postgres": _POSTGRES,
        "mysql": _MYSQL,
        "mariadb": _MYSQL,
        "sqlite": Kind("sqlite", "sqlite3", "", "none: a file is read by who may read it"),
        "bigquery": Kind(
            *("bigquery", "sqlalchemy_bigquery", "bigquery", "GOOGLE_APPLICATION_CREDENTIALS"), all_or_nothing=False
        ),
        "snowflake": Kind(
            *("snowflake", "snowflake.sqlalchemy", "snowflake", "SNOWFLAKE_USER and SNOWFLAKE_PASSWORD"),
            *("SNOWFLAKE_USER", "SNOWFLAKE_PASSWORD"),
        ),
        "databricks": Kind(
            *("databricks", "databricks.sqlalchemy", "databricks", "DATABRICKS_TOKEN", "", "DATABRICKS_TOKEN"),
            all_or_nothing=False,
        ),
    }
)
"""Scheme of an address -> what reads it."""


@dataclass(frozen=True)
class Address:
    """A database, and a table in it.

    Parameters
    ----------
    url : str
        Without the table.
    table : str, optional
        `table` or `schema.table`.
    """

    url: str
    table: str | None = None

    @property
    def kind(self) -> Kind:
        """What reads it."""
        return KINDS[_kind_name(self.url)]

    @property
    def schema(self) -> str | None:
        """Schema of the table, if one is named."""
        return (self.table or "").rpartition(".")[0] or None

    @property
    def name(self) -> str:
        """The table without its schema."""
        return (self.table or "").rpartition(".")[2]

    def __str__(self) -> str:
        """The address for messages."""
        return without_password(self.url) + (f"{MEMBER}{self.table}" if self.table else "")


def is_database(path: str) -> bool:
    """Whether a source is in a database.

    Examples
    --------
    >>> is_database("postgresql+psycopg://localhost/shop::orders"), is_database("s3://bucket/orders.parquet")
    (True, False)
    """
    return _SCHEME in path and _kind_name(path) in KINDS


def address_of(path: str) -> Address:
    """A source as a database and a table.

    Raises
    ------
    ConfigError
        If it holds a password.

    Examples
    --------
    >>> address_of("postgresql://[::1]:5432/shop::sales.orders")
    Address(url='postgresql://[::1]:5432/shop', table='sales.orders')
    """
    check_no_password(path)
    url, _, table = path.rpartition(MEMBER)
    # the colons of an IPv6 host are no table
    if not url or "/" in table or "]" in table:
        return Address(path)
    return Address(url, table)


def check_no_password(path: str) -> None:
    """Refuse a password in the address of a database, and an address that is mistyped and may hold one.

    Files are copied, logged and committed.

    Raises
    ------
    ConfigError
    """
    if _LIKE_ONE.match(path) and "@" in path and not is_database(path):
        raise ConfigError(
            f"{without_password(path)} is no address of a database; expected one like postgresql://host/shop::orders.",
            hint="two slashes follow the colon, without blanks, and there is no password.",
        )
    if not is_database(path) or not _has_password(path.partition(_SCHEME)[2]):
        return
    kind = KINDS[_kind_name(path)]
    raise ConfigError(
        f"{without_password(path)} holds a password or token; expected an address without one.",
        hint=f"leave it out of the address, and change it if others have seen it. Looked for: {kind.credentials}.",
    )


def _kind_name(path: str) -> str:
    return path.partition(_SCHEME)[0].partition("+")[0].lower()


def _has_password(rest: str) -> bool:
    # the last @ ends user and password, also where one stands in the password; a query may hold an @ of its own
    return ":" in unquote(rest.rpartition("@")[0]) or holds_secret(rest)

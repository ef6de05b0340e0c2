"""Addresses without what must stay secret: passwords, tokens and keys are masked before a text is printed or stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MASK = "***"
_SECRET_WORDS = (
    "password|passwd|passphrase|pwd|pass|secret|token|apikey|api_key|api-key|accountkey|account_key|account-key|"
    "awsaccesskey|accesskey|access_key|access-key|secretkey|secret_key|secret-key|sharedaccesskey|sig|signature|"
    "credential|auth|authorization|sslpassword|sslkey"
)
# an address ends at a blank or a quote; its password may hold a slash, an @ or a question mark
_AUTHORITY = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*:)?//(?P<rest>[^\s'\"<>]+)")
_FIELD = re.compile(
    rf"(?i)(?P<key>(?<![A-Za-z])(?:[A-Za-z0-9]+[-_.])*(?:{_SECRET_WORDS})(?:[-_.]?id)?\s*=\s*)"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s&;,'\"]+)"
)
DATABASES = ("postgresql", "postgres", "mysql", "mariadb", "sqlite", "bigquery", "snowflake", "databricks")
"""Schemes whose addresses show no value of a parameter but these: a driver may take a secret under any other name."""
_SHOWN = (
    *("host", "hostaddr", "port", "user", "dbname", "service", "sslmode", "sslrootcert", "connect_timeout"),
    *("application_name", "target_session_attrs", "unix_socket", "charset", "http_path", "catalog", "schema"),
    *("warehouse", "role", "database", "location", "mode", "uri", "timeout", "cache", "check_same_thread"),
)
_SECRET_KEY = re.compile(
    r"(?i)pass(?!file)|pwd|secret|token(?!_?file)|credentials?_?(?:base64|info)|(?:^|hex|api|(?<!ssl)[-_])key$|"
    r"^(?:sig|signature|auth|authorization|credential|sslkey)$"
)
# postgresql:/user:password@host, one slash short
_MISTYPED = re.compile(
    rf"(?i)\b(?P<start>(?:{'|'.join(DATABASES)})(?:\+\w+)?\s*:(?!//\S)\s*/*\s*)[^\s'\"@]*:[^\s'\"]*@"
)
_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


def without_password(text: str) -> str:
    """`text` with user and password of every address in it masked, and every value of a password, token or key.

    Examples
    --------
    >>> without_password("refused by http://shop:secret@mlflow:5000/api")
    'refused by http://***@mlflow:5000/api'
    >>> without_password("postgresql://user:pa/s@s?x@host/shop?sslpassword=hush&connect_timeout=5")
    'postgresql://***@host/shop?sslpassword=***&connect_timeout=5'
    """
    masked = _AUTHORITY.sub(lambda found: f"{found['scheme'] or ''}//{_masked(found['scheme'], found['rest'])}", text)
    masked = _MISTYPED.sub(rf"\g<start>{MASK}@", masked)
    masked = _FIELD.sub(lambda found: found["key"] + MASK, masked)
    return _AWS_KEY.sub(MASK, masked)


def without_passwords(value: Any, key: str = "") -> Any:
    """The same for every address within mappings and lists, and for all that a key starting with `source` holds.

    Examples
    --------
    >>> without_passwords({"source": "https://shop.example/orders.csv?sig=abc", "sql": "SELECT * WHERE pass = 1"})
    {'source': 'https://shop.example/orders.csv?sig=***', 'sql': 'SELECT * WHERE pass = 1'}
    """
    if isinstance(value, str):
        return without_password(value) if "://" in value or key.startswith("source") else value
    if isinstance(value, Mapping):
        return {name: without_passwords(held, key if key == "sources" else str(name)) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_passwords(held, key) for held in value)
    return value


def holds_secret(parameters: str) -> bool:
    """Whether what follows the host of an address gives a value to a password, token or key, however it is spelled.

    Examples
    --------
    >>> holds_secret("/shop?pass%77ord=hush"), holds_secret("/shop?options=-c%20pwd%3Dhush")
    (True, True)
    >>> holds_secret("/shop?passfile=/home/me/.pgpass&private_key_file=/k.p8&sslmode=require")
    False
    """
    pairs = (part.partition("=") for part in re.split(r"[?&;#\s]+", unquote(parameters)))
    return any(sign and _SECRET_KEY.search(key) for key, sign, _ in pairs)


def _masked(scheme: str | None, rest: str) -> str:
    shown = _without_user(rest)
    if (scheme or "").rstrip(":").partition("+")[0].lower() not in DATABASES:
        return shown
    # the table that is named after :: is no part of a value
    return re.sub(r"(?P<key>[?&;#][^=&;#]*=)(?P<value>(?:(?!::)[^&;#])*)", _shown, shown)


def _shown(parameter: re.Match[str]) -> str:
    harmless = parameter["key"][1:-1].lower() in _SHOWN
    return parameter["key"] + (parameter["value"] if harmless else MASK)


def _without_user(rest: str) -> str:
    """What follows `//`, its user and password masked.

    The last @ before the query ends them where a password is written unquoted; an @ in the path alone is no user.
    """
    query_at = _query_start(rest)
    address, query = rest[:query_at], rest[query_at:]
    if "@" not in address or not _has_user(address):
        return rest
    return f"{MASK}@{address.rpartition('@')[2]}{query}"


def _has_user(address: str) -> bool:
    first_slash = address.find("/")
    authority = address if first_slash < 0 else address[:first_slash]
    # user:password with a slash in the password: a colon that is followed by no port
    unfinished = ":" in authority and not re.fullmatch(r"[^:]*:\d{1,5}", authority)
    return "@" in authority or unfinished


def _query_start(rest: str) -> int:
    """Where the query begins: the first ? after the last @, or the first of all where no @ follows."""
    last_at = rest.rfind("@")
    first = rest.find("?")
    if first < 0:
        return len(rest)
    after = rest.find("?", last_at + 1)
    in_password = last_at > first and ("=" not in rest[first:last_at] or ":" in rest[:first].partition("/")[0])
    if in_password:
        return after if after >= 0 else len(rest)
    return first

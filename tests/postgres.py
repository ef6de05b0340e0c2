"""A Postgres server of the test run: made in a temporary folder, reached through a socket, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def binary(name: str) -> str | None:
    found = [str(place / name) for place in PLACES if (place / name).exists()]
    return next(iter(found), shutil.which(name))


@dataclass(frozen=True)
class Server:
    """Postgres of a test: `url` of an empty database, and its superuser's SQL."""

    socket: Path
    port: int
    user: str

    @property
    def url(self) -> str:
        return f"postgresql://{self.user}@/postgres?host={self.socket}&port={self.port}"

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        import psycopg

        rows: list[tuple[object, ...]] = []
        with psycopg.connect(host=str(self.socket), port=self.port, user=self.user, dbname="postgres") as connection:
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows


def as_user(command: list[str]) -> list[str]:
    """Postgres refuses to run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command] if os.getuid() == 0 else command


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="no psycopg: reading from Postgres is not tested")
    initdb, control = binary("initdb"), binary("pg_ctl")
    if initdb is None or control is None or (os.getuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("no Postgres server programs: reading from and writing to Postgres is not tested")
    # a socket's path may have 107 letters, and the user without rights cannot enter pytest's folder
    folder = Path(tempfile.mkdtemp(prefix="ltvml_pg_"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    data, user = folder / "data", "shop"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    quiet = {"check": True, "capture_output": True, "env": environment, "cwd": folder}
    make = [initdb, "-D", str(data), "-U", user, "--auth=trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(as_user(make), **quiet)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=20"
    start = [control, "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start"]
    # the server keeps what it inherits open: no pipe of ours
    subprocess.run(as_user(start), check=True, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield Server(folder, 5432, user)
    finally:
        subprocess.run(as_user([control, "-D", str(data), "-m", "immediate", "stop"]), **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server: Server) -> Server:
    """The server with nothing in it."""
    owned = "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg%' AND nspname <> 'information_schema'"
    for (schema,) in server.run(owned):
        server.run(f'DROP SCHEMA "{schema}" CASCADE')
    server.run("CREATE SCHEMA public")
    return server

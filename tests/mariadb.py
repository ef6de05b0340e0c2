"""A MariaDB server of the test run: made in a temporary folder, reached through a socket, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.postgres import as_user

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS_TO_START = 60
_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")


@dataclass(frozen=True)
class MySQLServer:
    """MariaDB of a test: `url` of an empty database, and its superuser's SQL."""

    socket: Path

    @property
    def url(self) -> str:
        return self.url_of("root")

    def url_of(self, user: str) -> str:
        return f"mysql://{user}@localhost/shop?unix_socket={self.socket}"

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        import pymysql

        rows: list[tuple[object, ...]] = []
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", charset="utf8mb4", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute("SET sql_mode = ''")
            if cursor.execute("SHOW DATABASES LIKE 'shop'"):
                cursor.execute("USE shop")
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MySQLServer]:
    pytest.importorskip("pymysql", reason="no PyMySQL: reading from MySQL is not tested")
    install, server = (
        shutil.which("mariadb-install-db"),
        shutil.which("mariadbd", path="/usr/sbin:" + os.environ["PATH"]),
    )
    if install is None or server is None or (os.getuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("no MariaDB server programs: reading from and writing to MySQL is not tested")
    # a socket's path may have 107 letters, and the user without rights cannot enter pytest's folder
    folder = Path(tempfile.mkdtemp(prefix="ltvml_my_"))
    if os.getuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    data, socket = folder / "data", folder / "s"
    shared = {"env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, "cwd": folder, "stdout": subprocess.DEVNULL}
    make = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run(as_user([*make, "--skip-test-db"]), check=True, stderr=subprocess.DEVNULL, **shared)
    options = [f"--datadir={data}", f"--socket={socket}", "--skip-networking", f"--pid-file={folder / 'pid'}"]
    options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", f"--log-error={folder / 'log'}"]
    # a server whose defaults are not ours: another zone, and texts of Western Europe
    options += ["--default-time-zone=+09:00", "--character-set-server=latin1", "--sql-mode="]
    process = subprocess.Popen(as_user([server, "--no-defaults", *options]), stderr=subprocess.DEVNULL, **shared)
    try:
        found = MySQLServer(socket)
        _wait_for(found, process)
        yield found
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mysql(mysql_server: MySQLServer) -> MySQLServer:
    """The server with nothing in it."""
    for (name,) in mysql_server.run("SHOW DATABASES"):
        if name not in _SYSTEM:
            mysql_server.run(f"DROP DATABASE `{name}`")
    mysql_server.run("CREATE DATABASE shop")
    return mysql_server


def _wait_for(server: MySQLServer, process: subprocess.Popen[bytes]) -> None:
    # PyMySQL leaves a socket open when it finds none: the server has made its own before it answers
    end = time.monotonic() + _SECONDS_TO_START
    while not server.socket.exists():
        assert process.poll() is None, "the MariaDB server of the tests ended"
        assert time.monotonic() < end, "the MariaDB server of the tests did not start"
        time.sleep(0.1)
    server.run("SELECT 1")

"""What is no file, or changes while it is read, is refused at once."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import pytest

from ltvml.engines.duckdb import DuckDBEngine
from ltvml.errors import DataContractError, EngineError
from tests.engines.files.written import ASCII, HEADER, read


def test_a_pipe_is_refused_at_once(engine, tmp_path) -> None:
    os.mkfifo(tmp_path / "orders.csv")
    with pytest.raises(DataContractError, match="is a named pipe; expected a file"):
        read(engine, tmp_path / "orders.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="devices and sockets of Linux")
def test_devices_and_sockets_are_refused_at_once(engine, tmp_path) -> None:
    with pytest.raises(DataContractError, match="is a device; expected a file"):
        read(engine, "/dev/zero")
    (tmp_path / "orders.csv").symlink_to("/dev/zero")
    with pytest.raises(DataContractError, match="is a device; expected a file"):
        read(engine, tmp_path / "orders.csv")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "s.csv"))
        with pytest.raises(DataContractError, match="is a socket; expected a file"):
            read(engine, tmp_path / "s.csv")


def test_a_file_that_changes_while_it_is_read_is_refused(engine, write, monkeypatch) -> None:
    path = write(HEADER + ASCII)
    hold = DuckDBEngine.hold

    def held_and_changed(self: DuckDBEngine, relation: Any) -> Any:
        held = hold(self, relation)
        path.write_text(HEADER + ASCII + ASCII)
        return held

    monkeypatch.setattr(DuckDBEngine, "hold", held_and_changed)
    with pytest.raises(EngineError, match=r"orders.csv' changed while"):
        read(engine, path)

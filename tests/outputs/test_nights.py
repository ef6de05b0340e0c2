"""A night is done again where anything that it reads has changed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ltvml.outputs.nights import hash_of_files, hash_of_orders

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_that_sqlite_keeps_beside_its_file_are_a_change(tmp_path: Path) -> None:
    place = f"{tmp_path / 'crm.db'}::opt_outs"
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE opt_outs (customer_id TEXT)")
    connection.commit()
    before = (tmp_path / "crm.db").read_bytes()
    hashes = [(hash_of_files([place]), hash_of_orders([place]))]
    connection.execute("INSERT INTO opt_outs VALUES ('007')")
    connection.commit()
    hashes.append((hash_of_files([place]), hash_of_orders([place])))
    assert (tmp_path / "crm.db").read_bytes() == before
    connection.close()
    assert hashes[0][0] != hashes[1][0]
    assert hashes[0][1] != hashes[1][1]

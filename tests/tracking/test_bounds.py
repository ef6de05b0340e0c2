from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path

import pytest

from ltvml.tracking.bounds import check_writable, environment, silenced, sqlite_file

# a store that cannot be written is told at once; a slow disk takes a fraction of this
AT_ONCE = 2.0


def test_the_environment_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTVML_TEST_OLD", "user")
    monkeypatch.delenv("LTVML_TEST_NEW", raising=False)
    with environment({"LTVML_TEST_OLD": "fixed"}, defaults={"LTVML_TEST_NEW": "default"}):
        assert (os.environ["LTVML_TEST_OLD"], os.environ["LTVML_TEST_NEW"]) == ("fixed", "default")
    assert os.environ["LTVML_TEST_OLD"] == "user"
    assert "LTVML_TEST_NEW" not in os.environ


def test_a_default_yields_to_what_the_user_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTVML_TEST_OLD", "user")
    with environment({}, defaults={"LTVML_TEST_OLD": "default"}):
        assert os.environ["LTVML_TEST_OLD"] == "user"


def test_a_silenced_logger_speaks_again_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("noisy")
    with silenced("noisy"):
        logger.error("unheard")
    logger.error("heard")
    assert [record.message for record in caplog.records] == ["heard"]


def test_debugging_hears_everything(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="ltvml"), silenced("noisy"):
        logging.getLogger("noisy").error("heard")
    assert [record.message for record in caplog.records] == ["heard"]


def test_only_a_sqlite_store_has_a_file() -> None:
    assert sqlite_file("sqlite:////srv/shop/mlflow.db?timeout=5") == Path("/srv/shop/mlflow.db")
    assert sqlite_file("sqlite:///mlflow.db") == Path.cwd() / "mlflow.db"
    assert sqlite_file("http://mlflow:5000") is None


def test_a_check_leaves_a_database_as_it_was(tmp_path: Path) -> None:
    database = tmp_path / "new" / "mlflow.db"
    check_writable(database)
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_what_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and long enough to tell" * 50)
    start = time.monotonic()
    with pytest.raises(sqlite3.DatabaseError):
        check_writable(tmp_path / "text")
    with pytest.raises(OSError, match="text"):
        check_writable(tmp_path / "text" / "mlflow.db")
    assert time.monotonic() - start < AT_ONCE

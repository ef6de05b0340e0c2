"""The Spark session that a command works in: the one that runs, or one that is started by the configuration."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.engines.base import BATCH_ROWS
from ltvml.errors import ConfigError, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import SparkSession

SHUFFLE = "spark.sql.shuffle.partitions"
_OURS = "spark.ltvml.started"
# what one task sorts in memory without trouble, as Spark's own advice goes
BYTES_A_TASK = 64 * 2**20
MOST_TASKS = 2000
# Spark announces every other level than warn on stderr; the filter keeps all but errors from it
_QUIET_LOG = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
appender.stderr.filter.threshold.type = ThresholdFilter
appender.stderr.filter.threshold.level = error
"""


@dataclass(frozen=True)
class SparkSettings:
    """What the configuration says of the session.

    Parameters
    ----------
    master : str, optional
    catalog : str, optional
        Catalog, or `catalog.schema`, that names of tables start in.
    conf : mapping of str to plain values
        Of the session.
    """

    master: str | None = None
    catalog: str | None = None
    conf: Mapping[str, Any] = field(default_factory=dict)


def session_of(settings: SparkSettings) -> SparkSession:
    """The active session with the settings that a running one can take, or a new one.

    Parameters
    ----------
    settings : SparkSettings

    Raises
    ------
    EngineError
        If pyspark or Java is missing, or the session cannot be started.
    ConfigError
        If a setting, or the catalog, is not known to the session.
    """
    with warnings.catch_warnings():
        # the warning appears whenever pandas 3 is installed; Spark is given Arrow here and touches no pandas frame
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        sql = _pyspark()
        running = sql.SparkSession.getActiveSession()
        session = _started(sql, settings) if running is None else running
    if running is not None:
        _apply(session, settings.conf)
    if settings.catalog is not None:
        _use(session, settings.catalog)
    return session


def fit_tasks(session: SparkSession, settings: SparkSettings, size: int) -> None:
    """As many shuffle tasks as a source of `size` bytes needs: Spark's 200 are slow for a small file.

    A session of the caller, and a number that somebody chose, stay as they are.

    Parameters
    ----------
    session : SparkSession
    settings : SparkSettings
    size : int
        Bytes that Spark expects of the source.
    """
    given = session.sparkContext.getConf()
    if SHUFFLE in settings.conf or given.contains(SHUFFLE) or not given.contains(_OURS):
        return
    cores = session.sparkContext.defaultParallelism
    session.conf.set(SHUFFLE, str(min(max(cores, -(-size // BYTES_A_TASK)), max(MOST_TASKS, cores))))


def _pyspark() -> Any:
    try:
        from pyspark import sql
    except ImportError:
        raise EngineError(
            "the Spark engine needs pyspark.", hint="install ltvml with its extra: ltvml[spark]."
        ) from None
    return sql


def _started(sql: Any, settings: SparkSettings) -> SparkSession:
    # workers must run this Python; a cluster's own choice stays
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.appName("ltvml")
    if settings.master is not None:
        builder = builder.master(settings.master)
    chosen = {
        _OURS: "true",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    }
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        # Java was started by spark-submit, with a log of its own that the option below comes too late for
        chosen["spark.log.level"] = "ERROR"
    chosen |= {name: _text(value) for name, value in settings.conf.items()}
    with _quiet_log() as options:
        java = "spark.driver.extraJavaOptions"
        chosen[java] = f"{options} {chosen.get(java, '')}".strip()
        for name, value in chosen.items():
            builder = builder.config(name, value)
        try:
            session: SparkSession = builder.getOrCreate()
        except Exception as error:
            # Java that is missing, a master that does not answer: pyspark has one error for each
            reason = str(error).strip().splitlines()[0]
            raise EngineError(
                f"Spark could not start a session: {reason}",
                hint="is Java 17 or later installed, and are engine.master and each key of engine.conf right?",
            ) from error
    return session


@contextmanager
def _quiet_log() -> Iterator[str]:
    """Java's option that keeps all but errors from stderr while Spark starts; the file is read once, at the start."""
    with tempfile.TemporaryDirectory(prefix="ltvml-spark-") as folder:
        path = Path(folder, "log4j2.properties")
        path.write_text(_QUIET_LOG, encoding="utf-8")
        yield f"-Dlog4j2.configurationFile={path.as_uri()}"


def _apply(session: SparkSession, conf: Mapping[str, Any]) -> None:
    """Settings of a session that runs already: those of its SQL can change, others were fixed when it started."""
    for name, value in conf.items():
        if session.conf.get(name, None) == _text(value):
            continue
        try:
            session.conf.set(name, _text(value))
        except Exception as error:
            raise ConfigError(
                f"engine.conf: the running Spark session does not take {name}: {str(error).strip().splitlines()[0]}",
                hint="set it where the session is started, for example spark-submit --conf.",
            ) from None


def _use(session: SparkSession, catalog: str) -> None:
    name, _, schema = catalog.partition(".")
    try:
        session.catalog.setCurrentCatalog(name)
        if schema:
            session.catalog.setCurrentDatabase(schema)
    except Exception as error:
        found = ", ".join(one.name for one in session.catalog.listCatalogs())
        raise ConfigError(
            f"engine.catalog is '{catalog}', which Spark does not know; its catalogs are {found}.",
            hint="name its class in engine.conf, as spark.sql.catalog.<name>, or correct the name of the schema.",
        ) from error


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

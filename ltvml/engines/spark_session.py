"""The Spark session that a command works in: the one that runs, or one that is started by the configuration."""

from __future__ import annotations

import difflib
import logging
import os
import re
import socket
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.engines.base import BATCH_ROWS
from ltvml.errors import ConfigError, EngineError, LtvmlWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import SparkSession

SHUFFLE = "spark.sql.shuffle.partitions"
_OURS = "spark.ltvml.started"
# what one task sorts in memory without trouble, as Spark's own advice goes
BYTES_A_TASK = 64 * 2**20
MOST_TASKS = 2000
OF_LARGE_SOURCES = ("spark.sql.adaptive.enabled", "spark.sql.codegen.wholeStage")
SMALL_SOURCE = 4 * 2**20
"""Bytes below which a source is counted sooner than its plans are compiled: some 500,000 lines of Parquet."""
ANSWER_WITHIN = 300.0
"""Seconds that a cluster has to start the session and one task: a master that is away is tried for ever by some."""
COMMON = (
    *(
        f"spark.{process}.{what}"
        for process in ("driver", "executor")
        for what in ("memory", "cores", "memoryOverhead")
    ),
    "spark.driver.maxResultSize",
    "spark.executor.instances",
    "spark.default.parallelism",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.minExecutors",
    "spark.dynamicAllocation.maxExecutors",
    "spark.jars.packages",
    "spark.local.dir",
    "spark.network.timeout",
    "spark.serializer",
    "spark.task.cpus",
)
"""Settings besides those of SQL, which Spark lists itself, that a misspelt one is compared with."""
HANDED_ON = (*COMMON, "spark.sql.catalog.", "spark.hadoop.", "spark.yarn.", "spark.kubernetes.", "spark.executorEnv.")
"""Beginnings of settings that others than Spark's own register read."""
_TELLS = re.compile(r"^(Exception in thread|Error: |JAVA_HOME is not set|.*java: (command )?not found|.*No such file)")
KNOCK_WITHIN = 10.0
"""Seconds that a standalone master has to take a connection."""
STANDALONE = "spark://"


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
        _apply(session, settings)
    _say_unknown(session, settings.conf)
    if settings.catalog is not None:
        _use(session, settings.catalog)
    return session


def fit_to_size(session: SparkSession, settings: SparkSettings, size: int) -> None:
    """As many shuffle tasks as a source of `size` bytes needs, and plans that a small one is done with soonest.

    Spark's 200 tasks are slow for a small file; to compile its plans, and to plan again after each shuffle, takes a
    fifth of the time. A session of the caller, and what somebody chose, stay as they are.

    Parameters
    ----------
    session : SparkSession
    settings : SparkSettings
    size : int
        Bytes that Spark expects of the source.
    """
    given, cores = session.sparkContext.getConf(), session.sparkContext.defaultParallelism
    fitting = {SHUFFLE: str(min(max(cores, -(-size // BYTES_A_TASK)), max(MOST_TASKS, cores)))}
    fitting |= dict.fromkeys(OF_LARGE_SOURCES, _text(size > SMALL_SOURCE))
    for name, value in fitting.items():
        if given.contains(_OURS) and name not in settings.conf and not given.contains(name):
            session.conf.set(name, value)


def largest_result(session: SparkSession) -> float:
    """Bytes that may come to the driver at once."""
    given = int(session._jsc.sc().conf().getSizeAsBytes("spark.driver.maxResultSize", "1g"))
    return given or float("inf")


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
        # Java was started by spark-submit, with a log of its own
        chosen["spark.log.level"] = "ERROR"
    chosen |= {name: _text(value) for name, value in settings.conf.items()}
    for name, value in chosen.items():
        builder = builder.config(name, value)
    _knock(settings.master)
    with _java_output() as said, _time_limit() as late:
        try:
            session: SparkSession = builder.getOrCreate()
            if not session.sparkContext.master.startswith("local"):
                # a master without workers takes a session and never a task
                session.range(1).count()
        except Exception as error:
            # Java that is missing, a master that does not answer: pyspark has one error for each
            reason = f"no answer within {ANSWER_WITHIN:.0f} s" if late else _reason(error, said())
            raise EngineError(
                f"Spark could not start a session: {reason}.",
                hint="is Java 17 or later installed, does engine.master answer, and has it free workers? "
                "--debug shows what Spark says.",
            ) from error
    return session


def _knock(master: str | None) -> None:
    """Whether a standalone master is there at all: Spark itself would try for a minute, and say less."""
    if master is None or not master.startswith(STANDALONE):
        return
    refused = []
    for address in master.removeprefix(STANDALONE).split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), KNOCK_WITHIN).close()
        except (OSError, ValueError) as error:
            refused.append(f"{address}: {error}")
        else:
            return
    raise EngineError(
        f"engine.master {master} does not answer ({'; '.join(refused)}).",
        hint="expected spark://host:port of a master that runs; the port is 7077 unless somebody chose another.",
    )


@contextmanager
def _java_output() -> Iterator[Callable[[], str]]:
    """Keep what Java prints in a file that goes with it, for the life of a Java that starts in the block.

    Spark announces itself, warns of the machine and prints traces of errors that are raised here anyway. With --debug,
    and where spark-submit has started Java, it prints where it always does. Gives what was printed so far.
    """
    if "PYSPARK_GATEWAY_PORT" in os.environ or logging.getLogger("ltvml").isEnabledFor(logging.DEBUG):
        yield lambda: ""
        return
    # the bridge to Java logs a trace, to the root, of a Java that is gone, which is raised here anyway
    logging.getLogger().addFilter(_not_of_the_bridge)
    accumulators = import_module("pyspark.accumulators")
    for server in (accumulators.AccumulatorTCPServer, accumulators.AccumulatorUnixServer):
        server.handle_error = _say_nothing
    with tempfile.TemporaryFile() as kept:

        def printed() -> str:
            kept.seek(0)
            return kept.read().decode(errors="replace")

        before = {stream: os.dup(stream) for stream in (1, 2)}
        for stream in before:
            os.dup2(kept.fileno(), stream)
        try:
            yield printed
        finally:
            for stream, terminal in before.items():
                os.dup2(terminal, stream)
                os.close(terminal)


def _say_nothing(*_: object) -> None:
    """In place of the trace that a server of pyspark prints when Java hangs up."""


def _not_of_the_bridge(record: logging.LogRecord) -> bool:
    return "py4j" not in Path(record.pathname).parts


@contextmanager
def _time_limit() -> Iterator[list[bool]]:
    """End Java where the block takes longer than `ANSWER_WITHIN`; what is given is then not empty."""
    from pyspark import SparkContext

    late: list[bool] = []

    def end() -> None:
        late.append(True)
        if (java := getattr(SparkContext._gateway, "proc", None)) is not None:
            java.kill()

    timer = threading.Timer(ANSWER_WITHIN, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _reason(error: Exception, printed: str) -> str:
    """What is wrong, in a line: Java's own word where it ended before it could be asked."""
    lines = [line.strip() for line in printed.splitlines()]
    for line in lines:
        if _TELLS.search(line):
            return line.removeprefix('Exception in thread "main" ').rstrip(".")
    return str(error).strip().splitlines()[0].rstrip(".")


def _apply(session: SparkSession, settings: SparkSettings) -> None:
    """Settings of a session that runs already: those of its SQL can change, others were fixed when it started."""
    master = session.sparkContext.master
    if settings.master not in (None, master):
        _warn(f"engine.master is {settings.master}, and the Spark session that runs has {master}: that one is used.")
    for name, value in settings.conf.items():
        if session.conf.get(name, None) == _text(value):
            continue
        try:
            session.conf.set(name, _text(value))
        except Exception as error:
            raise ConfigError(
                f"engine.conf: the running Spark session does not take {name}: {str(error).strip().splitlines()[0]}",
                hint="set it where the session is started, for example spark-submit --conf.",
            ) from None


def _say_unknown(session: SparkSession, conf: Mapping[str, Any]) -> None:
    """Warn of a setting that Spark does not have, where one that it has is written almost alike.

    What resembles none may be that of a catalog, a file system or a library, which Spark hands on without knowing it.
    """
    entries = session._jvm.org.apache.spark.internal.config.ConfigEntry
    unknown = [name for name in conf if entries.findEntry(name) is None and not name.startswith(HANDED_ON)]
    if not unknown:
        return
    of_sql = session.sql("SET -v").select("key").toArrow()["key"].to_pylist()
    for name in unknown:
        if near := difflib.get_close_matches(name, [*COMMON, *of_sql], 1, 0.9):
            _warn(f"engine.conf: Spark has no setting {name}; it has {near[0]}. Without effect as it is written.")


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


def _warn(message: str) -> None:
    warnings.warn(LtvmlWarning(message), stacklevel=2)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

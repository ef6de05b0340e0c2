"""Engines: where the data live and are counted. DuckDB by default, Spark in the caller's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from ltvml.engines.base import Engine
    from ltvml.engines.spark_session import SparkSettings

EngineName = Literal["duckdb", "spark"]


def engine_named(
    name: EngineName,
    *,
    threads: int | None = None,
    memory_limit: str | None = None,
    temp_directory: str | None = None,
    spark: SparkSettings | None = None,
) -> Engine:
    """A new DuckDB engine, or the Spark engine of the running session or a new one.

    Parameters
    ----------
    name : {"duckdb", "spark"}
    threads, memory_limit, temp_directory
        Of DuckDB, see `DuckDBEngine`; Spark's are set by its session.
    spark : SparkSettings, optional
        Of Spark, see `spark_session`.

    Raises
    ------
    ConfigError
        If the name is not known.
    """
    if name == "duckdb":
        from ltvml.engines.duckdb import DuckDBEngine

        return DuckDBEngine(threads=threads, memory_limit=memory_limit, temp_directory=temp_directory)
    if name == "spark":
        from ltvml.engines.spark import SparkEngine

        return SparkEngine(settings=spark)
    raise ConfigError(f"engine.name is '{name}'; expected duckdb or spark.")


def engine_for(frame: Any, *, spark: SparkSettings | None = None, **limits: Any) -> Engine:
    """The engine that computes where a frame lives: Spark for a Spark frame, DuckDB for any other.

    Parameters
    ----------
    frame : frame, path or name
    spark : SparkSettings, optional
        Of Spark; its master is that of the frame's session.
    **limits
        Of DuckDB, as `engine_named` takes them.
    """
    if type(frame).__module__.startswith("pyspark."):
        from ltvml.engines.spark import SparkEngine

        return SparkEngine(frame.sparkSession, spark)
    return engine_named("duckdb", **limits)

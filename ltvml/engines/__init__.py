"""Engines: where the data live and are counted. DuckDB by default, Spark in the caller's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ltvml.errors import ConfigError

if TYPE_CHECKING:
    from ltvml.engines.base import Engine

EngineName = Literal["duckdb", "spark"]


def engine_named(name: EngineName, *, threads: int | None = None) -> Engine:
    """A new DuckDB engine, or the Spark engine of the running session.

    Parameters
    ----------
    name : {"duckdb", "spark"}
    threads : int, optional
        Threads of DuckDB; Spark's are set by its session.

    Raises
    ------
    ConfigError
        If the name is not known.
    """
    if name == "duckdb":
        from ltvml.engines.duckdb import DuckDBEngine

        return DuckDBEngine(threads=threads)
    if name == "spark":
        from ltvml.engines.spark import SparkEngine

        return SparkEngine()
    raise ConfigError(f"engine.name is '{name}'; expected duckdb or spark.")


def engine_for(frame: Any) -> Engine:
    """The engine that computes where a frame lives: Spark for a Spark frame, DuckDB for any other.

    Parameters
    ----------
    frame : frame, path or name
    """
    if type(frame).__module__.startswith("pyspark."):
        from ltvml.engines.spark import SparkEngine

        return SparkEngine(frame.sparkSession)
    return engine_named("duckdb")

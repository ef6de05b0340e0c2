"""Customer-days net of returns, and the summary built on them, against a row-by-row reference."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltvml.features.ledger import reason_counts
from ltvml.features.reasons import Rules, used_lines
from ltvml.features.returns import customer_days
from ltvml.features.split import seen
from ltvml.features.summary import customer_summary
from ltvml.features.transactions import check
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltvml.engines.duckdb import DuckDBEngine

    Read = Callable[..., nw.LazyFrame[Any]]

_SPEC = importlib.util.spec_from_file_location("by_hand", Path(__file__).with_name("by_hand.py"))

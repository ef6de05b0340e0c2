"""One row a customer from a frame of orders: the first step of a notebook."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ltvml.config import Config
from ltvml.errors import DataWarning
from ltvml.features.summary import customer_summary as summarise
from ltvml.inputs.orders import read_orders
from ltvml.models.purchase.unit import UNIT
from ltvml.progress import Steps

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from ltvml.features.ledger import Ledger
    from ltvml.window import Window

LEFT_OUT = ("missing_customer_id", "return_before_any_purchase")
"""Reasons of the ledger that nothing else warns of: rows without id, and customers whose returns met no purchase."""


def customer_summary(
    transactions: Any, window: Window | dt.date | str, *, config: Config | None = None, **columns: str
) -> pd.DataFrame:
    """Frequency, recency, age and value of every customer seen up to the cutoff.

    Parameters
    ----------
    transactions : frame or str
        pandas, Polars, Arrow, DuckDB or Spark; or a file that the engine can read.
    window : Window, date or str
        The cutoff: last day seen, inclusive.
    config : Config, optional
        For time zone, returns policy and the rest; its window is not looked at.
    **columns : str
        Our column name = your column name, for example `customer_id="user"`.

    Returns
    -------
    (n, ...) frame
        Columns of `contracts.SUMMARY`, ordered by customer_id. Times are in days; `frame.attrs` holds the unit and the
        cutoff, and models refuse a frame in another unit than that of their fit.

    Raises
    ------
    DataContractError
        If the rows break the contract.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user": ["a", "a"], "day": ["2024-01-01", "2024-01-31"], "paid": [10.0, 20.0]})
    >>> summary = customer_summary(orders, "2024-02-05", customer_id="user", order_date="day", amount="paid")
    >>> summary[["frequency", "recency", "T", "monetary_value"]].values.tolist()
    [[1.0, 30.0, 35.0, 20.0]]
    """
    given = (config or Config()).model_dump(mode="json")
    given["window"] = {"cutoff": getattr(window, "cutoff", window), "churn_horizon": 1}
    given["transactions"]["columns"] |= columns
    settled = Config.model_validate(given)
    intake = read_orders(settled.orders, settled.window, transactions, Steps())
    table = summarise(intake.days, intake.window, decimals=settled.value.decimals)
    _warn_of_rows_left_out(intake.ledger)
    frame = intake.engine.collect(table).sort_values("customer_id").reset_index(drop=True)
    # what a model remembers of its fit, so that weeks and days are not mixed
    frame.attrs |= {UNIT: "day", "cutoff": settled.cutoff.isoformat()}
    if intake.ledger.counts_purchases:
        frame.attrs["counts_purchases"] = True
    return frame


def _warn_of_rows_left_out(ledger: Ledger) -> None:
    """Say which rows are in no customer of the summary, as the command line does in its ledger."""
    rows = {name: ledger.reasons[name] for name in LEFT_OUT if ledger.reasons.get(name)}
    if rows:
        listed = ", ".join(f"{name} {count:,}" for name, count in rows.items())
        warnings.warn(DataWarning(f"excluded {listed} of {ledger.rows_in:,} rows."), stacklevel=3)

"""One row a customer from a frame of orders: the first step of a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltvml.config import Config
from ltvml.features.summary import customer_summary as summarise
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from ltvml.window import Window


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
        Columns of `contracts.SUMMARY`, ordered by customer_id.

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
    return intake.engine.collect(table).sort_values("customer_id").reset_index(drop=True)

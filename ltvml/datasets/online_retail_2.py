"""Online Retail II: a UK gift shop from 2009-12-01 to 2011-12-09, shipped with the package.

1,044,847 order lines in pounds, 5,942 customers, 5,304 product codes. Nothing was cleaned away but the second copy of
rows that occur in both sheets of the workbook: returns, lines without a customer, duplicates and zero prices are there.
`is_non_product` flags postage, bank charges and the like, `is_adjustment` bad debt.

Source: Chen, D. (2019). Online Retail II. UCI Machine Learning Repository, id 502, doi 10.24432/C5CG6D.
Licence: Creative Commons Attribution 4.0 International (CC BY 4.0). `ATTRIBUTION.md` beside the data lists the changes.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_HERE = Path(__file__).parent


def online_retail() -> Path:
    """Path of the order lines of Online Retail II (CC BY 4.0, UCI id 502, doi 10.24432/C5CG6D).

    A Parquet file with one row a line: customer_id, order_id, order_date, product_id, quantity, amount (net line value
    in GBP, negative for a return), is_adjustment, is_non_product.

    Examples
    --------
    >>> pd.read_parquet(online_retail(), columns=["amount"]).shape
    (1044847, 1)
    """
    return _HERE / "files" / "transactions.parquet"


def online_retail_products() -> Path:
    """Path of the products: product_id, description, category (the family that `families.py` gives).

    Examples
    --------
    >>> pd.read_parquet(online_retail_products(), columns=["category"])["category"].nunique()
    23
    """
    return _HERE / "files" / "products.parquet"


def online_retail_lines() -> pd.DataFrame:
    """All lines with the `category` of their product, in the order of the file.

    Returns
    -------
    (1044847, 9) frame
    """
    categories = pd.read_parquet(online_retail_products(), columns=["product_id", "category"])
    return pd.read_parquet(online_retail()).merge(categories, on="product_id", how="left", validate="many_to_one")


def demo_config() -> Path:
    """Path of the configuration that `ltvml demo` runs; `transactions.source` is left to the caller."""
    return _HERE / "demo.yaml"

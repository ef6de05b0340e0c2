"""What products are called in the orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    import pandas as pd


def written_names(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row a product and name that it is written with: `item`, `item_name`, `rows`.

    Parameters
    ----------
    lines : lazy frame
        With `product_id` and `item_name`; rows where either is null or empty are passed over.
    """
    known = lines.filter(~nw.col("product_id").is_null(), ~nw.col("item_name").is_null(), nw.col("item_name") != "")
    named = known.select(nw.col("product_id").alias("item"), "item_name")
    return named.group_by("item", "item_name").agg(nw.len().cast(nw.Int64).alias("rows"))


def usual_names(written: pd.DataFrame) -> dict[str, str]:
    """The name on most rows of each product; ties by the text, blanks around it and in a row apart.

    Parameters
    ----------
    written : (n, 3) frame
        As `written_names` gives it.

    Examples
    --------
    >>> import pandas as pd
    >>> usual_names(pd.DataFrame({"item": ["7", "7"], "item_name": ["MUG ", "Mug, white"], "rows": [9, 2]}))
    {'7': 'MUG'}
    """
    clean = written.assign(item_name=[" ".join(name.split()) for name in written["item_name"].astype(str)])
    counted = clean[clean["item_name"] != ""].groupby(["item", "item_name"])["rows"].sum().reset_index()
    ranked = counted.sort_values(["item", "rows", "item_name"], ascending=[True, False, True], kind="stable")
    first = ranked.drop_duplicates("item")
    return dict(zip(first["item"].astype(str), first["item_name"], strict=True))

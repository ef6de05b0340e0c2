"""CDNOW: everyone who first bought at a CD shop in the first quarter of 1997, followed to 1998-06-30.

The files come with the `lifetimes` package (MIT) and are read from its folder; `lifetimes` itself is not imported.
Origin: Fader, P. S. & Hardie, B. G. S. (2001), *Forecasting repeat sales at CDNOW: a case study*, Interfaces 31(3).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from ltvml.errors import EngineError


def cdnow() -> pd.DataFrame:
    """All 23,570 customers: one row an order line, duplicates and zero amounts as they are.

    Returns
    -------
    (69659, 4) frame
        customer_id (text, leading zeros kept), order_date (midnight), quantity (CDs), amount (US dollars).

    Raises
    ------
    EngineError
        If the `lifetimes` package or its file is not there.

    Examples
    --------
    >>> cdnow()["customer_id"].nunique()
    23570
    """
    return _read("CDNOW_master.txt", header=0, names=["customer_id", "order_date", "quantity", "amount"])


def cdnow_sample() -> pd.DataFrame:
    """Every tenth customer, 2,357 of them: the sample of the BG/NBD paper of 2005, with its own customer numbers.

    Returns
    -------
    (6919, 4) frame
        As `cdnow`; `customer_id` is the number within the sample.

    Raises
    ------
    EngineError
        If the `lifetimes` package or its file is not there.
    """
    names = ["master_id", "customer_id", "order_date", "quantity", "amount"]
    return _read("CDNOW_sample.txt", header=None, names=names).drop(columns="master_id")


def _read(name: str, *, header: int | None, names: list[str]) -> pd.DataFrame:
    text = {"master_id": str, "customer_id": str, "order_date": str}
    lines = pd.read_csv(_file(name), sep=r"\s+", header=header, names=names, dtype=text)
    return lines.assign(order_date=pd.to_datetime(lines["order_date"], format="%Y%m%d"))


def _file(name: str) -> Path:
    spec = find_spec("lifetimes")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for folder in folders if (path := Path(folder, "datasets", name)).is_file()]
    if not found:
        raise EngineError(
            f"CDNOW: found no file datasets/{name} in the installed package lifetimes; expected lifetimes 0.11.3.",
            hint="install ltvml again with its dependencies.",
        )
    return found[0]

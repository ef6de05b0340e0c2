"""Moments of small tables as days of the shop."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ltvml.engines.values.date_formats import ZONE
from ltvml.window import days_of

ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
_DATE_ALONE = 10


def local_days(moments: pd.Series, zone: str | None) -> pd.Series:
    """Day of each moment, as in the orders: as written where it carries no zone, else in the shop's zone.

    Without a zone of the shop a text keeps the day that it has where it was written, and a typed timestamp is in UTC.

    Parameters
    ----------
    moments : (n,) series
        Dates, timestamps or ISO texts.
    zone : str, optional

    Returns
    -------
    (n,) series of float
        Days since 1970-01-01; NaN where there is no readable date.

    Examples
    --------
    >>> local_days(pd.Series(["1970-01-02", "1970-01-02T23:30:00Z", "2/1/70"]), "Europe/Berlin").tolist()
    [1.0, 2.0, nan]
    >>> local_days(pd.Series(["1970-01-02 23:30:00 -0500", "1970-01-02 23:30:00 UTC"]), None).tolist()
    [1.0, 1.0]
    """
    if isinstance(moments.dtype, pd.DatetimeTZDtype):
        local = moments.dt.tz_convert(zone or "UTC").dt.tz_localize(None)
        return pd.Series(days_of(local.to_numpy()), moments.index)
    if pd.api.types.is_datetime64_any_dtype(moments):
        return pd.Series(days_of(moments.to_numpy()), moments.index)
    texts = moments.astype("string").str.strip()
    texts = texts.where(texts.str.match(ISO_DATE).fillna(False))
    zoned = (texts.str.contains(ZONE, regex=True) & (texts.str.len() > _DATE_ALONE)).fillna(False).astype(bool)
    if zone is None:
        texts, zoned = texts.where(~zoned, texts.str.replace(ZONE, "", regex=True)), zoned & False
    plain = pd.to_datetime(texts.where(~zoned), format="ISO8601", errors="coerce")
    offsets = texts.where(zoned).str.replace(" ?(?:UTC|GMT)$", "Z", regex=True)
    offsets = offsets.str.replace(" ([Z+-])", r"\1", regex=True)
    moved = pd.to_datetime(offsets, format="ISO8601", errors="coerce", utc=True)
    days = local_days(moved, zone) if zoned.any() else pd.Series(np.nan, moments.index)
    return days.where(zoned, days_of(plain.to_numpy()))

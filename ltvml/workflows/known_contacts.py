"""Contacts that a plan knows of: those made, those that earlier runs planned, and those that the holdout kept back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.holdout import HOLDOUT, groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltvml.config.outreach import OutreachSettings


def is_held_out(told: OutreachSettings, ids: pd.Series) -> NDArray[np.bool_]:
    """Whether the campaign or the global control leaves each customer alone, shape (n,)."""
    arms = groups(
        ids, share=told.holdout, salt=told.campaign, global_share=told.global_holdout, global_salt=told.global_salt
    )
    return np.asarray(arms.group == HOLDOUT)


def made_and_planned(made: pd.DataFrame | None, planned: pd.DataFrame, told: OutreachSettings) -> pd.DataFrame | None:
    """Contacts of both tables, those of one customer, channel and day as one: what the log does not say, the plan does.

    What a held-out customer would have got counts as a contact, `treated` true: both arms are planned for by the same
    rules, or they are not alike when they are compared.

    Parameters
    ----------
    made, planned : frame
        customer_id, channel, day, treated and whatever else is known.
    told : OutreachSettings
        Its holdout.

    Returns
    -------
    frame or None
        None where there are no contacts.
    """
    tables = [table.astype(object) for table in (made, planned) if table is not None and len(table)]
    if not tables:
        return None
    together = pd.concat(tables, ignore_index=True)
    one = together.groupby(["customer_id", "channel", "day"], sort=False, dropna=False, as_index=False).first()
    truths = {name: "boolean" for name in ("opened", "converted") if name in one}
    treated = one["treated"].to_numpy(dtype=bool) | is_held_out(told, one["customer_id"])
    return one.astype({"day": "int64"} | truths).assign(treated=treated)

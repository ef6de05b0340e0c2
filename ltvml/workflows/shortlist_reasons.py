"""Why the customers of a shortlist have the churn risk they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

from ltvml.features.behaviour import snapshot_features
from ltvml.reasons.reason import reasons_for
from ltvml.workflows.explain_report import NO_REASON

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ltvml.bundle import Bundle
    from ltvml.workflows.intake import Intake

MOST = 2


def shortlist_reasons(
    bundle: Bundle, intake: Intake, shortlist: pd.DataFrame, *, decimals: int
) -> tuple[tuple[str, ...], ...]:
    """The reasons of each customer, those that raise the risk first.

    Parameters
    ----------
    bundle : Bundle
    intake : Intake
        Orders that the shortlist was scored from.
    shortlist : (n, ...) frame
        Columns of `contracts.CUSTOMER_SCORES`.
    decimals : int
        Digits of the minor unit.

    Returns
    -------
    tuple of n tuples of str
        At most two each, and at least one: where nothing sets a customer apart, that is said.
    """
    if shortlist.empty:
        return ()
    rows = rows_of(intake, shortlist["customer_id"].tolist(), decimals=decimals)
    found = reasons_for(bundle, rows, shortlist, typical=bundle.typical)
    return tuple(tuple(reasons[:MOST]) or (NO_REASON,) for reasons in found)


def rows_of(intake: Intake, customer_ids: Sequence[str], *, decimals: int) -> pd.DataFrame:
    """Summary and behaviour of a few customers, in the order they are named.

    They are computed again from the orders of these few: scores may be made on workers, whose rows never come here.
    """
    theirs = nw.col("customer_id").is_in(customer_ids)
    lines, days = intake.lines.filter(theirs), intake.days.filter(theirs)
    rows = intake.engine.collect(snapshot_features(lines, days, intake.window, decimals=decimals))
    return rows.set_index("customer_id").loc[list(customer_ids)].reset_index()

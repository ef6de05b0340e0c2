"""The tables that an outreach plan is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ltvml.outreach.customers.ladder import Ladder
    from ltvml.outreach.restraint.caps import Applied, Wishes
    from ltvml.outreach.settings import StageRules


@dataclass(frozen=True)
class OutreachTables:
    """What a plan reads.

    Parameters
    ----------
    customers : (n, ...) frame
        Scores, `p_buy_<w>`, `value_gain_<w>`, breadth, `companion`, `stage` and attributes; sorted by customer_id.
    tags : (n, ...) frame
    pairs : frame, optional
        The replenishment table; None where the role is withheld.
    tasks : frame
        Dated follow-ups.
    ladder : Ladder
    companions : frame
        One row a customer: the companion and why; empty where there are no items.
    offers : dict of str to frame
        Bundles, upgrades and items to stock up on, as far as the data allow them; see `outreach.offers`.
    contacts : frame, optional
        Contacts made and planned by earlier runs.
    wishes : Wishes
    stage_rules : StageRules
        Rules that assigned the stages.
    learned_on : str, optional
        Cutoff at which this run learned them, for the next run to keep; None where they were configured or kept.
    missing : tuple of str
        What is missing, in words.
    lead_days : int
        Days from a reminder to its effect.
    applied : mapping of str to Applied
        Rows and customers of each table that restrains contacts: a key of `caps.STOPS`.
    names : mapping of str to str
        What items are called, by item.
    """

    customers: pd.DataFrame
    tags: pd.DataFrame
    pairs: pd.DataFrame | None
    tasks: pd.DataFrame
    ladder: Ladder
    companions: pd.DataFrame
    offers: dict[str, pd.DataFrame]
    contacts: pd.DataFrame | None
    wishes: Wishes
    stage_rules: StageRules
    learned_on: str | None = None
    missing: tuple[str, ...] = ()
    lead_days: int = 7
    applied: Mapping[str, Applied] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

"""Everything that could be done: one row a customer, action and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError
from ltvml.outreach.beside import ascend
from ltvml.outreach.customers.channels import PREFIX
from ltvml.outreach.eligibility import eligible, missing_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ltvml.outreach.actions import Action, Channel
    from ltvml.outreach.eligibility import Eligible, Situation


def candidates(actions: Sequence[Action], channels: Sequence[Channel], situation: Situation) -> pd.DataFrame:
    """One row a customer, action and channel that could be done in the days ahead.

    The chance to buy anyway is the customer's within the action's window, and never less than that of the item that a
    reminder is about: who comes anyway for something else is not brought by the reminder.

    Parameters
    ----------
    actions, channels : sequence
        Without faults.
    situation : Situation
        Its customers carry `p_buy_<days>` and `value_gain_<days>` (margin money) for every window of the actions.

    Returns
    -------
    frame
        customer_id (its categories are all customers, in order), action, purpose, channel, item, reason (the key of a
        phrase), all categorical; due_day, p_buy, value_gain, effect, response (of the customer by the channel, relative
        to the best one), ev_basis ("assumed"), cost (of action and channel). Without fatigue and expected_value:
        `priority.prioritise` adds them.

    Raises
    ------
    DataContractError
        Where a column is missing, a customer has two rows, or the customers are not in order.

    Examples
    --------
    >>> from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS
    >>> from ltvml.outreach.eligibility import Situation
    >>> C = pd.DataFrame({"customer_id": ["a"], "n_orders": [1], "days_since_last": [30]})
    >>> C = C.assign(stage="value_verification", p_buy_28=0.2, value_gain_28=40.0)
    >>> candidates(DEFAULT_ACTIONS, CHANNELS, Situation(C, cutoff_day=100))["channel"].tolist()
    ['email', 'push', 'sms', 'phone']
    """
    _check(actions, situation.customers)
    cost = {channel.name: channel.cost or 0.0 for channel in channels}
    blocks = []
    for action in actions:
        found = eligible(action, situation)
        ways = action.channels or tuple(cost)
        blocks += [_block(action, channel, cost[channel], found, situation.customers) for channel in ways]
    return _joined(blocks, situation.customers["customer_id"])


def _check(actions: Sequence[Action], customers: pd.DataFrame) -> None:
    missing = missing_columns(actions, customers)
    if missing:
        raise DataContractError(
            f"customers: no column {', '.join(missing)}.",
            hint="The chance to buy and the value gained are wanted for the window of every action.",
        )
    if not ascend(customers, ["customer_id"]):
        raise DataContractError("customers: expected one row a customer, sorted by customer_id.")


def _block(action: Action, channel: str, cost: float, found: Eligible, customers: pd.DataFrame) -> pd.DataFrame:
    response = customers.get(f"{PREFIX}{channel}", pd.Series(1.0, customers.index)).to_numpy(dtype="float64")
    found = found.where(response[found.position] > 0)
    at, days = found.position, action.window_days
    chance = customers[f"p_buy_{days}"].to_numpy(dtype="float64")[at]
    return pd.DataFrame(
        {
            "customer_id": at.astype("int32"),
            "action": _texts(np.full(len(at), action.name, dtype=object)),
            "purpose": _texts(np.full(len(at), action.purpose, dtype=object)),
            "channel": _texts(np.full(len(at), channel, dtype=object)),
            "due_day": found.due_day.astype("int32"),
            "item": _texts(found.item),
            "reason": _texts(found.reason),
            "p_buy": np.maximum(chance, found.least_chance),
            "value_gain": customers[f"value_gain_{days}"].to_numpy(dtype="float64")[at],
            "effect": action.effect,
            "response": response[at],
            "ev_basis": _texts(np.full(len(at), "assumed", dtype=object)),
            "cost": (action.cost or 0.0) + cost,
        }
    )


def _texts(values: NDArray[np.object_]) -> pd.Categorical:
    """Categorical whose categories are objects even where there is none, so that blocks join."""
    codes, texts = pd.factorize(values, sort=True)
    return pd.Categorical.from_codes(codes, categories=pd.Index(texts, dtype=object))


def _joined(blocks: list[pd.DataFrame], ids: pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame({name: _column(str(name), blocks) for name in blocks[0]})
    return frame.assign(customer_id=pd.Categorical.from_codes(frame["customer_id"], categories=pd.Index(ids)))


def _column(name: str, blocks: list[pd.DataFrame]) -> NDArray[np.float64] | pd.Categorical:
    parts = [block[name] for block in blocks]
    if isinstance(parts[0].dtype, pd.CategoricalDtype):
        return pd.api.types.union_categoricals([part.array for part in parts], sort_categories=True)
    return np.concatenate([part.to_numpy() for part in parts])

"""The table of actions: what can be done for a customer, by which channel, at what cost and with what assumed effect.

An effect is a shift on the logit of the probability that the customer buys within the action's window anyway:

    P(buy | contact) = expit(logit p_buy + effect)

so that a contact changes little where the purchase would come anyway, and little where nothing will bring it. The
effects below are assumptions, small ones, that no experiment of yours has measured. A campaign with a holdout replaces
them by measured ones. Costs are assumptions too, in the currency of the shop: put yours.

What each action wants of a customer is written in `ltvml.outreach.eligibility`, under the name of its rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ltvml.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Purpose = Literal["second_order", "replenishment", "cross_sell", "win_back", "vip_care", "follow_up"]
PURPOSES: tuple[Purpose, ...] = ("second_order", "replenishment", "cross_sell", "win_back", "vip_care", "follow_up")
"""Each purpose is a queue with its own capacity and budget."""


@dataclass(frozen=True)
class Channel:
    """A way to reach a customer.

    Parameters
    ----------
    name : str
    cost : float
        Money a contact by this channel, added to the cost of the action.
    """

    name: str
    cost: float | None = None


CHANNELS = (Channel("email", 0.01), Channel("push", 0.0), Channel("sms", 0.05), Channel("phone", 2.0))


@dataclass(frozen=True)
class Action:
    """One thing that can be done for a customer; without a cost it is refused, since it would always look worth it."""

    name: str
    """Name of the action."""
    purpose: str
    """Its queue: second_order, replenishment, cross_sell, win_back, vip_care or follow_up."""
    channels: tuple[str, ...] = ()
    """Channels that may be used, all of the shop if omitted; the plan selects one of them."""
    cost: float | None = None
    """Cost per contact, added to that of the channel; required for an action of your own."""
    window_days: int = 28
    """Days after the contact in which a purchase is counted; 28 for an action of your own."""
    effect: float = 0.15
    """Assumed shift on the logit of buying within the window, until one is measured; 0.15 for an action of your own."""
    rule: str = ""
    """Eligible customers: a rule of `ltvml.outreach.eligibility`, such as tagged; default: the action's name."""
    from_day: int = 0
    """First day after the last order on which a customer is eligible."""
    to_day: int | None = None
    """Last such day; null means no end."""
    column: str | None = None
    """Column of the customers that the rule tagged reads: true or false."""

    @property
    def rule_name(self) -> str:
        """The rule that decides who may get it."""
        return self.rule or self.name


DEFAULT_ACTIONS = (
    Action("second_order_offer", "second_order", cost=1.0, effect=0.2, from_day=14, to_day=120),
    Action("membership_invitation", "second_order", cost=0.5, effect=0.15, from_day=3, to_day=60),
    Action("replenishment_reminder", "replenishment", cost=0.05, effect=0.2),
    Action("companion_offer", "cross_sell", cost=0.1, effect=0.1, from_day=7),
    Action("win_back", "win_back", cost=1.5, effect=0.15, to_day=730),
    Action("vip_care", "vip_care", cost=0.2, effect=0.1, from_day=14),
)
"""Offers, by purpose and not by channel: each may use every channel of the shop."""

SERVICE = ("follow_up", "points_expiry")
"""What was an offer once and is a service contact now, planned by `outreach.cadence` and `outreach.service`."""


def windows(actions: Iterable[Action]) -> tuple[int, ...]:
    """The distinct windows of the actions, in days: `candidates` wants `p_buy_<days>` and `value_gain_<days>` of each.

    Examples
    --------
    >>> windows(DEFAULT_ACTIONS)
    (28,)
    """
    return tuple(sorted({action.window_days for action in actions}))


def faults(actions: Sequence[Action], channels: Sequence[Channel], rules: Collection[str]) -> list[str]:
    """Everything that is wrong with a table of actions, in words; empty where nothing is.

    Parameters
    ----------
    actions, channels : sequence
    rules : collection of str
        Names of rules that there are.

    Examples
    --------
    >>> faults([Action("hello", "win_back", ("email",))], CHANNELS, {"hello"})
    ['action hello: no cost; expected money per contact, 0 or more. Give an estimate if it is not known.']
    """
    known = [channel.name for channel in channels]
    found = _repeated("action", [action.name for action in actions]) + _repeated("channel", known)
    found += [f"channel {one.name}: {words}" for one in channels for words in _cost_faults(one.cost)]
    return found + [
        f"action {action.name}: {words}" for action in actions for words in _action_faults(action, known, rules)
    ]


def _action_faults(action: Action, channels: Sequence[str], rules: Collection[str]) -> list[str]:
    if action.rule_name in SERVICE:
        return [
            f"{action.rule_name} is a service contact and no offer; expected it under outreach.cadence, with "
            "outreach.service saying how it is sent. Remove it from outreach.actions."
        ]
    found = [*_cost_faults(action.cost), *_unknown("purpose", [action.purpose], PURPOSES)]
    found += _unknown("channel", action.channels, channels) + _unknown("rule", [action.rule_name], rules)
    return found + _number_faults(action)


def _cost_faults(cost: float | None) -> list[str]:
    if cost is None:
        return ["no cost; expected money per contact, 0 or more. Give an estimate if it is not known."]
    if not (math.isfinite(cost) and cost >= 0):
        return [f"cost {cost:g}; expected money per contact, 0 or more."]
    return []


def _number_faults(action: Action) -> list[str]:
    found = []
    if not math.isfinite(action.effect):
        found.append(f"effect {action.effect}; expected a finite shift on the logit, such as 0.15.")
    if action.window_days < 1:
        found.append(f"window_days {action.window_days}; expected 1 or more.")
    found += [f"{name} {days}; expected 0 or more." for name, days in _days(action) if days < 0]
    if action.to_day is not None and action.to_day < action.from_day:
        found.append(f"to_day {action.to_day} is before from_day {action.from_day}; expected from_day or later.")
    if action.rule_name == "tagged" and action.column is None:
        found.append(f"no column; rule {action.rule_name} reads a column of the table customers.")
    return found


def _days(action: Action) -> list[tuple[str, int]]:
    return [("from_day", action.from_day)]


def _unknown(what: str, names: Iterable[str], known: Collection[str]) -> list[str]:
    return [
        f"{what} '{name}' is not known; expected one of {', '.join(known)}{did_you_mean(name, known)}."
        for name in names
        if name not in known
    ]


def _repeated(what: str, names: Sequence[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"{what} {name}: named {names.count(name)} times; expected once." for name in twice]

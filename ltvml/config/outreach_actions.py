"""What can be done for customers, as the configuration says it: actions, channels, and what a run may use of them."""

# no postponed annotations: pydantic reads them while it builds the class
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from ltvml.config.fields import Name, Names, Number, Whole
from ltvml.config.section import Section
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, Action, Channel

SHIPPED = "default"
REMINDER = "replenishment_reminder"
MAY_BE_NULL = frozenset({"to_day"})


class ChannelSettings(Section):
    """A way to reach a customer."""

    cost: Number | None = None
    """Money a contact, beside the cost of the action; a channel that ships keeps its own where left out."""
    capacity: Whole | None = None
    """Contacts a run by this channel; null is no limit of its own."""


class QueueSettings(Section):
    """What the actions of one purpose may use in a run."""

    capacity: Whole | None = None
    """Contacts; null is no limit of its own."""
    budget: Number | None = None
    """Money; null is no limit of its own."""


class ActionSettings(Section):
    """One thing that can be done. Named like an action that ships, it changes only what it says; so does a bare name.

    `ltvml.outreach.actions` says what each key means; the name `default` stands for the others that ship.
    """

    name: Name
    """Name of the action."""
    purpose: Name | None = None
    """The queue that it waits in: second_order, replenishment, cross_sell, win_back, vip_care or follow_up."""
    channels: Names | None = None
    """Ways that may carry it; the plan takes one of them."""
    cost: Number | None = None
    """Money a contact beside that of the channel; an action of your own needs one."""
    window_days: Whole | None = None
    """Days in which a purchase counts as its effect; 28 for an action of your own."""
    effect: Number | None = None
    """Assumed shift on the logit of buying within the window, until one is measured; 0.15 for your own."""
    rule: Name | None = None
    """Who may get it: a rule of `ltvml.outreach.eligibility`, like tagged; the name of the action where left out."""
    from_day: Whole | None = None
    """Days after the last order from which it makes sense."""
    to_day: Whole | None = None
    """Days after the last order up to which it does; null has no end."""
    lead_days: Whole | None = None
    """Days before a dated occasion at which the contact is due."""
    column: Name | None = None
    """Column of the customers that the rule reads: a date for points_expiry, true or false for tagged."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        """`win_back` stands for `{name: win_back}`."""
        return {"name": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_told(self, handler: SerializerFunctionWrapHandler) -> Any:
        """Only what was told, for a null told of `to_day` is not a `to_day` left out."""
        values = {name: value for name, value in handler(self).items() if name in self._told()}
        return self.name if set(values) == {"name"} else values

    def _told(self) -> dict[str, Any]:
        said = {name: value for name, value in self if name in self.model_fields_set}
        return {name: value for name, value in said.items() if value is not None or name in MAY_BE_NULL}

    def action(self, shipped: Action | None) -> Action:
        """The action: what is told, and of the rest what `shipped` says."""
        told = self._told()
        return replace(shipped, **told) if shipped else Action(**({"purpose": "", "channels": ()} | told))


Actions = Annotated[
    tuple[ActionSettings, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


def shipped_channels() -> dict[str, ChannelSettings]:
    """The channels that ship, as they would stand in the file."""
    return {channel.name: ChannelSettings(cost=channel.cost) for channel in CHANNELS}


def channels_of(told: Mapping[str, ChannelSettings]) -> tuple[Channel, ...]:
    """The channels that there are; one that ships has its cost where none is told."""
    costs = {channel.name: channel.cost for channel in CHANNELS}
    return tuple(Channel(name, costs.get(name) if one.cost is None else one.cost) for name, one in told.items())


def actions_of(told: Sequence[ActionSettings], channels: Sequence[str], *, lead_days: int) -> tuple[Action, ...]:
    """The actions in the order of the list; those that ship use the channels that there are.

    Parameters
    ----------
    told : sequence of ActionSettings
    channels : sequence of str
        Names of the channels that there are.
    lead_days : int
        Days before the reorder window opens at which the reminder that ships is due, unless the list says others.

    Examples
    --------
    >>> (action,) = actions_of([ActionSettings(name="win_back", cost=2)], ["email"], lead_days=7)
    >>> action.cost, action.channels, action.to_day
    (2.0, ('email',), 730)
    """
    shipped = {action.name: _within(action, channels) for action in DEFAULT_ACTIONS}
    shipped[REMINDER] = replace(shipped[REMINDER], lead_days=lead_days)
    return tuple(_actions(told, shipped))


def _actions(told: Sequence[ActionSettings], shipped: Mapping[str, Action]) -> Iterator[Action]:
    named = {one.name for one in told}
    for one in told:
        if one.name == SHIPPED:
            yield from (action for name, action in shipped.items() if name not in named)
        else:
            yield one.action(shipped.get(one.name))


def _within(action: Action, channels: Sequence[str]) -> Action:
    return replace(action, channels=tuple(name for name in action.channels if name in channels))

"""The section `outreach`: who is contacted, how often, how, and how that is measured."""

# no postponed annotations: pydantic reads them while it builds the class
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ltvml.config.declared import KeysOf, section_if_given
from ltvml.config.faults import FaultyConfigError
from ltvml.config.fields import Days, Language, Name, Names, Number, Path, Share, Whole
from ltvml.config.section import Section
from ltvml.nearest import did_you_mean
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, PURPOSES, Action, Channel
from ltvml.outreach.settings import (
    CadenceRules,
    Caps,
    CompanionSettings,
    Fatigue,
    IdentityColumns,
    ItemRules,
    LadderRules,
    ServiceRules,
    StageRules,
    TagRules,
)

if TYPE_CHECKING:
    from ltvml.outreach.allocation.limits import Limits

EXPORTS = ("klaviyo", "braze", "shopify", "meta", "wecom")
SHIPPED, AUTO = "default", "auto"
MAY_BE_NULL = frozenset({"to_day"})


# sections of their own: their name is the key of a mapping, and a run splits them into costs and limits
class ChannelSettings(Section):
    """A channel by which customers are contacted."""

    cost: Number | None = None
    """Cost per contact, added to the cost of the action; if omitted, a built-in channel keeps its default cost."""
    capacity: Whole | None = None
    """Maximum contacts per run by this channel; null means no separate limit."""


class QueueSettings(Section):
    """Limits per run for the actions of one purpose."""

    capacity: Whole | None = None
    """Maximum contacts; null means no separate limit."""
    budget: Number | None = None
    """Maximum cost; null means no separate limit."""


class ActionSettings(section_if_given(Action)):  # type: ignore[misc]
    """One action. With the name of a built-in action, only the keys given here change; a name alone changes nothing.

    `ltvml.outreach.actions` says what each key means; the name `default` means all other built-in actions.
    """

    name: Name
    """Name of the action."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        """`win_back` stands for `{name: win_back}`."""
        return {"name": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> Any:
        """Only the keys given: `to_day: null` differs from an omitted `to_day`."""
        values = {name: value for name, value in handler(self).items() if name in self._given()}
        return self.name if set(values) == {"name"} else values

    def _given(self) -> dict[str, Any]:
        given = {name: value for name, value in self if name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None or name in MAY_BE_NULL}

    def action(self, shipped: Action | None) -> Action:
        """The action: the keys given, and the defaults of `shipped` for the others."""
        settings = self._given()
        return replace(shipped, **settings) if shipped else Action(**({"purpose": "", "channels": ()} | settings))


Actions = Annotated[
    tuple[ActionSettings, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


def shipped_channels() -> dict[str, ChannelSettings]:
    """The built-in channels, as a file would list them."""
    return {channel.name: ChannelSettings(cost=channel.cost) for channel in CHANNELS}


def channels_of(settings: Mapping[str, ChannelSettings]) -> tuple[Channel, ...]:
    """The configured channels; a built-in one without a cost has its default cost."""
    costs = {channel.name: channel.cost for channel in CHANNELS}
    return tuple(Channel(name, costs.get(name) if one.cost is None else one.cost) for name, one in settings.items())


def actions_of(settings: Sequence[ActionSettings], channels: Sequence[str]) -> tuple[Action, ...]:
    """The actions in the order of the list; those that ship use the channels that there are.

    Parameters
    ----------
    settings : sequence of ActionSettings
    channels : sequence of str
        Names of the channels that there are.

    Examples
    --------
    >>> (action,) = actions_of([ActionSettings(name="win_back", cost=2)], ["email"])
    >>> action.cost, action.channels, action.to_day
    (2.0, ('email',), 730)
    """
    shipped = {action.name: _within(action, channels) for action in DEFAULT_ACTIONS}
    return tuple(_actions(settings, shipped))


def _actions(settings: Sequence[ActionSettings], shipped: Mapping[str, Action]) -> Iterator[Action]:
    named = {one.name for one in settings}
    for one in settings:
        if one.name == SHIPPED:
            yield from (action for name, action in shipped.items() if name not in named)
        else:
            yield one.action(shipped.get(one.name))


def _within(action: Action, channels: Sequence[str]) -> Action:
    """The action by the channels that there are; one that names none may use them all."""
    named = tuple(name for name in action.channels if name in channels)
    return replace(action, channels=named if action.channels else tuple(channels))


class StageSettings(section_if_given(StageRules)):  # type: ignore[misc]
    """Limits of the stages; auto estimates them from the orders. If one is given, the others take these defaults."""

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, value: Any) -> Any:
        """`auto` means a section without numbers."""
        return {} if value == AUTO else value

    def rules(self) -> StageRules | None:
        """The limits, or None where they are to be learned."""
        settings = {name: value for name, value in self if value is not None}
        return StageRules(**settings) if settings else None


class OutreachSettings(Section):
    """Which customers are contacted, when, with which action and why, and which are not."""

    language: Language = "en"
    """Of the names and reasons in the list: en, zh, or another folder of `ltvml.words.phrases`."""
    campaign: Name = "outreach"
    """Name of the campaign; another name draws another holdout, so keep it for as long as one campaign runs."""
    capacity: Whole | None = 500
    """Maximum contacts per run; null means no limit."""
    budget: Number | None = None
    """Maximum cost per run; null means no limit."""
    holdout: Number = 0.1
    """Share of customers held out of the campaign, so that its effect can be measured."""
    global_holdout: Number = 0.0
    """Share of all customers held out of every campaign."""
    global_salt: Name = "ltvml global control"
    """Seed text that selects those customers; never change it."""
    ahead: Days = 7
    """Days after the cutoff for which contacts are planned."""
    gain: Literal["order", "lifetime"] = "order"
    """Value of a purchase that a contact brings: the margin of that order, or, by assumption, more of the lifetime."""
    lifetime_share: Share = 0.2
    """With gain: lifetime, the share of the further lifetime difference between buyers and others that is credited."""
    byte_order_mark: bool = False
    """Whether outreach.csv begins with the mark by which spreadsheets know UTF-8."""
    columns: Names = ()
    """Further columns of the lists: of the scores, the tags or the table customers, like [first_name, stage]."""
    exports: Names = ()
    """Audience files of the contacts to make: klaviyo, braze, shopify, meta, wecom."""
    identity: KeysOf[IdentityColumns] = IdentityColumns()
    """Columns by which those tools know a person."""
    opt_outs: Path | None = None
    """File or table of a database, of customer_id and channel: channels refused; without a channel, or with all, every
    one."""
    disliked: Path | None = None
    """File or table of a database, of customer_id and channel: channels that a customer dislikes."""
    open_cases: Path | None = None
    """File or table of a database, of customer_id: customers with an open complaint or return; a status may say
    closed."""
    channels: dict[Name, ChannelSettings] = Field(default_factory=shipped_channels)
    """Name: {cost, capacity}, of every channel."""
    actions: Actions = (ActionSettings(name=SHIPPED),)
    """default, or a list of actions; the word default in it means all built-in actions that the list does not name."""
    queues: dict[Name, QueueSettings] = Field(default_factory=dict)
    """Purpose: {capacity, budget}; an omitted purpose has no separate limit."""
    caps: KeysOf[Caps] = Caps()
    """How often a customer may be contacted."""
    fatigue: KeysOf[Fatigue] = Fatigue()
    """What a contact costs in attention."""
    cadence: KeysOf[CadenceRules] = CadenceRules()
    """When to follow up after an order."""
    service: KeysOf[ServiceRules] = ServiceRules()
    """How follow-ups and other duties are sent: before any offer, with caps of their own, and to held-out customers."""
    stages: StageSettings = StageSettings()
    """The stage of a customer relationship; auto estimates the limits from the orders. If one is
    given, the others take their defaults."""
    ladder: KeysOf[LadderRules] = LadderRules()
    """How likely the next purchase is after the first, the second, the third."""
    companions: KeysOf[CompanionSettings] = CompanionSettings()
    """What to offer next."""
    items: KeysOf[ItemRules] = ItemRules()
    """Which items may be offered to whom."""
    tags: KeysOf[TagRules] = TagRules()
    """Short facts about a customer that the list can be filtered by."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        """Refuse settings that contradict each other, all of them at once."""
        # what ships is sound, and the rooms are slow to import
        if self.model_fields_set and (found := self.faults()):
            raise FaultyConfigError(found)
        return self

    @property
    def credited_share(self) -> float:
        """Share of the further lifetime difference that a contact is credited with."""
        return self.lifetime_share if self.gain == "lifetime" else 0.0

    def channels_table(self) -> tuple[Channel, ...]:
        """The ways to reach a customer, with their cost."""
        return channels_of(self.channels)

    def actions_table(self) -> tuple[Action, ...]:
        """What can be done."""
        return actions_of(self.actions, tuple(self.channels))

    def limits(self) -> "Limits":
        """What a run may use."""
        from ltvml.outreach.allocation.limits import Limits, Queue

        return Limits(
            capacity=self.capacity,
            budget=self.budget,
            queues=tuple(Queue(purpose, one.capacity, one.budget) for purpose, one in self.queues.items()),
            channels={name: one.capacity for name, one in self.channels.items() if one.capacity is not None},
        )

    def faults(self) -> list[str]:
        """All faults and contradictions, as messages; empty if there are none."""
        return [*self._faults_of_actions(), *self._faults_of_rules(), *self._faults_between()]

    def _faults_of_actions(self) -> Iterator[str]:
        from ltvml.outreach import actions
        from ltvml.outreach.allocation import limits
        from ltvml.outreach.eligibility import RULES
        from ltvml.outreach.experiment import holdout

        if not self.actions:
            yield "actions is an empty list; expected default, or one action or more."
        yield from actions.faults(self.actions_table(), self.channels_table(), RULES)
        yield from limits.faults(self.limits(), tuple(self.channels))
        yield from holdout.faults(
            share=self.holdout,
            salt=self.campaign,
            global_share=self.global_holdout,
            global_salt=self.global_salt,
        )

    def _faults_of_rules(self) -> Iterator[str]:
        from ltvml.outreach import priority
        from ltvml.outreach.customers import cadence, ladder, stages, tags
        from ltvml.outreach.offers import allowed, companions
        from ltvml.outreach.restraint import caps
        from ltvml.outreach.service import schedule

        yield from caps.faults(self.caps)
        yield from priority.faults(self.fatigue)
        yield from cadence.faults(self.cadence)
        yield from schedule.faults(self.service)
        yield from stages.faults(self.stages.rules() or StageRules())
        yield from ladder.faults(self.ladder)
        yield from companions.faults(self.companions)
        yield from tags.faults(self.tags)
        yield from allowed.faults(self.items)

    def _faults_between(self) -> Iterator[str]:
        """Names that one part gives and no other knows, and days that do not fit."""
        # the caps that ship name the channels that ship, whether the shop has them or not
        known = {*self.channels, *(channel.name for channel in CHANNELS)}
        for name in sorted({*self.caps.channel_7, *self.caps.channel_28} - known):
            yield f"caps: {_unknown('channel', name, self.channels)}"
        for name in sorted(set(self.exports) - set(EXPORTS)):
            yield _unknown("export", name, EXPORTS)
        for name in sorted(set(self.service.channels) - set(self.channels)):
            yield f"service: {_unknown('channel', name, self.channels)}"
        for name, attribute in self.cadence.dated.items():
            for item in sorted(set(self.items.deny) & set(attribute.items.values())):
                yield f"items: {item} is denied and announced by cadence.dated.{name}; expected one of them."
        for purpose in sorted(set(self.caps.exempt) - set(PURPOSES)):
            yield f"caps: exempt {_unknown('purpose', purpose, PURPOSES)}"


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    return f"{what} '{name}' is not known{did_you_mean(name, known)}; expected one of {', '.join(known)}."

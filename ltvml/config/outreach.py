"""The section `outreach`: who is contacted, how often, by which way and with what, and how that is measured."""

# no postponed annotations: pydantic reads them while it builds the class
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from ltvml.config.faults import FaultyConfigError
from ltvml.config.fields import Days, Name, Names, Number, Path, Whole
from ltvml.config.section import Section
from ltvml.nearest import did_you_mean
from ltvml.outreach.actions import CHANNELS, DEFAULT_ACTIONS, PURPOSES, Action, Channel
from ltvml.words.phrases import languages

if TYPE_CHECKING:
    from ltvml.outreach.allocation.limits import Limits
    from ltvml.outreach.customers.cadence import CadenceRules
    from ltvml.outreach.customers.ladder import LadderRules
    from ltvml.outreach.customers.stages import StageRules
    from ltvml.outreach.customers.tags import TagRules
    from ltvml.outreach.offers.companions import CompanionSettings as CompanionRules
    from ltvml.outreach.priority import Fatigue
    from ltvml.outreach.restraint.caps import Caps


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
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> Any:
        """Only what was told, for a null told of `to_day` is not a `to_day` left out."""
        values = {name: value for name, value in handler(self).items() if name in self._given()}
        return self.name if set(values) == {"name"} else values

    def _given(self) -> dict[str, Any]:
        given = {name: value for name, value in self if name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None or name in MAY_BE_NULL}

    def action(self, shipped: Action | None) -> Action:
        """The action: what is told, and of the rest what `shipped` says."""
        settings = self._given()
        return replace(shipped, **settings) if shipped else Action(**({"purpose": "", "channels": ()} | settings))


Actions = Annotated[
    tuple[ActionSettings, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]


def shipped_channels() -> dict[str, ChannelSettings]:
    """The channels that ship, as they would stand in the file."""
    return {channel.name: ChannelSettings(cost=channel.cost) for channel in CHANNELS}


def channels_of(settings: Mapping[str, ChannelSettings]) -> tuple[Channel, ...]:
    """The channels that there are; one that ships has its cost where none is told."""
    costs = {channel.name: channel.cost for channel in CHANNELS}
    return tuple(Channel(name, costs.get(name) if one.cost is None else one.cost) for name, one in settings.items())


def actions_of(settings: Sequence[ActionSettings], channels: Sequence[str], *, lead_days: int) -> tuple[Action, ...]:
    """The actions in the order of the list; those that ship use the channels that there are.

    Parameters
    ----------
    settings : sequence of ActionSettings
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
    return tuple(_actions(settings, shipped))


def _actions(settings: Sequence[ActionSettings], shipped: Mapping[str, Action]) -> Iterator[Action]:
    named = {one.name for one in settings}
    for one in settings:
        if one.name == SHIPPED:
            yield from (action for name, action in shipped.items() if name not in named)
        else:
            yield one.action(shipped.get(one.name))


def _within(action: Action, channels: Sequence[str]) -> Action:
    return replace(action, channels=tuple(name for name in action.channels if name in channels))


AUTO = "auto"


class CapSettings(Section):
    """How often a customer may be contacted."""

    total_7: Whole = 2
    """Contacts over all channels in any 7 days that follow each other."""
    total_28: Whole = 4
    """The same in 28 days."""
    channel_7: dict[Name, Whole] = Field(default_factory=lambda: {"email": 2, "push": 2, "sms": 1, "phone": 1})
    """Channel: contacts in any 7 days; a channel left out has the cap over all channels only."""
    channel_28: dict[Name, Whole] = Field(default_factory=lambda: {"email": 4, "push": 4, "sms": 2, "phone": 1})
    """The same in 28 days."""
    quiet_after_order: Whole = 3
    """Days after an order without contact."""
    quiet_value_verification: Whole = 14
    """The same for a customer in the stage value_verification, whose first order is still being tried."""
    exempt: Names = ("follow_up",)
    """Purposes that the two quiet periods do not hold back."""
    ignored: Whole = 3
    """So many contacts ignored one after another start a cool-down; 0 is never."""
    cool_down: Whole = 28
    """Days without contact after the last ignored one."""

    def rules(self) -> "Caps":
        """As `ltvml.outreach.restraint.caps` reads them."""
        from ltvml.outreach.restraint.caps import Caps

        return Caps(**dict(self))


class FatigueSettings(Section):
    """What a contact costs in attention: cost x ((n + 1) ** power - n ** power) after n contacts of late."""

    cost: Number = 0.05
    """Money, for a customer who has not been contacted of late."""
    power: Number = 2.0
    """How fast it grows with recent contacts; 1 is constant."""
    half_life: Number = 14.0
    """Days after which a contact counts half."""

    def rules(self) -> "Fatigue":
        """As `ltvml.outreach.priority` reads them."""
        from ltvml.outreach.priority import Fatigue

        return Fatigue(**dict(self))


class DatedSettings(Section):
    """A date of the customer's life that decides which item fits."""

    column: Name
    """Column of dates in the table `customers`."""
    items: dict[Whole, Name]
    """Days after that date: the item that fits from then on."""


class CadenceSettings(Section):
    """When to follow up after an order."""

    delivery_day: Whole = 1
    """Days after the order at which to ask whether it came."""
    use_day: Whole = 3
    """At which to ask whether it is used."""
    feedback_day: Whole = 7
    """At which to ask what it does."""
    slow_feedback_day: Whole = 14
    """The same for slow items."""
    slow_items: Names = ()
    """Items that take longer to show what they do."""
    lead_days: Whole = 7
    """Days before the replenishment window opens at which the action replenishment_reminder is due."""
    loyal_orders: Whole = 3
    """Orders from which nobody needs to be asked whether the parcel came."""
    ahead: Whole = 14
    """Days after the cutoff for which tasks are looked up; no fewer than outreach.ahead."""
    dated: dict[Name, DatedSettings] = Field(default_factory=dict)
    """Name of an attribute: {column, items}, like child: {column: birth_date, items: {180: PORRIDGE}}."""

    def rules(self) -> "CadenceRules":
        """As `ltvml.outreach.customers.cadence` reads them."""
        from ltvml.outreach.customers.cadence import CadenceRules, DatedAttribute

        dated = {name: DatedAttribute(one.column, one.items) for name, one in self.dated.items()}
        return CadenceRules(**{**dict(self), "slow_items": frozenset(self.slow_items), "dated": dated})


class StageSettings(Section):
    """Limits of the stages; auto learns them from the shop. With one number given, the others are those named here."""

    trust_days: Whole | None = None
    """Days after the first order in which trust is not yet earned; 14."""
    lapsing_risk: Number | None = None
    """Churn risk above which a silent customer is lapsing; 2/3."""
    lapsed_risk: Number | None = None
    """Churn risk above which a silent customer is lapsed; 0.8."""
    trust_risk: Number | None = None
    """Churn risk up to which a customer is one to trust; 1/3."""
    lapsing_silence: Whole | None = None
    """Days since the last order above which a customer is silent enough to be lapsing; 30."""
    lapsed_silence: Whole | None = None
    """The same for lapsed; 90."""
    settled_orders: Whole | None = None
    """Orders after which a customer who only ever bought one item is ready for another; 3."""
    trusted_items: Whole | None = None
    """Items bought on two or more days that make trust_transfer; 2."""
    trusted_orders: Whole | None = None
    """Orders that stand for that in a shop without items; 5."""

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, value: Any) -> Any:
        """`auto` stands for a section without numbers."""
        return {} if value == AUTO else value

    def rules(self) -> "StageRules | None":
        """As `ltvml.outreach.customers.stages` reads them; None where they are to be learned."""
        from ltvml.outreach.customers.stages import StageRules

        settings = {name: value for name, value in self if value is not None}
        return StageRules(**settings) if settings else None


class LadderSettings(Section):
    """How likely the next purchase is after the first, the second, the third, and where that flattens."""

    within: Days = 180
    """Days within which the next purchase counts."""
    least_gain: Number = 0.05
    """A step that adds less than this to the share is where the ladder flattens."""
    least_observed: Whole = 100
    """Customers that a rung needs whose days have all been seen."""
    draws: Whole = 1000
    """Resamples of the customers, for how sure that is."""

    def rules(self) -> "LadderRules":
        """As `ltvml.outreach.customers.ladder` reads them."""
        from ltvml.outreach.customers.ladder import LadderRules

        return LadderRules(least_gain=self.least_gain, least_observed=self.least_observed, draws=self.draws)


class CompanionSettings(Section):
    """What to offer next, from what buyers of the same items went on to buy."""

    min_buyers: Whole = 20
    """Items that fewer customers bought take no part."""
    most_items: Whole = 2_000
    """So many items take part, those with the most buyers."""
    memory_days: Number = 180.0
    """Days after which the last purchase of an item counts half."""
    popularity_days: Number = 60.0
    """Days after which a purchase counts half in what is taken up now."""
    weight: Number = 1.5
    """Of what goes with the customer's items, beside what everybody takes up."""
    coverage: Number = 0.95
    """Of the interval of a lift."""

    def rules(self) -> "CompanionRules":
        """As `ltvml.outreach.offers.companions` reads them."""
        from ltvml.outreach.offers.companions import CompanionSettings as CompanionRules

        return CompanionRules(**dict(self))


class TagSettings(Section):
    """What each tag of a customer asks for."""

    spender_share: Number = 0.1
    """high_spender_week: top share of those who spent in the last 7 days."""
    month_orders: Whole = 3
    """frequent_month: orders in the last 30 days."""
    discount_share: Number = 0.5
    """discount_driven: shrunk share of lines bought at a discount."""
    prior_lines: Number = 10.0
    """Lines at the share of the whole shop that every customer is given."""
    premium_index: Number = 1.25
    """premium_leaning: paid over the usual price of the same categories."""
    premium_lines: Whole = 5
    """Lines that it takes to show that."""
    prior_contacts: Number = 10.0
    """preferred_channel: contacts at the response rate of the channel that every customer is given."""
    hour_orders: Whole = 3
    """active_hours: orders with a time of day that it takes."""
    referrals: Whole = 1
    """advocate: customers brought along, from the column referrals of `customers`."""
    rules: dict[Name, Name] = Field(default_factory=dict)
    """Your own: tag: expression over the columns of the customers, like core: n_orders >= 3 and churn_risk < 0.5."""

    def rules_table(self) -> "TagRules":
        """As `ltvml.outreach.customers.tags` reads them."""
        from ltvml.outreach.customers.tags import TagRules

        return TagRules(**dict(self))


def _known_language(name: str) -> str:
    """`name`, if it has a file of phrases."""
    if name not in languages():
        raise ValueError(f"there is no language '{name}'; expected one of {', '.join(languages())}")
    return name


Language = Annotated[
    Name, AfterValidator(_known_language), WithJsonSchema({"type": "string", "enum": list(languages())})
]


class OutreachSettings(Section):
    """Who is contacted, when, with what and why, and who is left alone."""

    language: Language = "en"
    """Of the names and reasons in the list: en, zh, or another file of `ltvml.words.phrases`."""
    campaign: Name = "outreach"
    """Name of the campaign; another name draws another holdout, so keep it for as long as one campaign runs."""
    capacity: Whole | None = 500
    """Contacts a run; null is no limit."""
    budget: Number | None = None
    """Money a run may cost; null is no limit."""
    holdout: Number = 0.1
    """Share of the customers that the campaign leaves alone, so that its effect can be measured."""
    global_holdout: Number = 0.0
    """Share of all customers that no campaign ever contacts."""
    global_salt: Name = "ltvml global control"
    """Draws those customers; keep it for ever."""
    ahead: Days = 7
    """Days after the cutoff for which contacts are planned."""
    byte_order_mark: bool = False
    """Whether outreach.csv begins with the mark by which spreadsheets know UTF-8."""
    opt_outs: Path | None = None
    """CSV or Parquet of customer_id and channel: who refuses which; a row without channel refuses all."""
    disliked: Path | None = None
    """CSV or Parquet of customer_id and channel: who dislikes which."""
    open_cases: Path | None = None
    """CSV or Parquet of customer_id: who has a complaint or a return open."""
    channels: dict[Name, ChannelSettings] = Field(default_factory=shipped_channels)
    """Name: {cost, capacity}, of all the ways there are."""
    actions: Actions = (ActionSettings(name=SHIPPED),)
    """default, or a list of actions; the word default in it stands for those that ship and are not named."""
    queues: dict[Name, QueueSettings] = Field(default_factory=dict)
    """Purpose: {capacity, budget}; a purpose left out has no limit of its own."""
    caps: CapSettings = CapSettings()
    """How often a customer may be contacted."""
    fatigue: FatigueSettings = FatigueSettings()
    """What a contact costs in attention."""
    cadence: CadenceSettings = CadenceSettings()
    """When to follow up after an order."""
    stages: StageSettings = StageSettings()
    """Where a customer relationship stands; auto learns the limits from the shop. With one given, the others are those
    named below."""
    ladder: LadderSettings = LadderSettings()
    """How likely the next purchase is after the first, the second, the third."""
    companions: CompanionSettings = CompanionSettings()
    """What to offer next."""
    tags: TagSettings = TagSettings()
    """Short facts about a customer that the list can be filtered by."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        """Refuse settings that contradict each other, all of them at once."""
        # what ships is sound, and the rooms are slow to import
        if self.model_fields_set and (found := self.faults()):
            raise FaultyConfigError(found)
        return self

    def channels_table(self) -> tuple[Channel, ...]:
        """The ways to reach a customer, with their cost."""
        return channels_of(self.channels)

    def actions_table(self) -> tuple[Action, ...]:
        """What can be done; the reorder reminder that ships is as early as the follow-up asks."""
        return actions_of(self.actions, tuple(self.channels), lead_days=self.cadence.lead_days)

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
        """Everything that is wrong or contradictory, in words; empty where nothing is."""
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
        from ltvml.outreach.customers import cadence, ladder, stages, tags
        from ltvml.outreach.offers import companions
        from ltvml.outreach.restraint import caps

        yield from caps.faults(self.caps.rules())
        yield from self.fatigue.rules().faults()
        yield from cadence.faults(self.cadence.rules())
        yield from stages.faults(self.stages.rules() or stages.StageRules())
        yield from ladder.faults(self.ladder.rules())
        yield from companions.faults(self.companions.rules())
        yield from tags.faults(self.tags.rules_table())

    def _faults_between(self) -> Iterator[str]:
        """Names that one part gives and no other knows, and days that do not fit."""
        # the caps that ship name the channels that ship, whether the shop has them or not
        known = {*self.channels, *(channel.name for channel in CHANNELS)}
        for name in sorted({*self.caps.channel_7, *self.caps.channel_28} - known):
            yield f"caps: {_unknown('channel', name, self.channels)}"
        for purpose in sorted(set(self.caps.exempt) - set(PURPOSES)):
            yield f"caps: exempt {_unknown('purpose', purpose, PURPOSES)}"
        if self.cadence.ahead < self.ahead:
            yield (
                f"cadence.ahead is {self.cadence.ahead} and ahead {self.ahead}; expected follow-up to be looked up "
                "for at least the days that are planned."
            )


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    return f"{what} '{name}' is not known{did_you_mean(name, known)}; expected one of {', '.join(known)}."

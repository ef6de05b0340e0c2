"""The section `outreach`: who is contacted, how often, by which way and with what, and how that is measured."""

# no postponed annotations: pydantic reads them while it builds the class
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from ltvml.config.faults import FaultyConfigError
from ltvml.config.fields import Days, Name, Number, Path, Whole
from ltvml.config.outreach_actions import (
    SHIPPED,
    Actions,
    ActionSettings,
    ChannelSettings,
    QueueSettings,
    actions_of,
    channels_of,
    shipped_channels,
)
from ltvml.config.outreach_rules import (
    CadenceSettings,
    CapSettings,
    CompanionSettings,
    FatigueSettings,
    LadderSettings,
    StageSettings,
    TagSettings,
)
from ltvml.config.section import Section
from ltvml.nearest import did_you_mean
from ltvml.outreach.actions import CHANNELS, PURPOSES, Action, Channel
from ltvml.outreach.phrases import languages

if TYPE_CHECKING:
    from ltvml.config.document import Config
    from ltvml.outreach.limits import Limits


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
    """Of the names and reasons in the list: en, zh, or another file of `ltvml.outreach.phrases`."""
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
        from ltvml.outreach.limits import Limits, Queue

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
        from ltvml.outreach import actions, holdout, limits
        from ltvml.outreach.eligibility import RULES

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
        from ltvml.outreach import cadence, caps, companions, ladder, stages, tags

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


def outreach_faults(config: "Config") -> list[str]:
    """Everything that is wrong with how a configuration plans contacts, in words; empty where nothing is.

    Loading refuses them all in one error; a configuration changed by `model_copy` has not been asked.

    Examples
    --------
    >>> from ltvml.config import Config
    >>> outreach_faults(Config())
    []
    """
    return config.outreach.faults()

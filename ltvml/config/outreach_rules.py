"""The rules of outreach, one section each: the numbers of a dataclass in `ltvml.outreach`, with the same defaults."""

# no postponed annotations: pydantic reads them while it builds the class
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from ltvml.config.fields import Days, Name, Names, Number, Whole
from ltvml.config.section import Section

if TYPE_CHECKING:
    from ltvml.outreach.cadence import CadenceRules
    from ltvml.outreach.caps import Caps
    from ltvml.outreach.companions import CompanionSettings as CompanionRules
    from ltvml.outreach.ladder import LadderRules
    from ltvml.outreach.priority import Fatigue
    from ltvml.outreach.stages import StageRules
    from ltvml.outreach.tags import TagRules

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
        """As `ltvml.outreach.caps` reads them."""
        from ltvml.outreach.caps import Caps

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
        """As `ltvml.outreach.cadence` reads them."""
        from ltvml.outreach.cadence import CadenceRules, DatedAttribute

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
        """As `ltvml.outreach.stages` reads them; None where they are to be learned."""
        from ltvml.outreach.stages import StageRules

        told = {name: value for name, value in self if value is not None}
        return StageRules(**told) if told else None


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
        """As `ltvml.outreach.ladder` reads them."""
        from ltvml.outreach.ladder import LadderRules

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
        """As `ltvml.outreach.companions` reads them."""
        from ltvml.outreach.companions import CompanionSettings as CompanionRules

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
        """As `ltvml.outreach.tags` reads them."""
        from ltvml.outreach.tags import TagRules

        return TagRules(**dict(self))

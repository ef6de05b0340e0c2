"""What a shop can set of its outreach, each setting declared once.

The rooms read these dataclasses and name what contradicts itself (their `faults`); the configuration makes its keys of
the fields, with the docstring below each as its meaning in the schema. Nothing heavy is imported here, so that a
configuration loads fast.
"""

# no postponed annotations: the configuration reads the types
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Caps:
    """How often a customer may be contacted."""

    total_7: int = 2
    """Maximum contacts over all channels in any 7 consecutive days."""
    total_28: int = 4
    """The same in 28 days."""
    channel_7: Mapping[str, int] = field(default_factory=lambda: {"email": 2, "push": 2, "sms": 1, "phone": 1})
    """Channel: maximum contacts in any 7 days; an omitted channel has only the cap over all channels."""
    channel_28: Mapping[str, int] = field(default_factory=lambda: {"email": 4, "push": 4, "sms": 2, "phone": 1})
    """The same in 28 days."""
    quiet_after_order: int = 3
    """Days after an order without contact."""
    quiet_value_verification: int = 14
    """The same for a customer in the stage value_verification, who is still trying the first order."""
    exempt: tuple[str, ...] = ("follow_up",)
    """Purposes to which the two quiet periods do not apply."""
    ignored: int = 3
    """Consecutive ignored contacts that start a cool-down; 0 means never."""
    cool_down: int = 28
    """Days without contact after the last ignored one."""


@dataclass(frozen=True)
class Fatigue:
    """What a contact costs in attention: cost x ((n + 1) ** power - n ** power) after n recent contacts."""

    cost: float = 0.05
    """Cost of attention for a customer without recent contacts."""
    power: float = 2.0
    """How fast the cost grows with recent contacts; 1 means constant."""
    half_life: float = 14.0
    """Days after which a contact counts half as much."""


@dataclass(frozen=True)
class DatedAttribute:
    """A date of the customer's life that decides which item fits."""

    column: str
    """Column of dates in the table `customers`."""
    items: Mapping[int, str]
    """Days after that date: the item that fits from then on, or the topic of a care message."""
    slack: int = 15
    """Days before and after that day in which it may be said."""


@dataclass(frozen=True)
class CadenceRules:
    """When to follow up after an order."""

    delivery_day: int = 1
    """Days after the order on which to ask whether it has arrived."""
    use_day: int = 3
    """Days after the order on which to ask whether it is being used."""
    feedback_day: int = 7
    """Days after the order on which to ask for feedback."""
    slow_feedback_day: int = 14
    """The same for slow items."""
    slow_items: tuple[str, ...] = ()
    """Items whose effect takes longer to show."""
    loyal_orders: int = 3
    """Number of orders from which delivery is no longer asked about."""
    dated: Mapping[str, DatedAttribute] = field(default_factory=dict)
    """Name of an attribute: {column, items}, like child: {column: birth_date, items: {180: PORRIDGE}}."""
    care: Mapping[str, DatedAttribute] = field(default_factory=dict)
    """Messages of care by date: {column, items}, like baby: {column: birth_date, items: {120: first solid food}}."""
    points_column: str = "points_expiry_date"
    """Column of the table `customers` with the day on which points expire; without it nothing is said of points."""
    points_days: int = 14
    """Days before that day from which the customer is told."""


@dataclass(frozen=True)
class ServiceRules:
    """How service contacts are sent: what is owed to a customer, planned before any offer."""

    channels: tuple[str, ...] = ()
    """Channels that carry them, in the order in which they are tried; if omitted, all channels of the shop. The
    preferred channel of a customer (column preferred_channel of `customers`) comes first."""
    reminders: bool = False
    """Whether reminders of items that a customer buys regularly are service too, and not offers that compete."""
    per_day: int = 0
    """Maximum service contacts per day; 0 means no limit."""
    total_7: int = 4
    """Maximum service contacts of one customer in any 7 consecutive days."""
    total_28: int = 8
    """The same in 28 days."""


@dataclass(frozen=True)
class StageRules:
    """Limits of the stages of a customer relationship; the table of `customers.stages` shows what each decides."""

    trust_days: int = 14
    """Days after the first order in which trust is not yet earned; 14."""
    lapsing_risk: float = 2 / 3
    """Churn risk above which a silent customer is lapsing; 2/3."""
    lapsed_risk: float = 0.8
    """Churn risk above which a silent customer is lapsed; 0.8."""
    trust_risk: float = 1 / 3
    """Churn risk up to which a customer is one to trust; 1/3."""
    lapsing_silence: int = 30
    """Days since the last order above which a customer is silent enough to be lapsing; 30."""
    lapsed_silence: int = 90
    """The same for lapsed; 90."""
    settled_orders: int = 3
    """Orders after which a customer who only ever bought one item is ready for another; 3."""
    trusted_items: int = 2
    """Items bought on two or more days that make trust_transfer; 2."""
    trusted_orders: int = 5
    """Orders required instead if the orders name no items; 5."""


@dataclass(frozen=True)
class LadderRules:
    """How likely the next purchase is after the first, the second, the third, and where that flattens."""

    within: int = field(default=180, metadata={"ge": 1})
    """Days within which the next purchase counts."""
    least_gain: float = 0.05
    """The ladder flattens at the first step that raises the share by less than this."""
    least_observed: int = 100
    """Minimum customers per step whose days have all been observed."""
    draws: int = 1000
    """Bootstrap samples of the customers, for the interval."""


@dataclass(frozen=True)
class CompanionSettings:
    """What to offer next, from what buyers of the same items went on to buy."""

    min_buyers: int = 20
    """Minimum buyers of an item; items with fewer are excluded."""
    most_items: int = 2_000
    """Maximum number of items; those with the most buyers are used."""
    memory_days: float = 180.0
    """Days after which the last purchase of an item counts half."""
    popularity_days: float = 60.0
    """Days after which a purchase counts half in what is taken up now."""
    weight: float = 1.5
    """Of what goes with the customer's items, beside what everybody takes up."""
    coverage: float = 0.95
    """Of the interval of a lift."""


@dataclass(frozen=True)
class ItemRules:
    """Which items may be offered to whom."""

    deny: tuple[str, ...] = ()
    """Items that are never offered, nor in a bundle."""
    allow: tuple[str, ...] = ()
    """If given, the only items that are offered."""
    only_if: Mapping[str, str] = field(default_factory=dict)
    """Item: expression over the columns of the customers that must hold, like {WINE: age >= 18}."""
    succeeds: Mapping[str, str] = field(default_factory=dict)
    """Item: the item that it replaces, like {STAGE 2: STAGE 1}; offered once the older one has stopped. Nobody who has
    the newer one is offered the older."""


@dataclass(frozen=True)
class IdentityColumns:
    """Columns of the table `customers` by which other tools know a person."""

    email: str = "email"
    """Address."""
    phone: str = "phone"
    """Telephone number, with the code of the country."""
    first_name: str = "first_name"
    """First name."""
    last_name: str = "last_name"
    """Last name."""
    external_id: str = "customer_id"
    """Id by which the tool knows the customer."""
    wecom_id: str = "external_userid"
    """Id of the external contact in WeCom."""


@dataclass(frozen=True)
class TagRules:
    """What each tag of a customer asks for."""

    spender_share: float = 0.1
    """high_spender_week: top share of those who spent in the last 7 days."""
    month_orders: int = 3
    """frequent_month: orders in the last 30 days."""
    discount_share: float = 0.5
    """discount_driven: shrunk share of lines bought at a discount."""
    prior_lines: float = 10.0
    """Lines at the share of the whole shop that every customer is given."""
    premium_index: float = 1.25
    """premium_leaning: paid over the usual price of the same categories."""
    premium_lines: int = 5
    """Lines that it takes to show that."""
    prior_contacts: float = 3.0
    """preferred_channel: contacts at the response rate of the channel that every customer is given."""
    hour_orders: int = 3
    """active_hours: orders with a time of day that it takes."""
    due_days: int = 30
    """due_in_month: days within which an item runs out."""
    answer_index: float = 1.5
    """activity_sensitive: response rate over that of all contacts, or orders after contacts over the usual number."""
    answer_days: int = 7
    """Days after a contact in which an order counts as an answer."""
    referrals: int = 1
    """advocate: customers brought along, from the column referrals of `customers`."""
    loyal_share: float = 0.25
    """advocate without that column: top share by orders, by different items and by time since the first order."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """Your own: tag: expression over the columns of the customers, like core: n_orders >= 3 and churn_risk < 0.5."""

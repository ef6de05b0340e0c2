"""The whole configuration: its sections, and what workflows derive from it."""

# no postponed annotations: pydantic reads them while it builds the class
import datetime as dt
from pathlib import Path

from ltvml.config.fields import Days, Seed
from ltvml.config.outreach import OutreachSettings
from ltvml.config.section import Section
from ltvml.config.sections import (
    AlertSettings,
    AttributeSettings,
    BacktestSettings,
    CohortSettings,
    ContactSettings,
    CostSettings,
    CustomerSettings,
    EngineSettings,
    IdentitySettings,
    ModelSettings,
    OrderSettings,
    OutputSettings,
    PageSettings,
    ProductSettings,
    ReplenishmentSettings,
    RetrainSettings,
    RfmSettings,
    SearchSettings,
    SeasonChoice,
    TrackingSettings,
    TransactionSettings,
    ValueSettings,
    WindowSettings,
)

STATE_FOLDER = "orders_read"
"""Folder in output.dir of what was read before, where reading is incremental."""


class Config(Section):
    """All settings of a run. Every key has a default, except those that a job requires.

    Examples
    --------
    >>> config = Config(window={"cutoff": "2011-09-10", "churn_horizon": 90})
    >>> config.window.ltv_horizon
    365
    >>> config.window.resolved().churn_horizon
    90
    """

    transactions: TransactionSettings = TransactionSettings()
    """Where the orders are, and what becomes of odd rows."""
    products: ProductSettings = ProductSettings()
    """What is inside the products."""
    contacts: ContactSettings = ContactSettings()
    """The contacts made so far."""
    customers: CustomerSettings = CustomerSettings()
    """What else is known of the customers."""
    attributes: AttributeSettings = AttributeSettings()
    """What learners may know of a customer beside the orders."""
    identities: IdentitySettings = IdentitySettings()
    """Which ids are one person."""
    window: WindowSettings = WindowSettings()
    """What was seen, and how far ahead the questions reach."""
    value: ValueSettings = ValueSettings()
    """What money means."""
    models: ModelSettings = ModelSettings()
    """Which model answers which question."""
    fast: bool = False
    """true: fit gives a first answer in seconds, without backtest, replenishment and plots; --fast sets it."""
    season: SeasonChoice = "auto"
    """auto looks for a season where there is a full year of orders; off takes every day of the year alike."""
    replenishment: ReplenishmentSettings = ReplenishmentSettings()
    """When each customer needs each item again."""
    outreach: OutreachSettings = OutreachSettings()
    """Who is contacted, when, with what and why."""
    alerts: AlertSettings = AlertSettings()
    """Whom score marks because the churn risk rose."""
    rfm: RfmSettings = RfmSettings()
    """How customers are scored by recency, frequency and money."""
    cohorts: CohortSettings = CohortSettings()
    """Customers by the period of their first order: ltvml cohorts."""
    costs: CostSettings = CostSettings()
    """What winning customers cost."""
    report: PageSettings = PageSettings()
    """The report page: ltvml report."""
    backtest: BacktestSettings = BacktestSettings()
    """How models are compared in backtests."""
    retrain: RetrainSettings = RetrainSettings()
    """When ltvml run fits again."""
    search: SearchSettings = SearchSettings()
    """Search for how trees are grown."""
    engine: EngineSettings = EngineSettings()
    """Where tables are computed."""
    tracking: TrackingSettings = TrackingSettings()
    """Where runs are recorded."""
    output: OutputSettings = OutputSettings()
    """What is written, and where."""
    random_state: Seed = 0
    """Seed of everything random."""
    max_age: Days = 90
    """Days from the cutoff of the bundle to the cutoff of the scores beyond which `score` warns."""

    @property
    def cutoff(self) -> dt.date:
        """Last day seen.

        Raises
        ------
        ConfigError
            If the configuration has none.
        """
        return self.window.last_day_seen()

    @property
    def orders(self) -> OrderSettings:
        """The sections that say how the orders are read."""
        state = str(Path(self.output.dir) / STATE_FOLDER) if self.transactions.incremental else None
        return OrderSettings(
            self.transactions, self.value, self.engine, self.identities, self.customers, self.attributes, state
        )

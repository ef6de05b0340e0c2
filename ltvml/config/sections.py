"""The sections of the configuration, one class each, in the order of the file."""

# no postponed annotations: pydantic reads them while it builds the class
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self, cast

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ltvml.config.fields import (
    Argument,
    Breaks,
    Columns,
    ContactColumns,
    Count,
    CurrencyCode,
    Date,
    DatePattern,
    Days,
    DaysPerUnit,
    Decimals,
    DecimalSign,
    Encoding,
    Formats,
    Horizon,
    HorizonDays,
    Horizons,
    IdRules,
    Ids,
    Language,
    Margin,
    Name,
    Names,
    PairColumns,
    Path,
    Probability,
    ProductColumns,
    Reasons,
    Rows,
    RowValues,
    Share,
    TableName,
    ThousandsSign,
    Trials,
    Zone,
)
from ltvml.config.section import Section
from ltvml.engines.databases.addresses import address_of, is_database
from ltvml.errors import ConfigError, LtvmlError
from ltvml.models import registry
from ltvml.models.attributes.rules import MIN_CUSTOMERS, MOST_LEVELS, Rules
from ltvml.nearest import did_you_mean
from ltvml.passwords import without_password
from ltvml.window import CalendarPeriod, Window

ReturnsPolicy = Literal["net", "drop", "error"]
RowPolicy = Literal["keep", "drop"]
AmountOf = Literal["line", "order"]
EngineName = Literal["duckdb", "spark"]
TrackingBackend = Literal["mlflow", "local", "none"]
ChosenRole = Literal["purchase", "spend", "churn", "value", "replenishment"]
ItemChoice = Literal["auto", "category", "product_id", "off"]
SeasonChoice = Literal["auto", "off"]
DateSource = Literal["auto", "churn", "customer_renewal"]


class TransactionSettings(Section):
    """Where the orders are, and what becomes of odd rows."""

    source: Path | None = None
    """CSV, Parquet, JSON or Excel file, zip, glob (`**` is any depth), folder, also with partitions like
    `region=north/`, Delta or Iceberg table, `file::table` of a DuckDB or SQLite file, table or view of a
    database (`postgresql://host/shop::schema.orders`, without a password), or a name registered with the engine. Paths
    start at the current folder. May be left out where a frame is handed over in Python."""
    columns: Columns = Field(default_factory=dict)
    """Our column name: your column name. A column left out is looked for under our own name. `amount: 1` makes each
    line worth 1, where there are no amounts: values are then counts of purchases."""
    keep: RowValues = Field(default_factory=dict)
    """Your column: its values that are purchases, like `event: [purchase]`; rows with another value are excluded and
    counted by value. Letter case and blanks around a value do not count; "" is an empty cell."""
    drop: RowValues = Field(default_factory=dict)
    """Your column: its values that are no purchases, like `status: [cancelled, voided]`; their rows are excluded and
    counted by value."""
    amount_is: AmountOf = "line"
    """What `amount` is the value of: line; or order, where each line of an order repeats the total of the order."""
    returns: ReturnsPolicy = "net"
    """What becomes of negative amounts: net against the same order or day, drop, or error."""
    zero_amounts: RowPolicy = "keep"
    """Whether a line of amount 0 makes its day a purchase day. Counted either way."""
    duplicates: RowPolicy = "keep"
    """Whether the second of two lines equal in every column counts. Counted either way. With several files, drop takes
    out the lines that an earlier file has too, and equal lines of one file remain."""
    exclude: Names = ()
    """Boolean columns of your file; rows where one is true are excluded and counted."""
    timezone: Zone | None = None
    """Zone in which a day begins, for timestamps that carry a zone; others are local already. Without it a text with an
    offset keeps its day as written, and a typed timestamp is in UTC."""
    encoding: Encoding | None = None
    """How the text of a file is encoded, like cp1252 or gb18030; null finds it by reading the whole file."""
    header: bool = True
    """Whether the first line of a text file or sheet names the columns."""
    names: Names = ()
    """Column names from left to right, where the file has none (header: false) or others are wanted."""
    skip_rows: Rows = 0
    """Lines of a text file or sheet before its header."""
    sql: Name | None = None
    """One SELECT over the tables of sources, in place of source; its columns are mapped like those of a file."""
    sources: dict[TableName, Path] = Field(default_factory=dict)
    """Tables of sql: name: file, each written as source is."""
    date_format: DatePattern | None = None
    """Pattern of dates that are text, like %d/%m/%Y, or of numbers: epoch_seconds, epoch_milliseconds, excel_days; ISO
    dates need none."""
    decimal: DecimalSign | None = None
    """What stands before the decimals of numbers that are text: . or ,; a dot if not set."""
    thousands: ThousandsSign | None = None
    """What stands between groups of three digits of numbers that are text: a comma, a dot, a blank or '."""
    normalize_ids: IdRules = ()
    """Rules that make ids of customers the same: lower (letter case), trim (blanks around), number (0012 and 12.0
    are 12)."""
    not_customers: Ids = ()
    """Placeholders, no customers, like [guest, "0"]; their rows are excluded and counted, whatever their case."""
    max_bad_share: Share = 0.05
    """Share of rows with an unreadable date or amount above which reading stops; below it they are excluded."""
    incremental: bool = False
    """Whether checked orders are kept in output.dir, so that the next run reads the parts of its files, or days of its
    Postgres table, that have changed, and checks the customers in them: the result is that of a full read."""

    @model_validator(mode="after")
    def _can_be_incremental(self) -> Self:
        """Refuse what would have no effect."""
        source = self.source or ""
        if self.incremental and (not source or (is_database(source) and not source.startswith("postgres"))):
            found = without_password(source) if source else "no source"
            raise ValueError(f"incremental is set for {found}; expected Parquet or CSV files, or a table of Postgres")
        if self.incremental and self.amount_is == "order":
            raise ValueError(
                "incremental and amount_is: order are both set; expected one, as an order's lines explain one another"
            )
        return self

    @model_validator(mode="after")
    def _two_separators(self) -> Self:
        """Refuse one sign for decimals and thousands."""
        if self.thousands is not None and self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}; expected different signs")
        return self

    @model_validator(mode="after")
    def _one_place_of_orders(self) -> Self:
        """Refuse a query without tables, tables without a query, and two places of the orders."""
        if self.sql is not None and self.source is not None:
            raise ValueError("source and sql are both set; expected one of them")
        if (self.sql is None) != (not self.sources):
            found, missing = ("sql", "sources") if self.sql is not None else ("sources", "sql")
            raise ValueError(f"{found} is set without {missing}; expected both, like sources: {{orders: orders.csv}}")
        return self


class WindowSettings(Section):
    """What was seen, and how far ahead the questions reach."""

    cutoff: Date | None = None
    """Last day seen, inclusive. An input of `fit` and `score`, never guessed from the file."""
    churn_horizon: Horizon = "auto"
    """Days of silence that count as churn; auto is the 90th percentile of observed gaps in weeks, 28 to 180 days."""
    ltv_horizon: HorizonDays = 365
    """Days ahead over which value is predicted."""
    horizons: Horizons = ()
    """Further horizons in days, like [30, 90, 365]: the customer table holds risk, purchases and value for each."""

    def last_day_seen(self) -> dt.date:
        """The cutoff.

        Raises
        ------
        ConfigError
            If there is none.
        """
        if self.cutoff is None:
            raise ConfigError(
                "window.cutoff is missing; expected the last day seen, as YYYY-MM-DD.",
                hint="it is never guessed from the file: add it, or --set window.cutoff=2011-09-10.",
            )
        return self.cutoff

    def resolved(self, churn_horizon: int | None = None) -> Window:
        """Cutoff and horizons as numbers.

        Parameters
        ----------
        churn_horizon : int, optional
            Days that `auto` means; ignored where the configuration has a number.

        Raises
        ------
        ConfigError
            If there is no cutoff, or the horizon is `auto` and has not been computed yet.
        """
        horizon = churn_horizon if self.churn_horizon == "auto" else self.churn_horizon
        if horizon is None:
            raise ConfigError("window.churn_horizon is auto; expected days. Fit resolves auto from the orders.")
        return Window(self.last_day_seen(), horizon, self.ltv_horizon, self.horizons)


class ValueSettings(Section):
    """What money means."""

    margin: Margin = 1.0
    """Share of net revenue that is earned; 1.0 predicts revenue."""
    annual_discount_rate: Share = 0.10
    """Rate at which money a year away is worth less; 0 turns discounting off."""
    currency: CurrencyCode | None = None
    """ISO code shown with money, like GBP; where the orders name a currency, it must be this one."""
    decimals: Decimals = 2
    """Decimals of the currency: 2 for pence and cents, 0 for yen. Sums are exact in these units."""


class ModelChoice(Section):
    """A model by name, with the arguments of its constructor. A bare name will do."""

    name: Name
    """Name of the model, as `ltvml models` lists it; auto leaves the choice to ltvml."""
    params: dict[str, Argument] = Field(default_factory=dict)
    """Arguments of the model's constructor. Purchase models and gamma_gamma also take covariates: a list of attributes
    that move their parameters; purchase models dropout_covariates, or by: an attribute whose groups have parameters of
    their own, held to the whole."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        """`mbg_nbd` stands for `{name: mbg_nbd}`."""
        return {"name": value} if isinstance(value, str) else value


AUTO = "auto"
CLOSED_FORM = "closed_form"
FOLDERS: Mapping[ChosenRole, tuple[str, ...]] = MappingProxyType(
    {
        "purchase": ("purchase",),
        "spend": ("spend",),
        "churn": ("repurchase", "purchase"),
        "value": ("value",),
        "replenishment": ("replenishment",),
    }
)
"""Folders of `ltvml.models` whose models may serve a role: any purchase model knows who comes back."""

ON_OTHERS: Mapping[ChosenRole, Mapping[str, str]] = MappingProxyType(
    {
        "purchase": {},
        "spend": {},
        "churn": {CLOSED_FORM: "The survival curve of models.purchase."},
        "value": {
            "purchase_times_spend": "Expected purchases of models.purchase times the order value of models.spend."
        },
        "replenishment": {},
    }
)
"""What a fit builds from the models of other roles, and therefore has no arguments of its own."""


AUTO_MEANS: Mapping[ChosenRole, str] = MappingProxyType(
    {
        "purchase": "bg_nbd or mbg_nbd, the likelier, unless pareto_nbd, bg_cnbd or mbg_cnbd does better in backtests",
        "spend": "gamma_gamma",
        "churn": "the model that did best in backtests",
        "value": "the model that did best in backtests",
        "replenishment": "gamma_renewal, unless another model does better in backtests",
    }
)


def model_names(role: ChosenRole) -> list[str]:
    """Models that `models.<role>` may name."""
    return sorted({*(name for folder in FOLDERS[role] for name in registry.names(folder)), *ON_OTHERS[role]})


def models_by_name(role: ChosenRole) -> dict[str, str]:
    """The same, each with a line on what it is; imports them."""
    alone = {name: line for folder in FOLDERS[role] for name, line in registry.available(folder).items()}
    return dict(sorted((alone | dict(ON_OTHERS[role])).items()))


def check_kinds(role: str, choice: ModelChoice) -> None:
    """Refuse covariates and groups where nothing would read them.

    Raises
    ------
    ValueError
        With the argument, and where it belongs.
    """
    asked = sorted({*choice.params} & {argument for known in registry.AROUND.values() for argument in known})
    if not asked:
        return
    named, known = " and ".join(asked), registry.AROUND.get(role, {})
    if foreign := [argument for argument in asked if argument not in known]:
        places = " and ".join(f"models.{place}" for place, found in registry.AROUND.items() if foreign[0] in found)
        raise ValueError(f"params.{foreign[0]} has no effect here; expected it under {places}")
    if choice.name == AUTO:
        raise ValueError(f"params.{named} needs a model by name, such as {role}: {{name: {EXAMPLES[role]}, ...}}")
    try:
        registry.make(role, choice.name, **choice.params)
    except LtvmlError as error:
        raise ValueError(error.message) from None


EXAMPLES: Mapping[str, str] = MappingProxyType({"purchase": "bg_nbd", "spend": "gamma_gamma"})


class ModelSettings(Section):
    """Which model answers which question."""

    purchase: ModelChoice = ModelChoice(name=AUTO)
    """How many purchases, and is the customer still active? auto is bg_nbd or mbg_nbd, whichever is likelier, unless
    pareto_nbd predicted who would buy better at past cutoffs; a first answer does not compare."""
    spend: ModelChoice = ModelChoice(name="gamma_gamma", params={"orders": "all"})
    """What is one purchase worth? auto and the default are gamma_gamma on all orders, and values compare it with repeat
    orders in backtests; another model that is named here values every order, also where `value` is auto."""
    churn: ModelChoice = ModelChoice(name=AUTO)
    """Which customers will not return, and when will the others? auto selects the model that does best in backtests."""
    value: ModelChoice = ModelChoice(name=AUTO)
    """What will a customer spend? auto selects the model that does best in backtests."""
    dates: DateSource = "auto"
    """Whose dates of the next purchase? auto: those of the churn model, or of the renewal of the customers' own gaps
    where backtests show that it is better; churn and customer_renewal name one."""

    replenishment: ModelChoice = ModelChoice(name=AUTO)
    """When is each item bought again? auto selects the model that does best in backtests."""

    @field_validator("purchase", "spend", "churn", "value", "replenishment")
    @classmethod
    def _is_a_model(cls, choice: ModelChoice, place: ValidationInfo) -> ModelChoice:
        """Refuse a name that the role does not have."""
        known = model_names(cast("ChosenRole", place.field_name))
        if choice.name not in {AUTO, *known}:
            near = did_you_mean(choice.name, known)
            raise ValueError(f"there is no model '{choice.name}'{near}; expected auto, {', '.join(known)}")
        check_kinds(str(place.field_name), choice)
        return choice


class ReplenishmentSettings(Section):
    """When each customer needs each item again."""

    item: ItemChoice = "auto"
    """What runs out: category, product_id, or off. auto is the category where the orders have one, else the product."""
    horizon: HorizonDays = 91
    """Days ahead within which a date is given."""
    lead_days: Days = 7
    """Days from a reminder to its effect: an item that runs out within them is about to be replenished."""
    all_pairs: bool = False
    """Whether replenishment.parquet holds every customer x item, for evaluation, or those worth a reminder alone."""
    min_buyers: Count = 30
    """Items with fewer buyers are not reminded about."""
    min_repeat_share: Share = 0.15
    """Items that a smaller share of their buyers bought again are not reminded about."""
    depleted_from: Probability = 0.5
    """Probability of having run out from which an item counts as depleted."""
    lapsed_from: Probability = 0.5
    """Probability of no purchase in one more usual gap from which a late customer counts as lost to the item."""
    days_per_unit: DaysPerUnit | None = None
    """What you know of how long a unit lasts: item: days, or the path of a table with item and days_per_unit."""


class ProductSettings(Section):
    """What is inside the products: bundles and pack sizes."""

    source: Path | None = None
    """CSV, Excel or Parquet file or a table of a database, one row a product, or several for a bundle."""
    columns: ProductColumns = Field(default_factory=dict)
    """Our column name: your column name. A column left out is looked for under our own name."""


class ContactSettings(Section):
    """The contacts made so far, for caps and measurement."""

    source: Path | None = None
    """CSV, Excel or Parquet file or a table of a database, one row a contact."""
    columns: ContactColumns = Field(default_factory=dict)
    """Our column name: your column name. A column left out is looked for under our own name."""
    complete: bool = False
    """Whether the log holds all that was sent up to the cutoff: planned contacts that it lacks are then free again."""


class CustomerSettings(Section):
    """What else is known of the customers: dates, numbers and words that rules, tags and follow-up may read."""

    source: Path | None = None
    """CSV, Excel or Parquet file or a table of a database, one row a customer."""
    columns: dict[Name, Name] = Field(default_factory=dict)
    """customer_id, and any other name that you want to use: your column name. Other columns keep theirs."""


class AttributeSettings(Section):
    """What learners may know of a customer at the first order, beside how often, when and for how much they bought."""

    first_order: bool = True
    """Whether channel, country, category, size and discount of the first order are read, where the orders have them."""
    experience: bool = True
    """Whether ratings, complaints, late deliveries and returns of the orders are read, as far as they were known."""
    customers: Names = ()
    """Columns of the table of customers that were known when the customer first ordered and stay as they were, like
    [country, source]. A column that is updated later, such as a tier or a last visit, would tell the future."""
    most_levels: Count = MOST_LEVELS
    """Values of one attribute that are told apart, the most frequent first; the others are pooled."""
    min_customers: Count = MIN_CUSTOMERS
    """Customers below which a value is pooled with other rare ones, and not shown."""

    @field_validator("customers")
    @classmethod
    def _can_be_named(cls, names: Names) -> Names:
        """Refuse a column that is no attribute, or whose name an engine would take apart."""
        for name in names:
            if name == "customer_id":
                raise ValueError("customer_id is the customer; expected what is known of them, like country")
            if found := sorted(set(name) & set(".`=")):
                raise ValueError(
                    f"the name '{name}' holds {' '.join(found)}; give the column another one under customers.columns, "
                    "like {country: Ship.Country}"
                )
        return names

    @property
    def rules(self) -> Rules:
        """How attributes are read."""
        return Rules(self.first_order, self.most_levels, self.min_customers, self.experience)


class IdentitySettings(Section):
    """Ids that are one person over channels: e-mail, telephone, member number."""

    source: Path | None = None
    """CSV, Excel or Parquet file or a table of a database, one row a pair of ids of one person; chains of pairs are one
    person, named by the smallest id."""
    columns: PairColumns = Field(default_factory=dict)
    """The two columns: a: your column, b: your other column. A column left out is looked for under its own name."""
    most_ids: Count = 10
    """More ids than this for one person are an error: a shared id holds strangers together."""


class AlertSettings(Section):
    """Whom `score` marks because the churn risk rose since the last earlier scores of the same model."""

    compare: bool = True
    """Whether the scores beside those written, of the latest earlier cutoff, are compared with."""
    rise: Probability = 0.25
    """Rise of churn_risk from which a customer is marked (silence): waiting is in it."""
    beyond: Probability = 0.1
    """Rise beyond what waiting alone explains from which a customer is marked (news): what happened since is in it."""


class RfmSettings(Section):
    """How customers are scored by recency, frequency and money: 1 is the lowest, and one more than the breaks the best.

    A value at a break is on its lower side. Without breaks they are those of the customers of the fit, kept in the
    bundle, so that scores of two cutoffs compare.
    """

    recency: Breaks = ()
    """Days since the last order, like [30, 90, 180, 365]: up to 30 is the best score."""
    frequency: Breaks = ()
    """Orders, like [1, 2, 4, 9]: one order is 1, more than nine 5."""
    money: Breaks = ()
    """Net value of all orders, like [50, 100, 250, 1000]."""

    @property
    def breaks(self) -> dict[str, tuple[float, ...]]:
        """By the names of the bundle's edges."""
        return {"silence": self.recency, "orders": self.frequency, "money": self.money}


class CohortSettings(Section):
    """Customers by the period of their first order."""

    by: CalendarPeriod = "month"
    """week, month or quarter."""
    attributes: Names = ()
    """Cohorts are also told apart by these: channel, country, category, discount_share or another attribute of the
    first order, or a column of attributes.customers."""
    fewest: Count = 5
    """Figures of cohorts of fewer customers are not shown: they would tell of single persons."""
    referral_depth: Count = 1
    """How far up a chain of referrals a customer is credited; needs a column referred_by in the table customers."""
    experience_days: Count = 30
    """Days after the first order within which its complaint, rating, delivery or return must be known to count; what
    the customers did afterwards, for churn_horizon days, is compared."""
    bad_rating: float | None = None
    """Ratings at or below it are bad; null takes those in the lower half of the ratings found."""


class CostSettings(Section):
    """What winning customers cost."""

    source: Path | None = None
    """CSV, Excel or Parquet file or a table of a database: cost, and customer_id (of one customer), or cohort or an
    attribute of the first order such as channel (of all its customers together)."""
    columns: dict[Name, Name] = Field(default_factory=dict)
    """cost, customer_id, cohort: your column name. Other columns keep theirs."""


class PageSettings(Section):
    """The report page: ltvml report."""

    language: Language = "en"
    """Of the page: en, zh, or another folder of `ltvml.words.phrases`."""
    show_customers: bool = False
    """true: the section of the plan lists its first contacts with their ids; else no customer is named."""


class BacktestSettings(Section):
    """How models are compared in backtests."""

    longest_silence: Days = 730
    """Customers without an order for more days are scored but not used to select a model: they are easy to predict."""


class RetrainSettings(Section):
    """When ltvml run fits again; the new fit serves only where it is not worse, see ltvml promote."""

    on: Reasons = ()
    """What starts a fit: age, drift (the state retrain of ltvml watch), or both; none if not given."""
    every: Days = 90
    """Days from the cutoff of the last fit to that of the night from which age starts a fit."""
    pause: Days = 28
    """Days after the last fit in which drift starts no other one: it needs new orders to learn from."""


class SearchSettings(Section):
    """Search for how trees are grown; needs the extra `ltvml[search]`."""

    trials: Trials = 0
    """Trials of optuna for lightgbm_binary, at each past cutoff on its own snapshots; 0 takes the defaults."""


class EngineSettings(Section):
    """Where tables are computed."""

    name: EngineName = "duckdb"
    """duckdb runs inside the process; spark uses the session that the caller has started, or starts one."""
    master: str | None = None
    """Of a Spark session that is started here, like local[4], yarn or spark://host:7077; spark-submit's own, or all
    cores of this machine, if not given."""
    catalog: Name | None = None
    """Spark catalog, or catalog.schema, in which tables are looked for that do not name theirs."""
    conf: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Settings of the Spark session, like {spark.sql.shuffle.partitions: 400}."""
    threads: Count | None = None
    """Threads of DuckDB and of LightGBM; all cores if not given. They change the time taken, never the result."""
    memory_limit: str | None = None
    """Memory that DuckDB may take before it spills to disk, like 4GB; half of what the process may use if not given."""
    temp_directory: str | None = None
    """Folder in which DuckDB spills; the system's folder for temporary files if not given."""


@dataclass(frozen=True)
class OrderSettings:
    """The sections that say how the orders are read.

    Parameters
    ----------
    transactions : TransactionSettings
    value : ValueSettings
    engine : EngineSettings
    identities : IdentitySettings
    customers : CustomerSettings
    attributes : AttributeSettings
    state : str, optional
        Folder of what was read before, where reading is incremental.
    """

    transactions: TransactionSettings
    value: ValueSettings
    engine: EngineSettings
    identities: IdentitySettings
    customers: CustomerSettings
    attributes: AttributeSettings
    state: str | None = None


class TrackingSettings(Section):
    """Where runs are recorded."""

    backend: TrackingBackend = "mlflow"
    """mlflow (MLFLOW_TRACKING_URI, or a SQLite file whose place is printed), local (files), or none."""
    experiment: Name = "ltvml"
    """Name of the experiment, and of the registered model."""
    shop: str | None = None
    """A tag of every run and version; the name of the experiment by default."""


class SinkTables(Section):
    """A table for each result, as table or schema.table; made where it is missing, null for a result that stays out."""

    customers: Name | None = "ltvml_customers"
    """Receives customers.parquet of the scores."""
    probabilities: Name | None = None
    """Receives probabilities.parquet of the scores."""
    replenishment: Name | None = "ltvml_replenishment"
    """Receives replenishment.parquet of the scores; no rows where the orders name no items."""
    plan: Name | None = "ltvml_plan"
    """Receives the contacts to make: those that are suppressed or held out stay in outreach.parquet."""

    @property
    def named(self) -> dict[str, str]:
        """Result -> table, of those that are written."""
        return {name: table for name, table in self if table is not None}

    @model_validator(mode="after")
    def _one_table_each(self) -> Self:
        """Refuse two results in one table, and none."""
        if not self.named or len(set(self.named.values())) < len(self.named):
            raise ValueError("two results have one table, or there is none; expected a table for each result")
        return self


class WriteToSettings(Section):
    """Tables of a database that receive results as well: ltvml write."""

    url: Path | None = None
    """Address of the database, like postgresql://host/shop, without a password; nothing is written if not set."""
    tables: SinkTables = SinkTables()
    """Which result goes into which table."""

    @field_validator("url")
    @classmethod
    def _is_a_database(cls, url: str | None) -> str | None:
        """Refuse an address of something else, or of a table."""
        if url is not None and (not is_database(url) or address_of(url).table is not None):
            raise ValueError(f"{without_password(url)} is no database; expected an address like postgresql://host/shop")
        if url is not None and not address_of(url).kind.all_or_nothing:
            raise ValueError(
                f"{without_password(url)} cannot undo what was written to some tables when one fails; expected "
                "a database with transactions, like Postgres; or load the Parquet files of the results"
            )
        return url


class OutputSettings(Section):
    """What is written, and where."""

    dir: Path = "out"
    """Folder that receives bundle/ and scores/<cutoff>/; a relative one starts at the current folder."""
    formats: Formats = ("parquet",)
    """File formats of the score tables: parquet, csv, or both."""
    write_to: WriteToSettings = WriteToSettings()
    """Tables of a database that receive results as well."""
    wait: float = Field(default=600.0, ge=0, allow_inf_nan=False)
    """Longest time to wait for another run that writes the same output, in seconds; then exit code 9."""

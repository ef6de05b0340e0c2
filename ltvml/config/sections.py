"""The sections of the configuration, one class each, in the order of the file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from ltvml.config.fields import (
    Columns,
    CurrencyCode,
    Date,
    DatePattern,
    Days,
    Decimals,
    Formats,
    Horizon,
    Margin,
    Name,
    Names,
    Scalar,
    Share,
    Path,
    Zone,
)
from ltvml.config.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

ReturnsPolicy = Literal["net", "drop", "error"]
RowPolicy = Literal["keep", "drop"]
EngineName = Literal["duckdb", "spark"]
TrackingBackend = Literal["mlflow", "local", "none"]
ChosenRole = Literal["purchase", "spend", "value"]


class TransactionSettings(Section):
    """Where the orders are, and what becomes of odd rows."""

    source: Path | None = None
    """CSV or Parquet file, glob, `file.duckdb::table`, or a name registered with the engine. Paths start at the current
    folder. May be left out where a frame is handed over in Python."""
    columns: Columns = Field(default_factory=dict)
    """Our column name: your column name. A column left out is looked for under our own name."""
    returns: ReturnsPolicy = "net"
    """What becomes of negative amounts: net against the same order or day, drop, or error."""
    zero_amounts: RowPolicy = "keep"
    """Whether a line of amount 0 makes its day a purchase day. Counted either way."""
    duplicates: RowPolicy = "keep"
    """Whether the second of two lines equal in every column counts. Counted either way."""
    exclude: Names = ()
    """Boolean columns of yours; rows where one is true are set aside and counted."""
    timezone: Zone | None = None
    """Zone in which a day begins, for timestamps that carry a zone; others are local already."""
    date_format: DatePattern | None = None
    """Pattern of dates that are text, like %d/%m/%Y; ISO dates need none."""
    max_bad_share: Share = 0.05
    """Share of rows with an unreadable date or amount above which reading stops; below it they are set aside."""


class WindowSettings(Section):
    """What was seen, and how far ahead the questions reach."""

    cutoff: Date | None = None
    """Last day seen, inclusive. An input of `fit` and `score`, never guessed from the file."""
    churn_horizon: Horizon = "auto"
    """Days of silence that count as churn; auto is the 90th percentile of observed gaps, in weeks, within 28 to 180 days."""
    ltv_horizon: Days = 365
    """Days ahead over which value is predicted."""


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
    params: dict[str, Scalar] = Field(default_factory=dict)
    """Arguments of the model's constructor."""

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: Any) -> Any:
        """`mbg_nbd` stands for `{name: mbg_nbd}`."""
        return {"name": value} if isinstance(value, str) else value


AUTO_CHOICES: Mapping[ChosenRole, ModelChoice] = MappingProxyType(
    {
        "purchase": ModelChoice(name="mbg_nbd"),
        "spend": ModelChoice(name="gamma_gamma", params={"orders": "all"}),
        "value": ModelChoice(name="purchase_times_spend"),
    }
)


class ModelSettings(Section):
    """Which model answers which question."""

    purchase: ModelChoice = ModelChoice(name="auto")
    """How many purchases, and is the customer still one? auto is mbg_nbd."""
    spend: ModelChoice = AUTO_CHOICES["spend"]
    """What is one purchase worth? auto is gamma_gamma fitted on all orders."""
    churn: Literal["auto"] = "auto"
    """Who does not come back, and when do the others? auto is the survival curve of the purchase model."""
    value: ModelChoice = ModelChoice(name="auto")
    """What will a customer spend? auto is purchase_times_spend."""

    def chosen(self, role: ChosenRole) -> ModelChoice:
        """The choice for `role`, with auto replaced by the default of this release."""
        choice: ModelChoice = getattr(self, role)
        return AUTO_CHOICES[role] if choice.name == "auto" else choice


class EngineSettings(Section):
    """Where tables are computed."""

    name: EngineName = "duckdb"
    """duckdb runs inside the process; spark uses the session that the caller has started."""


class TrackingSettings(Section):
    """Where runs are recorded."""

    backend: TrackingBackend = "mlflow"
    """mlflow (MLFLOW_TRACKING_URI, or a SQLite file whose place is printed), local (files), or none."""
    experiment: Name = "ltvml"
    """Name of the experiment, and of the registered model."""


class OutputSettings(Section):
    """What is written, and where."""

    dir: Path = "out"
    """Folder that receives bundle/ and scores/<cutoff>/; a relative one starts at the current folder."""
    formats: Formats = ("parquet",)
    """File formats of the score tables: parquet, csv, or both."""

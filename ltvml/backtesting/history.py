"""The orders as known at any earlier day: features, closed forms and outcomes, each computed once.

Everything about a day uses rows up to that day alone; outcomes use rows up to the day at which they are computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import narwhals as nw
import numpy as np
import pandas as pd

from ltvml.backtesting.kind_columns import named_columns, with_found_columns
from ltvml.backtesting.origins import Label, label_horizon, snapshot_origins
from ltvml.backtesting.sampled_customers import SAMPLE_SALT, SampledCustomers, by_customer, outcome_of
from ltvml.clock import OperationalTime
from ltvml.contracts import BEHAVIOUR, is_attribute
from ltvml.errors import ConvergenceError, DataContractError
from ltvml.features.attributes import attribute_columns, first_order
from ltvml.features.behaviour import days_as_of
from ltvml.features.sample import LARGEST_SAMPLE
from ltvml.features.season import daily_counts, early_buyer_counts
from ltvml.features.summary import Orders, customer_summary, held_out_patterns, purchase_patterns, spend_patterns
from ltvml.models import registry
from ltvml.models.attributes.levels import Attributes, attribute_of
from ltvml.models.attributes.relevance import relevant_attributes
from ltvml.models.closed_form import USUAL, ClosedForm, likelier, purchase_models
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.purchase.kinds import KindsOfCustomers
from ltvml.models.season.counts import DailyCounts, EarlyBuyers
from ltvml.models.season.season import Season, find_season, too_short
from ltvml.models.season.smoothing import YEAR
from ltvml.models.snapshots import Snapshots
from ltvml.models.spend.gamma_gamma import GammaGamma
from ltvml.models.spend.spend_covariates import SpendWithCovariates
from ltvml.window import Window, date_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltvml.engines.base import Engine
    from ltvml.inputs.orders import Intake
    from ltvml.models.attributes.relevance import Relevant
    from ltvml.models.base import Model, PurchaseModel, SpendModel

BUCKETS = 2**32


@dataclass
class History:
    """What was known on each day.

    Parameters
    ----------
    intake : Intake
        Checked orders up to the cutoff.
    decimals : int
        Digits of the minor unit.
    with_season : bool
        Whether closed forms look for a season.
    purchase : str
        Name of the purchase model; `auto` is the likelier of `family`.
    purchase_params : dict
        Its arguments.
    most_origins : int, optional
        Newest origins that learners are trained on; all of `snapshot_origins` if not given.
    spend : str
        Name of the spend model that values every order; `auto` is Gamma-Gamma, on repeat orders and on all.
    spend_params : dict
        Its arguments.
    family : str
        Purchase models that `auto` stands on, see `models.closed_form.FAMILIES`; changed by `stand_on`.
    """

    intake: Intake
    decimals: int
    with_season: bool = True
    purchase: str = "auto"
    purchase_params: dict[str, Any] = field(default_factory=dict)
    most_origins: int | None = None
    spend: str = "auto"
    spend_params: dict[str, Any] = field(default_factory=dict)
    family: str = USUAL
    _customers: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _attributes: dict[int, Attributes] = field(default_factory=dict, repr=False)
    _plain_customers: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _closed_forms: dict[tuple[int, bool], ClosedForm] = field(default_factory=dict, repr=False)
    _purchase_fits: dict[tuple[int, bool, str], list[InOperationalTime]] = field(default_factory=dict, repr=False)
    _spend_fits: dict[int, tuple[SpendModel, SpendModel]] = field(default_factory=dict, repr=False)
    _seasons: dict[int, Season] = field(default_factory=dict, repr=False)
    _patterns: dict[int, pd.DataFrame] = field(default_factory=dict, repr=False)
    _spending: dict[tuple[int, Orders], pd.DataFrame] = field(default_factory=dict, repr=False)
    _summaries: dict[int, nw.LazyFrame[Any]] = field(default_factory=dict, repr=False)
    _days: dict[int, nw.LazyFrame[Any]] = field(default_factory=dict, repr=False)
    _snapshots: dict[tuple[int, int, bool], Snapshots | None] = field(default_factory=dict, repr=False)

    @property
    def samples_everyone(self) -> bool:
        """Whether the shop is so small that its sample is all of it."""
        return self.intake.customers <= LARGEST_SAMPLE

    @property
    def sampled_lines(self) -> nw.LazyFrame[Any]:
        """Lines of a hashed sample of the customers: all of them in most shops."""
        return self._sample[1]

    @property
    def sample_engine(self) -> Engine:
        """Where the sample is: that of the orders, or the one that it was brought to."""
        return self._sample[0]

    @cached_property
    def _sample(self) -> tuple[Engine, nw.LazyFrame[Any]]:
        engine, lines = self.intake.engine, self.intake.lines
        if self.samples_everyone:
            return engine, engine.keep(lines)
        share = LARGEST_SAMPLE / self.intake.customers
        lines = engine.bucket(lines, SAMPLE_SALT).filter(nw.col("bucket") < share * BUCKETS).drop("bucket")
        rows = round(share * self.intake.ledger.used)
        brought = None if engine.far is None else engine.far.brought(lines, rows=rows)
        return brought or (engine, engine.keep(lines))

    @cached_property
    def _sampled(self) -> SampledCustomers:
        there = replace(self.intake, engine=self.sample_engine)
        return SampledCustomers(there, self.sampled_lines, self.samples_everyone, self.decimals)

    @property
    def _has_returns(self) -> bool:
        return self.intake.ledger.has_returns

    @property
    def cutoff_day(self) -> int:
        """Last day seen."""
        return self.intake.window.cutoff_day

    @property
    def first_day(self) -> int:
        """Day of the first order."""
        assert self.intake.ledger.first_day is not None
        return self.intake.ledger.first_day

    def customers(self, day: int) -> pd.DataFrame:
        """Summary, behaviour, attributes and `bucket` of the sampled customers as of a day, ordered by customer."""
        if day not in self._customers:
            frame = self.rows(day)
            self._attributes[day] = Attributes.learn(frame, self.intake.attributes)
            self._customers[day] = self._attributes[day].apply(frame)
        return self._customers[day]

    def rows(self, day: int) -> pd.DataFrame:
        """The same rows with attributes as the orders have them: what a bundle scores."""
        return self._sampled.rows(day)

    def foresee(self, labels: Iterable[Label]) -> None:
        """Compute what is going to be asked of many days together; nothing is another value for it."""
        wanted = set(labels)
        self._sampled.prepare(label.day for label in wanted if label.day not in self._customers)
        for horizon, until in sorted({(label.horizon, label.until) for label in wanted}):
            days = [label.day for label in wanted if (label.horizon, label.until) == (horizon, until)]
            self._sampled.prepare_after(days, horizon, until=until)

    def labels(self, day: int, given: int) -> list[Label]:
        """The windows that learners are trained on at `day`, newest first."""
        horizon = label_horizon(day, self.first_day, given)
        origins = snapshot_origins(day, self.first_day, horizon)[: self.most_origins]
        return [Label(origin, horizon, day) for origin in origins]

    def attributes(self, day: int) -> Attributes:
        """The levels of the attributes as of a day."""
        self.customers(day)
        return self._attributes[day]

    def customers_read_by(self, models: Iterable[Model], day: int) -> pd.DataFrame:
        """The sampled customers as of a day, without behaviour where none of the models looks at it."""
        read = {name for model in models for name in model.reads()}
        reads_orders = not read.isdisjoint(BEHAVIOUR.names) or any(is_attribute(attribute_of(name)[0]) for name in read)
        return self.customers(day) if reads_orders else self.summaries(day)

    def summaries(self, day: int) -> pd.DataFrame:
        """Summary alone of the sampled customers as of a day, with `bucket`, ordered by customer."""
        if day in self._customers:
            return self._customers[day]
        if day not in self._plain_customers:
            table = self.sample_engine.bucket(self._sampled.summary(day), SAMPLE_SALT)
            self._plain_customers[day] = by_customer(self.sample_engine.collect(table))
        return self._plain_customers[day]

    def season(self, day: int) -> Season:
        """The season as of a day."""
        if day not in self._seasons:
            self._seasons[day] = self._find_season(day)
        return self._seasons[day]

    def closed_form(self, day: int, *, with_season: bool | None = None) -> ClosedForm:
        """The closed form fitted as of a day, on all customers."""
        asked = self.with_season if with_season is None else with_season
        # on the plain clock, a fit with a season is the fit without one
        seasonal = asked and self.season(day).source != "off"
        if (day, seasonal) not in self._closed_forms:
            self._closed_forms[day, seasonal] = self._fit(day, seasonal=seasonal)
        return self._closed_forms[day, seasonal]

    def patterns(self, day: int) -> pd.DataFrame:
        """Purchase patterns of all customers as of a day: cutoff_day, frequency, recency, T, count.

        With the attributes that the purchase model reads, their levels as of that day.
        """
        if day not in self._patterns:
            also = named_columns(self._purchase_arguments)
            table = self.intake.engine.collect(purchase_patterns(self._known(day, also), also))
            self._patterns[day] = self._with_levels(day, table.assign(cutoff_day=day), also)
        return self._patterns[day]

    def held_out_patterns(self, day: int) -> pd.DataFrame:
        """Purchase patterns of all customers as of a day, with the purchases of each since: `held_out`, their sum."""
        ahead, also = self.cutoff_day - day, named_columns(self._purchase_arguments)
        table = held_out_patterns(self._known(day, also), self.intake.days, self.window(day), ahead, also)
        return self._with_levels(day, self.intake.engine.collect(table).assign(cutoff_day=day), also)

    def spend_patterns(self, day: int, orders: Orders) -> pd.DataFrame:
        """Spend patterns of all customers as of a day: n, total, count, and the attributes that the model reads."""
        if (day, orders) not in self._spending:
            also = named_columns(self._spend_arguments)
            table = spend_patterns(self._known(day, also), orders, decimals=self.decimals, also=also)
            self._spending[day, orders] = self._with_levels(day, self.intake.engine.collect(table), also)
        return self._spending[day, orders]

    @cached_property
    def _attribute_names(self) -> tuple[str, ...]:
        """Attributes that the lines can give, and that the configuration lets models read."""
        return self.intake.attributes.names(pd.DataFrame(columns=list(attribute_columns(self.intake.lines))))

    @cached_property
    def _purchase_arguments(self) -> dict[str, Any]:
        return with_found_columns("purchase", self.purchase_params, self._attribute_names)

    @cached_property
    def _spend_arguments(self) -> dict[str, Any]:
        return with_found_columns("spend", self.spend_params, self._attribute_names)

    def _known(self, day: int, also: tuple[str, ...]) -> nw.LazyFrame[Any]:
        """The summary of all customers as of a day with some attributes."""
        if not also:
            return self._summary(day)
        attributes = first_order(self.intake.lines, self._days_of(day), self.window(day))
        return self._summary(day).join(attributes.select("customer_id", *also), on="customer_id", how="left")

    def _with_levels(self, day: int, patterns: pd.DataFrame, also: tuple[str, ...]) -> pd.DataFrame:
        return self.attributes(day).apply(patterns) if also else patterns

    def outcomes(self, day: int, horizon: int, *, until: int) -> pd.DataFrame:
        """What the sampled customers of a day did after it, no later than `until`; in the order of `customers(day)`.

        Returns
        -------
        (n, 3) frame
            `wait` (days to the next purchase, inf where none was seen), and `spend` and `purchases` in
            (day, day + horizon].
        """
        after = self._sampled.after(day, horizon, until=until)
        return pd.DataFrame(outcome_of(self.customers(day)["customer_id"], after)).reset_index(drop=True)

    def snapshots(self, day: int, given: int) -> Snapshots | None:
        """What learners may be trained on at `day`; None where no window has closed.

        Parameters
        ----------
        day : int
        given : int
            Horizon of the scores, days.
        """
        key = day, given, self.with_season
        if key not in self._snapshots:
            self._snapshots[key] = self._snapshots_at(day, given)
        return self._snapshots[key]

    def _snapshots_at(self, day: int, given: int) -> Snapshots | None:
        """Rows of all origins that are known on a day."""
        labels = self.labels(day, given)
        self.foresee(labels)
        parts = [part for label in labels if len((part := self._part(label))["X"])]
        if not parts:
            return None
        joined: dict[str, Any] = {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "X"
        }
        snapshots = Snapshots(
            X=pd.concat([part["X"] for part in parts], ignore_index=True),
            **joined,
            horizon=labels[0].horizon,
            given=given,
            present=self.customers(day),
            closed_form=self.closed_form(day),
        )
        return replace(snapshots, attributes=self._relevant(day, snapshots))

    def _relevant(self, day: int, snapshots: Snapshots) -> Relevant:
        """The attributes that say something of what happened next."""
        return relevant_attributes(
            snapshots.X,
            buys=snapshots.buys,
            spend=snapshots.spend,
            bucket=snapshots.bucket,
            repeats=snapshots.repeats,
            names=[name for name in self.attributes(day).names if name in snapshots.X],
        )

    def window(self, day: int) -> Window:
        """The window at an earlier cutoff."""
        return self.intake.window.at(date_of(day))

    def _part(self, label: Label) -> dict[str, Any]:
        """Rows of one origin."""
        customers = self.customers(label.day)
        happened = self.outcomes(label.day, label.horizon, until=label.until)
        rows = len(customers)
        return {
            "X": self.closed_form(label.day).with_columns(customers, label.horizon),
            "origin": np.full(rows, label.day),
            "wait": happened["wait"].to_numpy(dtype=float),
            "follow_up": np.full(rows, float(label.until - label.day)),
            "spend": happened["spend"].to_numpy(dtype=float),
            "purchases": happened["purchases"].to_numpy(dtype=float),
            "bucket": customers["bucket"].to_numpy(),
        }

    def _fit(self, day: int, *, seasonal: bool) -> ClosedForm:
        try:
            models = self._purchase_models(day, seasonal=seasonal, family=self.family)
        except ConvergenceError:
            # a family that won has a maximum at the cutoffs that chose it, and perhaps not on the few data before
            if self.family == USUAL or day == self.cutoff_day:
                raise
            models = self._purchase_models(day, seasonal=seasonal, family=USUAL)
        return ClosedForm(likelier(models), *self._spend_models(day))

    def stand_on(self, family: str) -> None:
        """Let `auto` be another family of purchase models; what was fitted on the last one is forgotten."""
        self.family = family
        self._closed_forms.clear()
        self._snapshots.clear()

    def purchase_of(self, day: int, family: str) -> InOperationalTime:
        """The likelier purchase model of a family as of a day, on the clock that the closed form has then."""
        seasonal = self.with_season and self.season(day).source != "off"
        return likelier(self._purchase_models(day, seasonal=seasonal, family=family))

    def _purchase_models(self, day: int, *, seasonal: bool, family: str) -> list[InOperationalTime]:
        """Purchase models fitted as of a day; those with a season start from those without, of the same day."""
        key = day, seasonal, family
        if key not in self._purchase_fits:
            models = self._unfitted(self.season(day).clock if seasonal else OperationalTime(), family)
            if seasonal:
                plain = self._purchase_models(day, seasonal=False, family=family)
                models = [model.like(similar) for model, similar in zip(models, plain, strict=True)]
            self._purchase_fits[key] = [self._fitted_purchase(model, day) for model in models]
        return self._purchase_fits[key]

    def _fitted_purchase(self, model: InOperationalTime, day: int) -> InOperationalTime:
        """A purchase model as of a day; on a past day whose attributes tell nobody apart, the same model without."""
        patterns = self.patterns(day)
        try:
            return model.fit(patterns, patterns["count"])
        except DataContractError:
            if day == self.cutoff_day or not isinstance(model.model, KindsOfCustomers):
                raise
            return InOperationalTime(model.model.model, model.clock).fit(patterns, patterns["count"])

    def _unfitted(self, clock: OperationalTime, family: str) -> list[InOperationalTime]:
        if self.purchase == "auto":
            return purchase_models(clock, family)
        model = cast("PurchaseModel", registry.make("purchase", self.purchase, **self._purchase_arguments))
        return [InOperationalTime(model, clock)]

    def _spend_models(self, day: int) -> tuple[SpendModel, SpendModel]:
        """Spend models of the repeat orders and of all, as of a day; a season does not touch them."""
        if day not in self._spend_fits:
            self._spend_fits[day] = self._fit_spend(day)
        return self._spend_fits[day]

    def _fit_spend(self, day: int) -> tuple[SpendModel, SpendModel]:
        if self.spend != "auto":
            named = self._spend_model(
                day, cast("SpendModel", registry.make("spend", self.spend, **self._spend_arguments))
            )
            return named, named
        return self._spend_model(day, GammaGamma(orders="repeat")), self._spend_model(day, GammaGamma(orders="all"))

    def _spend_model(self, day: int, model: SpendModel) -> SpendModel:
        """A spend model as of a day; on a past day whose attributes tell nobody apart, the same model without."""
        patterns = self.spend_patterns(day, model.orders)
        try:
            return model.fit(patterns, patterns["count"])
        except DataContractError:
            if day == self.cutoff_day or not isinstance(model, SpendWithCovariates):
                raise
            return model.model.fit(patterns, patterns["count"])

    def _summary(self, day: int) -> nw.LazyFrame[Any]:
        if self.samples_everyone:
            return self._sampled.summary(day)
        if day not in self._summaries:
            table = customer_summary(self._days_of(day), self.window(day), decimals=self.decimals)
            self._summaries[day] = self.intake.engine.keep(table)
        return self._summaries[day]

    def _find_season(self, day: int) -> Season:
        covered = day - self.first_day + 1
        if covered < YEAR:
            return too_short(covered)
        engine, days, window = self.intake.engine, self._days_of(day), self.window(day)
        counts = DailyCounts.from_frame(engine.collect(daily_counts(days, window)), day)
        early = EarlyBuyers.from_frame(engine.collect(early_buyer_counts(days, window)))
        plain = self.closed_form(day, with_season=False).purchase
        return find_season(counts, early, plain.model)

    def sampled_days(self, day: int) -> nw.LazyFrame[Any]:
        """Purchase days of the sampled customers as of a day."""
        return self._sampled.days(day)

    def _days_of(self, day: int) -> nw.LazyFrame[Any]:
        """Purchase days of all customers as of a day."""
        if self.samples_everyone:
            return self.sampled_days(day)
        if day not in self._days:
            window = self.window(day)
            table = days_as_of(self.intake.lines, window, has_returns=self._has_returns)
            self._days[day] = self.intake.days if day == self.cutoff_day else self.intake.engine.keep(table)
        return self._days[day]

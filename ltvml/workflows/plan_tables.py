"""Everything that a plan of contacts reads, gathered: scores, chances, items, stages, companions, contacts, wishes."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from ltvml.backtesting.item_role import item_column
from ltvml.contracts import Column, Table
from ltvml.errors import ConfigError, DataContractError
from ltvml.features.gaps import observed_gap_quantile
from ltvml.features.items.days import item_days
from ltvml.features.items.gaps import item_statistics
from ltvml.features.plan.breadth import breadth
from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.features.plan.habits import habits, most_bought, order_hours
from ltvml.features.plan.ladder import climbs
from ltvml.features.plan.prices import product_prices
from ltvml.inputs.contacts import read_attributes, read_contacts, read_wishes
from ltvml.inputs.products import contents_of
from ltvml.nearest import no_such_column
from ltvml.outputs.planned_contacts import made_and_planned, read_planned
from ltvml.outputs.stage_rules import kept_stage_rules
from ltvml.outreach.actions import windows
from ltvml.outreach.customers import cadence
from ltvml.outreach.customers.ladder import Ladder, ladder
from ltvml.outreach.customers.rules import rule_faults
from ltvml.outreach.customers.stages import StageRules, stages
from ltvml.outreach.customers.tags import TAGS, tags
from ltvml.outreach.offers import bundles as offers
from ltvml.outreach.offers import companions
from ltvml.outreach.tables import OutreachTables
from ltvml.run_directory import MANIFEST
from ltvml.workflows.score import rows_to_score

if TYPE_CHECKING:
    from pathlib import Path

    import narwhals as nw

    from ltvml.bundle.bundle import Bundle
    from ltvml.config import Config
    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.orders import Intake

USUAL, LONG = 0.5, 0.9
TAGGED = "tagged"
NO_ITEMS = "The orders name no items: there are no companions, and follow-up asks about the order as a whole."


@dataclass
class Gatherer:
    """Reads and counts the tables of one plan.

    Parameters
    ----------
    config : Config
    bundle : Bundle
    intake : Intake
    scores : Path
        Folder that `score` wrote at this cutoff.
    folder : Path
        Where plans are kept.
    """

    config: Config
    bundle: Bundle
    intake: Intake
    scores: Path
    folder: Path
    missing: list[str] = field(default_factory=list)
    offers: dict[str, pd.DataFrame] = field(default_factory=dict)
    stage_rules: StageRules = field(default_factory=StageRules)
    learned_on: str | None = None

    def gather(self) -> OutreachTables:
        """All tables.

        Raises
        ------
        ConfigError
            If there are no scores of this bundle at this cutoff.
        DataContractError
            If a small table lacks a column.
        """
        items = self._item_days()
        owned = self._owned(items)
        offered = self._companions(items, owned)
        customers = self._customers(items, offered)
        pairs = self._pairs(owned)
        refuse_rules(self.config.outreach, customers)
        contacts = self._contacts(customers)
        tagged = self._tags(customers, items, contacts)
        return OutreachTables(
            # actions may ask for a tag
            customers=customers.assign(**{str(name): tagged[name] for name in tagged if name not in customers}),
            tags=tagged,
            pairs=pairs,
            tasks=self._tasks(customers, pairs),
            ladder=self._ladder(),
            companions=offered,
            offers=self.offers | self._stock_up(),
            contacts=contacts,
            wishes=read_wishes(self.config.outreach),
            stage_rules=self.stage_rules,
            learned_on=self.learned_on,
            missing=tuple(dict.fromkeys(self.missing)),
        )

    def _customers(self, items: nw.LazyFrame[Any] | None, offered: pd.DataFrame) -> pd.DataFrame:
        scores = self._scores()
        joined = scores.merge(self._chances(), on="customer_id", how="left", validate="one_to_one")
        if items is not None:
            counted = self.intake.engine.collect(breadth(items, self.intake.window))
            joined = joined.merge(counted, on="customer_id", how="left")
            joined = joined.merge(indicated(offered), on="customer_id", how="left")
        attributes = read_attributes(self.config.customers)
        if attributes is not None:
            joined = joined.merge(attributes, on="customer_id", how="left", suffixes=("", "_given"))
        joined = joined.sort_values("customer_id", kind="stable").reset_index(drop=True)
        self.stage_rules = self._stage_rules(joined)
        return joined.assign(stage=stages(joined, self.stage_rules))

    def _scores(self) -> pd.DataFrame:
        """The customer table of this cutoff and bundle."""
        path = self.scores / "customers.parquet"
        if not (path.exists() and (self.scores / MANIFEST).exists()):
            raise ConfigError(
                f"there are no scores in {self.scores}; expected those of {self.intake.window.cutoff}.",
                hint="run `ltvml score` with the same configuration first, with parquet among output.formats.",
            )
        table = pd.read_parquet(path)
        found = set(table["model_version"].unique().tolist())
        if found != {self.bundle.version}:
            raise ConfigError(
                f"the scores in {self.scores} are of bundle {', '.join(sorted(map(str, found)))}, and the bundle is "
                f"{self.bundle.version}; expected the same.",
                hint="score again, or name the bundle of the scores with --model.",
            )
        self._refuse_stale()
        return table

    def _refuse_stale(self) -> None:
        """Refuse scores of another cutoff, or of other orders than those that are read now."""
        stated = json.loads((self.scores / MANIFEST).read_text(encoding="utf-8"))
        cutoff = stated["config"]["window"]["cutoff"]
        if cutoff != self.config.cutoff.isoformat():
            raise ConfigError(
                f"the scores in {self.scores} are of {cutoff}; expected those of {self.config.cutoff}.",
                hint="run `ltvml score` with the same configuration first.",
            )
        if stated["fingerprint"] != self.intake.fingerprint:
            raise DataContractError(
                f"the orders are not those of the scores in {self.scores}: they have changed since.",
                hint="score again, then plan.",
            )

    def _chances(self) -> pd.DataFrame:
        """`p_buy_<w>` and `value_gain_<w>` of each customer, for the windows of the actions."""
        wanted = windows(self.config.outreach.actions_table())
        names = [f"{what}_{days}" for days in wanted for what in ("p_buy", "value_gain")]
        schema = Table(
            "chances", (Column("customer_id", "string", "who"), *(Column(name, "float64", "") for name in names))
        )
        parts: list[pa.Table] = []
        rows = rows_to_score(self.intake, self.bundle, decimals=self.config.value.decimals)
        score = functools.partial(self.bundle.chances, windows=wanted)
        self.intake.engine.map_batches(rows, score, schema, parts.append)
        frame: pd.DataFrame = pa.concat_tables(parts).to_pandas()
        return frame

    def _item_days(self) -> nw.LazyFrame[Any] | None:
        """Days on which each customer bought each item; None in a shop without items."""
        found = self.intake.lines.collect_schema().names()
        role = self.bundle.replenishment
        column = role.item if role is not None else item_column(self.config, found)[0]
        if column is None or column not in found:
            self.missing.append(NO_ITEMS)
            return None
        contents = contents_of(self.config.products)
        days = item_days(
            self.intake.lines,
            column,
            contents=None if contents is None else self.intake.engine.table(contents),
            has_returns=self.intake.ledger.has_returns,
        )
        return self.intake.engine.keep(days)

    def _owned(self, items: nw.LazyFrame[Any] | None) -> pd.DataFrame:
        """Every customer x item: first and last day, days bought, and the mean gap between them."""
        if items is None:
            return pd.DataFrame(columns=["customer_id", "item", "last_day", "mean_gap_days"])
        table = item_statistics(items, self.intake.window)
        columns = ("customer_id", "item", "first_day", "last_day", "n_gaps")
        owned = self.intake.engine.collect(table.select(*columns))
        span = owned["last_day"] - owned["first_day"]
        return owned.assign(mean_gap_days=span / owned["n_gaps"].where(owned["n_gaps"] > 0))

    def _pairs(self, owned: pd.DataFrame) -> pd.DataFrame | None:
        path = self.scores / "replenishment.parquet"
        if self.bundle.replenishment is None or not path.exists():
            self.missing.append(
                f"Replenishment is withheld ({self.bundle.without_replenishment or 'no table beside the scores'}): "
                "there are no reorder reminders."
            )
            return None
        gaps = owned[["customer_id", "item", "mean_gap_days"]]
        return pd.read_parquet(path).merge(gaps, on=["customer_id", "item"], how="left")

    def _companions(self, items: nw.LazyFrame[Any] | None, owned: pd.DataFrame) -> pd.DataFrame:
        """The best companion of every customer, with the item it follows and how sure that is."""
        empty = pd.DataFrame(columns=["customer_id", "companion", "follows", "lift", "lift_lo", "indicated"])
        if items is None:
            return empty
        settings, engine, window = self.config.outreach.companions.rules(), self.intake.engine, self.intake.window
        first = engine.keep(first_purchases(items, window, min_buyers=settings.min_buyers, most=settings.most_items))
        tables = (pair_counts(first), item_counts(first), new_buyers(first, window), new_customers(items, window))
        together, bought, buyers, came = (engine.collect(table) for table in tables)
        try:
            learned = companions.learn(together, bought, buyers, came, settings)
        except DataContractError as error:
            self.missing.append(f"There are no companions: {error.message}")
            return empty
        self.offers |= {"bundles": offers.bundles(learned, coverage=settings.coverage), **self._upgrades(learned)}
        return companions.recommend(learned, owned, window.cutoff_day, settings)

    def _upgrades(self, learned: companions.Companions) -> dict[str, pd.DataFrame]:
        """Dearer products of a category; only where products are the items and have categories and quantities."""
        found, role = set(self.intake.lines.collect_schema().names()), self.bundle.replenishment
        by_product = role is not None and role.item == "product_id" and self.config.products.source is None
        if not by_product or not {"product_id", "category", "quantity"} <= found:
            return {}
        prices = product_prices(self.intake.lines, self.intake.window, decimals=self.config.value.decimals)
        return {"upgrades": offers.upgrades(learned, self.intake.engine.collect(prices))}

    def _stock_up(self) -> dict[str, pd.DataFrame]:
        """Items of which a larger pack delays the next order."""
        role = self.bundle.replenishment
        return {"stock_up": offers.stock_up(role.items()[["item", "elasticity"]])} if role is not None else {}

    def _stage_rules(self, customers: pd.DataFrame) -> StageRules:
        """The rules of the configuration, or those learned with this bundle: kept, so that only customers move."""
        given = self.config.outreach.stages.rules()
        if given is not None:
            return given
        kept, cutoff = kept_stage_rules(self.folder, self.bundle.version), self.config.cutoff.isoformat()
        if kept is not None and kept[1] <= cutoff:
            return kept[0]
        # rules that a later run learned have seen what is not known yet, and stay for the runs after it
        self.learned_on = cutoff if kept is None else None
        gaps = [observed_gap_quantile(self.intake.engine, self.intake.days, level) for level in (USUAL, LONG)]
        return StageRules.learned(customers["churn_risk"], usual_gap=gaps[0], long_gap=gaps[1])

    def _tasks(self, customers: pd.DataFrame, pairs: pd.DataFrame | None) -> pd.DataFrame:
        rules, attributes = self.config.outreach.cadence.rules(), read_attributes(self.config.customers)
        self.missing += cadence.missing_inputs(pairs, rules, attributes)
        return cadence.follow_ups(
            customers, pairs, cutoff_day=self.intake.window.cutoff_day, rules=rules, attributes=attributes
        )

    def _ladder(self) -> Ladder:
        given = self.config.outreach.ladder
        engine, window = self.intake.engine, self.intake.window
        counted = engine.collect(climbs(self.intake.days, window, within=given.within))
        return ladder(counted, within=given.within, rules=given.rules(), random_state=self.config.random_state)

    def _tags(
        self, customers: pd.DataFrame, items: nw.LazyFrame[Any] | None, contacts: pd.DataFrame | None
    ) -> pd.DataFrame:
        engine, window, lines = self.intake.engine, self.intake.window, self.intake.lines
        counted = habits(lines, self.intake.days, window, decimals=self.config.value.decimals)
        answered = contacts is not None and {"opened", "converted"} <= set(contacts)
        return tags(
            customers,
            cutoff_day=window.cutoff_day,
            rules=self.config.outreach.tags.rules_table(),
            habits=engine.collect(counted),
            favourites=engine.collect(most_bought(items, window)) if items is not None else None,
            hours=engine.collect(order_hours(lines, window)) if "second" in lines.collect_schema().names() else None,
            contacts=contacts if answered else None,
        )

    def _contacts(self, customers: pd.DataFrame) -> pd.DataFrame | None:
        """Contacts made, and those that earlier runs planned; a planned contact that was made counts once."""
        day = self.intake.window.cutoff_day
        made, notes = read_contacts(
            self.config.contacts,
            customers["customer_id"],
            cutoff_day=day,
            timezone=self.config.transactions.timezone,
            max_bad_share=self.config.transactions.max_bad_share,
        )
        self.missing += notes
        planned = read_planned(self.folder, before=self.intake.window.cutoff)
        return made_and_planned(made, planned, self.config.outreach)


def refuse_rules(given: OutreachSettings, customers: pd.DataFrame) -> None:
    """Refuse rules that name a column which is not there, of tags and of actions: all faults at once.

    Raises
    ------
    ConfigError
        With the nearest name of each.
    """
    found = rule_faults(customers, given.tags.rules, taken=TAGS)
    known = [*map(str, customers), *TAGS, *given.tags.rules]
    found += [
        f"action {action.name}: {no_such_column(action.column, known)}"
        for action in given.actions_table()
        if action.rule_name == TAGGED and action.column is not None and action.column not in known
    ]
    if found:
        raise ConfigError("\n".join(found), hint="the columns are those of the scores, `stage` and those of customers.")


def indicated(offered: pd.DataFrame) -> pd.DataFrame:
    """Companions that the data speak for: lift above 1 with its whole interval."""
    sure = offered["indicated"].astype(bool) if len(offered) else pd.Series(dtype=bool)
    return offered.loc[sure, ["customer_id", "companion"]] if len(offered) else offered[["customer_id", "companion"]]

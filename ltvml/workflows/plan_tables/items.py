"""What the orders show of items, and what can be offered next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ltvml.backtesting.item_role import item_column
from ltvml.errors import DataContractError
from ltvml.features.items.days import item_days
from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.features.plan.prices import item_prices, product_prices
from ltvml.inputs.tables.products import contents_of
from ltvml.nearest import did_you_mean
from ltvml.outreach.offers import bundles as offers
from ltvml.outreach.offers import companions
from ltvml.outreach.offers.allowed import forbidden, without_denied
from ltvml.outreach.offers.succession import learn_succession, out_of_turn, replaced_by, with_given
from ltvml.outreach.offers.succession import words_of as successions_in_words
from ltvml.words.sentence import Sentence
from ltvml.workflows.plan_tables.attributes import with_attributes
from ltvml.workflows.plan_tables.owned import Owned, kept_of, usual_gaps

if TYPE_CHECKING:
    import narwhals as nw

    from ltvml.bundle.bundle import Bundle
    from ltvml.bundle.replenishment import Replenishment
    from ltvml.config import Config
    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.orders import Intake
    from ltvml.outreach.settings import CompanionSettings

    Missing = tuple[str, ...]

FOR_EVER = 1_000_000
OFFERED = ("customer_id", "companion", "follows", "lift", "lift_lo", "indicated")


@dataclass(frozen=True)
class Items:
    """What the orders show of items.

    Parameters
    ----------
    days : lazy frame, optional
        Days on which each customer bought each item; None in a shop without items.
    owned : Owned
        What is kept of all that customers own.
    companions : frame
        The best companion of every customer, with the item it follows and how sure that is.
    offers : dict of str to frame
        Bundles and upgrades, as far as the data allow them.
    """

    days: nw.LazyFrame[Any] | None = None
    owned: Owned = field(default_factory=Owned)
    companions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(OFFERED)))
    offers: dict[str, pd.DataFrame] = field(default_factory=dict)


def items_of(
    config: Config,
    bundle: Bundle,
    intake: Intake,
    known: pd.DataFrame,
    attributes: pd.DataFrame | None,
    pairs: pd.DataFrame | None,
) -> tuple[Items, Missing]:
    """Items that the orders name, and what can be offered next.

    Parameters
    ----------
    config : Config
    bundle : Bundle
    intake : Intake
    known : (n, ...) frame
        contracts.CUSTOMER_SCORES, by customer; with the attributes they are what rules of items read.
    attributes : frame, optional
        What the shop tells of its customers.
    pairs : frame, optional
        `customer_id`, `item` whose mean gaps are wanted.
    """
    days = item_days_of(config, bundle, intake)
    if days is None:
        return Items(), (Sentence.of("note.no_items"),)
    keep = partial(kept_of, days, intake, known, pairs, config.outreach.cadence)
    try:
        learned, replaced = learned_companions(days, intake, config.outreach.companions)
    except DataContractError as error:
        return Items(days, keep(offer=None)), (Sentence.of("note.no_companions", why=error.message),)
    rules, cutoff_day = config.outreach.items, intake.window.cutoff_day
    replaced = with_given(replaced, rules.succeeds)
    usual = usual_gaps(days, intake) if rules.succeeds else None
    offering = Offering(learned, replaced, usual, config.outreach, cutoff_day)

    def offer(places: slice, owned: pd.DataFrame) -> pd.DataFrame:
        return offering.to(with_attributes(known.iloc[places], attributes), owned)

    owned = keep(offer=offer)
    bundled = {"bundles": priced_bundles(config, intake, bundle, learned, replaced)}
    bundled |= upgrades_of(config, bundle.replenishment, intake, learned)
    made = {name: without_denied(one, rules) for name, one in bundled.items()} | {"successions": replaced}
    offered = owned.offered if owned.offered is not None else Items().companions
    return Items(days, replace(owned, offered=None), offered, made), successions_in_words(
        replaced, dated=dated_items(config.outreach)
    )


@dataclass(frozen=True, eq=False)
class Offering:
    """What decides which item is offered to a customer next.

    Parameters
    ----------
    learned : Companions
    replaced : frame
        Which items replace which, as `succession.with_given` gives it.
    usual : series, optional
        Mean gap of each item; wanted where the shop itself says what replaces what.
    settings : OutreachSettings
    cutoff_day : int
    """

    learned: companions.Companions
    replaced: pd.DataFrame
    usual: pd.Series | None
    settings: OutreachSettings
    cutoff_day: int

    def to(self, known: pd.DataFrame, owned: pd.DataFrame) -> pd.DataFrame:
        """The best companion of some customers, from all that they own; `known` is what the rules of items read."""
        day, rules, dated = self.cutoff_day, self.settings.items, self.settings.cadence.dated
        names = [str(name) for name in self.learned.items]
        barred = forbidden(known, names, owned, rules, dated=dated, cutoff_day=day)
        waits = out_of_turn(
            self.replaced, owned, cutoff_day=day, dated=dated_items(self.settings), usual_gap=self.usual
        )
        barred = pd.concat([part for part in (barred, waits) if len(part)] or [barred], ignore_index=True)
        # what may not be offered stands as if it were owned since for ever: it is no evidence, and never recommended
        evidence = owned[~owned["item"].isin(rules.deny)]
        ever = barred.assign(last_day=day - FOR_EVER).astype({"customer_id": "str", "item": "str"})
        held = pd.concat([evidence, ever], ignore_index=True) if len(ever) else evidence
        offered = companions.recommend(self.learned, held, day, self.settings.companions)
        named = offered.assign(replaces=replaced_by(offered, self.replaced, owned))
        # codes of one list of items for all customers, whose texts would be most of the table
        return named.astype({"rank": "int8", **dict.fromkeys(("companion", "follows", "replaces"), self.items)})

    @cached_property
    def items(self) -> pd.CategoricalDtype:
        """Every item that may be offered, followed or replaced."""
        texts = {*map(str, self.learned.items), *self.replaced["older"].astype(str)}
        return pd.CategoricalDtype(pd.Index(sorted(texts), dtype="str"))


def dated_items(settings: OutreachSettings) -> set[str]:
    """Items whose turn a date decides."""
    return {item for one in settings.cadence.dated.values() for item in one.items.values()}


def priced_bundles(
    config: Config, intake: Intake, bundle: Bundle, learned: companions.Companions, replaced: pd.DataFrame
) -> pd.DataFrame:
    """Bundles with what their items usually cost; an item that replaces the other is in none."""
    column, decimals = item_of(config, bundle, intake), config.value.decimals
    prices = intake.engine.collect(item_prices(intake.lines, intake.window, item=str(column), decimals=decimals))
    made = offers.bundles(learned, coverage=config.outreach.companions.coverage)
    links = {frozenset(pair) for pair in replaced[["older", "newer"]].itertuples(index=False, name=None)}
    pairs = made[["star", "complement"]].itertuples(index=False, name=None)
    goes = np.array([frozenset(pair) not in links for pair in pairs], dtype=bool)
    return offers.with_prices(made[goes].reset_index(drop=True), prices)


def item_of(config: Config, bundle: Bundle, intake: Intake) -> str | None:
    """The column of the lines that names items; None where there is none."""
    found = intake.lines.collect_schema().names()
    role = bundle.replenishment
    column = role.item if role is not None else item_column(config, found)[0]
    return column if column in found else None


def item_days_of(config: Config, bundle: Bundle, intake: Intake) -> nw.LazyFrame[Any] | None:
    """Days on which each customer bought each item; None in a shop without items."""
    column = item_of(config, bundle, intake)
    if column is None:
        return None
    contents = contents_of(config.products)
    inside = None if contents is None else intake.engine.table(contents)
    days = item_days(intake.lines, column, contents=inside, has_returns=intake.ledger.has_returns)
    return intake.engine.keep(days)


def learned_companions(
    days: nw.LazyFrame[Any], intake: Intake, settings: CompanionSettings
) -> tuple[companions.Companions, pd.DataFrame]:
    """What is bought after what, and what replaces what.

    Raises
    ------
    DataContractError
        If the orders are too few to learn from.
    """
    engine, window = intake.engine, intake.window
    first = engine.keep(first_purchases(days, window, min_buyers=settings.min_buyers, most=settings.most_items))
    tables = (pair_counts(first), item_counts(first), new_buyers(first, window), new_customers(days, window))
    together, bought, buyers, came = (engine.collect(table) for table in tables)
    learned = companions.learn(together, bought, buyers, came, settings)
    return learned, learn_succession(together, bought, learned, coverage=settings.coverage)


def upgrades_of(
    config: Config, role: Replenishment | None, intake: Intake, learned: companions.Companions
) -> dict[str, pd.DataFrame]:
    """Dearer products of a category; only where products are the items and have categories and quantities."""
    found = set(intake.lines.collect_schema().names())
    by_product = role is not None and role.item == "product_id" and contents_of(config.products) is None
    if not by_product or not {"product_id", "category", "quantity"} <= found:
        return {}
    prices = product_prices(intake.lines, intake.window, decimals=config.value.decimals)
    return {"upgrades": offers.upgrades(learned, intake.engine.collect(prices))}


def stock_up(role: Replenishment | None) -> dict[str, pd.DataFrame]:
    """Items of which a larger pack delays the next order."""
    return {"stock_up": offers.stock_up(role.items()[["item", "elasticity"]])} if role is not None else {}


def words_on_stock_up(larger: dict[str, pd.DataFrame]) -> Missing:
    """What a larger pack is good for, in words; nothing where no item may be stocked up."""
    return tuple(
        Sentence.of(
            "note.stock_up",
            file=f"{name}.csv",
            items=len(items),
            pack=f"{items['pack'].iloc[0]:g}",
            least=f"{items['lasts'].min():.1f}",
            most=f"{items['lasts'].max():.1f}",
        )
        for name, items in larger.items()
        if len(items)
    )


def never_bought(settings: OutreachSettings, items: Items, chain: pd.DataFrame) -> Missing:
    """Items that rules name and no order has, in words: such a rule has no effect."""
    if items.days is None:
        return ()
    rules, cadence_rules = settings.items, settings.cadence
    named = {
        "outreach.items": {*rules.deny, *rules.allow, *rules.only_if, *rules.succeeds, *rules.succeeds.values()},
        "outreach.cadence.slow_items": set(cadence_rules.slow_items),
        "outreach.cadence.dated": {item for one in cadence_rules.dated.values() for item in one.items.values()},
    }
    known = {*items.owned.items, *map(str, chain["item"].unique())}
    return tuple(
        Sentence.of(
            "note.never_bought",
            setting=key,
            items=tuple(f"{name}{did_you_mean(name, known)}" for name in sorted(unknown)),
        )
        for key, names in named.items()
        if (unknown := names - known)
    )

"""Everything that a plan of contacts reads, gathered: scores, chances, items, stages, companions, contacts, wishes.

A function that can find something missing returns it beside its table, in words: (table, missing).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from ltvml.backtesting.item_role import item_column
from ltvml.contracts import purchase_probabilities
from ltvml.errors import ConfigError, DataContractError
from ltvml.features.gaps import observed_gap_quantile
from ltvml.features.items.days import item_days
from ltvml.features.items.gaps import item_statistics
from ltvml.features.plan.answers import answered_orders, days_after_contacts
from ltvml.features.plan.breadth import breadth
from ltvml.features.plan.companions import first_purchases, item_counts, new_buyers, new_customers, pair_counts
from ltvml.features.plan.habits import habits, most_bought, order_hours
from ltvml.features.plan.ladder import climbs
from ltvml.features.plan.prices import item_prices, product_prices
from ltvml.inputs.item_names import item_names
from ltvml.inputs.tables.channel_words import ChannelWords
from ltvml.inputs.tables.contacts import read_attributes, read_contacts
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.products import contents_of
from ltvml.inputs.tables.sent_states import unknown_words
from ltvml.inputs.tables.truth import truth
from ltvml.inputs.tables.wishes import read_wishes
from ltvml.nearest import did_you_mean, no_such_column
from ltvml.outputs.planned_contacts import made_and_planned, read_planned, sent_of
from ltvml.outputs.stage_rules import kept_stage_rules
from ltvml.outreach.actions import windows
from ltvml.outreach.customers import cadence
from ltvml.outreach.customers.channels import relative_responses
from ltvml.outreach.customers.ladder import Ladder, ladder
from ltvml.outreach.customers.rules import rule_faults
from ltvml.outreach.customers.stages import learned_rules, stages
from ltvml.outreach.customers.tags import LOYAL_BY, TAGS, tags
from ltvml.outreach.eligibility import REORDERS
from ltvml.outreach.offers import bundles as offers
from ltvml.outreach.offers import companions
from ltvml.outreach.offers.allowed import forbidden, may_be_reminded, without_denied
from ltvml.outreach.offers.succession import learn_succession, out_of_turn, replaced_by, with_given
from ltvml.outreach.offers.succession import words_of as successions_in_words
from ltvml.outreach.priority import gain_of_contact
from ltvml.outreach.restraint.contact_history import made
from ltvml.outreach.restraint.reach import ALSO, PREFERRED
from ltvml.outreach.service.schedule import REMINDER, SERVICE
from ltvml.outreach.tables import OutreachTables
from ltvml.window import days_of
from ltvml.words.sentence import Sentence
from ltvml.workflows.score import rows_to_score

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ltvml.bundle.bundle import Bundle
    from ltvml.bundle.replenishment import Replenishment
    from ltvml.config import Config
    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.orders import Intake
    from ltvml.inputs.tables.contacts import ContactsRead
    from ltvml.outputs.scores import Scores
    from ltvml.outreach.settings import CadenceRules, CompanionSettings, StageRules

    Missing = tuple[str, ...]

USUAL, LONG = 0.5, 0.9
FOR_EVER = 1_000_000
TAGGED, TRANSITION = "tagged", "transition_reminder"
GIVEN = "_given"
"""End of the name of a column of customers that the scores have too."""
OWNED = ("customer_id", "item", "first_day", "last_day", "n_gaps")
OFFERED = ("customer_id", "companion", "follows", "lift", "lift_lo", "indicated")


def gather(config: Config, bundle: Bundle, intake: Intake, scores: Scores, *, folder: Path) -> OutreachTables:
    """The tables of one plan.

    Parameters
    ----------
    config : Config
    bundle : Bundle
    intake : Intake
    scores : Scores
        Of this bundle, this cutoff and these orders.
    folder : Path
        Where plans are kept.

    Raises
    ------
    ConfigError
        If the scores are of another bundle or cutoff, or a rule names a column that is not there.
    DataContractError
        If the scores are of other orders, or a small table lacks a column.
    """
    settings = config.outreach
    seen = intake.engine.collect(intake.days.select("customer_id").unique())["customer_id"]
    scores.check(
        version=bundle.version,
        window=bundle.window.at(config.cutoff),
        fingerprint=intake.fingerprint,
        customer_ids=seen,
    )
    ids = CustomerIds.of(scores.customers["customer_id"], config.transactions, intake.persons.aliases)
    attributes, unknown_channels = with_known_channels(attributes_of(config, ids), settings)
    items, without_items = items_of(config, bundle, intake, with_attributes(scores.customers, attributes))
    chances, without_chances = chances_of(scores, bundle, intake, windows(settings.actions_table()))
    chances = credited(chances, scores.customers, margin=bundle.money.margin, share=settings.credited_share)
    contacts, log, not_sent = contacts_of(config, intake, ids, folder)
    wishes, odd_wishes = read_wishes(
        settings, ids, cutoff_day=intake.window.cutoff_day, attributes=attributes, unsubscribed=log.refused
    )
    customers = customers_of(scores.customers, chances, items, attributes, intake)
    rules, learned_on = stage_rules_of(config, bundle, intake, customers["churn_risk"], folder)
    customers = customers.assign(stage=stages(customers, rules))
    lead_days = bundle.replenishment.stock.lead_days if bundle.replenishment else config.replenishment.lead_days
    pairs, without_pairs = pairs_of(scores, items.owned, bundle)
    pairs, not_reminded = reminded_pairs(pairs, customers, settings, intake)
    refuse_rules(settings, customers)
    customers = with_responses(customers, contacts, settings, cutoff_day=intake.window.cutoff_day)
    tasks, without_tasks = tasks_of(settings, intake, customers, items, pairs, attributes, lead_days)
    tagged = tags_of(config, intake, customers, items.days, log.contacts, pairs, tasks)
    renamed = columns_of_scores(attributes, scores.customers)
    said = (*odd_wishes, *log.notes, *not_sent, *renamed, *unknown_channels, *not_reminded)
    larger = {name: without_denied(one, settings.items) for name, one in stock_up(bundle.replenishment).items()}
    missing = (*without_items, *without_chances, *without_pairs, *said, *without_tasks, *words_on_stock_up(larger))
    return OutreachTables(
        # actions may ask for a tag
        customers=customers.assign(**{str(name): tagged[name] for name in tagged if name not in customers}),
        tags=tagged,
        pairs=pairs,
        tasks=tasks,
        ladder=ladder_of(config, intake),
        companions=items.companions,
        offers=items.offers | larger,
        contacts=contacts,
        wishes=wishes,
        applied={**wishes.applied, **({"contacts": log.applied} if log.applied is not None else {})},
        stage_rules=rules,
        learned_on=learned_on,
        missing=tuple(dict.fromkeys(missing)),
        lead_days=lead_days,
        names=item_names(config.products, intake, item_of(config, bundle, intake)),
    )


@dataclass(frozen=True)
class Items:
    """What the orders show of items.

    Parameters
    ----------
    days : lazy frame, optional
        Days on which each customer bought each item; None in a shop without items.
    owned : frame
        Every customer x item: first and last day, and the mean gap between the days bought.
    companions : frame
        The best companion of every customer, with the item it follows and how sure that is.
    offers : dict of str to frame
        Bundles and upgrades, as far as the data allow them.
    """

    days: nw.LazyFrame[Any] | None = None
    owned: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*OWNED, "mean_gap_days"]))
    companions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(OFFERED)))
    offers: dict[str, pd.DataFrame] = field(default_factory=dict)


def items_of(config: Config, bundle: Bundle, intake: Intake, known: pd.DataFrame) -> tuple[Items, Missing]:
    """Items that the orders name, and what can be offered next; `known` is what the rules of items read."""
    days = item_days_of(config, bundle, intake)
    if days is None:
        return Items(), (Sentence.of("note.no_items"),)
    owned, settings = owned_items(days, intake), config.outreach.companions
    try:
        learned, replaced = learned_companions(days, intake, settings)
    except DataContractError as error:
        return Items(days, owned), (Sentence.of("note.no_companions", why=error.message),)
    day, rules = intake.window.cutoff_day, config.outreach.items
    names = [str(name) for name in learned.items]
    barred = forbidden(known, names, owned, rules, dated=config.outreach.cadence.dated, cutoff_day=day)
    # what may not be offered stands as if it were owned since for ever: it is no evidence, and never recommended
    evidence = owned[~owned["item"].isin(rules.deny)]
    replaced = with_given(replaced, rules.succeeds)
    dated = {item for one in config.outreach.cadence.dated.values() for item in one.items.values()}
    barred = pd.concat([barred, out_of_turn(replaced, owned, cutoff_day=day, dated=dated)], ignore_index=True)
    held = pd.concat([evidence, barred.assign(last_day=day - FOR_EVER)], ignore_index=True)
    offered = companions.recommend(learned, held, day, settings)
    offered = offered.assign(replaces=replaced_by(offered, replaced, owned))
    bundled = {"bundles": priced_bundles(config, intake, bundle, learned, replaced)}
    bundled |= upgrades_of(config, bundle.replenishment, intake, learned)
    made = {name: without_denied(one, rules) for name, one in bundled.items()} | {"successions": replaced}
    return Items(days, owned, offered, made), successions_in_words(replaced, dated=dated)


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


def owned_items(days: nw.LazyFrame[Any], intake: Intake) -> pd.DataFrame:
    """Every customer x item: first and last day, and the mean gap between the days bought."""
    owned = intake.engine.collect(item_statistics(days, intake.window).select(*OWNED))
    span = owned["last_day"] - owned["first_day"]
    return owned.assign(mean_gap_days=span / owned["n_gaps"].where(owned["n_gaps"] > 0))


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


def chances_of(scores: Scores, bundle: Bundle, intake: Intake, wanted: Sequence[int]) -> tuple[pd.DataFrame, Missing]:
    """`p_buy_<w>` and `value_gain_<w>` of each customer, for the windows of the actions: of the scores, or computed."""
    names, kept = purchase_probabilities(wanted).names, scores.probabilities
    if kept is not None and set(names) <= set(kept):
        return kept[list(names)], ()
    lacking = [days for days in wanted if kept is None or f"p_buy_{days}" not in kept]
    note = Sentence.of("note.chances", days=tuple(map(str, lacking)), command="ltvml score")
    return computed_chances(bundle, intake, wanted), (note,)


def computed_chances(bundle: Bundle, intake: Intake, wanted: Sequence[int]) -> pd.DataFrame:
    """The same columns, of customers that are scored again."""
    schema = purchase_probabilities(wanted)
    parts: list[pa.Table] = []
    rows = rows_to_score(intake, bundle, decimals=bundle.money.decimals)
    intake.engine.map_batches(rows, functools.partial(bundle.chances, windows=wanted), schema, parts.append)
    frame: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    return frame


def credited(chances: pd.DataFrame, scores: pd.DataFrame, *, margin: float, share: float) -> pd.DataFrame:
    """The probabilities with `value_gain_<w>` as a contact is credited with it: one order, and a share of the rest.

    The margin of the order alone is `order_margin`.

    Parameters
    ----------
    chances : (n, ...) frame
        customer_id and, for each window, `value_gain_<w>`: the lifetime difference between buyers and others.
    scores : (n, ...) frame
        contracts.CUSTOMER_SCORES; where the value of an order is withheld, the mean of those made stands for it.
    margin : float
        Share of net revenue that is earned.
    share : float
        Of what the lifetime difference adds to one order.
    """
    known = scores.set_index("customer_id").loc[chances["customer_id"]]
    past = known["historic_value"] / known["n_orders"]
    order = margin * known["expected_order_value"].fillna(past).clip(lower=0.0).to_numpy(dtype=float)
    gains = {
        name: gain_of_contact(order, chances[name].to_numpy(dtype=float), share=share)
        for name in map(str, chances)
        if name.startswith("value_gain_")
    }
    return chances.assign(**gains, order_margin=order)


def with_attributes(scores: pd.DataFrame, attributes: pd.DataFrame | None) -> pd.DataFrame:
    """The scores with whatever else is known of the customers."""
    return (
        scores if attributes is None else scores.merge(attributes, on="customer_id", how="left", suffixes=("", GIVEN))
    )


def customers_of(
    scores: pd.DataFrame, chances: pd.DataFrame, items: Items, attributes: pd.DataFrame | None, intake: Intake
) -> pd.DataFrame:
    """One row a customer with all that is known of them but the stage, sorted by customer_id."""
    joined = scores.merge(chances, on="customer_id", how="left", validate="one_to_one")
    if items.days is not None:
        counted = intake.engine.collect(breadth(items.days, intake.window))
        joined = joined.merge(counted, on="customer_id", how="left")
        joined = joined.merge(indicated(items.companions), on="customer_id", how="left")
    joined = with_attributes(joined, attributes)
    return joined.sort_values("customer_id", kind="stable").reset_index(drop=True)


def attributes_of(config: Config, ids: CustomerIds) -> pd.DataFrame | None:
    """The table of customers, its columns `has_<channel>` as true and false.

    Raises
    ------
    DataContractError
        If a cell of these is neither: whether the channel reaches the customer would be a guess.
    """
    attributes = read_attributes(config.customers, ids)
    if attributes is None:
        return None
    names = {name for channel in config.outreach.channels for name in (f"has_{channel}", *ALSO.get(channel, ()))}
    reached = {name: truth(attributes[name]) for name in attributes if name in names and name.startswith("has_")}
    for name, known in reached.items():
        if (strange := attributes[name].notna() & known.isna()).any():
            raise unknown_words(attributes, name, strange, str(config.customers.source), expected="true or false")
    return attributes.assign(**reached)


def with_known_channels(
    attributes: pd.DataFrame | None, settings: OutreachSettings
) -> tuple[pd.DataFrame | None, Missing]:
    """The table of customers with preferred channels as the configuration names them; blank where it knows none."""
    if attributes is None or PREFERRED not in attributes:
        return attributes, ()
    words, given = ChannelWords(settings.channels), attributes[PREFERRED].fillna("").astype(str)
    meant = {text: words.meant(text) for text in given.unique()}
    known = given.map({text: names[0] if names else None for text, names in meant.items()})
    strange = given[given.map({text: names is None for text, names in meant.items()})]
    if strange.empty:
        return attributes.assign(preferred_channel=known), ()
    note = Sentence.of(
        "note.preferred", customers=len(strange), setting="outreach.channels", first=str(strange.iloc[0])
    )
    return attributes.assign(preferred_channel=known), (note,)


def columns_of_scores(attributes: pd.DataFrame | None, scores: pd.DataFrame) -> Missing:
    """Columns of the table of customers that the scores have too, in words."""
    taken = [name for name in attributes if name in scores and name != "customer_id"] if attributes is not None else []
    if not taken:
        return ()
    return (Sentence.of("note.renamed", columns=tuple(f"{name}{GIVEN}" for name in taken)),)


def with_responses(
    customers: pd.DataFrame, contacts: pd.DataFrame | None, settings: OutreachSettings, *, cutoff_day: int
) -> pd.DataFrame:
    """The customers with their relative response to each channel."""
    found = relative_responses(
        customers,
        tuple(settings.channels),
        cutoff_day=cutoff_day,
        contacts=contacts,
        prior=settings.tags.prior_contacts,
    )
    return pd.concat([customers, found], axis=1)


def indicated(offered: pd.DataFrame) -> pd.DataFrame:
    """Companions that the data speak for: lift above 1 with its whole interval."""
    sure = offered["indicated"].astype(bool) if len(offered) else pd.Series(dtype=bool)
    return offered.loc[sure, ["customer_id", "companion"]] if len(offered) else offered[["customer_id", "companion"]]


def stage_rules_of(
    config: Config, bundle: Bundle, intake: Intake, churn_risk: pd.Series, folder: Path
) -> tuple[StageRules, str | None]:
    """The rules of the configuration, or those learned with this bundle: kept, so that only customers move.

    Returns
    -------
    rules : StageRules
    learned_on : str or None
        Cutoff, where this run learned them for the next ones to keep.
    """
    given = config.outreach.stages.rules()
    if given is not None:
        return given, None
    kept, cutoff = kept_stage_rules(folder, bundle.version), config.cutoff.isoformat()
    if kept is not None and kept[1] <= cutoff:
        return kept[0], None
    gaps = [observed_gap_quantile(intake.engine, intake.days, level) for level in (USUAL, LONG)]
    learned = learned_rules(churn_risk, usual_gap=gaps[0], long_gap=gaps[1])
    # rules that a later run learned have seen what is not known yet, and stay for the runs after it
    return learned, cutoff if kept is None else None


def pairs_of(scores: Scores, owned: pd.DataFrame, bundle: Bundle) -> tuple[pd.DataFrame | None, Missing]:
    """The replenishment table with the mean gap of each customer and item; None where the role is withheld."""
    if bundle.replenishment is None or scores.replenishment is None:
        reason = bundle.without_replenishment or "no table beside the scores"
        return None, (Sentence.of("note.no_reminders", why=reason),)
    gaps = owned[["customer_id", "item", "mean_gap_days"]]
    return scores.replenishment.merge(gaps, on=["customer_id", "item"], how="left"), ()


def reminded_pairs(
    pairs: pd.DataFrame | None, customers: pd.DataFrame, settings: OutreachSettings, intake: Intake
) -> tuple[pd.DataFrame | None, Missing]:
    """The pairs of which a reminder may speak, by the rules of items and the dates of customers."""
    dated, rules = settings.cadence.dated, settings.items
    if pairs is None or not (dated or rules != type(rules)()):
        return pairs, ()
    may = may_be_reminded(pairs, customers, rules, dated=dated, cutoff_day=intake.window.cutoff_day)
    due = int((~may & pairs["stock_status"].isin(REORDERS).to_numpy()).sum())
    note = Sentence.of("note.not_reminded", items=due, rules="outreach.items", dated="outreach.cadence.dated")
    return pairs[may].reset_index(drop=True), (note,) if due else ()


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
    found += [
        f"action {action.name}: the column {action.column} holds '{values.iloc[0]}'; expected true and false."
        for action in given.actions_table()
        if action.rule_name == TAGGED and action.column is not None and action.column in customers
        if len(values := _no_truth(customers[action.column]))
    ]
    if found:
        raise ConfigError("\n".join(found), hint="the columns are those of the scores, `stage` and those of customers.")


def _no_truth(column: pd.Series) -> pd.Series:
    """Values of a column that are neither true nor false nor empty; a 1 is a number."""
    given = column.dropna()
    return given[~given.map(lambda value: isinstance(value, bool | np.bool_))]


def contacts_of(
    config: Config, intake: Intake, ids: CustomerIds, folder: Path
) -> tuple[pd.DataFrame | None, ContactsRead, Missing]:
    """Contacts made and planned by earlier runs, each once where a planned one was made; the log; what was not sent."""
    settings = config.outreach
    log = read_contacts(
        config.contacts,
        ids,
        cutoff_day=intake.window.cutoff_day,
        timezone=config.transactions.timezone,
        max_bad_share=config.transactions.max_bad_share,
        channels=settings.channels,
        actions=[*(action.name for action in settings.actions_table()), *SERVICE, REMINDER],
    )
    # a log that may be partial frees nobody: who was planned for counts as contacted
    until = intake.window.cutoff_day if config.contacts.complete else None
    planned, free = sent_of(read_planned(folder, before=intake.window.cutoff), log.contacts, until=until)
    not_sent = (Sentence.of("note.not_sent", rows=free),) if free else ()
    return made_and_planned(log.contacts, planned, settings), log, not_sent


def tags_of(
    config: Config,
    intake: Intake,
    customers: pd.DataFrame,
    days: nw.LazyFrame[Any] | None,
    contacts: pd.DataFrame | None,
    pairs: pd.DataFrame | None,
    tasks: pd.DataFrame,
) -> pd.DataFrame:
    """Short facts about each customer; `contacts` is the log of those made, without what was planned."""
    engine, window, lines, rules = intake.engine, intake.window, intake.lines, config.outreach.tags
    counted = habits(lines, intake.days, window, decimals=config.value.decimals)
    answered = contacts is not None and {"opened", "converted"} <= set(contacts)
    timed = engine.collect(order_hours(lines, window)) if "second" in lines.collect_schema().names() else None
    opens = tasks["action"].eq(TRANSITION) & (tasks["since_day"] <= window.cutoff_day + 1)
    return tags(
        customers,
        cutoff_day=window.cutoff_day,
        rules=rules,
        habits=engine.collect(counted),
        favourites=engine.collect(most_bought(days, window)) if days is not None else None,
        # a date without a time is midnight
        hours=None if timed is None or timed["hour"].eq(0).all() else timed,
        contacts=contacts if answered else None,
        answers=answers_of(contacts, customers, intake, within=rules.answer_days) if contacts is not None else None,
        pairs=pairs,
        changing=tasks.loc[opens, "customer_id"] if config.outreach.cadence.dated else None,
    )


def answers_of(contacts: pd.DataFrame, customers: pd.DataFrame, intake: Intake, *, within: int) -> pd.DataFrame:
    """Orders in the days after contacts, and how many were to be expected at each customer's own pace.

    Returns
    -------
    frame
        customer_id, orders_after, expected (repeat orders x share of the customer's days that lie after a contact):
        customers who were contacted since their first order.
    """
    day, known = intake.window.cutoff_day, customers.set_index("customer_id")
    first = pd.Series(days_of(known["first_order_date"].to_numpy()), index=known.index)
    log = made(contacts).rename(columns={"day": "contact_day"})[["customer_id", "contact_day"]].drop_duplicates()
    known_since = first.reindex(log["customer_id"]).to_numpy(dtype=float)
    log = log[log["contact_day"].between(known_since, day)].astype({"contact_day": "int64"})
    if log.empty:
        return pd.DataFrame({"customer_id": [], "orders_after": [], "expected": []})
    table = answered_orders(intake.days, intake.engine.table(log), intake.window, within=within)
    orders = intake.engine.collect(table).set_index("customer_id")["orders_after"]
    covered = days_after_contacts(log, until=day, within=within)
    repeats = known.loc[covered.index, "n_orders"] - 1
    expected = repeats * covered / (day - first[covered.index]).clip(lower=1)
    return pd.DataFrame(
        {
            "customer_id": covered.index,
            "orders_after": orders.reindex(covered.index).fillna(0).to_numpy(),
            "expected": expected.to_numpy(dtype=float),
        }
    )


def tasks_of(
    settings: OutreachSettings,
    intake: Intake,
    customers: pd.DataFrame,
    items: Items,
    pairs: pd.DataFrame | None,
    attributes: pd.DataFrame | None,
    lead_days: int,
) -> tuple[pd.DataFrame, Missing]:
    """Dated follow-ups whose windows open in the days that are planned."""
    rules, day = settings.cadence, intake.window.cutoff_day
    # a question names what was bought, and a denied item is never named
    bought = None if items.days is None else items.owned[~items.owned["item"].isin(settings.items.deny)]
    chain = products_of_chains(rules, intake)
    tasks = cadence.follow_ups(
        customers,
        bought,
        pairs,
        cutoff_day=day,
        rules=rules,
        attributes=attributes,
        chain=chain,
        lead_days=lead_days,
        ahead=settings.ahead,
    )
    notes = (
        *cadence.missing_inputs(bought, rules, attributes),
        *never_bought(settings, items, chain),
        *nightly(settings),
        *advocates(customers),
    )
    return tasks, notes


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
    known = {*map(str, items.owned["item"].unique()), *map(str, chain["item"].unique())}
    return tuple(
        Sentence.of(
            "note.never_bought",
            setting=key,
            items=tuple(f"{name}{did_you_mean(name, known)}" for name in sorted(unknown)),
        )
        for key, names in named.items()
        if (unknown := names - known)
    )


def advocates(customers: pd.DataFrame) -> Missing:
    """What makes an advocate where no column tells who brought whom along, in words."""
    if "referrals" in customers or not all(name in customers for name in LOYAL_BY):
        return ()
    return (Sentence.of("note.advocates", column="referrals"),)


def nightly(settings: OutreachSettings) -> Missing:
    """That a plan of several days knows nothing of the orders of those days, in words."""
    if settings.ahead == 1:
        return ()
    day = settings.cadence.delivery_day
    commands = {"score": "ltvml score", "outreach": "ltvml outreach"}
    return (Sentence.of("note.nightly", days=settings.ahead, day=day, **commands),)


def products_of_chains(rules: CadenceRules, intake: Intake) -> pd.DataFrame:
    """Who bought which of the products that dated attributes name: customer_id, item; items may be categories."""
    named = [item for attribute in rules.dated.values() for item in attribute.items.values()]
    if not named or "product_id" not in intake.lines.collect_schema().names():
        return pd.DataFrame(columns=["customer_id", "item"])
    bought = intake.lines.filter(nw.col("product_id").is_in(named), nw.col("amount") >= 0)
    return intake.engine.collect(bought.select("customer_id", nw.col("product_id").alias("item")).unique())


def ladder_of(config: Config, intake: Intake) -> Ladder:
    """How likely the next purchase is after the first, the second, the third."""
    rules = config.outreach.ladder
    counted = intake.engine.collect(climbs(intake.days, intake.window, within=rules.within))
    return ladder(counted, rules=rules, random_state=config.random_state)

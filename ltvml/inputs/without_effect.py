"""Settings and columns that are given and change nothing in this run: each is named once, with its reason.

A rule is a key, or a section of keys, and the reason why nothing reads it; a new kind of setting without effect is one
more rule. A key that has its default was not set, and is not named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltvml.config import Config
from ltvml.config.sections import AUTO, CLOSED_FORM
from ltvml.models import registry
from ltvml.words.spoken import Spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ltvml.inputs.orders import Intake

_SEARCHED = (AUTO, "lightgbm_binary")
_CLOSED = (CLOSED_FORM, *registry.names("purchase"))
_OF_ORDERS = ("past_spend", "purchase_times_spend")
_READ_NOWHERE = ("cost",)

FAST_ITEMS = "fast is true, and a first answer leaves replenishment out"


@dataclass(frozen=True)
class Facts:
    """What the rules ask.

    Parameters
    ----------
    config : Config
    columns : frozenset of str
        Our columns that the orders have.
    engine : str
        Where tables are computed.
    """

    config: Config
    columns: frozenset[str]
    engine: str

    @property
    def named(self) -> bool:
        """Whether churn and value have models by name, so that there is no backtest."""
        models = self.config.models
        return AUTO not in (models.churn.name, models.value.name)


@dataclass(frozen=True)
class Rule:
    """When a key has no effect, and why.

    Parameters
    ----------
    key : str
        Dotted; a section stands for all of its keys.
    reason : str
    holds : callable of Facts
    """

    key: str
    reason: str
    holds: Callable[[Facts], bool]


RULES = (
    Rule(
        "models.spend",
        "neither models.value nor models.churn names a model that reads it; it sets expected_order_value alone",
        lambda facts: facts.config.models.value.name == "past_spend" and facts.config.models.churn.name in _CLOSED,
    ),
    Rule(
        "search.trials",
        "models.churn names a model that is not searched for",
        lambda facts: facts.config.models.churn.name not in _SEARCHED,
    ),
    Rule(
        "backtest.longest_silence",
        "models.churn and models.value are named, so no backtest is run",
        lambda facts: facts.named,
    ),
    Rule(
        "attributes",
        "models.churn and models.value name models that read orders alone",
        lambda facts: facts.config.models.churn.name in _CLOSED and facts.config.models.value.name in _OF_ORDERS,
    ),
    Rule("search", "fast is true, and a first answer searches for nothing", lambda facts: facts.config.fast),
    Rule("backtest", "fast is true, so no backtest is run", lambda facts: facts.config.fast and not facts.named),
    *(
        Rule(f"engine.{key}", "it is DuckDB's; Spark's are set by its session", lambda facts: facts.engine == "spark")
        for key in ("threads", "memory_limit", "temp_directory")
    ),
    *(
        Rule(f"engine.{key}", "it is Spark's, and engine.name is duckdb", lambda facts: facts.engine == "duckdb")
        for key in ("master", "catalog", "conf")
    ),
    Rule("replenishment", FAST_ITEMS, lambda facts: facts.config.fast),
    Rule("models.replenishment", FAST_ITEMS, lambda facts: facts.config.fast),
    Rule("replenishment", "replenishment.item is off", lambda facts: facts.config.replenishment.item == "off"),
    Rule(
        "replenishment",
        "the orders have neither a product_id nor a category column",
        lambda facts: not {"product_id", "category"} & facts.columns,
    ),
    Rule("products", "the orders have no product_id column", lambda facts: "product_id" not in facts.columns),
)
"""In the order of the messages."""
_OWN_RULE = {"replenishment.item"}


def without_effect(config: Config, intake: Intake) -> tuple[str, ...]:
    """Settings and columns that change nothing in this run, and horizons beyond the history; a sentence each.

    Parameters
    ----------
    config : Config
    intake : Intake
    """
    columns = frozenset(intake.lines.collect_schema().names())
    facts = Facts(config, columns, intake.engine.name)
    return (
        *_settings(facts),
        *_columns(facts),
        *_table_of_customers(facts),
        *far_horizons(intake, intake.window.asked, Spoken.of("en")),
    )


def _settings(facts: Facts) -> Iterator[str]:
    """Keys that were set and are not read, those of one reason together."""
    changed = list(_changed(facts.config.model_dump(mode="json"), Config().model_dump(mode="json")))
    for rule in RULES:
        keys = [key for key in changed if f"{key}.".startswith(f"{rule.key}.") and key not in _OWN_RULE]
        if keys and rule.holds(facts):
            have = "has" if len(keys) == 1 else "have"
            yield f"{', '.join(keys)} {have} no effect: {rule.reason}."


def _changed(values: dict[str, Any], defaults: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted keys whose value is not the default; a model choice is one value."""
    for name, value in values.items():
        default = defaults.get(name)
        if isinstance(value, dict) and isinstance(default, dict) and prefix != "models.":
            yield from _changed(value, default, f"{prefix}{name}.")
        elif value != default:
            yield f"{prefix}{name}"


def _columns(facts: Facts) -> Iterator[str]:
    """Columns that the configuration maps and no model reads."""
    for name in _READ_NOWHERE:
        if name in facts.config.transactions.columns and name in facts.columns:
            yield (
                f"transactions.columns.{name} has no effect: values are net revenue times value.margin "
                f"({facts.config.value.margin:g}). Set value.margin to the share of revenue that is left after costs."
            )
    mapped = facts.config.transactions.columns
    for name, other in (("promised_date", "delivered_date"), ("delivered_date", "promised_date")):
        if name in mapped and "late" not in facts.columns:
            yield f"transactions.columns.{name} has no effect: there is neither a {other} nor a column late."
    if "experience_date" in mapped and not {"rating", "complaint"} & facts.columns:
        yield "transactions.columns.experience_date has no effect: there is neither a rating nor a complaint."
    if "item_name" in facts.config.transactions.columns and not _by_product(facts):
        yield (
            "transactions.columns.item_name has no effect: no product is an item. replenishment.item: product_id makes "
            "products the items."
        )


def _table_of_customers(facts: Facts) -> Iterator[str]:
    """A table of customers of which no model reads anything: which columns they may know is the shop's to say."""
    if facts.config.customers.source is not None and not facts.config.attributes.customers:
        yield (
            "No model reads the table of customers (customers.source): plans do. Columns that were known at the first "
            "order and stay as they were, such as a country or a source, can be named in attributes.customers."
        )


def _by_product(facts: Facts) -> bool:
    """Whether products are the items."""
    item = facts.config.replenishment.item
    return "product_id" in facts.columns and (
        item == "product_id" or (item == AUTO and "category" not in facts.columns)
    )


def far_horizons(intake: Intake, asked: Iterable[tuple[str, int]], words: Spoken) -> tuple[str, ...]:
    """A sentence for each horizon that is longer than the orders: nothing that long was seen, nor can be checked.

    Parameters
    ----------
    intake : Intake
    asked : iterable of (str, int)
        Key of the window, or what else asks for it, and days.
    words : Spoken
    """
    first = intake.ledger.first_day
    history = 0 if first is None else intake.window.cutoff_day - first
    return tuple(
        words(
            "note.far",
            name=name,
            days=words.one(words.days, days),
            times=words.one(words.times, days / history),
            history=words.one(words.days, history),
        )
        for name, days in asked
        if 0 < history < days
    )

"""What the shop itself tells of its customers, and the columns that rules name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.errors import ConfigError
from ltvml.inputs.tables.channel_words import ChannelWords
from ltvml.inputs.tables.contacts import read_attributes
from ltvml.inputs.tables.sent_states import unknown_words
from ltvml.inputs.tables.truth import truth
from ltvml.nearest import no_such_column
from ltvml.outreach.beside import beside
from ltvml.outreach.customers.rules import rule_faults
from ltvml.outreach.customers.tags import TAGS
from ltvml.outreach.restraint.reach import ALSO, PREFERRED
from ltvml.words.sentence import Sentence

if TYPE_CHECKING:
    from ltvml.config import Config
    from ltvml.config.outreach import OutreachSettings
    from ltvml.inputs.tables.customer_ids import CustomerIds

    Missing = tuple[str, ...]

TAGGED = "tagged"
GIVEN = "_given"
"""End of the name of a column of customers that the scores have too."""


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


def with_attributes(scores: pd.DataFrame, attributes: pd.DataFrame | None) -> pd.DataFrame:
    """The scores with whatever else is known of the customers."""
    if attributes is None:
        return scores
    found = beside(scores, attributes)
    return pd.concat(
        [scores, found.rename(columns={name: f"{name}{GIVEN}" for name in found if name in scores})], axis=1
    )


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

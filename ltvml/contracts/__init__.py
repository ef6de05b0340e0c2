"""The tables that cross a border: their columns, types and meanings, a room a side. No heavy imports."""

from ltvml.contracts.attributes import ATTRIBUTES, EXPERIENCE, FIRST_ORDER, OF_CUSTOMERS, SIGNALS, is_attribute
from ltvml.contracts.cohorts import ACQUISITION, COHORT_LEVELS, COHORT_PERIODS, COHORTS, FIRST_EXPERIENCE
from ltvml.contracts.customers import (
    CUSTOMER_SCORES,
    SUMMARY,
    WATCHED_DAYS,
    customer_table,
    horizon_columns,
    purchase_probabilities,
)
from ltvml.contracts.forecast import FORECAST
from ltvml.contracts.items import PAIRS, REPLENISHMENT
from ltvml.contracts.learners import (
    BEHAVIOUR,
    CLOSED_FORM,
    COUNT_HALF_LIVES,
    COUNT_WINDOWS,
    DERIVED,
    GROW_WITH_SILENCE,
    LEARNER_COLUMNS,
    SHRINK_WITH_SILENCE,
    SPEND_HALF_LIVES,
    SPEND_WINDOWS,
    YEAR_AGO_WINDOWS,
)
from ltvml.contracts.outreach import ABOUT_CUSTOMERS, BUNDLES, CLAIMS, OUTREACH, SUCCESSIONS, TASKS
from ltvml.contracts.sources import CONTACTS, LINES, ONE, PRODUCTS, TRANSACTIONS
from ltvml.contracts.table import Column, Dtype, Table
from ltvml.contracts.watch import WATCHED_DRIFT, WATCHED_LEVELS, WATCHED_SCORES

__all__ = [
    "ABOUT_CUSTOMERS",
    "ACQUISITION",
    "ATTRIBUTES",
    "BEHAVIOUR",
    "BUNDLES",
    "CLAIMS",
    "CLOSED_FORM",
    "COHORTS",
    "COHORT_LEVELS",
    "COHORT_PERIODS",
    "CONTACTS",
    "COUNT_HALF_LIVES",
    "COUNT_WINDOWS",
    "CUSTOMER_SCORES",
    "DERIVED",
    "EXPERIENCE",
    "FIRST_EXPERIENCE",
    "FIRST_ORDER",
    "FORECAST",
    "GROW_WITH_SILENCE",
    "LEARNER_COLUMNS",
    "LINES",
    "OF_CUSTOMERS",
    "ONE",
    "OUTREACH",
    "PAIRS",
    "PRODUCTS",
    "REPLENISHMENT",
    "SHRINK_WITH_SILENCE",
    "SIGNALS",
    "SPEND_HALF_LIVES",
    "SPEND_WINDOWS",
    "SUCCESSIONS",
    "SUMMARY",
    "TASKS",
    "TRANSACTIONS",
    "WATCHED_DAYS",
    "WATCHED_DRIFT",
    "WATCHED_LEVELS",
    "WATCHED_SCORES",
    "YEAR_AGO_WINDOWS",
    "Column",
    "Dtype",
    "Table",
    "customer_table",
    "horizon_columns",
    "is_attribute",
    "purchase_probabilities",
]

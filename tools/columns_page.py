"""Write docs/columns.md from the tables of ltvml/contracts.

python tools/columns_page.py
"""

from __future__ import annotations

from pathlib import Path

from ltvml.contracts import (
    ABOUT_CUSTOMERS,
    ACQUISITION,
    ATTRIBUTES,
    BEHAVIOUR,
    BUNDLES,
    CLAIMS,
    CLOSED_FORM,
    COHORT_LEVELS,
    COHORT_PERIODS,
    COHORTS,
    CONTACTS,
    CUSTOMER_SCORES,
    EXPERIENCE,
    FIRST_EXPERIENCE,
    FIRST_ORDER,
    FORECAST,
    LINES,
    OUTREACH,
    PAIRS,
    PRODUCTS,
    REPLENISHMENT,
    SUCCESSIONS,
    SUMMARY,
    TASKS,
    TRANSACTIONS,
    WATCHED_DAYS,
    WATCHED_DRIFT,
    WATCHED_LEVELS,
    WATCHED_SCORES,
    Table,
    horizon_columns,
    purchase_probabilities,
)
from ltvml.outreach.actions import DEFAULT_ACTIONS, windows

PAGE = Path(__file__).resolve().parents[1] / "docs" / "columns.md"
INTRODUCTIONS = {
    TRANSACTIONS: "What comes in: one row a line of an order; `transactions.columns` maps your names to these.",
    PRODUCTS: "What is inside the products, for bundles and pack sizes; `products.columns` maps your names to these.",
    CONTACTS: "What was sent so far, for caps and measurement; `contacts.columns` maps your names to these.",
    LINES: "What an engine reads from it: one row a row of the file, none left out. Inside ltvml only.",
    SUMMARY: "What the closed-form models see: one row a customer.",
    BEHAVIOUR: (
        "What learners read beside the summary. An order day is a purchase day, `age` the days from it to the cutoff, "
        "a gap the days between two that follow each other; null is not known."
    ),
    FIRST_ORDER: (
        "What learners read of the first order, where past windows show that it matters, and beside them a column "
        "`attribute_<name>` for each name of `attributes.customers`. Texts are levels: rare ones count as `(other)`, "
        "and one that the fit did not know is missing."
    ),
    EXPERIENCE: (
        "What learners read of how the orders went, as far as it was known by the cutoff, where past windows show that "
        "it matters. Lines of one day are one order; null is not known."
    ),
    ATTRIBUTES: "What goes out: `bundle/attributes.csv` of `ltvml fit`, one row an attribute and level.",
    CLOSED_FORM: "What the closed form says of the label window, for learners; `season_*` is 1 without season.",
    PAIRS: "What the replenishment models see: one row a customer x item.",
    REPLENISHMENT: "What goes out: `replenishment.parquet` (and `.csv` on request), one row a customer x item.",
    CUSTOMER_SCORES: "What goes out: `customers.parquet` (and `.csv` on request), one row a customer.",
    Table("further horizons", horizon_columns(30)): (
        "At the end of `customers.parquet`, five columns for each of `window.horizons`; these are those of 30 days. "
        "Where a horizon is longer than the orders, the report says so."
    ),
    purchase_probabilities(windows(DEFAULT_ACTIONS), [WATCHED_DAYS]): (
        "What goes out: `probabilities.parquet` (and `.csv` on request), one row a customer, for `ltvml outreach`: "
        "two columns for each `window_days` of `outreach.actions`, and the chance of the next seven days for `ltvml "
        "watch`. These are the columns of the built-in actions."
    ),
    FORECAST: (
        "What goes out: `forecast.parquet` (and `.csv` on request) of `ltvml forecast`, one row a group and period."
    ),
    WATCHED_SCORES: "What goes out: `scores.parquet` (and `.csv` on request) of `ltvml watch`, one row a cutoff.",
    WATCHED_LEVELS: "What goes out beside it: `levels.parquet`, one row a window; windows do not overlap.",
    WATCHED_DRIFT: "What goes out beside it: `drift.parquet`, one row a measure of the data.",
    COHORTS: "What goes out: `cohorts.parquet` (and `.csv` on request) of `ltvml cohorts`, one row a cohort.",
    ACQUISITION: (
        "What goes out beside it: `acquisition.parquet`, one row a way to come, with the ages of its customers mixed: "
        "compare levels that have been there equally long."
    ),
    FIRST_EXPERIENCE: (
        "What goes out beside it: `first_experience.parquet`, one row a signal that the orders have: customers after a "
        "bad first experience beside those after a good one. A comparison, and no proof of a cause."
    ),
    COHORT_PERIODS: "What goes out beside it: `cohort_periods.parquet`, one row a cohort and period since the first.",
    COHORT_LEVELS: (
        "What goes out beside it, where `cohorts.attributes` names any: `cohort_levels.parquet`, the same by level."
    ),
    TASKS: (
        "What goes out: `tasks.parquet`, service contacts, made and not; `tasks.csv` holds those to make, by day. They "
        "are planned before any offer, in both arms."
    ),
    OUTREACH: (
        "What goes out: `outreach.parquet`, one row a customer. `outreach.csv` holds the contacts to make, without "
        "`group` and `suppressed_by`: `action` and `channel` are in the words of the language, their names in "
        "`action_key` and `channel_key`. A text that a spreadsheet would take for a formula begins with an apostrophe."
    ),
    ABOUT_CUSTOMERS: (
        "What goes out beside each contact of `outreach.csv` and `tasks.csv`, after their own columns and before "
        "those of `outreach.columns`, in the words of the language."
    ),
    BUNDLES: "What goes out: `bundles.csv` beside the plan, pairs of items that go into one basket, each pair once.",
    SUCCESSIONS: (
        "What goes out: `successions.csv` beside the plan, items of which one replaces the other. They are offered as "
        "companions to nobody; those of `outreach.cadence.dated` by date, those of `outreach.items.succeeds` where the "
        "older one has stopped."
    ),
    CLAIMS: (
        "What goes out: `claims.csv` of `ltvml outreach measure`, what the plan claimed beside what the holdout shows, "
        "over all and by action. An order is a customer with an order in the window of the action."
    ),
}
HEAD = """# Columns

The tables that cross a border, as the rooms of `ltvml/contracts` declare them. This page is
written by `tools/columns_page.py`; a test fails where the two differ. Days are whole days; money is in the currency of
the orders, net of returns.
"""


def page() -> str:
    """Give the whole page as Markdown."""
    return "\n".join([HEAD, *(section(table, text) for table, text in INTRODUCTIONS.items())])


def section(table: Table, introduction: str) -> str:
    """Heading, introduction and one row a column."""
    rows = [
        f"| `{column.name}` | {column.dtype} | {column.meaning}{optional(column.required)} |"
        for column in table.columns
    ]
    heading = [f"## {table.name.capitalize()}", "", introduction, "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join([*heading, *rows, ""])


def optional(required: bool) -> str:
    """How a row of the page marks a column that may be missing."""
    return "" if required else " (optional)"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

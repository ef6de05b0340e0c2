"""Write docs/columns.md from the tables of ltvml/contracts.py.

python tools/columns_page.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ltvml.contracts import CUSTOMER_SCORES, LINES, SUMMARY, TRANSACTIONS

if TYPE_CHECKING:
    from ltvml.contracts import Table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "columns.md"
INTRODUCTIONS = {
    TRANSACTIONS: "What comes in: one row a line of an order; `transactions.columns` maps your names to these.",
    LINES: "What an engine reads from it: one row a row of the file, none left out. Inside ltvml only.",
    SUMMARY: "What the closed-form models see: one row a customer.",
    CUSTOMER_SCORES: "What goes out: `customers.parquet` (and `.csv` on request), one row a customer.",
}
HEAD = """# Columns

The tables that cross a border, as `ltvml/contracts.py` declares them. This page is written by `tools/columns_page.py`;
a test fails where the two differ. Days are whole days; money is in the currency of the orders, net of returns.
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

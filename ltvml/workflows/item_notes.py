"""What is odd about the items of some orders, counted and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltvml.features.item_days import items_in_two_categories, rows_with_odd_quantity, rows_without_item

if TYPE_CHECKING:
    from collections.abc import Iterator

    import narwhals as nw

    from ltvml.workflows.intake import Intake

IN_SEVERAL = {
    "category": "each row counts in its own",
    "product_id": "it leans on the products of the first by name",
}


def item_notes(intake: Intake, item: str, contents: nw.LazyFrame[Any] | None) -> Iterator[str]:
    """Give a sentence for each kind of row that takes part otherwise than its reader may think.

    Parameters
    ----------
    intake : Intake
    item : str
        Column of the lines that names the item.
    contents : lazy frame, optional
        What is inside the products, see `item_days`.
    """
    names, used = intake.lines.collect_schema().names(), f"{intake.ledger.used:,} rows"
    if without := _count(intake, rows_without_item(intake.lines, item, contents=contents)):
        yield f"{without:,} of {used} name no {item}: they take no part in replenishment."
    if "quantity" in names and (odd := _count(intake, rows_with_odd_quantity(intake.lines))):
        yield (
            f"{odd:,} of {used} have a quantity of 0, below 0, or of a billion and more: for replenishment it is not "
            "known."
        )
    if {"product_id", "category"} <= set(names):
        yield from _several_categories(intake, item)


def _several_categories(intake: Intake, item: str) -> Iterator[str]:
    found = intake.engine.collect(items_in_two_categories(intake.lines)).iloc[0]
    if found["products"]:
        yield (
            f"{found['products']:,} of the products are found in more than one category (first: {found['first']}); "
            f"{IN_SEVERAL[item]}."
        )


def _count(intake: Intake, table: nw.LazyFrame[Any]) -> int:
    return int(intake.engine.collect(table)["rows"].iloc[0])

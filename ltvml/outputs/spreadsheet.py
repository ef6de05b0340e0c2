"""CSV that is safe to open in a spreadsheet: no cell begins a formula.

A text that would, because it begins with one of = + - @ (blanks and apostrophes aside), a tab or a line break, has an
apostrophe put before it; so has a part of a text after a semicolon, tab or line break, where a spreadsheet that splits
cells there would begin a new one. Texts are quoted and numbers are not, so ids keep their leading zeros and all their
digits in the file; a spreadsheet that guesses types wants such a column imported as text.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from ltvml.arrays import Words

PART_ROWS = 100_000
_BLANK = r"[\s\x00-\x1f\ufeff\u200b']"
# the wide forms are formulas too in East Asian spreadsheets
_OPENS = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(f"{_BLANK}*{_OPENS}|'*[\\t\\r\\n]")
# as the two others, for the regular expressions of Arrow, and wider: what it finds is looked at again
_RISKY = f"(?:^|[;\\t\\r\\n])[\\s\\p{{Z}}\\x{{0}}-\\x{{1f}}\\x{{feff}}\\x{{200b}}\\x{{85}}']*{_OPENS}|^'*[\\t\\r\\n]"
_INNER = re.compile(f"([;\\t\\r\\n])(?={_BLANK}*{_OPENS})")


def write_csv(path: Path, rows: pd.DataFrame, *, byte_order_mark: bool = False) -> None:
    """Write rows in UTF-8, safe to open; null is an empty cell.

    Parameters
    ----------
    path : Path
    rows : frame
    byte_order_mark : bool
        Whether the file begins with the mark by which spreadsheets know UTF-8.
    """
    with path.open("w", encoding="utf-8-sig" if byte_order_mark else "utf-8", newline="") as file:
        for first in range(0, max(len(rows), 1), PART_ROWS):
            part = safe_rows(rows.iloc[first : first + PART_ROWS])
            part.to_csv(file, index=False, header=first == 0, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


def safe_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose texts begin no formula; null in a column of texts is empty."""
    texts = [str(name) for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]
    return rows.assign(**{name: _safe_cells(rows[name].astype(object).fillna("").astype(str)) for name in texts})


def _safe_cells(texts: pd.Series) -> Words:
    """Each text as `safe_cell` makes it; only those that could begin a formula are looked at one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = texts.to_numpy(dtype=object, copy=True)
    for place in np.flatnonzero(pc.match_substring_regex(pa.array(cells, pa.large_string()), pattern=_RISKY)):
        cells[place] = safe_cell(cells[place])
    return cells


def with_columns(rows: pd.DataFrame, more: pd.DataFrame | None) -> pd.DataFrame:
    """Rows of a list with further columns of their customers; a column that the list has already stays as it is.

    Where `more` names items (blank: none), its rows belong to a customer and an item.
    """
    if more is None:
        return rows
    keys = [name for name in ("customer_id", "item") if name in more]
    new = more[[*keys, *(name for name in more if name not in rows)]].astype(dict.fromkeys(keys, str))
    dates = [name for name in new if pd.api.types.is_datetime64_any_dtype(new[name])]
    shown = new.assign(**{str(name): new[name].dt.strftime("%Y-%m-%d") for name in dates})
    known = rows.assign(item=rows["item"].astype(object).fillna("")) if "item" in keys else rows
    return known.merge(shown, on=keys, how="left")


def safe_cell(text: str) -> str:
    """A text that begins no formula, whole or split at a semicolon, tab or line break.

    Examples
    --------
    >>> safe_cell("0042"), safe_cell("=1+1"), safe_cell("tea;=1+1")
    ('0042', "'=1+1", "tea;'=1+1")
    """
    return _INNER.sub(r"\1'", marked(text))


def safe_table(table: pa.Table) -> pa.Table:
    """A table whose texts begin no formula; columns without such a text are left as they are.

    Examples
    --------
    >>> import pyarrow as pa
    >>> safe_table(pa.table({"item": ["tea", "=1+1"], "amount": [1.0, -2.0]})).to_pydict()
    {'item': ['tea', "'=1+1"], 'amount': [1.0, -2.0]}
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, field in enumerate(table.schema):
        if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            continue
        column = table.column(place).combine_chunks()
        risky = pc.fill_null(pc.match_substring_regex(column, pattern=_RISKY), False)
        if pc.any(risky).as_py():
            safe = pa.array([safe_cell(text) for text in column.filter(risky).to_pylist()], field.type)
            table = table.set_column(place, field, pc.replace_with_mask(column, risky, safe))
    return table


def marked(text: str) -> str:
    """A text with an apostrophe before it where it would begin a formula; `unmarked` takes it away again."""
    return f"'{text}" if _FORMULA.match(text) else text


def unmarked(text: str) -> str:
    """The text that `marked` was given.

    Examples
    --------
    >>> [unmarked(marked(text)) for text in ("-5", "'-5", "'tis")]
    ['-5', "'-5", "'tis"]
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text

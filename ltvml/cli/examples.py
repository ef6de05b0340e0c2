"""The examples below a command's help."""

from __future__ import annotations

import inspect


def examples(*lines: str, notes: str = "") -> str:
    """Text for a Typer epilog: `lines` below a heading, then `notes`, all kept as they are broken here.

    Examples
    --------
    >>> print(examples("ltvml fit").replace(chr(8), "<keep>"))
    <keep>
    Examples:
      ltvml fit
    """
    blocks = ["\n".join(["Examples:", *(f"  {line}" for line in lines)])]
    if notes:
        blocks += inspect.cleandoc(notes).split("\n\n")
    # a backspace alone on a line tells the help formatter not to rewrap the paragraph
    return "\n\n".join(f"\b\n{block}" for block in blocks)

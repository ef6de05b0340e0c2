"""A name is given once at the top of a file: a second assignment changes in silence what the first one decided."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import ltvml

PACKAGE = Path(ltvml.__file__).parent


def names_given(path: Path) -> Counter[str]:
    """Names that statements at the top of a file define or assign."""
    found: Counter[str] = Counter()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in ast.walk(target)]
            found.update(part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return found


def test_no_file_gives_a_name_twice() -> None:
    twice = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in PACKAGE.rglob("*.py")
        for name, times in names_given(path).items()
        if times > 1
    }
    assert twice == set()

"""Write docs/configuration.md: every key with its default and meaning.

python tools/configuration_page.py
"""

from __future__ import annotations

import json
from pathlib import Path

from ltvml.config import Config
from ltvml.config.faults import Key, keys_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"
HEAD = """# Configuration

Every key of `ltvml.yaml`, in the order of the file. A key that is left out has its default. `ltvml config schema`
prints the same, with --json as a schema; `--set section.key=value` changes one for a run, and
`configs/every_option.yaml` is a file with all of them.
"""


def page() -> str:
    """Give the whole page as Markdown."""
    return "\n".join([HEAD, *map(entry, keys_of(Config))]) + "\n"


def entry(key: Key) -> str:
    """A heading for a section, an item for a key."""
    if key.is_section:
        return f"\n{'#' * (2 + key.path.count('.'))} {key.path}\n\n{escaped(key.meaning)}\n"
    return f"- `{key.path}`, default `{json.dumps(key.default, ensure_ascii=False)}`: {escaped(key.meaning)}"


def escaped(text: str) -> str:
    """Text in which Markdown finds no markup of its own but code."""
    return text.replace("<", "&lt;").replace("*", r"\*").replace("[", r"\[")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

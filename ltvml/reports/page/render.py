"""Sections as one HTML page. Everything from the data is escaped; only pictures that were drawn here are markup.

The page allows one script, its own, by its hash: tables can be sorted and searched, and stand as they are without it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.reports.page.section import Section


@dataclass(frozen=True)
class Headline:
    """A figure at the top of the page.

    Parameters
    ----------
    name, value : str
    more : str
        Its interval, or the window that it is about.
    """

    name: str
    value: str
    more: str = ""


def page(
    sections: Sequence[Section],
    headlines: Sequence[Headline],
    *,
    title: str,
    about: str,
    words: Mapping[str, str],
    language: str,
) -> str:
    """The whole page.

    Parameters
    ----------
    sections, headlines : sequences
    title, about : str
        Heading, and the line below it: shop, window, model version.
    words : mapping of str to str
        `contents`, the name of the list of sections for screen readers; `find` and `sort`, what the script offers.
    language : str
        Code for the browser.
    """
    script = files("ltvml.reports.page").joinpath("page.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("ltvml.reports.page", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        sections=sections,
        headlines=headlines,
        title=title,
        about=about,
        words=words,
        language=language,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )

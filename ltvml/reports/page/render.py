"""Sections as one HTML page. Everything from the data is escaped; only pictures that were drawn here are markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    contents: str,
    language: str,
) -> str:
    """The whole page.

    Parameters
    ----------
    sections, headlines : sequences
    title, about : str
        Heading, and the line below it: shop, window, model version.
    contents : str
        Name of the list of sections, for screen readers.
    language : str
        Code for the browser.
    """
    environment = Environment(
        loader=PackageLoader("ltvml.reports.page", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        sections=sections, headlines=headlines, title=title, about=about, contents=contents, language=language
    )

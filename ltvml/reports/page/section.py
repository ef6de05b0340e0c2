"""A section of the page, and its pictures as SVG."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl

from ltvml.plots.figures import figure_of
from ltvml.plots.letters import legible

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

_PROLOG = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>", re.DOTALL)
# axes_1 and patch_2 stand in every picture, and nothing refers to them
_NAMED_GROUP = re.compile(r'<g id="[^"]*"')


@dataclass(frozen=True)
class Picture:
    """A picture and what it shows in words, for those who cannot see it.

    Parameters
    ----------
    markup : str
        SVG, or an image element.
    alt : str
    """

    markup: str
    alt: str


@dataclass(frozen=True)
class Rows:
    """A table: texts that are still to be escaped.

    Parameters
    ----------
    title : str
    header : tuple of str
    rows : tuple of tuple of str
    behind : bool
        Whether it is the data of a picture, and folded until it is opened.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    behind: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Parameters
    ----------
    name : str
        Its anchor.
    title : str
    says : tuple of str
        Sentences, what was found first.
    pictures : tuple of Picture
    tables : tuple of Rows
    reading : str
        How to read it.
    lacks : str
        What is missing, where the section cannot show all; empty where nothing is.
    """

    name: str
    title: str
    says: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Rows, ...] = ()
    reading: str = ""
    lacks: str = ""


def drawn(axes: Axes, name: str, alt: str) -> Picture:
    """A picture as SVG: the same bytes for the same picture, its letters as text.

    Parameters
    ----------
    name : str
        Makes the ids of its parts its own: several pictures stand in one page.
    """
    content = io.StringIO()
    # letters stay text: they can be searched, and the reader's fonts have those that this machine lacks
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        legible(figure_of(axes)).savefig(content, format="svg", metadata={"Date": None})
    return Picture(_NAMED_GROUP.sub("<g", _PROLOG.sub("", content.getvalue())).strip(), alt)


def embedded(path: Path, alt: str) -> Picture:
    """A PNG file as an image that the page carries in itself."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(f'<img src="data:image/png;base64,{data}" alt="">', alt)

"""Letters that the usual font of plots lacks, such as Chinese: drawn with a font that has them, or named as missing."""

from __future__ import annotations

import contextlib
import warnings
from functools import cache
from typing import TYPE_CHECKING

from matplotlib import rcParams
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text

from ltvml.errors import DataWarning
from ltvml.words.phrases import phrases
from ltvml.words.spoken import Spoken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

PREFERRED = (
    *(
        "Noto Sans CJK SC",
        "Noto Sans SC",
        "Noto Sans CJK JP",
        "Source Han Sans SC",
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
    ),
    *("Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB", "Droid Sans Fallback", "Arial Unicode MS"),
)
"""Fonts that read well beside the usual one, best first; any other that has the letters comes after them."""
NOT_FOR_TEXT = ("Last Resort", "cm", "STIXSize", "STIXNonUnicode")
"""Beginnings of the names of fonts that draw boxes or parts of formulas."""
REPLACEMENT = "?"


def legible(figure: Figure) -> Figure:
    """The figure with letters that its font lacks drawn with one that has them; `?` where no installed font does.

    Warns
    -----
    DataWarning
        If no installed font has the letters: which they are, and what to install.
    """
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    lacking = missing_letters("".join(text.get_text() for text in texts))
    if not lacking:
        return figure
    font = font_with(lacking)
    if font is None:
        _leave_out(figure, texts, lacking)
        return figure
    family = [*rcParams["font.family"], font]
    for text in texts:
        text.set_fontfamily(family)
    return figure


@cache
def written_in(language: str) -> Spoken:
    """The words of pictures in a language; in English, said once, where no installed font has its letters.

    Warns
    -----
    DataWarning
        If there is no such font.
    """
    of_pictures = (text for key, text in phrases(language).items() if key.startswith("plot."))
    lacking = missing_letters("".join(of_pictures))
    if lacking and font_with(lacking) is None:
        warnings.warn(
            DataWarning(
                f"the words in plots stay English: no installed font has the letters of '{language}', such as "
                f"{''.join(sorted(lacking)[:5])}. Install one that does, for example Noto Sans CJK, and run again."
            ),
            stacklevel=3,
        )
        return Spoken.of("en")
    return Spoken.of(language)


def status_in(words: Spoken, status: str) -> str:
    """A stock status: its own name in English, as the tables hold it, and the phrase of other languages."""
    return status.replace("_", " ") if words == Spoken.of("en") else words.name("stock", status)


def missing_letters(text: str) -> frozenset[str]:
    """Letters that the usual font has not."""
    return frozenset(letter for letter in text if letter.isprintable() and ord(letter) not in _usual())


@cache
def _usual() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


@cache
def font_with(letters: frozenset[str]) -> str | None:
    """Name of an installed font that has all of the letters; None where there is none."""
    wanted = {ord(letter) for letter in letters}
    for look_again in (False, True):
        # matplotlib keeps a list of fonts for ever: those that were installed since are looked for where it has none
        for name, path in newly_installed() if look_again else installed():
            if wanted <= set(get_font(path).get_charmap()):
                return name
    return None


def installed() -> Iterable[tuple[str, str]]:
    """Names and files of the installed fonts for text, those of `PREFERRED` first."""
    ranks = {name: rank for rank, name in enumerate(PREFERRED)}
    known = {(font.name, font.fname) for font in fontManager.ttflist if not font.name.startswith(NOT_FOR_TEXT)}
    return sorted(known, key=lambda font: (ranks.get(font[0], len(ranks)), font))


@cache
def newly_installed() -> Iterable[tuple[str, str]]:
    """Names and files of the fonts of this machine that matplotlib's list lacked, now added to it."""
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        # a file that is no font of a kind that matplotlib reads
        with contextlib.suppress(RuntimeError, OSError):
            fontManager.addfont(path)
    return [(name, path) for name, path in installed() if path not in known]


def _leave_out(figure: Figure, texts: list[Text], lacking: frozenset[str]) -> None:
    shown = "".join(sorted(lacking)[:5])
    warnings.warn(
        DataWarning(
            f"plots show {REPLACEMENT} for {len(lacking)} letters such as {shown}: no installed font has them. Install "
            "one that does, for example Noto Sans CJK, and run again."
        ),
        stacklevel=4,
    )
    replaced = str.maketrans(dict.fromkeys(lacking, REPLACEMENT))
    # ticks take their text from the axis again when they are drawn
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        labels = [label.get_text() for label in axis.get_ticklabels()]
        if lacking & set("".join(labels)):
            axis.set_ticks(axis.get_majorticklocs(), labels=[label.translate(replaced) for label in labels])
    for text in texts:
        text.set_text(text.get_text().translate(replaced))

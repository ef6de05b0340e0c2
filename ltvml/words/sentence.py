"""Sentences that can be read in every language: an English text that remembers its phrase and what fills it in.

What finds something out says so once, without knowing who will read it; the report asks for the language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ltvml.words.phrases import named, phrases

if TYPE_CHECKING:
    from collections.abc import Mapping

ENGLISH = "en"


@dataclass(frozen=True)
class Share:
    """A share that a sentence names as a percentage, with so many digits."""

    share: float
    digits: int = 0


@dataclass(frozen=True)
class Name:
    """The name of an action, a stage or another thing that has a name in every language; see `phrases.named`."""

    kind: str
    name: str


class Sentence(str):
    """A phrase of `phrases/en` filled in: as a text it is English, `say` gives it in any language.

    Examples
    --------
    >>> note = Sentence.of("note.not_sent", rows=1200)
    >>> print(note)
    1,200 planned contacts are not in the contacts log and are free again.
    >>> print(say(note, "zh"))
    联系记录中没有1,200个计划中的联系，这些客户可以重新安排。
    """

    key: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, key: str, **values: Any) -> Self:
        """The phrase of a key.

        Parameters
        ----------
        key : str
        values
            What is in its braces: a text, a number, a `Share`, a `Name`, a sentence, or a tuple of them.
        """
        made = cls(filled_in(key, values, ENGLISH))
        made.key, made.values = key, values
        return made


def say(text: str, language: str) -> str:
    """A sentence in a language; a text that is none is given as it is."""
    return filled_in(text.key, text.values, language) if isinstance(text, Sentence) else text


def filled_in(key: str, values: Mapping[str, Any], language: str) -> str:
    """The phrase of a key in a language, with its values."""
    return phrases(language)[key].format(**{name: in_words(value, language) for name, value in values.items()})


def in_words(value: Any, language: str) -> str:
    """One value of a sentence."""
    if isinstance(value, tuple):
        return phrases(language)["series"].join(in_words(part, language) for part in value)
    if isinstance(value, Share):
        return phrases(language)["percent"].format(n=f"{100 * value.share:,.{value.digits}f}")
    if isinstance(value, Name):
        return named(value.kind, value.name, language)
    if isinstance(value, int):
        return f"{value:,}"
    return say(str(value) if not isinstance(value, str) else value, language)

"""Number agreement of English messages: "1 rows have" is said as "1 row has", whoever counted."""

from __future__ import annotations

import re

_NOUNS = (
    "attributes|cells|channels|cohorts|columns|contacts|contracts|currencies|customers|cutoffs|days|families|files|gaps|groups|ids|"
    "items|lines|messages|months|nights|orders|outcomes|pairs|persons|products|purchases|quarters|returns|rows|runs|sheets|"
    "shops|tables|tasks|tests|times|values|weeks|windows|years"
)
_NUMBER = r"(?<![\w.,:/=+-])(?<!\d )(?<!\d of )(?<!of the )(?<!of its )"
# words that may stand between the number and what is counted
_BETWEEN = r"((?:past|backtest|label|repeat|order|held-out|new|other|older|different|more|full) )*"
_VERBS = {
    "are": "is",
    "were": "was",
    "have": "has",
    "do": "does",
    "hold": "holds",
    "lack": "lacks",
    "name": "names",
    "need": "needs",
    "repeat": "repeats",
    "stand": "stands",
    "count": "counts",
}
_VERB = "|".join(_VERBS)
_ONE = re.compile(rf"{_NUMBER}1 (?P<between>{_BETWEEN})(?P<noun>{_NOUNS})\b(?P<verb> (?:who |that )?(?:{_VERB})\b)?")
_ONE_OF = re.compile(
    rf"(?P<subject>{_NUMBER}1 of (?:the )?[\d,]+ {_BETWEEN}(?:{_NOUNS}))(?P<link> (?:who |that )?)(?P<verb>{_VERB})\b"
    r"(?P<kind> no purchases)?"
)


def agreed(text: str) -> str:
    """Put what is counted once in the singular, with its verb.

    Examples
    --------
    >>> agreed("1 rows have no date, 21 rows have no amount"), agreed("1 of 5 rows are returns")
    ('1 row has no date, 21 rows have no amount', '1 of 5 rows is returns')
    >>> agreed("over 1 backtest cutoffs"), agreed("11 customers, 0.1 orders, 2,001 rows")
    ('over 1 backtest cutoff', '11 customers, 0.1 orders, 2,001 rows')
    """
    return _ONE.sub(_in_the_singular, _ONE_OF.sub(_with_its_verb, text))


def _with_its_verb(found: re.Match[str]) -> str:
    return f"{found['subject']}{found['link']}{_VERBS[found['verb']]}{(found['kind'] or '').removesuffix('s')}"


def _in_the_singular(found: re.Match[str]) -> str:
    verb = found["verb"] or ""
    last = verb.rpartition(" ")[2]
    return f"1 {found['between']}{_singular(found['noun'])}{verb.removesuffix(last)}{_VERBS.get(last, '')}"


def _singular(noun: str) -> str:
    return f"{noun[:-3]}y" if noun.endswith("ies") else noun[:-1]

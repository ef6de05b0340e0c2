"""Which form the dates of a column have, found from all its distinct texts."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ltvml.engines.values.date_formats import FIRST_YEAR, ISO_LOCAL, ISO_ZONED, LAST_YEAR, CountedDate, names_a_day
from ltvml.engines.values.month_names import MONTH, month_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ISO_DAY = "%Y-%m-%d"
_DAYS = (
    *(ISO_DAY, "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d%m%Y"),
    *("%m%d%Y", "%d. %m. %Y", "%d %m %Y"),
)
_NAMED_DAYS = (
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d. %b %Y", "%d.%b.%Y", "%b %d, %Y", "%b %d %Y", "%b-%d-%Y"),
    *("%d %b, %Y", "%d de %b de %Y", "%d %b %y", "%Y-%b-%d", "%Y %b %d", "%d%b%Y", "%d. %b. %Y"),
)
_MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%m-%Y", "%Y%m", "%b %Y", "%b-%Y", "%b-%y", "%b %y", "%Y年%m月", "%Y %b")
_WEEKDAYS = ("%a, ", "%a ")
_TAIL = re.compile(
    r"^(?P<day>.*?)(?P<between>T|,? +|, ?)"
    r"(?P<time>\d{1,2}(?P<colon>[:.h])\d{2}(?P<second>[:.]\d{2}(?P<part>[.]\d+)?)?)"
    r"(?P<half> ?[ap][. ]{0,2}m[.]?)?(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?$",
    re.IGNORECASE,
)
_PACKED = re.compile(r"^(?P<day>\d{8})(?P<between>T|)(?P<time>\d{6})(?P<zone>Z)?$")
_COUNTS: tuple[tuple[str, CountedDate], ...] = (
    (r"[1-6]\d{4}([.]\d+)?", "excel_days"),
    (r"\d{9,10}([.]\d+)?", "epoch_seconds"),
    (r"\d{12,13}([.]\d+)?", "epoch_milliseconds"),
    (r"\d{15,16}([.]\d+)?", "epoch_microseconds"),
)
_MOST = 0.5


@dataclass(frozen=True)
class DateForm:
    """The form of the dates of a column.

    Parameters
    ----------
    form : str or None
        For `transactions.date_format`; None for ISO dates, which need none.
    share : float
        Share of the distinct texts that are of the form.
    other : str, optional
        Another form that reads the same texts as other days, with day and month the other way round: no text tells.
    zoned : bool
        Whether texts carry a zone or an offset.
    example : str
        A text of the form.
    """

    form: str | None
    share: float
    other: str | None = None
    zoned: bool = False
    example: str = ""

    @property
    def ambiguous(self) -> bool:
        """Whether no text tells which number is the day."""
        return self.other is not None

    @property
    def by_month(self) -> bool:
        """Whether the month is all that is known."""
        return self.form is not None and not names_a_day(self.form)


@dataclass(frozen=True)
class _Split:
    """A text as its day and the form of what stands behind it."""

    day: str
    tail: str
    text: str


def find_date_form(texts: Iterable[str]) -> DateForm | None:
    """The form of most of the texts.

    Parameters
    ----------
    texts : iterable of str
        All distinct texts of a column, or of its rows that could not be read.

    Returns
    -------
    DateForm or None
        None where no known form reads at least half of them.

    Examples
    --------
    >>> find_date_form(["13/09/2011 08:05", "01/02/2011 17:30"]).form
    '%d/%m/%Y %H:%M'
    >>> find_date_form(["01/02/2011"]).other
    '%m/%d/%Y'
    >>> find_date_form(["Jan 5, 2024 9:30:12 PM"]).form
    '%b %d, %Y %I:%M:%S %p'
    >>> find_date_form(["2024-01-05 21:30:00 -0500"])
    DateForm(form=None, share=1.0, other=None, zoned=True, example='2024-01-05 21:30:00 -0500')
    """
    given = sorted({text for text in map(str.strip, texts) if text})
    if not given:
        return None
    counted = _counted(given)
    if counted is not None:
        return counted
    splits = [_split(text) for text in given]
    tails = Counter(split.tail for split in splits)
    best: DateForm | None = None
    for tail, _ in tails.most_common(3):
        found = _best_day([split for split in splits if split.tail == tail], tail, len(given))
        if found is not None and (best is None or found.share > best.share):
            best = found
    if best is not None and best.form is None:
        # ISO dates need no form, whatever time and zone stand behind each
        iso = [split for split in splits if _of_iso(split)]
        best = DateForm(None, len(iso) / len(given), zoned=any(_zoned(s.tail) for s in iso), example=iso[0].text)
    return best if best is not None and best.share >= _MOST else None


def _counted(texts: Sequence[str]) -> DateForm | None:
    for pattern, form in _COUNTS:
        fitting = [text for text in texts if re.fullmatch(pattern, text)]
        if len(fitting) >= _MOST * len(texts):
            return DateForm(form, len(fitting) / len(texts), example=fitting[0])
    return None


def _split(text: str) -> _Split:
    found = _PACKED.match(text)
    if found is not None:
        return _Split(found["day"], f"{found['between']}%H%M%S{'%z' if found['zone'] else ''}", text)
    found = _TAIL.match(text)
    if found is None or not found["day"]:
        return _Split(text, "", text)
    hour = "%I" if found["half"] else "%H"
    colon, half = found["colon"], found["half"]
    second = f"{(found['second'] or ' ')[0]}%S" if found["second"] else ""
    if found["part"]:
        second += ".%f"
    zone = f"{' ' if (found['zone'] or '').startswith(' ') else ''}%z" if found["zone"] else ""
    half_form = f"{' ' if (half or '').startswith(' ') else ''}%p" if half else ""
    return _Split(found["day"], f"{found['between']}{hour}{colon}%M{second}{half_form}{zone}", text)


def _zoned(tail: str) -> bool:
    return tail.endswith("%z")


def _of_iso(split: _Split) -> bool:
    return _reads(ISO_DAY, split.day) and any(re.match(form, split.text) for form in (ISO_LOCAL, ISO_ZONED))


def _best_day(splits: Sequence[_Split], tail: str, total: int) -> DateForm | None:
    days = Counter(split.day for split in splits)
    shapes = _by_shape(days)
    read = {form: _rows_read(form, shapes) for form in _candidates(days, tail)}
    if not read or not max(read.values()):
        return None
    most = max(read.values())
    first, *others = [form for form, rows in read.items() if rows == most]
    other = next((form for form in others if _swapped(first, form)), None)
    example = next(split.text for split in splits if _reads(first, split.day))
    is_iso = first == ISO_DAY and all(_of_iso(split) for split in splits if _reads(first, split.day))
    return DateForm(
        None if is_iso else first + tail, most / total, other and other + tail, zoned=_zoned(tail), example=example
    )


def _by_shape(days: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Days with their rows by shape: the text with 0 for each digit, which says if the pattern of a form fits."""
    shapes = dict[str, dict[str, int]]()
    for day, rows in days.items():
        shapes.setdefault(re.sub(r"\d", "0", day), {})[day] = rows
    return shapes


def _rows_read(form: str, shapes: Mapping[str, Mapping[str, int]]) -> int:
    """Rows whose day a form reads."""
    fitting = (days for shape, days in shapes.items() if _pattern(form).fullmatch(shape))
    return sum(rows for days in fitting for day, rows in days.items() if _reads(form, day))


def _candidates(days: Iterable[str], tail: str) -> list[str]:
    some = next(iter(days))
    if not re.search(r"[^\W\d_年月日T]", some):
        return [*_DAYS, *(() if tail else _MONTHS)]
    forms = [*_NAMED_DAYS, *(() if tail else _MONTHS)]
    return [*forms, *(weekday + form for weekday in _WEEKDAYS for form in (*_DAYS, *forms))]


def _swapped(form: str, other: str) -> bool:
    """Whether two forms differ in which number is the day, the month or the year."""
    return form != other and "%b" not in form and "%b" not in other


@cache
def _pattern(form: str) -> re.Pattern[str]:
    touching = re.search(r"%\w%", form) is not None
    number = r"\d{2}" if touching else r"\d{1,2}"
    parts = {"%Y": r"\d{4}", "%y": r"\d{2}", "%d": number, "%m": number}
    parts |= {"%b": r"[^\W\d_]{3,}[.]?", "%a": r"[^\W\d_]{2,}[.]?"}
    pieces = re.split("(%[a-zA-Z])", form)
    groups = (f"(?P<{piece[1]}>{parts[piece]})" if piece in parts else re.escape(piece) for piece in pieces)
    return re.compile("".join(groups))


def _reads(form: str, day: str) -> bool:
    """Whether a text without its time is a day of a form."""
    found = _pattern(form).fullmatch(day)
    if found is None:
        return False
    parts = found.groupdict()
    year = int(parts["Y"]) if "Y" in parts else _century(int(parts["y"]))
    month = int(parts["m"]) if "m" in parts else month_number(parts["b"])
    if month is None or not FIRST_YEAR <= year <= LAST_YEAR or ("a" in parts and parts["a"].lower() in MONTH):
        return False
    try:
        dt.date(year, month, int(parts.get("d", 1)))
    except ValueError:
        return False
    return True


def _century(year: int) -> int:
    """The year that two digits stand for, as `strptime` has it."""
    return year + (1900 if year >= 69 else 2000)

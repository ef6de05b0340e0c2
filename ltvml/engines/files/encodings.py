"""How the text of a file is encoded: by its first bytes, by reading all of it, and last by the letters it holds."""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltvml.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 4096
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# in UTF-16 every digit and separator has a zero byte, always on the same side
_LEAST_ZEROS, _ONE_SIDE = 0.05, 0.95
_LINE_FEED, _RETURN = 10, 13
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# the 3,755 commonest characters of GB 2312: 99 % of a Chinese text
_COMMON_CHINESE = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")
_NOT_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_WESTERN = re.compile(rb"[\x80\x85\x8c\x91-\x97\x99\x9c\xa0-\xa3\xa7-\xab\xae\xb0-\xff]")
_LAST_KOREAN, _FIRST_LETTER = 0xC8, 0xC0
_MOST, _MANY, _SOME = 0.8, 0.6, 0.1
_LETTER_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_BETWEEN_WORDS = re.compile(r"[\s,;|\"]")
_SHOWN = 24


@dataclass(frozen=True)
class TextScan:
    """What reading all bytes of a text file shows.

    Parameters
    ----------
    encoding : str
        As Python names it.
    plain : bool
        UTF-8 with one kind of line end: an engine can read the file as it is.
    found : bool
        Whether the encoding was concluded from the letters, which deserves a word to the user.
    """

    encoding: str
    plain: bool
    found: bool = False


@dataclass(frozen=True)
class Converted:
    """What was written: an example of a word beyond ASCII, or None."""

    sample: str | None


def scan_text(path: Path, encoding: str | None, label: str) -> TextScan:
    """Find out how a text file is encoded, and whether its lines end in one way.

    Parameters
    ----------
    path : Path
        A file that is not compressed.
    encoding : str, optional
        As the user says.
    label : str
        The file in words.

    Raises
    ------
    DataContractError
        If the encoding cannot be concluded.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    marked = _with_byte_order(encoding, head) if encoding else _marked(head)
    if marked is not None and not is_utf8(marked):
        return TextScan(marked, plain=False)
    utf8, one_end = _scan(path)
    if utf8:
        return TextScan("utf-8-sig", plain=one_end)
    if marked is not None:
        # converting it names the line
        return TextScan("utf-8-sig", plain=False)
    return TextScan(_by_letters(path, label), plain=False, found=True)


def to_utf8(path: Path, out: Path, encoding: str, *, skip_lines: int = 0, label: str) -> Converted:
    """Write a file as UTF-8 with one kind of line end, without its first lines, in bounded memory.

    Raises
    ------
    DataContractError
        If a byte is not of the encoding; the line is named.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    lines, sample, first = 0, None, True
    with path.open("rb") as raw, out.open("w", encoding="utf-8", newline="") as written:
        while True:
            data = raw.read(CHUNK_BYTES)
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].decode(encoding, "ignore").count("\n") + 1
                raise _not_of(label, encoding, line, error) from None
            text = text.removeprefix("\ufeff") if first else text
            first = first and not text
            kept, skipped = _without_lines(text, skip_lines)
            skip_lines -= skipped
            lines += text.count("\n")
            sample = sample or _sample(text)
            written.write(kept)
            if not data:
                return Converted(sample)


def is_utf8(encoding: str) -> bool:
    """Whether a name of an encoding means UTF-8."""
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}


def _with_byte_order(encoding: str, head: bytes) -> str:
    """UTF-16 with the order of its bytes, where no mark at the start of the file tells it."""
    name = codecs.lookup(encoding).name
    if name not in {"utf-16", "utf-32"} or any(head.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS):
        return encoding
    found = _marked(head) or ""
    return found if found.startswith(name) else f"{name}-le"


def _marked(head: bytes) -> str | None:
    """The encoding that the first bytes give away, if they do."""
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    zeros = even + odd
    if not zeros or zeros < _LEAST_ZEROS * len(head) or max(even, odd) < _ONE_SIDE * zeros:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _scan(path: Path) -> tuple[bool, bool]:
    """Whether all bytes are UTF-8, and whether all lines end in the same way."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    buffer = bytearray(CHUNK_BYTES)
    utf8, line_feeds, returns, alone = True, 0, 0, False
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            chunk = buffer if size == CHUNK_BYTES else buffer[:size]
            if utf8 and not (chunk.isascii() and not decoder.getstate()[0]):
                utf8 = _decodes(decoder, bytes(chunk))
            if returns or b"\r" in chunk:
                codes = np.frombuffer(chunk, dtype=np.uint8)
                returns += int(np.count_nonzero(codes == _RETURN))
                line_feeds += int(np.count_nonzero(codes == _LINE_FEED))
            else:
                alone = alone or b"\n" in chunk
    one_end = not returns or (not alone and line_feeds in (0, returns))
    return utf8 and not decoder.getstate()[0], one_end


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _by_letters(path: Path, label: str) -> str:
    """gb18030 or cp1252, by the bytes beyond ASCII of the whole file.

    Chinese comes in pairs of few leading bytes; the accents of western Europe stand alone between letters.
    """
    counts: Counter[str] = Counter()
    for chunk in _chunks(path):
        counts.update(_letters(chunk))
    if counts["utf8"] >= _MOST * counts["high"]:
        # nearly all of it is: converting it names the line that is not
        return "utf-8-sig"
    if _looks_chinese(counts) and _reads_as(path, "gb18030"):
        return "gb18030"
    if _looks_western(counts):
        return "cp1252"
    raise DataContractError(
        f"{label} is not UTF-8, and its encoding could not be found; expected UTF-8, or the name of the encoding.",
        hint="save it as UTF-8, or name the encoding: --set transactions.encoding=cp1251, or shift_jis, big5, euc_kr.",
    )


def _letters(chunk: bytes) -> dict[str, int]:
    """Bytes beyond ASCII by what they look like."""
    runs = _BEYOND_ASCII.findall(chunk)
    alone = b"".join(run for run in runs if len(run) == 1)
    joined = b" ".join(runs)
    pairs = _COMMON_CHINESE.findall(joined)
    return {
        "high": sum(map(len, runs)),
        "utf8": sum(map(len, _UTF8_LETTER.findall(joined))),
        "pairs": len(pairs),
        "late_pairs": sum(pair[0] > _LAST_KOREAN for pair in pairs),
        "alone": len(alone),
        "in_pairs": 2 * sum(1 for run in runs if len(run) == 2 and run[0] >= _FIRST_LETTER and run[1] >= _FIRST_LETTER),
        "western": len(_WESTERN.findall(alone)),
        "outside": len(_NOT_IN_CP1252.findall(joined)),
    }


def _looks_chinese(counts: Counter[str]) -> bool:
    # Korean has the same first bytes, but none of the later ones
    return 2 * counts["pairs"] >= _MANY * counts["high"] and counts["late_pairs"] >= _SOME * counts["pairs"]


def _looks_western(counts: Counter[str]) -> bool:
    alone = counts["alone"]
    # two letters stand together in Größe and ação
    enough = alone >= _SOME * counts["high"] or alone + counts["in_pairs"] >= (1 - _SOME) * counts["high"]
    return enough and counts["western"] >= _MOST * alone and not counts["outside"]


def _reads_as(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _without_lines(text: str, lines: int) -> tuple[str, int]:
    """`text` without its first lines, and how many were taken off."""
    start = taken = 0
    while taken < lines and (end := text.find("\n", start)) >= 0:
        start, taken = end + 1, taken + 1
    return ("", taken) if taken < lines else (text[start:], taken)


def _sample(text: str) -> str | None:
    found = None if text.isascii() else _LETTER_BEYOND_ASCII.search(text)
    if found is None:
        return None
    # one pattern for the whole word would try each letter of a long one as its beginning
    before = _BETWEEN_WORDS.split(text[max(0, found.start() - _SHOWN // 2) : found.start()])[-1]
    after = _BETWEEN_WORDS.split(text[found.start() : found.start() + _SHOWN])[0]
    return (before + after)[:_SHOWN]


def _not_of(label: str, encoding: str, line: int, error: UnicodeDecodeError) -> DataContractError:
    name = codecs.lookup(encoding).name.removesuffix("-sig")
    bad = " ".join(f"{code:02x}" for code in error.object[error.start : error.end][:4])
    return DataContractError(
        f"{label} is not {name}: line {line:,} holds the bytes {bad}; expected text in {name}.",
        hint="does the file mix two encodings? save it as UTF-8; to read it in another one, for example: "
        "--set transactions.encoding=cp1252",
    )

"""Inputs drawn from a seed: files as shops write them, and what goes wrong with files."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["csv", "parquet", "yaml", "side", "bundle"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HEADER = ["customer_id", "order_date", "amount", "order_id"]
CHANNELS = ("email", "Email", " email ", "E-Mail", "sms", "phone", "all", "*", "")
GOLDEN = Path(__file__).parents[1] / "golden" / "before_the_moves" / "bundle"
CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))

IDS = ("C{}", "00{}", "person{}@example.com", "客户{}", "a,{}", 'q"{}', "{}", "Zoë {}")
NASTY_IDS = (
    "",
    " ",
    "null",
    "NaN",
    "guest",
    "0",
    "\x00",
    "x" * 5000,
    "=cmd()",
    "\u202e1",
    "🛒",
    "12.0",
    "a\nb",
    "'",
    '"',
)
NASTY_DATES = ("", "banana", "2024-02-30", "0000-00-00", "1899-12-31", "2204-01-01", "9999-12-31", "24/12/2024", "1e9",
               "2024-01-05T25:00:00", "2024-01-05 10:00:00 -0500", "20240105", "45296", "1704412800", "infinity",
               "\x00",
               "2024-1-5", "2024-01-05Z", "٢٠٢٤-٠١-٠٥", "294247-01-10", "2024-01")  # fmt: skip
NASTY_AMOUNTS = ("", "NaN", "inf", "-inf", "1e400", "1e15", "9" * 40, "-0", "1_000", "0x10", "1,234.50", "1.234,50",
                 "$5", "(5)", "5-", "١٢", "--5", "5 EUR", "=1+1", "1e-400", "\x00", "true",
                 "12.345", "0.005", "+7", " 8 ", "'9", "½")  # fmt: skip


@dataclass
class Drawn:
    """One input.

    Parameters
    ----------
    kind : str
    source : str
        What the reader is given.
    rows : list of (id, date, amount) or None
        What the file holds, cell by cell; None where it was damaged so that nobody can tell.
    settings : dict
        Of the reader.
    """

    kind: Kind
    source: str
    rows: list[list[Any]] | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def draw(kind: Kind, seed: int, number: int, folder: Path) -> Drawn:
    """The input of that number: always the same one."""
    rng = np.random.default_rng([seed, number, KINDS.index(kind)])
    return DRAWS[kind](rng, folder)


def _pick(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _orders(rng: np.random.Generator) -> list[list[str]]:
    form = _pick(rng, IDS)
    days = np.datetime64("2023-01-01") + rng.integers(0, 1090, int(rng.integers(1, 120)))
    # an order near the cutoff, or the reader rightly says that the data end too early
    days[-1] = np.datetime64("2025-12-31")
    low = -2000 if rng.random() < 0.3 else 0
    cents = rng.integers(low, 20_000, len(days))
    names = rng.integers(0, 25, len(days))
    return [
        [form.format(name), str(day), _money(int(amount)), str(1000 + place)]
        for place, (name, day, amount) in enumerate(zip(names, days, cents, strict=True))
    ]


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def _spoil_cells(rng: np.random.Generator, rows: list[list[str]]) -> None:
    """A few cells that people and machines do write."""
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.7 else len(rows)):
        column = int(rng.integers(3))
        rows[int(rng.integers(len(rows)))][column] = _pick(rng, (NASTY_IDS, NASTY_DATES, NASTY_AMOUNTS)[column])


def _text(rng: np.random.Generator, header: list[str], rows: list[list[str]]) -> str:
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if rng.random() < 0.2 else csv.QUOTE_MINIMAL
    end = _pick(rng, ("\n", "\n", "\r\n"))
    writer = csv.writer(out, delimiter=_pick(rng, ",,;\t|"), lineterminator=end, quoting=quoting)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _encoded(rng: np.random.Generator, text: str) -> bytes:
    encoding = _pick(rng, ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030", "cp1252"))
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode("utf-8")


def _damage_lines(rng: np.random.Generator, text: str) -> str:
    """Lines that are short, long, empty, foreign, gone."""
    lines = text.split("\n")
    at = int(rng.integers(len(lines)))
    damage: list[Callable[[], None]] = [
        lambda: lines.insert(at, ""),
        lambda: lines.insert(at, lines[at] + ",x"),
        lambda: lines.insert(at, lines[at].partition(",")[0]),
        lambda: lines.insert(0, "Report of sales"),
        lambda: lines.insert(at, "Total,,99999.00"),
        lambda: lines.insert(at, '"never closed,2024-01-01,5'),
        lambda: lines.insert(at, "x" * 140_000),
        lambda: lines.insert(at, lines[0]),
        lambda: lines.__setitem__(0, lines[0].replace("amount", "customer_id")),
        lambda: lines.__setitem__(0, ""),
        lambda: lines.__delitem__(slice(1, None)),
        lambda: lines.pop(0) and None,
    ]
    _pick(rng, damage)()
    return "\n".join(lines)


def _damage_bytes(rng: np.random.Generator, content: bytes) -> bytes:
    """What disks, transfers and editors do."""
    if not content:
        return content
    at = int(rng.integers(len(content)))
    noise = rng.bytes(int(rng.integers(1, 9)))
    damage: list[Callable[[], bytes]] = [
        lambda: content[:at],
        lambda: content[:at] + noise + content[at:],
        lambda: content[:at] + noise + content[at + len(noise) :],
        lambda: content[:at] + b"\x00" * 5 + content[at:],
        lambda: content[at:],
        lambda: content[:at] + content[at : at + 200] * 3 + content[at:],
        lambda: b"",
        lambda: content + content,
        lambda: noise * 50,
    ]
    return _pick(rng, damage)()


def _csv(rng: np.random.Generator, folder: Path) -> Drawn:
    rows = _orders(rng)
    if rng.random() < 0.6:
        _spoil_cells(rng, rows)
    told: list[list[Any]] | None = rows
    content = _text(rng, HEADER, rows)
    if rng.random() < 0.3:
        content, told = _damage_lines(rng, content), None
    raw = _encoded(rng, content)
    if rng.random() < 0.25:
        raw, told = _damage_bytes(rng, raw), None
    name = "orders.csv"
    if rng.random() < 0.1:
        raw, name = gzip.compress(raw), "orders.csv.gz"
        if rng.random() < 0.4:
            raw, told = _damage_bytes(rng, raw), None
    (folder / name).write_bytes(raw)
    return Drawn("csv", str(folder / name), told, {"init": bool(rng.random() < 0.4)})


def _parquet(rng: np.random.Generator, folder: Path) -> Drawn:
    rows: list[list[Any]] = [row[:3] for row in _orders(rng)]
    ids, days, amounts = (list(column) for column in zip(*rows, strict=True))
    told: list[list[Any]] | None = rows
    id_array: Any = pa.array(ids)
    if rng.random() < 0.3:
        numbers = [int(value) for value in rng.integers(0, 25, len(ids))]
        id_array, ids = pa.array(numbers, _pick(rng, (pa.int64(), pa.int32(), pa.uint8(), pa.float64()))), numbers
    elif rng.random() < 0.2:
        id_array = id_array.dictionary_encode()
    elif rng.random() < 0.1:
        id_array, told = pa.array([{"id": value} for value in ids]), None
    moments = [dt.date.fromisoformat(day) for day in days]
    date_type = _pick(rng, (pa.date32(), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.string()))
    date_array = pa.array(days) if date_type == pa.string() else pa.array(moments, pa.date32()).cast(date_type)
    if rng.random() < 0.15 and date_type in (pa.date32(), pa.timestamp("us")):
        odd = [int(value) for value in rng.integers(-(2**31), 2**31, len(ids))]
        date_array, told = pa.array(odd, pa.int32() if date_type == pa.date32() else pa.int64()).cast(date_type), None
    money = _pick(rng, (pa.float64(), pa.decimal128(12, 2), pa.string(), pa.decimal256(60, 2), pa.list_(pa.float64())))
    values: list[Any] = amounts
    if money == pa.float64():
        values = [float(amount) for amount in amounts]
        if rng.random() < 0.3:
            values[0], told = float(_pick(rng, ("nan", "inf", "-inf", "1e300"))), None
    elif pa.types.is_decimal(money):
        values = pa.array(amounts).cast(money)
    elif pa.types.is_list(money):
        values, told = [[1.0]] * len(ids), None
    rows[:] = [list(row) for row in zip(map(str, ids), days, amounts, strict=True)]
    table = pa.table({"customer_id": id_array, "order_date": date_array, "amount": pa.array(values, money)})
    path = folder / "orders.parquet"
    parquet.write_table(table, path)
    if rng.random() < 0.25:
        path.write_bytes(_damage_bytes(rng, path.read_bytes()))
        told = None
    return Drawn("parquet", str(path), told, {"init": bool(rng.random() < 0.4)})


YAML_VALUES = ("null", "[]", "{}", "-1", "1e999", ".nan", ".inf", "banana", "2011-02-30", "'*'", "&a [*a]",
               "!!python/object:os.x 1", "99999999999999999999", "[[[[[[[[[[]]]]]]]]]]", "{a: {b: {c: 1}}}", "yes",
               "0x1F", "12:30:45", "\t", '"\\ud800"', "2024-01-05T10:00:00Z", "<<: 1", "? x", "|", "@", "%",
               "`")  # fmt: skip


def _yaml(rng: np.random.Generator, folder: Path) -> Drawn:
    lines = _pick(rng, CONFIGS).read_text(encoding="utf-8").split("\n")
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(lines)))
        key, colon, _value = lines[at].partition(":")
        damage = (
            f"{key}{colon} {_pick(rng, YAML_VALUES)}",
            lines[at] + "\n" + lines[at],
            "  " + lines[at],
            f"{key}x{colon} 1",
            "- " + lines[at],
            lines[at].replace(":", ""),
            "",
        )
        lines[at] = _pick(rng, damage)
    raw = "\n".join(lines).encode()
    if rng.random() < 0.2:
        raw = _damage_bytes(rng, raw)
    path = folder / "shop.yaml"
    path.write_bytes(raw)
    return Drawn("yaml", str(path))


SIDE = ("opt_outs", "open_cases", "disliked", "contacts", "customers", "products", "days_per_unit", "identities")
SIDE_HEADERS = {
    "opt_outs": ["customer_id", "channel"], "disliked": ["customer_id", "channel"],
    "open_cases": ["customer_id", "case"],
    "contacts": ["customer_id", "channel", "sent_at"], "customers": ["customer_id", "city", "age"],
    "products": ["product_id", "contains", "units"], "days_per_unit": ["item", "days_per_unit"],
    "identities": ["a", "b"],
}  # fmt: skip


def known_ids() -> list[str]:
    """The customers that the side tables are about."""
    return [f"C{place:03}" for place in range(60)]


def _side(rng: np.random.Generator, folder: Path) -> Drawn:
    table = _pick(rng, SIDE)
    names = [_pick(rng, known_ids()) for _ in range(int(rng.integers(1, 40)))]
    cells: dict[str, Callable[[], str]] = {
        "channel": lambda: _pick(rng, CHANNELS), "case": lambda: "open", "sent_at": lambda: "2024-05-05",
        "city": lambda: "Ghent", "age": lambda: str(rng.integers(18, 90)), "contains": lambda: "coffee",
        "units": lambda: str(rng.integers(1, 9)), "days_per_unit": lambda: str(rng.integers(1, 90)),
        "b": lambda: f"alias{rng.integers(0, 40)}",
    }  # fmt: skip
    header = SIDE_HEADERS[table]
    if table == "customers":
        names = sorted(set(names))
    rows = [[_looser(rng, name), *(cells[column]() for column in header[1:])] for name in names]
    told: list[list[Any]] | None = [[name] for name in names]
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            nasty = (NASTY_IDS, NASTY_DATES, NASTY_AMOUNTS)
            rows[int(rng.integers(len(rows)))][int(rng.integers(len(header)))] = _pick(rng, _pick(rng, nasty))
        told = None
    text = _text(rng, header, rows)
    if rng.random() < 0.25:
        text, told = _damage_lines(rng, text), None
    raw = _encoded(rng, text)
    if rng.random() < 0.25:
        raw, told = _damage_bytes(rng, raw), None
    path = folder / f"{table}{_pick(rng, ('.csv', '.csv', '.csv', '.parquet', '.xlsx', '.csv.gz'))}"
    path.write_bytes(raw)
    return Drawn("side", str(path), told if path.suffix == ".csv" else None, {"table": table})


def _looser(rng: np.random.Generator, name: str) -> str:
    """The id as somebody else may have written it."""
    return str(_pick(rng, (name, name, name, name.lower(), f"{name} ", f" {name}")))


def _bundle(rng: np.random.Generator, folder: Path) -> Drawn:
    place = folder / "bundle"
    shutil.copytree(GOLDEN, place)
    path = _pick(rng, sorted(place.iterdir()))
    if rng.random() < 0.05:
        path.unlink()
    elif rng.random() < 0.4:
        path.write_bytes(_damage_bytes(rng, path.read_bytes()))
    else:
        path.write_text(_damaged_json(rng, json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    return Drawn("bundle", str(place))


ODD_VALUES = (None, [], {}, "banana", -1, 1e308, float("nan"), 10**30, True, [[[]]], {"a": None}, "")


def _damaged_json(rng: np.random.Generator, document: Any) -> str:
    """One node replaced, dropped or nested; or the whole nested too deeply for any reader."""
    if rng.random() < 0.03:
        return "[" * 100_000
    place = document
    while isinstance(place, dict | list) and len(place):
        key = _pick(rng, list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.3:
            if rng.random() < 0.3:
                del place[key]
            else:
                place[key] = _pick(rng, ODD_VALUES)
            break
        place = place[key]
    return json.dumps(document)


DRAWS: dict[Kind, Callable[[np.random.Generator, Path], Drawn]] = {
    "csv": _csv,
    "parquet": _parquet,
    "yaml": _yaml,
    "side": _side,
    "bundle": _bundle,
}

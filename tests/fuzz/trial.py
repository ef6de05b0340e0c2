"""One input through its reader: a right answer, or one clear error; nothing else."""

from __future__ import annotations

import datetime as dt
import re
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ltvml.bundle.bundle import Bundle
from ltvml.config import Config, load_config
from ltvml.errors import LtvmlError
from ltvml.features.summary import customer_summary
from ltvml.inputs.orders import read_orders
from ltvml.inputs.tables.contacts import read_attributes, read_contacts
from ltvml.inputs.tables.customer_ids import CustomerIds
from ltvml.inputs.tables.products import contents_of, days_per_unit_of
from ltvml.inputs.tables.wishes import read_wishes
from ltvml.progress import Steps
from ltvml.workflows.init import init
from tests.fuzz.inputs import Drawn, draw, known_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.inputs import Kind

SECONDS = 10
CUTOFF = dt.date(2026, 1, 31)
LONGEST_MESSAGE = 4_000
Outcome = Literal["accepted", "refused", "crash", "hang", "wrong", "unclear"]
BAD = ("crash", "hang", "wrong", "unclear")
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,11}([.][0-9]{1,2})?")
PLAIN_DAY = re.compile(r"(199[0-9]|20[0-9]{2})-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Result:
    """What became of one input: the outcome, and the words or the fault."""

    kind: Kind
    number: int
    outcome: Outcome
    words: str
    seconds: float

    @property
    def bad(self) -> bool:
        return self.outcome in BAD


class _TooLong(BaseException):
    pass


class WrongAnswerError(Exception):
    """An accepted input whose answer differs from the independent one."""


def run(kind: Kind, seed: int, number: int) -> Result:
    """Draw an input and read it."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(kind, seed, number, Path(folder))
        return judged(drawn, number, Path(folder))


def judged(drawn: Drawn, number: int, folder: Path) -> Result:
    """Read an input, and compare what is accepted with what it holds."""
    start = time.perf_counter()
    outcome, words = _outcome(drawn, folder)
    seconds = time.perf_counter() - start
    if seconds > SECONDS:
        outcome = "hang"
    return Result(drawn.kind, number, outcome, words, seconds)


def _outcome(drawn: Drawn, folder: Path) -> tuple[Outcome, str]:
    try:
        with _limited(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            READERS[drawn.kind](drawn, folder)
        return "accepted", "\n".join(str(warning.message) for warning in caught)
    except LtvmlError as error:
        clear = 0 < len(str(error)) < LONGEST_MESSAGE and 1 <= error.exit_code <= 9
        return ("refused" if clear and "this is a bug" not in str(error) else "unclear"), str(error)
    except WrongAnswerError as fault:
        return "wrong", str(fault)
    except _TooLong:
        return "hang", traceback.format_exc()
    except Exception:
        return "crash", traceback.format_exc()


@contextmanager
def _limited() -> Iterator[None]:
    """Raise where it takes longer than anybody waits."""

    def stop(*_: Any) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _orders(drawn: Drawn, folder: Path) -> None:
    config = folder / "shop.yaml"
    if drawn.settings["init"]:
        init(drawn.source, out=config)
    else:
        config.write_text(f"transactions: {{source: {drawn.source!r}}}\n", encoding="utf-8")
    settled = load_config(config, [f"window.cutoff={CUTOFF}"])
    intake = read_orders(settled.orders, settled.window, None, Steps())
    ledger, lines = intake.ledger, intake.engine.collect(intake.lines)
    summary = intake.engine.collect(customer_summary(intake.days, intake.window))
    if ledger.rows_in != ledger.used + sum(ledger.reasons.values()):
        raise WrongAnswerError(f"the ledger does not add up: {ledger.to_dict()}")
    if len(lines) != ledger.used + ledger.reasons.get("return_before_any_purchase", 0):
        raise WrongAnswerError(f"{len(lines)} lines, and the ledger has {ledger.to_dict()}")
    if drawn.rows is not None:
        _compare(drawn.rows, ledger.rows_in, lines, summary)


def _compare(rows: list[list[Any]], rows_in: int, lines: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Rows, money and days by customer against a computation with nothing but the standard library."""
    if rows_in != len(rows):
        raise WrongAnswerError(f"{rows_in} rows in; the file has {len(rows)}")
    read = [plain(*row[:3]) for row in rows]
    if "unsure" in read:
        return
    good = [row for row in read if isinstance(row, tuple)]
    expected = Counter({name: cents for name, cents in _sums(good).items()})
    found = Counter(dict(lines.groupby("customer_id")["amount"].sum().items()))
    if {name: int(cents) for name, cents in found.items()} != dict(expected):
        raise WrongAnswerError(f"cents by customer {dict(found)}; expected {dict(expected)}")
    if all(cents >= 0 for _, _, cents in good):
        days = defaultdict(set)
        for name, day, _ in good:
            days[name].add(day)
        facts = {name: (len(of) - 1, (max(of) - min(of)).days, (CUTOFF - min(of)).days) for name, of in days.items()}
        known = {row.customer_id: (row.frequency, row.recency, row.T) for row in summary.itertuples()}
        if known != facts:
            raise WrongAnswerError(f"days by customer {known}; expected {facts}")


def _sums(rows: list[tuple[str, dt.date, int]]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for name, _, cents in rows:
        sums[name] += cents
    return sums


def plain(name: str, day: str, amount: str) -> tuple[str, dt.date, int] | Literal["bad", "unsure"]:
    """A row as anybody reads it; bad where a cell is empty or nonsense; unsure where readers may differ."""
    if not name.strip() or not day.strip() or not amount.strip() or day == "banana" or amount == "--5":
        return "bad"
    if name != name.strip() or not name.isprintable() or not PLAIN_NUMBER.fullmatch(amount) or not _is_day(day):
        return "unsure"
    if name.lower() in ("null", "nan", "guest", "0"):
        return "unsure"
    return name, dt.date.fromisoformat(day), int(Decimal(amount) * 100)


def _is_day(text: str) -> bool:
    if not PLAIN_DAY.fullmatch(text):
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _yaml(drawn: Drawn, folder: Path) -> None:
    load_config(Path(drawn.source))


def _bundle(drawn: Drawn, folder: Path) -> None:
    Bundle.load(drawn.source)


def _side(drawn: Drawn, folder: Path) -> None:
    table, ids = drawn.settings["table"], CustomerIds(pd.Index(known_ids()))
    cutoff_day = (CUTOFF - dt.date(1970, 1, 1)).days
    if table in ("opt_outs", "open_cases", "disliked"):
        config = Config.model_validate({"outreach": {table: drawn.source}})
        wishes, _ = read_wishes(config.outreach, ids, cutoff_day=cutoff_day)
        refused = getattr(wishes, table)
        if drawn.rows is not None:
            missed = {name for (name,) in drawn.rows} - set(refused["customer_id"])
            if missed:
                raise WrongAnswerError(f"{table}: {sorted(missed)} are named and would be contacted")
    elif table == "contacts":
        config = Config.model_validate({"contacts": {"source": drawn.source}})
        read_contacts(config.contacts, ids, cutoff_day=cutoff_day, channels=("email", "sms", "phone"))
    elif table == "customers":
        read_attributes(Config.model_validate({"customers": {"source": drawn.source}}).customers, ids)
    elif table == "products":
        contents_of(Config.model_validate({"products": {"source": drawn.source}}).products)
    elif table == "days_per_unit":
        days_per_unit_of(
            Config.model_validate({"replenishment": {"days_per_unit": drawn.source}}).replenishment.days_per_unit
        )
    else:
        _identities(drawn, folder)


def _identities(drawn: Drawn, folder: Path) -> None:
    orders = folder / "orders.csv"
    rows = "".join(f"{name},2025-12-05,5.00\n" for name in known_ids())
    orders.write_text(f"customer_id,order_date,amount\n{rows}", encoding="utf-8")
    given = {
        "transactions": {"source": str(orders)},
        "identities": {"source": drawn.source, "columns": {"a": "a", "b": "b"}},
        "window": {"cutoff": CUTOFF, "churn_horizon": 90},
    }
    settled = Config.model_validate(given)
    intake = read_orders(settled.orders, settled.window, None, Steps())
    if intake.ledger.used != len(known_ids()):
        raise WrongAnswerError(f"identities changed the rows: {intake.ledger.to_dict()}")


READERS = {"csv": _orders, "parquet": _orders, "yaml": _yaml, "side": _side, "bundle": _bundle}

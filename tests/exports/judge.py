"""What `ltvml init` alone makes of an export, and what it makes of it after one setting."""

from __future__ import annotations

import contextlib
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from ltvml.config import load_config
from ltvml.errors import LtvmlError
from ltvml.features.summary import customer_summary
from ltvml.inputs.orders import read_orders
from ltvml.progress import Steps
from ltvml.workflows.init import init
from ltvml.workflows.validate import ValidationReport

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from tests.exports.export import Export
    from tests.exports.shop import Answer

LAST = "2025-12-30"
# the last days on which a file may end, one earlier where times say that the last day still ran; a month in one
PLAUSIBLE_CUTOFFS = ("2025-12-31", "2025-12-30", "2025-12-29", "2025-12-26", "2025-12-25", "2025-12-01")
# of customers whose orders, value, first and last day are all right
ENOUGH = 0.99
# of all money; whoever it belongs to
WRONG_MONEY = 0.01
Verdict = Literal["right", "says", "vague", "silent", "crash"]
CRASH = "this is a bug in ltvml"


@dataclass(frozen=True)
class Reading:
    """One attempt: the share of customers that are right, and everything that was said."""

    share: float
    words: str
    stopped: bool = False

    @property
    def right(self) -> bool:
        return self.share >= ENOUGH


@dataclass(frozen=True)
class Judgement:
    """What became of one export.

    Parameters
    ----------
    alone, helped : Reading
        After `init` alone, and after the one setting; the same where none is needed.
    verdict : str
        Of the first: right; says (stopped or warned, and the messages name the fault and the setting); vague (stopped,
        and they do not); silent (wrong without a word); crash.
    """

    export: Export
    alone: Reading
    helped: Reading
    verdict: Verdict


def judge(export: Export, folder: Path | None = None) -> Judgement:
    """Write an export, let `init` look at it, and compare with the right answers."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source, config = export.write(place), place / "ltvml.yaml"
        answers = export.answers()
        with _words() as words:
            try:
                words.append(init(source, out=config).text())
            except LtvmlError as error:
                words.append(str(error))
            except Exception as error:
                words.append(f"{CRASH}: {error!r}")
        alone = _read(config, [], answers, "\n".join(words)) if config.exists() else Reading(0, "\n".join(words), True)
        helped = alone
        if not alone.right and export.setting:
            if config.exists():
                helped = _read(config, [export.setting], answers, "")
            else:
                helped = _init_with(source, config, export.setting, answers)
    return Judgement(export, alone, helped, _verdict(export, alone))


def _verdict(export: Export, alone: Reading) -> Verdict:
    if CRASH in alone.words:
        return "crash"
    if alone.right:
        return "right"
    named = export.setting is None or re.search(_key(export.setting), alone.words)
    if named and export.says and re.search(export.says, alone.words):
        return "says"
    return "vague" if alone.stopped else "silent"


def _key(setting: str) -> str:
    """The name of a setting as a message must hold it; what to keep may be said by what to drop."""
    name = setting.partition("=")[0].split(".")[1]
    return r"\b(keep|drop)\b" if name in ("keep", "drop") else rf"\b{name}\b"


def _init_with(source: str, config: Path, setting: str, answers: list[Answer]) -> Reading:
    """Where init itself stops, the setting goes into a configuration of one's own."""
    config.write_text(f"transactions: {{source: {source!r}}}\n", encoding="utf-8")
    return _read(config, [setting], answers, "")


def _read(config: Path, settings: list[str], answers: list[Answer], said: str) -> Reading:
    """Validate and summarise; the cutoff is the shop's, after a look at the one that was proposed."""
    with _words() as words:
        try:
            proposed = load_config(config).window.cutoff
            settled = load_config(config, [*settings, f"window.cutoff={LAST}"])
            intake = read_orders(settled.orders, settled.window, None, Steps())
            words.append(ValidationReport(intake).text())
            found = intake.engine.collect(customer_summary(intake.days, intake.window, decimals=settled.value.decimals))
        except LtvmlError as error:
            return Reading(0, "\n".join([said, *words, str(error)]), stopped=True)
        except Exception as error:
            return Reading(0, "\n".join([said, *words, f"{CRASH}: {error!r}"]), stopped=True)
    spoken = "\n".join([said, *words])
    if proposed is not None and proposed.isoformat() not in PLAUSIBLE_CUTOFFS:
        return Reading(0, f"{spoken}\n(cutoff {proposed})")
    return Reading(max(share_right(found, answer) for answer in answers) if answers[0] else 0, spoken)


def share_right(found: pd.DataFrame, answer: Answer) -> float:
    """Customers whose orders, value, first and last day are right, of all customers in either."""
    rows: dict[str, list[tuple[int, int, dt.date, dt.date]]] = {}
    for row in found.itertuples():
        first = pd.Timestamp(LAST) - pd.Timedelta(days=int(row.T))
        last = first + pd.Timedelta(days=int(row.recency))
        facts = (int(row.frequency) + 1, round(100 * row.historic_value), first.date(), last.date())
        rows.setdefault(str(row.customer_id).strip().lower().removesuffix(".0"), []).append(facts)
    expected = {customer.lower(): facts for customer, facts in answer.items()}
    right = sum(rows.get(customer) == [facts] for customer, facts in expected.items())
    value = sum(facts[1] for facts in expected.values())
    # one row of totals is one customer in three hundred, and as much money as all of them
    if abs(sum(facts[1] for several in rows.values() for facts in several) - value) > WRONG_MONEY * value:
        return min(right / len(expected.keys() | rows.keys()), 0.5)
    return right / len(expected.keys() | rows.keys())


@contextlib.contextmanager
def _words() -> Iterator[list[str]]:
    """Everything that is said, warnings included."""
    words: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield words
    words += [str(warning.message) for warning in caught]


def all_exports() -> dict[str, Export]:
    """Every export, by name."""
    from tests.exports import containers, countries, dates, platforms, rows, siblings
    from tests.exports.export import EXPORTS

    assert all((containers, countries, dates, platforms, rows, siblings))
    return EXPORTS

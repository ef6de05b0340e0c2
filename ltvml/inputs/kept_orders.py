"""Orders by what was kept of an earlier run: read and checked again is what changed, and the result is that of all.

Rules that look at one customer (a line that is taken back, returns, duplicates) are applied again to the customers
whose lines changed. Rules that look at all lines (forms of dates and amounts, shares, currencies, totals, overlaps) are
applied to all lines, which costs little: they count. Where a rule does neither, all is checked.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb

from ltvml.engines.databases.addresses import KINDS, address_of, is_database
from ltvml.engines.duckdb import DuckDBEngine
from ltvml.engines.hashing import HASHES, content_counts, digest_of
from ltvml.engines.kept.file_parts import ERRORS
from ltvml.engines.kept.files import files_of_source
from ltvml.engines.kept.lines import KeptLines
from ltvml.engines.kept.state import Known, fetch, put
from ltvml.errors import DataWarning, EngineError
from ltvml.features.ledger import copies_by_customer, used_lines
from ltvml.features.returns import netted_days
from ltvml.features.reversals import REVERSED, without_reversed
from ltvml.features.transactions import ByCustomer
from ltvml.inputs.experience import UNCLEAR
from ltvml.inputs.tables.identities import read_persons, with_persons

if TYPE_CHECKING:
    from collections.abc import Iterator

    import narwhals as nw

    from ltvml.config.sections import OrderSettings
    from ltvml.engines.base import Engine, Source
    from ltvml.engines.kept.parts import Parted
    from ltvml.features.ledger import Rules
    from ltvml.inputs.tables.identities import Persons
    from ltvml.window import Window


@dataclass(frozen=True)
class KeptOrders:
    """Orders of a source, as a full read gives them.

    Parameters
    ----------
    lines : lazy frame
        Of `contracts.LINES`, with the ids of persons.
    known : ByCustomer or None
        What was found out of them customer by customer; None where all has to be checked.
    persons : Persons
    kept : KeptLines
    """

    lines: nw.LazyFrame[Any]
    known: ByCustomer | None
    persons: Persons
    kept: KeptLines

    def fingerprint(self, lines: nw.LazyFrame[Any]) -> str | None:
        """Content hash of used lines, from those of their customers; None where there are other columns to them."""
        if self.known is None:
            return None
        names, _ = self.kept.content_names(lines)
        if names != self.kept.hashed:
            return None
        counts = cast("Any", lines.to_native()).aggregate(", ".join(content_counts())).to_arrow_table().to_pylist()[0]
        return digest_of(names, counts | dict(zip(HASHES, self.kept.hash_sums(), strict=True)))


def kept_orders(
    engine: Engine, source: Source, settings: OrderSettings, window: Window, rules: Rules
) -> KeptOrders | None:
    """The orders by what was kept in `settings.state`, which is then what they are now; None where all is to be read.

    Parameters
    ----------
    engine : Engine
    source : Source
    settings : OrderSettings
    window : Window
    rules : Rules

    Raises
    ------
    DataContractError, EngineError
        As `engine.read`.

    Warns
    -----
    DataWarning
        If what is kept cannot be used, or nothing can be kept of such a source.
    """
    if settings.state is None:
        return None
    if not isinstance(engine, DuckDBEngine):
        _say(f"transactions.incremental has no effect with the engine {engine.name}: all is read.")
        return None
    folder = Path(settings.state)
    try:
        with _parted(engine, source) as parted:
            if parted is not None:
                return _updated(engine, source, settings, folder, window, rules, parted)
    except (EngineError, duckdb.Error, *ERRORS) as error:
        # a full read works, or explains what is wrong
        reason = str(error).strip().partition("\n")[0]
        _say(f"transactions.incremental had no effect on {source.label} ({reason}): all is read.")
        return None
    _say(
        f"transactions.incremental has no effect on {source.label}: all is read. Expected Parquet, CSV or a table of "
        "Postgres."
    )
    return None


def _updated(
    engine: DuckDBEngine,
    source: Source,
    settings: OrderSettings,
    folder: Path,
    window: Window,
    rules: Rules,
    parted: Parted,
) -> KeptOrders | None:
    persons = read_persons(settings.identities, settings.transactions)
    path = engine.room.place(Path("kept"), "lines.duckdb")
    known = fetch(folder, path)
    if isinstance(known, Known) and known.cutoff_day > window.cutoff_day:
        # a look into the past: what is kept is of a later night, and stays
        return None
    key = _key(source, rules, persons)
    kept, before = _read(engine, source, parted, path, known, key, folder)
    if persons.aliases:
        kept.replace_ids(lambda lines: with_persons(engine, lines, persons))
    kept.compare(window.cutoff_day, before)
    by_customer = _checked_again(engine, kept, window, rules)
    kept.close()
    kept.refuse_empty()
    if kept.changed or before != window.cutoff_day:
        try:
            put(folder, Known(f"{key}-{kept.form}", window.cutoff_day, kept.path))
        except OSError as error:
            _say(f"could not keep what was read in {folder}: {error.strerror or error}. The next run reads all.")
    lines = kept.lines(own_fault=True)
    if not by_customer:
        return KeptOrders(lines, None, persons, kept)
    found = ByCustomer(kept.lines(own_fault=False), kept.found("days"), kept.found("copies"))
    return KeptOrders(lines, found, persons, kept)


def _read(
    engine: DuckDBEngine,
    source: Source,
    parted: Parted,
    path: Path,
    known: Known | str | None,
    key: str,
    folder: Path,
) -> tuple[KeptLines, int | None]:
    """Lines with what was kept of them, and the cutoff of that; without it where it is of anything else."""
    why = known if isinstance(known, str) else ""
    if isinstance(known, Known):
        kept = _opened(engine, source, parted, path)
        if known.key == f"{key}-{kept.form}":
            return kept, known.cutoff_day
        kept.drop()
        why = "is of other settings, other columns or another release"
    if why:
        _say(f"what {folder} keeps {why}: all of {source.label} is read.")
    return _opened(engine, source, parted, engine.room.place(Path("kept"), path.name)), None


def _opened(engine: DuckDBEngine, source: Source, parted: Parted, path: Path) -> KeptLines:
    kept = KeptLines(engine, source, path, REVERSED)
    kept.open()
    kept.read(parted)
    return kept


def _checked_again(engine: DuckDBEngine, kept: KeptLines, window: Window, rules: Rules) -> bool:
    """Check the customers whose lines changed; false where that does not hold, as what is dropped depends on files."""
    of_customers = rules.duplicates == "keep"
    lines = without_reversed(engine, kept.again, window) if of_customers else kept.again
    if not of_customers:
        kept.keep_lines(lines)
        return False
    used = used_lines(lines.select(kept.line_names()), window, rules)
    told = used.drop(UNCLEAR) if UNCLEAR in used.collect_schema().names() else used
    kept.keep(lines, netted_days(used), copies_by_customer(used), told)
    return True


@contextmanager
def _parted(engine: DuckDBEngine, source: Source) -> Iterator[Parted | None]:
    """The source in parts; None where it has none that can be compared."""
    if not is_database(str(source.source)):
        files: Parted | None = files_of_source(engine, source)
        yield files
        return
    address = address_of(str(source.source))
    if address.kind is not KINDS["postgresql"]:
        yield None
        return
    from ltvml.engines.databases.tables import Snapshot
    from ltvml.engines.kept.table_days import TableInDays

    with Snapshot() as snapshot:
        yield TableInDays(engine, source, address, snapshot)


def _key(source: Source, rules: Rules, persons: Persons) -> str:
    """Of everything but the rows that decides how they are read and checked."""
    release = [version("ltvml"), duckdb.__version__]
    values = [release, vars(source), asdict(rules), sorted(persons.aliases.items())]
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _say(message: str) -> None:
    warnings.warn(message, DataWarning, stacklevel=5)

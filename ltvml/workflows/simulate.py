"""Simulate: a shop of any size, written as order lines that the other commands read as they are."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ltvml.datasets.shop import CURRENCY, Shop, Totals
from ltvml.errors import ConfigError, OutputError
from ltvml.progress import Progress, Steps
from ltvml.scratch import scratch_folder
from ltvml.words.display import Shown
from ltvml.words.text import fields, number, place, times

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

ENDINGS = {".parquet": pq.ParquetWriter, ".csv": pa_csv.CSVWriter}
CUSTOMERS = 10_000


@dataclass(frozen=True, repr=False)
class SimulationReport(Shown):
    """What a simulation wrote.

    Parameters
    ----------
    path : Path
    truth : Path or None
        The customers with their true rate, dropout and mean order.
    shop : Shop
    totals : Totals
    first_date, last_date : str
        Of the orders that were written.
    seconds : dict of str to float
        Wall-clock time by step.
    """

    path: Path
    truth: Path | None
    shop: Shop
    totals: Totals
    first_date: str
    last_date: str
    seconds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        made = {name: value for name, value in vars(self.totals).items() if name != "cents"}
        return {
            "path": str(self.path),
            "truth": None if self.truth is None else str(self.truth),
            "bytes": self.path.stat().st_size,
            **made,
            "value": self.totals.cents / 100,
            "currency": CURRENCY,
            "first_date": self.first_date,
            "last_date": self.last_date,
            "model": self.shop.model,
            "parameters": self.shop.parameters,
            "spend": dict(zip(("p", "q", "gamma"), self.shop.spend, strict=True)),
            "seed": self.shop.seed,
            "seconds": self.seconds,
        }

    def text(self) -> str:
        """In words, within 80 columns."""
        made, shop = self.totals, self.shop
        parameters = ", ".join(f"{name} {number(value)}" for name, value in shop.parameters.items())
        spend = ", ".join(f"{name} {value:g}" for name, value in zip(("p", "q", "gamma"), shop.spend, strict=True))
        lines = [
            ("lines", f"{made.lines:,} of {made.orders:,} orders by {made.customers:,} customers"),
            ("value", f"{made.cents / 100:,.2f} {CURRENCY}"),
            ("orders", f"from {self.first_date} to {self.last_date}"),
            ("purchases", f"{shop.model} ({parameters}), times in days"),
            ("spend", f"gamma_gamma ({spend})"),
            ("items", f"{shop.items:,} in {shop.categories:,} categories"),
            ("seed", f"{shop.seed}: the same options give the same file"),
            ("written", f"{place(self.path)} ({self.path.stat().st_size / 1e6:,.1f} MB)"),
            *([] if self.truth is None else [("truth", f"{place(self.truth)}: rate, dropout, mean order by customer")]),
            ("took", times(self.seconds)),
            ("next", f"ltvml init {place(self.path)}, then ltvml validate and ltvml fit"),
        ]
        return fields(lines)


def simulate(
    path: Path | str,
    *,
    customers: int | None = None,
    lines: int | None = None,
    truth: Path | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **shop: Any,
) -> SimulationReport:
    """Write a shop of any size; memory does not grow with it.

    Parameters
    ----------
    path : Path
        Order lines; the ending says whether CSV or Parquet.
    customers, lines : int, optional
        How many customers, or how many lines at least: the customer with whom they are reached is the last. 10,000
        customers where neither is given.
    truth : Path, optional
        Where to write the customers with their true rate, dropout and mean order.
    force : bool
        Replace files that are there.
    progress : callable, optional
    **shop
        Fields of `ltvml.datasets.Shop`: model, params, spend, last_day, days, items, categories, lines_per_order, seed.

    Returns
    -------
    SimulationReport

    Raises
    ------
    ConfigError
        If an option cannot be, or a file is there already.
    OutputError
        If a file cannot be written; an earlier one is unchanged.
    """
    plan = Shop(**shop)
    files = [Path(path), *([] if truth is None else [Path(truth)])]
    check_files(files, force=force)
    if customers is None and lines is None:
        customers = CUSTOMERS
    steps, totals, days = Steps(progress), Totals(), list[str]()
    wanted = customers if lines is None else lines
    with steps.step("write"), written_whole(files) as writers:
        for block in plan.blocks(customers=customers, lines=lines):
            for writer, table in zip(writers, (block.lines, block.truth), strict=False):
                writer.write(table)
            totals = totals + block.totals
            days += [str(day) for day in (block.first_date, block.last_date)]
            steps.advance("write", totals.customers if lines is None else totals.lines, wanted)
    whole = [file.absolute() for file in files]
    return SimulationReport(
        whole[0], whole[1] if truth is not None else None, plan, totals, min(days), max(days), steps.seconds
    )


def check_files(files: list[Path], *, force: bool) -> None:
    """Refuse names that no file can be written to.

    Raises
    ------
    ConfigError
    """
    for file in files:
        if file.suffix not in ENDINGS:
            raise ConfigError(f"'{file}' ends in '{file.suffix}'; expected {' or '.join(ENDINGS)}.")
        if file.exists() and (not force or file.is_dir()):
            raise ConfigError(f"there is a '{file}' already.", hint="--force replaces a file; or name another one.")
    if len({file.absolute() for file in files}) < len(files):
        raise ConfigError(f"'{files[0]}' was named for the orders and for the truth; expected two files.")


class Writer:
    """A file that grows table by table; it is opened with the first, whose columns it takes."""

    def __init__(self, path: Path, ending: str, opened: ExitStack) -> None:
        self._path, self._ending, self._opened = path, ending, opened
        self._file: Any = None

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if self._file is None:
            options = {"compression": "zstd"} if self._ending == ".parquet" else {}
            self._file = self._opened.enter_context(ENDINGS[self._ending](self._path, table.schema, **options))
        self._file.write_table(table)


@contextmanager
def written_whole(files: list[Path]) -> Iterator[list[Writer]]:
    """Writers of files beside their places, which are moved there when all is written; on any error they are removed.

    What a run that was killed left beside the same place is removed, too.

    Raises
    ------
    OutputError
        If one cannot be written.
    """
    try:
        with ExitStack() as folders:
            beside = [folders.enter_context(scratch_folder(file.parent, prefix=f".{file.name}-")) for file in files]
            drafts = [folder / file.name for folder, file in zip(beside, files, strict=True)]
            with ExitStack() as opened:
                yield [Writer(draft, file.suffix, opened) for draft, file in zip(drafts, files, strict=True)]
            for draft, file in zip(drafts, files, strict=True):
                draft.replace(file)
    except OSError as error:
        raise OutputError(
            f"could not write {files[0]}: {error.strerror or error}.",
            hint="check that the folder exists, is writable and has room. An earlier file is unchanged.",
        ) from error

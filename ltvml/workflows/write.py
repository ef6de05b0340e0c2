"""Write: scores, replenishment and plan of a cutoff into tables of a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ltvml.contracts import OUTREACH, REPLENISHMENT
from ltvml.engines.frames import arrow_schema, to_arrow
from ltvml.errors import ConfigError, DataContractError
from ltvml.outputs.plan import PLAN_FILE
from ltvml.outputs.planned_contacts import chosen
from ltvml.outputs.scores import ITEMS, KIND
from ltvml.outputs.sink import CUTOFF, write_rows
from ltvml.reports.write import WriteReport
from ltvml.run_directory import changed_files, listed, manifest_of, reading

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from ltvml.config import Config

OUTREACH_FOLDER, PLAN = "outreach", "plan"
COMMANDS = {KIND: "ltvml score", OUTREACH_FOLDER: "ltvml outreach"}


def write(config: Config, cutoff: dt.date | None = None) -> WriteReport:
    """Write the tables that `output.write_to` names, as `score` and `outreach` left them for a cutoff.

    All tables in one transaction. Rows of the cutoff that are there are replaced, those of other cutoffs stay, so that
    a second run changes nothing.

    Parameters
    ----------
    config : Config
    cutoff : date, optional
        That of the configuration by default.

    Returns
    -------
    WriteReport

    Raises
    ------
    ConfigError
        If no database is named, or there are no scores or no plan of that cutoff.
    DataContractError
        If a file was changed since it was written, or the plan was made from other scores.
    OutputError
        If the database refuses; no row was changed.
    """
    target = config.output.write_to
    if target.url is None:
        raise ConfigError(
            "output.write_to.url is missing; expected the address of a database.",
            hint="for example --set output.write_to.url=postgresql://host/shop, without a password.",
        )
    day = config.cutoff if cutoff is None else cutoff
    names = target.tables.named
    tables = {names[name]: rows for name, rows in _results(config, day, names).items()}
    return WriteReport(target.url, day, write_rows(target.url, tables, day))


def _results(config: Config, cutoff: dt.date, wanted: Mapping[str, str]) -> dict[str, pa.Table]:
    """Rows of every table that is wanted, with their cutoff."""
    results = Path(config.output.dir)
    scores, plan = (results / folder / cutoff.isoformat() for folder in (KIND, OUTREACH_FOLDER))
    with reading(scores), reading(plan):
        scored = _checked(scores, KIND, [f"{name}.parquet" for name in wanted if name != PLAN])
        found = {name: _rows(scores, name) for name in wanted if name != PLAN}
        if PLAN in wanted:
            planned = _checked(plan, OUTREACH_FOLDER, [PLAN_FILE])
            _refuse_other_scores(plan, planned, scored)
            found[PLAN] = _contacts(plan)
    return {name: _with_cutoff(rows, cutoff) for name, rows in found.items()}


def _checked(folder: Path, kind: str, files: list[str]) -> dict[str, Any]:
    """The manifest of a result that is there and as it was written."""
    manifest = manifest_of(folder)
    command = COMMANDS[kind]
    if manifest.get("kind") != kind:
        raise ConfigError(
            f"there is nothing of `{command}` in {folder}; expected its results of that cutoff.",
            hint=f"run `{command}` with the same configuration first, or leave its tables out of "
            "output.write_to.tables.",
        )
    # the items of a shop that has none are no file
    there = [name for name in files if name != f"{ITEMS}.parquet" or listed(manifest, name)]
    if changed := changed_files(folder, manifest, there):
        raise DataContractError(
            f"{folder}: {' and '.join(changed)}; expected the files that `{command}` wrote.",
            hint=f"run `{command}` again, with parquet among output.formats.",
        )
    return manifest


def _refuse_other_scores(folder: Path, plan: dict[str, Any], scores: dict[str, Any]) -> None:
    keys = ("model_version", "fingerprint")
    if any(plan[key] != scores[key] for key in keys):
        raise DataContractError(
            f"the plan in {folder} was made from other orders or another bundle than the scores of that cutoff.",
            hint="run `ltvml outreach` again, then write.",
        )


def _rows(folder: Path, name: str) -> pa.Table:
    path = folder / f"{name}.parquet"
    if name == ITEMS and not path.exists():
        return arrow_schema(REPLENISHMENT).empty_table()
    return pq.read_table(path.absolute())


def _contacts(folder: Path) -> pa.Table:
    """The contacts to make: a row that is suppressed or held out might be sent by who reads the table."""
    plan = pq.read_table((folder / PLAN_FILE).absolute())
    return to_arrow(chosen(plan.to_pandas(date_as_object=True))).cast(arrow_schema(OUTREACH))


def _with_cutoff(rows: pa.Table, cutoff: dt.date) -> pa.Table:
    rows = rows.replace_schema_metadata()
    if CUTOFF in rows.column_names:
        return rows
    return rows.add_column(0, CUTOFF, pa.array([cutoff] * rows.num_rows, pa.date32()))

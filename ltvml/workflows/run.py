"""Run: the night in one job, from the orders to the plan. What is done is not done again.

The steps are validate, watch, retrain, score, outreach, write. Watch and retrain come first: orders that were cut are
found before anybody is scored or contacted, and a night that is run again finds the model that it has promoted itself,
and not another one than its scores were made with. A step loads what it needs when it is its turn: a night that fits
nothing does not load what fits.
"""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltvml.errors import ConfigError, DataContractError, LtvmlError, LtvmlWarning, ended_by
from ltvml.inputs.orders import orders_read_once
from ltvml.outputs.champion import standing_of
from ltvml.outputs.nights import (
    NIGHTS,
    StepRecord,
    hash_of,
    hash_of_files,
    hash_of_orders,
    manifest_hash,
    night_file,
    read_night,
    unfinished_nights,
    was_recorded,
    why_again,
    write_night,
)
from ltvml.outreach.experiment.holdout import HOLDOUT
from ltvml.reports.night import NightReport
from ltvml.reports.recording import record, versions
from ltvml.run_directory import alone_on
from ltvml.threads import at_most
from ltvml.tracking.items import night_run, outreach_run, score_run, watch_run
from ltvml.window import as_date, named_day
from ltvml.workflows.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ltvml.config import Config
    from ltvml.config.sections import RetrainSettings
    from ltvml.progress import Progress
    from ltvml.reports.promote import PromotionReport
    from ltvml.tracking.items import Run

BY_RUN = "ltvml run"
TABLES = ("products", "contacts", "customers", "identities", "costs", "outreach", "replenishment")
"""Sections that name tables beside the orders."""
IGNORED = frozenset({"tracking", "output", "retrain"})
"""Sections without effect on a table."""
RESULTS = {"score": "scores", "outreach": "outreach", "watch": "watch"}


@dataclass
class Night:
    """A night while it runs.

    Parameters
    ----------
    config : Config
    transactions : frame or None
    progress, tell : callable or None
        Told of the progress within a step, and of each step that has ended.
    earlier : dict of str to StepRecord
        Of an earlier run of the same night.
    recorded : bool
        False where that run could not be recorded by the tracker.
    """

    config: Config
    transactions: Any
    progress: Progress | None
    tell: Callable[[StepRecord], None] | None
    earlier: Mapping[str, StepRecord]
    steps: list[StepRecord] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    error: LtvmlError | None = None
    orders: str = ""
    recorded: bool = True

    @property
    def results(self) -> Path:
        """The folder of all results."""
        return Path(self.config.output.dir)

    @property
    def cutoff(self) -> str:
        """As YYYY-MM-DD."""
        return self.config.cutoff.isoformat()

    @property
    def untracked(self) -> Config:
        """The configuration of the steps: the night is recorded once, at its end."""
        tracking = self.config.tracking.model_copy(update={"backend": "none"})
        return self.config.model_copy(update={"tracking": tracking})

    def inputs(self, **more: str) -> dict[str, str]:
        """What every step is made from, by name."""
        values = self.config.to_dict()
        settings = {name: section for name, section in values.items() if name not in IGNORED}
        formats = {"formats": values["output"]["formats"]}
        return {
            "orders": self.orders,
            "tables": hash_of_files([values[name] for name in TABLES]),
            "settings": hash_of(settings | formats),
            "release": versions()["ltvml"],
            **more,
        }

    def step(
        self,
        name: str,
        do: Callable[[], dict[str, Any]],
        inputs: Mapping[str, str],
        *,
        stops: Callable[[LtvmlError], bool] = lambda error: True,
    ) -> StepRecord:
        """Do a step unless it is done; one that fails ends the night where `stops` says so.

        Raises
        ------
        LtvmlError
            Of a step that ends the night, after its record is written.
        """
        known, start = self.earlier.get(name), time.perf_counter()
        why = why_again(known, inputs, self.results)
        if why is None and known is not None:
            return self._ended(replace(known, state="unchanged", seconds=0.0, words=""))
        result = f"{RESULTS[name]}/{self.cutoff}" if name in RESULTS else ""
        try:
            with self._warnings_kept():
                counts = do()
        except LtvmlError as error:
            if (end := ended_by(error)) is not None:
                raise end from error
            spent = time.perf_counter() - start
            self._ended(StepRecord(name, "failed", {}, spent, exit_code=error.exit_code, words=str(error)))
            self.error = self.error or error
            if stops(error):
                raise
            return self.steps[-1]
        made = manifest_hash(self.results / result) if result else ""
        # the warnings of a step are told by its summary, and again by that of a night that did not do it again
        spent = time.perf_counter() - start
        return self._ended(
            StepRecord(name, "done", dict(inputs), spent, counts, words=why or "", result=result, manifest=made)
        )

    def _ended(self, step: StepRecord) -> StepRecord:
        self.steps.append(step)
        write_night(self.results, self.cutoff, self.known(), state="running", summary="", recorded=self.recorded)
        if self.tell is not None:
            self.tell(step)
        return step

    def known(self) -> list[StepRecord]:
        """The steps of this run, and of an earlier one those that this one has not come to yet."""
        done = {step.step for step in self.steps}
        return [*self.steps, *(step for name, step in self.earlier.items() if name not in done)]

    @contextmanager
    def _warnings_kept(self) -> Iterator[None]:
        """Keep the warnings of a step for the summary, and give them on."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", LtvmlWarning)
            try:
                yield
            finally:
                told = list(caught)
        for one in told:
            if issubclass(one.category, LtvmlWarning):
                self.said.append(str(one.message))
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def run(
    config: Config,
    *,
    transactions: Any = None,
    progress: Progress | None = None,
    tell: Callable[[StepRecord], None] | None = None,
) -> NightReport:
    """Run the night of a cutoff: validate, watch, retrain by policy, score; plan and write where they are configured.

    Parameters
    ----------
    config : Config
        `window.cutoff` is the night; `retrain` says when a fit is made; a section `outreach` asks for a plan.
    transactions : frame, optional
        In place of `transactions.source`.
    progress : callable, optional
    tell : callable, optional
        Given the record of each step when it has ended.

    Returns
    -------
    NightReport
        Its `error` is that of the first step that failed.

    Raises
    ------
    ConfigError
        If the cutoff has not come yet.
    BusyError
        If another run of the same folder is not done within `output.wait`.
    """
    _check_has_come(config)
    results, cutoff = Path(config.output.dir), config.cutoff.isoformat()
    with (
        alone_on(results / NIGHTS, command=BY_RUN, wait=config.output.wait, under=results),
        at_most(config.engine.threads),
        orders_read_once(),
    ):
        night = Night(config, transactions, progress, tell, read_night(results, cutoff))
        night.recorded = was_recorded(results, cutoff)
        start = time.perf_counter()
        try:
            _steps_of(night)
        except LtvmlError as error:
            night.error = night.error or error
        report = NightReport(
            cutoff=cutoff,
            steps=tuple(night.steps),
            standing=standing_of(results),
            error=night.error,
            warnings=tuple(dict.fromkeys(night.said)),
            unfinished=unfinished_nights(results, cutoff),
            path=night_file(results, cutoff).with_suffix(".txt").absolute(),
            seconds=time.perf_counter() - start,
            runs=tuple(night.runs),
            language=config.outreach.language,
        )
        if night.runs or night.error is not None or not night.recorded:
            report = record(report, config.tracking, config.output, night_run)
        # the summary of the run that did the work stays: this one would not know of its warnings
        summary = "" if report.did_nothing else report.text() + "\n"
        recorded = report.recorded.error is None
        write_night(results, cutoff, night.known(), state=report.state, summary=summary, recorded=recorded)
        return report


def _check_has_come(config: Config) -> None:
    """Refuse a cutoff after today: every customer would look inactive, and be contacted as such."""
    today = named_day("today", config.transactions.timezone)
    if config.cutoff > today:
        raise ConfigError(
            f"the day {config.cutoff} has not come yet: today is {today}; expected a day whose orders are complete.",
            hint="use --cutoff yesterday, and look at the clock and at transactions.timezone.",
        )


def _steps_of(night: Night) -> None:
    """The steps in their order; an error that ends the night is raised."""
    checked = night.step("validate", lambda: _validate(night), _of_orders(night))
    night.orders = str(checked.counts["fingerprint"])
    night.step("watch", lambda: _watch(night), _of_watch(night), stops=of_the_data)
    night.step("retrain", lambda: _retrain(night), night.inputs(policy=_policy(night)), stops=never)
    model = standing_of(night.results)
    serving = night.inputs(model=model.champion or model.newest or "")
    night.step("score", lambda: _score(night), serving)
    if "outreach" in night.config.model_fields_set:
        made = manifest_hash(night.results / RESULTS["score"] / night.cutoff)
        night.step("outreach", lambda: _outreach(night), serving | {"scores": made})
    if night.config.output.write_to.url is not None:
        night.step("write", lambda: _write(night), _of_written(night))


def of_the_data(error: LtvmlError) -> bool:
    """Whether an error says that the orders cannot be trusted: nobody is then scored or contacted."""
    return isinstance(error, DataContractError)


def never(error: LtvmlError) -> bool:
    """Of a step without which the night goes on: the champion serves."""
    return False


def _of_orders(night: Night) -> dict[str, str]:
    """What the check of the orders is made from: their files, which are compared without being read as a table."""
    orders = night.config.transactions
    texts = [str(place) for place in (orders.source, *orders.sources.values()) if place is not None]
    return night.inputs(orders=hash_of_orders(texts) if night.transactions is None else "")


def _of_watch(night: Night) -> dict[str, str]:
    """The scores that were made before the night."""
    scores = {path.name: manifest_hash(path) for path in _earlier_scores(night)}
    return night.inputs(scores=hash_of(scores))


def _earlier_scores(night: Night) -> list[Path]:
    return [path for path in sorted((night.results / RESULTS["score"]).glob("[0-9]*")) if path.name < night.cutoff]


def _validate(night: Night) -> dict[str, Any]:
    report = validate(night.untracked, transactions=night.transactions, progress=night.progress)
    ledger = report.intake.ledger
    return {
        "rows": ledger.rows_in,
        "used": ledger.used,
        "customers": report.intake.customers,
        "fingerprint": report.intake.fingerprint,
    }


def _watch(night: Night) -> dict[str, Any]:
    if not _earlier_scores(night):
        return {"state": "none"}
    from ltvml.workflows.watch import watch

    report = watch(night.untracked, transactions=night.transactions, progress=night.progress)
    night.runs.append(watch_run(report.tracked()))
    return {"state": report.state, "reasons": list(report.reasons)}


def _score(night: Night) -> dict[str, Any]:
    from ltvml.workflows.score import score

    report = score(night.untracked, transactions=night.transactions, progress=night.progress)
    night.runs.append(score_run(report.tracked()))
    return {
        "customers": report.tally.customers,
        "high_risk": report.tally.bands.get("high", 0),
        "model": report.bundle.version,
    }


def _outreach(night: Night) -> dict[str, Any]:
    from ltvml.workflows.plan import plan_outreach

    report = plan_outreach(night.untracked, transactions=night.transactions, progress=night.progress)
    night.runs.append(outreach_run(report.tracked()))
    return {
        "contacts": len(report.contacts),
        "service": len(report.due_tasks),
        "held_out": int((report.plan["group"] == HOLDOUT).sum()),
    }


def _of_written(night: Night) -> dict[str, str]:
    """The results that are sent, and where they go."""
    made = {name: manifest_hash(night.results / RESULTS[name] / night.cutoff) for name in ("score", "outreach")}
    return made | {"target": hash_of(night.config.output.write_to.to_dict())}


def _write(night: Night) -> dict[str, Any]:
    from ltvml.workflows.write import write

    output = night.config.output
    if "outreach" not in night.config.model_fields_set:
        # a night without a plan has no table of it
        tables = output.write_to.tables.model_copy(update={"plan": None})
        output = output.model_copy(update={"write_to": output.write_to.model_copy(update={"tables": tables})})
    report = write(night.config.model_copy(update={"output": output}))
    return {"rows": sum(one.rows for one in report.tables), "tables": len(report.tables)}


def _policy(night: Night) -> str:
    """The policy, and what watch found: another finding decides anew."""
    found = next((step.counts.get("state") for step in night.steps if step.step == "watch"), None)
    return hash_of([night.config.retrain.to_dict(), found])


def _retrain(night: Night) -> dict[str, Any]:
    """Fit again where the policy asks for it, compare, and promote or leave."""
    standing = standing_of(night.results)
    found = next((step.counts.get("state", "") for step in night.steps if step.step == "watch"), "")
    age = None if standing.newest_cutoff is None else (night.config.cutoff - as_date(standing.newest_cutoff)).days
    due = retraining(night.config.retrain, age=age, state=found)
    facts = {"decision": due, "age": age, "every": night.config.retrain.every, "pause": night.config.retrain.pause}
    if due not in ("first", "age", "drift"):
        return facts
    from ltvml.workflows.fit import fit
    from ltvml.workflows.promote import promote

    fitted = fit(night.config, transactions=night.transactions, progress=night.progress)
    facts["fitted"] = fitted.bundle.version
    if not fitted.standing.waits:
        return facts | {"outcome": "serves"}
    outcome = promote(night.config, who=BY_RUN, transactions=night.transactions, progress=night.progress)
    return facts | {"outcome": outcome_of(outcome), "why": list(outcome.words)}


def outcome_of(report: PromotionReport) -> str:
    """What became of a challenger: serves, worse or unknown."""
    if report.promoted:
        return "serves"
    return "worse" if any(one.worse for one in report.comparisons) else "unknown"


def retraining(settings: RetrainSettings, *, age: int | None, state: str) -> str:
    """Whether a night fits again, and why.

    Parameters
    ----------
    settings : RetrainSettings
    age : int or None
        Days from the cutoff of the last fit to the night; None where nothing is fitted.
    state : str
        Of watch.

    Returns
    -------
    str
        `first`, `age` or `drift` where it does; `off`, `pause` or `young` where it does not.

    Examples
    --------
    >>> from ltvml.config.sections import RetrainSettings
    >>> policy = RetrainSettings(on=("age", "drift"), every=90, pause=28)
    >>> [retraining(policy, age=age, state=state) for age, state in ((90, "fine"), (30, "retrain"), (7, "retrain"))]
    ['age', 'drift', 'pause']
    """
    if not settings.on:
        return "off"
    if age is None:
        return "first"
    if "age" in settings.on and age >= settings.every:
        return "age"
    if "drift" in settings.on and state == "retrain":
        return "drift" if age >= settings.pause else "pause"
    return "young"

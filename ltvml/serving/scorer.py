"""A request and a bundle in, an answer out: what the server does, without HTTP."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pandas as pd

from ltvml.bundle.replenishment import NEXT_DUE, next_due
from ltvml.contracts import CUSTOMER_SCORES, OF_CUSTOMERS, customer_table
from ltvml.engines.values.date_formats import LAST_YEAR
from ltvml.errors import DataContractError, LtvmlError
from ltvml.serving.one_customer import OneCustomer, with_attributes
from ltvml.serving.request import Reading, Request, RequestError, request_of, text_of
from ltvml.tracking.served_rows import CUTOFF, ROW, column_of, summary_of
from ltvml.window import date_of, day_number

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from ltvml.bundle.bundle import Bundle
    from ltvml.bundle.replenishment import Replenishment
    from ltvml.contracts import Column
    from ltvml.features.ledger import Rules

LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOADS = 5.0
LAST_DAY = day_number(f"{LAST_YEAR}-12-31")


class Scorer:
    """Scores requests with one bundle; several threads may ask, one is answered at a time.

    Parameters
    ----------
    bundle : Bundle
        Asked for the horizons of the configuration.
    rules : features.ledger.Rules
        For unusual lines.
    reading : Reading
        How lines are read; `needed` is that of the bundle.
    cutoff : date
        Of requests that name none.
    contents : frame, optional
        See `OneCustomer`.
    """

    def __init__(
        self, bundle: Bundle, rules: Rules, reading: Reading, *, cutoff: dt.date, contents: pd.DataFrame | None = None
    ) -> None:
        self.bundle, self.reading, self.cutoff = bundle, reading, cutoff
        self._one = OneCustomer(bundle, rules, contents)
        for has_returns in (False, True):
            # planned before anybody waits
            self._one.plan_for(cutoff, has_returns=has_returns)
        self._lock = threading.Lock()

    def answer(self, body: bytes) -> dict[str, Any]:
        """Score one customer.

        Parameters
        ----------
        body : bytes
            See `request.request_of`.

        Returns
        -------
        dict
            `model_version`, `cutoff`, `scores` (columns of `contracts.customer_table`; dates as ISO text, null where a
            value is withheld) and `notes`.

        Raises
        ------
        RequestError
            With the field that cannot be used.
        """
        request = request_of(body, self.reading)
        with self._lock:
            scores, notes = self._of_summary(request) if request.summary is not None else self._of_orders(request)
        return {"model_version": self.bundle.version, "cutoff": scores["cutoff"], "scores": scores, "notes": notes}

    def _of_orders(self, request: Request) -> tuple[dict[str, Any], list[str]]:
        cutoff = self._cutoff(request.cutoff or self.cutoff)
        item = self.bundle.replenishment.item if self.bundle.replenishment is not None else ""
        found = self._one.ask(request.lines, cutoff, with_items=item in request.given)
        if found.row.empty:
            raise RequestError(
                "orders", f"no purchase is left in orders up to the cutoff {cutoff}; expected one or more."
            )
        row = found.row.assign(customer_id=pd.array([request.customer_id], dtype="str"))
        row = with_attributes(row, self.bundle.attributes.names, self._attributes(request))
        if missing := [name for name in self.bundle.summary_columns if name not in row]:
            raise RequestError(
                "orders",
                f"the models read {', '.join(missing)}, which orders of a request do not have; expected a summary.",
            )
        scores = _plain(self.bundle.score(row), self.bundle)
        last_day = day_number(cutoff)
        later = sum(line["day"] > last_day for line in request.lines)
        notes = (
            [f"{later:,} of {len(request.lines):,} lines are after the cutoff {cutoff} and not used."] if later else []
        )
        if self.bundle.replenishment is None:
            return scores, notes
        pairs = found.pairs()
        if pairs is None:
            notes.append(f"No order has the field '{item}': the replenishment columns are empty.")
            return scores | dict.fromkeys(NEXT_DUE), notes
        return scores | _due(self.bundle.replenishment, pairs), notes

    def _of_summary(self, request: Request) -> tuple[dict[str, Any], list[str]]:
        given = dict(request.summary or {})
        names = self.bundle.summary_columns
        if "cutoff" not in given and "cutoff_day" not in given:
            given["cutoff"] = (request.cutoff or self.cutoff).isoformat()
        given.setdefault("customer_id", request.customer_id)
        given |= {f"{OF_CUSTOMERS}{name}": value for name, value in self._attributes(request).items()}
        for name in given:
            if name not in {*names, *ROW.names, CUTOFF.name}:
                raise RequestError(f"summary.{name}", f"summary has no field '{name}'; expected {', '.join(names)}.")
        for name in names:
            if name not in given and name != "cutoff_day":
                if name.startswith(OF_CUSTOMERS):
                    given[name] = None
                    continue
                raise RequestError(f"summary.{name}", f"summary.{name} is missing; expected {', '.join(names)}.")
        read = [name for name in (CUTOFF.name, *names) if name in given]
        texts = (name for name in read if name == CUTOFF.name or column_of(name).dtype == "string")
        given |= {name: text_of(given[name], f"summary.{name}") for name in texts}
        try:
            row = summary_of(pd.DataFrame({name: [given[name]] for name in read}, dtype=object), names)
        except DataContractError as error:
            named = next((name for name in error.counts), "cutoff")
            raise RequestError(f"summary.{named}", f"summary.{error.message}") from None
        self._cutoff(_day_of(int(row["cutoff_day"].iloc[0])))
        _refuse_impossible(row)
        return _plain(self.bundle.score(row), self.bundle), []

    def _attributes(self, request: Request) -> Mapping[str, str | None]:
        known = request.attributes or {}
        names = [
            name.removeprefix(OF_CUSTOMERS) for name in self.bundle.attributes.names if name.startswith(OF_CUSTOMERS)
        ]
        for name in known:
            if name not in names:
                listed = ", ".join(names) or "none, since the models read no attribute of customers"
                raise RequestError(f"attributes.{name}", f"the bundle has no attribute '{name}'; expected {listed}.")
        return known

    def _cutoff(self, cutoff: dt.date) -> dt.date:
        first = self.bundle.window.cutoff
        if cutoff < first:
            raise RequestError(
                "cutoff",
                f"cutoff is {cutoff}, before that of the bundle, {first}; expected that day or later, because the "
                "models were fitted on later orders.",
            )
        return cutoff


class Served:
    """The scorer of a bundle that may be replaced while it is served: a newer one takes its place.

    Parameters
    ----------
    load : callable
        Gives a scorer of the bundle that is there now.
    stamp : callable
        Gives another value when the bundle was replaced.
    """

    def __init__(self, load: Callable[[], Scorer], stamp: Callable[[], object]) -> None:
        self._load, self._stamp = load, stamp
        self._lock = threading.Lock()
        self._again = 0.0
        self._seen = stamp()
        self._scorer = load()

    @property
    def scorer(self) -> Scorer:
        """Of the newest bundle; where that cannot be loaded, the one before goes on, and the log says so."""
        with self._lock:
            if (now := self._stamp()) != self._seen and time.monotonic() >= self._again:
                try:
                    self._scorer, self._seen = self._load(), now
                    LOG.warning("Serving bundle %s now.", self._scorer.bundle.version)
                except LtvmlError as error:
                    # a bundle that is still being copied is whole a little later
                    self._again = time.monotonic() + _SECONDS_BETWEEN_LOADS
                    LOG.warning("Bundle %s is still served: %s", self._scorer.bundle.version, error.message)
            return self._scorer


def _day_of(day: int) -> dt.date:
    if not 0 <= day <= LAST_DAY:
        raise RequestError(
            "summary.cutoff_day",
            f"summary.cutoff_day is {day:,}; expected days since 1970-01-01, up to the year {LAST_YEAR}.",
        )
    return date_of(day)


def _refuse_impossible(row: pd.DataFrame) -> None:
    """Refuse a history that nobody can have: models would answer it with numbers that mean nothing."""
    frequency, recency, age = (int(row[name].iloc[0]) for name in ("frequency", "recency", "T"))
    for name, value in (("frequency", frequency), ("recency", recency), ("T", age)):
        if value < 0:
            raise RequestError(f"summary.{name}", f"summary.{name} is {value}; expected 0 or more.")
    if age > (most := int(row["cutoff_day"].iloc[0])):
        raise RequestError("summary.T", f"summary.T is {age:,} days; expected at most {most:,}: a day from 1970 on.")
    if recency > age:
        raise RequestError("summary.recency", f"summary.recency is {recency} and T {age}; expected at most T.")
    if (frequency == 0) != (recency == 0):
        raise RequestError(
            "summary.recency",
            f"summary.recency is {recency} with frequency {frequency}; expected 0 without a repeat purchase, and more "
            "than 0 with one.",
        )
    if frequency > recency:
        raise RequestError(
            "summary.frequency",
            f"summary.frequency is {frequency:,} within {recency:,} days (recency); expected at most one a day.",
        )


def _plain(scores: pd.DataFrame, bundle: Bundle) -> dict[str, Any]:
    """The one row as JSON can hold it: whole numbers whole, dates as ISO text, null where there is no value."""
    row = scores.iloc[0]
    return {column.name: _shown(row[column.name], column) for column in customer_table(bundle.window.horizons).columns}


def _due(role: Replenishment, pairs: pd.DataFrame) -> dict[str, Any]:
    """The replenishment columns of a customer; null where no item is due."""
    due = next_due(role.scores(pairs))
    if due.empty:
        return dict.fromkeys(NEXT_DUE)
    return {name: _shown(due[name].iloc[0], CUSTOMER_SCORES[name]) for name in NEXT_DUE}


def _shown(value: Any, column: Column) -> Any:
    if pd.isna(value):
        return None
    if column.dtype == "date":
        return f"{value:%Y-%m-%d}"
    return int(value) if column.dtype == "int64" else value

"""Restraint: who must not be contacted, and why.

The first reason in this order is the one that is given:

    opted_out                 the customer refuses the channel, or all of them
    open_case                 a complaint or a return is open
    channel_disliked          the customer dislikes the channel
    quiet_after_order         fewer days after an order than the quiet period
    quiet_value_verification  the same for a first order that is still being tried: a longer quiet
    cool_down                 the last contacts were ignored, one after another
    repeated                  the same was planned or sent already, and no order has followed (`contact_history`)
    same_day                  a contact on that day is planned or made: one action a customer and day
    channel_7_days            the channel's cap in 7 days that follow each other
    channel_28_days           the same in 28 days
    total_7_days              the cap over all channels in 7 days
    total_28_days             the same in 28 days

Follow-ups belong to the order and are not held back by its quiet periods. A cap looks at every window that holds the
day of the contact, so that contacts planned for later days count too. A plan takes one contact a customer a run: what
is planned by one run is in the log of the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ltvml.outreach.beside import places_of
from ltvml.outreach.restraint.contact_history import ContactDays, customer_codes, made, repeats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ltvml.arrays import Ints, Mask, Places
    from ltvml.outreach.settings import Caps


WEEK_DAYS, MONTH_DAYS = 7, 28
REASONS = (
    "opted_out",
    "open_case",
    "channel_disliked",
    "quiet_after_order",
    "quiet_value_verification",
    "cool_down",
    "repeated",
    "same_day",
    "channel_7_days",
    "channel_28_days",
    "total_7_days",
    "total_28_days",
)
STOPS: Mapping[str, tuple[str, ...]] = {
    "opt_outs": ("opted_out",),
    "consent_of_customers": ("opted_out",),
    "unsubscribed_in_contacts": ("opted_out",),
    "open_cases": ("open_case",),
    "disliked": ("channel_disliked",),
    "contacts": REASONS[REASONS.index("cool_down") :],
}
"""Table: the reasons that it gives."""
LONGEST_QUIET = 365
_NO_MORE = "expected no more in 7 days than in 28."


def faults(caps: Caps) -> list[str]:
    """Everything that is wrong or contradictory, in words; empty where nothing is.

    Examples
    --------
    >>> from ltvml.outreach.settings import Caps
    >>> faults(Caps(total_7=5))
    ['caps: 5 contacts in 7 days but 4 in 28 days; expected no more in 7 days than in 28.']
    """
    return [f"caps: {words}" for words in (*_negative(caps), *_contradictory(caps))]


def _negative(caps: Caps) -> Iterator[str]:
    for name in ("total_7", "total_28", "quiet_after_order", "quiet_value_verification", "ignored", "cool_down"):
        if getattr(caps, name) < 0:
            yield f"{name} {getattr(caps, name)}; expected 0 or more."
    for name in ("channel_7", "channel_28"):
        for channel, most in getattr(caps, name).items():
            if most < 0:
                yield f"{name} of {channel} {most}; expected 0 or more."


def _contradictory(caps: Caps) -> Iterator[str]:
    if caps.total_7 > caps.total_28:
        yield f"{caps.total_7} contacts in 7 days but {caps.total_28} in 28 days; {_NO_MORE}"
    for channel in sorted(set(caps.channel_7) & set(caps.channel_28)):
        week, month = caps.channel_7[channel], caps.channel_28[channel]
        if week > month:
            yield f"{week} by {channel} in 7 days but {month} in 28 days; {_NO_MORE}"
    if caps.quiet_after_order > caps.quiet_value_verification:
        yield (
            f"quiet_after_order {caps.quiet_after_order} is longer than quiet_value_verification "
            f"{caps.quiet_value_verification}; expected no more than quiet_value_verification."
        )
    for name in ("quiet_after_order", "quiet_value_verification", "cool_down"):
        if getattr(caps, name) > LONGEST_QUIET:
            yield f"{name} {getattr(caps, name)} days; expected at most {LONGEST_QUIET}."
    if caps.ignored > 0 and caps.cool_down == 0:
        yield f"ignored {caps.ignored} starts a cool-down of 0 days; expected days, or ignored 0."


@dataclass(frozen=True)
class Applied:
    """What of a table of wishes, or of the log of contacts, was applied.

    Parameters
    ----------
    rows : int
        Rows of the table that hold.
    matched : int
        Those of them that name a customer.
    customers : int
        Customers that are named.
    """

    rows: int
    matched: int
    customers: int


@dataclass(frozen=True)
class Wishes:
    """Opt-outs and open cases of customers; an absent table excludes no contact.

    Parameters
    ----------
    opt_outs : frame, optional
        customer_id and channel; a null channel is all of them.
    disliked : frame, optional
        customer_id and channel.
    open_cases : frame, optional
        customer_id of open complaints and returns.
    applied : mapping of str to Applied
        Of each table that was read.
    """

    opt_outs: pd.DataFrame | None = None
    disliked: pd.DataFrame | None = None
    open_cases: pd.DataFrame | None = None
    applied: Mapping[str, Applied] = field(default_factory=dict)


@dataclass(frozen=True)
class _Asked:
    """The candidates as integers: customer, channel, day of the contact."""

    who: Ints
    by: Ints
    day: Ints
    ids: pd.Index
    channels: pd.Index

    @property
    def n(self) -> int:
        return len(self.who)

    @property
    def who_by(self) -> Ints:
        return np.asarray(self.who * len(self.channels) + self.by)

    def stated(self, table: pd.DataFrame | None) -> Mask:
        """Whether the customer is named in the table, with this channel or with none."""
        return np.asarray(refused(table, self.ids, self.channels)[self.who, self.by])


def refused(table: pd.DataFrame | None, ids: pd.Index, channels: pd.Index) -> Mask:
    """Whether each customer is named with each channel: in a row of that channel, or in one without a channel.

    Parameters
    ----------
    table : frame, optional
        customer_id and, where rows are about one channel, channel.
    ids : (n,) index
        Customers, each once.
    channels : (k,) index

    Returns
    -------
    (n, k) array of bool

    Examples
    --------
    >>> table = pd.DataFrame({"customer_id": ["a", "b"], "channel": ["sms", None]})
    >>> refused(table, pd.Index(["a", "b"]), pd.Index(["email", "sms"])).tolist()
    [[False, True], [True, True]]
    """
    named = np.zeros((len(ids), len(channels)), dtype=bool)
    if table is None or table.empty:
        return named
    who = customer_codes(table["customer_id"], ids)
    if "channel" not in table:
        named[who[who >= 0]] = True
        return named
    by, every = customer_codes(table["channel"], channels), table["channel"].isna().to_numpy()
    named[who[every & (who >= 0)]] = True
    one = ~every & (who >= 0) & (by >= 0)
    named[who[one], by[one]] = True
    return named


def suppressions(
    candidates: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    caps: Caps,
    cutoff_day: int,
    contacts: pd.DataFrame | None = None,
    wishes: Wishes | None = None,
    windows: Mapping[str, int] | None = None,
) -> pd.Categorical:
    """Why each candidate must not be done; null where it may.

    Parameters
    ----------
    candidates : (m,) frame
        customer_id, purpose, channel, due_day; action and item where `windows` are given.
    customers : frame
        customer_id, days_since_last, stage.
    caps : Caps
        Without faults.
    cutoff_day : int
    contacts : frame, optional
        Contacts made and planned so far: customer_id, channel, day; `action`, `item`, `treated`, `opened`, `converted`
        where known. Rows of unknown customers and of held-out ones (treated false) do not count.
    wishes : Wishes, optional
    windows : mapping of str to int, optional
        Action: days in which its contact is not repeated; without it contacts may be.

    Returns
    -------
    (m,) categorical
        Of `REASONS`, ordered; the first that holds.
    """
    given = _asked(candidates)
    found = np.full(given.n, -1, dtype="int8")
    last = _last_orders(customers, given, cutoff_day)
    for reason, holds in _said(candidates, given, customers, caps, last, wishes or Wishes()):
        _note(found, np.flatnonzero(holds), reason)
    log = _log(contacts, given)
    tired = given.day < _cool_until(log, caps, cutoff_day, len(given.ids))[given.who]
    _note(found, np.flatnonzero(tired), "cool_down")
    if windows:
        _note(found, np.flatnonzero(repeats(candidates, contacts, last, windows)), "repeated")
    for reason, rows in _counted(log, given, caps, found):
        _note(found, rows, reason)
    return pd.Categorical.from_codes(found, categories=pd.Index(REASONS, dtype=object), ordered=True)


def _note(found: NDArray[np.int8], rows: NDArray[np.intp], reason: str) -> None:
    found[rows[found[rows] < 0]] = REASONS.index(reason)


def _asked(candidates: pd.DataFrame) -> _Asked:
    who, by = candidates["customer_id"].astype("category"), candidates["channel"].astype("category")
    codes, by_codes = (one.cat.codes.to_numpy().astype(np.int64) for one in (who, by))
    day = candidates["due_day"].to_numpy(np.int64)
    return _Asked(codes, by_codes, day, who.cat.categories, by.cat.categories)


def _said(
    candidates: pd.DataFrame, given: _Asked, customers: pd.DataFrame, caps: Caps, last: Ints, wishes: Wishes
) -> Iterator[tuple[str, Mask]]:
    """The reasons that need no log, in their order."""
    yield "opted_out", given.stated(wishes.opt_outs)
    yield "open_case", given.stated(None if wishes.open_cases is None else wishes.open_cases[["customer_id"]])
    yield "channel_disliked", given.stated(wishes.disliked)
    place = _places(customers, given)
    trying = customers["stage"].eq("value_verification").to_numpy()[place]
    age = given.day - last
    bound = ~candidates["purpose"].isin(caps.exempt).to_numpy()
    yield "quiet_after_order", bound & (age < caps.quiet_after_order)
    yield "quiet_value_verification", bound & trying[given.who] & (age < caps.quiet_value_verification)


def _last_orders(customers: pd.DataFrame, given: _Asked, cutoff_day: int) -> Ints:
    """Day of the last order of each candidate's customer."""
    place = _places(customers, given)
    silence = customers["days_since_last"].to_numpy(dtype=np.int64)
    return np.asarray(cutoff_day - silence[place][given.who])


def _places(customers: pd.DataFrame, given: _Asked) -> Places:
    """Row of each customer that candidates may be of."""
    return places_of(pd.DataFrame({"customer_id": given.ids}), customers, ["customer_id"])


@dataclass(frozen=True)
class _Log:
    """Contacts of the customers in question: codes of customer and channel (-1 of none asked), day, ignored or not."""

    who: Ints
    by: Ints
    day: Ints
    ignored: Ints


def _log(contacts: pd.DataFrame | None, given: _Asked) -> _Log:
    if contacts is None or contacts.empty:
        nothing = np.empty(0, dtype=np.int64)
        return _Log(nothing, nothing, nothing, nothing)
    log = made(contacts)
    who, by = customer_codes(log["customer_id"], given.ids), customer_codes(log["channel"], given.channels)
    known = who >= 0
    return _Log(who[known], by[known], log["day"].to_numpy(dtype=np.int64)[known], _ignored(log)[known])


def _counted(log: _Log, given: _Asked, caps: Caps, found: NDArray[np.int8]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """The reasons that counts of the log give, with their rows; rows with a reason already are not looked at."""
    everything = ContactDays.of(log.who, log.day)
    single = ContactDays.of(np.where(log.by >= 0, log.who * len(given.channels) + log.by, -1), log.day)
    rows = np.flatnonzero(found < 0)
    yield "same_day", rows[everything.count(given.who[rows], given.day[rows], given.day[rows]) > 0]
    for reason, width, most in (
        ("channel_7_days", WEEK_DAYS, caps.channel_7),
        ("channel_28_days", MONTH_DAYS, caps.channel_28),
    ):
        rows = np.flatnonzero(found < 0)
        allowed = np.array([most.get(name, np.inf) for name in given.channels])[given.by[rows]]
        # the contact itself is one more than those in the log
        yield reason, rows[single.most_around(given.who_by[rows], given.day[rows], width) + 1 > allowed]
    for reason, width, total in (
        ("total_7_days", WEEK_DAYS, caps.total_7),
        ("total_28_days", MONTH_DAYS, caps.total_28),
    ):
        rows = np.flatnonzero(found < 0)
        yield reason, rows[everything.most_around(given.who[rows], given.day[rows], width) + 1 > total]


def _cool_until(log: _Log, caps: Caps, cutoff_day: int, customers: int) -> Ints:
    """First day on which each customer may be contacted again: `cool_down` days after the last ignored contact."""
    until = np.full(customers, np.iinfo(np.int64).min)
    past = log.day <= cutoff_day
    if caps.ignored == 0 or not past.any():
        return until
    frame = pd.DataFrame({"who": log.who, "day": log.day, "ignored": log.ignored})[past]
    # of contacts on one day the one that was not ignored comes last, whatever the order of rows
    frame = frame.sort_values(["who", "day", "ignored"], ascending=[True, True, False])
    last = frame.groupby("who").tail(caps.ignored).groupby("who").agg({"ignored": "sum", "day": "max"})
    tired = last[last["ignored"] == caps.ignored]
    until[tired.index.to_numpy()] = tired["day"].to_numpy() + caps.cool_down
    return until


def _ignored(log: pd.DataFrame) -> Ints:
    """1 where a contact is known not to have been opened or converted and no record shows that it was."""
    answers = [log[name].astype("boolean") for name in ("opened", "converted") if name in log]
    if not answers:
        return np.zeros(len(log), dtype=np.int64)
    yes = np.any([answer.fillna(False).to_numpy(dtype=bool) for answer in answers], axis=0)
    no = np.any([~answer.fillna(True).to_numpy(dtype=bool) for answer in answers], axis=0)
    return np.asarray((no & ~yes).astype(np.int64))

"""How many contacts a run may make, and what they may cost: by queue, by channel and in all."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ltvml.outreach.actions import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ltvml.arrays import Array


@dataclass(frozen=True)
class Queue:
    """What one purpose may use in a run.

    Parameters
    ----------
    purpose : str
    capacity : int, optional
        Contacts; None is no limit of its own.
    budget : float, optional
        Money; None is no limit of its own.
    """

    purpose: str
    capacity: int | None = None
    budget: float | None = None


@dataclass(frozen=True)
class Limits:
    """What a run may use; None, or a name left out, is no limit.

    Parameters
    ----------
    capacity : int, optional
        Contacts in all.
    budget : float, optional
        Money in all.
    queues : tuple of Queue
    channels : mapping of str to int
        Contacts by channel.
    """

    capacity: int | None = None
    budget: float | None = None
    queues: tuple[Queue, ...] = ()
    channels: Mapping[str, int] = field(default_factory=dict)


def faults(limits: Limits, channels: Sequence[str]) -> list[str]:
    """Everything that is wrong, in words; empty where nothing is.

    Parameters
    ----------
    limits : Limits
    channels : sequence of str
        Names of the channels that there are.

    Examples
    --------
    >>> faults(Limits(capacity=0), ["email"])
    ['capacity 0; expected 1 contact a run or more, or none to have no limit.']
    """
    found = [*_amount_faults("", limits.capacity, limits.budget)]
    purposes = [queue.purpose for queue in limits.queues]
    for queue in limits.queues:
        found += _amount_faults(f"queue {queue.purpose}: ", queue.capacity, queue.budget)
        if queue.purpose not in PURPOSES:
            found.append(f"queue '{queue.purpose}' is no purpose; expected one of {', '.join(PURPOSES)}.")
    found += [f"queue {name}: named {purposes.count(name)} times; expected once." for name in _twice(purposes)]
    for channel, capacity in limits.channels.items():
        found += _amount_faults(f"channel {channel}: ", capacity, None)
        if channel not in channels:
            found.append(f"channel '{channel}' is not known; expected one of {', '.join(channels)}.")
    return found


def _amount_faults(where: str, capacity: int | None, budget: float | None) -> Iterator[str]:
    if capacity is not None and capacity < 1:
        yield f"{where}capacity {capacity}; expected 1 contact a run or more, or none to have no limit."
    if budget is not None and not (math.isfinite(budget) and budget > 0):
        yield f"{where}budget {budget:g}; expected money, more than 0, or none to have no limit."


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


@dataclass(frozen=True)
class Constraints:
    """Limits as the rows of a linear programme over cells; a cell is a purpose and a channel.

    A contact in cell c that costs m uses `counts[k, c] + spends[k, c] * m` of constraint k, of which there is
    `bound[k]`. Only limits that are set have a row.

    Parameters
    ----------
    names : tuple of str
        `total capacity`, `queue win_back budget`, `channel sms capacity`.
    counts, spends : (K, cells) arrays
        0 or 1.
    bound : (K,) array
    """

    names: tuple[str, ...]
    counts: Array
    spends: Array
    bound: Array

    @property
    def most_contacts(self) -> float:
        """No plan makes more contacts than this: the least bound of a family of limits that covers every cell."""
        bounds = [np.inf]
        for family in ("total", "queue", "channel"):
            rows = [k for k, name in enumerate(self.names) if name.startswith(family) and name.endswith(" capacity")]
            if rows and self.counts[rows].any(axis=0).all():
                bounds.append(float(self.bound[rows].sum()))
        return min(bounds)

    def used(self, cell: NDArray[np.intp], cost: Array, units: Array) -> Array:
        """What `units` contacts of each row use of each constraint, shape (K,)."""
        cells = self.counts.shape[1]
        number = np.bincount(cell, weights=units, minlength=cells)
        money = np.bincount(cell, weights=units * cost, minlength=cells)
        # not a matrix product: a BLAS sum may differ in its last bit from machine to machine
        return np.asarray((self.counts * number + self.spends * money).sum(axis=1))

    def needs(self, cell: NDArray[np.intp], cost: Array) -> Array:
        """What one contact of each row uses of each constraint, shape (K, rows)."""
        return np.asarray(self.counts[:, cell] + self.spends[:, cell] * cost)

    def price(self, prices: Array, cell: NDArray[np.intp], cost: Array) -> Array:
        """What one contact of each row pays at a price a unit of each constraint, shape (rows,)."""
        contact, money = (prices[:, None] * self.counts).sum(axis=0), (prices[:, None] * self.spends).sum(axis=0)
        return np.asarray(contact[cell] + money[cell] * cost)


def constraints(limits: Limits, purposes: Sequence[str], channels: Sequence[str]) -> Constraints:
    """The limits over the cells purpose x channel, cell = place of purpose * number of channels + place of channel.

    Examples
    --------
    >>> constraints(Limits(capacity=5, channels={"sms": 2}), ["win_back"], ["email", "sms"]).counts
    array([[1., 1.],
           [0., 1.]])
    """
    rows = [row for row in _rows(limits, purposes, channels) if row[3] is not None]
    shape = (len(rows), len(purposes) * len(channels))
    counts, spends = np.zeros(shape), np.zeros(shape)
    for k, (kind, _, cells, _) in enumerate(rows):
        (counts if kind == "capacity" else spends)[k] = cells.ravel()
    bound = np.array([float(bound) for *_, bound in rows if bound is not None])
    return Constraints(tuple(f"{name} {kind}" for kind, name, *_ in rows), counts, spends, bound)


def _rows(
    limits: Limits, purposes: Sequence[str], channels: Sequence[str]
) -> Iterator[tuple[str, str, Array, float | None]]:
    """Kind, name, cells that use it (purposes x channels) and bound of each limit."""
    everywhere = np.ones((len(purposes), len(channels)))
    yield "capacity", "total", everywhere, limits.capacity
    yield "budget", "total", everywhere, limits.budget
    for queue in limits.queues:
        cells = everywhere * (np.array(purposes, dtype=object) == queue.purpose)[:, None]
        yield "capacity", f"queue {queue.purpose}", cells, queue.capacity
        yield "budget", f"queue {queue.purpose}", cells, queue.budget
    for channel, capacity in limits.channels.items():
        cells = everywhere * (np.array(channels, dtype=object) == channel)[None, :]
        yield "capacity", f"channel {channel}", cells, capacity

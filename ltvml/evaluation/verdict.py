"""Three states of a shop that is watched, and why: fine, look, retrain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ltvml.evaluation.judged_scores import broken_promises
from ltvml.words.sentence import Name, Sentence, Share

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ltvml.evaluation.judged_scores import AgainstPromise
    from ltvml.evaluation.level_watch import LevelWatch
    from ltvml.evaluation.stability import Drift

State = Literal["fine", "look", "retrain"]
STATES: tuple[State, ...] = ("fine", "look", "retrain")
LASTING = 28
"""Days for which a changed level must last before new models can have learned it."""


@dataclass(frozen=True)
class Verdict:
    """A state and its reasons.

    Parameters
    ----------
    state : {"fine", "look", "retrain"}
    reasons : tuple of Sentence
        Of this state first; at least one.
    """

    state: State
    reasons: tuple[Sentence, ...]


def verdict(
    level: LevelWatch,
    changed: dt.date | None,
    promises: Sequence[tuple[dt.date, AgainstPromise]],
    drifts: Sequence[Drift],
) -> Verdict:
    """The state that the signs call for.

    Parameters
    ----------
    level : LevelWatch
    changed : date, optional
        First day of the change, where there is one.
    promises : sequence of (cutoff, AgainstPromise)
        Of the last scores whose horizon has ended.
    drifts : sequence of Drift
    """
    found: list[tuple[State, Sentence]] = []
    if level.alarm is not None and changed is not None:
        lasts = level.windows_since_alarm * level.days >= LASTING
        values = {"change": Share(abs(level.level - 1)), "since": changed.isoformat()}
        found.append(("retrain" if lasts else "look", Sentence.of(f"watch.level_{level.alarm}", **values)))
    found += [("retrain", promise_words(cutoff, one)) for cutoff, one in broken_promises(promises)]
    # the scores may follow what has drifted: it is looked at before anything is fitted
    found += [("look", drift_words(one)) for one in drifts if one.verdict in ("notable", "large")]
    if not found:
        return Verdict("fine", (Sentence.of("watch.fine" if len(level.table) else "watch.too_early"),))
    found.sort(key=lambda pair: -STATES.index(pair[0]))
    return Verdict(found[0][0], tuple(sentence for _, sentence in found))


def promise_words(cutoff: dt.date, one: AgainstPromise) -> Sentence:
    """A promise that was broken, in words."""
    shares = one.measure in ("dates", "values")
    values = {
        name: Share(value) if shares else f"{value:.4f}"
        for name, value in (("actual", one.actual), ("promised", one.promised))
    }
    return Sentence.of(f"watch.{one.measure}", cutoff=cutoff.isoformat(), **values)


def drift_words(one: Drift) -> Sentence:
    """A measure that has drifted, in words."""
    values = {"measure": Name("watch.measure", one.measure), "before": f"{one.before:,.4g}", "now": f"{one.now:,.4g}"}
    kind = "watch.drift_ratio" if one.measure.startswith(("n_", "share_")) else "watch.drift_psi"
    return Sentence.of(kind, **values, size=f"{one.size:.2f}", by_chance=f"{one.by_chance:.2f}")

"""LightGBM through its native Booster: the same bytes on every run, stopped early on customers it has not seen.

Trees are kept as LightGBM's own model text, so a bundle is text and loads without pickle. No class is re-weighted: a
probability that is wrong by design cannot be calibrated back on small data. Trees that do not beat a constant on
customers they have not seen are dropped, and the constant stands in.
"""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ltvml.errors import DataContractError
from ltvml.loading import lightgbm_alone
from ltvml.models.base import Diagnosis
from ltvml.models.design import design, silence_directions, usable_names
from ltvml.models.proof import PROOF, constant_score, losses, standard_errors_gained
from ltvml.threads import granted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    import lightgbm as lgb
    import pandas as pd
    from numpy.typing import NDArray

    from ltvml.arrays import Array, Mask
    from ltvml.models.proof import Objective


MOST_LEARNED, PATIENCE = 30.0, 1.5
"""Rounds at most, and rounds without gain that stop the training, each times the learning rate."""

FOLDS = 5
NOTHING_LEARNED = "The trees did not improve predictions for held-out customers and are not used."
# on fewer rows a second thread waits longer than it works, and on a busy machine very much longer
_ROWS_A_THREAD = 50_000
# averaging steadies what few rows leave to chance; on many rows one booster says the same
_ROWS_IN_ALL = 400_000
# a leaf of fewer customers than this is noise in any shop; a fixed share keeps large shops as coarse as small ones
_SMALLEST_LEAF, _LARGEST_LEAF, _LEAVES_IN_ALL = 20, 500, 400
# a tree that sees half of many columns differs more from the others; of few columns it would miss what matters
_MANY_COLUMNS, _SHARE_OF_MANY, _SHARE_OF_FEW = 40, 0.5, 0.7
_FIXED = {
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    # columns that share a bundle hide each other's values, and how depends on the rows
    "enable_bundle": False,
    "boost_from_average": True,
}
_THREADS = re.compile(r"\[num_threads: \d+\]")


@dataclass(frozen=True)
class Growth:
    """How trees are grown.

    Parameters
    ----------
    learning_rate : float
        Half as much takes twice the rounds and predicted no better at nine past cutoffs of five shops.
    num_threads : int
        At most so many; changes the time taken, never the result.
    """

    learning_rate: float = 0.1
    num_leaves: int = 7
    num_threads: int = 8
    random_state: int = 0

    @property
    def most_rounds(self) -> int:
        """Boosting rounds at most."""
        return round(MOST_LEARNED / self.learning_rate)

    @property
    def patience(self) -> int:
        """Rounds without gain on unseen customers that stop the training."""
        return max(round(PATIENCE / self.learning_rate), 1)

    def parameters(self, objective: Objective, rows: int, columns: int, **more: Any) -> dict[str, Any]:
        """LightGBM's own parameters for a training set of so many rows and columns."""
        return {
            **_FIXED,
            "feature_fraction": _SHARE_OF_MANY if columns >= _MANY_COLUMNS else _SHARE_OF_FEW,
            "objective": objective,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": int(np.clip(rows / _LEAVES_IN_ALL, _SMALLEST_LEAF, _LARGEST_LEAF)),
            "num_threads": threads_for(rows, self.num_threads),
            "seed": self.random_state,
            **more,
        }


@dataclass(frozen=True)
class Sample:
    """Rows to learn from.

    Parameters
    ----------
    X : (n, ...) frame
    target : (n,) array
    bucket : (n,) array of int
        Hash of the customer.
    offset : (n,) array, optional
        Known part of the raw score, on the scale of the objective's link.
    attributes : tuple of str
        Attributes of the customer that may be read.
    """

    X: pd.DataFrame
    target: Array
    bucket: NDArray[np.int64]
    offset: Array | None = None
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trees:
    """Trained boosters whose raw scores are averaged.

    Parameters
    ----------
    names : tuple of k str
        The columns read, in order; none where nothing was learned.
    texts : tuple of str
        LightGBM's model text of each booster.
    constant : float
        Raw score of everybody where there is no booster.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    constant: float = 0.0
    num_threads: int = Growth.num_threads

    @cached_property
    def boosters(self) -> tuple[lgb.Booster, ...]:
        """The boosters, read from their texts once."""
        # a bundle without trees does not wait for it
        with lightgbm_alone():
            import lightgbm as lgb

        return tuple(lgb.Booster(model_str=text) for text in self.texts)

    @property
    def diagnosis(self) -> Diagnosis:
        """What to say of the training."""
        return Diagnosis() if self.texts else Diagnosis(messages=(NOTHING_LEARNED,))

    def raw(self, X: pd.DataFrame) -> Array:
        """Mean raw score, shape (n,): log-odds or log value, without any offset.

        Raises
        ------
        DataContractError
            If a column of the training is missing.
        """
        return self.raw_of(self.matrix(X))

    def matrix(self, X: pd.DataFrame) -> Array:
        """The columns read, in order, shape (n, k)."""
        return design(X, self.names)

    def raw_of(self, matrix: Array) -> Array:
        """As `raw`, for a matrix whose columns are `names`."""
        if not self.boosters:
            return np.full(len(matrix), self.constant)
        # parts of a mix, and the mix itself, ask of the same customers again and again
        asked = hashlib.blake2b(np.ascontiguousarray(matrix).data).digest()
        if asked not in self._answered:
            self._answered.clear()
            self._answered[asked] = self._mean_score(matrix)
        return self._answered[asked].copy()

    @cached_property
    def _answered(self) -> dict[bytes, Array]:
        """The last answer, by a digest of the matrix."""
        return {}

    def _mean_score(self, matrix: Array) -> Array:
        threads = threads_for(len(matrix), self.num_threads)
        scores = [booster.predict(matrix, raw_score=True, num_threads=threads) for booster in self.boosters]
        return np.asarray(np.mean(scores, axis=0))

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"names": list(self.names), "texts": list(self.texts)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        names, texts = tuple(values["names"]), tuple(values["texts"])
        return cls(names, texts, float(values["constant"]), int(values["num_threads"]))


@dataclass(frozen=True)
class Member:
    """One booster, and how it does on the customers that stopped it.

    Parameters
    ----------
    text : str
        LightGBM's model text.
    held_out : (n,) array of bool
    unseen : (m,) array
        Raw score of the rows held out, without any offset.
    """

    text: str
    held_out: Mask
    unseen: Array


def threads_for(rows: int, most: int) -> int:
    """Threads worth starting for so many rows, 1 to `most` and to what the job is granted."""
    return granted(min(most, 1 + rows // _ROWS_A_THREAD))


def members_for(rows: int, most: int) -> int:
    """Boosters worth averaging on so many rows, 1 to `most`."""
    return max(min(most, _ROWS_IN_ALL // max(rows, 1)), 1)


def grow(
    sample: Sample,
    objective: Objective,
    growth: Growth,
    *,
    members: int = 1,
    monotone: bool = False,
    names: Sequence[str] | None = None,
    to_beat: Array | None = None,
) -> Trees:
    """Train up to `members` boosters, each stopped early on a fifth of the customers that it did not see.

    Parameters
    ----------
    objective : {"binary", "tweedie", "gamma"}
    members : int
        At most so many, 1 to 5, and fewer on many rows; each holds out another fifth, so that their mean has seen
        everybody and depends less on the draw.
    monotone : bool
        Bind the columns of silence: more silence never raises the score.
    names : sequence of str, optional
        Columns to read; by default all that vary.
    to_beat : (n,) array, optional
        Raw score that the trees have to beat on unseen customers, or be dropped; by default the best constant.
    """
    columns = tuple(names) if names is not None else usable_names(sample.X, sample.attributes)
    start = constant_score(objective, sample.target) if sample.offset is None else 0.0
    if not columns:
        return Trees((), (), start, growth.num_threads)
    matrix = design(sample.X, columns)
    directions = silence_directions(columns) if monotone else None
    sides = sides_of(sample, members_for(len(matrix), members))
    grown = grow_each(matrix, sample, objective, growth, sides, directions)
    if not beat(grown, sample, objective, np.full(len(matrix), start) if to_beat is None else to_beat):
        return Trees((), (), start, growth.num_threads)
    return Trees(columns, tuple(member.text for member in grown), start, growth.num_threads)


def grow_in_time(sample: Sample, objective: Objective, growth: Growth, latest: Mask, *, names: Sequence[str]) -> Trees:
    """Train one booster on all rows, for as many rounds as served the latest rows when they were held out.

    For rows that come back: the customers x items to score are mostly those of the training, a window later, and what
    is peculiar to a customer and lasts is worth knowing. A split by customer would call it noise.

    Parameters
    ----------
    sample : Sample
        With an offset, which the trees have to improve.
    objective : {"binary", "tweedie", "gamma"}
    latest : (n,) array of bool
        Rows of the last window; some and not all.
    names : sequence of str
        Columns to read.

    Returns
    -------
    Trees
        None where the offset alone was as good on the latest rows.
    """
    import lightgbm as lgb

    columns, matrix = tuple(names), design(sample.X, names)
    (grown,) = grow_each(matrix, sample, objective, growth, [latest])
    if not beat([grown], sample, objective, np.zeros(len(matrix))):
        return Trees((), (), 0.0, growth.num_threads)
    parameters = growth.parameters(objective, *matrix.shape)
    rounds = lgb.Booster(model_str=grown.text).num_trees()
    booster = lgb.train(parameters, _dataset(matrix, sample, parameters), rounds)
    return Trees(columns, (text_of(booster),), 0.0, growth.num_threads)


def grow_each(
    matrix: Array,
    sample: Sample,
    objective: Objective,
    growth: Growth,
    sides: Sequence[Mask],
    directions: Sequence[int] | None = None,
) -> list[Member]:
    """Train one booster for each side to hold out, cut at its best round; several at a time, each in one thread.

    Columns are cut into bins once, on all rows: where the bins lie says nothing of the outcome.

    Parameters
    ----------
    matrix : (n, k) array
    sample : Sample
        Gives target, bucket and offset.
    objective, growth
        As in `grow`.
    sides : sequence of (n,) arrays of bool
        Rows that stop the training of one booster, and that it does not see.
    directions : sequence of k ints, optional
        -1, 0 or 1 a column.
    """
    import lightgbm as lgb

    bound: dict[str, Any] = {"monotone_constraints": list(directions)} if directions and any(directions) else {}
    if len(sides) > 1:
        bound["num_threads"] = 1
    parameters = growth.parameters(objective, *matrix.shape, **bound)
    binned = _dataset(matrix, sample, parameters).construct()

    def grow_one(held_out: Mask) -> Member:
        train, check = (binned.subset(np.flatnonzero(rows).tolist()) for rows in (~held_out, held_out))
        stop = lgb.early_stopping(growth.patience, verbose=False)
        booster = lgb.train(parameters, train, growth.most_rounds, valid_sets=[check], callbacks=[stop])
        best = {"num_iteration": booster.best_iteration}
        unseen = booster.predict(matrix[held_out], raw_score=True, num_threads=parameters["num_threads"], **best)
        return Member(text_of(booster, **best), held_out, np.asarray(unseen))

    with ThreadPoolExecutor(granted(min(growth.num_threads, len(sides)))) as pool:
        return list(pool.map(grow_one, sides))


def text_of(booster: lgb.Booster, **kept: int) -> str:
    """LightGBM's model text, which says nothing of the threads of this machine."""
    return _THREADS.sub("[num_threads: 1]", booster.model_to_string(**kept))


def beat(grown: Sequence[Member], sample: Sample, objective: Objective, to_beat: Array) -> bool:
    """Whether the members together do better than a given raw score on the customers that each has not seen."""
    rows = np.concatenate([np.flatnonzero(member.held_out) for member in grown])
    offset = 0.0 if sample.offset is None else sample.offset[rows]
    target = sample.target[rows]
    theirs = losses(objective, target, np.concatenate([member.unseen for member in grown]) + offset)
    others = losses(objective, target, to_beat[rows] + offset)
    return standard_errors_gained(theirs, others, sample.bucket[rows]) > PROOF


def sides_of(sample: Sample, members: int) -> list[Mask]:
    """The rows that stop each member; a side is left out where either part is empty or nothing happens in the training.

    Raises
    ------
    DataContractError
        If no side is left.
    """
    sides = [held_out_customers(sample.bucket, fold) for fold in range(FOLDS)]
    usable = [side for side in sides if side.any() and sample.target[~side].any()]
    if not usable:
        acting = sample.bucket[sample.target != 0]
        raise DataContractError(
            f"found {len(np.unique(sample.bucket))} customers to train on, of whom {len(np.unique(acting))} bought; "
            "expected enough to hold a fifth of them out.",
            hint="use a closed-form model for so few customers.",
        )
    return usable[:members]


def held_out_customers(bucket: NDArray[np.int64], fold: int) -> Mask:
    """Rows of the customers that stop the training, about a fifth, shape (n,)."""
    return np.asarray(bucket % FOLDS == fold)


def _dataset(matrix: Array, sample: Sample, parameters: Mapping[str, Any]) -> lgb.Dataset:
    import lightgbm as lgb

    return lgb.Dataset(matrix, sample.target, init_score=sample.offset, params=dict(parameters))


# rows at a time: their arrays stay small, and each of the threads has enough to do
CHUNK = 50_000


def by_rows(rows: int, compute: Callable[[slice], Array]) -> Array:
    """`compute` of all rows, chunk by chunk, joined; the number of threads changes the time and never the result.

    Parameters
    ----------
    compute : callable of a slice
        Gives an array with one row for each row of the slice, each computed by itself.

    Examples
    --------
    >>> by_rows(3, lambda part: np.arange(3.0)[part] * 2).tolist()
    [0.0, 2.0, 4.0]
    """
    if rows <= CHUNK:
        return compute(slice(0, rows))
    with ThreadPoolExecutor(granted(Growth.num_threads)) as pool:
        return np.concatenate(list(pool.map(compute, (slice(at, at + CHUNK) for at in range(0, rows, CHUNK)))))

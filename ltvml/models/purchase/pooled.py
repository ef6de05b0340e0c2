"""Groups of customers, each with parameters of its own that are held to those of the whole.

The log-parameters of group g are eta_g = mu + u_g, u_g ~ N(0, diag(tau^2)): a large group speaks for itself, a small
one is shrunk to the whole mu, and tau, how much groups differ in each parameter, is estimated. With the likelihood of a
group near its mode as a normal one of information J_g, and b_g = J_g eta_g + gradient (Laplace's approximation),

    P_g = (J_g + diag(tau^-2))^-1                                 covariance of u_g given mu
    S   = (sum J_g - J_g P_g J_g)^-1                              covariance of mu
    mu  = S sum (b_g - J_g P_g b_g),   u_g = P_g (b_g - J_g mu)
    tau_j^2 = mean over g of u_gj^2 + (P_g + P_g J_g S J_g P_g)_jj    restricted maximum likelihood by EM

(Dempster, Rubin & Tsutakawa 1981, Estimation in Covariance Components Models, JASA 76.) Mode and spread are found in
turn until both stand still.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from ltvml.errors import DataContractError, FitWarning, LtvmlError
from ltvml.models.base import Diagnosis, as_pandas
from ltvml.models.covariate_design import check_columns, constant, texts
from ltvml.models.estimates import NORMAL_975, Uncertain, natural, uncertain
from ltvml.models.joint_likelihood import rows_by_kind
from ltvml.models.maximise import Evaluation, maximise
from ltvml.models.purchase.kinds import KindsOfCustomers, twin
from ltvml.models.purchase.patterns import check_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from numpy.typing import ArrayLike

    from ltvml.arrays import Array, Ints
    from ltvml.models.purchase.parametric import ParametricPurchaseModel

MOST_GROUPS = 1_000
FEW_GROUPS = 5
"""With fewer, how much groups differ is hardly known."""
FIRST_SPREAD = 0.5
LEAST_SPREAD = 1e-3
"""A spread of the logs below this is none: groups within a thousandth of each other."""
MOST_SPREAD = 3.0
"""Groups a factor of twenty apart; beyond this the data do not tell the parameter."""
HELD = 1e-2
"""Information of mu besides the groups', at the fit without groups: it ends ridges and is next to nothing elsewhere."""
STANDSTILL = 1e-5
MOST_ROUNDS, MOST_STEPS, LONGEST_STEP = 60, 300, 16.0
STEP = 1e-4
"""Of the logs, for slopes of what is compared between groups."""


@dataclass(frozen=True)
class Whole:
    """What the groups say together.

    Parameters
    ----------
    mu : (k,) array
        Log-parameters of the whole.
    S : (k, k) array
        Covariance of mu.
    spread : (k,) array
        tau.
    logs : (G, k) array
        Log-parameters of each group.
    P : (G, k, k) array
        Covariance of u_g given mu.
    PJ : (G, k, k) array
        How far u_g follows mu.
    """

    mu: Array
    S: Array
    spread: Array
    logs: Array
    P: Array
    PJ: Array


def whole_of(J: Array, b: Array, spread: Array, at: Array, held: float = HELD) -> Whole:
    """Mean, covariance and shrunken groups at a given spread; J (G, k, k), b (G, k), and mu weakly held `at` (k,)."""
    # M = (J^-1 + T)^-1 through the square root of J: never negative, whatever a group does not tell
    T = np.diag(spread**2)
    values, vectors = np.linalg.eigh(J)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    M = root @ np.linalg.inv(np.eye(len(spread)) + root @ T @ root) @ root
    S = np.linalg.inv(M.sum(axis=0) + held * np.eye(len(spread)))
    mu = S @ ((b - np.einsum("gij,gj->gi", M @ T, b)).sum(axis=0) + held * at)
    P = T - T @ M @ T
    u = np.einsum("gij,gj->gi", P, b) - np.einsum("gij,j->gi", T @ M, mu)
    return Whole(mu, S, spread, mu + u, P, T @ M)


def likeliest_spread(J: Array, b: Array, spread: Array, at: Array, held: float = HELD) -> Whole:
    """EM for the spread of groups whose likelihoods are normal, in long steps.

    Three steps of EM show where they lead (Varadhan & Roland 2008, SQUAREM, Scandinavian Journal of Statistics 35).
    """
    edges = np.log(LEAST_SPREAD), np.log(MOST_SPREAD)

    def em(log_spread: Array) -> Array:
        of = whole_of(J, b, np.exp(log_spread), at, held)
        variance = np.einsum("gii->gi", of.P + of.PJ @ of.S @ np.swapaxes(of.PJ, 1, 2))
        return np.asarray(np.clip(0.5 * np.log(((of.logs - of.mu) ** 2 + variance).mean(axis=0)), *edges))

    here = np.log(spread)
    for _ in range(MOST_STEPS):
        once = em(here)
        twice = em(once)
        step, bend = once - here, twice - 2 * once + here
        if np.abs(step).max() < STANDSTILL:
            break
        ratio = float(np.linalg.norm(step)) / max(float(np.linalg.norm(bend)), 1e-12)
        length = min(max(ratio, 1.0), LONGEST_STEP)
        here = em(np.clip(here + 2 * length * step + length**2 * bend, *edges))
    return whole_of(J, b, np.exp(here), at, held)


class PooledGroups(KindsOfCustomers):
    """A purchase model whose parameters differ between groups, each held to the whole by how much groups differ.

    Parameters
    ----------
    model : ParametricPurchaseModel
        Any that is fitted by likelihood.
    by : str
        Column of the group: a country, a shop. Missing values are a group of their own.

    Attributes
    ----------
    params_ : dict
        Of the whole: what a customer of a group that the fit has not seen gets.
    covariance_ : (k, k) array
        In the order of the parameters.
    spread_ : (k,) array
        Standard deviation of the log of each parameter between groups.
    groups_ : list of str
        Largest first.
    log_likelihood_ : float
        With the groups integrated out (Laplace), in the unit of the data.
    n_customers_ : float

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ltvml.datasets.simulate import simulate_bg_nbd
    >>> from ltvml.models.purchase.bg_nbd import BGNBD
    >>> shops = [simulate_bg_nbd(n, r=1.0, alpha=a, a=1.0, b=3.0, T=200.0, random_state=1)
    ...          for n, a in [(400, 20), (300, 40), (10, 30)]]
    >>> X = pd.concat(shops, ignore_index=True).assign(country=["DE"] * 400 + ["FR"] * 300 + ["LU"] * 10)
    >>> PooledGroups(BGNBD(), by="country").fit(X).groups_
    ['DE', 'FR', 'LU']
    """

    name = "pooled_groups"
    learned: ClassVar[Mapping[str, Any]] = {
        "params": dict,
        "covariance": np.ndarray,
        "log_likelihood": float,
        "n_customers": float,
        "spread": np.ndarray,
        "groups": list,
        "customers": np.ndarray,
        "logs": np.ndarray,
        "information": np.ndarray,
    }
    covariance_: Array
    spread_: Array
    groups_: list[str]
    customers_: Array
    logs_: Array
    information_: Array

    def __init__(self, model: ParametricPurchaseModel, by: str) -> None:
        if not hasattr(model, "parameters"):
            raise DataContractError(
                f"{getattr(model, 'name', model)} has no groups; expected a model fitted by likelihood, such as bg_nbd."
            )
        if not isinstance(by, str):
            raise DataContractError(f"by is {by!r}; expected the name of one column.")
        self.model = model
        self.by = by
        self.requires = (*model.requires, by)

    def fit(self, X: pd.DataFrame, sample_weight: ArrayLike | None = None) -> Self:
        """Fit all groups together.

        Parameters
        ----------
        X : (n, ...) frame
            The columns of `requires`; a row is a customer, or a pattern with its count in `sample_weight`.
        sample_weight : (n,) array, optional

        Raises
        ------
        DataContractError
            If a history cannot be, or the column of groups is missing, has one value or more than a thousand.
        ConvergenceError
            If the fit of the whole has no usable optimum.
        """
        X = as_pandas(X)
        weight = np.ones(len(X)) if sample_weight is None else check_weights(sample_weight, len(X))
        self.groups_, parts = self._parts(X, weight)
        self.model.fit(X, sample_weight)
        self.n_customers_, self.customers_ = self.model.n_customers_, np.array([part[1].sum() for part in parts])
        k, whole = len(self.model.parameters), np.log(list(self.model.params_.values()))
        if not (X["frequency"].to_numpy(dtype=float)[weight > 0] > 0).any():
            self.logs_, self.spread_ = np.tile(whole, (len(parts), 1)), np.zeros(k)
            self.information_, self.covariance_ = np.zeros((len(parts), k, k)), self.model.covariance_
            self.params_, self.log_likelihood_ = dict(self.model.params_), self.model.log_likelihood_
            self.diagnosis_ = self.model.diagnosis_
            return self
        self._fit_groups(parts, whole, self.model._scale(self.model._grouped(X, weight)))
        self.log_likelihood_ = self._marginal(parts)
        self.diagnosis_ = self._diagnosed()
        return self

    def _parts(self, X: pd.DataFrame, weight: Array) -> tuple[list[str], list[tuple[pd.DataFrame, Array]]]:
        """Names of the groups, largest first, and the rows and counts of each."""
        check_columns(X, [self.by])
        group = np.array(texts(X[self.by]), dtype=object)
        count = pd.Series(weight).groupby(group).sum()
        count = count[count > 0]
        if len(count) == 1:
            raise constant(self.by, str(count.index[0]), len(X))
        if len(count) > MOST_GROUPS:
            raise DataContractError(
                f"the column '{self.by}' has {len(count):,} groups; expected at most {MOST_GROUPS:,}.",
                hint="group by something coarser, such as the country.",
            )
        names = sorted(map(str, count.index), key=lambda name: (-count[name], name))
        kind = pd.Index(names).get_indexer(pd.Index(group))
        counted = kind >= 0
        rows = [np.flatnonzero(counted)[places] for places in rows_by_kind(kind[counted])]
        return names, [(X.iloc[mine], weight[mine]) for mine in rows]

    def _fit_groups(self, parts: Sequence[tuple[pd.DataFrame, Array]], whole: Array, unit: float) -> None:
        """Modes of the groups and the spread between them, in turn."""
        model = self.model
        shift = np.where([name in model.times for name in model.parameters], np.log(unit), 0.0)
        likelihoods = [model._likelihood(model._grouped(*part).scaled(1 / unit)) for part in parts]
        mu = whole - shift
        spread, logs = np.full(len(mu), FIRST_SPREAD), np.tile(mu, (len(parts), 1))
        for _ in range(MOST_ROUNDS):
            logs = np.stack([_mode(of, mu, spread, start) for of, start in zip(likelihoods, logs, strict=True)])
            J, b = _normal(likelihoods, logs)
            of = likeliest_spread(J, b, spread, whole - shift)
            still = np.abs(of.mu - mu).max() < 1e-4 and np.abs(of.spread - spread).max() < 1e-4
            mu, spread = of.mu, of.spread
            if still:
                break
        self.logs_, self.spread_, self.information_ = of.logs + shift, spread, J
        self.params_ = dict(zip(model.parameters, np.exp(mu + shift).tolist(), strict=True))
        scale = np.exp(mu + shift)
        self.covariance_ = np.outer(scale, scale) * of.S

    def _marginal(self, parts: Sequence[tuple[pd.DataFrame, Array]]) -> float:
        """Log-likelihood with the groups integrated out: at the modes, less the penalty and the width of the prior."""
        u = (self.logs_ - self._mu) / self.spread_
        inside = np.eye(len(self._mu)) + self.spread_[:, None] * self.information_ * self.spread_
        models = [twin(self.model, np.exp(at)) for at in self.logs_]
        at_modes = sum(model.log_likelihood(*part) for model, part in zip(models, parts, strict=True))
        return float(at_modes - 0.5 * (u**2).sum() - 0.5 * np.linalg.slogdet(inside)[1].sum())

    def _diagnosed(self) -> Diagnosis:
        """What the whole says, and how sure the spread is."""
        found = self.model.diagnosis_
        messages = list(found.messages)
        if len(self.groups_) < FEW_GROUPS:
            messages.append(
                f"there are {len(self.groups_)} groups by {self.by}; with fewer than {FEW_GROUPS} it is hardly known "
                "how much groups differ"
            )
        if (self.spread_ <= 10 * LEAST_SPREAD).all():
            messages.append(f"groups by {self.by} do not differ beyond chance: all have the parameters of the whole")
        return Diagnosis(found.converged, tuple(messages), found.withheld)

    @property
    def _mu(self) -> Array:
        return np.log(list(self.params_.values()))

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Standard error of each parameter of the whole."""
        return dict(zip(self.params_, np.sqrt(np.diag(self.covariance_)).tolist(), strict=True))

    @property
    def n_estimated(self) -> int:
        """Parameters of the whole, and the spread of each."""
        return self.model.n_estimated + len(self.model.parameters)

    def uncertain_parameters(self, X: pd.DataFrame | None) -> Uncertain:
        """Logs of the whole, with the covariance of each customer's own group: (n, k, k), or of the whole for None."""
        of, S = self._conditional(), self._covariance_of_logs
        if X is None:
            return Uncertain(self._mu, S)
        follows = np.eye(len(S)) - of.PJ
        own = np.concatenate([of.P + follows @ S @ np.swapaxes(follows, 1, 2), S[None]])
        return Uncertain(self._mu, own[self._places(X)])

    def at_parameters(self, point: Array) -> Self:
        """The same fitted model with the whole at a point, and every group as far from it as before."""
        other = copy.copy(self)
        other.params_ = natural(self.model.parameters, point)
        other.logs_ = self.logs_ + (point - self._mu)
        return other

    def draw_parameters(self, random_state: int | np.random.Generator) -> Self:
        """Draw the whole, then each group given the whole."""
        rng, of, S = np.random.default_rng(random_state), self._conditional(), self._covariance_of_logs
        moved = rng.multivariate_normal(np.zeros(len(S)), S, method="eigh")
        width, vectors = np.linalg.eigh(of.P)
        chance = np.sqrt(np.maximum(width, 0.0)) * rng.standard_normal(self.logs_.shape)
        other = copy.copy(self)
        other.params_ = natural(self.model.parameters, self._mu + moved)
        other.logs_ = self.logs_ + moved - of.PJ @ moved + np.einsum("gij,gj->gi", vectors, chance)
        return other

    def _conditional(self) -> Whole:
        """The groups given the whole, at what was found."""
        J = self.information_
        return whole_of(J, np.einsum("gij,gj->gi", J, self.logs_), self.spread_, self._mu)

    @property
    def _covariance_of_logs(self) -> Array:
        return uncertain(self.params_, self.covariance_).covariance

    def group_parameters(self) -> pd.DataFrame:
        """Parameters of each group, (G, k) frame indexed by group, largest group first."""
        self._check_fitted()
        return pd.DataFrame(
            np.exp(self.logs_), index=pd.Index(self.groups_, name=self.by), columns=list(self.model.parameters)
        )

    def differences(self, horizon: float) -> pd.DataFrame:
        """Where groups differ from the whole: what a new customer buys, and whether they are gone, within a horizon.

        Parameters
        ----------
        horizon : float
            In the unit of the fit.

        Returns
        -------
        (2 G, 9) frame, indexed by group
            quantity (purchases: expected of a newcomer; gone: P(no longer a customer)), customers, estimate, lower and
            upper (95 %, delta method in logs), whole (the mean over all customers), ratio (estimate / whole),
            ratio_lower and ratio_upper, which know that the group is a part of the whole; `differs` where they exclude
            1. Estimates are shrunk already, so that many groups may be looked at together (Gelman, Hill & Yajima 2012).
        """
        self._check_fitted()
        parts = [self._compared(name, horizon, ask) for name, ask in QUANTITIES.items()]
        return pd.concat([part for part in parts if len(part)])

    def _compared(self, name: str, horizon: float, ask: Callable[..., float]) -> pd.DataFrame:
        def log_of(at: Array) -> float:
            return float(np.log(max(ask(twin(self.model, np.exp(at)), horizon), 1e-300)))

        S, of = self._covariance_of_logs, self._conditional()
        value = np.array([log_of(at) for at in self.logs_])
        if value.max() < -600:  # e.g. nobody leaves in an NBD: there is nothing to compare
            return pd.DataFrame()
        slope = np.stack([_slope(log_of, at) for at in self.logs_])
        share = self.customers_ / self.customers_.sum() * np.exp(value)
        whole = float(share.sum())
        share /= whole
        # by chance of the group itself, and by the centre that all groups lean on
        own = np.einsum("gi,gij,gj->g", slope, of.P, slope)
        leaning = slope - np.einsum("gji,gj->gi", of.PJ, slope)
        apart = leaning - share @ leaning
        error = np.sqrt(own + np.einsum("gi,ij,gj->g", leaning, S, leaning))
        variance = own * (1 - 2 * share) + share**2 @ own + np.einsum("gi,ij,gj->g", apart, S, apart)
        ratio, reach = value - np.log(whole), NORMAL_975 * np.sqrt(np.maximum(variance, 0.0))
        columns = {
            "quantity": name,
            "customers": self.customers_,
            "estimate": np.exp(value),
            "lower": np.exp(value - NORMAL_975 * error),
            "upper": np.exp(value + NORMAL_975 * error),
            "whole": whole,
            "ratio": np.exp(ratio),
            "ratio_lower": np.exp(ratio - reach),
            "ratio_upper": np.exp(ratio + reach),
            "differs": np.abs(ratio) > reach,
        }
        return pd.DataFrame(columns, index=pd.Index(self.groups_, name=self.by))

    def _kinds(self, X: pd.DataFrame) -> tuple[Ints, Sequence[ParametricPurchaseModel]]:
        kind = self._places(X)
        return kind, [twin(self.model, np.exp(at)) for at in (*self.logs_, self._mu)]

    def _places(self, X: pd.DataFrame) -> Ints:
        """The group of each row, (n,); the whole comes after the last group."""
        self._check_fitted()
        check_columns(X, [self.by])
        kind = pd.Index(self.groups_).get_indexer(pd.Index(texts(X[self.by])))
        if (unseen := kind < 0).any():
            warnings.warn(
                FitWarning(
                    f"the fit has not seen the {self.by} of {int(unseen.sum()):,} of {len(X):,} customers: they are "
                    "scored with the parameters of the whole."
                ),
                stacklevel=4,
            )
        return np.where(unseen, len(self.groups_), kind)

    def _check_fitted(self) -> None:
        if not hasattr(self, "params_"):
            raise LtvmlError(f"{type(self).__name__} is not fitted.", hint="call fit first.")


def _mode(likelihood: Callable[[Array], Evaluation], mu: Array, spread: Array, start: Array) -> Array:
    """The most likely log-parameters of a group under the prior of the whole."""

    def penalised(at: Array) -> Evaluation:
        away = (at - mu) / spread
        prior = Evaluation(float(-0.5 * away @ away), -away / spread, -np.diag(spread**-2.0))
        return likelihood(at) + prior

    return maximise(penalised, start).point


def _normal(likelihoods: Sequence[Callable[[Array], Evaluation]], logs: Array) -> tuple[Array, Array]:
    """Information J_g, never negative, and b_g of each group's likelihood near its mode."""
    J, b = np.empty((*logs.shape, logs.shape[1])), np.empty_like(logs)
    for place, (likelihood, at) in enumerate(zip(likelihoods, logs, strict=True)):
        here = likelihood(at)
        values, vectors = np.linalg.eigh(-here.hessian)
        J[place] = (vectors * np.maximum(values, 0.0)) @ vectors.T
        b[place] = J[place] @ at + here.gradient
    return J, b


def _slope(function: Callable[[Array], float], at: Array) -> Array:
    """Central differences, (k,)."""
    steps = STEP * np.eye(len(at))
    return np.array([(function(at + step) - function(at - step)) / (2 * STEP) for step in steps])


def _purchases(model: ParametricPurchaseModel, horizon: float) -> float:
    return float(model.expected_purchases_at(model.newcomers(), [horizon])[0, 0])


def _gone(model: ParametricPurchaseModel, horizon: float) -> float:
    return 1 - float(model.probability_alive_at(model.newcomers(), [horizon])[0, 0])


QUANTITIES: Mapping[str, Callable[[ParametricPurchaseModel, float], float]] = {"purchases": _purchases, "gone": _gone}
"""What is compared between groups: expected purchases of a newcomer, and P(no longer a customer), within a horizon."""

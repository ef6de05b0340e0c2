"""The fitted models, the window they were fitted for and what they need, as one object: score a frame, save, load.

A bundle is a folder of JSON: it can be read by a person, compared by `diff`, and loaded where pickles are forbidden.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ltvml.bundle.customer_scores import Predicted, Roles, chances, customer_scores, finite, future, withheld_by
from ltvml.bundle.levels import Levels
from ltvml.bundle.replenishment import Replenishment
from ltvml.bundle.rfm import RFM
from ltvml.bundle.track_record import TrackRecord
from ltvml.bundle.typical import Typical
from ltvml.contracts import BEHAVIOUR, OF_CUSTOMERS, SUMMARY
from ltvml.errors import BundleError, DataContractError
from ltvml.models import registry
from ltvml.models.attributes.levels import Attributes, attribute_of
from ltvml.run_directory import changed_files, manifest_of, reading, write_json
from ltvml.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltvml.arrays import Array

FORMAT = "ltvml.bundle"
FORMAT_VERSION = 2
BUNDLE_FILE = "bundle.json"
ROLES = ("purchase", "repurchase", "spend", "value")
REPLENISHMENT_ROLE = "replenishment"
RESTORE = "fit again, or restore the folder."


@dataclass(frozen=True)
class Money:
    """How money is counted.

    Parameters
    ----------
    margin : float
        Share of the net value that is kept.
    annual_discount_rate : float
        Effective rate a year.
    decimals : int
        Digits of the minor unit.
    currency : str, optional
    """

    margin: float = 1.0
    annual_discount_rate: float = 0.10
    decimals: int = 2
    currency: str | None = None


@dataclass(frozen=True)
class Bundle:
    """What `fit` leaves and `score` needs.

    Parameters
    ----------
    window : Window
        Cutoff of the fit, and the horizons of the scores: those of the fit, or others, see `for_horizons`.
    roles : Roles
        The fitted model of each role.
    money : Money
    rfm : RFM
    typical : Typical
        The customer in the middle as of the fit, whom reasons compare with; medians, and no person.
    record : TrackRecord
        What past cutoffs taught: who won and why, intervals, corrections.
    replenishment : Replenishment, optional
        When each customer needs each item again; None where the role is withheld.
    without_replenishment : str
        Why there is none; empty where there is.
    levels : Levels, optional
        Carries value intervals to other horizons; None in bundles of earlier versions.
    fitted : Window, optional
        Horizons of the fit, where `window` has others.
    attributes : Attributes
        Levels of the attributes as of the fit.

    Examples
    --------
    >>> bundle = Bundle.load(folder)                                        # doctest: +SKIP
    >>> bundle.score(summary)[["customer_id", "predicted_ltv"]]             # doctest: +SKIP
    """

    window: Window
    roles: Roles
    money: Money
    rfm: RFM
    typical: Typical
    record: TrackRecord = field(default_factory=TrackRecord)
    replenishment: Replenishment | None = None
    without_replenishment: str = ""
    levels: Levels | None = None
    fitted: Window | None = None
    attributes: Attributes = field(default_factory=Attributes)

    @property
    def fitted_window(self) -> Window:
        """The window of the fit, whatever horizons the scores are asked for."""
        return self.fitted or self.window

    def for_horizons(self, *, churn_horizon: int, ltv_horizon: int, horizons: Sequence[int]) -> Self:
        """The same models, asked for other horizons; the version stays, as nothing was fitted.

        Parameters
        ----------
        churn_horizon, ltv_horizon : int
            Days.
        horizons : sequence of int
            Further ones.
        """
        fitted = self.fitted_window
        asked = replace(fitted, churn_horizon=churn_horizon, ltv_horizon=ltv_horizon, horizons=tuple(horizons))
        return replace(self, window=asked, fitted=None if asked == fitted else fitted)

    @cached_property
    def summary_columns(self) -> tuple[str, ...]:
        """Columns of a row to score: the summary, and the behaviour and attributes that the models were trained on."""
        read = {attribute_of(name)[0] for role in ROLES for name in getattr(self.roles, role).reads()}
        behaviour = (name for name in BEHAVIOUR.names if name in read)
        return (*SUMMARY.names, *behaviour, *(name for name in self.attributes.names if name in read))

    @property
    def attributes_read(self) -> tuple[str, ...]:
        """Attributes of the customer that the models look at."""
        return tuple(name for name in self.summary_columns if name in self.attributes.names)

    @property
    def reads_behaviour(self) -> bool:
        """Whether the summary alone is not enough to score."""
        return len(self.summary_columns) > len(SUMMARY.names)

    @cached_property
    def version(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the content."""
        text = json.dumps(self._content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def score(self, summary: pd.DataFrame, windows: Sequence[int] = (), watched: Sequence[int] = ()) -> pd.DataFrame:
        """Score customers.

        Parameters
        ----------
        summary : (n, ...) frame
            Columns of `summary_columns`; left as it was.
        windows : sequence of int
            Days; `p_buy_<w>` and `value_gain_<w>` are added for each.
        watched : sequence of int
            Days; `p_buy_<w>` alone is added for each.

        Returns
        -------
        (n, ...) frame
            Columns of `contracts.customer_table` for the horizons of the window, in the same order of rows.

        Raises
        ------
        DataContractError
            If a column is missing, or a row was summarised before the bundle's cutoff.
        """
        self._check(summary)
        return customer_scores(
            self.attributes.apply(summary),
            self.roles,
            self.window,
            margin=self.money.margin,
            rfm=self.rfm,
            record=self.record,
            version=self.version,
            windows=windows,
            watched=watched,
            fitted=self.fitted_window,
            levels=self.levels,
        )

    def chances(self, summary: pd.DataFrame, windows: Sequence[int]) -> pd.DataFrame:
        """`p_buy_<w>` and `value_gain_<w>` alone, for scores that were made without; see `customer_scores.chances`.

        Parameters
        ----------
        summary : (n, ...) frame
            Columns of `summary_columns`.
        windows : sequence of int
            Days.

        Raises
        ------
        DataContractError
            As in `score`.
        """
        self._check(summary)
        known = self.attributes.apply(summary)
        return chances(known, self._predicted(known), windows=windows)

    def churn_risk(self, summary: pd.DataFrame) -> Array:
        """The column `churn_risk` of `score` alone, shape (n,), without asking the other models.

        Parameters
        ----------
        summary : (n, ...) frame
            Columns of `summary_columns`.

        Raises
        ------
        DataContractError
            As in `score`.
        """
        self._check(summary)
        risk = finite(self._predicted(self.attributes.apply(summary)).churn_risk(self.window.churn_horizon))
        return np.full_like(risk, np.nan) if "churn_risk" in withheld_by(self.roles, self.record) else risk

    def future(self, summary: pd.DataFrame, ends: Sequence[int]) -> pd.DataFrame:
        """Purchases and undiscounted value of each customer up to each of several ends; see `customer_scores.future`.

        Parameters
        ----------
        summary : (n, ...) frame
            Columns of `summary_columns`.
        ends : sequence of int
            Days after the cutoff.

        Raises
        ------
        DataContractError
            As in `score`.
        """
        self._check(summary)
        known = self.attributes.apply(summary)
        return future(known, self.roles, self._predicted(known), ends)

    def _predicted(self, summary: pd.DataFrame) -> Predicted:
        return Predicted.of(
            summary,
            self.roles,
            self.window,
            margin=self.money.margin,
            record=self.record,
            calibrated_at=self.fitted_window.churn_horizon,
            tied=self.levels is not None,
        )

    def example_rows(self) -> pd.DataFrame:
        """Made-up summary rows, for a signature."""
        day = self.window.cutoff_day
        return pd.DataFrame(
            {
                "customer_id": ["example-1", "example-2"],
                "cutoff_day": [day, day],
                "frequency": [0, 3],
                "recency": [0, 120],
                "T": [30, 200],
                "monetary_value": [0.0, 25.0],
                "first_order_value": [20.0, 25.0],
                "historic_value": [20.0, 100.0],
            }
        ).assign(**{name: self._example(name) for name in self.summary_columns if name not in SUMMARY.names})

    def _example(self, name: str) -> str | float:
        """A value of a column that is no part of the summary; what comes from the table of customers is text."""
        if name in self.attributes.categories:
            return self.attributes.categories[name].kept[0]
        return "1" if name.startswith(OF_CUSTOMERS) else np.nan

    def save(self, folder: Path | str) -> None:
        """Write the bundle as JSON files into `folder`, which is made."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        content = self._content()
        models = content.pop("models")
        for role, values in models.items():
            if values is not None:
                write_json(folder / f"{role}.json", values)
        write_json(folder / BUNDLE_FILE, {**content, "version": self.version})

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a bundle.

        Raises
        ------
        BundleError
            If the folder holds no bundle, a damaged one, or one of a newer format.
        """
        folder = Path(folder)
        with reading(folder):
            header = _read(folder / BUNDLE_FILE)
            _check_format(header, folder)
            try:
                present = [*ROLES, *([REPLENISHMENT_ROLE] if header["has_replenishment"] else [])]
                bundle = cls._from_content(header, {role: _read(folder / f"{role}.json") for role in present})
                version = bundle.version
            except BundleError as error:
                if not (changed := _changed_in(folder)):
                    raise
                raise BundleError(f"{changed} was changed after it was written: {error.message}", RESTORE) from error
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
                named = _changed_in(folder) or f"the bundle in {folder}"
                raise BundleError(f"{named} is damaged: {error!r}.", hint=RESTORE) from error
            if version != header.get("version"):
                named = _changed_in(folder) or f"the bundle in {folder}"
                raise BundleError(
                    f"{named} was changed after it was written: the hash of the content is {version}, "
                    f"expected {header.get('version')}.",
                    hint=RESTORE,
                )
        return bundle

    @classmethod
    def _from_content(cls, header: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Self:
        loaded: dict[str, Any] = {role: registry.load(models[role]) for role in ROLES}
        items = models.get(REPLENISHMENT_ROLE)
        return cls(
            window=Window(**header["window"]),
            roles=Roles(**loaded),
            money=Money(**header["money"]),
            rfm=RFM.from_dict(header["rfm"]),
            typical=Typical.from_dict(header["typical"]),
            record=TrackRecord.from_dict(header["record"]),
            replenishment=Replenishment.from_dict(items) if items is not None else None,
            without_replenishment=header["without_replenishment"],
            levels=Levels.from_dict(header["levels"]) if "levels" in header else None,
            attributes=Attributes.from_dict(header["attributes"]) if "attributes" in header else Attributes(),
        )

    def _content(self) -> dict[str, Any]:
        window = self.fitted_window
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "window": {
                "cutoff": window.cutoff.isoformat(),
                "churn_horizon": window.churn_horizon,
                "ltv_horizon": window.ltv_horizon,
                # absent where there are none, so that bundles of earlier versions keep theirs
                **({"horizons": list(window.horizons)} if window.horizons else {}),
            },
            **({"levels": self.levels.to_dict()} if self.levels is not None else {}),
            **({"attributes": self.attributes.to_dict()} if self.attributes.names else {}),
            "money": vars(self.money).copy(),
            "rfm": self.rfm.to_dict(),
            "typical": self.typical.to_dict(),
            "record": self.record.to_dict(),
            "has_replenishment": self.replenishment is not None,
            "without_replenishment": self.without_replenishment,
            "models": {
                **{role: getattr(self.roles, role).to_dict() for role in ROLES},
                REPLENISHMENT_ROLE: self.replenishment.to_dict() if self.replenishment else None,
            },
        }

    def _check(self, summary: pd.DataFrame) -> None:
        missing = [name for name in self.summary_columns if name not in summary]
        if missing:
            raise DataContractError(
                f"rows to score: missing columns {missing}; expected {list(self.summary_columns)}.",
                hint="build the rows with ltvml.customer_summary, from orders with the columns that the fit had "
                "(product, category, channel, quantity, ...), and the attributes.customers of the fit.",
            )
        if len(summary) and (earliest := int(summary["cutoff_day"].min())) < self.window.cutoff_day:
            raise DataContractError(
                f"found rows summarised {self.window.cutoff_day - earliest} days before the bundle's cutoff "
                f"{self.window.cutoff}; expected that day or later, because the models were fitted on later orders.",
                hint="score at the bundle's cutoff or later, or fit at the earlier one.",
            )


def _check_format(header: Mapping[str, Any], folder: Path) -> None:
    """Refuse a header of another program, or of a release to come."""
    version = header.get("format_version")
    if header.get("format") != FORMAT or not isinstance(version, int):
        raise BundleError(
            f"{folder / BUNDLE_FILE} is of format {header.get('format')!r}, version {version!r}; expected {FORMAT!r}.",
            hint="name the bundle folder that `ltvml fit` wrote, for example out/bundle.",
        )
    if version != FORMAT_VERSION:
        newer = version > FORMAT_VERSION
        raise BundleError(
            f"the bundle in {folder} is of format version {version}; expected {FORMAT_VERSION}.",
            hint="it was written by a newer ltvml: upgrade, or fit again."
            if newer
            else "fit again: the bundle was written before the first release.",
        )


def _changed_in(folder: Path) -> str:
    """The files that are not as the fit wrote them; empty where there is no manifest, as in a fetched bundle."""
    manifest = manifest_of(folder)
    names = [name for name in manifest.get("files", {}) if name.endswith(".json")]
    changed = [str(folder / fault.partition(" ")[0]) for fault in changed_files(folder, manifest, names)]
    return " and ".join(changed)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(
            f"{path.parent} holds no {path.name}; expected a folder that `ltvml fit` wrote.",
            hint="name the bundle folder, for example out/bundle.",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read as JSON: {error}.", hint=RESTORE) from error
    if not isinstance(values, dict):
        raise BundleError(f"{path} holds {type(values).__name__}; expected an object.", hint=RESTORE)
    return values

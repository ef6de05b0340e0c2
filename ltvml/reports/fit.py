"""What a fit reports: in words, as plain values, and to the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, cast

import pandas as pd

from ltvml.contracts import ATTRIBUTES
from ltvml.models.purchase.in_operational_time import InOperationalTime
from ltvml.models.repurchase.dated import Dated
from ltvml.models.value.stretched import Stretched
from ltvml.outputs.champion import Standing
from ltvml.plots import figures as plots
from ltvml.reports.kinds import differing_groups, kind_title, kind_words
from ltvml.reports.purchase_plots import held_out_plots, purchase_plots
from ltvml.reports.recording import NOT_KEPT, Recorded
from ltvml.window import date_of
from ltvml.words.display import Shown
from ltvml.words.text import fields, first_sentence, known, number, paragraph, place, sentence, times

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from ltvml.backtesting.history import History
    from ltvml.bundle.bundle import Bundle
    from ltvml.inputs.orders import Intake
    from ltvml.models.base import Model


@dataclass(frozen=True, repr=False)
class FitReport(Shown):
    """What a fit found and wrote.

    Parameters
    ----------
    folder : Path
        The bundle's folder.
    bundle : Bundle
    intake : Intake
    settings : dict
        What shaped the fit: the configuration without the place of the data.
    plots : tuple of Path
    recorded : Recorded
    seconds : dict of str to float
        Wall-clock time by step.
    notes : tuple of str
        What is odd about the items of the orders, with counts.
    gaps : tuple of str
        How long until items are bought again, as a sentence.
    of_attributes : tuple of str
        Which attributes of customers are read, and which are without a use.
    attributes : frame of `contracts.ATTRIBUTES`
        What each attribute of the customers goes with; without rows where there is none.
    standing : Standing
        Which model of the folder serves now: a later fit waits for its promotion.
    brief : bool
        Whether the text has the first sentences of the first notes alone, and where the rest is.
    """

    folder: Path
    bundle: Bundle
    intake: Intake
    settings: dict[str, Any]
    plots: tuple[Path, ...]
    recorded: Recorded = field(default_factory=Recorded)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    of_attributes: tuple[str, ...] = ()
    attributes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(ATTRIBUTES.names)))
    standing: Standing = field(default_factory=Standing)
    brief: bool = False

    def summary(self) -> pd.DataFrame:
        """Parameters of the fitted closed forms.

        Returns
        -------
        (k, 12) frame
            See `table_of_parameters`.
        """
        return table_of_parameters(self.bundle)

    def in_memory(self) -> Self:
        """The same result without its folder."""
        return replace(self, folder=NOT_KEPT, plots=(), standing=Standing())

    @property
    def messages(self) -> list[str]:
        """What is odd about the items and the fits, in words."""
        of_models = (message for _, model in fitted(self.bundle) for message in model.diagnosis_.messages)
        said = [*self.notes, *self.of_attributes, *kind_words(self.bundle), *of_models]
        return list(dict.fromkeys(map(sentence, said)))

    @property
    def ranked_notes(self) -> list[str]:
        """Every note as a sentence: what is withheld, what is odd about the data, what was chosen, and the rest."""
        of_models = [model.diagnosis_ for _, model in fitted(self.bundle)]
        withheld = [message for diagnosis in of_models if diagnosis.withheld for message in diagnosis.messages]
        odd = [message for diagnosis in of_models for message in diagnosis.messages]
        chosen = [*self.bundle.record.words, *kind_words(self.bundle), *item_words(self.bundle)]
        ranked = [*withheld, *self.notes, *odd, *chosen, *self.of_attributes, *self.gaps]
        return list(dict.fromkeys(map(sentence, ranked)))

    def _notes(self) -> list[str]:
        """The notes to print: all, or the beginnings of the first ones and where the rest is."""
        notes = self.ranked_notes
        shown = [first_sentence(note) for note in notes[:MOST_NOTES]]
        if not self.brief or shown == notes:
            return notes
        count = f"Notes shown: {len(shown)} of {len(notes)}"
        return [*shown, f"{count}. In full: {place(self.folder / NOTES_FILE)}, or ltvml fit --verbose."]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "folder": str(self.folder),
            "version": self.bundle.version,
            "customers": self.intake.customers,
            "standing": self.standing.to_dict(),
            **known(self._found()),
            "plots": [str(plot) for plot in self.plots],
            "tracking": self.recorded.to_dict(),
            "seconds": self.seconds,
        }

    def tracked(self) -> dict[str, Any]:
        """What the tracker keeps."""
        return {
            **self._found(),
            "ledger": self.intake.row_counts,
            "settings": self.settings,
            "metrics": {"customers": self.intake.customers},
            "past": self.past(),
            "seconds": self.seconds,
            "plots": self.plots,
            "bundle": self.folder,
            "bundle_version": self.bundle.version,
            "serves": not self.standing.waits,
        }

    def past(self) -> dict[str, dict[str, dict[str, float]]]:
        """Measures of the served models by role, measure and past cutoff; coverage is that of the whole backtest."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        record, cutoff = self.bundle.record, self.bundle.fitted_window.cutoff.isoformat()
        for one in record.promises:
            of_role = found.setdefault(one.role, {})
            for name, value in (*one.measures.items(), ("log_level", one.log_level)):
                of_role.setdefault(name, {})[date_of(one.origin).isoformat()] = value
        if record.covered is not None:
            found.setdefault("value", {})["coverage"] = {cutoff: record.covered}
        if record.dates.covered is not None:
            found["date"] = {"coverage": {cutoff: record.dates.covered}}
        return found

    def text(self) -> str:
        """In words, within 80 columns."""
        places = [*self.places(), *self.recorded.lines(), ("took", times(self.seconds))]
        return f"{self.intake.ledger}\n\n{fields([*self.findings(), *places])}"

    def findings(self) -> list[tuple[str, str]]:
        """Names and values of what was found."""
        window = self.bundle.window
        return [
            ("customers", f"{self.intake.customers:,}, seen up to {window.cutoff}"),
            ("horizons", f"churn {window.churn_horizon} days, value {window.ltv_horizon} days"),
            *((role, _model_line(model)) for role, model in fitted(self.bundle) if role != "replenishment"),
            ("replenishment", replenishment_line(self.bundle)),
            *(("note", note) for note in self._notes()),
        ]

    def places(self) -> list[tuple[str, str]]:
        """Names and values of what was written."""
        plots = [("plots", place(plot)) for plot in self.plots]
        serving = [("serving", self.standing.words)] if self.standing.champion else []
        return [("bundle", f"{place(self.folder)} (version {self.bundle.version})"), *serving, *plots]

    def _found(self) -> dict[str, Any]:
        window = self.bundle.window
        return {
            "window": {
                "cutoff": window.cutoff.isoformat(),
                "churn_horizon": window.churn_horizon,
                "ltv_horizon": window.ltv_horizon,
            },
            "models": {role: _model_facts(model) for role, model in fitted(self.bundle)},
            "messages": self.messages,
            "ledger": self.intake.ledger.to_dict(),
            "attributes": self.attributes.to_dict("records"),
            "record": [sentence(words) for words in (*self.bundle.record.words, *item_words(self.bundle))],
            "without_replenishment": self.bundle.without_replenishment,
            "fingerprint": {"lines": self.intake.fingerprint},
        }


MOST_NOTES = 6
NOTES_FILE = "notes.txt"
PARAMETERS_FILE = "parameters.csv"
GROUPS_FILE = "groups.csv"


def table_of_parameters(bundle: Bundle) -> pd.DataFrame:
    """Parameters of the closed forms of a bundle.

    Returns
    -------
    (k, 12) frame, indexed by parameter
        role, model, the columns of `Model.summary`, and of the fit as a whole log_likelihood, n, aic and bic; roles
        without parameters have no row.
    """
    columns = ["role", "model", "estimate", "standard_error", "z", "p", "lower", "upper"]
    of_fit = ["log_likelihood", "n", "aic", "bic"]
    parts = []
    for role, model in fitted(bundle):
        if role in ("purchase", "spend") and getattr(model, "params_", None):
            table = model.summary()
            known = {name: table.attrs.pop(name, float("nan")) for name in (*of_fit, "parameters")}
            parts.append(table.assign(role=role, model=title(model), **{name: known[name] for name in of_fit}))
    return pd.concat(parts)[columns + of_fit] if parts else pd.DataFrame(columns=columns + of_fit)


def save_notes(staging: Path, report: FitReport) -> None:
    """All notes in full, one a paragraph."""
    text = "\n\n".join(map(paragraph, report.ranked_notes))
    (staging / NOTES_FILE).write_text(f"{text}\n", encoding="utf-8")


def save_parameters(staging: Path, bundle: Bundle) -> None:
    """The table of parameters, and, where a purchase model has groups, that of how they differ."""
    table_of_parameters(bundle).to_csv(staging / PARAMETERS_FILE)
    if (groups := differing_groups(bundle)) is not None:
        groups.to_csv(staging / GROUPS_FILE)


def fitted(bundle: Bundle) -> list[tuple[str, Model]]:
    """Role and model, each model once: one that answers for two roles is listed under the first."""
    roles = {role: getattr(bundle.roles, role) for role in ("purchase", "repurchase", "spend", "value")}
    first = {id(model): role for role, model in reversed(roles.items())}
    items = [("replenishment", bundle.replenishment.model)] if bundle.replenishment is not None else []
    return [*((role, model) for role, model in roles.items() if first[id(model)] == role), *items]


def replenishment_line(bundle: Bundle) -> str:
    """The model of replenishment and how many items have reminders, or why there is none."""
    if bundle.replenishment is None:
        return f"not fitted: {bundle.without_replenishment}"
    items = bundle.replenishment.items()
    reminded = int(items["reminded"].sum())
    return f"{_model_line(bundle.replenishment.model)}; reminders enabled for {reminded:,} of {len(items):,} items"


def item_words(bundle: Bundle) -> list[str]:
    """What the backtest found about replenishment."""
    return bundle.replenishment.words if bundle.replenishment is not None else []


def _model_facts(model: Model) -> dict[str, Any]:
    arguments = model.get_params(deep=False).items()
    params = {name: value for name, value in arguments if isinstance(value, str | int | float | bool)}
    return {
        "name": title(model),
        "params": params,
        "parameters": getattr(model, "params_", {}),
        "standard_errors": getattr(model, "standard_errors_", {}),
        "log_likelihood": getattr(model, "log_likelihood_", None),
        "messages": list(map(sentence, model.diagnosis_.messages)),
        "withheld": model.diagnosis_.withheld,
    }


def title(model: Model) -> str:
    """Name of a model; one that is made of another is named for what it holds."""
    if isinstance(model, Dated):
        return f"{title(model.model_)}, dates by {model.dates_.name}"
    if isinstance(model, Stretched):
        apart = f", spread apart by {model.exponent:.2f}" if model.exponent > 1 else ""
        return f"{model.ranking.name}{apart}"
    if not isinstance(model, InOperationalTime):
        return kind_title(model)
    return kind_title(model.model) if model.clock.plain else f"{kind_title(model.model)} in operational time"


def _model_line(model: Model) -> str:
    # the fitted median counts those who have not come back yet; a note says what was observed
    shown = {name: value for name, value in getattr(model, "params_", {}).items() if name != "median_gap"}
    parameters = ", ".join(f"{name} {number(value)}" for name, value in shown.items())
    return f"{title(model)}{f' ({parameters})' if parameters else ''}"


FEWEST_CUSTOMERS = 20


def save_fit_plots(folder: Path, bundle: Bundle, history: History, *, language: str = "en") -> tuple[Path, ...]:
    """Write the plots that the data allow; returns their paths.

    Parameters
    ----------
    folder : Path
    bundle : Bundle
    history : History
    language : str
    """
    figures, patterns = dict[str, "Axes"](), history.patterns(history.cutoff_day)
    if patterns["count"].sum() >= FEWEST_CUSTOMERS and (patterns["frequency"] > 0).any():
        purchase = cast("InOperationalTime", bundle.roles.purchase)
        figures = purchase_plots(purchase, history.intake, patterns, language=language)
        figures |= held_out_plots(history, language=language)
    if (season := bundle.record.season).source != "off":
        figures["season"] = plots.season_curve(season.index, words=season.reason, language=language)
    for name, figure in figures.items():
        plots.save(figure, folder / f"{name}.png")
    return tuple(folder / f"{name}.png" for name in figures)

"""What counting cohorts reports: in words and as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ltvml.economics.levers import effects, one_point_more
from ltvml.reports.recording import NOT_KEPT
from ltvml.words.display import Shown
from ltvml.words.spoken import Spoken
from ltvml.words.text import fields, known, number, paragraph, percent, place, sentence, table, times

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

    from ltvml.bundle.bundle import Bundle
    from ltvml.economics.levers import Levers
    from ltvml.economics.lifetimes import Lifetimes
    from ltvml.economics.plain_value import PlainValue
    from ltvml.economics.referrals import Referrals
    from ltvml.inputs.orders import Intake
    from ltvml.inputs.tables.costs import Costs
    from ltvml.window import CalendarPeriod

SHOWN, AGES = 13, (1, 2, 3, 6, 12)


@dataclass(frozen=True)
class Change:
    """Repeat revenue of a span against the span before it.

    Parameters
    ----------
    span : int
        Days of each.
    before, after : Levers
    """

    span: int
    before: Levers
    after: Levers

    @property
    def effects(self) -> dict[str, float]:
        """What each factor did; they add up to the change."""
        return effects(self.before, self.after)


@dataclass(frozen=True, repr=False)
class CohortReport(Shown):
    """What cohorts show.

    Parameters
    ----------
    folder : Path
    intake : Intake
    bundle : Bundle or None
        None where nothing was fitted: then nothing is predicted.
    cohorts, periods : frame
        Rows of `contracts.COHORTS` and `contracts.COHORT_PERIODS`.
    plain : PlainValue
        The formulas that brands use, over the last year.
    lifetimes : Lifetimes
        First to last purchase, as observed.
    changes : Change or None
        None where the orders are too short for two spans.
    costs : Costs
    referrals : Referrals or None
        None where no column says who referred whom, or nothing was fitted.
    by : {"week", "month", "quarter"}
    acquisition : frame
        Rows of `contracts.ACQUISITION`; empty where the orders know no way to come.
    experience : frame
        Rows of `contracts.FIRST_EXPERIENCE`; empty where the orders tell nothing of how they went.
    levels : frame
        Rows of `contracts.COHORT_LEVELS`; empty where `cohorts.attributes` names none.
    fewest : int
        Customers below which figures are not shown.
    total : tuple of float, optional
        Predicted value of all customers, 10 and 90 % quantile; None where nothing was fitted.
    predicted : Levers, optional
        Predicted value of today's customers as a product of factors; None where nothing was fitted.
    notes : tuple of str
    language : str
    currency : str or None
    seconds : dict of str to float
    """

    folder: Path
    intake: Intake
    bundle: Bundle | None
    cohorts: pd.DataFrame
    periods: pd.DataFrame
    plain: PlainValue
    lifetimes: Lifetimes
    changes: Change | None
    costs: Costs
    referrals: Referrals | None
    by: CalendarPeriod
    acquisition: pd.DataFrame
    experience: pd.DataFrame
    levels: pd.DataFrame
    fewest: int = 1
    total: tuple[float, float, float] | None = None
    predicted: Levers | None = None
    notes: tuple[str, ...] = ()
    language: str = "en"
    currency: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(map(sentence, self.notes)))

    @property
    def horizon(self) -> int:
        """Days ahead over which value is predicted."""
        return self.intake.window.ltv_horizon

    def in_memory(self) -> Self:
        """The same result without its folder."""
        return replace(self, folder=NOT_KEPT)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rows = self.cohorts.assign(from_date=self.cohorts["from_date"].astype(str))
        change = self.changes
        values = {
            "folder": str(self.folder),
            "cutoff": self.intake.window.cutoff.isoformat(),
            "model_version": self.bundle.version if self.bundle is not None else None,
            "by": self.by,
            "cohorts": rows.to_dict("records"),
            "acquisition": self.acquisition.to_dict("records"),
            "levels": self.pooled_levels().to_dict("records"),
            "first_experience": self.experience.to_dict("records"),
            "plain": {
                **asdict(self.plain),
                "customer_value": self.plain.customer_value,
                "lifetime_value": self.plain.lifetime_value,
            },
            "lifetime": {
                "mean_days": self.lifetimes.mean,
                "longest_days": self.lifetimes.longest,
                "customers": self.lifetimes.customers,
                "lapsed": self.lifetimes.lapsed,
            },
            "change": None
            if change is None
            else {
                "days": change.span,
                "before": {**asdict(change.before), "revenue": change.before.revenue},
                "after": {**asdict(change.after), "revenue": change.after.revenue},
                "effects": change.effects,
                "one_point_more": one_point_more(change.after),
            },
            "predicted": None
            if self.predicted is None
            else {
                "days": self.horizon,
                **asdict(self.predicted),
                "value": self.predicted.revenue,
                "one_point_more": one_point_more(self.predicted),
            },
            "referrals": self._referrals(),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }
        return dict(known(values))

    def text(self) -> str:
        """In words, within 80 columns."""
        caption = paragraph(self._words("cohorts.caption", nth="n", period=self._words(f"cohorts.name.{self.by}")))
        levels = "".join(f"{part}\n\n" for part in self.levels_text())
        return f"{self.rows_text()}\n\n{levels}{caption}\n\n{fields(self.findings())}"

    def pooled_levels(self) -> pd.DataFrame:
        """One row a level: its cohorts together, each age over those whose period of that age had closed.

        Returns
        -------
        frame
            `attribute`, `level`, `customers`, `margin_per_customer` up to the cutoff, and `retention_<age>` for each of
            `AGES`. Cohorts without figures count as customers alone.
        """
        rows: list[dict[str, Any]] = []
        for (attribute, level), part in self.levels.groupby(["attribute", "level"], sort=False):
            shown = part[part["revenue"].notna()]
            row = {"attribute": attribute, "level": level}
            row["customers"] = int(part[part["age"] == 0]["customers"].sum())
            latest = shown.drop_duplicates("cohort", keep="last")
            brought = (latest["cumulative_margin_per_customer"] * latest["customers"]).sum()
            row["margin_per_customer"] = brought / latest["customers"].sum() if len(latest) else np.nan
            for age in AGES:
                closed = shown[(shown["age"] == age) & shown["closed"]]
                seen = closed["customers"].sum()
                row[f"retention_{age}"] = closed["active_customers"].sum() / seen if seen else np.nan
            rows.append(row)
        names = ("attribute", "level", "customers", "margin_per_customer", *(f"retention_{age}" for age in AGES))
        return pd.DataFrame(rows, columns=list(names))

    def levels_text(self) -> list[str]:
        """A table of its levels for each attribute."""
        words, found = self._words, self.pooled_levels()
        header = (words("cohorts.customers"), *(f"+{age}" for age in AGES), words("cohorts.so_far"))
        return [
            table((str(attribute), *header), [_level_row(row) for row in part.to_dict("records")], left=1)
            for attribute, part in found.groupby("attribute", sort=False)
        ]

    def level_counts(self) -> list[str]:
        """How many customers of each attribute are in cohorts without figures; a sentence where there are some."""
        first = self.levels[self.levels["age"] == 0]
        hidden = first["customers"].where(first["revenue"].isna(), 0).groupby(first["attribute"], sort=False).sum()
        setting = {"fewest": str(self.fewest), "setting": "cohorts.fewest"}
        return [
            self._words("cohorts.level_counts", attribute=str(name), customers=f"{int(customers):,}", **setting)
            for name, customers in hidden.items()
            if customers
        ]

    def rows_text(self) -> str:
        """The latest cohorts as a table: who came back, what a customer brought and will bring."""
        words = self._words
        ages = [age for age in AGES if age < self.periods["age"].max() + 1]
        header = (
            words(f"cohorts.{self.by}"),
            words("cohorts.customers"),
            words("cohorts.again"),
            *(f"+{age}" for age in ages),
            words("cohorts.so_far"),
            words("cohorts.to_come"),
        )
        closed = self.periods[self.periods["closed"]]
        shares = closed.pivot(index="cohort", columns="age", values="retention")
        rows = []
        for row in self.cohorts.tail(SHOWN).to_dict("records"):
            own = [shares[age].get(row["cohort"], np.nan) if age in shares else np.nan for age in ages]
            rows.append(
                (
                    row["cohort"],
                    f"{row['customers']:,}",
                    _share(row["repeat_rate"]),
                    *map(_share, own),
                    _amount(row["margin_per_customer"]),
                    _amount(row["predicted_value"] / row["customers"]),
                )
            )
        return table(header, rows, left=1)

    def findings(self) -> list[tuple[str, str]]:
        """Names and values of what was found."""
        words = self._words
        return [
            (words("label.plain"), self._plain()),
            (words("label.lifetime"), self._lifetime()),
            *((words("label.change"), line) for line in self._change()),
            *((words("label.levers"), line) for line in self.levers_text()),
            *((words("label.experience"), line) for line in self.experience_text()),
            *((words("label.cost"), line) for line in self._cost()),
            *((words("label.referrals"), line) for line in self._referred()),
            *((words("label.note"), note) for note in (*self.level_counts(), *self.notes)),
            (words("label.cohorts"), place(self.folder)),
            (words("label.took"), times(self.seconds)),
        ]

    def _plain(self) -> str:
        words, plain = self._words, self.plain
        return words(
            "cohorts.plain",
            order_value=words.one(words.money, plain.order_value),
            orders=number(plain.orders_per_year),
            years=number(plain.lifetime),
            value=words.one(words.money, plain.lifetime_value),
        )

    def _lifetime(self) -> str:
        words, found = self._words, self.lifetimes
        return words(
            "cohorts.lifetime",
            days=words.one(words.days, round(found.mean)),
            longest=words.one(words.days, round(found.longest)),
            lapsed=f"{found.lapsed:,}",
            customers=f"{found.customers:,}",
            silence=words.one(words.days, self.intake.window.churn_horizon),
        )

    def _change(self) -> list[str]:
        words, change = self._words, self.changes
        if change is None:
            return [words("cohorts.too_short")]
        money = {name: words.one(words.money, value) for name, value in change.effects.items()}
        more = {name: words.one(words.money, value) for name, value in one_point_more(change.after).items()}
        return [
            words(
                "cohorts.change",
                days=words.one(words.days, change.span),
                before=words.one(words.money, change.before.revenue),
                after=words.one(words.money, change.after.revenue),
                **money,
            ),
            words("cohorts.more", **more),
        ]

    def levers_text(self) -> list[str]:
        """What is predicted of today's customers, and what one point more of each factor would bring."""
        words, found = self._words, self.predicted
        if found is None or self.bundle is None or np.isnan(found.revenue):
            return []
        more = one_point_more(found)
        return [
            words(
                "cohorts.predicted",
                customers=f"{round(found.customers):,}",
                retention=percent(found.retention),
                days=words.one(words.days, self.horizon),
                cutoff=str(self.intake.window.cutoff),
                model=self.bundle.version,
                orders=number(found.orders),
                order_value=words.one(words.money, found.order_value),
                value=words.one(words.money, found.revenue),
                more=words.one(words.money, more["retention"]),
                one=words.one(words.money, more["customers"]),
            )
        ]

    def experience_text(self) -> list[str]:
        """Who ordered again after a bad first experience and a good one, a sentence a signal."""
        words, said = self._words, []
        for row in self.experience.to_dict("records"):
            bad = words(f"cohorts.experience.{row['signal']}", **_named(row))
            days = {"first": str(row["from_day"]), "last": str(row["to_day"])}
            if np.isnan(row["difference"]):
                fewest = {"fewest": str(self.fewest), "setting": "cohorts.fewest"}
                said.append(words("cohorts.experience.few", bad=bad, **fewest, **days))
                continue
            rates = {f"rate_{group}": percent(row[f"retention_{group}"]) for group in ("bad", "good")}
            ends = {"low": _points(row["difference_lo"]), "high": _points(row["difference_hi"])}
            counts = {"customers": f"{row['customers_bad']:,}"}
            counts["all"] = f"{row['customers_bad'] + row['customers_good']:,}"
            difference = words("cohorts.points", points=_points(row["difference"]))
            said.append(words("cohorts.experience", bad=bad, difference=difference, **rates, **ends, **counts, **days))
        return said

    def _cost(self) -> list[str]:
        words, rows = self._words, self.cohorts[self.cohorts["acquisition_cost"].notna()]
        if not len(rows):
            return []
        cost, brought = float(rows["acquisition_cost"].sum()), rows["lifetime_value_per_customer"] * rows["customers"]
        return [
            words(
                "cohorts.cost",
                cohorts=f"{len(rows):,}",
                cost=words.one(words.money, cost),
                ratio=number(float(brought.sum()) / cost) if cost else words("unknown"),
                paid=f"{int(rows['payback_periods'].notna().sum()):,}",
            )
        ]

    def _referred(self) -> list[str]:
        found = self.referrals
        if found is None:
            return []
        return [
            self._words(
                "cohorts.referred",
                referred=f"{found.referred:,}",
                advocates=f"{len(found.table):,}",
                unknown=f"{found.unknown:,}",
                circles=f"{found.circles:,}",
            )
        ]

    def _referrals(self) -> dict[str, Any] | None:
        found = self.referrals
        if found is None:
            return None
        counts = {"referred": found.referred, "unknown": found.unknown, "circles": found.circles}
        return {**counts, "advocates": len(found.table)}

    @property
    def _words(self) -> Spoken:
        return Spoken.of(self.language, self.currency)


def _level_row(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    shares = (_share(row[f"retention_{age}"]) for age in AGES)
    return (str(row["level"]), f"{row['customers']:,}", *shares, _amount(row["margin_per_customer"]))


def _named(row: Mapping[Hashable, Any]) -> dict[str, str]:
    return {"limit": number(row["limit"])} if row["signal"] == "rating" else {}


def _points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}"


def _share(share: float) -> str:
    return "" if np.isnan(share) else percent(share)


def _amount(value: float) -> str:
    return "" if np.isnan(value) else number(value)

"""What stands in each section of the page, from what was counted, fitted, scored and planned."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ltvml.economics.levers import one_point_more
from ltvml.plots import figures as plots
from ltvml.plots.cohorts import cohort_map, time_to_second_order, value_curves
from ltvml.plots.outreach import ladder_plot
from ltvml.reports.page.render import Headline
from ltvml.reports.page.section import Rows, Section, drawn, embedded
from ltvml.reports.purchase_plots import purchase_plots
from ltvml.words.text import number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from ltvml.models.purchase.in_operational_time import InOperationalTime
    from ltvml.outreach.customers.ladder import Ladder
    from ltvml.reports.cohorts import CohortReport
    from ltvml.words.spoken import Spoken

TIERS = (0.01, 0.05, 0.10, 0.25, 0.50)
LATEST, MOST_LISTED = 13, 20
TAKEN = ("churn_reliability", "churn_leaderboard", "value_gain", "value_deciles", "value_leaderboard")
ITEMS = ("replenishment_items",)


@dataclass(frozen=True, eq=False)
class Found:
    """Everything that a page may show; None for what was not made.

    Parameters
    ----------
    cohorts : CohortReport
        Counted for the page, with the intake and the bundle.
    patterns : frame
        frequency, recency, T, count.
    ladder : Ladder
    scores, plan : frame or None
        Rows of `contracts.CUSTOMER_SCORES` and `contracts.OUTREACH`, of this cutoff.
    pictures : dict of str to Path
        Pictures of a backtest and of a fit, by name.
    words : Spoken
    language : str
    show_customers : bool
    """

    cohorts: CohortReport
    patterns: pd.DataFrame
    ladder: Ladder
    scores: pd.DataFrame | None
    plan: pd.DataFrame | None
    pictures: dict[str, Path]
    words: Spoken
    language: str
    show_customers: bool = False


def sections_of(found: Found) -> list[Section]:
    """The sections in the order of the page."""
    made = [make(found) for make in SECTIONS]
    return [replace(section, says=tuple(map(sentence, section.says))) for section in made]


def headlines_of(found: Found) -> list[Headline]:
    """The figures at the top."""
    words, report = found.words, found.cohorts
    change, cutoff = report.changes, report.intake.window.cutoff
    count = f"{report.intake.customers:,}"
    heads = [Headline(words("label.customers"), count, words("page.until", date=str(cutoff)))]
    if change is not None:
        moved = change.after.revenue / change.before.revenue - 1 if change.before.revenue else np.nan
        days = words.one(words.days, change.span)
        more = words("page.moved", change=f"{100 * moved:+.0f} %", days=days) if np.isfinite(moved) else days
        heads.append(Headline(words("label.change"), words.one(words.money, change.after.revenue), more))
        before = words("page.before", value=percent(change.before.retention))
        heads.append(Headline(words("page.retention"), percent(change.after.retention), before))
    total = report.total
    if total is not None:
        low, high = (words.one(words.money, value) for value in total[1:])
        horizon = words.one(words.days, report.horizon)
        interval = words("page.interval", low=low, high=high, days=horizon)
        heads.append(Headline(words("label.ltv"), words.one(words.money, total[0]), interval))
    return heads


def what_moved(found: Found) -> Section:
    """Repeat revenue by its levers, and the plain formulas."""
    words, report = found.words, found.cohorts
    change = report.changes
    tables: tuple[Rows, ...] = ()
    if change is not None:
        more, before, after = one_point_more(change.after), asdict(change.before), asdict(change.after)
        say: dict[str, Callable[[float], str]] = {
            "customers": lambda value: f"{value:,.0f}",
            "retention": lambda value: percent(value, 1),
            "orders": number,
            "order_value": lambda value: words.one(words.money, value),
        }
        rows = tuple(
            (
                words(f"page.lever.{name}"),
                shown(before[name]),
                shown(after[name]),
                *(words.one(words.money, money[name]) for money in (change.effects, more)),
            )
            for name, shown in say.items()
        )
        header = tuple(words(f"page.lever.{name}") for name in ("factor", "before", "after", "effect", "more"))
        tables = (Rows(words("page.levers"), header, rows),)
    lines = [text for name, text in report.findings() if name in (words("label.change"), words("label.plain"))]
    return Section("moved", words("page.moved.title"), tuple(lines), tables=tables, reading=words("page.moved.read"))


def ladder_section(found: Found) -> Section:
    """Who bought again after the n-th order."""
    words, ladder = found.words, found.ladder
    title = words("page.ladder.title")
    if not len(ladder.share):
        return Section("ladder", title, lacks=words("page.ladder.none", days=words.one(words.days, ladder.within)))
    table = ladder.table()
    header = tuple(words(f"page.ladder.{name}") for name in ("n", "customers", "again", "interval"))
    rows = tuple(
        (
            str(row["n"]),
            f"{row['observed']:,}",
            percent(row["share"]),
            f"{percent(row['lo'])} - {percent(row['hi'])}",
        )
        for row in table.to_dict("records")
    )
    figure = drawn(ladder_plot(ladder, language=found.language), "ladder", words("page.picture.ladder"))
    return Section(
        "ladder",
        title,
        pictures=(figure,),
        tables=(Rows(title, header, rows, True),),
        reading=words("page.ladder.read"),
    )


def cohort_section(found: Found) -> Section:
    """Retention and value by the period of the first order."""
    words, report = found.words, found.cohorts
    pictures = (
        drawn(cohort_map(report, language=found.language), "retention", words("page.cohorts.map")),
        drawn(value_curves(report, language=found.language), "curves", words("page.cohorts.curves")),
        drawn(time_to_second_order(report, language=found.language), "second", words("page.cohorts.second")),
    )
    header = tuple(words(f"page.cohorts.{name}") for name in COHORT_COLUMNS)
    rows = tuple(
        tuple(_cell(row[name], name, words) for name in COHORT_COLUMNS) for row in report.cohorts.to_dict("records")
    )
    kept = tuple(words(f"label.{name}") for name in ("lifetime", "levers", "experience", "cost", "referrals", "note"))
    says = tuple(text for name, text in report.findings() if name in kept)
    table = Rows(words("page.cohorts.table"), header, rows, behind=len(rows) > LATEST)
    tables = (table, *level_tables(found))
    return Section("cohorts", words("page.cohorts.title"), says, pictures, tables, reading=words("page.cohorts.read"))


def level_tables(found: Found) -> tuple[Rows, ...]:
    """Cohorts by each attribute of `cohorts.attributes`: a line a level, all its cohorts together."""
    words, levels = found.words, found.cohorts.pooled_levels()
    ages = [name for name in map(str, levels) if name.startswith("retention_")]
    later = (f"+{name.removeprefix('retention_')}" for name in ages)
    header = (words("page.cohorts.customers"), *later, words("page.cohorts.revenue_per_customer"))
    return tuple(
        Rows(
            words("page.cohorts.ways", attribute=str(attribute)),
            (str(attribute), *header),
            tuple(
                (
                    str(row["level"]),
                    f"{row['customers']:,}",
                    *("-" if np.isnan(row[name]) else percent(row[name]) for name in ages),
                    "-" if np.isnan(row["margin_per_customer"]) else words.one(words.money, row["margin_per_customer"]),
                )
                for row in part.to_dict("records")
            ),
        )
        for attribute, part in levels.groupby("attribute", sort=False)
    )


COHORT_COLUMNS = (
    "cohort",
    "customers",
    "repeat_rate",
    "revenue_per_customer",
    "predicted_value",
    "predicted_value_lo",
    "predicted_value_hi",
    "value_to_cost",
    "break_even_probability",
)
_SHARES = ("repeat_rate", "break_even_probability")


def _cell(value: Any, name: str, words: Spoken) -> str:
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return "-"
    if name == "customers":
        return f"{value:,}"
    if name == "value_to_cost":
        return number(value)
    return percent(value) if name in _SHARES else words.one(words.money, value)


def model_section(found: Found) -> Section:
    """How far to trust the models: what past cutoffs said, and expected against actual orders."""
    words, bundle, intake = found.words, found.cohorts.bundle, found.cohorts.intake
    title = words("page.models.title")
    if bundle is None:
        return Section("models", title, lacks=words("page.models.none", command="ltvml fit"))
    made = purchase_plots(
        cast("InOperationalTime", bundle.roles.purchase), intake, found.patterns, language=found.language
    )
    season = bundle.record.season
    if season.source != "off":
        made["season"] = plots.season_curve(season.index, language=found.language)
    pictures = [drawn(figure, name, words(f"page.picture.{name}")) for name, figure in made.items()]
    taken = [name for name in TAKEN if name in found.pictures]
    pictures += [embedded(found.pictures[name], words(f"page.picture.{name}")) for name in taken]
    header = tuple(words(f"page.models.{name}") for name in ("role", "model", "advantage", "error"))
    rows = tuple(
        (selection.role, one.candidate, f"{one.advantage:+.4f}", f"{one.standard_error:.4f}")
        for selection in bundle.record.selections
        for one in selection.comparisons
    )
    tables = (Rows(words("page.models.table"), header, rows, behind=True),) if rows else ()
    lacks = "" if taken else words("page.models.no_backtest", command="ltvml backtest")
    return Section(
        "models",
        title,
        tuple(bundle.record.words),
        tuple(pictures),
        tables,
        reading=words("page.models.read"),
        lacks=lacks,
    )


def value_section(found: Found) -> Section:
    """How the predicted value is spread: tiers by rank, and the segments of R, F and M."""
    words, scores = found.words, found.scores
    title = words("page.value.title")
    if scores is None:
        return Section("value", title, lacks=words("page.value.none", command="ltvml score"))
    value = np.sort(scores["predicted_ltv"].to_numpy(dtype=float))[::-1]
    total, held = value.sum(), np.cumsum(value)
    tiers = []
    for share in TIERS:
        n = max(round(share * len(value)), 1)
        mean = words.one(words.money, held[n - 1] / n)
        tiers.append((percent(share), f"{n:,}", percent(held[n - 1] / total) if total > 0 else "-", mean))
    header = tuple(words(f"page.value.{name}") for name in ("tier", "customers", "share", "mean"))
    tables = [Rows(words("page.value.tiers"), header, tuple(tiers))]
    if "rfm_segment" in scores:
        sums = scores.groupby("rfm_segment")["predicted_ltv"].agg(["size", "sum"]).sort_values("sum", ascending=False)
        segments = tuple(
            (words.name("rfm", str(name)), f"{row['size']:,.0f}", words.one(words.money, row["sum"]))
            for name, row in sums.iterrows()
        )
        names = tuple(words(f"page.value.{name}") for name in ("segment", "customers", "value"))
        tables.append(Rows(words("page.value.segments"), names, segments))
    tables += past_tiers(found)
    return Section("value", title, tables=tuple(tables), reading=words("page.value.read"))


def past_tiers(found: Found) -> list[Rows]:
    """What the top of the customers brought later, at past cutoffs; none without a backtest."""
    words, bundle = found.words, found.cohorts.bundle
    if bundle is None or not bundle.record.tiers:
        return []
    rows = tuple(
        (
            percent(tier.share),
            percent(tier.brought),
            percent(tier.naive),
            words.one(words.money, tier.predicted),
            words.one(words.money, tier.actual),
        )
        for tier in bundle.record.tiers
    )
    header = tuple(words(f"page.value.{name}") for name in ("tier", "brought", "naive", "predicted", "actual"))
    return [Rows(words("page.value.past", cutoffs=str(bundle.record.tiers[0].cutoffs)), header, rows)]


def items_section(found: Found) -> Section:
    """When the top items are bought again."""
    words = found.words
    title = words("page.items.title")
    taken = [name for name in ITEMS if name in found.pictures]
    if not taken:
        return Section("items", title, lacks=words("page.items.none"))
    pictures = tuple(embedded(found.pictures[name], words("page.picture.items")) for name in taken)
    return Section("items", title, pictures=pictures, reading=words("page.items.read"))


def plan_section(found: Found) -> Section:
    """Whom to contact, and where the list was cut."""
    words, plan = found.words, found.plan
    title = words("page.plan.title")
    if plan is None:
        return Section("plan", title, lacks=words("page.plan.none", command="ltvml outreach"))
    made = plan[plan["suppressed_by"].isna()]
    cut = float(made["expected_value"].min()) if len(made) else np.nan
    says = [words("page.plan.made", made=f"{len(made):,}", customers=f"{len(plan):,}")]
    if np.isfinite(cut):
        says.append(words("page.plan.cut", value=words.one(words.money, cut)))
    header = tuple(words(f"page.plan.{name}") for name in ("action", "contacts", "value"))
    by_action = made.groupby("action")["expected_value"].agg(["size", "sum"])
    actions = tuple(
        (words.name("action", str(name)), f"{row['size']:,.0f}", words.one(words.money, row["sum"]))
        for name, row in by_action.iterrows()
    )
    reasons = plan["suppressed_by"].dropna().value_counts()
    held = tuple((words.name("suppressed", str(name)), f"{count:,}") for name, count in reasons.items())
    tables = [
        Rows(words("page.plan.actions"), header, actions),
        Rows(words("page.plan.held"), tuple(words(f"page.plan.{name}") for name in ("why", "customers")), held),
    ]
    if found.show_customers:
        names = ("rank", "customer_id", "action", "due_date", "reason", "expected_value")
        listed = tuple(_contact(row, words) for row in made.head(MOST_LISTED).to_dict("records"))
        tables.append(Rows(words("page.plan.first"), tuple(words(f"page.plan.{name}") for name in names), listed))
    return Section("plan", title, tuple(says), tables=tuple(tables), reading=words("page.plan.read"))


def _contact(row: dict[Any, Any], words: Spoken) -> tuple[str, ...]:
    return (
        f"{row['rank']}",
        str(row["customer_id"]),
        words.name("action", str(row["action"])),
        str(row["due_date"])[:10],
        str(row["reason"]),
        words.one(words.money, row["expected_value"]),
    )


def ledger_section(found: Found) -> Section:
    """What became of every row."""
    words, ledger = found.words, found.cohorts.intake.ledger
    unit = float(10**ledger.decimals)
    header = tuple(words(f"page.ledger.{name}") for name in ("what", "rows", "money"))

    def money(amount: int | None) -> str:
        return "-" if amount is None else f"{amount / unit:,.2f}"

    rows = [
        (words("page.ledger.in"), f"{ledger.rows_in:,}", money(ledger.money_in)),
        (words("page.ledger.used"), f"{ledger.used:,}", money(ledger.money_used)),
    ]
    rows += [
        (name.replace("_", " "), f"{count:,}", money(ledger.money.get(name))) for name, count in ledger.reasons.items()
    ]
    table = Rows(words("page.ledger.title"), header, tuple(rows))
    return Section("ledger", words("page.ledger.title"), tables=(table,), reading=words("page.ledger.read"))


SECTIONS: tuple[Callable[[Found], Section], ...] = (
    what_moved,
    ladder_section,
    cohort_section,
    value_section,
    model_section,
    items_section,
    plan_section,
    ledger_section,
)

"""The report page: whole in itself, escaped, without names unless asked for, and there also where much is missing."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ltvml
from ltvml.datasets.simulate import simulate_transactions
from ltvml.errors import FitWarning
from ltvml.reports.page.render import Headline, page
from ltvml.reports.page.section import Rows, Section, drawn

CUTOFF = "2020-12-31"
NAMED = {"churn": "closed_form", "value": "purchase_times_spend"}
SECTIONS = ["moved", "ladder", "cohorts", "value", "models", "items", "plan", "ledger"]
WORDS = ("contents", "find", "sort")
LARGEST = 3_000_000
"""Bytes: what a mail server takes."""
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Reader(HTMLParser):
    """Counts what is open, and keeps what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.fetched += [given[name] for name in ("src", "href", "xlink:href") if given.get(name)]
        self.ids += [given["id"]] if given.get("id") else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A shop with a fit, scores and a plan of one cutoff in one folder."""
    folder = tmp_path_factory.mktemp("shop")
    ages = np.random.default_rng(4).integers(1, 730, 900)
    orders = simulate_transactions(900, T=ages, cutoff=CUTOFF, random_state=6, r=0.8, alpha=45, a=0.7, b=3.0)
    orders = orders.assign(customer_id="member-" + orders["customer_id"].astype(str))
    number = orders["customer_id"].str[-2:].astype(int)
    orders = orders.assign(channel=np.where(number % 2, "<b>web", "shop"), complaint=np.where(number % 5, "no", "yes"))
    orders.to_csv(folder / "orders.csv", index=False)
    given = {
        "transactions": {"source": str(folder / "orders.csv")},
        "window": {"cutoff": CUTOFF},
        "models": NAMED,
        "season": "off",
        "output": {"dir": str(folder / "out")},
        "tracking": {"backend": "none"},
        "cohorts": {"by": "quarter", "attributes": ["channel"]},
    }
    ltvml.fit(given)
    ltvml.score(given)
    ltvml.plan_outreach(given)
    return given


@pytest.fixture(scope="module", params=["en", "zh"])
def made(request, results):
    return ltvml.report({**results, "report": {"language": request.param}})


def test_every_section_is_there_and_the_page_is_well_formed(made):
    reader = read(made.html)
    assert [section.name for section in made.sections] == SECTIONS
    assert set(SECTIONS) <= set(reader.ids)
    assert len(made.html.encode()) < LARGEST
    assert (made.folder / "report.html").read_text(encoding="utf-8") == made.html


def scripts_of(html: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", html, re.DOTALL)


def test_cohorts_by_attribute_first_experience_and_levers_ahead_are_there(made):
    cohorts = next(section for section in made.sections if section.name == "cohorts")
    rows = next(table.rows for table in cohorts.tables if table.header[0] == "channel")
    assert {row[0] for row in rows} == {"<b>web", "shop"}
    assert sum(int(row[1].replace(",", "")) for row in rows) == 900
    said = " ".join(cohorts.says)
    row = made.cohorts.experience.iloc[0]
    for name in ("retention_bad", "retention_good"):
        assert f"{100 * row[name]:.0f} %" in said
    assert made.cohorts.bundle.version in said
    assert "&lt;b&gt;web" in made.html
    assert "<b>web" not in made.html


def test_nothing_is_fetched_and_only_the_pages_own_script_runs(made):
    fetched = read(made.html).fetched
    assert all(target.startswith(("#", "data:")) for target in fetched)
    (script,) = scripts_of(made.html)
    assert made.html.count("<script") == 1
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', made.html)
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    assert not re.search(r"url\((?!#)", made.html)


def test_ids_of_pictures_do_not_meet(made):
    ids = read(made.html).ids
    assert len(ids) == len(set(ids))


def test_every_picture_says_what_it_shows(made):
    figures = re.findall(r'<figure role="img" aria-label="([^"]*)"', made.html)
    assert len(figures) >= 5
    assert all(figures)


def test_no_customer_is_named_unless_asked_for(results, made):
    assert "member-" not in made.html
    named = ltvml.report({**results, "report": {"show_customers": True}}, out=made.folder.parent / "named")
    assert len(re.findall(r"<td>member-\d+</td>", named.html)) == 20


def test_the_same_orders_make_the_same_bytes(results, made):
    language = made.language
    again = ltvml.report({**results, "report": {"language": language}}, out=made.folder.parent / f"again-{language}")
    assert again.html == made.html


def test_a_page_of_orders_alone_names_what_is_missing(results, tmp_path):
    given = {**results, "output": {"dir": str(tmp_path / "new")}}
    found = ltvml.report(given)
    assert set(found.lacking) == {"value", "models", "items", "plan"}
    assert "ltvml fit" in found.lacking["models"]
    read(found.html)


def test_scores_of_another_model_are_not_shown(results, tmp_path):
    other = ltvml.fit(
        {**results, "output": {"dir": str(tmp_path / "other")}, "random_state": 1, "season": "auto"}
    ).bundle
    other = replace(other, money=replace(other.money, margin=0.5))
    assert "value" in ltvml.report(results, model=other, out=tmp_path / "page").lacking


def test_a_day_old_shop_has_a_page():
    orders = pd.DataFrame({"customer_id": ["a", "b"], "order_date": [CUTOFF, CUTOFF], "amount": [3.0, 4.0]})
    found = ltvml.report(orders, cutoff=CUTOFF)
    assert "ladder" in found.lacking
    read(found.html)


def test_a_shop_where_nobody_came_back_has_a_page():
    days = pd.date_range("2020-11-01", CUTOFF, periods=60).date
    orders = pd.DataFrame({"customer_id": [f"c{n}" for n in range(60)], "order_date": days, "amount": 5.0})
    with pytest.warns(FitWarning, match="left empty"):
        fitted = ltvml.fit(orders, cutoff=CUTOFF, fast=True)
    found = ltvml.report(orders, cutoff=CUTOFF, model=fitted)
    assert "models" in found.lacking
    read(found.html)


def test_what_comes_from_the_data_is_text():
    bad = "<script>alert(1)</script>"
    figure = Figure().add_subplot()
    figure.set_title(bad)
    section = Section(
        "s", bad, (bad,), (drawn(figure, "x", bad),), (Rows(bad, (bad,), ((bad,),)),), reading=bad, lacks=bad
    )
    html = page(
        [section], [Headline(bad, bad, bad)], title=bad, about=bad, words=dict.fromkeys(WORDS, bad), language="en"
    )
    assert html.count("<script") == 1
    assert "alert" not in scripts_of(html)[0]
    read(html)


def browser_flags(folder) -> list[str]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium: the page is not opened")
    return [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"]


ACTED = """
const table = document.querySelector("table"), heads = [...table.tHead.rows[0].cells];
const order = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join(",");
const seen = [];
for (let time = 0; time < 3; time += 1) { heads[1].querySelector("button").click(); seen.push(order()); }
heads[0].querySelector("button").click(); heads[0].querySelector("button").click(); seen.push(order());
const field = document.querySelector("input");
field.value = "A1"; field.dispatchEvent(new Event("input"));
seen.push([...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[0].textContent).join(","));
document.title = seen.join(" | ");
"""


@pytest.mark.slow
def test_tables_are_sorted_as_numbers_and_searched(made, tmp_path):
    (script,) = scripts_of(made.html)
    amounts = {"a10": "1,200 GBP", "a9": "84 GBP", "b": "-", "c": "-3 GBP"} | {
        f"z{n}": f"{n} GBP" for n in range(5, 13)
    }
    rows = "".join(f"<tr><td>{name}</td><td>{amount}</td></tr>" for name, amount in amounts.items())
    head = "<thead><tr><th>who</th><th>what</th></tr></thead>"
    table = f"<main><div><table><caption>c</caption>{head}<tbody>{rows}</tbody></table></div></main>"
    body = f'<body data-find="find" data-sort="sort">{table}<script>{script}</script><script>{ACTED}</script></body>'
    (tmp_path / "table.html").write_text(
        f'<!DOCTYPE html><html lang="en"><title>x</title>{body}</html>', encoding="utf-8"
    )
    command = [*browser_flags(tmp_path / "profile"), "--dump-dom", (tmp_path / "table.html").as_uri()]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    (title,) = re.findall(r"<title>(.*?)</title>", dumped)
    down, up, given, by_name, found = title.split(" | ")
    twelve_to_five = [f"z{n}" for n in range(12, 4, -1)]
    # what has no amount stands last both ways
    assert down.split(",") == ["a10", "a9", *twelve_to_five, "c", "b"]
    assert up.split(",") == ["c", *twelve_to_five[::-1], "a9", "a10", "b"]
    assert given.split(",") == list(amounts)
    assert by_name.split(",")[:2] == ["a9", "a10"]
    assert found == "a10"


@pytest.mark.slow
def test_a_browser_shows_it_without_an_error(made, tmp_path):
    address = (made.folder / "report.html").as_uri()
    flags = [*browser_flags(tmp_path), "--enable-logging=stderr"]
    dumped = subprocess.run(
        [*flags, "--v=0", "--dump-dom", address], capture_output=True, text=True, timeout=60, check=True
    )
    assert all(f'<section id="{name}">' in dumped.stdout for name in SECTIONS)
    assert "CONSOLE" not in dumped.stderr
    subprocess.run(
        [*flags, f"--print-to-pdf={tmp_path / 'page.pdf'}", address], capture_output=True, timeout=60, check=True
    )
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
